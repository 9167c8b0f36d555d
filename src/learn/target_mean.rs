//! Out-of-fold target means: what an id with very many values meant for each task, without seeing the row's own label.
//!
//! In: labels by entry and as-of date. Out: per fold and entry a shrunk mean of the label. The fold of a row is its as-of
//! date: a training row's mean leaves out its own snapshot and every snapshot whose label window overlaps it.
//!
//! # Source
//! Micci-Barreca (2001), "A preprocessing scheme for high-cardinality categorical attributes"; the folds in time are ours.

use serde::{Deserialize, Serialize};

/// Rows of the prior: an entry with this many labelled rows lies half-way between its own mean and the task's.
const PRIOR_ROWS: f64 = 50.0;

/// Sums of one field while labels are read. Shapes: `[folds][entries × tasks]`.
pub(super) struct MeanSums {
    entries: usize,
    tasks: usize,
    days: Vec<i32>,
    sums: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    /// Rows, whatever they weigh. Shape: `[folds][tasks]`.
    rows: Vec<Vec<f64>>,
}

/// Shrunk means of one field, centred at the task's mean. Shape of each: `[entries × tasks]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TargetMeans {
    tasks: usize,
    /// Over all training snapshots: for rows that are predicted. Saved as a tensor.
    #[serde(skip)]
    pub(super) all: Vec<f32>,
    /// By as-of date, leaving out the overlapping snapshots: for rows that are learned from. Not saved.
    #[serde(skip)]
    pub(super) folds: Vec<(i32, Vec<f32>)>,
}

impl MeanSums {
    pub(super) fn new(entries: usize, tasks: usize) -> Self {
        Self { entries, tasks, days: Vec::new(), sums: Vec::new(), weights: Vec::new(), rows: Vec::new() }
    }

    /// Adds labelled rows of one as-of date. `labels` and `weights` are of one task, on the learner's scale.
    pub(super) fn add(&mut self, day: i32, entries: &[u32], task: usize, rows: impl Iterator<Item = (usize, f64, f64)>) {
        let fold = self.days.iter().position(|known| *known == day).unwrap_or_else(|| {
            self.days.push(day);
            self.sums.push(vec![0.0; self.entries * self.tasks]);
            self.weights.push(vec![0.0; self.entries * self.tasks]);
            self.rows.push(vec![0.0; self.tasks]);
            self.days.len() - 1
        });
        let (sums, weights) = (&mut self.sums[fold], &mut self.weights[fold]);
        for (row, label, weight) in rows {
            let at = entries[row] as usize * self.tasks + task;
            sums[at] += label * weight;
            weights[at] += weight;
            self.rows[fold][task] += 1.0;
        }
    }

    /// The means. A label counts for a fold when its as-of date lies at least `horizon` days away.
    pub(super) fn finish(self, horizon: i32) -> TargetMeans {
        let all = self.means(|_| true);
        let folds = self.days.iter().map(|day| (*day, self.means(|other| (other - day).abs() >= horizon))).collect();
        TargetMeans { tasks: self.tasks, all, folds }
    }

    fn means(&self, counts: impl Fn(i32) -> bool) -> Vec<f32> {
        let folds: Vec<usize> = (0..self.days.len()).filter(|fold| counts(self.days[*fold])).collect();
        let total = |of: &[Vec<f64>], at: usize| folds.iter().map(|fold| of[*fold][at]).sum::<f64>();
        let mut means = vec![0.0; self.entries * self.tasks];
        for task in 0..self.tasks {
            let places = || (0..self.entries).map(move |entry| entry * self.tasks + task);
            let weight: f64 = places().map(|at| total(&self.weights, at)).sum();
            let rows: f64 = folds.iter().map(|fold| self.rows[*fold][task]).sum();
            // Rows of average weight, so that the scale of the weights does not matter.
            let prior_weight = if rows > 0.0 { PRIOR_ROWS * weight / rows } else { PRIOR_ROWS };
            let prior = if weight > 0.0 { places().map(|at| total(&self.sums, at)).sum::<f64>() / weight } else { 0.0 };
            for at in places() {
                let (sum, weight) = (total(&self.sums, at), total(&self.weights, at));
                means[at] = ((sum - prior * weight) / (weight + prior_weight)) as f32;
            }
        }
        means
    }
}

impl TargetMeans {
    /// The means for rows of `day`: out of fold when learning, over all snapshots when predicting.
    pub(super) fn of(&self, fold: Option<i32>) -> &[f32] {
        let own = fold.and_then(|day| self.folds.iter().find(|(known, _)| *known == day));
        own.map_or(&self.all, |(_, means)| means)
    }

    /// Position of an entry and task.
    pub(super) fn at(&self, entry: u32, task: usize) -> usize {
        entry as usize * self.tasks + task
    }
}
