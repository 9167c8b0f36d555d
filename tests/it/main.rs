//! The one integration-test binary: each topic is a module, so that DataFusion is linked once.
#![expect(clippy::expect_used, reason = "what a test or its helper needs and does not find is a failure with a name")]
#![expect(
    unreachable_pub,
    clippy::needless_for_each,
    clippy::print_stdout,
    reason = "helpers are shared, loops are short, figures are shown"
)]

mod learn_rows;
mod shop;

mod applications;
mod arrivals;
mod cli;
mod clock;
mod crash;
mod decisions;
mod demo;
mod encode;
mod evaluate_calibration;
mod evaluate_cells;
mod evaluate_intervals;
mod evaluate_ledger;
mod evaluate_lists;
mod evaluate_metrics;
mod evaluate_paired;
mod evidence;
mod explain_contributions;
mod explained;
mod folds;
mod fuzz;
mod hostile;
mod hostile_files;
mod incremental;
mod job_folder;
mod learn_conformance;
mod night;
mod object_stores;
mod point_in_time;
mod published;
mod refusals;
mod report;
mod scaffold;
#[cfg(unix)]
mod schedule;
#[cfg(unix)]
mod serve;
mod slt;
mod sources;
mod sql;
mod sql_calls;
mod sql_functions;
mod sql_shell;
mod sql_tables;
mod telling;
mod tidy;
mod upkeep;
mod week;
mod whatif;
mod zones;
