//! What can go wrong while a run is written and published, each with what mends it.

use std::path::PathBuf;

use crate::outcome::{Ending, Outcome};
use crate::table_file::FileError;

/// Why a run could not be published.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum PublishError {
    /// A file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run of the job is at work.
    #[error("another run of `{job}` holds the lock ({holder})")]
    Locked { job: String, holder: String },
    /// The audit found a file that is not as it was written.
    #[error("the audit of `{file}` failed: {what}")]
    Audit { file: String, what: String },
    /// The same run was made before, with other bytes.
    #[error("run {run} was made again and `{file}` has other bytes than before")]
    NotRepeatable { run: String, file: String },
    /// A run that does not exist.
    #[error("there is no run `{run}` in `{}`", runs.display())]
    NoRun { run: String, runs: PathBuf },
    /// A beginning that several runs have.
    #[error("{} runs begin with `{begins}`", runs.len())]
    ManyRuns { begins: String, runs: Vec<String> },
    /// No run was published, where one is asked for.
    #[error("nothing of `{job}` is published yet")]
    NothingPublished { job: String, held: Option<String> },
    /// No run to go back to.
    #[error("no run was published before {current}, the current one")]
    NothingEarlier { current: String },
    /// A run that passed its gates, or was blessed before.
    #[error("run {run} is not held")]
    NotHeld { run: String },
    /// A run that its gates kept from being published.
    #[error("run {run} is held: its gates were not passed")]
    Held { run: String },
    /// Files of a run that are not as they were published.
    #[error("run {run} is damaged: {first}{}", if *more > 0 { format!(", and {more} more") } else { String::new() })]
    Damaged { run: String, first: String, more: usize, current: bool },
    /// A scenario whose folder could not be made.
    #[error("scenario `{}…` has a name of {bytes} bytes once encoded, and a folder's name has at most {most}", begins.escape_debug())]
    LongScenario { begins: String, bytes: usize, most: usize },
    /// A column of the run before is of another type than the job says.
    #[error("previous.{table}: column `{column}` of {run} is {found}, not {expected}")]
    Retyped { table: String, column: String, found: String, expected: &'static str, run: String },
    /// A decision query does not plan or run.
    #[error(transparent)]
    Query(#[from] crate::ingest::IngestError),
    /// A column is not what a table needs.
    #[error("table `{table}`: {message}")]
    Table { table: String, message: String },
}

impl Outcome for PublishError {
    fn ending(&self) -> Ending {
        match self {
            Self::File(error) => match error.ending() {
                Ending::Refused => Ending::Io,
                other => other,
            },
            Self::Locked { .. } => Ending::Locked,
            Self::LongScenario { .. } | Self::Retyped { .. } => Ending::Refused,
            Self::Audit { .. } | Self::Damaged { .. } => Ending::Io,
            Self::NotRepeatable { .. } | Self::Table { .. } => Ending::Internal,
            Self::NoRun { .. }
            | Self::ManyRuns { .. }
            | Self::NothingPublished { .. }
            | Self::NothingEarlier { .. }
            | Self::NotHeld { .. }
            | Self::Held { .. } => Ending::Usage,
            Self::Query(error) => error.ending(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Locked { .. } => "wait for it to end; a lock of a dead process is released by itself".into(),
            Self::Audit { .. } => "the disk returned other bytes than were written; the previous run stays current".into(),
            Self::NotRepeatable { .. } => "this is a defect of polytask: please report it; the published run was left alone".into(),
            Self::NoRun { .. } => "`polytask runs <job>` lists them; `polytask run <job> --as-of DATE` makes one".into(),
            Self::ManyRuns { runs, .. } => format!("one of: {}", runs.join(", ")),
            Self::NothingPublished { held: None, .. } => "`polytask run <job> --as-of DATE` publishes a first night".into(),
            Self::NothingPublished { held: Some(run), .. } => format!(
                "{run} is held: name it, or, when you have read its report, publish it: `polytask bless <job> {run} --reason \"…\"`"
            ),
            Self::NothingEarlier { .. } => "`polytask runs <job>` lists all runs; `--to RUN` names a published one".into(),
            Self::Held { .. } => "`polytask bless <job> <run> --reason \"…\"` publishes it all the same".into(),
            Self::Damaged { current: true, .. } => {
                "`polytask rollback <job>` goes back to an earlier run; `polytask run <job> --as-of <its date> --rebuild` tells \
                    whether the \
                 night still gives the bytes that it gave"
                    .into()
            }
            Self::Damaged { .. } => {
                "readers do not follow it; `polytask run <job> --as-of <its date> --rebuild` tells whether the night still gives the bytes \
                 that it gave"
                    .into()
            }
            Self::LongScenario { .. } => "give the scenario a shorter name in candidates.sql and examples.sql".into(),
            Self::Retyped { table, column, .. } => {
                format!("change `decisions.{table}.previous` in job.toml, or cast `{column}` in decisions/{table}.sql as it was")
            }
            Self::NotHeld { .. } => "only a run that `polytask runs <job>` marks as held can be blessed".into(),
            Self::Query(error) => return error.hint(),
            Self::Table { .. } => return None,
        })
    }
}
