//! The rows of a statement on their way to who asked, within time and number.
//!
//! In: a statement that begins on the session's threads. Out: batches, one by one, or why there are no more. Dropping it stops the
//! query.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Log;
use super::session::Seat;
use crate::outcome::{Ending, Outcome};
use crate::sql::{Analyst, Answer, SqlError};

/// Batches that may wait for their reader.
const QUEUE: usize = 4;

/// A statement that was asked, for the log.
#[derive(Debug)]
pub struct Asked {
    /// `pg` or `http`.
    pub door: &'static str,
    /// Who asked: the address of the client.
    pub peer: String,
    /// What.
    pub sql: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Rows that were sent.
    pub rows: usize,
    /// Why it was not answered.
    pub failure: Option<String>,
}

/// Tells of a statement when it has ended, however it ended.
pub(super) struct Teller {
    log: Log,
    asked: Asked,
    since: std::time::Instant,
    silent: bool,
}

impl Teller {
    pub(super) fn new(log: Log, door: &'static str, peer: String, sql: &str) -> Self {
        let failure = Some("the client went away, or stopped it".to_owned());
        let asked = Asked { door, peer, sql: sql.to_owned(), seconds: 0.0, rows: 0, failure };
        Self { log, asked, since: std::time::Instant::now(), silent: false }
    }

    pub(super) fn answered(&mut self, rows: usize) {
        (self.asked.rows, self.asked.failure) = (rows, None);
    }

    pub(super) fn failed(&mut self, failed: &Failed) {
        self.asked.failure = Some(failed.to_string());
    }

    /// There is nothing to tell.
    pub(super) fn silent(&mut self) {
        self.silent = true;
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.asked.seconds = self.since.elapsed().as_secs_f64();
        if !self.silent {
            (self.log)(&self.asked);
        }
    }
}

/// Why a statement has no answer, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// The statement is at fault, or what it reads.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// It took too long.
    #[error("the statement was stopped after {}: it took longer than it may", seconds(*.0))]
    Time(Duration),
    /// It has too many rows.
    #[error("the statement was stopped after {0} rows: it has more than an answer may have")]
    Rows(usize),
    /// Its file grew too large.
    #[error("the answer is larger than {0} bytes, the most that a file for download may have")]
    Bytes(u64),
    /// One who has not said the password.
    #[error("nobody is let in without the password")]
    Stranger,
    /// There is no place for one more.
    #[error("all connections are taken")]
    Full,
    /// A defect.
    #[error("the engine broke off in the midst of the query: {0}")]
    Broken(String),
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

impl Outcome for Failed {
    fn ending(&self) -> Ending {
        match self {
            Self::Sql(error) => error.ending(),
            Self::Time(_) | Self::Rows(_) | Self::Bytes(_) | Self::Full | Self::Stranger => Ending::Refused,
            Self::Broken(_) => Ending::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Sql(error) => {
                // A session of a server has no command line of its own.
                let hint = error.hint()?;
                return Some(hint.replace("give more with `--memory 8GB`", "start the server with more `--memory`"));
            }
            Self::Time(_) => "ask for less, or start the server with a longer `--statement-timeout`".into(),
            Self::Rows(_) => "add a limit or sum up, or start the server with more `--rows`".into(),
            Self::Bytes(_) => "select fewer columns or rows; `polytask sql --out FILE` writes without this limit".into(),
            Self::Stranger => return None,
            Self::Full => "ask again in a moment, or start the server with more `--connections`".into(),
            Self::Broken(_) => "this is a defect of polytask: please report it with the statement".into(),
        })
    }
}

/// Until when a statement may take, and how long that is from its arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) until: Instant,
    pub(super) time: Duration,
}

impl Clock {
    /// From now on.
    pub(super) fn begin(time: Duration) -> Self {
        Self { until: Instant::now() + time, time }
    }
}

/// An answer that is being read.
pub(super) struct Rows {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    query: Query<()>,
    analyst: Arc<Analyst>,
    sql: String,
    clock: Clock,
    most: usize,
    sent: usize,
}

/// Work on the session's threads; when dropped it is asked to stop, and does as soon as it yields.
pub(super) struct Query<T>(pub(super) JoinHandle<Result<T, SqlError>>);

impl<T> Drop for Query<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Rows {
    /// Starts `answer` on `threads`; it has until `clock` says for its last row, and `seat` until it has really ended.
    pub(super) async fn start(
        threads: &Runtime,
        seat: Option<Seat>,
        (analyst, sql): (Arc<Analyst>, &str),
        answer: impl Future<Output = Result<Answer, SqlError>> + Send + 'static,
        clock: Clock,
        most: usize,
    ) -> Result<Self, Failed> {
        let (columns, schema) = oneshot::channel();
        let (sender, batches) = mpsc::channel(QUEUE);
        let mut query = Query(threads.spawn(async move {
            let _seat = seat;
            let mut answer = answer.await?;
            let _ = columns.send(Arc::clone(&answer.schema));
            while let Some(batch) = answer.rows.next().await {
                // Who asked has gone.
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        }));
        let schema = tokio::time::timeout_at(clock.until, schema).await.map_err(|_| Failed::Time(clock.time))?;
        let Ok(schema) = schema else {
            // It ended before it had columns.
            return Err(match (&mut query.0).await {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) => Failed::Broken("no columns".to_owned()),
                Err(error) => Failed::Broken(error.to_string()),
            });
        };
        Ok(Self { schema, batches, query, analyst, sql: sql.to_owned(), clock, most, sent: 0 })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows that were read so far.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// The next rows; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, Failed> {
        let batch = tokio::time::timeout_at(self.clock.until, self.batches.recv()).await.map_err(|_| Failed::Time(self.clock.time))?;
        match batch {
            Some(Ok(batch)) => {
                self.sent += batch.num_rows();
                if self.sent > self.most {
                    return Err(Failed::Rows(self.most));
                }
                Ok(Some(batch))
            }
            Some(Err(error)) => Err(self.analyst.told(&error, &self.sql).into()),
            None => match (&mut self.query.0).await {
                Ok(ended) => Ok(ended.map(|()| None)?),
                // A task that panicked has not given all of its rows.
                Err(error) => Err(Failed::Broken(error.to_string())),
            },
        }
    }
}
