//! Mean labels of two nights, task by task and scenario by scenario.
//!
//! In: a [`Level`] per task and cell of each night. Out: ranked [`Drift`]s. Not here: distributions of features.

use std::collections::BTreeMap;

use super::compare::shares;
use super::tail::{chi_squared_limit, normal_tails};
use super::{Drift, DriftSettings, ranked};

/// The mean label of a task in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Name of the task.
    pub task: String,
    /// Mean label, in the label's unit; for a binary task the share of positives.
    pub mean: f64,
    /// Standard error of the mean, entities resampled whole; `None` for a binary task, whose share says its own.
    pub standard_error: Option<f64>,
    /// Labelled rows.
    pub rows: u64,
    /// Independent units behind them: [`super::independent`].
    pub entities: u64,
}

/// Compares the mean labels of every task and scenario that both nights have.
///
/// Binary tasks by the difference of two shares at independent sample sizes; amounts by `z = (b − a) / √(se_a² + se_b²)`.
/// Alarms and order are those of [`super`]; an alarm is material relative to the earlier mean.
#[must_use]
pub fn compare_levels(earlier: &[Level], now: &[Level], settings: &DriftSettings) -> Vec<Drift> {
    let before: BTreeMap<(&str, &str), &Level> =
        earlier.iter().map(|level| ((level.task.as_str(), level.scenario.as_str()), level)).collect();
    let pairs = now.iter().filter_map(|level| Some((*before.get(&(level.task.as_str(), level.scenario.as_str()))?, level)));
    ranked(pairs.map(|(earlier, now)| one(earlier, now)).collect(), settings)
}

fn one(earlier: &Level, now: &Level) -> Drift {
    let drift = Drift::unranked(&now.scenario, &now.task, "label rate", now.rows);
    if earlier.rows == 0 || now.rows == 0 {
        return Drift { detail: Some("no labelled rows on one of the nights".to_owned()), ..drift };
    }
    let tested = if let (Some(a), Some(b)) = (earlier.standard_error, now.standard_error) {
        let error = a.hypot(b);
        (error > 0.0).then(|| (error * chi_squared_limit(0.05, 1).sqrt(), normal_tails((now.mean - earlier.mean) / error)))
    } else {
        let units = |level: &Level| level.entities.min(level.rows) as f64;
        shares(earlier.mean, now.mean, units(earlier), units(now))
    };
    Drift {
        value: now.mean - earlier.mean,
        earlier: Some(earlier.mean),
        now: Some(now.mean),
        critical: tested.map(|(critical, _)| critical),
        p: tested.map(|(_, p)| p),
        ..drift
    }
}
