//! The manifest of a run: what went in, what came out, and the fingerprints of both.
//!
//! In: facts gathered by the night. Out: `manifest.json`, the same bytes for the same night. No times of a clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::PublishError;
use crate::ingest::InputFile;
use crate::table_file::FileError;

/// What a run says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Run id: as-of date and fingerprint.
    pub run: String,
    /// The job's name.
    pub job: String,
    /// The night.
    pub as_of: String,
    /// The held-out night.
    pub holdout: String,
    /// The learner that made the scores.
    pub learner: String,
    /// Where every random choice began.
    pub seed: u64,
    /// Fingerprint of configuration, queries, inputs and as-of date.
    pub fingerprint: String,
    /// Fingerprint of the same without the runs before it: what makes two runs the same night.
    #[serde(default)]
    pub night: String,
    /// The run that this one was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<String>,
    /// `published`, or `held` where a gate was not passed.
    #[serde(default = "published")]
    pub status: String,
    /// The gates that were not passed, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
    /// Rows to score and rows held out, of this night and of those before it that led to it, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row_counts: Vec<(u64, u64)>,
    /// Rows to score of each scenario, of the same nights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenario_rows: Vec<BTreeMap<String, u64>>,
    /// Cells that another model scores: scenario, task, model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stand_ins: Vec<(String, String, String)>,
    /// The run from whose network training began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<String>,
    /// Program and library versions.
    pub versions: BTreeMap<String, String>,
    /// Sources, their columns and files.
    pub inputs: Vec<InputSource>,
    /// sha256 of each query file and of the effective job.toml.
    pub queries: BTreeMap<String, String>,
    /// Snapshots: as-of date, split, rows, fingerprint.
    pub snapshots: Vec<SnapshotEntry>,
    /// The run's main figures.
    pub figures: BTreeMap<String, f64>,
    /// Every file of the run folder but this one and those that hold wall-clock times.
    pub files: Vec<OutputFile>,
}

fn published() -> String {
    "published".to_owned()
}

/// A source of the night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSource {
    /// Its name.
    pub source: String,
    /// Where its files were fetched from, for a source in an object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Column names and types.
    pub columns: Vec<(String, String)>,
    /// Its files.
    pub files: Vec<InputFile>,
}

/// A snapshot of the night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEntry {
    /// Its date.
    pub as_of: String,
    /// train, gap, valid, holdout or tonight.
    pub split: String,
    /// Rows of its frame.
    pub rows: u64,
    /// Fingerprint of what went into it.
    pub fingerprint: String,
}

/// A file of the run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Path below the run folder, with `/`.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// sha256 of the bytes.
    pub sha256: String,
    /// Rows, for Parquet files.
    pub rows: Option<u64>,
}

impl Manifest {
    /// Reads the manifest of a run folder.
    ///
    /// # Errors
    /// [`PublishError`] naming the file.
    pub fn read(folder: &Path) -> Result<Self, PublishError> {
        let path = folder.join("manifest.json");
        let bytes = fs::read(&path).map_err(|source| FileError::Io { what: "read", path: path.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|error| PublishError::Audit { file: path.display().to_string(), what: error.to_string() })
    }

    /// The manifest as JSON.
    ///
    /// # Errors
    /// [`PublishError::Table`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, PublishError> {
        serde_json::to_vec_pretty(self).map_err(|error| PublishError::Table { table: "manifest.json".into(), message: error.to_string() })
    }
}
