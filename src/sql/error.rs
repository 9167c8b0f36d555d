//! What can go wrong between an analyst's question and its answer, each with what mends it.

use crate::features::FeatureError;
use crate::ingest::IngestError;
use crate::job::JobError;
use crate::outcome::{Ending, Outcome};
use crate::publish::PublishError;
use crate::table_file::FileError;

/// Why a statement was not answered.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum SqlError {
    /// SQL that does not parse or plan; the message shows the place.
    #[error("{message}")]
    Wrong { message: String, hint: Option<String> },
    /// What a table said when it was opened.
    #[error("{message}")]
    Told { message: String, hint: Option<String>, ending: Ending },
    /// A statement that could write, or read what the job does not list.
    #[error("{what} is refused here")]
    Refused { what: String, hint: String },
    /// A query that cannot be tried as a feature.
    #[error("{what}")]
    Unsuited { what: String, hint: String },
    /// `$name` without a value.
    #[error("`${name}` has no value")]
    NoValue { name: String, known: String },
    /// A saved query that does not exist.
    #[error("there is no saved query `@{name}`")]
    NoSaved { name: String, hint: String },
    /// No published run, where one is asked for.
    #[error("{what}: {}", if *which == "previous" { "no run was published before the current one" } else { "nothing is published yet" })]
    NoRun { what: String, which: &'static str },
    /// No as-of date for what depends on one.
    #[error("`{0}` needs an as-of date, and no night has run yet")]
    NoDate(String),
    /// A file that a run or the cache should have.
    #[error("{what}: `{file}` is gone")]
    Gone { what: String, file: String, hint: String },
    /// A table whose files do not fit together.
    #[error("table `{table}`: {message}")]
    Table { table: String, message: String },
    /// A query that failed while it ran.
    #[error("{message}")]
    Run { message: String, out_of_memory: bool },
    /// Sources or clean tables.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Features.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Runs.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The job.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Files.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for SqlError {
    fn ending(&self) -> Ending {
        match self {
            Self::Wrong { .. }
            | Self::Refused { .. }
            | Self::Unsuited { .. }
            | Self::NoValue { .. }
            | Self::NoSaved { .. }
            | Self::NoRun { .. }
            | Self::NoDate(_) => Ending::Usage,
            Self::Told { ending, .. } => *ending,
            Self::Gone { .. } | Self::Table { .. } | Self::Run { .. } => Ending::Refused,
            Self::Ingest(error) => error.ending(),
            Self::Features(error) => error.ending(),
            Self::Publish(error) => error.ending(),
            Self::Job(error) => error.ending(),
            Self::File(error) => error.ending(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Wrong { hint, .. } | Self::Told { hint, .. } => return hint.clone(),
            Self::Refused { hint, .. } | Self::Unsuited { hint, .. } | Self::NoSaved { hint, .. } | Self::Gone { hint, .. } => hint.clone(),
            Self::NoValue { name, known } => format!("give it with `--param {name}=…`; with a value here: {known}"),
            Self::NoRun { .. } => "`polytask run` makes one; `polytask runs` lists them; `--run RUN` reads a held one".into(),
            Self::NoDate(_) => "give one with `--as-of YYYY-MM-DD`".into(),
            Self::Table { .. } => return None,
            Self::Run { out_of_memory: true, .. } => "give more with `--memory 8GB`, or make the build side of the join smaller".into(),
            Self::Run { .. } => "a value in the data does not suit the query; try_cast() gives NULL where a cast would fail".into(),
            Self::Ingest(error) => return error.hint(),
            Self::Features(error) => return error.hint(),
            Self::Publish(error) => return error.hint(),
            Self::Job(error) => return error.hint(),
            Self::File(error) => return error.hint(),
        })
    }
}
