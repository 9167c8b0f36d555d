//! What comes out of the towers: losses with their slopes, and raw outputs.
//!
//! In: the heads' numbers of a slice and its labels. Out: the slope of the loss in each number, and sums of losses per cell.
//! Probabilities are learned from logits. A chain's probability is the product over its steps, learned over the entire space.
//! Counts are learned as a Poisson rate; amounts that are mostly 0 as a probability times a log-normal amount.
//!
//! # Source
//! Ma et al. (2018), "Entire space multi-task model", equation 3; Wang, Liu and Miao (2019), "A deep probabilistic model for
//! customer lifetime value prediction", section 3.2.

use super::super::rows::{Shape, TaskKind};
use super::feed::Feed;
use super::secant::secant;
use super::sgemm::{Mat, MatMut};
use super::shift::Shift;

/// One task's head: one number, or three (`ZeroInflated`: logit, amount, its spread).
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) kind: TaskKind,
    /// The first of its numbers among all heads' numbers, and how many there are.
    first: usize,
    pub(super) width: usize,
    /// The first numbers of the binary tasks on the way to this one, itself last; of other kinds only itself.
    chain: Vec<usize>,
    /// Mean and standard deviation of a regression's labels, or of the logarithm of amounts above 0: numbers are in units of them.
    pub(super) centre: f32,
    pub(super) spread: f32,
}

/// All heads.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    /// One per task.
    pub(super) tasks: Vec<Head>,
    /// Numbers of all heads together.
    pub(super) numbers: usize,
    scenarios: usize,
}

/// Sums over the labels of a task, each on the scale on which it is learned.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LabelSums {
    n: f64,
    sum: f64,
    square: f64,
    /// Weight of labels above 0, and sums of their logarithms.
    positive: f64,
    log: f64,
    log_square: f64,
    /// `Σ y ln y`.
    label_log: f64,
}

impl LabelSums {
    pub(super) fn add(&mut self, label: f64, weight: f64) {
        self.n += weight;
        self.sum += weight * label;
        self.square += weight * label * label;
        if label > 0.0 {
            self.positive += weight;
            self.log += weight * label.ln();
            self.log_square += weight * label.ln().powi(2);
            self.label_log += weight * label * label.ln();
        }
    }

    /// Weight of the labels.
    pub(super) fn weight(&self) -> f64 {
        self.n
    }

    fn mean(&self) -> f64 {
        self.sum / self.n.max(1e-12)
    }

    fn variance(&self) -> f64 {
        (self.square / self.n.max(1e-12) - self.mean().powi(2)).max(0.0)
    }

    /// Mean and variance of the logarithm of labels above 0.
    fn of_logs(&self) -> (f64, f64) {
        let mean = self.log / self.positive.max(1e-12);
        (mean, (self.log_square / self.positive.max(1e-12) - mean * mean).max(0.0))
    }

    fn share_positive(&self) -> f64 {
        self.positive / self.n.max(1e-12)
    }

    /// Half the mean Poisson deviance from the labels' own mean.
    fn deviance(&self) -> f64 {
        let mean = self.mean();
        if mean > 0.0 { (self.label_log / self.n.max(1e-12) - mean * mean.ln()).max(0.0) } else { 0.0 }
    }
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

/// `ln(p / (1 − p))`, for shares that a head can begin at.
fn logit(p: f64) -> f32 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln() as f32
}

/// Entropy of a share, in nats.
fn entropy(p: f64) -> f64 {
    let p = p.clamp(1e-9, 1.0 - 1e-9);
    -(p * p.ln() + (1.0 - p) * (1.0 - p).ln())
}

/// The secant of [`softplus`].
fn softplus_secant(a: f32, b: f32) -> f32 {
    let of = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    secant(f64::from(a), f64::from(b), of, |x| 1.0 / (1.0 + (-x).exp())) as f32
}

/// The spread of amounts that a number stands for, in units of the head's, and its slope: never 0.
fn spread_of(z: f32) -> (f32, f32) {
    (softplus(z) + 1e-3, sigmoid(z))
}

/// Of the logarithm of a rate: beyond it a rate means nothing.
const MOST_LOG_RATE: f32 = 30.0;

impl Heads {
    pub(super) fn new(shape: &Shape) -> Self {
        let mut firsts: Vec<usize> = Vec::new();
        let mut numbers = 0;
        let mut heads = Vec::new();
        for task in &shape.tasks {
            let width = if task.kind == TaskKind::ZeroInflated { 3 } else { 1 };
            let mut chain = vec![numbers];
            if task.kind == TaskKind::Binary {
                let mut before = task.after;
                while let Some(parent) = before {
                    chain.insert(0, firsts[parent]);
                    before = shape.tasks[parent].after;
                }
            }
            heads.push(Head { kind: task.kind, first: numbers, width, chain, centre: 0.0, spread: 1.0 });
            firsts.push(numbers);
            numbers += width;
        }
        Self { tasks: heads, numbers, scenarios: shape.scenarios.len() }
    }

    /// Fits a task's units to its labels; returns where its numbers begin, so that knowing nothing else it predicts their mean.
    pub(super) fn begin(&mut self, task: usize, labels: &LabelSums) -> Vec<f32> {
        let head = &mut self.tasks[task];
        let mut units = |mean: f64, variance: f64| {
            let spread = variance.sqrt();
            head.centre = mean as f32;
            head.spread = if spread > 1e-6 { spread as f32 } else { 1.0 };
        };
        match head.kind {
            TaskKind::Binary => vec![logit(labels.mean())],
            TaskKind::Regression | TaskKind::RegressionLog1p => {
                units(labels.mean(), labels.variance());
                vec![0.0]
            }
            TaskKind::Count => vec![labels.mean().max(1e-6).ln() as f32],
            TaskKind::ZeroInflated => {
                let (mean, variance) = labels.of_logs();
                units(mean, variance);
                // The last: softplus(0.541) = 1.
                vec![logit(labels.share_positive()), 0.0, 0.541]
            }
        }
    }

    /// Adds up losses and writes slopes. `scale` weighs each task: its share of the loss over its rows' weight.
    ///
    /// # Shapes
    /// `z` and `d: [rows, numbers]`, `scale: [tasks]`.
    pub(super) fn loss(&self, z: Mat<'_>, feed: &Feed, order: &[u32], scale: &[f32], mut d: MatMut<'_>, sums: &mut CellLosses) {
        let tasks = self.tasks.len();
        for (at, row) in order.iter().enumerate() {
            let row = *row as usize;
            let (z, d) = (z.row(at), d.row(at));
            let cell = (feed.scenario[row] as usize).min(self.scenarios) * tasks;
            d.fill(0.0);
            for (task, head) in self.tasks.iter().enumerate() {
                for (label, weight) in feed.lessons(row, task) {
                    if label.is_nan() || weight <= 0.0 {
                        continue;
                    }
                    let slope = scale[task] * weight;
                    let loss = match (head.kind, feed.shifts.get(cell + task)) {
                        (TaskKind::Binary, None) => head.binary(z, label, slope, d),
                        (TaskKind::Binary, Some(shift)) => head.shifted(z, label, slope, *shift, d),
                        (TaskKind::Regression | TaskKind::RegressionLog1p, _) => head.squared(z, label, slope, d),
                        (TaskKind::Count, _) => head.poisson(z, label, slope, d),
                        (TaskKind::ZeroInflated, _) => head.zero_inflated(z, label, slope, d),
                    };
                    sums.loss[cell + task] += f64::from(weight * loss);
                    sums.weight[cell + task] += f64::from(weight);
                }
            }
        }
    }

    /// The raw output of a task from a row's numbers: the logit of its own step, or the prediction on the scale of raw outputs.
    pub(super) fn raw(&self, task: usize, z: &[f32]) -> f32 {
        let head = &self.tasks[task];
        let z = &z[head.first..head.first + head.width];
        match head.kind {
            TaskKind::Binary => z[0],
            TaskKind::Regression | TaskKind::RegressionLog1p => head.centre + head.spread * z[0],
            TaskKind::Count => softplus(z[0]),
            TaskKind::ZeroInflated => softplus(head.log_amount(z)),
        }
    }

    /// Multipliers of a task's raw output between two settings of its numbers: `raw(b) − raw(a) = Σ d · (b − a)`. Shape of each:
    /// `[width of the task's head]`.
    pub(super) fn raw_secants(&self, task: usize, a: &[f32], b: &[f32], d: &mut [f32]) {
        let head = &self.tasks[task];
        match head.kind {
            TaskKind::Binary => d[0] = 1.0,
            TaskKind::Regression | TaskKind::RegressionLog1p => d[0] = head.spread,
            TaskKind::Count => d[0] = softplus_secant(a[0], b[0]),
            TaskKind::ZeroInflated => {
                let outer = softplus_secant(head.log_amount(a), head.log_amount(b));
                let square = spread_of(a[2]).0 + spread_of(b[2]).0;
                d[0] = outer * softplus_secant(-a[0], -b[0]);
                d[1] = outer * head.spread;
                d[2] = outer * head.spread * head.spread * square / 2.0 * softplus_secant(a[2], b[2]);
            }
        }
    }

    /// The loss of knowing nothing but a cell's own labels, with which a cell's loss is compared.
    pub(super) fn base_loss(&self, task: usize, labels: &LabelSums) -> f64 {
        let head = &self.tasks[task];
        match head.kind {
            TaskKind::Binary => entropy(labels.mean()),
            TaskKind::Regression | TaskKind::RegressionLog1p => labels.variance() / (2.0 * f64::from(head.spread).powi(2)),
            TaskKind::Count => labels.deviance(),
            TaskKind::ZeroInflated => {
                let (_, variance) = labels.of_logs();
                let relative = (variance.sqrt() / f64::from(head.spread)).max(1e-3);
                entropy(labels.share_positive()) + labels.share_positive() * (relative.ln() + 0.5)
            }
        }
    }

    /// What there is to gain in a cell, in the unit of its loss: [`Heads::base_loss`], but for amounts that are mostly 0. Their
    /// loss is a log density, which may be 0 or less; it counts in units of spread as wide as the cell's own.
    pub(super) fn base_scale(&self, task: usize, labels: &LabelSums) -> f64 {
        match self.tasks[task].kind {
            TaskKind::ZeroInflated => entropy(labels.share_positive()) + labels.share_positive() / 2.0,
            _ => self.base_loss(task, labels),
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

    /// Log loss of the chain's probability as weighed classes would have it, weighed by class; adds the slopes in all its logits. With
    /// `P` the chain's probability the logit is `ln P − ln(1 − P) + ln c`, whose slope in `ln P` is `1 / (1 − P)`.
    fn shifted(&self, z: &[f32], label: f32, slope: f32, shift: Shift, d: &mut [f32]) -> f32 {
        let log_p: f32 = -self.chain.iter().map(|at| softplus(-z[*at])).sum::<f32>();
        let rest = (-log_p.exp_m1()).max(1e-12);
        let logit = if let [own] = self.chain[..] { z[own] } else { log_p - rest.ln() } + shift.log_odds;
        let (yes, no) = (shift.yes * label, shift.no * (1.0 - label));
        let by_logit = no * sigmoid(logit) - yes * sigmoid(-logit);
        for at in &self.chain {
            let by_own = if self.chain.len() == 1 { 1.0 } else { sigmoid(-z[*at]) / rest };
            d[*at] += slope * by_logit * by_own;
        }
        yes * softplus(-logit) + no * softplus(logit)
    }

    /// Half the squared error, in units of the head's spread.
    fn squared(&self, z: &[f32], label: f32, slope: f32, d: &mut [f32]) -> f32 {
        let error = z[self.first] - (label - self.centre) / self.spread;
        d[self.first] += slope * error;
        error * error / 2.0
    }

    /// Half the deviance of a Poisson count with rate `e^z`, `e^z − y z + y ln y − y`: 0 where the rate is the label. With
    /// `δ = z − ln y` it is `y (e^δ − 1 − δ)`, which does not cancel.
    fn poisson(&self, z: &[f32], label: f32, slope: f32, d: &mut [f32]) -> f32 {
        // A clamp keeps NaN: training that diverged must be seen.
        let z = z[self.first].clamp(f32::MIN, MOST_LOG_RATE);
        d[self.first] += slope * (z.exp() - label);
        if label > 0.0 {
            let delta = z - label.ln();
            label * (delta.exp_m1() - delta)
        } else {
            z.exp()
        }
    }

    /// Negative log likelihood of "nothing", `−ln(1 − p)`, or of an amount whose logarithm is normal,
    /// `−ln p + ln s + ((ln y − μ) / s)² / 2`, in units of the head's spread.
    fn zero_inflated(&self, z: &[f32], label: f32, slope: f32, d: &mut [f32]) -> f32 {
        let (z, d) = (&z[self.first..self.first + 3], &mut d[self.first..self.first + 3]);
        if label <= 0.0 {
            d[0] += slope * sigmoid(z[0]);
            return softplus(z[0]);
        }
        d[0] += slope * (sigmoid(z[0]) - 1.0);
        let (s, s_slope) = spread_of(z[2]);
        let error = ((label.ln() - self.centre) / self.spread - z[1]) / s;
        d[1] -= slope * error / s;
        d[2] += slope * s_slope * (1.0 - error * error) / s;
        softplus(-z[0]) + s.ln() + error * error / 2.0
    }

    /// Logarithm of the expected amount `p · e^(μ + σ² / 2)`: probability times the mean of a log-normal amount.
    fn log_amount(&self, z: &[f32]) -> f32 {
        let spread = self.spread * spread_of(z[2]).0;
        self.centre + self.spread * z[1] + spread * spread / 2.0 - softplus(-z[0])
    }
}
