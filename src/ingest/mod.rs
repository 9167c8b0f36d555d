//! From raw Parquet to clean tables: sources, the query graph, cleaning, checks and data quality.
//!
//! In: a job and its input folder. Out: clean tables in the cache, with what was refused and why.

pub mod arguments;
pub mod cache;
pub mod check;
pub mod clean;
pub(crate) mod days;
mod digests;
pub mod engine;
mod error;
pub mod found;
pub mod graph;
pub mod guard;
pub(crate) mod partitions;
pub mod quality;
pub mod remote;
pub mod source;
pub mod sql;
pub mod untrusted;

pub use cache::Cache;
pub use clean::{CleanTable, CleanTables};
pub use digests::Digests;
pub use engine::Engine;
pub use error::IngestError;
pub use graph::Graph;
pub use source::{InputFile, SourceFiles};
pub use sql::Params;
pub use untrusted::Shelter;
