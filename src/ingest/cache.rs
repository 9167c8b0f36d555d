//! The cache of a job: tables by the fingerprint of what they were made from.
//!
//! In: a name and a fingerprint. Out: a folder that is either whole or not there. A night that dies leaves a
//! temporary folder behind, which the next one sweeps, never a half-written entry.

use std::fs;
use std::path::{Path, PathBuf};

use crate::publish::folder;
use crate::table_file::FileError;

/// Hex digits of a fingerprint that name a folder: 64 bits, far beyond the number of tables of a job.
const SHORT: usize = 16;
/// How the name of a folder begins that is not whole yet.
const MAKING: &str = ".making-";

/// `data/<job>/runs/cache`.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    rebuild: bool,
}

/// An entry being made.
pub(crate) struct NewEntry {
    staged: tempfile::TempDir,
    target: PathBuf,
}

impl Cache {
    /// The cache below `root`; with `rebuild` nothing that it holds is used.
    #[must_use]
    pub fn new(root: PathBuf, rebuild: bool) -> Self {
        Self { root, rebuild }
    }

    /// Where the cache keeps what is not an entry.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The entry, if it is there and may be used.
    pub(crate) fn find(&self, kind: &str, name: &str, fingerprint: &str) -> Option<PathBuf> {
        let path = self.path(kind, name, fingerprint);
        (!self.rebuild && path.is_dir()).then_some(path)
    }

    /// Whether the cache has an entry of that name, whatever it was made from.
    pub(crate) fn has_other(&self, kind: &str, name: &str) -> bool {
        let begins = format!("{name}-");
        let other =
            |entry: fs::DirEntry| entry.file_name().to_string_lossy().strip_prefix(&begins).is_some_and(|print| print.len() == SHORT);
        fs::read_dir(self.root.join(kind)).into_iter().flatten().flatten().any(other)
    }

    /// A folder to fill and then [`NewEntry::keep`].
    ///
    /// # Errors
    /// [`FileError::Io`] naming the folder.
    pub(crate) fn start(&self, kind: &str, name: &str, fingerprint: &str) -> Result<NewEntry, FileError> {
        let target = self.path(kind, name, fingerprint);
        let parent = self.root.join(kind);
        folder::create(&parent)?;
        let staged = tempfile::Builder::new().prefix(&format!("{MAKING}{name}-")).tempdir_in(&parent).map_err(|source| FileError::Io {
            what: "create a folder in",
            path: parent,
            source,
        })?;
        Ok(NewEntry { staged, target })
    }

    /// Removes what nights that died left half-made, and their spilled rows (the caller holds the lock).
    ///
    /// # Errors
    /// [`FileError::Io`] naming what cannot be removed.
    pub(crate) fn sweep(&self) -> Result<(), FileError> {
        let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
        let named = |path: &Path, begins: &str| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begins));
        for kind in list(&self.root).into_iter().filter(|path| path.is_dir()) {
            let spilled = named(&kind, "spill");
            for path in list(&kind).into_iter().filter(|path| spilled || named(path, MAKING)) {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(|source| FileError::Io { what: "remove", path, source })?;
            }
        }
        Ok(())
    }

    fn path(&self, kind: &str, name: &str, fingerprint: &str) -> PathBuf {
        self.root.join(kind).join(format!("{name}-{}", &fingerprint[..SHORT.min(fingerprint.len())]))
    }
}

impl NewEntry {
    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.staged.path()
    }

    /// Puts the entry in its place, replacing what was there; returns the place.
    ///
    /// # Errors
    /// [`FileError::Io`] naming the folder.
    pub(crate) fn keep(self) -> Result<PathBuf, FileError> {
        let Self { staged, target } = self;
        folder::flush_all(staged.path())?;
        let made = staged.keep();
        if target.exists() {
            let old = made.with_extension("old");
            folder::rename(&target, &old)?;
            folder::rename(&made, &target)?;
            folder::remove(&old)?;
        } else {
            // Another process may have kept the same meanwhile: the same fingerprint, the same rows.
            let theirs = || made.exists() && target.exists();
            folder::rename(&made, &target).or_else(|error| if theirs() { folder::remove(&made) } else { Err(error) })?;
        }
        Ok(target)
    }
}
