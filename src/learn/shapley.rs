//! Contributions of each field to each raw output of any model: Shapley values against the background row, by permutations.
//!
//! A row's fields (the scenario is one of them) go one after the other from the background ([`Background`], no scenario) to their own
//! values; what the output moves at a field's turn is its contribution, and the mean over several orders its value. However few the
//! orders, the moves add up to `f(x) − f(background)`: base + Σ = raw. Every order is walked backwards too, and all rows walk the same
//! orders, so that a row's contributions do not depend on its block. Where no three fields work together the values are exact: what two
//! do together falls to the one in an order and to the other in its reverse.
//!
//! # Source
//! Štrumbelj and Kononenko (2014), "Explaining prediction models and individual predictions with feature contributions", algorithm 1;
//! one background row: Sundararajan and Najmi (2020), "The many Shapley values for model explanation" (baseline Shapley); orders with
//! their reverses: Mitchell et al. (2022), "Sampling permutations for Shapley value estimation", section 4.1.

use ndarray::{Array3, Axis};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::background::{Background, Mixed};
use super::rows::{Block, UNSEEN_SCENARIO};
use super::{Attribution, LearnError, Model, check_finite, check_shape, outputs};

/// Orders, each walked both ways.
const ORDERS: usize = 6;
/// Where the orders begin.
const SEED: u64 = 0x05EE_D0F0;
/// Rows that walk together.
const STRETCH: usize = 256;

/// Contributions of a block's rows. What all tasks move by alike is shared; the model is asked, not looked into, so that the scenario's
/// part is that of the scenario itself.
///
/// # Errors
/// As [`Model::raw`].
pub fn shapley(model: &dyn Model, block: &Block<'_>) -> Result<Attribution, LearnError> {
    check_shape(model.shape(), block)?;
    check_finite(model.shape(), block)?;
    let (tasks, fields) = (model.shape().tasks.len(), model.shape().fields.len());
    let away = Background::new(model.shape());
    let background = away.block(model.shape());
    let nowhere = [UNSEEN_SCENARIO];
    let base = outputs(model, &background.under(&nowhere))?;
    let orders = orders(fields + 1);
    let mut values = Array3::<f32>::zeros((block.rows(), tasks, fields + 1));
    let mut first = 0;
    for part in block.parts(STRETCH) {
        let walked = orders.par_iter().map(|order| walk(model, &part, &background, order));
        let walked = walked.collect::<Result<Vec<Array3<f64>>, LearnError>>()?;
        for ((row, task, field), value) in values.slice_mut(ndarray::s![first..first + part.rows(), .., ..]).indexed_iter_mut() {
            *value = (walked.iter().map(|own| own[[row, task, field]]).sum::<f64>() / walked.len() as f64) as f32;
        }
        first += part.rows();
    }
    let none = || Array3::<f32>::zeros(values.dim());
    let (mut shared, mut scenario_part, mut task_part) = (none(), none(), none());
    for ((row, task, field), value) in values.indexed_iter() {
        if field == fields {
            scenario_part[[row, task, field]] = *value;
        } else {
            let common = values.index_axis(Axis(0), row).column(field).sum() / tasks as f32;
            shared[[row, task, field]] = common;
            task_part[[row, task, field]] = *value - common;
        }
    }
    Ok(Attribution { base: base.row(0).to_vec(), values, shared, scenario_part, task_part })
}

/// Orders of the players, each followed by its reverse.
fn orders(players: usize) -> Vec<Vec<usize>> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut all = Vec::with_capacity(2 * ORDERS);
    for _ in 0..ORDERS {
        let mut order: Vec<usize> = (0..players).collect();
        order.shuffle(&mut random);
        all.push(order.clone());
        order.reverse();
        all.push(order);
    }
    all
}

/// What each output moves at each player's turn. Shape: `[rows, tasks, fields + 1]`.
fn walk(model: &dyn Model, part: &Block<'_>, background: &Block<'_>, order: &[usize]) -> Result<Array3<f64>, LearnError> {
    let (rows, fields) = (part.rows(), model.shape().fields.len());
    let own: Vec<usize> = (0..rows).collect();
    let mut from = vec![vec![rows; rows]; fields];
    let nowhere = vec![UNSEEN_SCENARIO; rows];
    let mut placed = false;
    let mut moved = Array3::zeros((rows, model.shape().tasks.len(), fields + 1));
    let ask = |from: &[Vec<usize>], placed: bool| {
        let mixed = Mixed::new(part, background, from);
        let block = mixed.block(part);
        outputs(model, &if placed { block } else { block.under(&nowhere) })
    };
    let mut before = ask(&from, placed)?;
    for player in order {
        if let Some(from) = from.get_mut(*player) {
            from.clone_from(&own);
        } else {
            placed = true;
        }
        let after = ask(&from, placed)?;
        for ((row, task), after) in after.indexed_iter() {
            moved[[row, task, *player]] = f64::from(*after) - f64::from(before[[row, task]]);
        }
        before = after;
    }
    Ok(moved)
}
