//! Sources that nobody vouches for (`untrusted = true`): a process of its own reads each file and writes its rows anew; the night
//! reads only what that process wrote.
//!
//! In: a file. Out: a Parquet file in the cache with the same rows, by the sha256 of the original; or [`IngestError`] naming the
//! file. The child has a limit on its memory and on its time: whatever the file does to it, abort, endless loop, bomb, is an
//! outcome. Not here: what a sound file is ([`guard`](super::guard)).

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::error::IngestError;
use super::guard::{self, Look};
use super::source::InputFile;
use crate::fingerprint::Fingerprint;
use crate::job::Source;
use crate::table_file::{FileError, Kept, TableWriter};

/// Name of the hidden subcommand that the child runs.
pub const COMMAND: &str = "read-untrusted";
/// Address space of the child: the program itself takes a third of it.
const MEMORY_BYTES: u64 = 1 << 30;
/// Time that a child has, and what it has more for each megabyte.
const SECONDS: u64 = 10;
const SECONDS_PER_MEGABYTE: f64 = 0.5;
/// How often its end is looked for.
const TICK: Duration = Duration::from_millis(5);
/// Characters of its message that are passed on.
const MESSAGE: usize = 500;

/// Where the rows of untrusted files are kept.
#[derive(Debug, Clone, Copy)]
pub struct Shelter<'a> {
    cache: &'a Cache,
}

impl<'a> Shelter<'a> {
    /// A shelter in the job's cache.
    #[must_use]
    pub fn new(cache: &'a Cache) -> Self {
        Self { cache }
    }

    /// The job's cache.
    pub(super) fn cache(self) -> &'a Cache {
        self.cache
    }

    /// The file as a child process wrote it; made now where the cache has none of the same bytes.
    pub(super) fn read(self, source: &Source, path: &Path, file: &str, sha256: &str) -> Result<PathBuf, IngestError> {
        let print = Fingerprint::of("untrusted file").with("sha256", sha256).hex();
        if let Some(folder) = self.cache.find("untrusted", &source.name, &print) {
            return Ok(folder.join("part.parquet"));
        }
        let entry = self.cache.start("untrusted", &source.name, &print)?;
        let message = |message: String| IngestError::BadFile { source_name: source.name.clone(), file: file.to_owned(), message };
        child(path, &entry.path().join("part.parquet")).map_err(message)?;
        Ok(entry.keep()?.join("part.parquet"))
    }

    /// A folder with the files under their own paths, for a source whose paths hold columns.
    pub(super) fn tree(self, source: &Source, files: &[InputFile], copies: &[PathBuf]) -> Result<PathBuf, IngestError> {
        let print = files.iter().fold(Fingerprint::of("untrusted tree"), |print, file| print.with(&file.file, &file.sha256)).hex();
        if let Some(folder) = self.cache.find("untrusted", &source.name, &print) {
            return Ok(folder);
        }
        let entry = self.cache.start("untrusted", &source.name, &print)?;
        for (file, copy) in files.iter().zip(copies) {
            let target = entry.path().join(&file.file);
            if let Some(folder) = target.parent() {
                crate::publish::folder::create(folder)?;
            }
            let linked = std::fs::hard_link(copy, &target).or_else(|_| std::fs::copy(copy, &target).map(|_| ()));
            linked.map_err(|source| FileError::Io { what: "link", path: target, source })?;
        }
        Ok(entry.keep()?)
    }
}

/// Lets a child read `from` and write its rows to `to`.
fn child(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("no process could be started to read it: {error}");
    let program = std::env::current_exe().map_err(failed)?;
    let megabytes = std::fs::metadata(from).map_err(|error| error.to_string())?.len() as f64 / 1e6;
    let time = Duration::from_secs_f64(SECONDS as f64 + megabytes * SECONDS_PER_MEGABYTE);
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.arg(COMMAND).arg(from).arg(to).env_clear();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let mut said = child.stderr.take();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if begun.elapsed() > time {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("reading it was stopped after {} seconds", time.as_secs()));
        }
        std::thread::sleep(TICK);
    };
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    if let Some(said) = &mut said {
        let _ = said.take(1 << 16).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let message: Option<&str> = text.lines().find_map(|line| line.strip_prefix("error: "));
    Err(message.map_or_else(
        || format!("the process that reads it ended with {status}, at its limit of {} MB or before", MEMORY_BYTES >> 20),
        |message| message.chars().take(MESSAGE).collect::<String>().escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""),
    ))
}

/// What the child does: limits itself, looks at the file, and writes its rows anew.
///
/// # Errors
/// What is wrong with the file, or that the copy cannot be written.
pub fn reread(from: &Path, to: &Path) -> Result<u64, String> {
    limit_memory()?;
    let found = guard::inspect(from, Look::Pages)?;
    let mut writer = TableWriter::create(to, found.schema, Kept::Cached).map_err(|error| error.to_string())?;
    guard::read_through(from, |batch| writer.write(batch).map_err(|error| error.to_string()))?;
    writer.finish().map_err(|error| error.to_string())
}

#[cfg(unix)]
fn limit_memory() -> Result<(), String> {
    rlimit::Resource::AS.set(MEMORY_BYTES, MEMORY_BYTES).map_err(|error| format!("the limit of memory could not be set: {error}"))
}

#[cfg(not(unix))]
fn limit_memory() -> Result<(), String> {
    Ok(())
}
