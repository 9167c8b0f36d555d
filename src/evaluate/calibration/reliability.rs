//! Reliability tables: what was predicted against what happened, in bins of equal mass.
//!
//! In: scored rows. Out: [`ReliabilityBin`]s with Wilson intervals. Nothing is fitted here.

use crate::evaluate::cells::{Scored, cell};
use crate::evaluate::metrics::{BINS, Rows};

/// One bin of a reliability table.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityBin {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Binary task.
    pub task: String,
    /// Number of the bin, from the lowest predictions.
    pub bin: u32,
    /// Mean prediction.
    pub predicted: f64,
    /// Share of positives.
    pub observed: f64,
    /// Lower end of the Wilson interval of the share.
    pub low: f64,
    /// Upper end of the Wilson interval of the share.
    pub high: f64,
    /// Rows.
    pub n: u64,
}

/// The Wilson interval of a share, at 95 %.
///
/// # Source
/// Wilson (1927), "Probable inference, the law of succession, and statistical inference".
#[must_use]
pub fn wilson(positives: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    // The 97.5 % quantile of the normal distribution.
    let z = 1.959_963_984_540_054_f64;
    let share = positives / n;
    let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Reliability of every binary task, per scenario and over all: ten bins of equal mass, lowest predictions first.
#[must_use]
pub fn reliability(scored: &Scored<'_>) -> Vec<ReliabilityBin> {
    let mut bins = Vec::new();
    let scenarios = std::iter::once(None).chain((0..scored.scenarios.len()).map(|at| Some(at as u16)));
    for scenario in scenarios {
        for (at, task) in scored.tasks.iter().enumerate().filter(|(_, task)| task.kind.is_binary()) {
            let (labels, predictions) = cell(scored, at, scenario);
            // Predictions that are no numbers have no bin; the figures of the cell say so.
            let rows = Rows::new(&labels, &predictions).unwrap_or_default();
            for (bin, rows) in rows.equal_mass(BINS).into_iter().rev().enumerate() {
                let n = rows.len() as f64;
                let positives: f64 = rows.iter().map(|row| labels[*row as usize]).sum();
                let (low, high) = wilson(positives, n);
                bins.push(ReliabilityBin {
                    scenario: scenario.map_or_else(|| "*".into(), |at| scored.scenarios[at as usize].clone()),
                    task: task.name.clone(),
                    bin: bin as u32 + 1,
                    predicted: rows.iter().map(|row| predictions[*row as usize]).sum::<f64>() / n,
                    observed: positives / n,
                    low,
                    high,
                    n: rows.len() as u64,
                });
            }
        }
    }
    bins
}
