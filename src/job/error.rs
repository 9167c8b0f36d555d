//! What can be wrong with a job folder, each with the file, line or key and what mends it.

use std::path::PathBuf;

use crate::outcome::{Ending, Outcome};

/// Why a job folder was refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum JobError {
    /// The folder or its `job.toml` is not there.
    #[error("`{}` is not a job: it has no job.toml", .0.display())]
    NoJob(PathBuf),
    /// A file of the job could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// TOML that does not parse, a misspelt key, a value of the wrong type.
    #[error("{file}:{line}: {message}{place}")]
    Toml { file: String, line: usize, message: String, place: String },
    /// A key that has no default is missing.
    #[error("job.toml does not set `{0}`")]
    MissingKey(&'static str),
    /// A value outside its domain, or two values that disagree.
    #[error("job.toml: `{key}`: {message}")]
    Value { key: String, message: String, hint: String },
    /// A query file that every job needs.
    #[error("the job has no `{0}`")]
    MissingQuery(&'static str),
    /// A file in a place where polytask does not look.
    #[error("`{0}` is not a place for a query")]
    StrayFile(String),
    /// A query file without its comment header.
    #[error("`{0}` does not open with a comment that says what it yields and its grain")]
    NoHeader(String),
    /// A table or file name that SQL and paths could not carry safely.
    #[error("`{name}` in `{file}` is not a table name")]
    BadName { name: String, file: String },
    /// A query that would yield a table which polytask makes.
    #[error("`{name}` in `{file}` is a table of polytask's own")]
    OwnName { name: String, file: String },
    /// Two queries that would yield the same table.
    #[error("there are two tables `{name}`: {first} and {second}")]
    TakenName { name: String, first: String, second: String },
}

impl Outcome for JobError {
    fn ending(&self) -> Ending {
        match self {
            Self::Read { .. } => Ending::Io,
            _ => Ending::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoJob(_) => "give the folder, for example `queries/marketplace`; `polytask new` makes one from Parquet files".into(),
            Self::Read { .. } => return None,
            Self::Toml { .. } => "`polytask config` prints every key with its meaning".into(),
            Self::MissingKey(key) => format!("add `{key}` to job.toml; docs/your-own-job.md explains it"),
            Self::Value { hint, .. } => hint.clone(),
            Self::MissingQuery(name) => format!("write `{name}`; docs/your-own-job.md shows what it must yield"),
            Self::StrayFile(_) => {
                "queries live in clean/, features/, checks/, decisions/, explore/, or are candidates.sql, examples.sql, frame.sql".into()
            }
            Self::NoHeader(_) => "add one or more `-- …` lines at its top".into(),
            Self::OwnName { .. } | Self::TakenName { .. } => "give the file another name: it is the table's".into(),
            Self::BadName { .. } => "use lower-case letters, digits and _, starting with a letter, at most 63 characters".into(),
        })
    }
}
