//! polytask learns many tasks in many scenarios together, every night, and publishes scores, decisions and a report.
//!
//! The modules in reading order; `ARCHITECTURE.md` is the map.

/// How a command can end: exit codes and hints.
pub mod outcome;
/// Who watches a night go on.
pub mod watch;
/// Fingerprints of files and queries.
pub(crate) mod fingerprint;
/// Parquet files in and out.
pub mod table_file;

/// `job.toml` and its SQL, checked once.
pub mod job;
/// Raw Parquet to clean tables: sources, query graph, cleaning, checks, quality.
pub mod ingest;
/// Clean tables to frames: point-in-time views, snapshots, encoding.
pub mod features;
/// The contract of learners, and the learners.
pub mod learn;
/// Metrics and calibration.
pub mod evaluate;
/// Importance, contributions, effects.
pub mod explain;
/// Values to one HTML file and `report.json`.
pub mod report;
/// The run folder and its atomic switch.
pub mod publish;
/// The night on one page.
pub mod run;
/// The generated marketplace with known truth.
pub mod demo;
/// The command line.
pub mod cli;
