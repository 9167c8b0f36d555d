//! The tools that analysts have, served: PostgreSQL's protocol and a page for a browser, both over the session of `sql`.
//!
//! In: a job, where it lives, [`Limits`]. Out: two servers that only read, until they are stopped. A connection, or a question of the
//! page, has a session, memory and threads of its own, on which it is parsed, planned and run: one analyst's cross join does not stop
//! another's query. Not here: what a statement may do and what the tables are (`sql`), how a page looks (`report`).

mod capped;
mod door;
pub mod http;
pub mod pg;
mod rows;
mod session;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::Semaphore;

use crate::job::Job;
use crate::publish::Home;
use crate::sql::calls::Models;
use crate::sql::guard::Rights;
use crate::sql::{Settings, SqlError};
pub use door::{Door, Password, may_bind};
pub use rows::Asked;
use session::{Seat, Session};

/// What one who asks may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time of a statement, from its arrival to its last row.
    pub statement: Duration,
    /// Rows of an answer.
    pub rows: usize,
    /// Connections and queries at once.
    pub connections: usize,
    /// Threads of a query.
    pub threads: usize,
    /// Memory of all queries together, in bytes; each connection has its equal share.
    pub memory: u64,
    /// Temporary files of all queries together, in bytes; shared likewise.
    pub temp: u64,
}

/// The least memory of a session, in bytes: with less, hardly a query with a sort begins.
pub const LEAST_MEMORY: u64 = 32 << 20;

/// Told of every statement that was asked.
pub type Log = Arc<dyn Fn(&Asked) + Send + Sync>;

/// A job that is served.
pub struct Served {
    job: Job,
    home: Home,
    as_of: Option<Date>,
    run: Option<String>,
    models: Models,
    limits: Limits,
    password: Option<Password>,
    log: Log,
    /// One permit for each connection.
    seats: Arc<Semaphore>,
}

impl Served {
    /// A job to serve. `as_of` and `run` are those of [`Settings`]; without them every new session follows the published run.
    ///
    /// # Errors
    /// [`SqlError`] when the job's queries do not parse or the run does not exist.
    pub fn new(
        job: Job,
        home: Home,
        (as_of, run): (Option<Date>, Option<String>),
        models: Models,
        limits: Limits,
        password: Option<Password>,
        log: Log,
    ) -> Result<Self, SqlError> {
        let seats = Arc::new(Semaphore::new(limits.connections));
        let served = Self { job, home, as_of, run, models, limits, password, log, seats };
        // A job that cannot be opened is told now, not to the first who connects.
        served.session(None).map(drop)?;
        Ok(served)
    }

    /// A session of its own for one who asks; `seat` is its place until the last of its work has ended.
    fn session(&self, seat: Option<Seat>) -> Result<Session, SqlError> {
        let share = |all: u64| all / self.limits.connections as u64;
        let settings = Settings {
            as_of: self.as_of,
            run: self.run.clone(),
            params: Vec::new(),
            threads: self.limits.threads,
            memory: share(self.limits.memory),
            temp: share(self.limits.temp),
            rights: Rights::Read,
        };
        Session::open(self.job.clone(), self.home.clone(), settings, Arc::clone(&self.models), seat)
    }

    /// A place among those who ask; `None` when all are taken.
    fn seat(&self) -> Option<Seat> {
        Arc::clone(&self.seats).try_acquire_owned().ok().map(Arc::new)
    }
}
