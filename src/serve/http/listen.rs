//! Connections of browsers: so many at once, each for as long as something moves.
//!
//! In: a listener. Out: the same for axum, with a limit on open connections and a time after which a silent one is closed, so that nobody
//! takes all of them by saying nothing, or keeps a file by not reading it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Open connections, at most.
const CONNECTIONS: usize = 256;

/// The listener.
pub(super) struct Guarded {
    inner: TcpListener,
    places: Arc<Semaphore>,
    silence: Duration,
}

impl Guarded {
    /// `silence` is how long a connection may stand still.
    pub(super) fn new(inner: TcpListener, silence: Duration) -> Self {
        Self { inner, places: Arc::new(Semaphore::new(CONNECTIONS)), silence }
    }
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return std::future::pending().await };
            match self.inner.accept().await {
                Ok((stream, peer)) => {
                    return (Connection { stream, silence: self.silence, still: Box::pin(sleep(self.silence)), _place: place }, peer);
                }
                // What fails is one connection, or there are no more file handles: others go on.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    silence: Duration,
    /// Ends when it has stood still for too long.
    still: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// What was polled, or that too long nothing has moved.
    fn moved<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let until = Instant::now() + self.silence;
            self.still.as_mut().reset(until);
            return polled;
        }
        match self.still.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.moved(polled, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.moved(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
