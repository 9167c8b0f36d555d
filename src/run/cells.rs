//! Two predictions of the held-out night in one cell: which is better, by how much, how sure.
//!
//! In: the held-out night and published predictions of every row. Out: [`Difference`]. The glue between rows and
//! `evaluate::paired`.

use super::learned::Holdout;
use crate::evaluate::paired::{Difference, compare};
use crate::job::Job;
use crate::learn::rows::Shape;

/// A cell of the held-out night; `scenario = None` is all of them.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) holdout: &'a Holdout,
    pub(super) shape: &'a Shape,
    pub(super) scenario: Option<usize>,
    pub(super) task: usize,
}

impl Cell<'_> {
    /// Name of the scenario, or `*`.
    pub(super) fn place(&self) -> String {
        self.scenario.map_or_else(|| "*".to_owned(), |at| self.shape.scenarios[at].clone())
    }

    /// Name of the task.
    pub(super) fn task(&self) -> String {
        self.shape.tasks[self.task].name.clone()
    }

    /// Compares predictions of every held-out row, by `auc` or by `rmse` in the label's unit: above 0, ours is better. `None`
    /// where the cell has too little support. A NaN prediction leaves its row out.
    pub(super) fn compare(&self, job: &Job, ours: &[f64], theirs: &[f64]) -> Option<Difference> {
        let metric = if self.shape.tasks[self.task].kind.is_binary() { "auc" } else { "rmse" };
        self.compare_all(job, ours, theirs).into_iter().find(|difference| difference.metric == metric)
    }

    /// The same by every metric; none where the cell has too little support.
    pub(super) fn compare_all(&self, job: &Job, ours: &[f64], theirs: &[f64]) -> Vec<Difference> {
        let kind = self.shape.tasks[self.task].kind;
        let labels = &self.holdout.labels[self.task];
        let own = |row: &usize| {
            self.scenario.is_none_or(|wanted| self.holdout.scenario[*row] as usize == wanted)
                && !labels[*row].is_nan()
                && !ours[*row].is_nan()
                && !theirs[*row].is_nan()
        };
        let rows: Vec<usize> = (0..labels.len()).filter(own).collect();
        let of = |value: &dyn Fn(usize) -> f64| rows.iter().map(|row| value(*row)).collect::<Vec<f64>>();
        let truth = of(&|row| f64::from(labels[row]));
        let (ours, theirs) = (of(&|row| ours[row]), of(&|row| theirs[row]));
        let entity: Vec<u64> = rows.iter().map(|row| self.holdout.entity[*row]).collect();
        let positives = truth.iter().filter(|label| **label > 0.0).count() as u64;
        let negatives = truth.len() as u64 - positives;
        let binary = kind.is_binary();
        if (truth.len() as u64) < job.min_rows || (binary && positives.min(negatives) < job.min_positives) {
            return Vec::new();
        }
        compare(binary, &truth, &ours, &theirs, &entity, job.resamples, job.seed)
    }
}

/// Every cell, scenario by scenario.
pub(super) fn places(shape: &Shape) -> impl Iterator<Item = (usize, usize)> + '_ {
    (0..shape.scenarios.len()).flat_map(|scenario| (0..shape.tasks.len()).map(move |task| (scenario, task)))
}
