//! Where a night keeps the state of its training, for the same night to go on from after a crash.
//!
//! In: bytes under a name. Out: the same bytes, in the next run of the same night. They lie in the cache, below the run's id:
//! that names everything that decides the night's bytes, so no other night reads them. Publishing removes them.

use std::fs;
use std::path::PathBuf;

use super::Night;
use crate::publish::folder;
use crate::table_file::FileError;

/// The checkpoints of one night.
pub(super) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Those of the run `run`; those of other nights are removed, since only one night runs at a time. A night that makes
    /// everything again begins without any.
    ///
    /// # Errors
    /// [`FileError::Io`] when old ones cannot be removed.
    pub(super) fn of(night: &Night<'_>, run: &str) -> Result<Self, FileError> {
        let all = night.home.cache.join("checkpoints");
        for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
            if night.options.rebuild || entry.file_name().to_string_lossy() != run {
                let path = entry.path();
                fs::remove_dir_all(&path).map_err(|source| FileError::Io { what: "remove", path, source })?;
            }
        }
        Ok(Self { folder: all.join(run) })
    }

    /// Keeps a state.
    ///
    /// # Errors
    /// [`FileError::Io`] when it cannot be written; an earlier state is still there then.
    pub(super) fn keep(&self, name: &str, state: &[u8]) -> Result<(), FileError> {
        folder::write_atomically(&self.folder.join(name), state)
    }

    /// The state that was kept last.
    pub(super) fn kept(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    /// Removes them: the night is published.
    ///
    /// # Errors
    /// [`FileError::Io`] when they cannot be removed.
    pub(super) fn clear(&self) -> Result<(), FileError> {
        if self.folder.exists() { folder::remove(&self.folder) } else { Ok(()) }
    }
}
