//! Sums of raw outputs at the points of a feature, by unit of resampling: what curves are made of.
//!
//! In: raw outputs of rows, with a feature set to one value after the other. Out: means per cell, over all units and with each left
//! out. Not here: how points follow from a feature's values (`curves`).

use super::units::unit;

/// Units of entities that are left out in turn: enough for a standard error within a tenth (relative √(1/(2·63)) ≈ 9 %).
pub(super) const UNITS: usize = 64;

/// `(Σ, rows)` per unit, scenario, task and point.
pub(super) struct PointSums {
    scenarios: usize,
    tasks: usize,
    points: usize,
    /// Shape: `[units][scenarios + 1][tasks][points]`; the last scenario holds those never seen.
    sums: Vec<(f64, f64)>,
}

/// Means at the points of one cell.
pub(super) struct CellMeans {
    /// `(mean, rows)` over all units; a mean without rows is NaN. Shape: `[points]`.
    pub(super) all: Vec<(f64, f64)>,
    /// The same without one unit, for each unit that has rows.
    pub(super) without: Vec<Vec<(f64, f64)>>,
}

impl PointSums {
    pub(super) fn new(scenarios: usize, tasks: usize, points: usize) -> Self {
        Self { scenarios, tasks, points, sums: vec![(0.0, 0.0); UNITS * (scenarios + 1) * tasks * points] }
    }

    /// Adds what a row has at a point. `value` says it of a task.
    pub(super) fn add(&mut self, scenario: u16, entity: u64, point: usize, value: impl Fn(usize) -> f64) {
        let scenario = (scenario as usize).min(self.scenarios);
        for task in 0..self.tasks {
            let at = ((unit(entity, UNITS) * (self.scenarios + 1) + scenario) * self.tasks + task) * self.points + point;
            self.sums[at].0 += value(task);
            self.sums[at].1 += 1.0;
        }
    }

    /// Means of a task over some scenarios.
    pub(super) fn cell(&self, members: &[usize], task: usize) -> CellMeans {
        let of_unit = |unit: usize| {
            let mut own = vec![(0.0, 0.0); self.points];
            for member in members {
                let from = ((unit * (self.scenarios + 1) + member) * self.tasks + task) * self.points;
                own.iter_mut().zip(&self.sums[from..from + self.points]).for_each(|(own, sum)| *own = (own.0 + sum.0, own.1 + sum.1));
            }
            own
        };
        let units: Vec<Vec<(f64, f64)>> = (0..UNITS).map(of_unit).filter(|own| own.iter().any(|(_, rows)| *rows > 0.0)).collect();
        let mut all = vec![(0.0, 0.0); self.points];
        for own in &units {
            all.iter_mut().zip(own).for_each(|(all, own)| *all = (all.0 + own.0, all.1 + own.1));
        }
        let mean = |(sum, rows): (f64, f64)| (sum / rows, rows);
        let less = |own: &Vec<(f64, f64)>| all.iter().zip(own).map(|(all, own)| mean((all.0 - own.0, all.1 - own.1))).collect();
        CellMeans { without: units.iter().map(less).collect(), all: all.iter().copied().map(mean).collect() }
    }
}

/// Values less their mean by weight; NaN where nothing weighs. Shapes: `[points]`.
pub(super) fn centred(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mean = values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
    values.iter().map(|value| value - mean).collect()
}

/// Weights of the ends of bins: each bin gives half of its rows to either end. Shapes: `bins: [bins]` → `[bins + 1]`.
pub(super) fn ends(bins: &[f64]) -> Vec<f64> {
    let of = |at: usize| bins.get(at).copied().unwrap_or(0.0) / 2.0;
    (0..=bins.len()).map(|at| of(at) + at.checked_sub(1).map_or(0.0, of)).collect()
}
