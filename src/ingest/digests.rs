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

/// sha256 by path, size and time of change, so that unchanged files are not read for it every night.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Digests {
    known: BTreeMap<String, Digest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Digest {
    bytes: u64,
    changed_ns: u128,
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
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&name)
            && (known.bytes, known.changed_ns) == (metadata.len(), changed_ns)
        {
            return Ok(Known { bytes: known.bytes, sha256: known.sha256.clone(), sound: known.sound });
        }
        let sha256 = fingerprint::of_file(path)?;
        self.known.insert(name, Digest { bytes: metadata.len(), changed_ns, sha256: sha256.clone(), sound: false });
        Ok(Known { bytes: metadata.len(), sha256, sound: false })
    }

    /// Remembers that the file passed the guard.
    pub(super) fn passed(&mut self, path: &Path) {
        if let Some(known) = self.known.get_mut(path.to_string_lossy().as_ref()) {
            known.sound = true;
        }
    }
}
