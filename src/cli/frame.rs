//! `polytask frame`: the training frame as Parquet, for a notebook or another learner.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::console::{Console, say};
use super::{Failure, MachineArgs, PlaceArgs, block_on};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Night};

/// Arguments of `polytask frame`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask frame queries/complete_journey --as-of 2017-12-04 --out frame/\n\n\
                        One file per snapshot: keys, as_of, split, scenario, y_<task>, features.\n\
                        split: train and valid for choices, gap (its outcome was open on the validation night; used in the refit), holdout;\n\
                        folds, with the number of the fold, where the job has them.")]
pub(super) struct FrameArgs {
    /// Folder of the job
    job: PathBuf,
    /// The night, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    as_of: Date,
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &FrameArgs) -> Result<Ending, Failure> {
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let console = Console::new(args.machine.log);
    let options = args.machine.options();
    let written = block_on(options.threads, async {
        let night = Night { job: &job, home: &home, as_of: args.as_of, options, watch: &console };
        run::frame(&night, &args.out).await.map_err(Failure::from)
    })?;
    for (file, rows) in written {
        say(&format!("{} {rows} rows", file.display()));
    }
    Ok(Ending::Published)
}
