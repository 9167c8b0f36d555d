//! How weights follow gradients: step sizes, and the dense arena's update.
//!
//! In: gradients. Out: changed weights. Elementwise, in chunks that do not depend on the thread count.
//!
//! # Source
//! Kingma and Ba (2015), "Adam", algorithm 1; Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithm
//! 2; Duchi, Hazan and Singer (2011), "Adaptive subgradient methods", section 1.1.

use multiversion::multiversion;
use rayon::prelude::*;

use super::settings::{Optimizer, TrainSettings};
use super::wide;

pub(super) const BETA1: f32 = 0.9;
pub(super) const BETA2: f32 = 0.999;
pub(super) const EPSILON: f32 = 1e-8;
/// Numbers of the arena that one task updates.
const CHUNK: usize = 1 << 14;

/// Decoupled weight decay.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shrink<'a> {
    /// The same for every weight.
    All(f32),
    /// Each weight's own.
    Each(&'a [f32]),
}

/// Step sizes so far.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    pub(super) optimizer: Optimizer,
    base: f32,
    warmup: usize,
    /// Factor on the step size, from its decay.
    pub(super) factor: f32,
    /// Steps begun, the current one included.
    pub(super) step: usize,
    pub(super) rate: f32,
    /// `ε` as it stands beside the uncorrected `sqrt(v)`.
    pub(super) epsilon: f32,
    /// `rate_τ · sqrt(1 − β2^τ) / (1 − β1^τ)` of every step τ; the first entry stands for no step.
    pub(super) moves: Vec<f32>,
    /// `Σ_{i ≤ τ} rate_i` of every step τ.
    pub(super) rates: Vec<f64>,
}

impl Clock {
    pub(super) fn new(settings: &TrainSettings) -> Self {
        Self {
            optimizer: settings.optimizer,
            base: settings.rate,
            warmup: settings.warmup_steps,
            factor: 1.0,
            step: 0,
            rate: 0.0,
            epsilon: 0.0,
            moves: vec![0.0],
            rates: vec![0.0],
        }
    }

    /// Goes on after steps of these sizes.
    pub(super) fn go_on(&mut self, moves: Vec<f32>, rates: Vec<f64>) {
        self.step = rates.len().saturating_sub(1);
        (self.moves, self.rates) = (moves, rates);
        self.epsilon = self.epsilon_now();
    }

    /// Begins the next step.
    pub(super) fn tick(&mut self) {
        self.step += 1;
        let warm = if self.warmup > 0 { (self.step as f32 / self.warmup as f32).min(1.0) } else { 1.0 };
        self.rate = self.base * self.factor * warm;
        self.epsilon = self.epsilon_now();
        self.moves.push(self.move_size());
        self.rates.push(self.rates[self.step - 1] + f64::from(self.rate));
    }

    /// The step size of Adam with both bias corrections in it.
    fn move_size(&self) -> f32 {
        let step = self.step as i32;
        let (c1, c2) = (1.0 - f64::from(BETA1).powi(step), 1.0 - f64::from(BETA2).powi(step));
        (f64::from(self.rate) * c2.sqrt() / c1) as f32
    }

    fn epsilon_now(&self) -> f32 {
        let c2 = 1.0 - f64::from(BETA2).powi(self.step as i32);
        (f64::from(EPSILON) * c2.sqrt()) as f32
    }

    /// Updates weights side by side. Shapes: all `[n]`; `m` and `v` are their moments. Each number is worked out alike wherever it stands.
    #[expect(clippy::inline_always, reason = "a step of a wide loop")]
    #[inline(always)]
    pub(super) fn update(&self, weights: &mut [f32], m: &mut [f32], v: &mut [f32], gradients: &[f32], decay: Shrink<'_>) {
        match decay {
            Shrink::Each(decays) => wide::pairs(weights, decays, |weight, decay| *weight -= self.rate * decay * *weight),
            Shrink::All(decay) if decay > 0.0 => {
                for weight in &mut *weights {
                    *weight -= self.rate * decay * *weight;
                }
            }
            Shrink::All(_) => {}
        }
        let n = weights.len();
        let (m, v, gradients) = (&mut m[..n], &mut v[..n], &gradients[..n]);
        match self.optimizer {
            Optimizer::Adam => {
                let (size, epsilon) = (self.moves[self.step], self.epsilon);
                for at in 0..n {
                    m[at] += (1.0 - BETA1) * (gradients[at] - m[at]);
                    v[at] += (1.0 - BETA2) * (gradients[at] * gradients[at] - v[at]);
                    weights[at] -= size * m[at] / (v[at].sqrt() + epsilon);
                }
            }
            Optimizer::Adagrad => {
                for at in 0..n {
                    v[at] += gradients[at] * gradients[at];
                    weights[at] -= self.rate * gradients[at] / (v[at].sqrt() + EPSILON);
                }
            }
            Optimizer::Sgd => wide::pairs(weights, gradients, |weight, gradient| *weight -= self.rate * gradient),
        }
    }
}

/// The dense arena's moments.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) m: Vec<f32>,
    pub(super) v: Vec<f32>,
}

impl Moments {
    pub(super) fn new(len: usize) -> Self {
        Self { m: vec![0.0; len], v: vec![0.0; len] }
    }

    /// Updates every weight of the arena.
    pub(super) fn step(&mut self, clock: &Clock, weights: &mut [f32], gradients: &[f32], decays: &[f32]) {
        let chunks = weights.par_chunks_mut(CHUNK).zip(self.m.par_chunks_mut(CHUNK)).zip(self.v.par_chunks_mut(CHUNK));
        chunks
            .zip(gradients.par_chunks(CHUNK))
            .zip(decays.par_chunks(CHUNK))
            .for_each(|((((weights, m), v), gradients), decays)| update(clock, weights, m, v, gradients, decays));
    }
}

/// [`Clock::update`] for a chunk of the arena.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn update(clock: &Clock, weights: &mut [f32], m: &mut [f32], v: &mut [f32], gradients: &[f32], decays: &[f32]) {
    clock.update(weights, m, v, gradients, Shrink::Each(decays));
}
