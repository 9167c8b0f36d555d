//! `polytask verify`: whether past runs still have the bytes that were published.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::publish::upkeep::verify;
use crate::publish::{PastRun, PublishError};

/// Arguments of `polytask verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask verify queries/complete_journey\n  polytask verify queries/complete_journey --all\n\n\
                        Reads every file of a run back: size, sha256 and rows as the manifest says. Exit code 74 where one differs.")]
pub(super) struct VerifyArgs {
    /// Folder of the job
    job: PathBuf,
    /// The run [default: the published one]
    run: Option<String>,
    /// Every run
    #[arg(long, conflicts_with = "run")]
    all: bool,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &VerifyArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let past = home.past()?;
    let wanted = |run: &&PastRun| match &args.run {
        _ if args.all => true,
        Some(wanted) => run.manifest.run == *wanted,
        None => run.current,
    };
    let runs: Vec<&PastRun> = past.iter().filter(wanted).collect();
    if runs.is_empty() {
        let run = args.run.clone().unwrap_or_else(|| "CURRENT".into());
        return Err(PublishError::NoRun { run, runs: home.runs.clone() }.into());
    }
    let mut damaged = Vec::new();
    for run in runs {
        let found = verify(run)?;
        if found.wrong.is_empty() {
            say(&format!("{}  {} files, {} bytes: as published", run.manifest.run, found.files, found.bytes));
        }
        damaged.extend(found.wrong.into_iter().map(|what| (run.manifest.run.clone(), what)));
    }
    for (run, what) in &damaged {
        say(&format!("{run}  {what}"));
    }
    match damaged.into_iter().next() {
        None => Ok(Ending::Published),
        Some((run, first)) => Err(PublishError::Damaged { run, first, more: 0 }.into()),
    }
}
