//! Which tables a run folder holds, by its manifest: nothing is listed and no footer is read.
//!
//! In: manifests. Out: for each table its files, with run, as-of date and scenario as constants. Opening them is `files`'.

use std::path::Path;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::files::Part;
use crate::job::time::epoch_day;
use crate::publish::{Manifest, PastRun};

/// Columns that every table of a run has: where its files lack them, they are added.
pub(super) const CONSTANTS: [(&str, DataType); 3] = [("run", DataType::Utf8), ("as_of", DataType::Date32), ("scenario", DataType::Utf8)];

/// Folders of a run that hold one table each.
const FOLDERS: [&str; 3] = ["scores", "scores_under", "holdout"];

/// The table that a file of a run folder belongs to.
fn table_of(manifest: &Manifest, file: &str) -> Option<String> {
    let stem = file.strip_suffix(".parquet")?;
    match stem.split_once('/') {
        None => Some(stem.to_owned()),
        Some(("decisions", name)) => {
            // A job may call a decision table as a table of the run is called.
            let taken = FOLDERS.contains(&name) || manifest.files.iter().any(|other| other.file == format!("{name}.parquet"));
            Some(if taken { format!("decision_{name}") } else { name.to_owned() })
        }
        Some(("refused", name)) => Some(format!("refused_{name}")),
        Some((folder, _)) => FOLDERS.contains(&folder).then(|| folder.to_owned()),
    }
}

/// The scenario in the path of a score file.
fn scenario_of(file: &str) -> Option<String> {
    let folder = file.split('/').find_map(|folder| folder.strip_prefix("scenario="))?;
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.bytes();
    while let Some(byte) = rest.next() {
        let escaped = if byte == b'%' { rest.next().zip(rest.next()) } else { None };
        let value = escaped.and_then(|(high, low)| u8::from_str_radix(std::str::from_utf8(&[high, low]).ok()?, 16).ok());
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8(bytes).ok()
}

/// The names of a run's tables, sorted.
pub(super) fn names(manifest: &Manifest) -> Vec<String> {
    let mut names: Vec<String> = manifest.files.iter().filter_map(|file| table_of(manifest, &file.file)).collect();
    names.sort();
    names.dedup();
    names
}

/// The files of `table` in a run, with the values of [`CONSTANTS`].
pub(super) fn parts(run: &PastRun, table: &str) -> Vec<Part> {
    let manifest = &run.manifest;
    let date = manifest.as_of.parse::<jiff::civil::Date>().ok().map(epoch_day);
    let own = manifest.files.iter().filter(|file| table_of(manifest, &file.file).as_deref() == Some(table));
    own.map(|file| Part {
        path: below(&run.folder, &file.file),
        constants: vec![
            ScalarValue::Utf8(Some(manifest.run.clone())),
            ScalarValue::Date32(date),
            ScalarValue::Utf8(scenario_of(&file.file)),
        ],
    })
    .collect()
}

fn below(folder: &Path, file: &str) -> std::path::PathBuf {
    file.split('/').fold(folder.to_path_buf(), |path, name| path.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_read_back_from_its_folder() {
        assert_eq!(scenario_of("scores/scenario=a%20b%2Fc/part.parquet").as_deref(), Some("a b/c"));
        assert_eq!(scenario_of("scores/scenario=home/part.parquet").as_deref(), Some("home"));
        assert_eq!(scenario_of("metrics.parquet"), None);
    }
}
