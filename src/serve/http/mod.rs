//! A page for a browser: reports of the nights, a question in SQL, its answer as table, chart and file.
//!
//! In: requests. Out: pages of `report::desk`, files, reports as they lie in the reports folder. Every question has a session of its
//! own and sees the run that is published when it is asked. Not here: how a page looks (`report`).

mod files;
mod listen;
mod question;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::serve::IncomingStream;
use axum::{Router, serve};
use tokio::net::TcpListener;

use super::door::is_local;
use super::{Door, Served};
use listen::Guarded;

/// The server.
pub struct Server {
    listener: TcpListener,
    served: Arc<Served>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Door`] when the address cannot be had, or needs a password.
    pub async fn bind(address: SocketAddr, served: Arc<Served>) -> Result<Self, Door> {
        super::may_bind(address, served.password.as_ref())?;
        let listener = TcpListener::bind(address).await.map_err(|error| Door::Taken(address, error))?;
        Ok(Self { listener, served })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    ///
    /// # Errors
    /// The system's.
    pub async fn serve(self) -> std::io::Result<()> {
        let limit = self.served.limits.statement;
        let routes = Router::new()
            .route("/", get(question::page))
            // Browsers ask for one; there is none.
            .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
            .route("/{answer}", get(question::file))
            .route("/reports/", get(files::index))
            .route("/reports/{*path}", get(files::report))
            .layer(middleware::from_fn_with_state(Arc::clone(&self.served), admit))
            .with_state(self.served);
        // While a question runs its connection stands still; then as long again for whoever reads the answer.
        let silence = limit + SILENCE;
        serve(Guarded::new(self.listener, silence), routes.into_make_service_with_connect_info::<Peer>()).await
    }
}

/// How long a connection may stand still beside the time of a statement.
const SILENCE: Duration = Duration::from_secs(30);

/// Lets a request in, or not, and says to the browser what it may do with the answer.
async fn admit(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&served, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(served: &Served, request: &Request) -> Option<Response> {
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    match &served.password {
        Some(password) if !password.opens(text(AUTHORIZATION)) => {
            let ask = [(WWW_AUTHENTICATE, "Basic realm=\"polytask\", charset=\"UTF-8\"")];
            return Some((StatusCode::UNAUTHORIZED, ask, "a password is needed; any user name will do\n").into_response());
        }
        // Without a password, a page of another name that points here must not ask in the reader's name.
        None if !is_local(text(HOST)) => {
            let told = "this server answers under a name of its own machine only: http://127.0.0.1\n";
            return Some((StatusCode::FORBIDDEN, told).into_response());
        }
        _ => {}
    }
    // Another site may link to a question; it may not ask one behind the reader's back.
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let mode = request.headers().get("sec-fetch-mode").and_then(|value| value.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) && mode != Some("navigate") {
        return Some((StatusCode::FORBIDDEN, "another site's page may link here, not ask here\n").into_response());
    }
    None
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        Self(*stream.remote_addr())
    }
}
