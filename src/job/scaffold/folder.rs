//! The job's folder on disk: whole or not at all.
//!
//! In: file names and texts. Out: a folder that was written beside its place, flushed, and renamed. A folder that holds
//! something is refused; where a job's input lies is told here too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::ScaffoldError;

/// Where the raw data of the job in `folder` lies by default: `data/` is beside `queries/`.
pub(super) fn input(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default();
    let parent = folder.parent().unwrap_or(folder);
    let root = if parent.file_name().is_some_and(|name| name == "queries") { parent.parent().unwrap_or(parent) } else { parent };
    root.join("data").join(name).join("input")
}

/// The folder without `..` and links, whether it is there or not.
pub(super) fn place(folder: &Path) -> Result<PathBuf, ScaffoldError> {
    let failed = |source| ScaffoldError::Io { what: "find", path: folder.to_path_buf(), source };
    let absolute = std::path::absolute(folder).map_err(failed)?;
    let parent = absolute.parent().unwrap_or(&absolute);
    let real = parent.canonicalize().unwrap_or_else(|_| parent.to_path_buf());
    Ok(real.join(absolute.file_name().unwrap_or_default()))
}

/// Refuses a place that holds something.
pub(super) fn is_free(folder: &Path) -> Result<(), ScaffoldError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(ScaffoldError::Exists(folder.to_path_buf()));
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) if folder.exists() => Err(ScaffoldError::Exists(folder.to_path_buf())),
        Err(source) => Err(ScaffoldError::Io { what: "list", path: folder.to_path_buf(), source }),
    }
}

/// Writes the files into `folder`, which is free.
pub(super) fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<(), ScaffoldError> {
    let parent = folder.parent().unwrap_or(folder);
    let failed = |what, path: &Path| {
        let path = path.to_path_buf();
        move |source| ScaffoldError::Io { what, path, source }
    };
    fs::create_dir_all(parent).map_err(failed("create the folder", parent))?;
    // Not in `parent` itself under a name that a reader of jobs would take for one.
    let staged = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(failed("create a folder in", parent))?;
    for (file, text) in files {
        let path = staged.path().join(file);
        let below = path.parent().unwrap_or(staged.path());
        fs::create_dir_all(below).map_err(failed("create the folder", below))?;
        File::create(&path)
            .and_then(|mut open| open.write_all(text.as_bytes()).and_then(|()| open.sync_all()))
            .map_err(failed("write", &path))?;
        flush(below).map_err(failed("flush", below))?;
    }
    readable(staged.path()).map_err(failed("open to readers", staged.path()))?;
    flush(staged.path()).map_err(failed("flush", staged.path()))?;
    // Over an empty folder a rename succeeds, over any other it fails: nothing is lost to a race.
    fs::rename(staged.path(), folder).map_err(failed("rename to", folder))?;
    // It is no longer where it was made, so there is nothing to clean up.
    let _ = staged.keep();
    flush(parent).map_err(failed("flush", parent))
}

fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Temporary folders are private to their owner; a job is for all who may read its neighbours.
#[cfg(unix)]
fn readable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> io::Result<()> {
    Ok(())
}
