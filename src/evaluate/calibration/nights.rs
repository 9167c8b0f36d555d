//! How much the level of a cell moves from night to night, and what that leaves of the evidence of one night.
//!
//! In: labels of training rows. Out: [`NightSpread`]. Promotions, weather and holidays move a cell's rate for everybody at
//! once: thousands of rows of one night then say little more of the next night than the night itself does.

use std::collections::BTreeMap;

use super::platt::Row;
use crate::learn::rows::{Block, Shape};

/// Nights without which a spread is not estimated.
const LEAST_NIGHTS: usize = 3;
/// Positives of a night (rows with an amount) without which it says nothing of the spread.
const LEAST_POSITIVES: f64 = 20.0;

/// Variance over nights of the logarithm of a cell's level: its odds, or its mean amount.
#[derive(Debug, Clone, PartialEq)]
pub struct NightSpread {
    /// Shape: `[tasks][scenarios]`.
    cells: Vec<Vec<f64>>,
}

/// Sums over the labelled rows of a cell in a night.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rows: f64,
    positives: f64,
    sum: f64,
    squares: f64,
}

impl NightSpread {
    /// Nights that are all alike.
    #[must_use]
    pub fn none(shape: &Shape) -> Self {
        Self { cells: vec![vec![0.0; shape.scenarios.len()]; shape.tasks.len()] }
    }

    /// Of training rows: variance of the nights' levels less what chance alone makes of it, and not below 0. A cell with fewer
    /// than three nights of support is taken to be steady.
    ///
    /// `τ² = max(0, mean_k[(x_k − x̄)² · K/(K − 1)] − mean_k[v_k])`, where `x_k` is the log odds (or the log mean) of night `k`
    /// and `v_k` its sampling variance, `1/(n p (1 − p))` (or `s²/(n m²)`).
    ///
    /// # Source
    /// `DerSimonian` and Laird (1986), "Meta-analysis in clinical trials", in its unweighted form.
    #[must_use]
    pub fn of(blocks: &[Block<'_>], shape: &Shape) -> Self {
        let mut sums: BTreeMap<(usize, usize, i32), Sums> = BTreeMap::new();
        for block in blocks {
            for (at, task) in shape.tasks.iter().enumerate() {
                for row in 0..block.rows() {
                    let (label, scenario) = (f64::from(block.labels[at][row]), block.scenario[row] as usize);
                    let happened = task.after.is_none_or(|parent| block.labels[parent][row] > 0.5);
                    if label.is_nan() || !happened || scenario >= shape.scenarios.len() {
                        continue;
                    }
                    let sums = sums.entry((at, scenario, block.as_of)).or_default();
                    sums.rows += 1.0;
                    sums.positives += f64::from(u8::from(label > 0.0));
                    sums.sum += label;
                    sums.squares += label * label;
                }
            }
        }
        let mut spread = Self::none(shape);
        for (at, task) in shape.tasks.iter().enumerate() {
            for scenario in 0..shape.scenarios.len() {
                let nights = sums.range((at, scenario, i32::MIN)..=(at, scenario, i32::MAX)).map(|(_, sums)| *sums);
                let levels: Vec<(f64, f64)> = nights.filter_map(|sums| sums.level(task.kind.is_binary())).collect();
                spread.cells[at][scenario] = between(&levels);
            }
        }
        spread
    }

    /// Variance of a cell.
    #[must_use]
    pub fn at(&self, task: usize, scenario: usize) -> f64 {
        self.cells.get(task).and_then(|cells| cells.get(scenario)).copied().unwrap_or(0.0)
    }
}

impl Sums {
    /// Logarithm of the level, and its sampling variance; `None` with too little support.
    fn level(self, binary: bool) -> Option<(f64, f64)> {
        if self.positives < LEAST_POSITIVES || (binary && self.rows - self.positives < LEAST_POSITIVES) {
            return None;
        }
        let mean = self.sum / self.rows;
        if binary {
            return Some(((mean / (1.0 - mean)).ln(), 1.0 / (self.rows * mean * (1.0 - mean))));
        }
        let variance = (self.squares / self.rows - mean * mean).max(0.0);
        Some((mean.ln(), variance / (self.rows * mean * mean)))
    }
}

/// Variance between levels beyond that of chance.
fn between(levels: &[(f64, f64)]) -> f64 {
    if levels.len() < LEAST_NIGHTS {
        return 0.0;
    }
    let n = levels.len() as f64;
    let mean = levels.iter().map(|(level, _)| level).sum::<f64>() / n;
    let seen = levels.iter().map(|(level, _)| (level - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let chance = levels.iter().map(|(_, chance)| chance).sum::<f64>() / n;
    (seen - chance).max(0.0)
}

/// The share of each row's evidence that is its own: with information `I_k` in all rows of its night, a night is worth
/// `1 / (1/I_k + τ²)`, so each of its rows `1 / (1 + I_k τ²)` of what it would be worth in steady nights.
pub(super) fn independent(rows: &[Row], spread: f64, information: impl Fn(&Row) -> f64) -> Vec<f64> {
    let mut nights: BTreeMap<i32, f64> = BTreeMap::new();
    for row in rows {
        *nights.entry(row.night).or_default() += information(row);
    }
    rows.iter().map(|row| 1.0 / (1.0 + nights.get(&row.night).copied().unwrap_or(0.0) * spread)).collect()
}
