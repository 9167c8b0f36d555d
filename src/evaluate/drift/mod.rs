//! What has changed since an earlier night: features, missing values, categories, labels and scores, scenario by scenario.
//!
//! In: [`Distribution`]s and [`Level`]s of two nights. Out: a [`Drift`] for each comparison, with its p-value, and an alarm where
//! a change is both beyond chance and of material size. Not here: what the job does about it; how tables are stored.
//!
//! Every comparison is a test, and a night makes thousands. An alarm therefore needs a false discovery rate below the limit
//! (Benjamini and Hochberg, over all features and scenarios together), so that on a night when nothing has changed any alarm at
//! all is as rare as that. Rows of one entity are not independent: sample sizes are those of independent units ([`independent`]).

mod compare;
mod decompose;
mod distribution;
mod levels;
mod psi;
mod tail;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use compare::compare;
pub use decompose::{Decomposition, Measured, ScoredRows, decompose};
pub use distribution::{
    Bins, Distribution, DistributionCounter, DistributionRow, NAMED, from_rows, independent, quantile_edges, to_rows, value_edges,
};
pub use levels::{Level, compare_levels};
pub use psi::{Psi, Sampled, psi};
pub use tail::{chi_squared_limit, chi_squared_tail, false_discovery, normal_tails, upper_gamma};

/// When a change is an alarm: beyond chance, and of material size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftSettings {
    /// False discovery rate below which a change is beyond chance; usually 0.05.
    pub false_discovery: f64,
    /// Population stability index above which a change is material; usually 0.1.
    pub psi: f64,
    /// Change of the share of missing values, up or down, from which it is material; usually 0.05.
    pub missing: f64,
    /// Share of rows with categories that did not exist before from which it is material; usually 0.01.
    pub new_categories: f64,
    /// Change of a label's mean, relative to the earlier one, from which it is material; usually 0.1.
    pub label_rate: f64,
}

/// One comparison of two nights.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Column of the frame, `score:<task>`, or the task of a label.
    pub feature: String,
    /// `psi`, `missing`, `new categories`, `label rate` or `score psi`.
    pub measure: &'static str,
    /// Size of the change: the index; the difference of the shares of missing values (now − earlier); the share of rows with new
    /// categories; the difference of the mean labels (now − earlier), in the label's unit.
    pub value: f64,
    /// The share or mean of the earlier night, where there is one.
    pub earlier: Option<f64>,
    /// The share or mean of tonight, where there is one.
    pub now: Option<f64>,
    /// What the size of the change is above once in twenty nights when nothing has changed.
    pub critical: Option<f64>,
    /// Probability of as large a change when nothing has changed, before many tests are allowed for.
    pub p: Option<f64>,
    /// What the model makes of the feature, as given.
    pub importance: Option<f64>,
    /// Importance times the size of the change; of what has no importance of its own (labels, scores), the size.
    pub rank_value: f64,
    /// Beyond chance and of material size.
    pub alarm: bool,
    /// Rows of tonight behind it.
    pub n: u64,
    /// Names of new or vanished categories (at most five), or why there is no test.
    pub detail: Option<String>,
}

impl Drift {
    /// A comparison that has been given its names, and nothing else.
    fn unranked(scenario: &str, feature: &str, measure: &'static str, n: u64) -> Self {
        Self {
            scenario: scenario.to_owned(),
            feature: feature.to_owned(),
            measure,
            value: 0.0,
            earlier: None,
            now: None,
            critical: None,
            p: None,
            importance: None,
            rank_value: 0.0,
            alarm: false,
            n,
            detail: None,
        }
    }
}

/// Sets off the alarms and puts drifts in order: alarms first, then by importance times size, then by name.
fn ranked(mut drifts: Vec<Drift>, settings: &DriftSettings) -> Vec<Drift> {
    let p: Vec<Option<f64>> = drifts.iter().map(|drift| drift.p).collect();
    for (drift, q) in drifts.iter_mut().zip(false_discovery(&p)) {
        let size = drift.value.abs();
        let material = match drift.measure {
            "missing" => size >= settings.missing,
            "new categories" => size >= settings.new_categories,
            "label rate" => size > 0.0 && size >= settings.label_rate * drift.earlier.unwrap_or(0.0).abs(),
            _ => size >= settings.psi,
        };
        drift.alarm = material && q.is_some_and(|q| q < settings.false_discovery);
        drift.rank_value = size * drift.importance.unwrap_or(1.0);
    }
    let names = |a: &Drift, b: &Drift| (&a.feature, &a.scenario, a.measure).cmp(&(&b.feature, &b.scenario, b.measure));
    drifts.sort_by(|a, b| b.alarm.cmp(&a.alarm).then(b.rank_value.total_cmp(&a.rank_value)).then_with(|| names(a, b)));
    drifts
}
