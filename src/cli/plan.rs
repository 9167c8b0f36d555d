//! `polytask plan`: what a night would read and build, and what has changed since the run before.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::console::{Console, say};
use super::{Failure, MachineArgs, PlaceArgs, block_on};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Night};

/// Arguments of `polytask plan`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask plan queries/complete_journey --as-of 2017-12-18\n\n\
                        Builds nothing. `changed` lines say why the night is another one than the run it is compared with.")]
pub(super) struct PlanArgs {
    /// Folder of the job
    job: PathBuf,
    /// The night, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    as_of: Date,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &PlanArgs) -> Result<Ending, Failure> {
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let console = Console::new();
    let options = args.machine.options();
    let text = block_on(options.threads, async {
        let night = Night { job: &job, home: &home, as_of: args.as_of, options, watch: &console };
        Box::pin(run::plan(&night)).await.map_err(Failure::from)
    })?;
    say(&text);
    Ok(Ending::Published)
}
