//! What keeps a job from being guessed, each with the file and column, and what mends it.

use std::path::PathBuf;

use crate::outcome::{Ending, Outcome};

/// Why no job folder was made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// `--from` names something that is not there.
    #[error("there is no `{}`", .0.display())]
    Missing(PathBuf),
    /// A file or folder whose name a job cannot carry.
    #[error("`{path}` cannot be a source: {why}")]
    BadPath {
        /// The file or folder.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A folder without Parquet files.
    #[error("`{}` holds no .parquet file", .0.display())]
    EmptyFolder(PathBuf),
    /// Not a Parquet file, or a damaged one.
    #[error("`{file}` cannot be read as Parquet: {message}")]
    BadFile {
        /// The file.
        file: String,
        /// What the decoder says.
        message: String,
    },
    /// A source without rows.
    #[error("`{0}` has 0 rows")]
    NoRows(String),
    /// A column whose name SQL cannot carry safely.
    #[error("`{file}`: column `{column}` {why}")]
    BadColumn {
        /// The source.
        file: String,
        /// The name, escaped.
        column: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Files of one folder that are not one table.
    #[error("`{file}`: column `{column}` is {found}, but {expected} in `{first}`")]
    Differs {
        /// The file that differs.
        file: String,
        /// The column.
        column: String,
        /// Its type there.
        found: String,
        /// The first file.
        first: String,
        /// Its type in that one.
        expected: String,
    },
    /// Files of one folder that lie below different Hive partitions.
    #[error("`{file}` does not lie below the folders {expected}")]
    Partitions {
        /// The file.
        file: String,
        /// The folders of its neighbours.
        expected: String,
    },
    /// No table says when anything happened.
    #[error("no table says when something happened: {0}")]
    NoTime(String),
    /// No table says to whom it happened, again and again.
    #[error("no table says what happened to whom, again and again: {0}")]
    NoEvents(String),
    /// The events span too few days for snapshots.
    #[error("`{file}`: column `{column}` spans {days} day(s), from {first} to {newest}")]
    TooShort {
        /// The source.
        file: String,
        /// The event time.
        column: String,
        /// Days from first to newest.
        days: i32,
        /// First day.
        first: String,
        /// Newest day.
        newest: String,
    },
    /// The folder is there and holds something.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The file system said no.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
}

impl Outcome for ScaffoldError {
    fn ending(&self) -> Ending {
        match self {
            Self::Missing(_) | Self::Exists(_) => Ending::Usage,
            Self::Io { .. } => Ending::Io,
            _ => Ending::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing(_) => "`--from` takes Parquet files, or folders of them".into(),
            Self::BadPath { .. } => "rename it, then run `polytask new` again; nothing was written".into(),
            Self::EmptyFolder(_) => "has the delivery arrived? a source is a .parquet file or a folder with such files".into(),
            Self::BadFile { .. } => "was the file written whole? ask for it again; nothing was written".into(),
            Self::NoRows(_) => "give a file with rows: keys, time and labels are guessed from them".into(),
            Self::BadColumn { .. } => "rename the column where the file is made; nothing was written".into(),
            Self::Differs { .. } => {
                "a folder is one source: give files of different tables one by one, for example `--from data/shop/input/*.parquet`".into()
            }
            Self::Partitions { .. } => "all files of a partitioned folder lie below the same `name=value` folders".into(),
            Self::NoTime(_) => {
                "add the file of events (orders, clicks, visits), with a timestamp or date column, to `--from`: tables without a time only \
                 describe"
                    .into()
            }
            Self::NoEvents(_) => {
                "add a file in which ids of users, customers or products occur again and again, for example orders with customer_id".into()
            }
            Self::TooShort { .. } => {
                "at least 5 days are needed: some to look back on, three snapshots, and an outcome window; give a longer delivery".into()
            }
            Self::Exists(_) => "choose another folder, or remove this one: `polytask new` writes over nothing".into(),
            Self::Io { .. } => return None,
        })
    }
}
