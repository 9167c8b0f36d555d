//! A third opinion on single rows: a linear model of the model near the row, and how well it fits there.
//!
//! In: a model and a row. Out: [`Surrogate`]. Not here: contributions, which add up exactly and need no fit.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::asked::raw;
use crate::learn::background::{Background, Mixed};
use crate::learn::rows::Block;
use crate::learn::{LearnError, Model};

/// Features that count as the first ones when two opinions are compared.
const FIRST: usize = 5;
/// Width of the neighbourhood, as a share of √fields (LIME's own).
const WIDTH: f64 = 0.75;
/// Ridge, as a share of the weight of all samples: enough to solve where few samples tell fields apart.
const RIDGE: f64 = 1e-3;

/// A linear model of one raw output near one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Surrogate {
    /// What the output has more where a field keeps its own value instead of the background's. Shape: `[fields]`.
    pub effects: Vec<f64>,
    /// Weighted share of the variance near the row that the linear model holds, at most 1. Below about ½ it says little.
    pub fit: f64,
}

/// Fits one for every task. Samples keep a random set of the row's fields, the others lie at the background; the fewer are taken
/// away, the more a sample weighs: `exp(−d²/(2σ²))` with `d² =` fields taken away, `σ = ¾·√fields`. The scenario stays.
///
/// `samples` is raised to four times the fields: fewer would not tell them apart.
///
/// # Errors
/// As [`Model::raw`].
///
/// # Source
/// Ribeiro, Singh and Guestrin (2016), "Why should I trust you?", section 3.3, with the kernel of their program for tables.
pub fn surrogates(model: &dyn Model, row: &Block<'_>, samples: usize, seed: u64) -> Result<Vec<Surrogate>, LearnError> {
    let shape = model.shape();
    let fields = shape.fields.len();
    let samples = samples.max(4 * fields);
    let kept = kept(fields, samples, seed);
    let away = Background::new(shape);
    let from: Vec<Vec<usize>> = (0..fields).map(|field| kept.iter().map(|kept| usize::from(!kept[field])).collect()).collect();
    let mixed = Mixed::new(row, &away.block(shape), &from);
    let (entity, scenario) = (vec![row.entity[0]; samples], vec![row.scenario[0]; samples]);
    let block = mixed.block(&Block { entity: &entity, scenario: &scenario, ..row.clone() });
    let found = raw(model, &block)?;
    let width = WIDTH * (fields as f64).sqrt();
    let weight = |kept: &Vec<bool>| (-(kept.iter().filter(|kept| !**kept).count() as f64) / (2.0 * width * width)).exp();
    let weights: Vec<f64> = kept.iter().map(weight).collect();
    Ok(found.iter().map(|raw| fit(&kept, &weights, raw)).collect())
}

/// Which fields each sample keeps: the first sample keeps all, the others a number drawn evenly.
fn kept(fields: usize, samples: usize, seed: u64) -> Vec<Vec<bool>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sample = |at: usize| {
        let mut kept = vec![true; fields];
        if at > 0 {
            let gone = 1 + rand::seq::index::sample(&mut random, fields.max(1), 1).index(0);
            for field in rand::seq::index::sample(&mut random, fields, gone.min(fields)) {
                kept[field] = false;
            }
        }
        kept
    };
    (0..samples).map(sample).collect()
}

/// Weighted ridge regression of `y` on what was kept.
fn fit(kept: &[Vec<bool>], weights: &[f64], y: &[f32]) -> Surrogate {
    let fields = kept.first().map_or(0, Vec::len);
    let total: f64 = weights.iter().sum();
    let mut means = vec![0.0; fields];
    let mut level = 0.0;
    for ((kept, weight), y) in kept.iter().zip(weights).zip(y) {
        means.iter_mut().zip(kept).for_each(|(mean, kept)| *mean += weight / total * f64::from(u8::from(*kept)));
        level += weight / total * f64::from(*y);
    }
    let mut products = vec![vec![0.0; fields]; fields];
    let mut with = vec![0.0; fields];
    let mut spread = 0.0;
    for ((kept, weight), y) in kept.iter().zip(weights).zip(y) {
        let x: Vec<f64> = kept.iter().zip(&means).map(|(kept, mean)| f64::from(u8::from(*kept)) - mean).collect();
        let y = f64::from(*y) - level;
        spread += weight * y * y;
        for (a, row) in products.iter_mut().enumerate() {
            let scaled = weight * x[a];
            with[a] += scaled * y;
            row[..=a].iter_mut().zip(&x).for_each(|(sum, x)| *sum += scaled * x);
        }
    }
    for (at, row) in products.iter_mut().enumerate() {
        row[at] += RIDGE * total;
    }
    let effects = solve(products, with);
    let mut left = 0.0;
    for ((kept, weight), y) in kept.iter().zip(weights).zip(y) {
        let x = kept.iter().zip(&means).map(|(kept, mean)| f64::from(u8::from(*kept)) - mean);
        let told: f64 = x.zip(&effects).map(|(x, effect)| x * effect).sum();
        left += weight * (f64::from(*y) - level - told).powi(2);
    }
    // An output that does not move is told in full.
    Surrogate { effects, fit: if spread > 0.0 { 1.0 - left / spread } else { 1.0 } }
}

/// Solves `A x = b` for a positive definite `A`, of which the lower triangle is read, by Cholesky's method.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for at in 0..n {
        for row in at..n {
            let sum: f64 = a[row][..at].iter().zip(&a[at][..at]).map(|(x, y)| x * y).sum();
            // The ridge keeps pivots above 0.
            a[row][at] = if row == at { (a[at][at] - sum).max(f64::MIN_POSITIVE).sqrt() } else { (a[row][at] - sum) / a[at][at] };
        }
    }
    for at in 0..n {
        let sum: f64 = a[at][..at].iter().zip(&b).map(|(x, y)| x * y).sum();
        b[at] = (b[at] - sum) / a[at][at];
    }
    for at in (0..n).rev() {
        let sum: f64 = (at + 1..n).map(|row| a[row][at] * b[row]).sum();
        b[at] = (b[at] - sum) / a[at][at];
    }
    b
}

/// Share of the first five features by |contribution| that are among the first five by |effect|; `None` without features that
/// move anything. Shapes: `[fields]`.
#[must_use]
pub fn agreement(contributions: &[f64], effects: &[f64]) -> Option<f64> {
    let first = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).filter(|at| values[*at] != 0.0).collect();
        order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()).then(a.cmp(b)));
        order.truncate(FIRST);
        order
    };
    let (own, other) = (first(contributions), first(effects));
    (!own.is_empty()).then(|| own.iter().filter(|field| other.contains(field)).count() as f64 / own.len() as f64)
}
