//! Where a job's data, runs and reports live, and which runs there are.
//!
//! In: the job's folder and overrides from the command line. Out: paths, the current run, past runs. Writing is
//! `staging`'s.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::PublishError;
use super::folder;
use super::manifest::Manifest;
use crate::table_file::FileError;

/// Name of the file that names the published run.
const CURRENT: &str = "CURRENT";
/// The run that somebody went back to.
const STAYS: &str = "STAYS";

/// The folders of a job.
#[derive(Debug, Clone)]
pub struct Home {
    /// The job's name.
    pub job: String,
    /// Raw data.
    pub input: PathBuf,
    /// Runs and lock.
    pub runs: PathBuf,
    /// What nights make and later ones find again.
    pub cache: PathBuf,
    /// Published reports.
    pub reports: PathBuf,
}

/// A run that is on disk.
#[derive(Debug, Clone)]
pub struct PastRun {
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Whether it is the published one.
    pub current: bool,
    /// Why it was published by hand, where it was.
    pub blessing: Option<Blessing>,
}

/// A held run published by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blessing {
    /// Why.
    pub reason: String,
    /// When, by the clock of the machine.
    pub at: String,
}

impl PastRun {
    /// Whether its scores were published: it passed its gates, or somebody took the responsibility.
    #[must_use]
    pub fn published(&self) -> bool {
        self.manifest.status != "held" || self.blessing.is_some()
    }
}

/// Name of the file in a run folder that says why it was published by hand.
pub(crate) const BLESSING: &str = "blessed.json";

/// Overrides of the usual places.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Instead of `data/<job>/input`.
    pub input: Option<PathBuf>,
    /// Instead of `data/<job>/runs`.
    pub runs: Option<PathBuf>,
    /// Instead of `reports/<job>`.
    pub reports: Option<PathBuf>,
}

impl Home {
    /// The home of the job in `job_folder`: `data/` and `reports/` lie beside `queries/` (or beside the job's folder
    /// where its parent has another name).
    #[must_use]
    pub fn of(job_folder: &Path, places: &Places) -> Self {
        let job = job_folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let parent = job_folder.parent().unwrap_or(job_folder);
        let root = if parent.file_name().is_some_and(|name| name == "queries") { parent.parent().unwrap_or(parent) } else { parent };
        let or = |given: &Option<PathBuf>, usual: PathBuf| given.as_deref().map_or(usual, absolute);
        let runs = or(&places.runs, root.join("data").join(&job).join("runs"));
        Self {
            input: or(&places.input, root.join("data").join(&job).join("input")),
            cache: runs.join("cache"),
            runs,
            reports: or(&places.reports, root.join("reports").join(&job)),
            job,
        }
    }

    /// The folder of a run.
    #[must_use]
    pub fn run(&self, id: &str) -> PathBuf {
        self.runs.join(id)
    }

    /// The published run's id, if there is one.
    ///
    /// # Errors
    /// [`PublishError`] when `CURRENT` cannot be read.
    pub fn current(&self) -> Result<Option<String>, PublishError> {
        let path = self.runs.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FileError::Io { what: "read", path, source }.into()),
        }
    }

    /// Makes `id` the published run: the one switch that readers follow.
    ///
    /// # Errors
    /// [`PublishError`] when `CURRENT` cannot be replaced.
    pub fn switch(&self, id: &str) -> Result<(), PublishError> {
        Ok(folder::write_atomically(&self.runs.join(CURRENT), format!("{id}\n").as_bytes())?)
    }

    /// Notes that somebody went back to the run `id`: nights that are repeated leave it where it is, a new one does not.
    ///
    /// # Errors
    /// [`PublishError`] when the note cannot be written.
    pub fn stay(&self, id: &str) -> Result<(), PublishError> {
        Ok(folder::write_atomically(&self.runs.join(STAYS), format!("{id}\n").as_bytes())?)
    }

    /// Whether the current run is one that somebody went back to.
    ///
    /// # Errors
    /// [`PublishError`] when `CURRENT` cannot be read.
    pub fn stays(&self) -> Result<bool, PublishError> {
        let current = self.current()?;
        Ok(current.is_some() && current == self.went_back_to())
    }

    /// The run that somebody went back to last, whatever is current now.
    #[must_use]
    pub fn went_back_to(&self) -> Option<String> {
        fs::read_to_string(self.runs.join(STAYS)).ok().map(|noted| noted.trim().to_owned())
    }

    /// The run `id`, if it is on disk.
    ///
    /// # Errors
    /// [`PublishError`] when its manifest cannot be read.
    pub fn find(&self, id: &str) -> Result<Option<PastRun>, PublishError> {
        let folder = self.run(id);
        if !folder.join("manifest.json").is_file() {
            return Ok(None);
        }
        let manifest = Manifest::read(&folder)?;
        let current = self.current()?.as_deref() == Some(id);
        let path = folder.join(BLESSING);
        let blessing = match fs::read(&path) {
            Ok(bytes) => {
                let damaged = |error: serde_json::Error| PublishError::Audit { file: path.display().to_string(), what: error.to_string() };
                Some(serde_json::from_slice(&bytes).map_err(damaged)?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(FileError::Io { what: "read", path, source }.into()),
        };
        Ok(Some(PastRun { folder, manifest, current, blessing }))
    }

    /// The run whose id is `wanted`, or the only one whose id begins so.
    ///
    /// # Errors
    /// [`PublishError::NoRun`] or [`PublishError::ManyRuns`], or that a manifest cannot be read.
    pub fn named(&self, wanted: &str) -> Result<PastRun, PublishError> {
        // A run is a folder right here: no path leads to one elsewhere.
        if wanted.starts_with('.') || wanted.contains(['/', '\\']) {
            return Err(PublishError::NoRun { run: wanted.to_owned(), runs: self.runs.clone() });
        }
        if !wanted.is_empty()
            && let Some(run) = self.find(wanted)?
        {
            return Ok(run);
        }
        let mut like = self.past()?;
        like.retain(|run| !wanted.is_empty() && run.manifest.run.starts_with(wanted));
        match like.len() {
            0 => Err(PublishError::NoRun { run: wanted.to_owned(), runs: self.runs.clone() }),
            1 => Ok(like.remove(0)),
            _ => {
                let runs = like.into_iter().map(|run| run.manifest.run).collect();
                Err(PublishError::ManyRuns { begins: wanted.to_owned(), runs })
            }
        }
    }

    /// The published run.
    ///
    /// # Errors
    /// [`PublishError::NothingPublished`] where there is none yet, or that it cannot be read.
    pub fn published(&self) -> Result<PastRun, PublishError> {
        let Some(id) = self.current()? else {
            let held = self.past()?.into_iter().find(|run| !run.published()).map(|run| run.manifest.run);
            return Err(PublishError::NothingPublished { job: self.job.clone(), held });
        };
        self.find(&id)?.ok_or_else(|| PublishError::NoRun { run: id, runs: self.runs.clone() })
    }

    /// All runs, newest as-of date first.
    ///
    /// # Errors
    /// [`PublishError`] when a manifest cannot be read.
    pub fn past(&self) -> Result<Vec<PastRun>, PublishError> {
        let entries = match fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(FileError::Io { what: "list", path: self.runs.clone(), source }.into()),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| FileError::Io { what: "list", path: self.runs.clone(), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.')
                && let Some(run) = self.find(&name)?
            {
                runs.push(run);
            }
        }
        runs.sort_by(|a, b| (&b.manifest.as_of, &b.manifest.run).cmp(&(&a.manifest.as_of, &a.manifest.run)));
        Ok(runs)
    }
}

/// The path from the root, without `..`: the engine's addresses of files cannot go up. What is not there yet is not looked for.
fn absolute(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if !whole.components().any(|part| part == Component::ParentDir) {
        return whole;
    }
    let known = whole.ancestors().find_map(|above| Some((above.canonicalize().ok()?, whole.strip_prefix(above).ok()?)));
    known.map_or_else(|| whole.clone(), |(above, below)| above.join(below))
}
