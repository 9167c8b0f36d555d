//! Publishing: a run folder is staged, flushed, audited, and becomes current by one atomic switch.
//!
//! In: tables, model and report of a night. Out: `data/<job>/runs/<run id>/`, `CURRENT`, `reports/<job>/`. A reader sees
//! all of last night or all of tonight.

pub mod columns;
pub mod decisions;
mod error;
pub mod explain_tables;
pub(crate) mod folder;
pub mod home;
pub mod lock;
pub mod manifest;
pub mod scores;
pub mod staging;
pub mod tables;
pub mod upkeep;

pub use columns::Columns;
pub use error::PublishError;
pub use home::{Home, PastRun};
pub use lock::Lock;
pub use manifest::Manifest;
pub use staging::Staging;
