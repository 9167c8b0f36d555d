//! Calibration: from raw outputs to what is published, fitted on the validation night.
//!
//! In: raw outputs, labels and scenarios of validation rows. Out: [`Calibration`], saved with the model and applied to what
//! is published. Binary tasks get Platt's sigmoid per cell, shrunk towards the task's; regressions a scale per cell.
//! Chained tasks are multiplied along their chain, so a published child never exceeds its published parent.

use serde::{Deserialize, Serialize};

use super::cells::{Scored, cell};
use super::metrics::{BINS, Rows};
use crate::learn::rows::{Shape, TaskKind};

/// Rows' worth of evidence with which a cell is held to its task: the prior on `(a, b)` weighs as much as this many rows
/// of average information, so a cell of a few hundred rows mostly follows its task and one of ten thousand itself. (A
/// cell of 40,000 rows with a third of its task's odds is still published 2 % too high.)
const SHRINK_ROWS: f64 = 500.0;
/// Rows' worth of predicted amounts with which a cell's scale is held to its task's.
const SHRINK_SUM_ROWS: f64 = 500.0;
/// Newton steps; the loss is convex and a handful suffice.
const STEPS: usize = 50;

/// Fitted calibration of every task and cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    tasks: Vec<TaskCalibration>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TaskCalibration {
    after: Option<usize>,
    kind: TaskKind,
    /// Mean and spread of the raw output, so that `(a, b)` are of one size for every learner.
    centre: f32,
    spread: f32,
    /// For scenarios never seen.
    task: Curve,
    /// One per scenario.
    cells: Vec<Curve>,
}

/// `sigmoid(a·z + b)` of the standardised raw output `z`, or `scale · inverse(raw)`.
///
/// The numbers are `f32`, as raw outputs are: their decimals go through JSON without losing a bit, those of `f64` do not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum Curve {
    Platt { a: f32, b: f32 },
    Scale { scale: f32 },
}

/// One bin of a reliability table.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityBin {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Binary task.
    pub task: String,
    /// Number of the bin, from the lowest predictions.
    pub bin: u32,
    /// Mean prediction.
    pub predicted: f64,
    /// Share of positives.
    pub observed: f64,
    /// Lower end of the Wilson interval of the share.
    pub low: f64,
    /// Upper end of the Wilson interval of the share.
    pub high: f64,
    /// Rows.
    pub n: u64,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The natural scale of a regression's raw output.
fn inverse(kind: TaskKind, raw: f64) -> f64 {
    // e^40 is far beyond any amount of money; it keeps a wild raw output finite.
    if kind.is_log1p() { raw.min(40.0).exp_m1().max(0.0) } else { raw }
}

impl Calibration {
    /// Fits on validation rows.
    ///
    /// # Shapes
    /// `raw: [tasks][rows]`, `labels: [tasks][rows]` (natural units, NaN = not observed), `scenario: [rows]`.
    ///
    /// # Source
    /// Platt (1999), "Probabilistic outputs for support vector machines", with the targets and the Newton steps of Lin, Lin and
    /// Weng (2007), "A note on Platt's probabilistic outputs", section 3.
    #[must_use]
    pub fn fit(raw: &[Vec<f32>], labels: &[Vec<f32>], scenario: &[u16], shape: &Shape) -> Self {
        let tasks = shape.tasks.iter().enumerate().map(|(at, task)| {
            // Labels of a chained task are conditional: only rows where the parent happened teach it.
            let parent = task.after.map(|parent| &labels[parent]);
            let taught = |row: usize| !labels[at][row].is_nan() && parent.is_none_or(|parent| parent[row] > 0.5);
            let rows: Vec<usize> = (0..scenario.len()).filter(|row| taught(*row)).collect();
            let (centre, spread) = moments(rows.iter().map(|row| f64::from(raw[at][*row])));
            let pairs = |wanted: Option<u16>| -> Vec<(f64, f64)> {
                let own = rows.iter().filter(|row| wanted.is_none_or(|wanted| scenario[**row] == wanted));
                own.map(|row| (f64::from(raw[at][*row]), f64::from(labels[at][*row]))).collect()
            };
            let fit = |pairs: &[(f64, f64)], prior: Option<Curve>| match task.kind {
                TaskKind::Binary => platt(pairs, f64::from(centre), f64::from(spread), prior),
                kind => scale(pairs, kind, prior),
            };
            let whole = fit(&pairs(None), None);
            let cells = (0..shape.scenarios.len()).map(|scenario| fit(&pairs(Some(scenario as u16)), Some(whole))).collect();
            TaskCalibration { after: task.after, kind: task.kind, centre, spread, task: whole, cells }
        });
        Self { tasks: tasks.collect() }
    }

    /// What is published: probabilities and expected values, multiplied along chains.
    ///
    /// # Shapes
    /// `raw: [tasks][rows]`, `scenario: [rows]` → `[tasks][rows]`.
    #[must_use]
    pub fn apply(&self, raw: &[Vec<f32>], scenario: &[u16]) -> Vec<Vec<f64>> {
        let mut published: Vec<Vec<f64>> = Vec::with_capacity(raw.len());
        for (task, raw) in self.tasks.iter().zip(raw) {
            let mut own: Vec<f64> = raw.iter().zip(scenario).map(|(raw, scenario)| task.apply(f64::from(*raw), *scenario)).collect();
            if let Some(parent) = task.after {
                own.iter_mut().zip(&published[parent]).for_each(|(own, parent)| *own *= parent);
            }
            published.push(own);
        }
        published
    }
}

impl TaskCalibration {
    fn apply(&self, raw: f64, scenario: u16) -> f64 {
        match self.cells.get(scenario as usize).unwrap_or(&self.task) {
            Curve::Platt { a, b } => {
                let z = (raw - f64::from(self.centre)) / f64::from(self.spread);
                sigmoid(f64::from(*a) * z + f64::from(*b))
            }
            Curve::Scale { scale } => f64::from(*scale) * inverse(self.kind, raw),
        }
    }
}

/// Mean and population standard deviation; a spread of 0 becomes 1.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f32, f32) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    let spread = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    // Raw outputs are f32: a spread below a millionth of their level is rounding, and dividing by it would blow it up.
    (mean as f32, if spread > 1e-6 * mean.abs() { spread as f32 } else { 1.0 })
}

/// Platt's `(a, b)` by Newton's method on the log loss with Platt's smoothed targets and a Gaussian prior around the
/// task's curve (or around a flat line at the base rate, as weak as one row).
fn platt(pairs: &[(f64, f64)], centre: f64, spread: f64, prior: Option<Curve>) -> Curve {
    let positives: f64 = pairs.iter().map(|(_, label)| label).sum();
    let negatives = pairs.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let rate = (positives + 0.5) / (positives + negatives + 1.0);
    let (a0, b0, rows) = match prior {
        Some(Curve::Platt { a, b }) => (f64::from(a), f64::from(b), SHRINK_ROWS),
        _ => (0.0, (rate / (1.0 - rate)).ln(), 1.0),
    };
    // Information of an average row at the prior's rate: the prior weighs as `rows` such rows.
    let precision = rows * (sigmoid(b0) * (1.0 - sigmoid(b0))).max(1e-6);
    let loss = |a: f64, b: f64| {
        let data: f64 = pairs
            .iter()
            .map(|(raw, label)| {
                let x = a * (raw - centre) / spread + b;
                let target = if *label > 0.5 { high } else { low };
                // ln(1 + e^x) − t·x, without overflow.
                x.max(0.0) + (-x.abs()).exp().ln_1p() - target * x
            })
            .sum();
        data + precision / 2.0 * ((a - a0).powi(2) + (b - b0).powi(2))
    };
    let (mut a, mut b) = (a0, b0);
    let mut best = loss(a, b);
    for _ in 0..STEPS {
        let (mut ga, mut gb) = (precision * (a - a0), precision * (b - b0));
        let (mut haa, mut hab, mut hbb) = (precision, 0.0, precision);
        for (raw, label) in pairs {
            let z = (raw - centre) / spread;
            let p = sigmoid(a * z + b);
            let slope = p - if *label > 0.5 { high } else { low };
            let weight = p * (1.0 - p);
            ga += slope * z;
            gb += slope;
            haa += weight * z * z;
            hab += weight * z;
            hbb += weight;
        }
        let determinant = haa * hbb - hab * hab;
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        let mut step = 1.0;
        while step > 1e-10 && loss(a - step * da, b - step * db) > best {
            step /= 2.0;
        }
        let next = loss(a - step * da, b - step * db);
        if best - next <= 1e-10 * best.abs() {
            break;
        }
        (a, b, best) = (a - step * da, b - step * db, next);
    }
    Curve::Platt { a: a as f32, b: b as f32 }
}

/// `Σ labels / Σ inverse(raw)`, with the task's scale as a prior worth [`SHRINK_SUM_ROWS`] average rows.
fn scale(pairs: &[(f64, f64)], kind: TaskKind, prior: Option<Curve>) -> Curve {
    let observed: f64 = pairs.iter().map(|(_, label)| label).sum();
    let predicted: f64 = pairs.iter().map(|(raw, _)| inverse(kind, *raw)).sum();
    if kind == TaskKind::Regression {
        // On the natural scale a least-squares fit is unbiased already, and labels may sum to anything.
        return Curve::Scale { scale: 1.0 };
    }
    let (held, weight) = match prior {
        Some(Curve::Scale { scale }) => (f64::from(scale), SHRINK_SUM_ROWS * predicted / pairs.len().max(1) as f64),
        _ => (1.0, 0.0),
    };
    let bottom = predicted + weight;
    Curve::Scale { scale: if bottom > 0.0 { (observed + held * weight) / bottom } else { held } as f32 }
}

/// The Wilson interval of a share, at 95 %.
///
/// # Source
/// Wilson (1927), "Probable inference, the law of succession, and statistical inference".
#[must_use]
pub fn wilson(positives: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    // The 97.5 % quantile of the normal distribution.
    let z = 1.959_963_984_540_054_f64;
    let share = positives / n;
    let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Reliability of every binary task, per scenario and over all: ten bins of equal mass, lowest predictions first.
#[must_use]
pub fn reliability(scored: &Scored<'_>) -> Vec<ReliabilityBin> {
    let mut bins = Vec::new();
    let scenarios = std::iter::once(None).chain((0..scored.scenarios.len()).map(|at| Some(at as u16)));
    for scenario in scenarios {
        for (at, task) in scored.tasks.iter().enumerate().filter(|(_, task)| task.kind.is_binary()) {
            let (labels, predictions) = cell(scored, at, scenario);
            // Predictions that are no numbers have no bin; the figures of the cell say so.
            let rows = Rows::new(&labels, &predictions).unwrap_or_default();
            for (bin, rows) in rows.equal_mass(BINS).into_iter().rev().enumerate() {
                let n = rows.len() as f64;
                let positives: f64 = rows.iter().map(|row| labels[*row as usize]).sum();
                let (low, high) = wilson(positives, n);
                bins.push(ReliabilityBin {
                    scenario: scenario.map_or_else(|| "*".into(), |at| scored.scenarios[at as usize].clone()),
                    task: task.name.clone(),
                    bin: bin as u32 + 1,
                    predicted: rows.iter().map(|row| predictions[*row as usize]).sum::<f64>() / n,
                    observed: positives / n,
                    low,
                    high,
                    n: rows.len() as u64,
                });
            }
        }
    }
    bins
}
