//! A folder that holds what a store lists below a prefix: whole files only, each under its key.
//!
//! In: a store, a prefix, the folder. Out: the folder as the store is. An object is fetched under a temporary name, held against the
//! size and `ETag` that were listed, flushed, and renamed. Beside the folder an index says of which version each file is; it only names
//! files that are in place: one that is about to be replaced is forgotten first. So whatever a night dies of, the next one fetches what
//! is missing and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use super::{keys, stores};
use crate::failpoint::step;
use crate::publish::folder;
use crate::table_file::FileError;
use crate::watch::Watch;

/// Objects that are fetched at a time.
const AT_A_TIME: usize = 4;
/// Time in which a store must answer, its retries included.
const ANSWER: Duration = Duration::from_mins(2);
/// Time in which the next piece of an object must come.
const STALL: Duration = Duration::from_mins(1);
/// Objects of a source, at most: a listing is held in memory.
const OBJECTS: usize = 1_000_000;
/// Bytes after which the index is written, so that a night that is killed has not fetched in vain.
const REMEMBER: u64 = 256 << 20;

/// Why a mirror could not be brought up to date.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The environment does not say enough to open the store.
    Settings(String),
    /// The store did not answer, or refused.
    Store(String),
    /// An object is another one than was listed.
    Changed(String),
    /// The store holds nothing there.
    Nothing,
    /// A key that could be no file.
    Odd { key: String, what: &'static str },
    /// The disk is too small.
    NoRoom { needed: u64, free: u64 },
    /// A file could not be written.
    File(FileError),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Which version of an object a file is. Stores say it in more than one way: listings of some have no quotes around the `ETag`, others'
/// have milliseconds, which the headers of an answer have not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    bytes: u64,
    /// Without quotes and the mark of a weak one.
    e_tag: Option<String>,
    /// When it was written, in seconds by the store's clock.
    modified: i64,
}

type Index = BTreeMap<String, Version>;

/// An object that is not here.
#[derive(Debug)]
pub(super) struct Listed {
    file: String,
    location: Path,
    version: Version,
}

/// What differs between store and folder.
#[derive(Debug)]
pub(super) struct Due {
    /// Files that are as the store has them.
    there: Index,
    /// Objects to fetch.
    pub(super) fetch: Vec<Listed>,
    /// Files that go.
    pub(super) gone: usize,
}

impl Due {
    pub(super) fn objects(&self) -> usize {
        self.there.len() + self.fetch.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.fetch.iter().map(|listed| listed.version.bytes).sum()
    }
}

/// A store's prefix and its folder.
pub(super) struct Mirror {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    folder: PathBuf,
}

impl Mirror {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: Path, folder: PathBuf) -> Self {
        Self { store, prefix, folder }
    }

    fn index(&self) -> PathBuf {
        self.folder.with_extension("json")
    }

    fn save(&self, index: &Index) -> Result<(), Trouble> {
        let text = serde_json::to_vec_pretty(index).map_err(|error| FileError::Rows(error.to_string()))?;
        Ok(folder::write_atomically(&self.index(), &text)?)
    }

    /// Lists the store and holds it against the folder.
    pub(super) async fn look(&self) -> Result<Due, Trouble> {
        let mut listed = self.list().await?;
        if listed.is_empty() {
            return Err(Trouble::Nothing);
        }
        if let Some(above) = keys::clash(listed.keys(), |file| listed.contains_key(file)) {
            return Err(Trouble::Odd { key: above.escape_debug().to_string(), what: "is both an object and a folder" });
        }
        let known: Index = fs::read(self.index()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let whole = |file: &str, bytes: u64| fs::metadata(self.folder.join(file)).is_ok_and(|told| told.is_file() && told.len() == bytes);
        let mut there = Index::new();
        for (file, version) in known {
            if listed.get(&file).is_some_and(|listed| listed.version == version) && whole(&file, version.bytes) {
                listed.remove(&file);
                there.insert(file, version);
            }
        }
        let wanted: BTreeSet<&String> = there.keys().chain(listed.keys()).collect();
        let gone = self.files()?.iter().filter(|file| !wanted.contains(file)).count();
        Ok(Due { there, fetch: listed.into_values().collect(), gone })
    }

    /// The source's objects by the names of their files.
    async fn list(&self) -> Result<BTreeMap<String, Listed>, Trouble> {
        let mut found = BTreeMap::new();
        if self.prefix.as_ref().ends_with(".parquet") {
            // One object; or a folder of that name, as Spark writes them.
            match answer(self.store.head(&self.prefix)).await? {
                Ok(meta) => {
                    let name = meta.location.filename().unwrap_or_default().to_owned();
                    add(&mut found, &name, meta)?;
                    return Ok(found);
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        let mut objects = self.store.list(Some(&self.prefix));
        while let Some(meta) = answer(objects.try_next()).await?.map_err(refused)? {
            let Some(parts) = meta.location.prefix_match(&self.prefix) else { continue };
            let key = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
            if !key.is_empty() {
                add(&mut found, &key, meta)?;
            }
            if found.len() > OBJECTS {
                return Err(Trouble::Store(format!("it holds more than {OBJECTS} objects there")));
            }
        }
        Ok(found)
    }

    /// Files in the folder, by their names below it; also what was left half-written.
    fn files(&self) -> Result<Vec<String>, FileError> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let below = |path: &PathBuf| path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().into_owned();
        Ok(folder::files(&self.folder)?.iter().map(below).collect())
    }

    /// Fetches what is due and removes what is gone.
    pub(super) async fn bring(&self, due: Due, watch: &dyn Watch) -> Result<(), Trouble> {
        folder::create(&self.folder)?;
        let needed = due.bytes();
        if let Some(free) = folder::free(&self.folder).filter(|free| *free < needed) {
            return Err(Trouble::NoRoom { needed, free });
        }
        let mut index = due.there;
        self.save(&index)?;
        self.remove_unlisted(&index, &due.fetch)?;
        let (total, mut done, mut since) = (due.fetch.len() as u64, 0, 0);
        let mut fetched = futures::stream::iter(due.fetch)
            .map(|listed| async move { self.one(&listed).await.map(|()| listed) })
            .buffer_unordered(AT_A_TIME);
        let mut trouble = None;
        while let Some(ended) = fetched.next().await {
            match ended {
                Ok(listed) => {
                    since += listed.version.bytes;
                    index.insert(listed.file, listed.version);
                    done += 1;
                    watch.step("fetched objects", done, total);
                }
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            }
            if since > REMEMBER {
                self.save(&index)?;
                since = 0;
            }
        }
        self.save(&index)?;
        trouble.map_or(Ok(()), Err)
    }

    /// Removes what the store does not list, and folders that are empty then.
    fn remove_unlisted(&self, there: &Index, fetch: &[Listed]) -> Result<(), Trouble> {
        let wanted: BTreeSet<&String> = there.keys().chain(fetch.iter().map(|listed| &listed.file)).collect();
        for file in self.files()?.iter().filter(|file| !wanted.contains(file)) {
            let path = self.folder.join(file);
            let removed = step("remove", &path).and_then(|()| fs::remove_file(&path));
            removed.map_err(|source| FileError::Io { what: "remove", path: path.clone(), source })?;
            let above = path.ancestors().skip(1).take_while(|above| *above != self.folder);
            for empty in above {
                if fs::remove_dir(empty).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Fetches an object: under a temporary name until it is whole.
    async fn one(&self, listed: &Listed) -> Result<(), Trouble> {
        let Listed { file, location, version } = listed;
        let changed = || Trouble::Changed(file.escape_debug().to_string());
        // The answer says itself which version it is; stores do not agree on how to ask for one.
        let got = answer(self.store.get(location)).await?.map_err(|error| match error {
            object_store::Error::NotFound { .. } => changed(),
            error => refused(error),
        })?;
        if of(&got.meta) != *version {
            return Err(changed());
        }
        let path = self.folder.join(file);
        let failed = |source| FileError::Io { what: "write", path: path.clone(), source };
        let mut pieces = got.into_stream();
        let mut written = folder::begin(&path)?;
        step("write", &path).map_err(failed)?;
        let mut bytes = 0;
        loop {
            let piece = tokio::time::timeout(STALL, pieces.try_next()).await;
            let silent = |_| Trouble::Store(format!("nothing of `{file}` came for {} seconds", STALL.as_secs()));
            let Some(piece) = piece.map_err(silent)?.map_err(refused)? else { break };
            bytes += piece.len() as u64;
            if bytes > version.bytes {
                return Err(changed());
            }
            written.write_all(&piece).map_err(failed)?;
        }
        if bytes != version.bytes {
            return Err(Trouble::Store(format!("`{file}` ended after {bytes} of {} bytes", version.bytes)));
        }
        Ok(folder::put_in_place(written, &path)?)
    }
}

/// Waits for a store, but not for ever.
async fn answer<T>(asked: impl Future<Output = T>) -> Result<T, Trouble> {
    let late = |_| Trouble::Store(format!("it did not answer within {} seconds", ANSWER.as_secs()));
    tokio::time::timeout(ANSWER, asked).await.map_err(late)
}

fn of(meta: &ObjectMeta) -> Version {
    let bare = |tag: &String| tag.trim_start_matches("W/").trim_matches('"').to_owned();
    Version { bytes: meta.size, e_tag: meta.e_tag.as_ref().map(bare), modified: meta.last_modified.timestamp() }
}

fn add(found: &mut BTreeMap<String, Listed>, key: &str, meta: ObjectMeta) -> Result<(), Trouble> {
    match keys::file_of(key) {
        Ok(None) => Ok(()),
        Ok(Some(file)) => {
            let version = of(&meta);
            found.insert(file.clone(), Listed { file, location: meta.location, version });
            Ok(())
        }
        Err(what) => Err(Trouble::Odd { key: key.escape_debug().to_string(), what }),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(error: object_store::Error) -> Trouble {
    match &error {
        object_store::Error::InvalidPath { source } => {
            Trouble::Odd { key: source.to_string().escape_debug().to_string(), what: "is no path" }
        }
        other => Trouble::Store(stores::told(other)),
    }
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
