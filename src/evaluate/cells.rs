//! Figures per cell, per task, per scenario and overall.
//!
//! In: labels over the entire space and published predictions of the held-out night. Out: one [`Figure`] per metric and
//! cell; `*` stands for all. A cell with too little support says so instead of showing a number.

use rayon::prelude::*;

use super::metrics::Rows;
use crate::learn::rows::Task;

/// Least support of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluateSettings {
    /// Labelled rows.
    pub min_rows: u64,
    /// Positives, for binary tasks.
    pub min_positives: u64,
}

/// Predictions of one learner on labelled rows.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// Names of the scenarios.
    pub scenarios: &'a [String],
    /// The tasks.
    pub tasks: &'a [Task],
    /// Decision threshold of each task.
    pub thresholds: &'a [f64],
    /// Scenario index of each row; one beyond the names counts in the totals only.
    pub scenario: &'a [u16],
    /// Shape: `[tasks][rows]`, NaN = not observed.
    pub labels: &'a [Vec<f32>],
    /// Published predictions. Shape: `[tasks][rows]`.
    pub predictions: &'a [Vec<f64>],
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task, or `*`.
    pub task: String,
    /// Name of the metric.
    pub metric: &'static str,
    /// Its value; `None` where it is not defined or not supported.
    pub value: Option<f64>,
    /// Lower end of its interval, where there is one.
    pub low: Option<f64>,
    /// Upper end of its interval, where there is one.
    pub high: Option<f64>,
    /// Labelled rows.
    pub n: u64,
    /// Positives (binary), or rows with a label above 0 (regression).
    pub positives: u64,
    /// Why there is no value.
    pub note: Option<&'static str>,
}

/// The labelled rows of a cell. `scenario = None`: of all scenarios.
#[must_use]
pub fn cell(scored: &Scored<'_>, task: usize, scenario: Option<u16>) -> (Vec<f64>, Vec<f64>) {
    let rows = scored.scenario.iter().zip(&scored.labels[task]).zip(&scored.predictions[task]);
    rows.filter(|((served, label), _)| !label.is_nan() && scenario.is_none_or(|wanted| wanted == **served))
        .map(|((_, label), prediction)| (f64::from(*label), *prediction))
        .unzip()
}

/// Every figure, tasks before scenarios, totals (`*`) first. Cells run side by side; the result does not depend on it.
#[must_use]
pub fn evaluate(scored: &Scored<'_>, settings: &EvaluateSettings) -> Vec<Figure> {
    let scenarios = std::iter::once(None).chain((0..scored.scenarios.len()).map(|at| Some(at as u16)));
    let cells: Vec<(usize, Option<u16>)> =
        scenarios.flat_map(|scenario| (0..scored.tasks.len()).map(move |task| (task, scenario))).collect();
    let mut figures: Vec<Figure> = cells.par_iter().flat_map_iter(|(task, scenario)| one(scored, *task, *scenario, settings)).collect();
    let names = std::iter::once("*".to_owned()).chain(scored.scenarios.iter().cloned());
    let over: Vec<Figure> = names
        .flat_map(|name| {
            ["auc", "log_loss", "ece", "r2"].into_iter().filter_map(|metric| mean(&figures, &name, metric)).collect::<Vec<_>>()
        })
        .collect();
    figures.extend(over);
    figures
}

fn one(scored: &Scored<'_>, task: usize, scenario: Option<u16>, settings: &EvaluateSettings) -> Vec<Figure> {
    let (labels, predictions) = cell(scored, task, scenario);
    let n = labels.len() as u64;
    let positives = labels.iter().filter(|label| **label > 0.0).count() as u64;
    let binary = scored.tasks[task].kind.is_binary();
    let rows = Rows::new(&labels, &predictions);
    let note = if rows.is_none() {
        Some("a prediction is not a finite number")
    } else if n < settings.min_rows {
        Some("too few rows")
    } else if binary && (positives == 0 || positives == n) {
        Some("one class")
    } else if binary && positives.min(n - positives) < settings.min_positives {
        Some("too few positives")
    } else {
        None
    };
    let rows = rows.unwrap_or_default();
    let values = if binary { binary_figures(&rows, scored.thresholds[task]) } else { regression_figures(&rows) };
    let name = scenario.map_or_else(|| "*".to_owned(), |at| scored.scenarios[at as usize].clone());
    values
        .into_iter()
        .map(|(metric, value)| {
            let note = if note.is_none() && value.is_none() { Some("not defined") } else { note };
            Figure {
                scenario: name.clone(),
                task: scored.tasks[task].name.clone(),
                metric,
                value: if note.is_some() { None } else { value },
                low: None,
                high: None,
                n,
                positives,
                note,
            }
        })
        .collect()
}

fn binary_figures(rows: &Rows<'_>, threshold: f64) -> Vec<(&'static str, Option<f64>)> {
    let counts = rows.confusion(threshold);
    vec![
        ("base_rate", rows.mean_label()),
        ("auc", rows.auc()),
        ("pr_auc", rows.pr_auc()),
        ("log_loss", rows.log_loss()),
        ("base_log_loss", rows.base_log_loss()),
        ("brier", rows.brier()),
        ("ece", rows.ece()),
        ("predicted_observed", rows.predicted_observed()),
        ("threshold", Some(threshold)),
        ("accuracy", counts.accuracy()),
        ("precision", counts.precision()),
        ("recall", counts.recall()),
        ("f1", counts.f1()),
    ]
}

fn regression_figures(rows: &Rows<'_>) -> Vec<(&'static str, Option<f64>)> {
    vec![
        ("base_rate", rows.mean_label()),
        ("rmse", rows.rmse()),
        ("base_rmse", rows.base_rmse()),
        ("mae", rows.mae()),
        ("r2", rows.r2()),
        ("predicted_observed", rows.predicted_observed()),
    ]
}

/// Mean of a metric over the tasks of a scenario (`*`: over all cells), where at least one cell has it.
fn mean(figures: &[Figure], scenario: &str, metric: &'static str) -> Option<Figure> {
    let all = scenario == "*";
    let own: Vec<&Figure> = figures
        .iter()
        .filter(|figure| figure.metric == metric && (if all { figure.scenario != "*" } else { figure.scenario == scenario }))
        .collect();
    let values: Vec<f64> = own.iter().filter_map(|figure| figure.value).collect();
    let first = own.first()?;
    let value = if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) };
    Some(Figure {
        scenario: scenario.to_owned(),
        task: "*".into(),
        metric,
        value,
        low: None,
        high: None,
        n: if all { own.iter().map(|figure| figure.n).sum() } else { first.n },
        positives: own.iter().map(|figure| figure.positives).sum(),
        note: value.is_none().then_some("no cell has enough support"),
    })
}
