//! Fingerprints: sha256 over labelled parts, so that the same work is recognised and changed work is not; and cheap hashes of numbers.
//!
//! In: bytes, files. Out: lower-case hex. Each part goes in with its label and length: no two lists of parts collide.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A fingerprint being made.
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Starts a fingerprint of `what`; the program's version is part of it.
    pub(crate) fn of(what: &str) -> Self {
        Self(Sha256::new()).with("polytask", env!("CARGO_PKG_VERSION")).with("of", what)
    }

    /// Adds a labelled part.
    pub(crate) fn with(mut self, label: &str, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((label.len() as u64).to_le_bytes());
        self.0.update(label.as_bytes());
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// Adds a labelled file: its length, then its bytes, read piece by piece.
    ///
    /// # Errors
    /// Those of reading it.
    pub(crate) fn with_file(mut self, label: &str, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        self.0.update((label.len() as u64).to_le_bytes());
        self.0.update(label.as_bytes());
        self.0.update(file.metadata()?.len().to_le_bytes());
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(self);
            }
            self.0.update(&buffer[..read]);
        }
    }

    /// The fingerprint as 64 hex digits.
    pub(crate) fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The sha256 of a file's bytes.
///
/// # Errors
/// Those of reading it.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut state = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&state.finalize()));
        }
        state.update(&buffer[..read]);
    }
}

/// The bits of a number, so scrambled that neighbours look unrelated (the finaliser of `SplitMix64`).
///
/// # Source
/// Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators", figure 16.
pub(crate) fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The distance of two counters of `SplitMix64`: 2⁶⁴ over the golden ratio.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What `SplitMix64` makes of a counter.
pub(crate) fn mix(counter: u64) -> u64 {
    scramble(counter.wrapping_add(GOLDEN))
}

/// The bucket of a key's hash, from 0 to `buckets` − 1: what the SQL function `hash_bucket` says of the key.
pub(crate) fn bucket(key: u64, buckets: u64, seed: u64) -> u64 {
    mix(key ^ mix(seed)) % buckets.max(1)
}

/// FNV-1a, 64 bits: `hash = (hash ⊕ byte) · 1099511628211`, from 14695981039346656037.
///
/// # Source
/// Fowler, Noll, Vo: the FNV non-cryptographic hash algorithm.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The sha256 of some bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
