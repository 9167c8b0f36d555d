//! Columns in common units.
//!
//! In: rows as they are. Out: standardised values without gaps, and what they were standardised by.

use ndarray::{Array2, Axis};

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
        let mut columns = Vec::new();
        for (at, (name, values)) in rows.columns.iter().zip(rows.values.axis_iter(Axis(1))).enumerate() {
            if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                return Err(DecideError::NotANumber { what: format!("`{name}`"), row: row + 1, found: values[row].to_string() });
            }
            let present = || values.iter().filter(|value| !value.is_nan());
            let count = present().count() as f64;
            let mean = present().sum::<f64>() / count;
            let deviation = (present().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
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
        for (mut own, all) in values.axis_iter_mut(Axis(0)).zip(rows.values.axis_iter(Axis(0))) {
            for (value, column) in own.iter_mut().zip(&columns) {
                let found = all[column.at];
                *value = if found.is_nan() { 0.0 } else { (found - column.mean) / column.deviation };
            }
        }
        Ok(Self { columns, values })
    }
}
