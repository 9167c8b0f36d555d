//! `polytask backtest`: past nights in order, each knowing its own past only.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::console::{Console, say};
use super::{Failure, MachineArgs, PlaceArgs, block_on};
use crate::job::{Days, Job};
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Span};

/// Arguments of `polytask backtest`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask backtest queries/marketplace --from 2026-03-12 --to 2026-03-26 --every 2d\n\n\
                        Runs lie in data/<job>/backtests/, apart from the published ones. A backtest that was stopped goes on with the\n\
                        same command. Figures and totals of every night and cell: backtest.parquet, and a page with their curves.")]
pub(super) struct BacktestArgs {
    /// Folder of the job
    job: PathBuf,
    /// The first night, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// No night after this one, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// Distance between two nights, for example 7d or "2 weeks"
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = every)]
    every: Days,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn every(text: &str) -> Result<Days, String> {
    Days::parse(text).and_then(|days| if days.0 > 0 { Ok(days) } else { Err("at least 1 day".to_owned()) })
}

/// The nights from one date to another.
pub(super) fn span(from: Date, to: Date, every: Days) -> Result<Span, Failure> {
    if to < from {
        return Err(Failure::usage(format!("`--to {to}` lies before `--from {from}`"), "name the earlier date with --from"));
    }
    Ok(Span { from, to, every })
}

pub(super) fn run(args: &BacktestArgs) -> Result<Ending, Failure> {
    let of = span(args.from, args.to, args.every)?;
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let console = Console::new(args.machine.log);
    let options = args.machine.options();
    let done =
        block_on(options.threads, async { Box::pin(run::backtest(&job, &home, of, options, &console)).await.map_err(Failure::from) })?;
    for (as_of, word, figures) in &done.nights {
        say(&format!("{as_of}  {word:<9}  {figures}"));
    }
    say(&format!("table   {}\npage    {}", done.table.display(), done.page.display()));
    Ok(Ending::Published)
}
