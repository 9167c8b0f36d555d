//! From clean tables to what a model sees: point-in-time views, snapshots, encoding of columns.
//!
//! In: clean tables and an as-of date. Out: frames in the cache, encoders fitted on training rows only, encoded rows in
//! memory-mapped files.

pub mod encode;
mod error;
pub(crate) mod row_order;
pub mod rows_file;
pub mod snapshot;
pub mod view;

pub use error::FeatureError;
pub use snapshot::{Makings, Planned, RowKind, Snapshot, Standing, cached_features, snapshot, standing};
