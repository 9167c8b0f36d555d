//! The run folder on its way to being published: staged under a temporary name, audited, renamed, switched to.
//!
//! In: tables and texts. Out: a whole run folder, or none. A night that dies leaves only a hidden staging folder, which
//! the next one sweeps.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use super::error::PublishError;
use super::folder;
use super::home::{Home, PastRun};
use super::manifest::{Manifest, OutputFile};
use super::upkeep::REMOVED;
use crate::fingerprint;
use crate::ingest::clean::schema_of;
use crate::table_file::{self, FileError};

/// Files that hold wall-clock times: written last, and no part of what must be repeatable.
pub(super) const VOLATILE: [&str; 4] = ["run.json", "metrics.prom", super::home::BLESSING, super::upkeep::PIN];
const PREFIX: &str = ".staging-";

/// A run folder being filled.
pub struct Staging {
    folder: tempfile::TempDir,
}

/// How a run ended on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// A new run folder.
    New,
    /// The run was there already, with the same bytes.
    SameBytes,
}

impl Staging {
    /// Starts a run folder below `home.runs`, and removes what dead nights left there (the caller holds the lock).
    ///
    /// # Errors
    /// [`PublishError`] naming the folder.
    pub fn start(home: &Home) -> Result<Self, PublishError> {
        folder::create(&home.runs)?;
        let failed = |source| FileError::Io { what: "create a folder in", path: home.runs.clone(), source };
        folder::sweep(&home.runs, &[PREFIX, REMOVED])?;
        folder::sweep(&home.reports, &[])?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&home.runs).map_err(failed)?;
        Ok(Self { folder })
    }

    /// The staged folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below the staged folder; folders on the way are made.
    ///
    /// # Errors
    /// [`PublishError`] naming the folder.
    pub fn place(&self, name: &str) -> Result<PathBuf, PublishError> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            folder::create(parent)?;
        }
        Ok(path)
    }

    /// Writes a text or binary file.
    ///
    /// # Errors
    /// [`PublishError`] naming the file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        Ok(folder::write(&self.place(name)?, bytes)?)
    }

    /// Writes a table.
    ///
    /// # Errors
    /// [`PublishError`] naming the table.
    pub fn table(&self, name: &str, batch: Result<RecordBatch, String>) -> Result<(), PublishError> {
        let batch = batch.map_err(|message| PublishError::Table { table: name.to_owned(), message })?;
        table_file::write_one(&self.place(&format!("{name}.parquet"))?, &batch)?;
        Ok(())
    }

    /// Every file staged so far, read back from disk: size, sha256 and, for Parquet, rows.
    ///
    /// # Errors
    /// [`PublishError::Audit`] naming a file that cannot be read back.
    pub fn audit(&self) -> Result<Vec<OutputFile>, PublishError> {
        let mut listed = Vec::new();
        for path in folder::files(self.path())? {
            let file = relative(&path, self.path());
            if VOLATILE.contains(&file.as_str()) || file == "manifest.json" {
                continue;
            }
            let bytes = fs::metadata(&path).map_err(|source| FileError::Io { what: "read", path: path.clone(), source })?.len();
            let sha256 = fingerprint::of_file(&path).map_err(|source| FileError::Io { what: "read", path: path.clone(), source })?;
            let rows = if path.extension().is_some_and(|extension| extension == "parquet") { Some(count(&path, &file)?) } else { None };
            listed.push(OutputFile { file, bytes, sha256, rows });
        }
        Ok(listed)
    }

    /// Flushes the staged folder and gives it its name. The switch of `CURRENT` is the caller's next step.
    ///
    /// # Errors
    /// [`PublishError`]; nothing was renamed then.
    pub fn place_as(self, home: &Home, manifest: &Manifest) -> Result<Placed, PublishError> {
        let target = home.run(&manifest.run);
        if let Some(before) = home.find(&manifest.run)? {
            return same_bytes(&before, manifest).map(|()| Placed::SameBytes);
        }
        folder::flush_all(self.path())?;
        let failed = |source| FileError::Io { what: "publish", path: target.clone(), source };
        set_readable(self.path()).map_err(failed)?;
        let staged = self.folder.keep();
        fs::rename(&staged, &target).map_err(failed)?;
        folder::flush(&home.runs)?;
        Ok(Placed::New)
    }
}

#[cfg(unix)]
fn set_readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn set_readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn same_bytes(before: &PastRun, now: &Manifest) -> Result<(), PublishError> {
    let differs = |file: &str| Err(PublishError::NotRepeatable { run: now.run.clone(), file: file.to_owned() });
    for (old, new) in before.manifest.files.iter().zip(&now.files) {
        if old != new {
            return differs(&new.file);
        }
    }
    // As bytes: a decimal of an f64 that is read back may differ in its last bit.
    let path = before.folder.join("manifest.json");
    let bytes = fs::read(&path).map_err(|source| FileError::Io { what: "read", path, source })?;
    if bytes == now.to_json()? { Ok(()) } else { differs("manifest.json") }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn count(path: &Path, file: &str) -> Result<u64, PublishError> {
    let audit = |what: String| PublishError::Audit { file: file.to_owned(), what };
    schema_of(path).map_err(|error| audit(error.to_string()))?;
    let mut rows = 0;
    for batch in table_file::read(path).map_err(|error| audit(error.to_string()))? {
        rows += batch.map_err(|error| audit(error.to_string()))?.num_rows() as u64;
    }
    Ok(rows)
}
