//! Figures per cell, per task, per scenario and overall.
//!
//! In: labels over the entire space and published predictions of the held-out night. Out: one [`Figure`] per metric and
//! cell with its interval; `*` stands for all. A cell with too little support says so instead of showing a number.

use rayon::prelude::*;

use super::bootstrap::{MIN_ENTITIES, Resampler};
use super::lists::{Means, lists};
use super::metrics::Rows;
use super::replicates::{Replicates, Resampled};
use crate::learn::rows::Task;

/// Least support of a cell, and how its intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluateSettings {
    /// Labelled rows.
    pub min_rows: u64,
    /// Positives, for binary tasks.
    pub min_positives: u64,
    /// Resamples behind an interval; 0 = no intervals.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: u64,
    /// Rows of an entity that count as its top (`k`).
    pub top: usize,
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
    /// The same row by row, where rows were judged by thresholds of their own (folds); empty = each task's. Shape: `[tasks][rows]`.
    pub row_thresholds: &'a [Vec<f64>],
    /// Scenario index of each row; one beyond the names counts in the totals only.
    pub scenario: &'a [u16],
    /// Entity of each row: what is resampled, and within which rows are ranked.
    pub entity: &'a [u64],
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
    /// Lower end of its 95 % interval over entities, where there is one.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Labelled rows.
    pub n: u64,
    /// Positives (binary), or rows with a label above 0 (regression).
    pub positives: u64,
    /// Why there is no value.
    pub note: Option<&'static str>,
}

/// Rows of a cell with a label. `scenario = None`: of all scenarios.
fn observed<'a>(scored: &Scored<'a>, task: usize, scenario: Option<u16>) -> impl Iterator<Item = usize> + 'a {
    let rows = scored.scenario.iter().zip(&scored.labels[task]).enumerate();
    rows.filter(move |(_, (served, label))| !label.is_nan() && scenario.is_none_or(|wanted| wanted == **served)).map(|(row, _)| row)
}

/// The labelled rows of a cell. `scenario = None`: of all scenarios.
#[must_use]
pub fn cell(scored: &Scored<'_>, task: usize, scenario: Option<u16>) -> (Vec<f64>, Vec<f64>) {
    let rows = observed(scored, task, scenario);
    rows.map(|row| (f64::from(scored.labels[task][row]), scored.predictions[task][row])).unzip()
}

/// A figure and what it is in each resample.
type Measured = (Figure, Option<Replicates>);

/// Every figure, tasks before scenarios, totals (`*`) first. Cells and resamples run side by side; the result does not
/// depend on it.
///
/// All cells share their resamples: an entity that is drawn twice is there twice in every cell, so the interval of a mean
/// over cells knows how they move together. A cell of fewer than [`MIN_ENTITIES`] entities has no interval.
#[must_use]
pub fn evaluate(scored: &Scored<'_>, settings: &EvaluateSettings) -> Vec<Figure> {
    let resampler = Resampler::new(scored.entity, settings.resamples, settings.seed);
    let scenarios = std::iter::once(None).chain((0..scored.scenarios.len()).map(|at| Some(at as u16)));
    let cells: Vec<(usize, Option<u16>)> =
        scenarios.flat_map(|scenario| (0..scored.tasks.len()).map(move |task| (task, scenario))).collect();
    let cells: Vec<(Vec<Figure>, Option<Resampled>)> =
        cells.par_iter().map(|(task, scenario)| one(scored, &resampler, *task, *scenario, settings)).collect();
    let mut measured = resampled(&resampler, cells);
    let names = std::iter::once("*".to_owned()).chain(scored.scenarios.iter().cloned());
    let over: Vec<Measured> = names
        .flat_map(|name| {
            ["auc", "log_loss", "ece", "r2"].into_iter().filter_map(|metric| mean(&measured, &name, metric)).collect::<Vec<_>>()
        })
        .collect();
    measured.extend(over);
    measured.into_iter().map(with_interval).collect()
}

/// The figures of all cells, each with what it is in the resamples.
fn resampled(resampler: &Resampler, cells: Vec<(Vec<Figure>, Option<Resampled>)>) -> Vec<Measured> {
    let ready: Vec<&Resampled> = cells.iter().filter_map(|(_, ready)| ready.as_ref()).collect();
    let count = ready.iter().map(|ready| ready.names().len()).sum();
    let mut replicates = resampler.replicate(count, |counts| ready.iter().flat_map(|ready| ready.over(counts)).collect()).into_iter();
    let mut measured = Vec::new();
    for (figures, ready) in cells {
        let names = ready.as_ref().map_or(&[] as &[_], Resampled::names);
        let forms = ready.as_ref().map_or_else(Vec::new, Resampled::forms);
        let own = names.iter().zip(forms).zip(replicates.by_ref());
        let mut own: Vec<(&str, Option<Replicates>)> =
            own.map(|((name, form), values)| (*name, Some(Replicates { values, form }))).collect();
        measured.extend(figures.into_iter().map(|figure| {
            let found = own.iter_mut().find(|(name, _)| *name == figure.metric && figure.value.is_some());
            let replicates = found.and_then(|(_, replicates)| replicates.take());
            (figure, replicates)
        }));
    }
    measured
}

fn with_interval((mut figure, replicates): Measured) -> Figure {
    (figure.low, figure.high) = figure.value.zip(replicates).and_then(|(value, own)| own.interval(value)).unzip();
    figure
}

fn one(
    scored: &Scored<'_>,
    resampler: &Resampler,
    task: usize,
    scenario: Option<u16>,
    settings: &EvaluateSettings,
) -> (Vec<Figure>, Option<Resampled>) {
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
    let sound = rows.is_some();
    let rows = rows.unwrap_or_default();
    let unit: Vec<u32> = observed(scored, task, scenario).filter(|_| sound).map(|row| resampler.unit()[row]).collect();
    let own = scored.row_thresholds.get(task);
    let said: Vec<f64> =
        observed(scored, task, scenario).filter(|_| sound).map(|row| own.map_or(scored.thresholds[task], |own| own[row])).collect();
    let thresholds = Thresholds { task: scored.thresholds[task], rows: &said };
    let values = if binary { binary_figures(&rows, &unit, thresholds, settings.top) } else { regression_figures(&rows) };
    let name = scenario.map_or_else(|| "*".to_owned(), |at| scored.scenarios[at as usize].clone());
    let figure = |(metric, value): (&'static str, Option<f64>)| {
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
    };
    let figures = values.into_iter().map(figure).collect();
    if note.is_some() || settings.resamples == 0 {
        return (figures, None);
    }
    let ready = if binary { Resampled::binary(&rows, &unit, &said, settings.top) } else { Resampled::amounts(&rows, &unit) };
    (figures, Some(ready).filter(|ready| ready.units() >= MIN_ENTITIES))
}

/// The threshold that is told of a task, and the one that each row was judged by.
#[derive(Clone, Copy)]
struct Thresholds<'a> {
    task: f64,
    rows: &'a [f64],
}

fn binary_figures(rows: &Rows<'_>, unit: &[u32], thresholds: Thresholds<'_>, k: usize) -> Vec<(&'static str, Option<f64>)> {
    let counts = rows.confusion_by(thresholds.rows);
    let means = Means::new(&lists(rows.labels(), rows.predictions(), unit, k));
    vec![
        ("base_rate", rows.mean_label()),
        ("auc", rows.auc()),
        ("pr_auc", rows.pr_auc()),
        ("log_loss", rows.log_loss()),
        ("base_log_loss", rows.base_log_loss()),
        ("brier", rows.brier()),
        ("ece", rows.ece()),
        ("predicted_observed", rows.predicted_observed()),
        ("lift", rows.lift()),
        ("threshold", Some(thresholds.task)),
        ("accuracy", counts.accuracy()),
        ("precision", counts.precision()),
        ("recall", counts.recall()),
        ("f1", counts.f1()),
        ("gauc", means.gauc),
        ("top_k", Some(k.max(1) as f64)),
        ("ndcg_at_k", means.ndcg),
        ("recall_at_k", means.recall),
        ("hit_at_k", means.hit),
        ("mrr", means.mrr),
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
        ("gini", rows.gini()),
        ("lift", rows.lift()),
    ]
}

/// Mean of a metric over the tasks of a scenario (`*`: over all cells), where at least one cell has it. In a resample where
/// one of these cells has no figure, nor has the mean.
fn mean(measured: &[Measured], scenario: &str, metric: &'static str) -> Option<Measured> {
    let all = scenario == "*";
    let wanted = |figure: &Figure| figure.metric == metric && (if all { figure.scenario != "*" } else { figure.scenario == scenario });
    let own: Vec<&Measured> = measured.iter().filter(|(figure, _)| wanted(figure)).collect();
    let (first, _) = own.first()?;
    let (values, replicates): (Vec<f64>, Vec<Option<&Replicates>>) =
        own.iter().filter_map(|(figure, replicates)| Some((figure.value?, replicates.as_ref()))).unzip();
    let count = values.len() as f64;
    let value = if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / count) };
    // One cell without resamples leaves the mean without.
    let replicates = replicates.into_iter().collect::<Option<Vec<&Replicates>>>().unwrap_or_default();
    let replicates = replicates.first().map(|first| Replicates {
        values: (0..first.values.len()).map(|at| replicates.iter().map(|own| own.values[at]).sum::<f64>() / count).collect(),
        form: first.form,
    });
    let figure = Figure {
        scenario: scenario.to_owned(),
        task: "*".into(),
        metric,
        value,
        low: None,
        high: None,
        n: if all { own.iter().map(|(figure, _)| figure.n).sum() } else { first.n },
        positives: own.iter().map(|(figure, _)| figure.positives).sum(),
        note: value.is_none().then_some("no cell has enough support"),
    };
    Some((figure, replicates))
}
