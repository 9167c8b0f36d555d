//! What a model relies on: importance per cell and per correlated group, a second opinion by permutation, effects along a
//! feature, contributions of single rows and their words, what changed since last night, and how faithful all that is.
//!
//! In: encoded rows, a model, its exact [`crate::learn::Attribution`]s. Out: rows of tables. Pure: no DataFusion, no file
//! system. A contribution says what the model relies on, never what causes the outcome.

mod asked;
mod association;
pub mod change;
pub mod contributions;
pub mod curves;
pub mod effects;
pub mod faithful;
pub mod groups;
pub mod importance;
pub mod inside;
mod partial;
pub mod permutation;
pub mod sample;
pub mod surrogate;
#[cfg(test)]
mod tests;
mod units;
pub mod words;

pub use asked::{Publish, PublishRows};

use crate::learn::rows::Shape;
use importance::Importance;

/// Name of a contribution's field; the one beyond the fields is the scenario itself.
#[must_use]
pub fn feature_name(shape: &Shape, field: usize) -> &str {
    shape.fields.get(field).map_or("scenario", |field| &field.name)
}

/// All scenarios (`*`), then each by its name, with the places of their sums; the last place holds scenarios never seen.
fn places(shape: &Shape) -> Vec<(&str, Vec<usize>)> {
    let all = (0..=shape.scenarios.len()).collect();
    let each = shape.scenarios.iter().enumerate().map(|(at, name)| (name.as_str(), vec![at]));
    std::iter::once(("*", all)).chain(each).collect()
}

/// The fields that any task relies on most, as [`strongest`], in the order of the fields.
fn strongest_of_all(shape: &Shape, importance: &[Importance], top: usize) -> Vec<usize> {
    let mut fields: Vec<usize> = shape.tasks.iter().flat_map(|task| strongest(shape, importance, &task.name, top)).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The fields that a task relies on most, over all scenarios (`*`), strongest first; none whose importance is 0.
#[must_use]
pub fn strongest(shape: &Shape, importance: &[Importance], task: &str, top: usize) -> Vec<usize> {
    let value = |field: usize| {
        let own = |row: &&Importance| row.scenario == "*" && row.task == task && row.feature == shape.fields[field].name;
        importance.iter().find(own).map_or(0.0, |row| row.value)
    };
    let mut fields: Vec<(usize, f64)> =
        (0..shape.fields.len()).map(|field| (field, value(field))).filter(|(_, value)| *value > 0.0).collect();
    fields.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    fields.into_iter().take(top).map(|(field, _)| field).collect()
}
