//! From which prediction on a row counts as predicted to happen, task by task.
//!
//! In: the job's rules, what the model of the choice says of rows, rows. Out: a threshold per task. The glue between `learn` and
//! `evaluate::threshold`.

use super::learned::whole;
use crate::evaluate::calibration::Calibration;
use crate::evaluate::threshold;
use crate::job::{Job, Threshold};
use crate::learn::Examples;
use crate::learn::rows::Block;

/// Where F1 is largest on rows that the model of the choice has not learned from; `None` for tasks that ask for another rule, and
/// where nothing happened. Shape: `[tasks]`.
pub(super) fn best(job: &Job, calibration: &Calibration, raw: &[Vec<f32>], unseen: &[Block<'_>]) -> Vec<Option<f64>> {
    let asks = |rule: Threshold| rule == Threshold::BestF1;
    if !job.tasks.iter().any(|task| task.task.kind.is_binary() && asks(task.threshold)) {
        return vec![None; job.tasks.len()];
    }
    let (scenario, labels) = whole(job, unseen);
    let predictions = calibration.apply(raw, &scenario);
    let tasks = job.tasks.iter().zip(labels.iter().zip(&predictions));
    let best = tasks.map(|(task, (labels, predictions))| {
        (task.task.kind.is_binary() && asks(task.threshold)).then(|| threshold::best_f1(labels, predictions)).flatten()
    });
    best.collect()
}

/// The threshold of each task by its rule; the base rate of the rows that are learned from where F1 has no say, and for a task
/// that decides nothing.
pub(super) fn settled(job: &Job, best: &[Option<f64>], examples: &Examples<'_>) -> Vec<f64> {
    let rates = base_rates(job, examples);
    let tasks = job.tasks.iter().zip(rates).enumerate();
    let settled = tasks.map(|(at, (task, rate))| match task.threshold {
        Threshold::Fixed(threshold) => threshold,
        Threshold::BaseRate => rate,
        Threshold::BestF1 => best.get(at).copied().flatten().unwrap_or(rate),
    });
    settled.collect()
}

/// Mean label of each task over the entire space; 0.5 without rows.
fn base_rates(job: &Job, examples: &Examples<'_>) -> Vec<f64> {
    let mut sums = vec![(0.0_f64, 0.0_f64); job.tasks.len()];
    for block in &examples.blocks {
        for (sum, labels) in sums.iter_mut().zip(whole(job, std::slice::from_ref(block)).1) {
            for label in labels.iter().filter(|label| !label.is_nan()) {
                sum.0 += f64::from(*label);
                sum.1 += 1.0;
            }
        }
    }
    sums.into_iter().map(|(positives, rows)| if rows > 0.0 { positives / rows } else { 0.5 }).collect()
}
