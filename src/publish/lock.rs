//! One run of a job at a time: a lock that the operating system releases when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use super::error::PublishError;
use super::folder;
use super::home::Home;
use crate::table_file::FileError;

/// Held while a run works; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the job's lock at once, or says who holds it.
    ///
    /// # Errors
    /// [`PublishError::Locked`], or an I/O error naming the file.
    pub fn take(home: &Home, purpose: &str) -> Result<Self, PublishError> {
        folder::create(&home.runs)?;
        let path = home.runs.join("LOCK");
        let failed = |source| FileError::Io { what: "lock", path: path.clone(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(PublishError::Locked { job: home.job.clone(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source).into()),
        }
        let holder = format!("process {}: {purpose}\n", std::process::id());
        file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| file.write_all(holder.as_bytes())).map_err(failed)?;
        Ok(Self { _file: file })
    }
}
