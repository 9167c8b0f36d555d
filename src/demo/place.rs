//! The folder of the generated data: written aside, put in place by renaming, recognised when it is wanted again.
//!
//! In: the input folder. Out: paths of files to write, and `generated.json`, which says what lies beside it. A generation
//! that is killed leaves the old data, or data that says of itself that it is unfinished; never half a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::error::DemoError;
use super::{Settings, Summary};
use crate::publish::folder;
use crate::table_file::FileError;

/// Says what was generated.
const NOTE: &str = "generated.json";
/// What a generation writes, in the order in which it is put in place. The impressions come last and go first: while they
/// are away no night runs on a mixture of old and new.
const ENTRIES: [&str; 15] = [
    "users.parquet",
    "products.parquet",
    "promotions.parquet",
    "truth.parquet",
    "supply.parquet",
    "lanes.parquet",
    "areas.parquet",
    "campaigns.parquet",
    "shop_truth.parquet",
    "orders.parquet",
    "deliveries.parquet",
    "returns.parquet",
    "contacts.parquet",
    "stock.parquet",
    "impressions",
];
/// Begins the names of folders in which data is written aside.
const ASIDE: &str = ".generating-";
/// Counts up whenever the same settings give another world.
const WORLD: u32 = 2;

/// `generated.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Whether everything is in place.
    complete: bool,
    world: u32,
    events: u64,
    seed: u64,
    suggested_as_of: Option<Date>,
    tables: Vec<(String, u64)>,
    /// Rows spoilt on purpose: table, flaw, rows.
    planted: Vec<(String, String, u64)>,
    /// Size of each file.
    bytes: BTreeMap<String, u64>,
}

/// A generation's folders.
pub(super) struct Place {
    input: PathBuf,
    aside: TempDir,
}

/// What lies in `input`, when it was generated with these settings and is all there.
///
/// # Errors
/// [`DemoError::Foreign`] when the folder holds files and no note.
pub(super) fn recognise(input: &Path, settings: &Settings) -> Result<Option<Summary>, DemoError> {
    let Ok(bytes) = fs::read(input.join(NOTE)) else {
        return match foreign(input)? {
            None => Ok(None),
            Some(found) => Err(DemoError::Foreign { folder: input.into(), found }),
        };
    };
    let Ok(note) = serde_json::from_slice::<Note>(&bytes) else { return Ok(None) };
    let same = note.complete && (note.world, note.events, note.seed) == (WORLD, settings.events, settings.seed);
    let (Some(suggested_as_of), true) = (note.suggested_as_of, same) else { return Ok(None) };
    let whole = note.bytes.iter().all(|(file, bytes)| fs::metadata(input.join(file)).is_ok_and(|found| found.len() == *bytes));
    Ok(whole.then_some(Summary { tables: note.tables, suggested_as_of, planted: note.planted }))
}

/// The first entry of a folder that may be somebody's own.
fn foreign(input: &Path) -> Result<Option<String>, DemoError> {
    let entries = match fs::read_dir(input) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::Io { what: "list", path: input.into(), source }.into()),
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| !name.starts_with('.')).min())
}

impl Place {
    /// Makes the folder and one beside its contents to write into.
    ///
    /// # Errors
    /// [`DemoError::File`] naming the folder.
    pub(super) fn open(input: &Path) -> Result<Self, DemoError> {
        folder::create(input)?;
        let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(input).map_err(|source| FileError::Io {
            what: "create a folder in",
            path: input.into(),
            source,
        })?;
        Ok(Self { input: input.into(), aside })
    }

    /// Where to write the file that will be `name` below the input folder.
    ///
    /// # Errors
    /// [`DemoError::File`] when its folder cannot be made.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf, DemoError> {
        let path = self.aside.path().join(name);
        if let Some(parent) = path.parent() {
            folder::create(parent)?;
        }
        Ok(path)
    }

    /// Puts everything in place and notes what it is.
    ///
    /// # Errors
    /// [`DemoError::File`] naming the file.
    pub(super) fn keep(self, settings: &Settings, summary: &Summary) -> Result<(), DemoError> {
        let written = self.aside.path();
        folder::flush_all(written)?;
        let mut note = Note {
            complete: false,
            world: WORLD,
            events: settings.events,
            seed: settings.seed,
            suggested_as_of: Some(summary.suggested_as_of),
            tables: summary.tables.clone(),
            planted: summary.planted.clone(),
            bytes: sizes(written)?,
        };
        self.note(&note)?;
        let old = written.join("old");
        folder::create(&old)?;
        for name in ENTRIES.iter().rev() {
            if self.input.join(name).exists() {
                rename(&self.input.join(name), &old.join(name))?;
            }
        }
        for name in ENTRIES {
            rename(&written.join(name), &self.input.join(name))?;
        }
        note.complete = true;
        self.note(&note)?;
        self.sweep();
        Ok(())
    }

    fn note(&self, note: &Note) -> Result<(), DemoError> {
        let text = serde_json::to_vec_pretty(note).map_err(|error| FileError::Rows(error.to_string()))?;
        Ok(folder::write_atomically(&self.input.join(NOTE), &text)?)
    }

    /// Removes what killed generations left aside. What cannot be removed only takes room.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.input).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), DemoError> {
    fs::rename(from, to).map_err(|source| FileError::Io { what: "put in place", path: to.into(), source }.into())
}

/// Size of every file below a folder, by its path there.
fn sizes(root: &Path) -> Result<BTreeMap<String, u64>, DemoError> {
    let mut sizes = BTreeMap::new();
    for file in folder::files(root)? {
        let bytes = fs::metadata(&file).map_err(|source| FileError::Io { what: "look at", path: file.clone(), source })?.len();
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        sizes.insert(name, bytes);
    }
    Ok(sizes)
}
