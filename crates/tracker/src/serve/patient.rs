//! Connections that are given up where nothing moves: slow clients must not hold what others wait for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use crate::config::{Limits, Server};
use crate::web::limit::{self, Crowd, Guest};

/// Listens, and takes only so many connections at a time.
pub struct Patient {
    listener: TcpListener,
    free: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    limits: Limits,
    server: Server,
}

impl Patient {
    /// Wraps a listener.
    pub fn new(listener: TcpListener, limits: &Limits, server: &Server) -> Self {
        Self {
            listener,
            free: Arc::new(Semaphore::new(limits.connections)),
            crowd: Crowd::new(limits.connections_per_client),
            limits: limits.clone(),
            server: server.clone(),
        }
    }
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Never closed: it fails only where it is.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, peer, guest) = loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if limit::is_exempt(peer.ip(), &self.server, &self.limits) {
                break (stream, peer, None);
            }
            // Closed at once where the client has as many as it may.
            if let Some(guest) = self.crowd.enter(peer.ip()) {
                break (stream, peer, Some(guest));
            }
        };
        let patience = self.limits.idle;
        // It only costs time where it fails.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stream,
            patience,
            timer: Box::pin(sleep(patience)),
            is_behind: false,
            taken: 0,
            _permit: permit,
            _guest: guest,
        };
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Patient>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Patient>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Bytes that a client which is behind has to take within the time that it has.
const LEAST: usize = 32 << 10;

/// A connection with a deadline: from one answer's last byte to the next one's first, and from some bytes of an answer that are taken to the
/// next. A client that sends its request, or takes its answer, byte by byte gains nothing by that.
pub struct Connection {
    stream: TcpStream,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// It did not take what it was sent at once, and not enough since.
    is_behind: bool,
    /// Bytes that it took since its time began.
    taken: usize,
    _permit: Option<OwnedSemaphorePermit>,
    _guest: Option<Guest>,
}

impl Connection {
    /// The time begins anew.
    fn moved(&mut self) {
        let deadline = Instant::now() + self.patience;
        self.taken = 0;
        self.timer.as_mut().reset(deadline);
    }

    /// Nothing moves: an error once the time is over.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn wrote(&mut self, context: &mut Context<'_>, done: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match done {
            Poll::Ready(done) => {
                self.taken = self.taken.saturating_add(*done.as_ref().unwrap_or(&0));
                if !self.is_behind || self.taken >= LEAST {
                    self.moved();
                    self.is_behind = false;
                }
                Poll::Ready(done)
            }
            Poll::Pending => {
                if !self.is_behind {
                    self.moved();
                    self.is_behind = true;
                }
                self.wait(context)
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => self.wait(context),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, done)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(context);
        // All that there was to send is taken: what comes next has its own time.
        if self.is_behind && matches!(done, Poll::Ready(Ok(()))) {
            self.moved();
            self.is_behind = false;
        }
        done
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
