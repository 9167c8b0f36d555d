//! `polytask gc`: removes old runs and old parts of the cache.

use std::time::SystemTime;

use std::path::PathBuf;

use clap::Args;

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::outcome::Ending;
use crate::publish::{Lock, upkeep};

/// Arguments of `polytask gc`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  polytask gc queries/complete_journey --keep 30 --dry-run\n  polytask gc queries/complete_journey --keep 30 --cache-days 60\n\n\
                        Never the current run, never a pinned one (`polytask pin`). A night makes again what the cache has lost."
)]
pub(super) struct GcArgs {
    /// Folder of the job
    job: PathBuf,
    /// Newest runs to keep
    #[arg(long, value_name = "N")]
    keep: usize,
    /// Also remove cache entries that were made more days ago than this
    #[arg(long, value_name = "DAYS")]
    cache_days: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &GcArgs) -> Result<Ending, Failure> {
    let home = args.places.home(&args.job)?;
    let _lock = Lock::take(&home, "gc")?;
    let spare = upkeep::spare(&home, args.keep)?;
    for run in &spare {
        if !args.dry_run {
            upkeep::remove(&home, run)?;
        }
        say(&format!("{} {}", if args.dry_run { "would remove" } else { "removed" }, run.manifest.run));
    }
    if spare.is_empty() {
        say(&format!("no run beyond the {} newest", args.keep));
    }
    if let Some(days) = args.cache_days.filter(|_| !args.dry_run) {
        let (entries, bytes) = upkeep::old_cache(&home, days, SystemTime::now())?;
        say(&format!("removed {entries} cache entries, {bytes} bytes"));
    }
    Ok(Ending::Published)
}
