//! `polytask bless`: publish a held run by hand.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::run;

/// Arguments of `polytask bless`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  polytask bless queries/complete_journey 2017-12-04-aa624d70427c --reason \"the mailer was not sent this week\"\n\n\
                        The reason is kept in the run folder (blessed.json) and printed in the published report."
)]
pub(super) struct BlessArgs {
    /// Folder of the job
    job: PathBuf,
    /// The held run, as `polytask runs` lists it, or how it begins
    run: String,
    /// Why it is published although a gate was not passed
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &BlessArgs) -> Result<Ending, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::usage("`--reason` says nothing", "say why the run is published although a gate was not passed"));
    }
    let home = args.places.home(&args.job)?;
    let run = run::bless(&home, &args.run, args.reason.trim())?;
    say(&format!("published {run}\nreport  {}", home.reports.join("latest.html").display()));
    Ok(Ending::Published)
}
