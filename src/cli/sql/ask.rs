//! One statement, asked: its rows go where they are wanted, progress goes to stderr, Ctrl-C stops the query.
//!
//! In: a session and a statement. Out: what became of it. How a result looks is `crate::sql::format`'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Failure;
use crate::sql::{Analyst, SqlError};

/// Time after which a query tells how far it is.
const PATIENCE: Duration = Duration::from_millis(800);
/// Batches that may wait for their reader.
const QUEUE: usize = 4;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The person pressed Ctrl-C.
    Stopped,
    /// Who reads the result has read enough: the pipe is closed.
    Read,
    /// The statement, or the place that its rows go to, is at fault.
    Failed(Failure),
}

impl From<SqlError> for Unanswered {
    fn from(error: SqlError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<crate::table_file::FileError> for Unanswered {
    fn from(error: crate::table_file::FileError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<std::io::Error> for Unanswered {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Read;
        }
        Self::Failed(Failure { message: format!("cannot write the result: {error}"), hint: None, ending: crate::outcome::Ending::Io })
    }
}

/// Runs a statement and hands its columns, then each batch, to `take`.
pub(super) async fn ask(
    analyst: &Analyst,
    sql: &str,
    statement: Statement,
    mut take: impl FnMut(&SchemaRef, Option<&RecordBatch>) -> std::io::Result<()>,
) -> Result<(), Unanswered> {
    let begun = Instant::now();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let answer = tokio::select! {
        answer = analyst.run(sql, statement) => answer?,
        _ = &mut stop => return Err(Unanswered::Stopped),
    };
    take(&answer.schema, None)?;
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Result<RecordBatch, DataFusionError>>(QUEUE);
    let mut rows = answer.rows;
    // A task of its own, so that a long step of it does not keep Ctrl-C waiting. Dropped, it ends.
    let query = SpawnedTask::spawn(async move {
        while let Some(batch) = rows.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
    });
    let mut progress = Progress { begun, plan: answer.plan, bar: ProgressBar::hidden() };
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            batch = receiver.recv() => match batch {
                Some(Ok(batch)) => {
                    progress.bar.suspend(|| take(&answer.schema, Some(&batch)))?;
                }
                Some(Err(error)) => {
                    progress.clear();
                    return Err(analyst.told(&error, sql).into());
                }
                None => break,
            },
            _ = ticks.tick() => progress.tell(),
            _ = &mut stop => {
                progress.clear();
                return Err(Unanswered::Stopped);
            }
        }
    }
    progress.clear();
    // A task that panicked has not given all of its rows.
    query.join().await.map_err(|error| {
        let message = format!("the engine broke off in the midst of the query: {error}");
        Unanswered::Failed(Failure { message, hint: None, ending: crate::outcome::Ending::Internal })
    })
}

/// How far a query is, on a terminal's stderr.
struct Progress {
    begun: Instant,
    plan: Arc<dyn ExecutionPlan>,
    bar: ProgressBar,
}

impl Progress {
    fn tell(&mut self) {
        let taken = self.begun.elapsed();
        if taken < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            // On stderr, and nothing where that is no terminal.
            self.bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                self.bar.set_style(style);
            }
        }
        let read = read(&self.plan);
        self.bar.set_message(format!("{:.1} s, {} rows read; Ctrl-C stops the query", taken.as_secs_f64(), grouped(read)));
        self.bar.tick();
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Rows that the leaves of a plan have given so far.
fn read(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let children = plan.children();
    if children.is_empty() {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0);
    }
    children.into_iter().map(read).sum()
}

/// 1234567 as `1,234,567`.
pub(in crate::cli) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 12, 1234, 1_234_567].map(super::grouped), ["0", "12", "1,234", "1,234,567"]);
    }
}
