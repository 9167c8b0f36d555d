//! The command line: one file per subcommand, one console for all.
//!
//! In: arguments. Out: an exit code; results on stdout, progress and errors on stderr. The work is the library's.

mod backfill;
mod backtest;
mod bless;
mod check;
mod config;
mod console;
mod demo;
mod explain;
mod frame;
mod gc;
mod new;
mod night;
mod notify;
mod pin;
mod plan;
mod read_untrusted;
mod rollback;
mod runs;
mod serve;
mod sql;
mod verify;
mod whatif;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::ingest::sql::STACK;
use crate::job::JobError;
use crate::outcome::{Ending, Outcome};
use crate::publish::Home;
use crate::publish::home::Places;
use crate::run::Options;

/// Learns many tasks in many scenarios together, every night: scores, decisions and a report from Parquet.
#[derive(Debug, Parser)]
#[command(
    name = "polytask",
    version,
    after_help = "Examples:\n  polytask demo                                             generate a marketplace, run its night, show the report\n  \
                  polytask run queries/complete_journey --as-of 2017-12-04  one night on real data\n  \
                  polytask check queries/marketplace                        try configuration, SQL and sources\n\n\
                  Exit codes: 0 published, 1 internal, 2 usage or configuration, 3 input refused, 4 held, 74 I/O, 75 another run holds the lock,\n  \
                  130 stopped by SIGINT, 143 stopped by SIGTERM"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the night of a job: clean, join, learn, evaluate, explain, score, publish
    Run(night::RunArgs),
    /// Generate a marketplace with known truth and run its night
    Demo(demo::DemoArgs),
    /// Say what a night would read and build, and why
    Plan(plan::PlanArgs),
    /// Try a job's configuration, SQL, query graph and sources without running the night
    Check(check::CheckArgs),
    /// Write the training frame as Parquet, with a `split` column
    Frame(frame::FrameArgs),
    /// Make a job folder from the schemas of Parquet files, ready to edit
    New(new::NewArgs),
    /// Run the nights that are missing, in order
    Backfill(backfill::BackfillArgs),
    /// Run past nights in order: what the job would have delivered
    Backtest(backtest::BacktestArgs),
    /// Publish a held run by hand, with a reason
    Bless(bless::BlessArgs),
    /// Say why the model of a run scores a row as it does
    Explain(explain::ExplainArgs),
    /// List past runs, the published one marked
    Runs(runs::RunsArgs),
    /// Ask in SQL: raw data, clean tables, features of any date, scores and figures of all nights
    Sql(sql::SqlArgs),
    /// Serve the same to PostgreSQL clients (psql, DBeaver, Metabase, pandas) and to browsers, read-only
    Serve(serve::ServeArgs),
    /// Say what a feature that the job does not have would add, cell by cell
    Whatif(whatif::WhatIfArgs),
    /// Read runs back: are their bytes those that were published?
    Verify(verify::VerifyArgs),
    /// Let readers follow an earlier run again
    Rollback(rollback::RollbackArgs),
    /// Keep a run from being removed
    Pin(pin::PinArgs),
    /// Remove old runs and old parts of the cache
    Gc(gc::GcArgs),
    /// Read a file of an untrusted source: what a night starts a process of its own for
    #[command(name = crate::ingest::untrusted::COMMAND, hide = true)]
    ReadUntrusted(read_untrusted::ReadUntrustedArgs),
    /// Print the commented defaults, or what is in force for a job
    Config(config::ConfigArgs),
}

/// Where data, runs and reports lie, when not in their usual places.
#[derive(Debug, Clone, Args)]
struct PlaceArgs {
    /// Folder of the raw data [default: data/<job>/input]
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Folder of runs and cache [default: data/<job>/runs]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Folder of published reports [default: reports/<job>]
    #[arg(long, value_name = "DIR")]
    reports: Option<PathBuf>,
}

impl PlaceArgs {
    /// The home of a job whose folder is there; its configuration may be wrong.
    fn home(&self, job: &Path) -> Result<Home, Failure> {
        let folder = job.canonicalize().ok().filter(|folder| folder.join("job.toml").is_file());
        let folder = folder.ok_or_else(|| JobError::NoJob(job.to_path_buf()))?;
        Ok(Home::of(&folder, &self.places()))
    }

    fn places(&self) -> Places {
        Places { input: self.input.clone(), runs: self.runs.clone(), reports: self.reports.clone() }
    }
}

/// How much of the machine a command may use.
#[derive(Debug, Clone, Args)]
struct MachineArgs {
    /// Queries and learners that run side by side [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory for queries, learning and scoring, for example 6GB; sorts spill beyond it, joins stop
    #[arg(long, value_name = "SIZE", default_value = "6GB", value_parser = memory)]
    memory: u64,
    /// Temporary files that queries may write when memory is short, for example 50GB
    #[arg(long, value_name = "SIZE", default_value = "50GB", value_parser = memory)]
    temp: u64,
    /// Form of the log on stderr: text, lines to read, or json, an object a line
    #[arg(hide_possible_values = true, long, value_name = "FORM", default_value = "text")]
    log: console::Form,
    /// Ignore the cache and make every table again
    #[arg(long)]
    rebuild: bool,
}

impl MachineArgs {
    fn options(&self) -> Options {
        Options { threads: self.threads(), memory: self.memory, temp: self.temp, rebuild: self.rebuild }
    }

    fn threads(&self) -> usize {
        threads(self.threads)
    }
}

/// How much of the machine questions may use.
#[derive(Debug, Clone, Args)]
struct QueryArgs {
    /// Threads of a query [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory for queries, for example 6GB; sorts spill beyond it, joins stop
    #[arg(long, value_name = "SIZE", default_value = "4GB", value_parser = memory)]
    memory: u64,
    /// Temporary files of queries when memory is short, for example 50GB
    #[arg(long, value_name = "SIZE", default_value = "50GB", value_parser = memory)]
    temp: u64,
}

impl QueryArgs {
    fn threads(&self) -> usize {
        threads(self.threads)
    }
}

/// The threads that are asked for, else one for each core.
fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// Reads `512MB`, `6GB`, `1.5GiB`.
fn memory(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no size: write 512MB or 6GB"))?;
    let scale = match unit.trim().to_ascii_uppercase().as_str() {
        "MB" => 1e6,
        "GB" | "G" => 1e9,
        "MIB" => f64::from(1 << 20),
        "GIB" => f64::from(1 << 30),
        _ => return Err(format!("`{text}` has no unit: write 512MB or 6GB")),
    };
    let bytes = number * scale;
    if bytes < 128e6 { Err(format!("`{text}` is under 128MB, the least a night can work with")) } else { Ok(bytes as u64) }
}

/// Runs the program; the exit code says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap knows whether this is help (stdout, 0) or a mistake (stderr, 2).
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Ending::Usage as u8 } else { 0 });
        }
    };
    console::tell_panics();
    // A panic is a defect, and still an outcome: an exit code, a line, a hint.
    match std::panic::catch_unwind(|| run(cli.command)) {
        Ok(Ok(ending)) => {
            console::end("info", json!({ "status": "done", "exit_code": ending as u8 }));
            ExitCode::from(ending as u8)
        }
        Ok(Err(failure)) => {
            console::error(&failure.message, failure.hint.as_deref());
            failed(&failure.message, failure.ending as u8);
            ExitCode::from(failure.ending as u8)
        }
        Err(_) => {
            let message = "the program broke down; nothing was published";
            console::error(message, Some("this is a defect of polytask: please report it with the line above"));
            failed(message, Ending::Internal as u8);
            ExitCode::from(Ending::Internal as u8)
        }
    }
}

/// The end of the log of a command that failed.
fn failed(message: &str, code: u8) {
    console::end("error", json!({ "status": "failed", "message": message, "exit_code": code }));
}

fn run(command: Command) -> Result<Ending, Failure> {
    match command {
        Command::Run(args) => night::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Frame(args) => frame::run(&args),
        Command::New(args) => new::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Backfill(args) => backfill::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Rollback(args) => rollback::run(&args),
        Command::Pin(args) => pin::run(&args),
        Command::Gc(args) => gc::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Bless(args) => bless::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::ReadUntrusted(args) => read_untrusted::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Whatif(args) => whatif::run(&args),
        Command::Config(args) => config::run(&args),
    }
}

/// An error on its way out: what it says, what mends it, how the program ends.
#[derive(Debug)]
struct Failure {
    message: String,
    hint: Option<String>,
    ending: Ending,
}

impl<E: Outcome + std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), hint: error.hint(), ending: error.ending() }
    }
}

impl Failure {
    fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), ending: Ending::Usage }
    }
}

/// Runs asynchronous work on `threads` worker threads, with as many for the learners.
fn block_on<T>(threads: usize, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime(threads)?;
    start_learners(threads)?;
    runtime.spawn(leave_when_asked());
    runtime.block_on(work)
}

/// Starts the threads of the learners, once in a process: a command that runs two nights has the same ones for both.
fn start_learners(threads: usize) -> Result<(), Failure> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_none() {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| no_threads(&error))?;
        STARTED.get_or_init(|| ());
    }
    Ok(())
}

/// Threads that wait and ask, with a stack for any statement that is let in.
fn runtime(threads: usize) -> Result<Runtime, Failure> {
    Builder::new_multi_thread().worker_threads(threads).thread_stack_size(STACK).enable_all().build().map_err(|error| no_threads(&error))
}

fn no_threads(error: &dyn std::fmt::Display) -> Failure {
    Failure { message: format!("failed to start threads: {error}"), hint: None, ending: Ending::Internal }
}

/// Leaves at once on SIGINT or SIGTERM. Nothing needs undoing: what is half done lies under hidden names that the next run
/// removes, what is done lies in the cache, and a run is published by one replacement.
async fn leave_when_asked() {
    let (name, code) = asked_to_leave().await;
    let message = format!("stopped by {name}; a run is published whole or not at all");
    console::error(&message, Some("run the same command again: it goes on from what is in the cache"));
    console::end("error", json!({ "status": "stopped", "message": message, "exit_code": code }));
    std::process::exit(code);
}

/// Waits for a signal that asks to leave; returns its name and the exit code that shells know for it.
#[cfg(unix)]
async fn asked_to_leave() -> (&'static str, i32) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => ("SIGINT", 130),
        _ = terminate.recv() => ("SIGTERM", 143),
    }
}

#[cfg(not(unix))]
async fn asked_to_leave() -> (&'static str, i32) {
    match tokio::signal::ctrl_c().await {
        Ok(()) => ("Ctrl-C", 130),
        Err(_) => std::future::pending().await,
    }
}
