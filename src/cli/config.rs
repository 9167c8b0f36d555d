//! `polytask config`: the commented defaults, or every key in force for a job.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::console::say;
use crate::job::{DEFAULTS, Job};
use crate::outcome::Ending;

/// Arguments of `polytask config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask config                                            the commented defaults\n  \
                        polytask config --effective queries/complete_journey       what is in force for a job")]
pub(super) struct ConfigArgs {
    /// Folder of a job: print its keys with every default filled in
    #[arg(long, value_name = "JOB")]
    effective: Option<PathBuf>,
}

pub(super) fn run(args: &ConfigArgs) -> Result<Ending, Failure> {
    match &args.effective {
        None => say(DEFAULTS.trim_end()),
        Some(folder) => say(Job::load(folder)?.effective.trim_end()),
    }
    Ok(Ending::Published)
}
