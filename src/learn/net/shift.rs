//! Classes that count otherwise in the loss than they come, and probabilities that stay true of the rows.
//!
//! In: labels, and how rows are visited. Out: for each cell a weight of each class, and the factor by which weights and visits change the
//! odds. A model that is fitted to weighed rows settles at odds that are the weights' ratio too high (King and Zeng's prior correction, read
//! backwards). So the loss is taken of the network's probability *after* that change: `q = c p / (c p + 1 − p)` with `c = w₁ / w₀`, weighed
//! by `w₁` and `w₀`. Its expectation is least where `q` has the odds of the weighed rows, that is where `p` has the rows' own: nothing is left
//! to correct when predicting. Since `p` is the probability of the whole chain, this holds for chained tasks too; an offset on a step's own
//! logit does not.
//!
//! # Source
//! King and Zeng (2001), "Logistic regression in rare events data", section 4; Menon et al. (2021), "Long-tail learning via logit
//! adjustment", section 5.1 (the offset inside of the loss).

use super::super::prepare::ClassWeights;
use super::super::rows::{Block, Shape};
use super::feed::lesson;
use super::sampling::Sampling;

/// Rows that a class counts with at least: a cell must not hang on a handful of positives.
const LEAST_ROWS: f64 = 20.0;

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
    /// Classes as they come.
    const NONE: Self = Self { yes: 1.0, no: 1.0, log_odds: 0.0 };

    /// Weights under which both classes weigh half of all that `negative` and `positive` rows weigh; `rows` is their number.
    fn balancing(negative: f64, positive: f64, rows: u64) -> Self {
        let all = negative + positive;
        if all <= 0.0 {
            return Self::NONE;
        }
        let least = LEAST_ROWS * all / rows as f64;
        let (yes, no) = (all / 2.0 / positive.max(least), all / 2.0 / negative.max(least));
        Self { yes: yes as f32, no: no as f32, log_odds: (yes / no).ln() as f32 }
    }
}

/// The shifts of every cell; those of tasks that are not binary are not used. Shape: `[(scenarios + 1) · tasks]`, or empty where all
/// classes count as they come.
pub(super) fn shifts(weights: ClassWeights, sampling: Option<&Sampling>, shape: &Shape, blocks: &[Block<'_>]) -> Vec<Shift> {
    let cells = (shape.scenarios.len() + 1) * shape.tasks.len();
    let visits = sampling.map_or_else(|| vec![[1.0; 2]; cells], |sampling| sampling.classes().to_vec());
    let own = match weights {
        ClassWeights::None => vec![Shift::NONE; cells],
        ClassWeights::Balanced => balanced(&visits, shape, blocks),
    };
    let shifted =
        own.into_iter().zip(visits).map(|(own, [none, some])| Shift { log_odds: own.log_odds + (some / none).ln() as f32, ..own });
    let found: Vec<Shift> = shifted.collect();
    if found.iter().all(|shift| *shift == Shift::NONE) { Vec::new() } else { found }
}

/// Shifts that balance the classes, whose visits weigh so much against their rows.
fn balanced(visits: &[[f64; 2]], shape: &Shape, blocks: &[Block<'_>]) -> Vec<Shift> {
    let tasks = shape.tasks.len();
    let mut sums = vec![(0.0, 0.0, 0); visits.len()];
    for block in blocks {
        for row in 0..block.rows() {
            let first = (block.scenario[row] as usize).min(shape.scenarios.len()) * tasks;
            for (task, sum) in sums[first..first + tasks].iter_mut().enumerate() {
                if let Some((label, weight)) = lesson(shape, block, task, row).filter(|_| shape.tasks[task].kind.is_binary()) {
                    sum.0 += weight * (1.0 - label);
                    sum.1 += weight * label;
                    sum.2 += 1;
                }
            }
        }
    }
    let of =
        |((negative, positive, rows), [none, some]): ((f64, f64, u64), &[f64; 2])| Shift::balancing(none * negative, some * positive, rows);
    sums.into_iter().zip(visits).map(of).collect()
}
