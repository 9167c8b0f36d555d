//! Classes that count the same in the loss, and probabilities that stay true of the rows.
//!
//! In: labels. Out: for each cell a weight of each class, and the factor by which weights change the odds. A model that is fitted to
//! weighed rows settles at odds that are the weights' ratio too high (King and Zeng's prior correction, read backwards). So the loss is
//! taken of the network's probability *after* that change: `q = c p / (c p + 1 − p)` with `c = w₁ / w₀`, weighed by `w₁` and `w₀`. Its
//! expectation is least where `q` has the odds of the weighed rows, that is where `p` has the rows' own: nothing is left to correct when
//! predicting. Since `p` is the probability of the whole chain, this holds for chained tasks too; an offset on a step's own logit does not.
//!
//! # Source
//! King and Zeng (2001), "Logistic regression in rare events data", section 4; Menon et al. (2021), "Long-tail learning via logit
//! adjustment", section 5.1 (the offset inside of the loss).

use super::super::rows::{Block, Shape};
use super::feed::lesson;

/// Weight of each class that a class counts with at least: a cell with a handful of positives must not hang on them.
const LEAST_WEIGHT: f64 = 20.0;

/// What the classes of a cell count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shift {
    /// Weight of a positive.
    pub(super) yes: f32,
    /// Weight of a negative.
    pub(super) no: f32,
    /// Logarithm of their ratio.
    pub(super) log_odds: f32,
}

impl Shift {
    /// Weights under which both classes of `negative` and `positive` rows weigh half of them all.
    pub(super) fn balancing(negative: f64, positive: f64) -> Self {
        let half = (negative + positive) / 2.0;
        if half <= 0.0 {
            return Self { yes: 1.0, no: 1.0, log_odds: 0.0 };
        }
        let (yes, no) = (half / positive.max(LEAST_WEIGHT), half / negative.max(LEAST_WEIGHT));
        Self { yes: yes as f32, no: no as f32, log_odds: (yes / no).ln() as f32 }
    }
}

/// The shifts of every cell; those of tasks that are not binary are not used. Shape: `[(scenarios + 1) · tasks]`.
pub(super) fn balanced(shape: &Shape, blocks: &[Block<'_>]) -> Vec<Shift> {
    let tasks = shape.tasks.len();
    let mut sums = vec![(0.0, 0.0); (shape.scenarios.len() + 1) * tasks];
    for block in blocks {
        for row in 0..block.rows() {
            let first = (block.scenario[row] as usize).min(shape.scenarios.len()) * tasks;
            for (task, sum) in sums[first..first + tasks].iter_mut().enumerate() {
                if let Some((label, weight)) = lesson(shape, block, task, row).filter(|_| shape.tasks[task].kind.is_binary()) {
                    sum.0 += weight * (1.0 - label);
                    sum.1 += weight * label;
                }
            }
        }
    }
    sums.into_iter().map(|(negative, positive)| Shift::balancing(negative, positive)).collect()
}
