//! polytask learns many tasks in many scenarios together, every night, and publishes scores, decisions and a report.
//!
//! The modules in reading order; `ARCHITECTURE.md` is the map.

/// Steps at which a test lets the program die or the disk be full.
pub(crate) mod failpoint;
/// Fingerprints of files and queries.
pub(crate) mod fingerprint;
/// How a command can end: exit codes and hints.
pub mod outcome;
/// Parquet files in and out.
pub mod table_file;
/// Who watches a night go on.
pub mod watch;

/// The command line.
pub mod cli;
/// What to take under limits, what to ship, who is alike, which of a list to show.
pub mod decide;
/// The generated marketplace with known truth.
pub mod demo;
/// Metrics and calibration.
pub mod evaluate;
/// Importance, contributions, effects.
pub mod explain;
/// Clean tables to frames: point-in-time views, snapshots, encoding.
pub mod features;
/// Raw Parquet to clean tables: sources, query graph, cleaning, checks, quality.
pub mod ingest;
/// `job.toml` and its SQL, checked once.
pub mod job;
/// The contract of learners, and the learners.
pub mod learn;
/// The run folder and its atomic switch.
pub mod publish;
/// Values to one HTML file and `report.json`.
pub mod report;
/// The night on one page.
pub mod run;
/// The same surface for PostgreSQL clients and browsers.
pub mod serve;
/// The analyst's surface: everything a job has as tables, read-only.
pub mod sql;
/// Decisions as table functions of SQL: queries in, rows out.
pub mod table_functions;
