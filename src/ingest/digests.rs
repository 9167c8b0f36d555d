//! sha256 of input files, remembered from night to night.
//!
//! In: paths. Out: size, sha256, and whether the guard has passed the file before. What is remembered only saves time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::fingerprint;

/// sha256 by path, size and times of change, so that unchanged files are not read for it every night.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Digests {
    known: BTreeMap<String, Digest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Digest {
    bytes: u64,
    changed_ns: u128,
    /// When the file system last noted a change of the file, by its own account: nobody can set it, as `touch` and copying tools set
    /// the time above. 0 where the system has no such time.
    #[serde(default)]
    noted_ns: i128,
    sha256: String,
    /// Whether its page headers were looked at and found sound.
    #[serde(default)]
    sound: bool,
}

/// What is known of a file.
pub(super) struct Known {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Whether it passed the guard on an earlier night, and has not changed since.
    pub(super) sound: bool,
}

impl Digests {
    /// Reads what was remembered in `path`; nothing when it is not there or not ours.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers for the next night. A failure only costs time, so it is not an error.
    pub fn save(&self, path: &Path) {
        if let Ok(text) = serde_json::to_vec_pretty(self) {
            let _ = crate::publish::folder::write_atomically(path, &text);
        }
    }

    /// Size and sha256 of a file; read for it only where it has changed.
    pub(super) fn of(&mut self, path: &Path) -> io::Result<Known> {
        let metadata = fs::metadata(path)?;
        let changed_ns = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let noted_ns = noted(&metadata);
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&name)
            && (known.bytes, known.changed_ns, known.noted_ns) == (metadata.len(), changed_ns, noted_ns)
        {
            return Ok(Known { bytes: known.bytes, sha256: known.sha256.clone(), sound: known.sound });
        }
        let sha256 = fingerprint::of_file(path)?;
        self.known.insert(name, Digest { bytes: metadata.len(), changed_ns, noted_ns, sha256: sha256.clone(), sound: false });
        Ok(Known { bytes: metadata.len(), sha256, sound: false })
    }

    /// Remembers that the file passed the guard.
    pub(super) fn passed(&mut self, path: &Path) {
        if let Some(known) = self.known.get_mut(path.to_string_lossy().as_ref()) {
            known.sound = true;
        }
    }
}

#[cfg(unix)]
fn noted(metadata: &fs::Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt as _;
    i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn noted(_: &fs::Metadata) -> i128 {
    0
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_of_the_same_size_and_date_are_noticed() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("a");
        let put = |text: &str| {
            fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
            let file = fs::File::options().write(true).open(&path).unwrap_or_else(|error| panic!("{error}"));
            // A date in the future, as a clock that ran ahead leaves it.
            let date = UNIX_EPOCH + std::time::Duration::from_hours(200 * 365 * 24);
            file.set_modified(date).unwrap_or_else(|error| panic!("{error}"));
        };
        let mut digests = Digests::default();
        put("one");
        let before = digests.of(&path).unwrap_or_else(|error| panic!("{error}")).sha256;
        std::thread::sleep(std::time::Duration::from_millis(20));
        put("two");
        assert_ne!(digests.of(&path).unwrap_or_else(|error| panic!("{error}")).sha256, before);
    }
}
