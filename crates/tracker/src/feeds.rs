//! Where feeds come from: the upstream servers, or a mirror that holds the same files, one folder a source.

pub(crate) mod listing;
pub(crate) mod releases;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use vuln::advisory::Source;

use crate::config;
use crate::fetch::{FetchError, Fetcher};
use crate::store::{Store, StoreError};
pub use listing::encode;
pub use upstream::Upstream;

/// The feeds, in the order in which they are taken: the vulnerabilities first, so that there is something to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// CVE, NVD, OSV.
    Records(Source),
    /// Known exploited vulnerabilities.
    Kev,
    /// Exploit prediction scores.
    Epss,
    /// Package sets.
    Nixpkgs,
}

impl Feed {
    /// All feeds.
    pub const ALL: [Feed; 6] = [
        Feed::Records(Source::Cve),
        Feed::Records(Source::Nvd),
        Feed::Records(Source::Osv),
        Feed::Kev,
        Feed::Epss,
        Feed::Nixpkgs,
    ];

    /// The source's name in our books.
    pub fn name(self) -> &'static str {
        match self {
            Feed::Records(source) => source.name(),
            Feed::Kev => "kev",
            Feed::Epss => "epss",
            Feed::Nixpkgs => "nixpkgs",
        }
    }

    /// The feed of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// The folder of a mirror.
    pub fn folder(self) -> &'static str {
        match self {
            Feed::Records(Source::Cve) => "cvelistV5",
            Feed::Nixpkgs => "channels",
            _ => self.name(),
        }
    }
}

/// Where feeds come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A folder.
    Folder(PathBuf),
    /// A server that holds such a folder.
    Server(String),
    /// The upstream servers.
    Upstream(Box<Upstream>),
}

/// A file on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name in our books: `nvd/nvdcve-2.0-2020.json.gz`.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Whether it may be missing: then nothing is said.
    pub is_optional: bool,
}

/// Why the files of a feed cannot be named.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The listing.
    #[error("list the files of the feed")]
    Fetch(#[source] FetchError),
    /// The listing is not what it was.
    #[error("read the list of files at {url}: {message}")]
    Shape {
        /// Of the listing.
        url: String,
        /// What is wrong.
        message: String,
    },
    /// The store.
    #[error("look up what was taken")]
    Store(#[source] StoreError),
}

impl ListError {
    /// How long the server asks to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Fetch(e) => e.wait(),
            _ => None,
        }
    }
}

impl Origin {
    /// The origin that the configuration names.
    pub fn from_config(config: &config::Feeds) -> Self {
        match config.mirror.as_deref() {
            None => Origin::Upstream(Box::new(config.upstream.clone())),
            Some(url) if is_url(url) => Origin::Server(url.trim_end_matches('/').to_owned()),
            Some(folder) => Origin::Folder(Path::new(folder).to_owned()),
        }
    }

    /// The files of a feed that may be new; of a folder none, as it can be looked at.
    pub fn files(&self, feed: Feed, fetcher: &Fetcher, store: &dyn Store) -> Result<Vec<RemoteFile>, ListError> {
        match self {
            Origin::Folder(_) => Ok(Vec::new()),
            Origin::Server(url) => listing::files(url, feed, fetcher).map_err(ListError::Fetch),
            Origin::Upstream(upstream) => upstream.files(feed, fetcher, store),
        }
    }
}

/// Whether a text is an address, not a path.
pub fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}
