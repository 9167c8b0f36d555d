//! What comes out of the towers: losses with their slopes, and raw outputs.
//!
//! In: the heads' numbers of a slice and its labels. Out: the slope of the loss in each number, and sums of losses per cell.
//! Probabilities are learned from logits. A chain's probability is the product over its steps, learned over the entire space.
//!
//! # Source
//! Ma et al. (2018), "Entire space multi-task model", equation 3.

use super::super::rows::{Shape, TaskKind};
use super::feed::Feed;
use super::sgemm::{Mat, MatMut};

/// One task's head: one number.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) kind: TaskKind,
    /// The binary tasks on the way to this one, itself last; of a regression only itself.
    chain: Vec<usize>,
    /// Mean and standard deviation of a regression's labels: its number is in units of them.
    pub(super) centre: f32,
    pub(super) spread: f32,
}

/// All heads.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    pub(super) heads: Vec<Head>,
    scenarios: usize,
}

/// Sums of losses and weights by cell. Shape: `[scenarios + 1, tasks]`, the last scenario being those never seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CellLosses {
    tasks: usize,
    pub(super) loss: Vec<f64>,
    pub(super) weight: Vec<f64>,
}

impl CellLosses {
    pub(super) fn new(scenarios: usize, tasks: usize) -> Self {
        Self { tasks, loss: vec![0.0; (scenarios + 1) * tasks], weight: vec![0.0; (scenarios + 1) * tasks] }
    }

    pub(super) fn clear(&mut self) {
        self.loss.fill(0.0);
        self.weight.fill(0.0);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.loss.iter_mut().zip(&other.loss).for_each(|(sum, part)| *sum += part);
        self.weight.iter_mut().zip(&other.weight).for_each(|(sum, part)| *sum += part);
    }

    /// Mean loss of a cell; `None` without a labelled row.
    pub(super) fn mean(&self, scenario: usize, task: usize) -> Option<f64> {
        let at = scenario * self.tasks + task;
        (self.weight[at] > 0.0).then(|| self.loss[at] / self.weight[at])
    }

    /// Mean loss of a task over all scenarios.
    pub(super) fn of_task(&self, task: usize) -> Option<f64> {
        let (mut loss, mut weight) = (0.0, 0.0);
        for at in (task..self.loss.len()).step_by(self.tasks) {
            loss += self.loss[at];
            weight += self.weight[at];
        }
        (weight > 0.0).then(|| loss / weight)
    }
}

/// `ln(1 + e^x)`, without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Heads {
    pub(super) fn new(shape: &Shape) -> Self {
        let heads = shape.tasks.iter().enumerate().map(|(at, task)| {
            let mut chain = vec![at];
            if task.kind == TaskKind::Binary {
                let mut before = task.after;
                while let Some(parent) = before {
                    chain.insert(0, parent);
                    before = shape.tasks[parent].after;
                }
            }
            Head { kind: task.kind, chain, centre: 0.0, spread: 1.0 }
        });
        Self { heads: heads.collect(), scenarios: shape.scenarios.len() }
    }

    /// Adds up losses and writes slopes. `scale` weighs each task: its share of the loss over its rows' weight.
    ///
    /// # Shapes
    /// `z` and `d: [rows, tasks]`, `scale: [tasks]`.
    pub(super) fn loss(&self, z: Mat<'_>, feed: &Feed, order: &[u32], scale: &[f32], mut d: MatMut<'_>, sums: &mut CellLosses) {
        let tasks = self.heads.len();
        for (at, row) in order.iter().enumerate() {
            let row = *row as usize;
            let (z, d) = (z.row(at), d.row(at));
            let (labels, weights) = (feed.labels(row), feed.weights(row));
            let cell = (feed.scenario[row] as usize).min(self.scenarios) * tasks;
            d.fill(0.0);
            for (task, head) in self.heads.iter().enumerate() {
                let (label, weight) = (labels[task], weights[task]);
                if label.is_nan() || weight <= 0.0 {
                    continue;
                }
                let slope = scale[task] * weight;
                let loss = match head.kind {
                    TaskKind::Binary => head.binary(z, label, slope, d),
                    TaskKind::Regression | TaskKind::RegressionLog1p => {
                        let error = z[task] - (label - head.centre) / head.spread;
                        d[task] += slope * error;
                        error * error / 2.0
                    }
                };
                sums.loss[cell + task] += f64::from(weight * loss);
                sums.weight[cell + task] += f64::from(weight);
            }
        }
    }

    /// The raw output of a task: the logit of its own step, or the number on the scale on which it is learned.
    pub(super) fn raw(&self, task: usize, z: f32) -> f32 {
        let head = &self.heads[task];
        if head.kind == TaskKind::Binary { z } else { head.centre + head.spread * z }
    }

    /// The loss of knowing nothing but a cell's mean label, with which a cell's loss is compared.
    pub(super) fn base_loss(&self, task: usize, mean: f64, mean_square: f64) -> f64 {
        let head = &self.heads[task];
        if head.kind == TaskKind::Binary {
            let p = mean.clamp(1e-9, 1.0 - 1e-9);
            -(p * p.ln() + (1.0 - p) * (1.0 - p).ln())
        } else {
            (mean_square - mean * mean) / (2.0 * f64::from(head.spread).powi(2))
        }
    }
}

impl Head {
    /// Log loss of the product of the chain's probabilities; adds the slopes in all its logits.
    fn binary(&self, z: &[f32], label: f32, slope: f32, d: &mut [f32]) -> f32 {
        if let [own] = self.chain[..] {
            d[own] += slope * (sigmoid(z[own]) - label);
            return softplus(z[own]) - label * z[own];
        }
        // ln P = Σ ln σ(z); 1 − P without cancellation.
        let log_p: f32 = -self.chain.iter().map(|at| softplus(-z[*at])).sum::<f32>();
        let rest = (-log_p.exp_m1()).max(1e-12);
        let by_log_p = -label + (1.0 - label) * (1.0 - rest) / rest;
        for at in &self.chain {
            d[*at] += slope * by_log_p * sigmoid(-z[*at]);
        }
        -label * log_p - (1.0 - label) * rest.ln()
    }
}
