//! Columns in common units.
//!
//! In: rows as they are. Out: standardised values without gaps, and what they were standardised by.

use ndarray::{Array2, Axis, Zip};

use super::super::error::DecideError;
use super::Rows;

/// A column that varies.
#[derive(Debug)]
pub(super) struct Column {
    /// Its place among the rows' columns.
    pub(super) at: usize,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// Standardised rows.
#[derive(Debug)]
pub(super) struct Scaled {
    pub(super) columns: Vec<Column>,
    /// Shape: `[rows, columns]`.
    pub(super) values: Array2<f64>,
}

impl Scaled {
    pub(super) fn new(rows: &Rows) -> Result<Self, DecideError> {
        // Row by row: columns of a million rows do not stay in the cache.
        let mut sums = vec![(0.0, 0.0); rows.columns.len()];
        for (row, values) in rows.values.axis_iter(Axis(0)).enumerate() {
            for (at, (value, (count, sum))) in values.iter().zip(&mut sums).enumerate() {
                if value.is_infinite() {
                    let what = format!("`{}`", rows.columns[at]);
                    return Err(DecideError::NotANumber { what, row: row + 1, found: value.to_string() });
                }
                if !value.is_nan() {
                    *count += 1.0;
                    *sum += value;
                }
            }
        }
        let means: Vec<f64> = sums.iter().map(|(count, sum)| sum / count).collect();
        let mut squares = vec![0.0; means.len()];
        for values in rows.values.axis_iter(Axis(0)) {
            for ((value, mean), square) in values.iter().zip(&means).zip(&mut squares) {
                *square += if value.is_nan() { 0.0 } else { (value - mean) * (value - mean) };
            }
        }
        let mut columns = Vec::new();
        for (at, ((mean, square), (count, _))) in means.into_iter().zip(squares).zip(sums).enumerate() {
            let deviation = (square / count).sqrt();
            // What rounding alone leaves of a constant.
            if deviation > mean.abs() * 1e-9 {
                columns.push(Column { at, mean, deviation });
            }
        }
        if columns.is_empty() {
            return Err(DecideError::Shape {
                what: format!(
                    "no column of numbers varies: {}",
                    if rows.columns.is_empty() { "there is none".into() } else { rows.columns.join(", ") }
                ),
                hint: "select the entity and at least one number that tells entities apart".into(),
            });
        }
        let mut values = Array2::zeros((rows.values.nrows(), columns.len()));
        Zip::from(values.rows_mut()).and(rows.values.rows()).par_for_each(|mut own, all| {
            for (value, column) in own.iter_mut().zip(&columns) {
                let found = all[column.at];
                *value = if found.is_nan() { 0.0 } else { (found - column.mean) / column.deviation };
            }
        });
        Ok(Self { columns, values })
    }
}
