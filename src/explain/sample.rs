//! Which held-out rows are explained one by one.
//!
//! In: published predictions and labels of the held-out night. Out: rows and why each was chosen. Not here: rows that importance is
//! measured on, which are spread evenly.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::learn::rows::Task;

/// Why a row is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Among the highest predictions.
    TopScore,
    /// Closest to the decision threshold: a little less or more would decide otherwise.
    NearThreshold,
    /// Among the largest losses: log loss of a binary task, the absolute error of an amount.
    WorstError,
    /// Drawn at random.
    Random,
}

impl Why {
    /// As it stands in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TopScore => "top score",
            Self::NearThreshold => "near threshold",
            Self::WorstError => "worst error",
            Self::Random => "random",
        }
    }
}

/// A row to explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Index of the task.
    pub task: usize,
    /// Position in the held-out night.
    pub row: usize,
    /// Why.
    pub why: Why,
}

/// At most `each` rows of every kind for every task, in the order of tasks and kinds, the most telling first. One entity lends a kind
/// one row: what is worth reading is not the same household ten times. A row may be chosen for several reasons. Equal values go
/// to the row that comes first.
///
/// `threshold` is on the scale of the predictions; tasks that are no classes have no rows near it.
///
/// # Shapes
/// `labels: [tasks][rows]` over the entire space, NaN = not observed; `predictions: [tasks][rows]`; `threshold: [tasks]`;
/// `entity: [rows]`.
#[must_use]
pub fn choose(
    tasks: &[Task],
    labels: &[Vec<f32>],
    predictions: &[Vec<f64>],
    threshold: &[f64],
    entity: &[u64],
    each: usize,
    seed: u64,
) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    for (task, spec) in tasks.iter().enumerate() {
        let (labels, predictions) = (&labels[task], &predictions[task]);
        let binary = spec.kind.is_binary();
        // Of labels 0 and 1 the log loss rises with |p − y|, so that both kinds of tasks are ordered by it.
        let loss = |row: usize| Some((predictions[row] - f64::from(labels[row])).abs()).filter(|loss| !loss.is_nan());
        let near = |row: usize| binary.then(|| -(predictions[row] - threshold[task]).abs());
        let mut take = |why: Why, of: &dyn Fn(usize) -> Option<f64>| {
            let rows = largest(predictions.len(), entity, each, of);
            chosen.extend(rows.into_iter().map(|row| Chosen { task, row, why }));
        };
        take(Why::TopScore, &|row| Some(predictions[row]));
        take(Why::NearThreshold, &near);
        take(Why::WorstError, &loss);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(task as u64);
        let drawn = rand::seq::index::sample(&mut random, entity.len(), each.min(entity.len()));
        chosen.extend(drawn.into_iter().map(|row| Chosen { task, row, why: Why::Random }));
    }
    chosen
}

/// Rows with the largest values, one of an entity at most.
fn largest(rows: usize, entity: &[u64], each: usize, of: &dyn Fn(usize) -> Option<f64>) -> Vec<usize> {
    let mut values: Vec<(f64, usize)> =
        (0..rows).filter_map(|row| of(row).filter(|value| value.is_finite()).map(|value| (value, row))).collect();
    values.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut seen = std::collections::BTreeSet::new();
    values.into_iter().map(|(_, row)| row).filter(|row| seen.insert(entity[*row])).take(each).collect()
}
