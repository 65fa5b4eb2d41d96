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

/// Listens, and takes only so many connections at a time.
pub struct Patient {
    listener: TcpListener,
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Patient {
    /// Wraps a listener.
    pub fn new(listener: TcpListener, connections: usize, patience: Duration) -> Self {
        Self {
            listener,
            free: Arc::new(Semaphore::new(connections)),
            patience,
        }
    }
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Never closed: it fails only where it is.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // It only costs time where it fails.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            stream,
            patience: self.patience,
            timer: Box::pin(sleep(self.patience)),
            is_writing: false,
            _permit: permit,
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

/// A connection with a deadline: from one answer's last byte to the next one's first, and from one byte of an answer that is taken to the
/// next. A client that sends its request byte by byte gains nothing by that.
pub struct Connection {
    stream: TcpStream,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    is_writing: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// The time begins anew.
    fn moved(&mut self) {
        let deadline = Instant::now() + self.patience;
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
                self.moved();
                self.is_writing = false;
                Poll::Ready(done)
            }
            Poll::Pending => {
                if !self.is_writing {
                    self.moved();
                    self.is_writing = true;
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
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
