//! Decisions as mathematics: what to take under limits, what to ship, who belongs together, which of a list to show.
//!
//! In: numbers. Out: numbers, the same for the same input and seed whatever the machine. Every solver states how far its answer can
//! be from the best one. Not here: queries, tables and names of columns (`table_functions`).

pub mod diversify;
mod error;
pub mod place;
pub mod segments;
pub mod ship;

pub use error::DecideError;
