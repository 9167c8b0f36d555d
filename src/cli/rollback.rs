//! `polytask rollback`: readers follow an earlier run again.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::run;

/// Arguments of `polytask rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  polytask rollback queries/complete_journey\n  polytask rollback queries/complete_journey --to 2017-12-04-aa624d70427c\n\n\
                        The run is read back first; a damaged one is not gone back to. Nothing is removed."
)]
pub(super) struct RollbackArgs {
    /// Folder of the job
    job: PathBuf,
    /// The run, or how its id begins [default: the newest published one before the current]
    #[arg(long, value_name = "RUN")]
    to: Option<String>,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &RollbackArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let back = run::rollback(&home, args.to.as_deref())?;
    say(&format!("published {back}\nreport  {}", home.reports.join("latest.html").display()));
    Ok(Ending::Published)
}
