//! How faithful contributions are: whether taking away what they call large moves the model more than taking away anything.
//!
//! In: a model and a sample of rows. Out: [`Faithful`] figures per task. Not here: whether the model is right.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::asked::raw;
use super::units::{Draws, UnitSums};
use crate::learn::background::{Background, Mixed};
use crate::learn::picked::{Picked, spread};
use crate::learn::rows::Block;
use crate::learn::{LearnError, Model};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaithfulSettings {
    /// Rows, at most; spread evenly over those given.
    pub rows: usize,
    /// Steps in which the features of a row are taken away, at most; several features a step where there are more.
    pub steps: usize,
    /// Resamples of the interval.
    pub resamples: usize,
    /// Seed of the random orders and of the resamples.
    pub seed: u64,
}

/// One row of the table `faithfulness`.
#[derive(Debug, Clone, PartialEq)]
pub struct Faithful {
    /// Learner.
    pub learner: &'static str,
    /// Task.
    pub task: String,
    /// Area under the deletion curve: from the row to the background, largest contribution first. Lower is more faithful. Areas are
    /// means over rows, in standard deviations of the raw output over the sampled rows, above the output of the background.
    pub deletion: f64,
    /// The same in random order.
    pub random_deletion: f64,
    /// Area under the insertion curve: from the background to the row, largest contribution first. Higher is more faithful.
    pub insertion: f64,
    /// The same in random order.
    pub random_insertion: f64,
    /// `½·(random deletion − deletion + insertion − random insertion)`: above 0, contributions tell more than chance.
    pub gain: f64,
    /// Lower end of the 95 % interval of `gain`, over entities.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval of `gain`.
    pub high: Option<f64>,
    /// Largest |base + Σ contributions − raw output|, as a share of the raw output's standard deviation.
    pub residual: f64,
    /// Rows.
    pub n: u64,
}

/// Deletion and insertion curves of a sample of rows; `None` where the model has no contributions that add up.
///
/// What is taken away is set to the background: a number to its training mean, a category to its most common entry, a text to no
/// n-gram, a vector to missing. The scenario stays. Features go by *signed* contribution, the largest first, so that the curve of a
/// faithful explanation falls at once and rises at the end: for an additive model no order has a smaller area.
///
/// # Errors
/// As [`Model::raw`].
///
/// # Source
/// Samek et al. (2017), "Evaluating the visualization of what a deep neural network has learned", section III; Petsiuk, Das and Saenko
/// (2018), "RISE", section 4.2; completeness: Sundararajan, Taly and Yan (2017), "Axiomatic attribution for deep networks".
#[must_use]
pub fn faithful(model: &dyn Model, block: &Block<'_>, settings: &FaithfulSettings) -> Option<Result<Vec<Faithful>, LearnError>> {
    let picked = Picked::new(std::slice::from_ref(block), &spread(block.rows(), settings.rows));
    let rows = picked.block();
    let found = model.attribute(&rows)?;
    Some(found.and_then(|found| {
        let (shape, plain) = (model.shape(), raw(model, &rows)?);
        let fields = shape.fields.len();
        let away = Background::new(shape);
        let eraser = Eraser { model, rows: &rows, background: &away.block(shape), steps: settings.steps.clamp(1, fields.max(1)) };
        let random: Vec<Vec<usize>> = (0..rows.rows()).map(|row| dealt(fields, row, settings.seed)).collect();
        let chance = eraser.areas(&random)?;
        let draws = |sums: &UnitSums| Draws::new(sums.units(), settings.resamples, settings.seed);
        let mut table = Vec::new();
        for (task, spec) in shape.tasks.iter().enumerate() {
            let order = |row: usize| {
                let value = |field: &usize| found.values[[row, task, *field]];
                let mut order: Vec<usize> = (0..fields).collect();
                order.sort_by(|a, b| value(b).total_cmp(&value(a)).then(a.cmp(b)));
                order
            };
            let own = eraser.areas(&(0..rows.rows()).map(order).collect::<Vec<_>>())?;
            let spread = deviation(&plain[task]);
            let mut sums = UnitSums::new(1, 5);
            let mut residual = 0.0_f64;
            for row in 0..rows.rows() {
                let [deletion, insertion] = own[row][task];
                let [random_deletion, random_insertion] = chance[row][task];
                let gain = f64::midpoint(random_deletion - deletion, insertion - random_insertion);
                let all = [deletion, random_deletion, insertion, random_insertion, gain];
                sums.row(0, rows.entity[row]).iter_mut().zip(all).for_each(|(sum, own)| *sum += own / spread);
                let total =
                    f64::from(found.base[task]) + (0..=fields).map(|field| f64::from(found.values[[row, task, field]])).sum::<f64>();
                residual = residual.max((total - f64::from(plain[task][row])).abs());
            }
            let means = sums.means(&[0], &draws(&sums));
            table.push(Faithful {
                learner: model.learner(),
                task: spec.name.clone(),
                deletion: means[0].0,
                random_deletion: means[1].0,
                insertion: means[2].0,
                random_insertion: means[3].0,
                gain: means[4].0,
                low: means[4].1.map(|(low, _)| low),
                high: means[4].1.map(|(_, high)| high),
                residual: residual / spread,
                n: rows.rows() as u64,
            });
        }
        Ok(table)
    }))
}

/// A row's features in random order.
fn dealt(fields: usize, row: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(row as u64);
    let mut order: Vec<usize> = (0..fields).collect();
    order.shuffle(&mut random);
    order
}

/// Standard deviation; 1 where the values do not vary.
fn deviation(values: &[f32]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
    let deviation = (values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n).sqrt();
    if deviation > 0.0 { deviation } else { 1.0 }
}

struct Eraser<'a> {
    model: &'a dyn Model,
    rows: &'a Block<'a>,
    background: &'a Block<'a>,
    steps: usize,
}

impl Eraser<'_> {
    /// Raw outputs where `erased` fields of each row lie at the background: the first or the last ones of its order.
    fn erased(&self, orders: &[Vec<usize>], first: bool, erased: usize) -> Result<Vec<Vec<f32>>, LearnError> {
        let (rows, fields) = (self.rows.rows(), self.rows.columns.len());
        let mut from = vec![(0..rows).collect::<Vec<usize>>(); fields];
        for (row, order) in orders.iter().enumerate() {
            let gone = if first { &order[..erased] } else { &order[fields - erased..] };
            // The background is the row behind all others.
            for field in gone {
                from[*field][row] = rows;
            }
        }
        let mixed = Mixed::new(self.rows, self.background, &from);
        let block = mixed.block(self.rows);
        raw(self.model, &block)
    }

    /// Areas under the deletion and the insertion curve above the background, by the trapezoid rule over the share of features.
    /// Shape: `[rows][tasks]`.
    fn areas(&self, orders: &[Vec<usize>]) -> Result<Vec<Vec<[f64; 2]>>, LearnError> {
        let fields = self.rows.columns.len();
        let tasks = self.model.shape().tasks.len();
        let at = |step: usize| step * fields / self.steps;
        // Deleting the first k, and inserting the first k: the last `fields − k` are still away.
        let asked: Vec<(bool, usize)> = (0..=self.steps).flat_map(|step| [(true, at(step)), (false, fields - at(step))]).collect();
        let found: Result<Vec<Vec<Vec<f32>>>, LearnError> =
            asked.par_iter().map(|(first, erased)| self.erased(orders, *first, *erased)).collect();
        let found = found?;
        let area = |row: usize, task: usize, curve: usize| {
            let height = |step: usize| f64::from(found[2 * step + curve][task][row]) - f64::from(found[1][task][row]);
            let width = |step: usize| (at(step + 1) - at(step)) as f64 / fields.max(1) as f64;
            (0..self.steps).map(|step| width(step) * f64::midpoint(height(step), height(step + 1))).sum::<f64>()
        };
        Ok((0..self.rows.rows()).map(|row| (0..tasks).map(|task| [area(row, task, 0), area(row, task, 1)]).collect()).collect())
    }
}
