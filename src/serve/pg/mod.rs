//! PostgreSQL's protocol: psql, DBeaver, Metabase, pandas and whatever else speaks it.
//!
//! In: connections. Out: answers of [`Served`], each connection in a session of its own, opened with its first statement. The
//! protocol is pgwire's, types on the wire are arrow-pg's, `pg_catalog` is datafusion-pg-catalog's. Not here: which statements may
//! run (`sql::guard`, and for what belongs to the protocol `manner`).

mod absent;
mod answer;
mod catalog;
mod connection;
mod functions;
mod manner;
mod startup;
mod statement;
mod values;

use std::net::SocketAddr;
use std::sync::Arc;

use datafusion_postgres::pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{ConnectionManager, PgWireServerHandlers, auth::StartupHandler};
use datafusion_postgres::pgwire::tokio::process_socket;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{Door, Served};
use catalog::System;
use connection::Connection;
use startup::{Pass, Startup};

/// The server.
pub struct Server {
    listener: TcpListener,
    served: Arc<Served>,
    system: Arc<System>,
    connections: Arc<ConnectionManager>,
    /// Places of those who have not been let in yet.
    waiting: Arc<Semaphore>,
}

/// Connections that may wait to be let in.
const WAITING: usize = 64;

/// What a connection is handled by.
struct Handlers {
    startup: Arc<Startup>,
    connection: Arc<Connection>,
    cancel: Arc<DefaultCancelHandler>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Door`] when the address cannot be had, or needs a password.
    pub async fn bind(address: SocketAddr, served: Arc<Served>) -> Result<Self, Door> {
        super::may_bind(address, served.password.as_ref())?;
        let listener = TcpListener::bind(address).await.map_err(|error| Door::Taken(address, error))?;
        let system = Arc::new(System::new(Arc::clone(&served)));
        Ok(Self { listener, served, system, connections: Arc::new(ConnectionManager::new()), waiting: Arc::new(Semaphore::new(WAITING)) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub async fn serve(self) -> std::convert::Infallible {
        loop {
            // What fails is one connection (or there are no more file handles): others go on.
            let Ok((socket, peer)) = self.listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            // Too many who say nothing: one more is not listened to.
            let Ok(waiting) = Arc::clone(&self.waiting).try_acquire_owned() else { continue };
            let pass = Pass::default();
            let handlers = Handlers {
                startup: Arc::new(Startup::new(Arc::clone(&self.served), Arc::clone(&self.connections), pass.clone(), waiting)),
                connection: Arc::new(Connection::new(Arc::clone(&self.served), Arc::clone(&self.system), pass, peer)),
                cancel: Arc::new(DefaultCancelHandler::new(Arc::clone(&self.connections))),
            };
            tokio::spawn(async move {
                // A client that has gone, or does not speak the protocol, is nobody's error.
                let _ = process_socket(socket, None, Arc::new(handlers)).await;
            });
        }
    }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.connection)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.connection)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.startup)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.cancel)
    }
}
