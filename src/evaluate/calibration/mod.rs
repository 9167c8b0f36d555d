//! Calibration: from raw outputs to what is published, fitted on nights that the model had not seen.
//!
//! In: raw outputs, labels, scenarios and nights of rows outside the choice's training. Out: [`Calibration`], saved with the
//! model and applied to what is published. Binary tasks get Platt's sigmoid per cell, shrunk towards the task's, and a step
//! curve on top of it where that is better on rows that it was not fitted on; regressions a scale per cell. Chained tasks
//! are multiplied along their chain, so a published child never exceeds its published parent.

mod folded;
mod isotonic;
mod nights;
mod platt;
mod reliability;

use serde::{Deserialize, Serialize};

pub use folded::Calibrated;
pub use nights::NightSpread;
pub use reliability::{ReliabilityBin, reliability, wilson};

use crate::learn::rows::{Shape, TaskKind};
use isotonic::Steps;
use platt::{Platt, Row};

/// Rows' worth of predicted amounts with which a cell's scale is held to its task's.
const SHRINK_SUM_ROWS: f64 = 500.0;

/// Rows that calibration is fitted on: none of them was learned from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Raw outputs. Shape: `[tasks][rows]`.
    pub raw: &'a [Vec<f32>],
    /// In natural units, NaN = not observed. Shape: `[tasks][rows]`.
    pub labels: &'a [Vec<f32>],
    /// Scenario index of each row.
    pub scenario: &'a [u16],
    /// Days since 1970-01-01 of each row's as-of date.
    pub night: &'a [i32],
    /// Stable hash of each row's entity.
    pub entity: &'a [u64],
}

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

/// `sigmoid(a·z + b)` of the standardised raw output `z`, then steps where there are some; or `scale · inverse(raw)`.
///
/// The numbers are `f32`, as raw outputs are: their decimals go through JSON without losing a bit, those of `f64` do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum Curve {
    Platt {
        a: f32,
        b: f32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<Steps>,
    },
    Scale {
        scale: f32,
    },
}

/// The natural scale of a regression's raw output.
fn inverse(kind: TaskKind, raw: f64) -> f64 {
    // e^40 is far beyond any amount of money; it keeps a wild raw output finite.
    if kind.is_log1p() { raw.min(40.0).exp_m1().max(0.0) } else { raw }
}

impl Calibration {
    /// Fits on rows that were not learned from. `spread` says how much a cell's level moves from night to night: the rows of
    /// one night share its luck, so that one night says little about the level of the next one, however many rows it has.
    ///
    /// # Source
    /// Platt (1999), "Probabilistic outputs for support vector machines", with the targets and the Newton steps of Lin, Lin and
    /// Weng (2007), "A note on Platt's probabilistic outputs", section 3.
    #[must_use]
    pub fn fit(evidence: &Evidence<'_>, shape: &Shape, spread: &NightSpread) -> Self {
        Self { tasks: (0..shape.tasks.len()).map(|task| TaskCalibration::fit(evidence, shape, spread, task)).collect() }
    }

    /// What is published: probabilities and expected values, multiplied along chains.
    ///
    /// # Shapes
    /// `raw: [tasks][rows]`, `scenario: [rows]` → `[tasks][rows]`.
    #[must_use]
    pub fn apply(&self, raw: &[Vec<f32>], scenario: &[u16]) -> Vec<Vec<f64>> {
        let mut published: Vec<Vec<f64>> = Vec::with_capacity(raw.len());
        for (task, mut own) in self.tasks.iter().zip(self.steps(raw, scenario)) {
            if let Some(parent) = task.after {
                own.iter_mut().zip(&published[parent]).for_each(|(own, parent)| *own *= parent);
            }
            published.push(own);
        }
        published
    }

    /// The same step by step: a chained task given that the task before it happened, which is what its raw output is about.
    ///
    /// # Shapes
    /// As [`Calibration::apply`].
    #[must_use]
    pub fn steps(&self, raw: &[Vec<f32>], scenario: &[u16]) -> Vec<Vec<f64>> {
        let step = |(task, raw): (&TaskCalibration, &Vec<f32>)| {
            raw.iter().zip(scenario).map(|(raw, scenario)| task.apply(f64::from(*raw), *scenario)).collect()
        };
        self.tasks.iter().zip(raw).map(step).collect()
    }

    /// A cell's log odds before any steps, as `(slope, intercept)` over the raw output; `None` for amounts.
    ///
    /// `slope · raw + intercept = a · (raw − centre) / spread + b`.
    #[must_use]
    pub fn log_odds(&self, task: usize, scenario: u16) -> Option<(f64, f64)> {
        let task = self.tasks.get(task)?;
        match task.cells.get(scenario as usize).unwrap_or(&task.task) {
            Curve::Platt { a, b, .. } => {
                let slope = f64::from(*a) / f64::from(task.spread);
                Some((slope, f64::from(*b) - slope * f64::from(task.centre)))
            }
            Curve::Scale { .. } => None,
        }
    }

    /// How a cell is calibrated: `platt`, `platt and isotonic` or `scale`; `None` = the task's own curve.
    #[must_use]
    pub fn method(&self, task: usize, scenario: Option<usize>) -> &'static str {
        let of = |task: &TaskCalibration| match scenario.and_then(|at| task.cells.get(at)).unwrap_or(&task.task) {
            Curve::Platt { steps: None, .. } => "platt",
            Curve::Platt { steps: Some(_), .. } => "platt and isotonic",
            Curve::Scale { .. } => "scale",
        };
        self.tasks.get(task).map_or("", of)
    }
}

impl TaskCalibration {
    fn fit(evidence: &Evidence<'_>, shape: &Shape, spread: &NightSpread, at: usize) -> Self {
        let task = &shape.tasks[at];
        let labels = &evidence.labels[at];
        // Labels of a chained task are conditional: only rows where the parent happened teach it.
        let parent = task.after.map(|parent| &evidence.labels[parent]);
        let taught = |row: usize| !labels[row].is_nan() && parent.is_none_or(|parent| parent[row] > 0.5);
        let rows: Vec<usize> = (0..evidence.scenario.len()).filter(|row| taught(*row)).collect();
        let (centre, scale) = moments(rows.iter().map(|row| f64::from(evidence.raw[at][*row])));
        let row = |row: usize| Row {
            z: (f64::from(evidence.raw[at][row]) - f64::from(centre)) / f64::from(scale),
            raw: f64::from(evidence.raw[at][row]),
            label: f64::from(labels[row]),
            night: evidence.night[row],
            entity: evidence.entity[row],
        };
        let of = |scenario: usize| {
            let own = rows.iter().filter(|row| evidence.scenario[**row] as usize == scenario);
            own.map(|at| row(*at)).collect::<Vec<Row>>()
        };
        let all: Vec<Row> = rows.iter().map(|at| row(*at)).collect();
        let (whole, cells) = if task.kind.is_binary() {
            let curve = |rows: &[Row], platt: Platt| {
                let steps = isotonic::fit(rows, platt);
                Curve::Platt { a: platt.a as f32, b: platt.b as f32, steps }
            };
            let whole = Platt::of_task(&all);
            let cell = |scenario: usize| {
                let own = of(scenario);
                curve(&own, Platt::of_cell(&own, whole, spread.at(at, scenario)))
            };
            (curve(&all, whole), (0..shape.scenarios.len()).map(cell).collect())
        } else {
            let whole = amounts(&all, task.kind, None, 0.0);
            let cell =
                |scenario: usize| Curve::Scale { scale: amounts(&of(scenario), task.kind, Some(whole), spread.at(at, scenario)) as f32 };
            (Curve::Scale { scale: whole as f32 }, (0..shape.scenarios.len()).map(cell).collect())
        };
        Self { after: task.after, kind: task.kind, centre, spread: scale, task: whole, cells }
    }

    fn apply(&self, raw: f64, scenario: u16) -> f64 {
        match self.cells.get(scenario as usize).unwrap_or(&self.task) {
            Curve::Platt { a, b, steps } => {
                let z = (raw - f64::from(self.centre)) / f64::from(self.spread);
                let p = Platt { a: f64::from(*a), b: f64::from(*b) }.probability(z);
                steps.as_ref().map_or(p, |steps| steps.apply(p))
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

/// `Σ f·labels / Σ f·inverse(raw)`, with the task's scale as a prior worth [`SHRINK_SUM_ROWS`] average rows; `f` takes from
/// the rows of a night what they share ([`nights::independent`]).
fn amounts(rows: &[Row], kind: TaskKind, prior: Option<f64>, spread: f64) -> f64 {
    if kind == TaskKind::Regression {
        // On the natural scale a least-squares fit is unbiased already, and labels may sum to anything.
        return 1.0;
    }
    let n = rows.len().max(1) as f64;
    let mean = rows.iter().map(|row| row.label).sum::<f64>() / n;
    let variance = rows.iter().map(|row| (row.label - mean).powi(2)).sum::<f64>() / n;
    // What a row says of the logarithm of the mean.
    let information = if variance > 0.0 { mean * mean / variance } else { 0.0 };
    let shares = nights::independent(rows, spread, |_| information);
    let sum = |of: &dyn Fn(&Row) -> f64| rows.iter().zip(&shares).map(|(row, share)| share * of(row)).sum::<f64>();
    let (observed, predicted) = (sum(&|row| row.label), sum(&|row| inverse(kind, row.raw)));
    let average = rows.iter().map(|row| inverse(kind, row.raw)).sum::<f64>() / n;
    let (held, weight) = prior.map_or((1.0, 0.0), |scale| (scale, SHRINK_SUM_ROWS * average));
    let bottom = predicted + weight;
    if bottom > 0.0 { (observed + held * weight) / bottom } else { held }
}
