//! `polytask runs`: past runs of a job, the published one marked.

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::publish::PastRun;
use crate::publish::upkeep::pinned;

/// Arguments of `polytask runs`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  polytask runs queries/complete_journey\n\nThe run that readers follow has a * before it, a held one an h.\n\
                        State: current, published, blessed (published by hand) or held; pinned: `polytask gc` never removes it."
)]
pub(super) struct RunsArgs {
    /// Folder of the job
    job: PathBuf,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &RunsArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let runs = home.past()?;
    if runs.is_empty() {
        say(&format!("{} has no runs yet", home.job));
        return Ok(Ending::Published);
    }
    say("  as-of       learner  held out    run                      state               figures");
    for past in runs {
        let manifest = &past.manifest;
        let figures: Vec<_> = manifest.figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let mark = if past.current {
            '*'
        } else if past.published() {
            ' '
        } else {
            'h'
        };
        say(&format!(
            "{mark} {}  {:<8} {}  {:<24} {:<19} {}",
            manifest.as_of,
            manifest.learner,
            manifest.holdout,
            manifest.run,
            state(&past),
            figures.join(", ")
        ));
    }
    Ok(Ending::Published)
}

/// What a run is to its readers, and whether it is kept.
fn state(run: &PastRun) -> String {
    let mut words = Vec::new();
    if run.current {
        words.push("current");
    }
    if run.blessing.is_some() {
        words.push("blessed");
    } else if !run.published() {
        words.push("held");
    } else if !run.current {
        words.push("published");
    }
    if pinned(run) {
        words.push("pinned");
    }
    words.join(", ")
}
