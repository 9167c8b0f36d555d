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
    /// The run, or how its id begins [default: the published one]
    run: Option<String>,
    /// Every run
    #[arg(long, conflicts_with = "run")]
    all: bool,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &VerifyArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let runs: Vec<PastRun> = match &args.run {
        _ if args.all => home.past()?,
        Some(wanted) => vec![home.named(wanted)?],
        None => vec![home.published()?],
    };
    if runs.is_empty() {
        say(&format!("{} has no runs yet", home.job));
    }
    let mut damaged = None;
    for run in &runs {
        let found = verify(run)?;
        let id = &run.manifest.run;
        match found.wrong.as_slice() {
            [] => say(&format!("{id}  {} files, {} bytes: {}", found.files, found.bytes, whole(run))),
            wrong => wrong.iter().for_each(|what| say(&format!("{id}  {what}"))),
        }
        if let Some(first) = found.wrong.first().filter(|_| damaged.is_none()) {
            let (first, more) = (first.clone(), found.wrong.len() - 1);
            damaged = Some(PublishError::Damaged { run: id.clone(), first, more, current: run.current });
        }
    }
    damaged.map_or(Ok(Ending::Published), |damaged| Err(damaged.into()))
}

/// What the bytes of a sound run are.
fn whole(run: &PastRun) -> &'static str {
    if run.published() { "as published" } else { "as made; the run is held, readers do not follow it" }
}
