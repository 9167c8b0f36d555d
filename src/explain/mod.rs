//! What a model relies on: importance per cell, effects along a feature, contributions of single rows.
//!
//! In: encoded rows and a model's exact [`crate::learn::Attribution`]s. Out: rows of tables. Pure: no DataFusion, no file
//! system. A contribution says what the model relies on, never what causes the outcome.

pub mod contributions;
pub mod effects;
pub mod importance;

use crate::learn::rows::Shape;

/// Name of a contribution's field; the one beyond the fields is the scenario itself.
#[must_use]
pub fn feature_name(shape: &Shape, field: usize) -> &str {
    shape.fields.get(field).map_or("scenario", |field| &field.name)
}
