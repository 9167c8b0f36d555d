//! What can go wrong between clean tables and encoded rows, each with what mends it.

use super::encode::EncodeError;
use crate::ingest::IngestError;
use crate::outcome::{Ending, Outcome};
use crate::table_file::FileError;

/// Why a snapshot or its encoding was refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum FeatureError {
    /// A query does not parse, plan or run.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A table file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A query lacks a column that the job names.
    #[error("{file}: it yields no column `{column}` ({role})")]
    MissingColumn { file: String, column: String, role: String },
    /// A column has a type that its role cannot have.
    #[error("{file}: column `{column}` ({role}) is {found}, not {expected}")]
    WrongType { file: String, column: String, role: String, found: String, expected: &'static str },
    /// Two rows with the same keys and scenario.
    #[error("{file}: two rows have the same keys on {as_of}: {key}")]
    DuplicateKey { file: String, as_of: String, key: String },
    /// A key or the scenario is NULL.
    #[error("{file}: column `{column}` is NULL in a row of {as_of}")]
    NullKey { file: String, column: String, as_of: String },
    /// A label that its task cannot have.
    #[error("examples.sql: label `{label}` is {value} in a row of {as_of}; {rule}")]
    BadLabel { label: String, value: f64, as_of: String, rule: &'static str },
    /// frame.sql lost or added rows.
    #[error("frame.sql does not return each row of `rows` once on {as_of}: {what}")]
    FrameRows { as_of: String, what: String },
    /// No rows where there must be some.
    #[error("{file} yields no row on {as_of}")]
    NoRows { file: String, as_of: String },
    /// Not enough past for the oldest snapshot.
    #[error("the oldest snapshot {snapshot} needs {needed} of history, but the data begins on {begins}")]
    TooLittleHistory { snapshot: String, needed: String, begins: String, earliest: String },
    /// The data ends long before the night.
    #[error("the newest event before {as_of} is of {newest}: the night would predict from stale data")]
    Stale { as_of: String, newest: String },
    /// A column that cannot be encoded.
    #[error("{0}")]
    Encode(#[from] EncodeError),
}

impl Outcome for FeatureError {
    fn ending(&self) -> Ending {
        match self {
            Self::Ingest(error) => error.ending(),
            Self::File(error) => error.ending(),
            Self::MissingColumn { .. }
            | Self::WrongType { .. }
            | Self::Encode(EncodeError::Missing { .. } | EncodeError::NoRole { .. }) => Ending::Usage,
            Self::DuplicateKey { .. } | Self::NullKey { .. } | Self::BadLabel { .. } | Self::FrameRows { .. } | Self::NoRows { .. } => {
                Ending::Refused
            }
            Self::Encode(EncodeError::File { .. }) => Ending::Io,
            Self::TooLittleHistory { .. } | Self::Stale { .. } | Self::Encode(_) => Ending::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Ingest(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::MissingColumn { column, .. } => format!("select `{column}` in the query, or change its name in job.toml"),
            Self::WrongType { column, expected: "another name", .. } => format!("select `{column}` under another name"),
            Self::WrongType { column, .. } => format!("cast `{column}` in the query"),
            Self::DuplicateKey { .. } => "`job.keys` and the scenario name a row: aggregate to that grain, or add a key".into(),
            Self::NullKey { .. } => "refuse such rows in the clean query, or filter them out".into(),
            Self::BadLabel { .. } => "correct the label's expression; NULL means not observed".into(),
            Self::FrameRows { .. } => "start from `rows`, left join each feature table on a unique key, and filter nothing".into(),
            Self::NoRows { .. } => "is there data before that date? `snapshots.count` and `--as-of` decide the dates".into(),
            Self::TooLittleHistory { earliest, .. } => {
                format!("the first night that has it is {earliest}; or lower `snapshots.count` or `snapshots.history`")
            }
            Self::Stale { .. } => "has the delivery arrived? an as-of date is the start of the day after the newest data".into(),
            Self::Encode(EncodeError::Infinite(column)) => {
                format!("guard `{column}` against division by zero, for example with nullif(), or leave it NULL")
            }
            Self::Encode(EncodeError::File { .. }) => "free some space and run again: nothing was lost".into(),
            Self::Encode(_) => "name the column's role under [features] in job.toml, or cast it in frame.sql".into(),
        })
    }
}
