//! `polytask backfill`: the nights that are missing, in order, each published in its turn.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::backtest::{every, span};
use super::console::{self, Console, say};
use super::{Failure, MachineArgs, PlaceArgs, block_on, night};
use crate::job::{Days, Job};
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Ended, Night};

/// Arguments of `polytask backfill`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask backfill queries/marketplace --from 2026-03-19 --to 2026-03-26 --every 1d\n\n\
                        Nights that are there already are not run again: the same command goes on after an interruption. A held night does\n\
                        not stop the ones after it; the exit code is 4 then.")]
pub(super) struct BackfillArgs {
    /// Folder of the job
    job: PathBuf,
    /// The first night, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// No night after this one, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// Distance between two nights, for example 1d or "2 weeks"
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = every)]
    every: Days,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &BackfillArgs) -> Result<Ending, Failure> {
    let of = span(args.from, args.to, args.every)?;
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let console = Console::new(args.machine.log);
    let options = args.machine.options();
    let nights = of.nights(&job)?;
    let ended = block_on(options.threads, async {
        let mut ended = Vec::new();
        for as_of in &nights {
            let night = Night { job: &job, home: &home, as_of: *as_of, options, watch: &console };
            ended.push(Box::pin(run::night(&night)).await.map_err(Failure::from)?);
        }
        Ok(ended)
    })?;
    for ended in &ended {
        say(&night::summary(ended, &home));
    }
    let ending = if ended.iter().any(|ended| matches!(ended, Ended::Held { .. })) { Ending::Held } else { Ending::Published };
    let nights: Vec<_> = ended.iter().map(night::outcome).collect();
    console::end("info", serde_json::json!({ "status": "done", "exit_code": ending as u8, "nights": nights }));
    Ok(ending)
}
