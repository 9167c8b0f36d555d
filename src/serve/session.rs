//! One who asks: an analyst's session with threads of its own.
//!
//! In: settings. Out: [`Rows`] of statements. The threads are the session's, not the servers': a query that never yields keeps
//! its own client waiting, and the clock that ends it runs elsewhere.

use std::sync::Arc;
use std::time::Duration;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use tokio::runtime::{Builder, Runtime};

use super::rows::{Failed, Rows};
use crate::job::Job;
use crate::publish::Home;
use crate::sql::calls::Models;
use crate::sql::{Analyst, Settings, SqlError};
use crate::table_file::FileError;

/// A session.
pub(super) struct Session {
    analyst: Arc<Analyst>,
    /// `None` once it is being dropped.
    threads: Option<Runtime>,
}

impl Session {
    pub(super) fn open(job: Job, home: Home, settings: Settings, models: Models) -> Result<Self, SqlError> {
        let threads = Builder::new_multi_thread().worker_threads(settings.threads).thread_name("query").enable_all().build();
        let threads =
            threads.map_err(|source| FileError::Io { what: "start threads for a session in", path: std::env::temp_dir(), source })?;
        let analyst = Arc::new(Analyst::open(job, home, settings, models)?);
        Ok(Self { analyst, threads: Some(threads) })
    }

    pub(super) fn analyst(&self) -> &Arc<Analyst> {
        &self.analyst
    }

    /// Runs a statement.
    pub(super) async fn ask(&self, sql: &str, statement: Statement, time: Duration, most_rows: usize) -> Result<Rows, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let answer = async move { analyst.run(&text, statement).await };
        Rows::start(self.on_threads()?, (Arc::clone(&self.analyst), sql), answer, time, most_rows).await
    }

    /// Runs a plan of this session.
    pub(super) async fn execute(&self, sql: &str, plan: LogicalPlan, time: Duration, most_rows: usize) -> Result<Rows, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let answer = async move { analyst.execute(&text, plan).await };
        Rows::start(self.on_threads()?, (Arc::clone(&self.analyst), sql), answer, time, most_rows).await
    }

    /// Plans a statement. Values without a type (`$1`) keep it from having the types of its columns; then they are those of the text.
    pub(super) async fn plan(&self, sql: &str, statement: Statement, time: Duration) -> Result<LogicalPlan, Failed> {
        let (analyst, text) = (Arc::clone(&self.analyst), sql.to_owned());
        let planned = self.on_threads()?.spawn(async move {
            let plan = analyst.plan(&text, statement).await?;
            let open = plan.get_parameter_types().is_ok_and(|types| types.values().any(Option::is_none));
            if open { Ok(plan) } else { analyst.coerced(&text, plan) }
        });
        let planned = tokio::time::timeout(time, planned).await.map_err(|_| Failed::Time(time))?;
        Ok(planned.map_err(|error| Failed::Broken(error.to_string()))??)
    }

    fn on_threads(&self) -> Result<&Runtime, Failed> {
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
