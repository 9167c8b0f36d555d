//! The truth beside the data: what one standard deviation of each column of the frame is worth, cell by cell.
//!
//! In: the signals of all impressions, added up. Out: `truth.parquet`: `scenario, task, feature, shared, scenario_part,
//! task_part, value, std`. `value` is the sum of the three parts, on the logit scale (`spend`: on log(1 + amount)), per
//! standard deviation of the feature; for text, categories and vectors it is the standard deviation of what their values
//! are worth. `std` is the column's own standard deviation, for numbers.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

use super::effects::{EFFECTS, FEATURES, SCENARIOS, TASKS};
use super::error::DemoError;
use super::signals::{self, Signals};
use super::world::World;
use crate::table_file::{FileError, write_one};

/// Sums of the signals, NaN left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread([(f64, f64, f64); FEATURES]);

impl Spread {
    pub(super) fn observe(&mut self, signals: &Signals) {
        for ((n, sum, squares), signal) in self.0.iter_mut().zip(signals) {
            if !signal.is_nan() {
                *n += 1.0;
                *sum += signal;
                *squares += signal * signal;
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (own.0 + other.0, own.1 + other.1, own.2 + other.2);
        }
    }

    /// Standard deviation of a signal. Signals have a level of about 0, so the difference of squares loses nothing.
    fn std(&self, feature: usize) -> f64 {
        let (n, sum, squares) = self.0[feature];
        if n < 2.0 { 0.0 } else { (squares / n - (sum / n).powi(2)).max(0.0).sqrt() }
    }
}

/// Writes the table; returns its number of rows.
pub(super) fn write(spread: &Spread, world: &World, path: &Path) -> Result<u64, DemoError> {
    let mut names: [Vec<&str>; 3] = Default::default();
    let mut numbers: [Vec<f64>; 4] = Default::default();
    let mut stds: Vec<Option<f64>> = Vec::new();
    for (at, scenario) in SCENARIOS.iter().enumerate() {
        for (task, task_name) in TASKS.iter().enumerate() {
            for effect in &EFFECTS {
                let std = spread.std(effect.feature as usize);
                let parts = effect.on(at, task);
                for (list, name) in names.iter_mut().zip([*scenario, *task_name, effect.name]) {
                    list.push(name);
                }
                for (list, part) in numbers.iter_mut().zip([parts.shared, parts.scenario, parts.task, parts.value()]) {
                    list.push(part * std);
                }
                stds.push(signals::scale(effect.feature, world).map(|(_, scale)| std * scale));
            }
        }
    }
    let text = |list: &[&str]| -> ArrayRef { Arc::new(StringArray::from_iter_values(list)) };
    let number = |list: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(list.to_vec())) };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("scenario", text(&names[0]), false),
        ("task", text(&names[1]), false),
        ("feature", text(&names[2]), false),
        ("shared", number(&numbers[0]), false),
        ("scenario_part", number(&numbers[1]), false),
        ("task_part", number(&numbers[2]), false),
        ("value", number(&numbers[3]), false),
        ("std", Arc::new(Float64Array::from(stds)) as ArrayRef, true),
    ])
    .map_err(|error| FileError::Rows(error.to_string()))?;
    Ok(write_one(path, &batch)?)
}
