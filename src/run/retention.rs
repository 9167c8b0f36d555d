//! `[retention]`: runs that a published night makes superfluous.
//!
//! In: a night that is published, and the run from whose network it began. Out: ids of the runs that were removed. Which runs may go
//! is decided in `publish::upkeep`, as for `polytask gc --keep`.

use serde_json::Value;

use super::predecessor::{Predecessor, begins_from_others};
use super::{Night, NightError, shown};
use crate::publish::{folder, upkeep};
use crate::table_file::FileError;

/// Removes what the job keeps no longer, and says so in the log and in `run.json`. That it fails is told, and changes nothing: the
/// night is published, and the next one tries again.
pub(super) fn apply(night: &Night<'_>, run: &str, predecessor: Option<&Predecessor>) {
    let Some(keep) = night.job.keep else { return };
    match removed(night, run, keep, predecessor) {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => {
            night.watch.note(&format!("retention: removed {}", removed.join(", ")));
            if let Err(error) = tell(night, run, &removed) {
                night.watch.note(&format!("warning: {error}"));
            }
        }
        Err(error) => night.watch.note(&format!("warning: old runs were not removed: {error}")),
    }
}

fn removed(night: &Night<'_>, tonight: &str, keep: usize, predecessor: Option<&Predecessor>) -> Result<Vec<String>, NightError> {
    let needed = needed_from(night, predecessor)?;
    let mut removed = Vec::new();
    for run in upkeep::spare(night.home, keep)? {
        // An old night that was just made is there to be read; the next one may remove it.
        if run.manifest.run == tonight {
            continue;
        }
        if needed.as_ref().is_none_or(|needed| run.manifest.as_of < *needed) {
            upkeep::remove(night.home, &run)?;
            removed.push(run.manifest.run);
        }
    }
    if !removed.is_empty() {
        shown::index(night.home)?;
    }
    Ok(removed)
}

/// With `[train] warm_start`, the as-of date from which on runs stay: a later night begins from the run that tonight began from, or from
/// a newer one. The empty date, before all others, where there was none to begin from yet.
fn needed_from(night: &Night<'_>, predecessor: Option<&Predecessor>) -> Result<Option<String>, NightError> {
    if !begins_from_others(night.job) {
        return Ok(None);
    }
    let before = predecessor.map(|before| night.home.find(&before.run)).transpose()?.flatten();
    Ok(Some(before.map_or_else(String::new, |before| before.manifest.as_of)))
}

/// Adds `removed_runs` to the run's `run.json`, which holds times of the clock and is no part of what must be repeatable.
fn tell(night: &Night<'_>, run: &str, removed: &[String]) -> Result<(), NightError> {
    let path = night.home.run(run).join("run.json");
    let bytes = std::fs::read(&path).map_err(|source| FileError::Io { what: "read", path: path.clone(), source })?;
    let unreadable = |error: serde_json::Error| NightError::Report(error.to_string());
    let mut told: Value = serde_json::from_slice(&bytes).map_err(unreadable)?;
    told["removed_runs"] = removed.into();
    Ok(folder::write_atomically(&path, &serde_json::to_vec_pretty(&told).map_err(unreadable)?)?)
}
