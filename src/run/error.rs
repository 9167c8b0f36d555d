//! Any stage's error, as the night passes it on.

use std::path::PathBuf;

use crate::evaluate::sentinel::Leak;
use crate::features::FeatureError;
use crate::ingest::IngestError;
use crate::job::JobError;
use crate::learn::LearnError;
use crate::outcome::{Ending, Outcome};
use crate::publish::PublishError;
use crate::table_file::FileError;

/// Why a night ended early. Nothing was published then.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum NightError {
    /// The job is wrong.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Sources, queries or clean tables were refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A snapshot or its encoding was refused.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Learning failed.
    #[error("failed to learn: {0}")]
    Learn(#[from] LearnError),
    /// Features that know what they could not have known.
    #[error("the leak sentinel stopped the night: {}", leaks_told(.0))]
    Leak(Vec<Leak>),
    /// A night that ran before, and was compared with a run that is no longer there.
    #[error("run {run} is there already, and run {before} that it was compared with is not: the night cannot be made again")]
    Gone { run: String, before: String },
    /// The report could not be made.
    #[error("failed to write the report: {0}")]
    Report(String),
    /// A folder for frames that holds those of another night.
    #[error("`{}` holds `{file}`, the frame of another night", folder.display())]
    OtherFrames { folder: PathBuf, file: String },
    /// A fold without an entity.
    #[error("fold {fold} of {folds} has no row: the {entities} entities of examples.sql are too few for so many folds")]
    EmptyFold { fold: usize, folds: usize, entities: usize },
    /// A row that cannot be explained.
    #[error("failed to explain: {what}")]
    Unexplained { what: String, hint: String },
    /// Writing or publishing failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The first few, and how many more.
fn leaks_told(leaks: &[Leak]) -> String {
    let mut told: Vec<String> = leaks.iter().take(3).map(Leak::words).collect();
    if leaks.len() > told.len() {
        told.push(format!("and {} more", leaks.len() - told.len()));
    }
    told.join("; ")
}

impl NightError {
    /// A date beyond the calendar.
    pub(super) fn calendar(message: String) -> Self {
        Self::Job(JobError::Value { key: "snapshots".into(), message, hint: "choose a date within the years 1 to 9999".into() })
    }
}

/// A table that cannot be read, or holds what it should not.
pub(super) fn failed(error: &dyn std::fmt::Display) -> NightError {
    FileError::Rows(error.to_string()).into()
}

impl Outcome for NightError {
    fn ending(&self) -> Ending {
        match self {
            Self::Job(error) => error.ending(),
            Self::Ingest(error) => error.ending(),
            Self::Features(error) => error.ending(),
            Self::Learn(LearnError::Parameter { .. }) | Self::OtherFrames { .. } | Self::Gone { .. } | Self::Unexplained { .. } => {
                Ending::Usage
            }
            Self::Learn(LearnError::NoRows(_) | LearnError::NotFinite(_)) | Self::Leak(_) | Self::EmptyFold { .. } => Ending::Refused,
            Self::Learn(_) | Self::Report(_) => Ending::Internal,
            Self::Publish(error) => error.ending(),
            Self::File(error) => error.ending(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Job(error) => error.hint(),
            Self::Ingest(error) => error.hint(),
            Self::Features(error) => error.hint(),
            Self::Learn(LearnError::Parameter { key, .. }) => {
                Some(format!("set `{key}` in job.toml within that range; `polytask config` explains it"))
            }
            Self::Learn(LearnError::NoRows(_)) => {
                Some("is there an outcome in the data for every task? `polytask frame` writes the labels to look at".into())
            }
            Self::Learn(LearnError::NotFinite(field)) => {
                Some(format!("guard `{field}` in frame.sql against division by zero, for example with nullif()"))
            }
            Self::EmptyFold { .. } => Some("lower `snapshots.folds`, or bring more entities".into()),
            Self::Gone { run, .. } => {
                Some(format!("`polytask verify <job> {run}` tells whether it is whole; remove its folder to run the night anew"))
            }
            Self::Unexplained { hint, .. } => Some(hint.clone()),
            Self::OtherFrames { .. } => Some("give another folder with `--out`, or remove the old frames".into()),
            Self::Leak(leaks) => {
                let feature = leaks.first().map_or("", |leak| leak.feature.as_str());
                Some(format!(
                    "take `{feature}` out of frame.sql, or look at what it is made of; where it is honest, say why in job.toml: \
                     [sentinel] allow = {{ {feature} = \"…\" }}"
                ))
            }
            Self::Learn(_) | Self::Report(_) => None,
            Self::Publish(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}
