//! A second opinion on importance: how much worse the published predictions are when a feature's values are dealt anew.
//!
//! In: a model, held-out rows with labels, what turns raw outputs into published predictions. Out: [`Permuted`] rows, and where
//! they disagree with the contributions. Not here: contributions, which ask the model alone and need no labels.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::asked::{PublishRows, column_at, raw, with};
use super::importance::Importance;
use super::units::{MOST, unit};
use super::{feature_name, strongest_of_all};
use crate::evaluate::paired::compare;
use crate::learn::picked::{Picked, spread};
use crate::learn::rows::{Block, Shape};
use crate::learn::{LearnError, Model};

/// How much is permuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermutationSettings {
    /// Held-out rows, at most; spread evenly over those given.
    pub rows: usize,
    /// Features of each task, the strongest by contributions. One pass of the model per feature serves all tasks.
    pub top: usize,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Seed of the permutations and of the resamples.
    pub seed: u64,
}

/// One row of the table `permutation`.
#[derive(Debug, Clone, PartialEq)]
pub struct Permuted {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature whose values were permuted within each scenario.
    pub feature: String,
    /// `auc` (its drop), `log_loss` (its rise, nats) or `rmse` (its rise, the label's unit): above 0 the feature is needed.
    pub metric: &'static str,
    /// By how much the published predictions are worse.
    pub value: f64,
    /// Lower end of its 95 % interval over entities.
    pub low: f64,
    /// Upper end of its 95 % interval over entities.
    pub high: f64,
    /// Labelled rows.
    pub n: u64,
}

/// Permutes the strongest features of every task, one after the other, within scenarios.
///
/// `drop = AUC(f(x)) − AUC(f(x_π))`, `rise = L(f(x_π)) − L(f(x))`, where `x_π` has the whole value of one field (a text or a
/// vector too) from another row of the same scenario. Differences are paired row by row, and resampled by entity (entities in 512
/// random groups at most). Permuting breaks the feature's ties with others: rows that do not occur are among those asked about.
///
/// # Shapes
/// `labels: [tasks][rows]` over the entire space, NaN = not observed.
///
/// # Errors
/// As [`Model::raw`].
///
/// # Source
/// Breiman (2001), "Random forests", section 10; model reliance: Fisher, Rudin and Dominici (2019), "All models are wrong, but many
/// are useful", section 3.
pub fn permute(
    model: &dyn Model,
    block: &Block<'_>,
    labels: &[Vec<f32>],
    publish: &PublishRows<'_>,
    importance: &[Importance],
    settings: &PermutationSettings,
) -> Result<Vec<Permuted>, LearnError> {
    let shape = model.shape();
    let positions = spread(block.rows(), settings.rows);
    let picked = Picked::new(std::slice::from_ref(block), &positions);
    let sampled = picked.block();
    let labels: Vec<Vec<f64>> = labels.iter().map(|labels| positions.iter().map(|row| f64::from(labels[*row])).collect()).collect();
    let plain = publish(&raw(model, &sampled)?, &sampled);
    let fields = strongest_of_all(shape, importance, settings.top);
    let found: Result<Vec<Vec<Permuted>>, LearnError> = fields
        .par_iter()
        .map(|field| {
            let dealt = column_at(&sampled, *field, &deal(sampled.scenario, *field, settings.seed));
            let permuted = with(&sampled, *field, dealt.block().columns[0]);
            let other = publish(&raw(model, &permuted)?, &permuted);
            Ok(measured(shape, &sampled, &labels, (&plain, &other), *field, settings))
        })
        .collect();
    Ok(found?.into_iter().flatten().collect())
}

/// For each row the row of the same scenario whose value it gets.
fn deal(scenario: &[u16], field: usize, seed: u64) -> Vec<usize> {
    let mut members: std::collections::BTreeMap<u16, Vec<usize>> = std::collections::BTreeMap::new();
    for (row, scenario) in scenario.iter().enumerate() {
        members.entry(*scenario).or_default().push(row);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The streams from 0 up belong to resamples.
    random.set_stream(u64::MAX - field as u64);
    let mut dealt = vec![0; scenario.len()];
    for rows in members.values() {
        let mut other = rows.clone();
        other.shuffle(&mut random);
        rows.iter().zip(other).for_each(|(row, other)| dealt[*row] = other);
    }
    dealt
}

fn measured(
    shape: &Shape,
    block: &Block<'_>,
    labels: &[Vec<f64>],
    (plain, permuted): (&[Vec<f64>], &[Vec<f64>]),
    field: usize,
    settings: &PermutationSettings,
) -> Vec<Permuted> {
    let scenarios = std::iter::once(None).chain((0..shape.scenarios.len()).map(Some));
    let cells: Vec<(Option<usize>, usize)> =
        scenarios.flat_map(|scenario| (0..shape.tasks.len()).map(move |task| (scenario, task))).collect();
    let of_cell = |(scenario, task): &(Option<usize>, usize)| {
        let own: Vec<usize> =
            (0..block.rows()).filter(|row| scenario.is_none_or(|scenario| block.scenario[*row] as usize == scenario)).collect();
        let of = |values: &[f64]| own.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let units: Vec<u64> = own.iter().map(|row| unit(block.entity[*row], MOST) as u64).collect();
        let binary = shape.tasks[*task].kind.is_binary();
        let (labels, plain, permuted) = (of(&labels[*task]), of(&plain[*task]), of(&permuted[*task]));
        let differences = compare(binary, &labels, &plain, &permuted, &units, settings.resamples, settings.seed);
        differences
            .into_iter()
            .filter(|difference| difference.metric != "mae")
            .map(|difference| Permuted {
                scenario: scenario.map_or_else(|| "*".to_owned(), |scenario| shape.scenarios[scenario].clone()),
                task: shape.tasks[*task].name.clone(),
                feature: feature_name(shape, field).to_owned(),
                metric: difference.metric,
                value: difference.value,
                low: difference.low,
                high: difference.high,
                n: difference.n,
            })
            .collect::<Vec<Permuted>>()
    };
    cells.par_iter().flat_map_iter(of_cell).collect()
}

/// Features that count as the first ones of a ranking.
pub const FIRST: usize = 5;

/// Share of the largest rise of a cell below which a rise is little.
pub const LITTLE: f64 = 0.25;

/// A feature on which the two opinions differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// `log_loss` or `rmse`.
    pub metric: &'static str,
    /// 1 = largest mean |contribution| in the cell, among all fields.
    pub by_contributions: usize,
    /// 1 = largest rise of the loss in the cell, among the permuted features.
    pub by_permutation: usize,
    /// Rise of the loss.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// `relied on, not needed`: the model moves its output by it, and is as good without it (another feature says the same, or what
    /// it moves is noise). `needed, little moved`: few rows, or small moves, on which much depends.
    pub why: &'static str,
}

/// Features whose rank by contributions and by permutation differ materially. The rule, per cell, on `log_loss` and `rmse`:
///
/// - `relied on, not needed`: among the first [`FIRST`] by contributions, the interval of the rise reaches down to 0, and its upper end
///   stays below [`LITTLE`] of the largest rise that is beyond doubt: an interval that is wide for want of rows is no disagreement;
/// - `needed, little moved`: among the first [`FIRST`] by permutation with an interval above 0, and not among the first
///   `2 ·` [`FIRST`] by contributions.
#[must_use]
pub fn disagreements(importance: &[Importance], permuted: &[Permuted]) -> Vec<Disagreement> {
    let losses: Vec<&Permuted> = permuted.iter().filter(|row| row.metric != "auc").collect();
    let of = |row: &&Permuted| {
        let own = |other: &&Importance| other.scenario == row.scenario && other.task == row.task;
        let value = importance.iter().filter(own).find(|other| other.feature == row.feature)?.value;
        // The scenario itself cannot be permuted within a scenario: it has no rank.
        let above = |other: &&Importance| own(other) && other.feature != "scenario" && other.value > value;
        let by_contributions = 1 + importance.iter().filter(above).count();
        let beside = |other: &&&Permuted| other.scenario == row.scenario && other.task == row.task && other.value > row.value;
        let by_permutation = 1 + losses.iter().filter(beside).count();
        let cell = losses.iter().filter(|other| other.scenario == row.scenario && other.task == row.task && other.low > 0.0);
        let most = cell.map(|other| other.value).fold(0.0, f64::max);
        let why = if by_contributions <= FIRST && row.low <= 0.0 && row.high < LITTLE * most {
            "relied on, not needed"
        } else if by_permutation <= FIRST && row.low > 0.0 && by_contributions > 2 * FIRST {
            "needed, little moved"
        } else {
            return None;
        };
        Some(Disagreement {
            scenario: row.scenario.clone(),
            task: row.task.clone(),
            feature: row.feature.clone(),
            metric: row.metric,
            by_contributions,
            by_permutation,
            value: row.value,
            low: row.low,
            high: row.high,
            why,
        })
    };
    losses.iter().filter_map(of).collect()
}
