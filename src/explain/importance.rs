//! Importance: the mean size of each feature's contributions, per cell and above, split into its parts.
//!
//! In: attributions of explained rows, stretch by stretch. Out: [`Importance`] rows with 95 % intervals. Sums are kept per cell
//! and unit of resampling (random groups of entities, 512 at most), so memory does not depend on the rows.

use crate::learn::Attribution;
use crate::learn::rows::{Block, Column, FieldKind, Shape};

use super::units::{Draws, UnitSums};
use super::{feature_name, places};

/// Resamples of an accumulator that was not told how many.
const RESAMPLES: usize = 200;
/// Seed of an accumulator that was not given one.
const SEED: u64 = 0;

/// One row of the table `importance`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Importance {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature; `scenario` for the scenario itself.
    pub feature: String,
    /// Mean |contribution| on the raw output's scale.
    pub value: f64,
    /// Lower end of its 95 % interval: how far the mean would move had other entities come. The noise of learning is not in it.
    /// `None` with fewer than ten groups of entities in the cell.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Mean |shared part|.
    pub shared: f64,
    /// Mean |part of the scenario|.
    pub scenario_part: f64,
    /// Mean |part of the task|.
    pub task_part: f64,
    /// Correlation of the contribution with a numeric feature's value: +1 rises with it, −1 falls; `None` for others.
    pub direction: Option<f64>,
    /// Explained rows.
    pub n: u64,
}

/// Sums of one scenario, task and field.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    value: f64,
    shared: f64,
    scenario_part: f64,
    task_part: f64,
    n: f64,
    x: f64,
    c: f64,
    xx: f64,
    cc: f64,
    xc: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.value += other.value;
        self.shared += other.shared;
        self.scenario_part += other.scenario_part;
        self.task_part += other.task_part;
        self.n += other.n;
        self.x += other.x;
        self.c += other.c;
        self.xx += other.xx;
        self.cc += other.cc;
        self.xc += other.xc;
    }

    fn direction(&self) -> Option<f64> {
        if self.n < 2.0 {
            return None;
        }
        let covariance = self.xc - self.x * self.c / self.n;
        let (x, c) = (self.xx - self.x * self.x / self.n, self.cc - self.c * self.c / self.n);
        // A spread below this share of its sum of squares is the rounding of that sum.
        let real = |spread: f64, squares: f64| spread > squares * 1e-9;
        (real(x, self.xx) && real(c, self.cc)).then(|| (covariance / (x * c).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Adds attributions up.
pub struct ImportanceAccumulator {
    shape: Shape,
    /// Shape: `[scenarios + 1][tasks][fields + 1]`; the last scenario holds those never seen.
    sums: Vec<Sums>,
    rows: Vec<u64>,
    /// |contribution| by unit. Figures: `[tasks][fields + 1]`.
    units: UnitSums,
    resamples: usize,
    seed: u64,
    /// Training mean of each numeric field: sums about it do not lose a small spread at a large level (a year, an id).
    levels: Vec<f64>,
    residual: f64,
    /// Rows, sum and squares of each raw output, and the largest gap of its contributions. Shape: `[tasks]`.
    outputs: Vec<Output>,
}

/// Sums of one raw output.
#[derive(Debug, Clone, Copy, Default)]
struct Output {
    n: f64,
    sum: f64,
    squares: f64,
    residual: f64,
}

impl ImportanceAccumulator {
    /// Nothing added yet; 200 resamples.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        Self::resampled(shape, RESAMPLES, SEED)
    }

    /// Nothing added yet; intervals from `resamples` resamples.
    ///
    /// # Source
    /// Bootstrap by entity as [`crate::evaluate::bootstrap::Resampler`], with entities put together into random groups: Wolter
    /// (2007), "Introduction to variance estimation", chapter 2.
    #[must_use]
    pub fn resampled(shape: &Shape, resamples: usize, seed: u64) -> Self {
        let scenarios = shape.scenarios.len() + 1;
        let cells = scenarios * shape.tasks.len() * (shape.fields.len() + 1);
        let level = |kind: &FieldKind| if let FieldKind::Numeric { mean, .. } = kind { f64::from(*mean) } else { 0.0 };
        let levels = shape.fields.iter().map(|field| level(&field.kind)).collect();
        Self {
            shape: shape.clone(),
            sums: vec![Sums::default(); cells],
            rows: vec![0; scenarios],
            units: UnitSums::new(scenarios, shape.tasks.len() * (shape.fields.len() + 1)),
            resamples,
            seed,
            levels,
            residual: 0.0,
            outputs: vec![Output::default(); shape.tasks.len()],
        }
    }

    fn at(&self, scenario: usize, task: usize, field: usize) -> usize {
        (scenario * self.shape.tasks.len() + task) * (self.shape.fields.len() + 1) + field
    }

    /// Adds the attributions of a block. `raw: [tasks][rows]` is what they must add up to.
    pub fn add(&mut self, block: &Block<'_>, found: &Attribution, raw: &[Vec<f32>]) {
        let fields = self.shape.fields.len();
        for row in 0..block.rows() {
            let scenario = (block.scenario[row] as usize).min(self.shape.scenarios.len());
            self.rows[scenario] += 1;
            let own = self.units.row(scenario, block.entity[row]);
            for task in 0..raw.len() {
                for field in 0..=fields {
                    own[task * (fields + 1) + field] += f64::from(found.values[[row, task, field]]).abs();
                }
            }
            for (task, raw) in raw.iter().enumerate() {
                let mut total = f64::from(found.base[task]);
                for field in 0..=fields {
                    let at = [row, task, field];
                    let contribution = f64::from(found.values[at]);
                    total += contribution;
                    let place = self.at(scenario, task, field);
                    let sums = &mut self.sums[place];
                    sums.value += contribution.abs();
                    sums.shared += f64::from(found.shared[at].abs());
                    sums.scenario_part += f64::from(found.scenario_part[at].abs());
                    sums.task_part += f64::from(found.task_part[at].abs());
                    if let Some(Column::Numeric(values)) = block.columns.get(field)
                        && !values[row].is_nan()
                    {
                        let x = f64::from(values[row]) - self.levels[field];
                        sums.n += 1.0;
                        sums.x += x;
                        sums.c += contribution;
                        sums.xx += x * x;
                        sums.cc += contribution * contribution;
                        sums.xc += x * contribution;
                    }
                }
                let out = f64::from(raw[row]);
                let residual = (total - out).abs();
                // `max` alone would pass over NaN: a sum that is no number does not add up.
                let residual = if residual.is_nan() { f64::INFINITY } else { residual };
                self.residual = self.residual.max(residual);
                let output = &mut self.outputs[task];
                output.residual = output.residual.max(residual);
                output.n += 1.0;
                output.sum += out;
                output.squares += out * out;
            }
        }
    }

    /// Largest |base + Σ contributions − raw output| over all rows and tasks.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// The same as a share of the raw output's standard deviation over the rows, of the task where it is largest. An output that does
    /// not vary has the share 0 where its contributions add up to within rounding of it, and no bound otherwise.
    #[must_use]
    pub fn residual_share(&self) -> f64 {
        let share = |output: &Output| {
            let mean = output.sum / output.n;
            let spread = (output.squares / output.n - mean * mean).max(0.0).sqrt();
            let rounding = f64::from(f32::EPSILON) * 64.0 * (1.0 + mean.abs());
            match output.residual {
                residual if spread > rounding => residual / spread,
                residual if residual <= rounding => 0.0,
                _ => f64::INFINITY,
            }
        };
        self.outputs.iter().filter(|output| output.n > 0.0).map(share).fold(0.0, f64::max)
    }

    /// The table: all scenarios (`*`) first, then each; features in the order of the fields, the scenario last.
    #[must_use]
    pub fn finish(&self) -> Vec<Importance> {
        let mut table = Vec::new();
        let draws = Draws::new(self.units.units(), self.resamples, self.seed);
        for (scenario, members) in places(&self.shape) {
            let n: u64 = members.iter().map(|member| self.rows[*member]).sum();
            if n == 0 {
                continue;
            }
            let intervals = self.units.means(&members, &draws);
            for (task, spec) in self.shape.tasks.iter().enumerate() {
                for field in 0..=self.shape.fields.len() {
                    let interval = intervals[task * (self.shape.fields.len() + 1) + field].1;
                    let mut sums = Sums::default();
                    for member in &members {
                        sums.add(&self.sums[self.at(*member, task, field)]);
                    }
                    let mean = |sum: f64| sum / n as f64;
                    table.push(Importance {
                        scenario: scenario.to_owned(),
                        task: spec.name.clone(),
                        feature: feature_name(&self.shape, field).to_owned(),
                        value: mean(sums.value),
                        low: interval.map(|(low, _)| low),
                        high: interval.map(|(_, high)| high),
                        shared: mean(sums.shared),
                        scenario_part: mean(sums.scenario_part),
                        task_part: mean(sums.task_part),
                        direction: sums.direction(),
                        n,
                    });
                }
            }
        }
        table
    }
}
