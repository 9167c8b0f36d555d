//! The analyst's surface: everything that a job has on disk as tables of one read-only SQL session.
//!
//! In: a job, where it lives, what may be used of the machine. Out: an [`Analyst`] that parses, guards, plans and runs
//! statements, and tells errors with their place. Not here: terminals, files that are written, arguments (`cli`).

pub mod calls;
mod catalog;
pub mod chart;
pub mod comments;
mod error;
mod files;
pub mod format;
pub mod functions;
pub mod guard;
mod information;
mod output_tables;
mod session;
mod store;
pub mod told;
pub mod what_if;

pub use catalog::CATALOG;
pub use error::SqlError;
pub use session::{Analyst, Answer, Settings};
