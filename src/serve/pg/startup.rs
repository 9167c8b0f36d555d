//! How a connection begins: SCRAM-SHA-256 where there is a password, a place or none, what the server says of itself.
//!
//! In: the client's first messages. Out: a [`Pass`] without which nothing is asked, or a refusal. Any user name is taken: there is one
//! right, to read.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password as Salted, StartupHandler, noop::NoopStartupHandler,
};
use datafusion_postgres::pgwire::api::{ClientInfo, ConnectionManager, PgWireConnectionState};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::ParameterStatus;
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::{Sink, SinkExt as _};
use tokio::sync::OwnedSemaphorePermit;

use crate::serve::session::Seat;
use crate::serve::{Password, Served};

/// The version of PostgreSQL whose catalog and protocol clients are to expect.
pub(super) const VERSION: &str = "16.6";
/// The same as a number.
pub(super) const VERSION_NUMBER: &str = "160006";

/// Bytes of salt.
const SALT: usize = 16;

/// What a connection has once it has been let in: its place. The protocol's library goes on reading after a refusal; without a pass there
/// is nothing to answer with.
#[derive(Clone, Default)]
pub(super) struct Pass(Arc<OnceLock<Seat>>);

impl Pass {
    pub(super) fn seat(&self) -> Option<&Seat> {
        self.0.get()
    }
}

/// The beginning of one connection.
pub(super) struct Startup {
    scram: Option<SASLAuthStartupHandler<DefaultServerParameterProvider>>,
    open: Open,
    served: Arc<Served>,
    pass: Pass,
    /// A place among those who have not been let in yet; given back when they are.
    waiting: Mutex<Option<OwnedSemaphorePermit>>,
    /// Messages with parts of the password's proof.
    proofs: AtomicUsize,
}

/// Without a password.
struct Open {
    connections: Arc<ConnectionManager>,
}

#[async_trait]
impl NoopStartupHandler for Open {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(Arc::clone(&self.connections))
    }

    /// Says of the server what a connection with a password is told too.
    async fn post_startup<C>(&self, client: &mut C, _: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        for (name, value) in [("server_version", VERSION), ("is_superuser", "off"), ("default_transaction_read_only", "on")] {
            let said = ParameterStatus::new(name.to_owned(), value.to_owned());
            client.feed(PgWireBackendMessage::ParameterStatus(said)).await?;
        }
        Ok(())
    }
}

/// The one password, salted anew for each connection.
struct Known(Password);

impl Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

#[async_trait]
impl AuthSource for Known {
    async fn get_password(&self, _: &LoginInfo) -> PgWireResult<Salted> {
        let salt: [u8; SALT] = rand::random();
        Ok(Salted::new(Some(salt.to_vec()), gen_salted_password(self.0.text(), &salt, SCRAM_ITERATIONS)))
    }
}

impl Startup {
    pub(super) fn new(served: Arc<Served>, connections: Arc<ConnectionManager>, pass: Pass, waiting: OwnedSemaphorePermit) -> Self {
        let scram = served.password.as_ref().map(|password| {
            let mut said = DefaultServerParameterProvider::default();
            VERSION.clone_into(&mut said.server_version);
            said.is_superuser = false;
            said.default_transaction_read_only = true;
            SASLAuthStartupHandler::new(Arc::new(said))
                .with_scram(ScramAuth::new(Arc::new(Known(password.clone()))))
                .with_connection_manager(Arc::clone(&connections))
        });
        Self { scram, open: Open { connections }, served, pass, waiting: Mutex::new(Some(waiting)), proofs: AtomicUsize::new(0) }
    }

    /// Whether this message is the one after which the client is in, if it is right.
    fn is_last(&self, message: &PgWireFrontendMessage) -> bool {
        match message {
            PgWireFrontendMessage::Startup(_) => self.scram.is_none(),
            PgWireFrontendMessage::PasswordMessageFamily(_) => self.proofs.fetch_add(1, Ordering::Relaxed) == 1,
            _ => false,
        }
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let seat = if self.is_last(&message) {
            let Some(seat) = self.served.seat() else {
                let mut full = ErrorInfo::new("FATAL".to_owned(), "53300".to_owned(), "all connections are taken".to_owned());
                full.hint = Some("close one, or start the server with more `--connections`".to_owned());
                return Err(PgWireError::UserError(Box::new(full)));
            };
            Some(seat)
        } else {
            None
        };
        match &self.scram {
            Some(scram) => scram.on_startup(client, message).await?,
            None => self.open.on_startup(client, message).await?,
        }
        if let (Some(seat), PgWireConnectionState::ReadyForQuery) = (seat, client.state()) {
            let _ = self.pass.0.set(seat);
            drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        Ok(())
    }
}
