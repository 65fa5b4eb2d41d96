//! What the parts of a running server share.

use std::sync::Arc;

use crate::config::{Config, ConfigError, Given, Limits, Server};
use crate::progress::Progress;
use crate::snapshot::Shelf;
use crate::store::Store;

/// Shared by the pages and the background work. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub store: Arc<dyn Store>,
    /// What the background work is doing: pages say so while data is still coming in.
    pub progress: Arc<Progress>,
    /// How to serve.
    pub service: Arc<Service>,
}

/// How to serve.
#[derive(Debug)]
pub struct Service {
    /// Where.
    pub server: Server,
    /// How much one client gets.
    pub limits: Limits,
    /// The snapshot that is published; `None` where none is.
    pub snapshot: Option<Shelf>,
}

impl Service {
    /// What holds where nothing is configured, without a snapshot.
    pub fn plain() -> Result<Self, ConfigError> {
        let given = Given::default();
        Ok(Self {
            server: Server::read(&given)?,
            limits: Limits::read(&given)?,
            snapshot: None,
        })
    }
}

impl From<Config> for Service {
    fn from(config: Config) -> Self {
        let key = config.snapshot.key;
        Self {
            server: config.server,
            limits: config.limits,
            snapshot: config.snapshot.folder.map(|folder| Shelf::new(folder, key)),
        }
    }
}
