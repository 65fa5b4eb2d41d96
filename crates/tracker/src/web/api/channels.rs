//! Channels and their revisions.

use std::sync::Arc;

use axum::extract::State;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::ask::Query;
use super::operation::{Answer, Operation, Parameter};
use super::problem::Kind;
use super::shape::shape;
use super::{Route, answer};
use crate::store::read::recent_first;
use crate::web::error::Error;
use crate::web::respond::{Asked, Segments, blocking};
use crate::web::site::Site;

shape! {
    /// A channel.
    struct Channel {
        /// nixos-unstable.
        name: String,
        /// Revision of nixpkgs; null where no package set was taken yet.
        revision: Option<String>,
        /// When it was taken: seconds since 1970.
        taken_at: Option<i64>,
        /// Attributes in its package set.
        packages: u64,
        /// Packages with a homepage or description.
        with_meta: u64,
        /// Packages whose patches are known.
        with_derivation: u64,
        /// When it was matched last: seconds since 1970.
        matched_at: Option<i64>,
        /// Whether the verdicts are about an older package set than the current one.
        stale: bool,
        /// Findings by verdict and severity.
        counts: Vec<Count>,
    }
}

shape! {
    /// How many findings of a channel have this verdict and severity.
    struct Count {
        /// The verdict.
        verdict: Verdict,
        /// The severity of the vulnerability.
        severity: Severity,
        /// Pairs of a vulnerability and a package.
        count: u64,
    }
}

shape! {
    /// All channels.
    struct Channels {
        /// The most recent first.
        items: Vec<Channel>,
    }
}

shape! {
    /// The revisions that are kept of a channel.
    struct Revisions {
        /// The newest first.
        items: Vec<Revision>,
    }
}

shape! {
    /// A revision of a channel. Revisions with the same packages are one.
    struct Revision {
        /// The last one seen with these packages.
        revision: String,
        /// The first one seen with them.
        first_revision: String,
        /// When that one was taken: seconds since 1970.
        first_at: i64,
    }
}

impl From<crate::store::read::Channel> for Channel {
    fn from(channel: crate::store::read::Channel) -> Self {
        let count = |count: crate::store::read::Count| Count {
            verdict: count.verdict,
            severity: count.severity,
            count: count.count,
        };
        Self {
            name: channel.name,
            revision: channel.revision,
            taken_at: channel.taken_at,
            packages: channel.packages,
            with_meta: channel.with_meta,
            with_derivation: channel.with_derivation,
            matched_at: channel.matched_at,
            stale: channel.stale,
            counts: channel.counts.into_iter().map(count).collect(),
        }
    }
}

/// A channel that was named must be one that there is.
pub fn known(site: &Site, name: Option<&str>) -> Result<(), Error> {
    match name {
        Some(name) => find(site, name).map(drop),
        None => Ok(()),
    }
}

fn find(site: &Site, name: &str) -> Result<crate::store::read::Channel, Error> {
    let mut channels = site.store().channels()?.into_iter();
    channels.find(|channel| channel.name == name).ok_or_else(|| Error::NotFound {
        what: format!("there is no channel {:?} here", name.chars().take(60).collect::<String>()),
    })
}

/// `GET /api/v1/channels`
pub fn list() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/channels",
        id: "listChannels",
        group: "Channels",
        summary: "All channels",
        words: "With their revisions, and how much was found in each.",
        parameters: vec![],
        body: None,
        answer: Answer::json::<Channels>("The channels."),
        problems: &[],
    };
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        let mut channels = blocking(move || Ok(site.store().channels()?)).await?;
        channels.sort_by(|a, b| recent_first(&a.name, &b.name));
        answer::json(&Channels {
            items: channels.into_iter().map(Channel::from).collect(),
        })
    })
}

/// `GET /api/v1/channels/{name}`
pub fn one() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/channels/{name}",
        id: "getChannel",
        group: "Channels",
        summary: "One channel",
        words: "Its revision, and how much was found in it.",
        parameters: vec![Parameter::segment("name", "nixos-unstable.")],
        body: None,
        answer: Answer::json::<Channel>("The channel."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        |State(site): State<Arc<Site>>, Segments(name): Segments<String>, asked: Asked| async move {
            Query::of(asked.uri(), &[])?;
            answer::json(&Channel::from(blocking(move || find(&site, &name)).await?))
        },
    )
}

/// `GET /api/v1/channels/{name}/revisions`
pub fn revisions() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/channels/{name}/revisions",
        id: "listRevisions",
        group: "Channels",
        summary: "The revisions of a channel",
        words: "Those that are kept. Pages and suggestions speak of the newest one.",
        parameters: vec![Parameter::segment("name", "nixos-unstable.")],
        body: None,
        answer: Answer::json::<Revisions>("The revisions."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        |State(site): State<Arc<Site>>, Segments(name): Segments<String>, asked: Asked| async move {
            Query::of(asked.uri(), &[])?;
            let kept = blocking(move || {
                known(&site, Some(&name))?;
                Ok(site.store().revisions(&name)?)
            });
            let revision = |kept: crate::store::result::KeptRevision| Revision {
                revision: kept.revision,
                first_revision: kept.first_revision,
                first_at: kept.first_at,
            };
            answer::json(&Revisions {
                items: kept.await?.into_iter().map(revision).collect(),
            })
        },
    )
}
