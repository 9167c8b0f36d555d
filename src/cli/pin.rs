//! `polytask pin`: keeps a run from being removed.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::publish::upkeep::{Keep, pin};

/// Arguments of `polytask pin`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask pin queries/complete_journey 2017-12-04-aa624d70427c\n  \
                        polytask pin queries/complete_journey 2017-12-04-aa624d70427c --undo")]
pub(super) struct PinArgs {
    /// Folder of the job
    job: PathBuf,
    /// The run, or how its id begins
    run: String,
    /// Let `polytask gc` remove it again
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &PinArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let run = home.named(&args.run)?;
    pin(&run, if args.undo { Keep::AsOthers } else { Keep::Always })?;
    say(&format!("{} {}", if args.undo { "unpinned" } else { "pinned" }, run.manifest.run));
    Ok(Ending::Published)
}
