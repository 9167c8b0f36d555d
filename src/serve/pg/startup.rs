//! How a connection begins: SCRAM-SHA-256 where there is a password, a place or none, what the server says of itself.
//!
//! In: the client's first messages. Out: a connection that may ask, or a refusal. Any user name is taken: there is one right, to read.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password as Salted, StartupHandler, noop::NoopStartupHandler,
};
use datafusion_postgres::pgwire::api::{ClientInfo, ConnectionManager};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::ParameterStatus;
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::{Sink, SinkExt as _};

use crate::serve::Password;

/// The version of PostgreSQL whose catalog and protocol clients are to expect.
pub(super) const VERSION: &str = "16.6";

/// Bytes of salt.
const SALT: usize = 16;

/// The beginning of one connection.
pub(super) struct Startup {
    scram: Option<SASLAuthStartupHandler<DefaultServerParameterProvider>>,
    open: Open,
    /// Whether there is a place for it.
    seated: bool,
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
    pub(super) fn new(password: Option<&Password>, connections: Arc<ConnectionManager>, seated: bool) -> Self {
        let scram = password.map(|password| {
            let mut said = DefaultServerParameterProvider::default();
            VERSION.clone_into(&mut said.server_version);
            said.is_superuser = false;
            said.default_transaction_read_only = true;
            SASLAuthStartupHandler::new(Arc::new(said))
                .with_scram(ScramAuth::new(Arc::new(Known(password.clone()))))
                .with_connection_manager(Arc::clone(&connections))
        });
        Self { scram, open: Open { connections }, seated }
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
        if !self.seated {
            let mut full = ErrorInfo::new("FATAL".to_owned(), "53300".to_owned(), "all connections are taken".to_owned());
            full.hint = Some("close one, or start the server with more `--connections`".to_owned());
            return Err(PgWireError::UserError(Box::new(full)));
        }
        match &self.scram {
            Some(scram) => scram.on_startup(client, message).await,
            None => self.open.on_startup(client, message).await,
        }
    }
}
