//! Sources in object stores: what they hold is mirrored into the job's cache, and from there read as local files are.
//!
//! In: sources with a URL, credentials from the environment. Out: a folder per source that holds what the store listed, whole files
//! only. Not here: what the files hold; the guard, sha256 and untrusted readers work on the mirror as on any folder.

mod keys;
mod mirror;
mod stores;

use std::path::PathBuf;

use self::mirror::{Due, Mirror, Trouble};
use super::cache::Cache;
use super::error::IngestError;
use crate::fingerprint::Fingerprint;
use crate::job::{Source, StoreUrl};
use crate::watch::Watch;

/// Name of the folder of mirrors in the cache.
const KIND: &str = "remote";

/// What a night would fetch of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// The source.
    pub source_name: String,
    /// Where it lies.
    pub url: String,
    /// Objects that the store lists.
    pub objects: usize,
    /// Objects that are new or changed since they were fetched.
    pub to_fetch: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files here whose objects are gone.
    pub gone: usize,
}

impl Outstanding {
    /// Whether the mirror is as the store.
    #[must_use]
    pub fn nothing(&self) -> bool {
        self.to_fetch == 0 && self.gone == 0
    }

    fn of(source: &Source, url: &StoreUrl, due: &Due) -> Self {
        Self {
            source_name: source.name.clone(),
            url: url.to_string(),
            objects: due.objects(),
            to_fetch: due.fetch.len(),
            bytes: due.bytes(),
            gone: due.gone,
        }
    }
}

impl std::fmt::Display for Outstanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} of {} object(s), {} bytes from {}", self.source_name, self.to_fetch, self.objects, self.bytes, self.url)?;
        if self.gone > 0 {
            write!(f, "; {} file(s) go, whose objects are gone", self.gone)?;
        }
        Ok(())
    }
}

/// Lists the stores of all sources, and says what is not here yet. Nothing is fetched.
///
/// # Errors
/// [`IngestError`] naming the source and its URL.
pub async fn outstanding(sources: &[Source], cache: &Cache) -> Result<Vec<Outstanding>, IngestError> {
    let mut all = Vec::new();
    for (source, url) in remote(sources) {
        let due = open(source, url, cache)?.look().await.map_err(|trouble| told(source, url, trouble))?;
        all.push(Outstanding::of(source, url, &due));
    }
    Ok(all)
}

/// Brings the mirror of every source to what its store lists (the caller holds the lock).
///
/// # Errors
/// [`IngestError`] naming the source and its URL: no answer, no permission, no room, a key that could be no file.
pub async fn fetch(sources: &[Source], cache: &Cache, watch: &dyn Watch) -> Result<(), IngestError> {
    for (source, url) in remote(sources) {
        let mirror = open(source, url, cache)?;
        let due = mirror.look().await.map_err(|trouble| told(source, url, trouble))?;
        let outstanding = Outstanding::of(source, url, &due);
        if outstanding.nothing() {
            watch.note(&format!("source {}: {} object(s) of {url} are here already", source.name, outstanding.objects));
            continue;
        }
        watch.note(&format!("fetching source {outstanding}"));
        mirror.bring(due, watch).await.map_err(|trouble| told(source, url, trouble))?;
    }
    Ok(())
}

/// Where the mirror of a source lies; the folder is there once something was fetched.
pub(super) fn folder(source: &Source, url: &StoreUrl, cache: &Cache) -> PathBuf {
    let print = Fingerprint::of("mirror").with("url", url.to_string()).hex();
    cache.root().join(KIND).join(format!("{}-{}", source.name, &print[..16]))
}

fn remote(sources: &[Source]) -> impl Iterator<Item = (&Source, &StoreUrl)> {
    sources.iter().filter_map(|source| Some((source, source.url.as_ref()?)))
}

fn open(source: &Source, url: &StoreUrl, cache: &Cache) -> Result<Mirror, IngestError> {
    let (store, prefix) = stores::open(url).map_err(|message| told(source, url, Trouble::Settings(message)))?;
    Ok(Mirror::new(store, prefix, folder(source, url, cache)))
}

fn told(source: &Source, url: &StoreUrl, trouble: Trouble) -> IngestError {
    let (source_name, url) = (source.name.clone(), url.to_string());
    match trouble {
        Trouble::Settings(message) => IngestError::StoreSettings { source_name, url, message },
        Trouble::Store(message) => IngestError::Store { source_name, url, message },
        Trouble::Changed(key) => IngestError::Store { source_name, url, message: format!("`{key}` was replaced while it was fetched") },
        Trouble::Nothing => IngestError::EmptyStore { source_name, url },
        Trouble::Odd { key, what } => IngestError::OddKey { source_name, url, key, what },
        Trouble::NoRoom { needed, free } => IngestError::NoRoom { source_name, url, needed, free },
        Trouble::File(error) => IngestError::File(error),
    }
}
