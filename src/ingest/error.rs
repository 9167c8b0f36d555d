//! What can go wrong between raw files and clean tables, each with what mends it.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

use crate::outcome::{Ending, Hinted, Outcome};
use crate::table_file::{FileError, is_disk, is_out_of_memory};

/// Why sources, queries or clean tables were refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum IngestError {
    /// A source's file or folder is not there.
    #[error("source `{source_name}`: there is no `{}`", path.display())]
    MissingSource { source_name: String, path: PathBuf },
    /// A folder without Parquet files.
    #[error("source `{source_name}`: `{}` holds no .parquet file", path.display())]
    EmptyFolder { source_name: String, path: PathBuf },
    /// Not a Parquet file, or a damaged one.
    #[error("source `{source_name}`: `{file}` cannot be read as Parquet: {message}")]
    BadFile { source_name: String, file: String, message: String },
    /// A source without rows.
    #[error("source `{source_name}` has 0 rows in {files} file(s)")]
    EmptySource { source_name: String, files: usize },
    /// A column that the job asks for is not there.
    #[error("source `{source_name}`: `{file}` has no column `{column}`")]
    DroppedColumn { source_name: String, file: String, column: String },
    /// A column has another type than the job, or another file, says.
    #[error("source `{source_name}`: `{file}`: column `{column}` is {found}, not {expected}")]
    RetypedColumn { source_name: String, file: String, column: String, found: String, expected: String },
    /// A path of a Hive-partitioned folder without its `name=value`.
    #[error("source `{source_name}`: `{file}` does not lie below a folder `{partition}=…`")]
    MissingPartition { source_name: String, file: String, partition: String },
    /// A path of a Hive-partitioned folder whose value is not of its type.
    #[error("source `{source_name}`: `{file}`: partition `{partition}` is `{found}`, not {expected}")]
    RetypedPartition { source_name: String, file: String, partition: String, found: String, expected: &'static str },
    /// A file of a Hive-partitioned folder that no partition holds.
    #[error("source `{source_name}`: `{file}` {what}")]
    OddPlace { source_name: String, file: String, what: &'static str },
    /// A day that should have been delivered.
    #[error("source `{source_name}`: there is no partition `{partition}={day}`")]
    MissingDay { source_name: String, partition: String, day: String },
    /// The newest delivery is too old.
    #[error("source `{source_name}`: its newest partition before {as_of} is {newest}, older than {fresh}")]
    StaleSource { source_name: String, as_of: String, newest: String, fresh: String },
    /// The newest row of a clean table is too old.
    #[error("table `{table}`: its newest row before {as_of} is of {newest}, older than {fresh}")]
    StaleTable { table: String, as_of: String, newest: String, fresh: String },
    /// A column that the run before had read.
    #[error("source `{source_name}`: `{file}` has no column `{column}`, which {had}")]
    GoneColumn { source_name: String, file: String, column: String, had: String },
    /// A column that had another type in the run before.
    #[error("source `{source_name}`: `{file}`: column `{column}` {how}")]
    ChangedColumn { source_name: String, file: String, column: String, how: String },
    /// An object store that did not answer, or refused.
    #[error("source `{source_name}`: {url}: {message}")]
    Store { source_name: String, url: String, message: String },
    /// An object store that cannot be opened with what the environment says.
    #[error("source `{source_name}`: {url}: the environment does not say enough to open it: {message}")]
    StoreSettings { source_name: String, url: String, message: String },
    /// An object store that holds no Parquet file there.
    #[error("source `{source_name}`: {url} holds no .parquet object")]
    EmptyStore { source_name: String, url: String },
    /// An object whose key could be no file's name.
    #[error("source `{source_name}`: {url}: the key `{key}` {what}")]
    OddKey { source_name: String, url: String, key: String, what: &'static str },
    /// Objects that are larger than what the disk has left.
    #[error("source `{source_name}`: {url}: {needed} bytes are to be fetched, and the disk has {free} left")]
    NoRoom { source_name: String, url: String, needed: u64, free: u64 },
    /// Objects that no night has fetched yet.
    #[error("source `{source_name}`: nothing of {url} has been fetched yet")]
    NotFetched { source_name: String, url: String },
    /// The file system said no.
    #[error("cannot read `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// SQL that does not parse, or not a single SELECT.
    #[error("{file}: {message}")]
    Sql { file: String, message: String, hint: String },
    /// SQL that does not plan.
    #[error("{file}: {message}")]
    Plan { file: String, message: String },
    /// What a function of a query cannot work with.
    #[error("{file}: {message}")]
    Function { file: String, message: String, hint: String, ending: Ending },
    /// A query names a table that does not exist.
    #[error("{file}: there is no table `{table}`")]
    UnknownTable { file: String, table: String, known: String },
    /// A query names a table that its kind must not see.
    #[error("{file}: `{table}` cannot be seen here: {reason}")]
    NotVisible { file: String, table: String, reason: &'static str },
    /// Queries that need each other.
    #[error("these queries need each other: {0}")]
    Cycle(String),
    /// `$name` that the job does not set.
    #[error("{file}: `${name}` is not a parameter")]
    UnknownParam { file: String, name: String, known: String },
    /// A clean table lacks a column that `[tables]` names, or it has no time type.
    #[error("clean/{table}.sql: {message}")]
    BadTime { table: String, message: String },
    /// A query failed while it ran.
    #[error("{file}: {message}")]
    Run { file: String, message: String, out_of_memory: bool },
    /// A clean table without rows.
    #[error("table `{0}` has 0 rows after cleaning")]
    EmptyTable(String),
    /// A check found offending rows.
    #[error("check `{check}` found {rows} offending row(s) in `{table}`:\n{sample}")]
    CheckFailed { check: String, table: String, rows: usize, sample: String },
    /// A table file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What a function says of the rows that it was given.
fn hinted(error: &DataFusionError) -> Option<&Hinted> {
    if let DataFusionError::External(inner) = error.find_root() { inner.downcast_ref() } else { None }
}

impl IngestError {
    /// A query that does not plan, or in which a function refuses what it is given.
    pub(crate) fn plan(file: &str, error: &DataFusionError) -> Self {
        Self::told(file, error, Ending::Usage)
    }

    fn told(file: &str, error: &DataFusionError, ending: Ending) -> Self {
        match hinted(error) {
            Some(own) => Self::Function { file: file.to_owned(), message: own.message.clone(), hint: own.hint.clone(), ending },
            None => Self::Plan { file: file.to_owned(), message: error.strip_backtrace() },
        }
    }

    /// A query's failure at run time, with the file that holds it.
    pub(crate) fn run(file: &str, error: FileError) -> Self {
        match error {
            FileError::Query(error) if hinted(&error).is_some() => Self::told(file, &error, Ending::Refused),
            FileError::Query(error) if !is_disk(&error) => {
                Self::Run { file: file.to_owned(), message: error.strip_backtrace(), out_of_memory: is_out_of_memory(&error) }
            }
            other => Self::File(other),
        }
    }
}

impl Outcome for IngestError {
    fn ending(&self) -> Ending {
        match self {
            Self::Io { .. } | Self::Store { .. } | Self::NoRoom { .. } => Ending::Io,
            Self::File(error) => error.ending(),
            Self::Function { ending, .. } => *ending,
            Self::Sql { .. }
            | Self::Plan { .. }
            | Self::UnknownTable { .. }
            | Self::NotVisible { .. }
            | Self::Cycle(_)
            | Self::UnknownParam { .. }
            | Self::StoreSettings { .. }
            | Self::BadTime { .. } => Ending::Usage,
            _ => Ending::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::MissingSource { source_name, .. } => format!("put the file there, or change `sources.{source_name}.path` in job.toml"),
            Self::EmptyFolder { source_name, .. } => {
                format!("has the delivery arrived? `sources.{source_name}.path` in job.toml names the folder")
            }
            Self::BadFile { .. } => "was the file written whole? ask for it again; nothing was published".into(),
            Self::EmptySource { .. } => "is the delivery complete? nothing was published".into(),
            Self::DroppedColumn { source_name, .. } | Self::RetypedColumn { source_name, .. } => {
                format!("ask the sender, or change `sources.{source_name}.columns` in job.toml and the clean query")
            }
            Self::MissingPartition { source_name, .. }
            | Self::RetypedPartition { source_name, .. }
            | Self::OddPlace { source_name, .. } => {
                format!("`sources.{source_name}.partitions` in job.toml names the folders, outermost first")
            }
            Self::MissingDay { source_name, .. } => {
                format!("has that day been delivered? `sources.{source_name}.complete` in job.toml says how far back none may be missing")
            }
            Self::StaleSource { source_name, .. } => {
                format!("has the delivery arrived? `sources.{source_name}.fresh` in job.toml says how old it may be")
            }
            Self::StaleTable { table, .. } => {
                format!("has the delivery arrived? `tables.{table}.fresh` in job.toml says how old its newest row may be")
            }
            Self::GoneColumn { source_name, column, .. } | Self::ChangedColumn { source_name, column, .. } => {
                format!("ask the sender; where it is meant, name it: `sources.{source_name}.may_change = [\"{column}\"]` in job.toml")
            }
            Self::Store { .. } => {
                "can it be reached from here, and are its credentials in the environment? docs/operations.md lists the variables; a \
                    repeated \
                 night fetches only what is missing"
                    .into()
            }
            Self::StoreSettings { .. } => "docs/operations.md lists the variables of each store".into(),
            Self::EmptyStore { source_name, .. } => {
                format!("has the delivery arrived? `sources.{source_name}.path` in job.toml names bucket and folder")
            }
            Self::OddKey { .. } => "ask who writes into the bucket; nothing was fetched".into(),
            Self::NoRoom { .. } => "free some space; the sources' copies lie in the job's cache".into(),
            Self::NotFetched { .. } => "`polytask run` and `polytask frame` fetch it".into(),
            Self::Io { .. } => return None,
            Self::Sql { hint, .. } | Self::Function { hint, .. } => hint.clone(),
            Self::Plan { file, .. } => format!("correct {file}; `polytask check` tries every query without running the night"),
            Self::UnknownTable { known, .. } => format!("it can see: {known}"),
            Self::NotVisible { .. } => "docs/your-own-job.md lists what each query file sees".into(),
            Self::Cycle(_) => "break the circle: move what both need into a third query".into(),
            Self::UnknownParam { known, .. } => format!("parameters: {known}; add your own under [params] in job.toml"),
            Self::BadTime { table, .. } => format!("`tables.{table}` in job.toml names the column; it must be a timestamp or a date"),
            Self::Run { out_of_memory: true, .. } => "give more with `--memory 8GB`, or make the build side of the join smaller".into(),
            Self::Run { .. } => {
                "a value in the data does not suit the query: a `refused` reason in the clean query keeps such rows out".into()
            }
            Self::EmptyTable(table) => format!("are all rows refused? see clean/{table}.sql and its `refused` column"),
            Self::CheckFailed { check, .. } => {
                format!("mend the data, refuse the rows in the clean query, or change checks/{check}.sql; nothing was published")
            }
            Self::File(error) => return error.hint(),
        })
    }
}
