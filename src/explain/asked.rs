//! A model asked about rows in which single columns were exchanged.
//!
//! In: a model, a block, columns to put in place of its own. Out: raw outputs. Not here: what is made of them.

use crate::learn::background::alone;
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Column};
use crate::learn::{LearnError, Model, outputs};

/// Turns raw outputs (`[tasks][rows]`) and the scenarios of the rows into what is published (`[tasks][rows]`): probabilities of
/// binary tasks, amounts in the label's unit of others, multiplied along chains.
pub type Publish<'a> = dyn Fn(&[Vec<f32>], &[u16]) -> Vec<Vec<f64>> + Sync + 'a;

/// The same for rows at hand: what is published may depend on more than their scenarios.
pub type PublishRows<'a> = dyn Fn(&[Vec<f32>], &Block<'_>) -> Vec<Vec<f64>> + Sync + 'a;

/// Raw outputs of a block. Shape: `[tasks][rows]`.
pub(super) fn raw(model: &dyn Model, block: &Block<'_>) -> Result<Vec<Vec<f32>>, LearnError> {
    Ok(outputs(model, block)?.columns().into_iter().map(|column| column.to_vec()).collect())
}

/// One column's values at `positions`, whatever its kind.
pub(super) fn column_at(block: &Block<'_>, field: usize, positions: &[usize]) -> Picked {
    Picked::new(&[alone(block, field)], positions)
}

/// The block with another column in the place of `field`.
pub(super) fn with<'a>(block: &Block<'a>, field: usize, column: Column<'a>) -> Block<'a> {
    let mut changed = block.clone();
    changed.columns[field] = column;
    changed
}
