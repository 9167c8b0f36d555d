//! Files and folders that survive a crash: written, flushed, then renamed; the folder flushed after its files.
//!
//! In: bytes and paths. Out: the same on disk. Every error names its path.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failpoint::step;
use crate::table_file::FileError;

/// Prefix of a file that is being written.
const WRITING: &str = ".writing-";

/// Removes the entries of a folder whose names start with one of `prefixes`, and files that a process began to write there and
/// died: the caller holds the lock, so nobody is at work on them. A folder that does not exist has none.
///
/// # Errors
/// [`FileError::Io`] naming what cannot be listed or removed.
pub(crate) fn sweep(path: &Path, prefixes: &[&str]) -> Result<(), FileError> {
    if !path.exists() {
        return Ok(());
    }
    for left in entries(path)? {
        let name = left.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(WRITING) || prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            let removed = if left.is_dir() { fs::remove_dir_all(&left) } else { fs::remove_file(&left) };
            removed.map_err(|source| FileError::Io { what: "remove", path: left.clone(), source })?;
        }
    }
    Ok(())
}

/// Creates a folder and those above it.
///
/// # Errors
/// [`FileError::Io`] naming the folder.
pub(crate) fn create(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError::Io { what: "create the folder", path: path.into(), source })
}

/// Writes and flushes a file.
///
/// # Errors
/// [`FileError::Io`] naming the file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Io { what: "write", path: path.into(), source };
    let mut file = step("create", path).and_then(|()| File::create(path)).map_err(failed)?;
    step("write", path).and_then(|()| file.write_all(bytes)).map_err(failed)?;
    step("sync", path).and_then(|()| file.sync_all()).map_err(failed)
}

/// Writes a file so that a reader sees the old one or the new one, never a part.
///
/// # Errors
/// [`FileError::Io`] naming the file.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = begin(path)?;
    let failed = |source| FileError::Io { what: "write", path: path.into(), source };
    step("write", path).and_then(|()| file.write_all(bytes)).map_err(failed)?;
    put_in_place(file, path)
}

/// A file beside `path` to write what [`put_in_place`] then calls `path`; it is removed where it is dropped before.
///
/// # Errors
/// [`FileError::Io`] naming the file.
pub(crate) fn begin(path: &Path) -> Result<tempfile::NamedTempFile, FileError> {
    let parent = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    create(&parent)?;
    let failed = |source| FileError::Io { what: "write", path: path.into(), source };
    let beside = || tempfile::Builder::new().prefix(WRITING).tempfile_in(&parent);
    step("create", path).and_then(|()| beside()).map_err(failed)
}

/// Flushes a file and calls it `path`, replacing what was there.
///
/// # Errors
/// [`FileError::Io`] naming the file.
pub(crate) fn put_in_place(file: tempfile::NamedTempFile, path: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::Io { what: "write", path: path.into(), source };
    // Temporary files are private to their owner; a published one is for readers.
    set_readable(file.as_file()).map_err(failed)?;
    step("sync", path).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    step("rename", path).and_then(|()| file.persist(path).map_err(|error| error.error)).map_err(failed)?;
    flush(path.parent().unwrap_or(path))
}

/// Hands `write` what is then called `path`: a file that takes its place once all is written. A link leads to its target. What is no
/// file, as `/dev/null` or a pipe, is written to as it stands: it would be lost if something took its place.
///
/// # Errors
/// Those of `write`, and [`FileError::Io`] naming the file; `path` holds then what it held before.
pub(crate) fn write_whole<R, E: From<FileError>>(path: &Path, write: impl FnOnce(File) -> Result<R, E>) -> Result<R, E> {
    let failed = |source| FileError::Io { what: "write", path: path.into(), source };
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return write(File::options().write(true).open(path).map_err(failed)?);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let file = begin(&target)?;
    let written = write(file.as_file().try_clone().map_err(failed)?)?;
    put_in_place(file, &target)?;
    Ok(written)
}

#[cfg(unix)]
fn set_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// Renames and flushes the folder that holds the new name.
///
/// # Errors
/// [`FileError::Io`] naming the target.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    let renamed = step("rename", to).and_then(|()| fs::rename(from, to));
    renamed.map_err(|source| FileError::Io { what: "replace", path: to.into(), source })?;
    to.parent().map_or(Ok(()), flush)
}

/// Removes a folder and what lies in it.
///
/// # Errors
/// [`FileError::Io`] naming the folder.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    let removed = step("remove", path).and_then(|()| fs::remove_dir_all(path));
    removed.map_err(|source| FileError::Io { what: "remove", path: path.into(), source })
}

/// Bytes that the file system of a folder has left for us, where the system says it.
#[cfg(unix)]
pub(crate) fn free(path: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(path).ok()?;
    told.f_bavail.checked_mul(told.f_frsize)
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> Option<u64> {
    None
}

/// Flushes a folder's entries to disk.
///
/// # Errors
/// [`FileError::Io`] naming the folder.
pub(crate) fn flush(path: &Path) -> Result<(), FileError> {
    let synced = step("sync", path).and_then(|()| File::open(path)).and_then(|folder| folder.sync_all());
    synced.map_err(|source| FileError::Io { what: "flush", path: path.into(), source })
}

/// Flushes a folder and all below it, deepest first.
///
/// # Errors
/// [`FileError::Io`] naming the folder.
pub(crate) fn flush_all(path: &Path) -> Result<(), FileError> {
    for file in files(path)? {
        let synced = step("sync", &file).and_then(|()| File::open(&file)).and_then(|open| open.sync_all());
        synced.map_err(|source| FileError::Io { what: "flush", path: file.clone(), source })?;
    }
    for folder in folders(path)?.iter().rev() {
        flush(folder)?;
    }
    Ok(())
}

/// The folder and all folders below it, each after its parent.
fn folders(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = vec![path.to_path_buf()];
    let mut at = 0;
    while at < found.len() {
        let here = found[at].clone();
        for entry in entries(&here)? {
            if entry.is_dir() {
                found.push(entry);
            }
        }
        at += 1;
    }
    Ok(found)
}

/// All files below a folder, sorted by path.
///
/// # Errors
/// [`FileError::Io`] naming the folder.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for folder in folders(path)? {
        found.extend(entries(&folder)?.into_iter().filter(|entry| entry.is_file()));
    }
    found.sort();
    Ok(found)
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Io { what: "list", path: path.into(), source };
    fs::read_dir(path).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}
