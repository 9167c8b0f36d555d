//! `polytask serve`: a job for PostgreSQL clients and browsers, until it is stopped.
//!
//! In: addresses and limits. Out: where it listens, on stdout; a line for each statement, on stderr. Sessions, protocols and pages
//! are `crate::serve`'s.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::civil::Date;

use super::{Failure, PlaceArgs, QueryArgs, asked_to_leave, console};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::serve::{Asked, LEAST_MEMORY, Limits, Password, Served, http, pg};

/// The variable that holds the password.
const PASSWORD: &str = "POLYTASK_SERVE_PASSWORD";
/// Characters of a statement in the log.
const SHOWN: usize = 300;

/// Arguments of `polytask serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask serve queries/marketplace                               a page on http://127.0.0.1:8080\n  \
                        polytask serve queries/marketplace --pg 127.0.0.1:5433           then: psql -h 127.0.0.1 -p 5433 polytask\n  \
                        POLYTASK_SERVE_PASSWORD=… polytask serve queries/marketplace --pg 0.0.0.0:5433 --http 0.0.0.0:8080\n\n\
                        Everybody reads and nobody writes; each connection has its own session, memory and threads.\n\
                        The password is read from POLYTASK_SERVE_PASSWORD: SCRAM-SHA-256 for PostgreSQL clients, Basic for browsers,\n\
                        with any user name. Without it only this machine's own addresses are listened on. Nothing is encrypted:\n\
                        beyond one machine, put a proxy with TLS, or an SSH tunnel, before it. Ctrl-C or SIGTERM stops it.")]
pub(super) struct ServeArgs {
    /// Folder of the job
    job: PathBuf,
    /// Address for PostgreSQL clients, for example 127.0.0.1:5433; port 0 is any free one
    #[arg(long, value_name = "ADDRESS")]
    pg: Option<SocketAddr>,
    /// Address for browsers [default: 127.0.0.1:8080 where --pg is not given]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Time of a statement until its last row, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..=86400))]
    statement_timeout: u32,
    /// Rows of an answer, at most
    #[arg(long, value_name = "N", default_value = "5000000", value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Connections and questions at once, at most; each has an equal share of --memory and --temp
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=512))]
    connections: u16,
    /// Date of features and outcomes, YYYY-MM-DD [default: that of the current run]
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// What `current` means: a run's id, or how it begins [default: the run that is published when a session begins]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    machine: QueryArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &ServeArgs) -> Result<Ending, Failure> {
    let password = std::env::var(PASSWORD).ok().filter(|text| !text.is_empty());
    let password = password.map(|text| Password::new(PASSWORD, text)).transpose()?;
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let limits = Limits {
        statement: Duration::from_secs(u64::from(args.statement_timeout)),
        rows: args.rows as usize,
        connections: usize::from(args.connections),
        threads: args.machine.threads(),
        memory: args.machine.memory,
        temp: args.machine.temp,
    };
    if limits.memory / limits.connections as u64 <= LEAST_MEMORY {
        let message = format!(
            "{} connections leave each of them {} MB of memory",
            limits.connections,
            limits.memory / 1_000_000 / limits.connections as u64
        );
        return Err(Failure::usage(message, "allow fewer `--connections`, or give more `--memory`: at least 34 MB for each"));
    }
    let of = (args.as_of, args.run.clone());
    let served = Arc::new(Served::new(job, home, of, super::sql::models(), limits, password, Arc::new(tell))?);
    let internal = |error: std::io::Error| Failure { message: format!("failed to serve: {error}"), hint: None, ending: Ending::Io };
    // The servers' own threads: they wait, questions run elsewhere.
    let runtime = super::runtime(2)?;
    let http = args.http.or(if args.pg.is_none() { Some(SocketAddr::from(([127, 0, 0, 1], 8080))) } else { None });
    let ended = runtime.block_on(async {
        let pg = match args.pg {
            Some(address) => Some(pg::Server::bind(address, Arc::clone(&served)).await?),
            None => None,
        };
        let http = match http {
            Some(address) => Some(http::Server::bind(address, Arc::clone(&served)).await?),
            None => None,
        };
        if let Some(server) = &pg {
            console::say(&format!("postgresql://polytask@{}/polytask", server.address().map_err(internal)?));
        }
        if let Some(server) = &http {
            console::say(&format!("http://{}/", server.address().map_err(internal)?));
        }
        let pg = async {
            match pg {
                Some(server) => match server.serve().await {},
                None => std::future::pending().await,
            }
        };
        let http = async {
            match http {
                Some(server) => server.serve().await.map_err(internal),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = pg => ended,
            ended = http => ended,
            (signal, _) = asked_to_leave() => {
                console::tell(&format!("stopped by {signal}"));
                Ok(())
            }
        }
    });
    // Questions that still run are nobody's any more.
    runtime.shutdown_background();
    ended.map(|()| Ending::Published)
}

/// A statement in the log: when it ended, whose it was, how long it took, what became of it, what it was.
fn tell(asked: &Asked) {
    let now = jiff::Timestamp::now().strftime("%H:%M:%SZ").to_string();
    let told = asked
        .failure
        .as_ref()
        .map_or_else(|| format!("{} rows", asked.rows), |failure| format!("failed: {}", failure.lines().next().unwrap_or_default()));
    let line = format!("{now} {} {} {:.3} s, {told}: {}", asked.door, asked.peer, asked.seconds, asked.sql);
    // One line, whatever the statement holds.
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = line.chars().map(clean).take(SHOWN).collect();
    console::tell(&shown);
}
