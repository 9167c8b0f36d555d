//! `polytask check`: everything about a job that can be wrong before its night runs.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs, block_on};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run;

/// Arguments of `polytask check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask check queries/complete_journey\n\n\
                        Reads job.toml, parses and plans every query, walks the query graph, opens every source's footers.\n\
                        No row of data is read.")]
pub(super) struct CheckArgs {
    /// Folder of the job
    job: PathBuf,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let found = block_on(1, async { Box::pin(run::check(&job, &home)).await.map_err(Failure::from) })?;
    say(&found);
    Ok(Ending::Published)
}
