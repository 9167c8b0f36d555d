//! How the tasks' losses are weighed against each other, and how much their gradients disagree.
//!
//! In: losses, and inner products of the tasks' gradients on the shared dense weights. Out: a weight per task for the next
//! step, and for gradient surgery a factor per task on its shared gradient.

use serde::{Deserialize, Serialize};

use super::super::saved::bits::{from_bits, to_bits};
use super::settings::Balance;

/// Strength with which `gradnorm` pulls slow tasks ahead.
const GRADNORM_ALPHA: f64 = 1.5;
/// Step size of the weights of `gradnorm` and `uncertainty`.
const RATE: f64 = 0.01;
/// Temperature of `dwa`: the larger, the more even the weights.
const DWA_TEMPERATURE: f64 = 2.0;

/// Weights of the tasks.
#[derive(Debug, Clone)]
pub(super) struct Balancer {
    pub(super) kind: Balance,
    alpha: Vec<f64>,
    /// `w` of `gradnorm` and `dwa`, mean 1.
    weights: Vec<f64>,
    /// `s = ln σ²` of `uncertainty`.
    log_variance: Vec<f64>,
    /// Losses at the first step, and of the last two passes.
    first: Option<Vec<f64>>,
    passes: Vec<Vec<f64>>,
}

/// What a balancer has learned so far, by its bits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BalancerState {
    weights: Vec<u64>,
    log_variance: Vec<u64>,
    first: Option<Vec<u64>>,
    passes: Vec<Vec<u64>>,
}

/// The least that a loss counts for where weights follow losses, in the loss's unit.
const LEAST_LOSS: f64 = 0.05;

/// Losses as weights follow them; NaN stays NaN.
fn counted(losses: &[f64]) -> Vec<f64> {
    losses.iter().map(|loss| if *loss < LEAST_LOSS { LEAST_LOSS } else { *loss }).collect()
}

impl Balancer {
    pub(super) fn state(&self) -> BalancerState {
        BalancerState {
            weights: to_bits(&self.weights),
            log_variance: to_bits(&self.log_variance),
            first: self.first.as_deref().map(to_bits),
            passes: self.passes.iter().map(|losses| to_bits(losses)).collect(),
        }
    }

    /// Whether a state is one of as many tasks.
    pub(super) fn fits(&self, state: &BalancerState) -> bool {
        let of_tasks = |values: &[u64]| values.len() == self.alpha.len();
        of_tasks(&state.weights)
            && of_tasks(&state.log_variance)
            && state.first.as_deref().is_none_or(of_tasks)
            && state.passes.iter().all(|losses| of_tasks(losses))
    }

    pub(super) fn go_on(&mut self, state: &BalancerState) {
        self.weights = from_bits(&state.weights);
        self.log_variance = from_bits(&state.log_variance);
        self.first = state.first.as_deref().map(from_bits);
        self.passes = state.passes.iter().map(|losses| from_bits(losses)).collect();
    }

    pub(super) fn new(kind: Balance, alpha: &[f32]) -> Self {
        let tasks = alpha.len();
        let alpha = alpha.iter().map(|alpha| f64::from(*alpha)).collect();
        Self { kind, alpha, weights: vec![1.0; tasks], log_variance: vec![0.0; tasks], first: None, passes: Vec::new() }
    }

    /// Whether every task's shared gradient is needed by itself.
    pub(super) fn by_task(&self) -> bool {
        matches!(self.kind, Balance::Gradnorm | Balance::Pcgrad)
    }

    /// The weight of each task's loss in the next step.
    pub(super) fn weights(&self) -> Vec<f32> {
        let of = |task: usize| match self.kind {
            Balance::Fixed | Balance::Pcgrad => 1.0,
            Balance::Dwa | Balance::Gradnorm => self.weights[task],
            Balance::Uncertainty => (-self.log_variance[task]).exp(),
        };
        self.alpha.iter().enumerate().map(|(task, alpha)| (alpha * of(task)) as f32).collect()
    }

    /// After a step with these mean losses (NaN = the mini-batch taught the task nothing). A loss that is a log density may be
    /// negative: it counts as [`LEAST_LOSS`] then, for a weight must not run away with it.
    ///
    /// # Source
    /// Kendall, Gal and Cipolla (2018), "Multi-task learning using uncertainty to weigh losses", equation 10: the loss is
    /// `Σ e^{−s} ℓ + s / 2`, its slope in `s` is `1/2 − e^{−s} ℓ`.
    pub(super) fn after_step(&mut self, losses: &[f64]) {
        let losses = &counted(losses);
        if self.first.is_none() && losses.iter().all(|loss| loss.is_finite()) {
            self.first = Some(losses.clone());
        }
        if self.kind == Balance::Uncertainty {
            for (s, loss) in self.log_variance.iter_mut().zip(losses).filter(|(_, loss)| loss.is_finite()) {
                *s = (*s - RATE * (0.5 - (-*s).exp() * loss)).clamp(-5.0, 5.0);
            }
        }
    }

    /// After a pass over the rows with these mean losses.
    ///
    /// # Source
    /// Liu, Johns and Davison (2019), "End-to-end multi-task learning with attention", equation 7:
    /// `w_k = K · softmax(r_k / T)`, `r_k = ℓ_k(t − 1) / ℓ_k(t − 2)`.
    pub(super) fn after_pass(&mut self, losses: &[f64]) {
        self.passes.push(counted(losses));
        if let (Balance::Dwa, [.., before, last]) = (self.kind, self.passes.as_slice()) {
            let ratio = |(last, before): (&f64, &f64)| if *before > 0.0 && last.is_finite() { last / before } else { 1.0 };
            let raised: Vec<f64> = last.iter().zip(before).map(|pair| (ratio(pair) / DWA_TEMPERATURE).exp()).collect();
            let (sum, raised_count): (f64, f64) = (raised.iter().sum(), raised.len() as f64);
            self.weights = raised.iter().map(|raised| raised * raised_count / sum).collect();
        }
    }

    /// With the inner products `gram: [tasks × tasks]` of the tasks' weighted gradients on the shared weights: the factor on
    /// each task's shared gradient. `order` is a random order of the tasks.
    pub(super) fn surgery(&mut self, gram: &[f64], losses: &[f64], order: &[usize]) -> Vec<f32> {
        match self.kind {
            Balance::Pcgrad => pcgrad(gram, order),
            Balance::Gradnorm => {
                self.gradnorm(gram, losses);
                vec![1.0; self.alpha.len()]
            }
            _ => vec![1.0; self.alpha.len()],
        }
    }

    /// # Source
    /// Chen et al. (2018), "GradNorm", algorithm 1: the weights move so that `w_i ‖∇ℓ_i‖` nears the mean norm times
    /// `(ℓ_i / ℓ_i(0))^α` over its mean. The norms are taken on all shared dense weights.
    fn gradnorm(&mut self, gram: &[f64], losses: &[f64]) {
        let losses = &counted(losses);
        let tasks = self.alpha.len();
        let Some(first) = self.first.as_ref().filter(|_| losses.iter().all(|loss| loss.is_finite())) else { return };
        let norms: Vec<f64> = (0..tasks).map(|task| gram[task * tasks + task].sqrt()).collect();
        let mean = norms.iter().sum::<f64>() / tasks as f64;
        let ratios: Vec<f64> = losses.iter().zip(first).map(|(loss, first)| loss / first.max(1e-12)).collect();
        let mean_ratio = ratios.iter().sum::<f64>() / tasks as f64;
        for task in 0..tasks {
            let target = mean * (ratios[task] / mean_ratio.max(1e-12)).powf(GRADNORM_ALPHA);
            let slope = (norms[task] - target).signum() * norms[task] / self.weights[task] / mean.max(1e-12);
            self.weights[task] = (self.weights[task] - RATE * slope).max(0.05);
        }
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight *= tasks as f64 / sum);
    }
}

/// Projects each task's gradient off those it conflicts with, in the given order. Every projected gradient is a combination of
/// the tasks' gradients, so their inner products are enough; returned is the factor on each in the sum.
///
/// # Source
/// Yu et al. (2020), "Gradient surgery for multi-task learning", algorithm 1.
fn pcgrad(gram: &[f64], order: &[usize]) -> Vec<f32> {
    let tasks = order.len();
    let mut factors = vec![0.0; tasks];
    for own in 0..tasks {
        let mut combination = vec![0.0; tasks];
        combination[own] = 1.0;
        for other in order.iter().copied().filter(|other| *other != own) {
            let inner: f64 = (0..tasks).map(|at| combination[at] * gram[at * tasks + other]).sum();
            let norm = gram[other * tasks + other];
            if inner < 0.0 && norm > 0.0 {
                combination[other] -= inner / norm;
            }
        }
        factors.iter_mut().zip(&combination).for_each(|(sum, part)| *sum += part);
    }
    factors.iter().map(|factor| *factor as f32).collect()
}

/// Cosine of two tasks' gradients; `None` where one of them is zero.
pub(super) fn cosine(gram: &[f64], tasks: usize, a: usize, b: usize) -> Option<f64> {
    let norms = (gram[a * tasks + a] * gram[b * tasks + b]).sqrt();
    (norms > 0.0).then(|| gram[a * tasks + b] / norms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surgery_leaves_agreeing_gradients_alone_and_removes_what_conflicts() {
        assert_eq!(pcgrad(&[1.0, 0.5, 0.5, 1.0], &[0, 1]), [1.0, 1.0]);
        // g0 = (1, 0), g1 = (−1, 1): g0' = (0.5, 0.5), g1' = (0, 1); their sum (0.5, 1.5) = 2·g0 + 1.5·g1.
        let factors = pcgrad(&[1.0, -1.0, -1.0, 2.0], &[0, 1]);
        assert!((factors[0] - 2.0).abs() < 1e-6 && (factors[1] - 1.5).abs() < 1e-6, "{factors:?}");
    }

    #[test]
    fn the_task_whose_loss_falls_slower_gets_more_weight() {
        let mut balancer = Balancer::new(Balance::Dwa, &[1.0, 1.0]);
        balancer.after_pass(&[1.0, 1.0]);
        balancer.after_pass(&[0.5, 0.9]);
        let weights = balancer.weights();
        assert!(weights[1] > weights[0] && (weights[0] + weights[1] - 2.0).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn uncertainty_settles_where_the_weighted_loss_is_one_half() {
        let mut balancer = Balancer::new(Balance::Uncertainty, &[1.0]);
        (0..5000).for_each(|_| balancer.after_step(&[0.1]));
        assert!((f64::from(balancer.weights()[0]) * 0.1 - 0.5).abs() < 1e-3);
    }
}
