//! The server: pages at once, jobs in the background.

mod patient;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use std::{io, thread};

use crate::jobs::{Crew, Shop, WorkerError};
use crate::parallel::in_the_background;
use crate::state::AppState;
use crate::web;
use patient::Patient;
pub use patient::Peer;

/// Between two looks at whether a snapshot is to be made.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Pages that are made at the same time; others wait. Each holds a connection to the database with its own memory.
const PAGES_AT_ONCE: usize = 16;

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
        let crew = Crew::start(shop).map_err(ServeError::Work)?;
        let (end, ended) = channel::<()>();
        let shared = state.clone();
        thread::Builder::new()
            .name("snapshot".into())
            .spawn(move || {
                in_the_background();
                publish(&shared, &ended);
            })
            .map_err(ServeError::Start)?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(ServeError::Start)?;
            let asked = asked_to_end().map_err(ServeError::Start)?;
            let (ending, ended) = tokio::sync::oneshot::channel();
            let graceful = async move {
                asked.await;
                // Nobody listens where serving ended by itself.
                let _ = ending.send(());
            };
            let grace = state.service.limits.grace;
            let server = serve(listener, state, graceful);
            let too_long = async {
                // Without an end there is nothing to wait for.
                if ended.await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(grace).await;
            };
            tokio::select! {
                served = server => served.map_err(ServeError::Serve),
                () = too_long => Ok(()),
            }
        });
        drop(end);
        crew.disband();
        runtime.shutdown_timeout(Duration::from_millis(200));
        served
    }
}

/// Answers requests until `end`, and then those that are under way.
pub async fn serve(listener: tokio::net::TcpListener, state: AppState, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let limits = &state.service.limits;
    let listener = Patient::new(listener, limits, &state.service.server);
    let service = web::router(state).into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, service).with_graceful_shutdown(end).await
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

/// Makes a snapshot after each match, until nobody waits for it any more. The file is this machine's, not the database's: no job.
fn publish(state: &AppState, ended: &Receiver<()>) {
    let Some(shelf) = &state.service.snapshot else { return };
    let mut failing = false;
    loop {
        match shelf.renew(&*state.store) {
            Ok(Some(serial)) => tracing::info!(snapshot.serial = serial, "snapshot.published"),
            Ok(None) => failing = false,
            // Said once.
            Err(e) if !failing => {
                tracing::error!(error = crate::ingest::records::chain(&e), "snapshot.failed");
                failing = true;
            }
            Err(_) => {}
        }
        if ended.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
