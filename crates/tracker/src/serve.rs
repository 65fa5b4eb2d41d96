//! The server: pages at once, jobs in the background.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::jobs::{Crew, Shop, WorkerError};
use crate::state::AppState;
use crate::store::StoreError;
use crate::web;

/// Pages that are made at the same time; others wait. Each holds a connection to the database with its own memory.
const PAGES_AT_ONCE: usize = 16;

/// How long requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("listen on {address}")]
    Listen {
        /// As given.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The threads that answer.
    #[error("start to serve")]
    Start(#[source] io::Error),
    /// The jobs.
    #[error("start to work")]
    Work(#[source] WorkerError),
    /// The jobs that are done again and again.
    #[error("ask for what is to be done")]
    Jobs(#[source] StoreError),
    /// While serving.
    #[error("serve")]
    Serve(#[source] io::Error),
}

/// An address that is ours, before anything else is done.
pub struct Bound {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the address.
    pub fn new(address: SocketAddr) -> Result<Self, ServeError> {
        let bind = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind().map_err(|source| ServeError::Listen { address, source })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is asked to end. Then answers under way are finished, and jobs under way are finished or given back.
    pub fn serve(self, state: AppState, shop: Shop) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(PAGES_AT_ONCE)
            .enable_all()
            .build()
            .map_err(ServeError::Start)?;
        shop.open().map_err(ServeError::Jobs)?;
        let crew = Crew::start(shop).map_err(ServeError::Work)?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(ServeError::Start)?;
            let asked = asked_to_end().map_err(ServeError::Start)?;
            let (ending, ended) = tokio::sync::oneshot::channel();
            let graceful = async move {
                asked.await;
                // Nobody listens where serving ended by itself.
                let _ = ending.send(());
            };
            let server = axum::serve(listener, web::router(state)).with_graceful_shutdown(graceful);
            let too_long = async {
                // Without an end there is nothing to wait for.
                if ended.await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                served = server.into_future() => served.map_err(ServeError::Serve),
                () = too_long => Ok(()),
            }
        });
        crew.disband();
        runtime.shutdown_timeout(Duration::from_millis(200));
        served
    }
}

/// Resolves when the process is asked to end.
fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
