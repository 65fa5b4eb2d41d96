//! Where pages are served.

use std::net::SocketAddr;

use super::{ConfigError, Given, Key, Section};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "server",
    about: "Where pages are served",
    keys: &[Key::new("server.listen", "127.0.0.1:8080", "Address and port to listen on").flag("--listen")],
};

/// Where pages are served.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address.
    pub listen: SocketAddr,
}

impl Server {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: given.value("server.listen")?,
        })
    }
}
