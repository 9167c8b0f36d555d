//! Looking after past runs: are their bytes still those that were published, which may go, which one readers follow.
//!
//! In: a job's home. Out: what was found, what was removed, the run that is current now. Never touched: the current run, runs
//! that are pinned, and whatever is no run folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::error::PublishError;
use super::folder;
use super::home::{Home, PastRun};
use crate::fingerprint;
use crate::table_file::{self, FileError};

/// Name of the file in a run folder that keeps it from being removed.
pub(crate) const PIN: &str = "pinned";

/// Prefix of a run folder that is being removed.
pub(super) const REMOVED: &str = ".removed-";

/// What a run folder was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Files that the manifest lists.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, a line each; empty = nothing.
    pub wrong: Vec<String>,
}

/// Reads every file of a run back and holds it against the manifest: size, sha256, rows.
///
/// # Errors
/// [`PublishError`] when the folder cannot be listed; what is wrong with a file is told in [`Verified::wrong`].
pub fn verify(run: &PastRun) -> Result<Verified, PublishError> {
    let mut verified = Verified { files: 0, bytes: 0, wrong: Vec::new() };
    for listed in &run.manifest.files {
        verified.files += 1;
        verified.bytes += listed.bytes;
        let path = run.folder.join(&listed.file);
        if let Err(what) = as_listed(&path, listed.bytes, &listed.sha256, listed.rows) {
            verified.wrong.push(format!("{}: {what}", listed.file));
        }
    }
    let known: Vec<&str> = run.manifest.files.iter().map(|listed| listed.file.as_str()).collect();
    for path in folder::files(&run.folder)? {
        let name = path.strip_prefix(&run.folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if !known.contains(&name.as_str()) && !super::staging::VOLATILE.contains(&name.as_str()) && name != "manifest.json" {
            verified.wrong.push(format!("{name}: the manifest does not list it"));
        }
    }
    Ok(verified)
}

fn as_listed(path: &Path, bytes: u64, sha256: &str, rows: Option<u64>) -> Result<(), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if found != bytes {
        return Err(format!("{found} bytes instead of {bytes}"));
    }
    if fingerprint::of_file(path).map_err(|error| error.to_string())? != sha256 {
        return Err("other bytes than were published".into());
    }
    let Some(rows) = rows else { return Ok(()) };
    let mut found = 0;
    for batch in table_file::read(path).map_err(|error| error.to_string())? {
        found += batch.map_err(|error| error.to_string())?.num_rows() as u64;
    }
    if found == rows { Ok(()) } else { Err(format!("{found} rows instead of {rows}")) }
}

/// The run to go back to: the one that is named, else the newest published one before the current.
///
/// # Errors
/// [`PublishError::NothingEarlier`] when there is none, [`PublishError::Held`] for one that was never published.
pub fn earlier(home: &Home, wanted: Option<&str>) -> Result<PastRun, PublishError> {
    if let Some(wanted) = wanted {
        let run = home.named(wanted)?;
        return if run.published() { Ok(run) } else { Err(PublishError::Held { run: run.manifest.run }) };
    }
    let current = home.published()?.manifest.run;
    let past = home.past()?;
    let mut after = past.iter().skip_while(|run| !run.current).skip(1);
    after.find(|run| run.published()).cloned().ok_or(PublishError::NothingEarlier { current })
}

/// Runs beyond the `keep` newest, oldest first: neither current nor pinned, none that somebody went back to, and none that a run
/// which stays was compared with or whose network it began from.
///
/// # Errors
/// [`PublishError`] when the runs cannot be listed.
pub fn spare(home: &Home, keep: usize) -> Result<Vec<PastRun>, PublishError> {
    let past = home.past()?;
    let went_back_to = home.went_back_to();
    let stays =
        |at: usize, run: &PastRun| at < keep || run.current || pinned(run) || went_back_to.as_deref() == Some(run.manifest.run.as_str());
    let staying = past.iter().enumerate().filter(|(at, run)| stays(*at, run));
    let needs = |run: &PastRun| [run.manifest.compared_with.clone(), run.manifest.warm_start.clone()].into_iter().flatten();
    let needed: Vec<String> = staying.flat_map(|(_, run)| needs(run)).collect();
    let spare = past.into_iter().enumerate().filter(|(at, run)| !stays(*at, run) && !needed.contains(&run.manifest.run));
    let mut spare: Vec<PastRun> = spare.map(|(_, run)| run).collect();
    spare.reverse();
    Ok(spare)
}

/// Whether a run is kept whatever its age.
#[must_use]
pub fn pinned(run: &PastRun) -> bool {
    run.folder.join(PIN).exists()
}

/// Keeps a run from being removed, or no longer.
///
/// # Errors
/// [`PublishError`] when the mark cannot be written or removed.
pub fn pin(run: &PastRun, keep: Keep) -> Result<(), PublishError> {
    let path = run.folder.join(PIN);
    match keep {
        Keep::Always => Ok(folder::write_atomically(&path, b"")?),
        Keep::AsOthers if path.exists() => fs::remove_file(&path).map_err(|source| FileError::Io { what: "remove", path, source }.into()),
        Keep::AsOthers => Ok(()),
    }
}

/// How long a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until it is unpinned.
    Always,
    /// As long as it is among the newest.
    AsOthers,
}

/// Removes a run folder: renamed out of sight first, so that a reader never sees half of it.
///
/// # Errors
/// [`PublishError`] when it cannot be removed.
pub fn remove(home: &Home, run: &PastRun) -> Result<(), PublishError> {
    let gone = home.runs.join(format!("{REMOVED}{}", run.manifest.run));
    folder::rename(&run.folder, &gone)?;
    Ok(folder::remove(&gone)?)
}

/// Removes entries of the cache that were made more than `days` before `now`; returns how many, and their bytes. A night that
/// needs one makes it again.
///
/// # Errors
/// [`PublishError`] when the cache cannot be read.
pub fn old_cache(home: &Home, days: u64, now: SystemTime) -> Result<(u64, u64), PublishError> {
    let age = Duration::from_secs(days * 86_400);
    let (mut entries, mut bytes) = (0, 0);
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    for entry in list(&home.cache).filter(|kind| kind.is_dir()).flat_map(|kind| list(&kind).collect::<Vec<_>>()) {
        let failed = |source| FileError::Io { what: "remove", path: entry.clone(), source };
        let made = fs::metadata(&entry).and_then(|told| told.modified()).map_err(failed)?;
        if !entry.is_dir() || now.duration_since(made).is_ok_and(|old| old <= age) {
            continue;
        }
        for file in folder::files(&entry)? {
            bytes += fs::metadata(&file).map_err(failed)?.len();
        }
        fs::remove_dir_all(&entry).map_err(failed)?;
        entries += 1;
    }
    Ok((entries, bytes))
}
