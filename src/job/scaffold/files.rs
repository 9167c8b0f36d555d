//! Which files there are: each path of `--from` becomes one source, with its Hive partitions.
//!
//! In: paths. Out: [`Found`] sources with tables' names and files in order. Footers and rows are read elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::error::ScaffoldError;
use super::names::{self, Names};
use crate::job::PartitionType;

/// A file or folder that becomes a source.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Name of the source and of its clean table.
    pub(super) name: String,
    /// The file or folder, without links and `..`.
    pub(super) root: PathBuf,
    /// The files, sorted by path.
    pub(super) files: Vec<PathBuf>,
    /// Hive partitions, outermost first.
    pub(super) partitions: Vec<(String, PartitionType)>,
}

impl Found {
    /// How errors and comments name a file: as it lies below the source's folder.
    pub(super) fn told(&self, file: &Path) -> String {
        let parent = self.root.parent().unwrap_or(&self.root);
        names::told(&file.strip_prefix(parent).unwrap_or(file).to_string_lossy())
    }

    /// The values of a file's partitions, in the order of `partitions`.
    pub(super) fn partition_values(&self, file: &Path) -> Vec<String> {
        let pairs = hive(&self.root, file);
        self.partitions.iter().zip(pairs).map(|(_, (_, value))| value).collect()
    }

    /// Leaves the partitions out: the files hold those columns themselves.
    pub(super) fn without_partitions(mut self) -> Self {
        self.partitions.clear();
        self
    }
}

/// Finds the sources behind `from`, each once, with unique names.
///
/// # Errors
/// [`ScaffoldError`] naming the path.
pub(super) fn find(from: &[PathBuf]) -> Result<Vec<Found>, ScaffoldError> {
    let mut seen = BTreeSet::new();
    let mut names = Names::default();
    let mut found = Vec::new();
    for given in from {
        if !given.exists() {
            return Err(ScaffoldError::Missing(given.clone()));
        }
        let root = given.canonicalize().map_err(|source| ScaffoldError::Io { what: "open", path: given.clone(), source })?;
        if seen.insert(root.clone()) {
            found.push(source(given, root, &mut names)?);
        }
    }
    Ok(found)
}

fn source(given: &Path, root: PathBuf, names: &mut Names) -> Result<Found, ScaffoldError> {
    carried(&root)?;
    let files = if root.is_dir() {
        let mut files = Vec::new();
        walk(&root, &mut files)?;
        files.sort();
        files
    } else {
        vec![root.clone()]
    };
    if files.is_empty() {
        return Err(ScaffoldError::EmptyFolder(given.to_path_buf()));
    }
    for file in &files {
        carried(file)?;
    }
    let stem = if root.is_dir() { root.file_name() } else { root.file_stem() };
    let name = names.take(&names::table(&stem.unwrap_or_default().to_string_lossy()));
    let partitions = if root.is_dir() { partitions(&root, &files)? } else { Vec::new() };
    Ok(Found { name, root, files, partitions })
}

/// Refuses paths that `job.toml` or the engine cannot name.
fn carried(path: &Path) -> Result<(), ScaffoldError> {
    let refuse = |why| Err(ScaffoldError::BadPath { path: names::told(&path.to_string_lossy()), why });
    let Some(text) = path.to_str() else { return refuse("its name is not UTF-8") };
    if text.chars().any(char::is_control) {
        return refuse("its name holds control characters");
    }
    if path.is_file() && path.extension().is_none_or(|extension| extension != "parquet") {
        return refuse("its name does not end in .parquet");
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ScaffoldError> {
    let failed = |source| ScaffoldError::Io { what: "list", path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Writers leave marks such as `_SUCCESS`; they are no data.
        if name.starts_with('.') || name.starts_with('_') {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

/// The `name=value` folders directly below `root` on the way to `file`.
fn hive(root: &Path, file: &Path) -> Vec<(String, String)> {
    let below = file.strip_prefix(root).ok().and_then(Path::parent).unwrap_or(Path::new(""));
    below
        .components()
        .map_while(|part| match part {
            Component::Normal(part) => part.to_str()?.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())),
            _ => None,
        })
        .collect()
}

/// Names and types of the partitions: a type that every value has.
fn partitions(root: &Path, files: &[PathBuf]) -> Result<Vec<(String, PartitionType)>, ScaffoldError> {
    let found: Vec<Vec<(String, String)>> = files.iter().map(|file| hive(root, file)).collect();
    let order: Vec<String> = found[0].iter().map(|(name, _)| name.clone()).collect();
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, pairs) in files.iter().zip(&found) {
        if pairs.iter().map(|(name, _)| name).ne(&order) {
            let expected = order.iter().map(|name| format!("`{}=…`", names::told(name))).collect::<Vec<_>>().join(", ");
            let expected = if expected.is_empty() { "of its neighbours, which have no `name=value`".into() } else { expected };
            return Err(ScaffoldError::Partitions { file: names::told(&file.to_string_lossy()), expected });
        }
        for (name, value) in pairs {
            values.entry(name).or_default().push(value);
        }
    }
    for file in files.iter().filter(|_| !order.is_empty()) {
        // The engine leaves such files out without a word.
        let below = file.strip_prefix(root).unwrap_or(file);
        let refuse = |why| Err(ScaffoldError::BadPath { path: names::told(&below.to_string_lossy()), why });
        if below.components().count() != order.len() + 1 {
            return refuse("it lies deeper than its `name=value` folders");
        }
        if file.file_name().is_some_and(|name| name.to_string_lossy().contains('=')) {
            return refuse("its name holds a `=`, as only the folder of a partition may");
        }
    }
    for name in &order {
        // The engine finds a partition by the text of its folder, and folders are escaped as URLs are.
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            return Err(ScaffoldError::BadPath {
                path: names::told(&format!("{}/{name}=…", root.display())),
                why: "the name of a partition is made of letters, digits and _",
            });
        }
    }
    let kind = |name: &str| {
        let all = |fits: fn(&str) -> bool| values.get(name).is_some_and(|values| values.iter().all(|value| fits(value)));
        if all(|value| value.parse::<i64>().is_ok()) {
            PartitionType::Int
        } else if all(|value| value.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == value)) {
            PartitionType::Date
        } else {
            PartitionType::Text
        }
    };
    Ok(order.iter().map(|name| (name.clone(), kind(name))).collect())
}
