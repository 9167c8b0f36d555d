//! One who asks: an analyst's session with threads of its own.
//!
//! In: settings. Out: statements parsed and planned, [`Rows`] of them. All of it happens on the session's threads, not on the servers':
//! what never yields keeps its own client waiting, and the clock that ends the waiting runs elsewhere. Until it yields, its place among
//! those who ask stays taken.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OwnedSemaphorePermit;

use super::rows::{Clock, Failed, Query, Rows};
use crate::ingest::sql::STACK;
use crate::job::Job;
use crate::publish::Home;
use crate::sql::calls::Models;
use crate::sql::{Analyst, Settings, SqlError};
use crate::table_file::FileError;

/// A place among those who ask; taken until the last of its holders is dropped.
pub(super) type Seat = Arc<OwnedSemaphorePermit>;

/// A session.
pub(super) struct Session {
    analyst: Arc<Analyst>,
    seat: Option<Seat>,
    /// `None` once it is being dropped.
    threads: Option<Runtime>,
}

impl Session {
    pub(super) fn open(job: Job, home: Home, settings: Settings, models: Models, seat: Option<Seat>) -> Result<Self, SqlError> {
        let threads =
            Builder::new_multi_thread().worker_threads(settings.threads).thread_name("query").thread_stack_size(STACK).enable_all().build();
        let threads =
            threads.map_err(|source| FileError::Io { what: "start threads for a session in", path: std::env::temp_dir(), source })?;
        let analyst = Arc::new(Analyst::open(job, home, settings, models)?);
        super::capped::register(analyst.context());
        Ok(Self { analyst, seat, threads: Some(threads) })
    }

    pub(super) fn analyst(&self) -> &Arc<Analyst> {
        &self.analyst
    }

    /// Does what takes no time of its own to wait for (parsing, say), on the session's threads.
    pub(super) async fn on_threads<T: Send + 'static>(
        &self,
        clock: Clock,
        work: impl FnOnce(&Analyst) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, Failed> {
        let analyst = Arc::clone(&self.analyst);
        self.wait(clock, async move { work(&analyst) }).await
    }

    /// Plans a statement. Values without a type (`$1`) keep it from having the types of its columns; then they are those of the text.
    pub(super) async fn plan(&self, sql: &str, statement: Statement, clock: Clock) -> Result<LogicalPlan, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let planned = async move {
            let plan = analyst.plan(&text, statement).await?;
            let open = plan.get_parameter_types().is_ok_and(|types| types.values().any(Option::is_none));
            if open { Ok(plan) } else { analyst.coerced(&text, plan) }
        };
        self.wait(clock, planned).await
    }

    /// Runs a statement.
    pub(super) async fn ask(&self, sql: &str, statement: Statement, clock: Clock, most_rows: usize) -> Result<Rows, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let answer = async move { analyst.run(&text, statement).await };
        Rows::start(self.threads()?, self.seat.clone(), (Arc::clone(&self.analyst), sql), answer, clock, most_rows).await
    }

    /// Runs a plan of this session.
    pub(super) async fn execute(&self, sql: &str, plan: LogicalPlan, clock: Clock, most_rows: usize) -> Result<Rows, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let answer = async move { analyst.execute(&text, plan).await };
        Rows::start(self.threads()?, self.seat.clone(), (Arc::clone(&self.analyst), sql), answer, clock, most_rows).await
    }

    async fn wait<T: Send + 'static>(
        &self,
        clock: Clock,
        work: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, Failed> {
        let seat = self.seat.clone();
        let mut running = Query(self.threads()?.spawn(async move {
            let done = work.await;
            drop(seat);
            done
        }));
        let done = tokio::time::timeout_at(clock.until, &mut running.0).await.map_err(|_| Failed::Time(clock.time))?;
        Ok(done.map_err(|error| Failed::Broken(error.to_string()))??)
    }

    #[expect(clippy::result_large_err, reason = "made once for a statement that failed")]
    fn threads(&self) -> Result<&Runtime, Failed> {
        self.threads.as_ref().ok_or_else(|| Failed::Broken("the session has ended".to_owned()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // Waits for nothing: a query that does not yield ends when it will, and nobody reads it.
            threads.shutdown_background();
        }
    }
}
