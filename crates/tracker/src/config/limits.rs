//! How much one client gets.

use std::time::Duration;

use super::{ConfigError, Given, Key, Section, Size, Span};

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "limits",
    about: "How much one client gets. Clients on the machine itself are not counted unless `limits.loopback` says so; behind a proxy that `server.proxies` names the client is the one that the proxy tells of",
    keys: &[
        Key::new(
            "limits.reads_per_minute",
            "1200",
            "Pages and reads of the API a minute from one address (IPv6: from one /64); 0 for any number",
        ),
        Key::new(
            "limits.checks_per_minute",
            "60",
            "Lists of packages to check a minute from one address; 0 for any number",
        ),
        Key::new("limits.loopback", "false", "Whether clients on the machine itself are counted too"),
        Key::new("limits.connections", "1024", "Connections at a time; further ones wait"),
        Key::new(
            "limits.connections_per_client",
            "64",
            "Connections at a time from one address, and requests under way of one client behind a trusted proxy; further ones are refused. Proxies that `server.proxies` names may have any number of connections",
        ),
        Key::new("limits.body", "8 MiB", "The largest body that is read"),
        Key::new("limits.answer", "30 s", "After so long a request is given up"),
        Key::new(
            "limits.idle",
            "60 s",
            "After so long a connection is closed on which no request came to its end, or in which less than 32 KiB of an answer that waits were taken",
        ),
        Key::new(
            "limits.grace",
            "5 s",
            "How long requests that are under way may take when the server is asked to end",
        ),
    ],
};

/// How much one client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pages and reads a minute; `None` for any number.
    pub reads_per_minute: Option<u32>,
    /// Lists of packages to check a minute; `None` for any number.
    pub checks_per_minute: Option<u32>,
    /// Whether clients on the machine itself are counted too.
    pub loopback: bool,
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one client at a time.
    pub connections_per_client: usize,
    /// Bytes of a body.
    pub body: usize,
    /// After so long a request is given up.
    pub answer: Duration,
    /// After so long without progress a connection is closed.
    pub idle: Duration,
    /// How long requests may take when the server ends.
    pub grace: Duration,
}

impl Limits {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        let rate = |name| given.value::<u32>(name).map(|rate| (rate > 0).then_some(rate));
        Ok(Self {
            reads_per_minute: rate("limits.reads_per_minute")?,
            checks_per_minute: rate("limits.checks_per_minute")?,
            loopback: given.value("limits.loopback")?,
            connections: given.value::<usize>("limits.connections")?.clamp(1, 1 << 16),
            connections_per_client: given.value::<usize>("limits.connections_per_client")?.max(1),
            body: usize::try_from(given.value::<Size>("limits.body")?.0).unwrap_or(usize::MAX),
            answer: given.value::<Span>("limits.answer")?.0,
            idle: given.value::<Span>("limits.idle")?.0,
            grace: given.value::<Span>("limits.grace")?.0,
        })
    }
}
