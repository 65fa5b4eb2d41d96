//! Packages: those of a channel, and one of them in all channels.

use std::sync::Arc;

use axum::extract::State;

use super::ask::{self, Query};
use super::operation::{Answer, Operation, Parameter};
use super::problem::Kind;
use super::shape::shape;
use super::vulnerabilities::PIECE;
use super::{Route, answer};
use crate::store::read::{ListedPackage, PackageIn, VersionSpan};
use crate::web::error::Error;
use crate::web::respond::{Asked, Segments, blocking};
use crate::web::site::Site;

shape! {
    /// A package of a channel: all attributes that are the same software in the same version with the same patches.
    struct Package {
        /// The most plain attribute.
        package: String,
        /// Package name.
        pname: String,
        /// Version.
        version: String,
        /// All attributes, sorted.
        attrs: Vec<String>,
    }
}

shape! {
    /// A piece of the list.
    struct PackagePage {
        /// By the name of the package.
        items: Vec<Package>,
        /// What to give as `after` for the next piece; null at the end.
        next: Option<String>,
    }
}

shape! {
    /// A package in every channel that has it.
    struct PackageDetail {
        /// The attribute that was asked for.
        attr: String,
        /// By name.
        channels: Vec<PackageInChannel>,
    }
}

shape! {
    /// A package in one channel.
    struct PackageInChannel {
        /// The channel.
        channel: String,
        /// The most plain attribute.
        package: String,
        /// Package name.
        pname: String,
        /// Version.
        version: String,
        /// Attributes of the package, at most a hundred.
        attrs: Vec<String>,
        /// How many it has.
        attr_count: u64,
        /// One line.
        description: Option<String>,
        /// Addresses.
        homepages: Vec<String>,
        /// Names of the patches that are applied, where they are known.
        patches: Vec<String>,
        /// What Nixpkgs itself says is wrong with it.
        known_vulnerabilities: Vec<String>,
        /// The versions that the channel had, the newest first.
        history: Vec<Span>,
    }
}

shape! {
    /// A version that a channel had for a time.
    struct Span {
        /// The version.
        version: String,
        /// The first revision with it.
        from: String,
        /// When that was taken: seconds since 1970.
        from_at: i64,
        /// The first revision without it; null while the channel has it.
        until: Option<String>,
        /// When that was taken: seconds since 1970.
        until_at: Option<i64>,
    }
}

impl From<ListedPackage> for Package {
    fn from(listed: ListedPackage) -> Self {
        Self {
            package: listed.name,
            pname: listed.pname,
            version: listed.version,
            attrs: listed.attrs,
        }
    }
}

impl From<PackageIn> for PackageInChannel {
    fn from(package: PackageIn) -> Self {
        let facts = package.facts.unwrap_or_default();
        Self {
            channel: package.channel,
            package: package.name,
            pname: package.pname,
            version: package.version,
            attrs: package.attrs,
            attr_count: package.attr_count,
            description: facts.description,
            homepages: facts.homepages,
            patches: facts.patches,
            known_vulnerabilities: facts.known_vulnerabilities,
            history: package.history.into_iter().map(Span::from).collect(),
        }
    }
}

impl From<VersionSpan> for Span {
    fn from(span: VersionSpan) -> Self {
        Self {
            version: span.version,
            from: span.from.revision,
            from_at: span.from.at,
            until_at: span.until.as_ref().map(|until| until.at),
            until: span.until.map(|until| until.revision),
        }
    }
}

/// The clusters that an attribute belongs to: (channel, name).
pub fn clusters(site: &Site, attr: &str) -> Result<Vec<(String, String)>, Error> {
    Ok(find(site, attr)?
        .into_iter()
        .map(|package| (package.channel, package.name))
        .collect())
}

fn find(site: &Site, attr: &str) -> Result<Vec<PackageIn>, Error> {
    let found = site.store().package(attr)?;
    if found.is_empty() {
        let attr = attr.chars().take(60).collect::<String>();
        return Err(Error::NotFound {
            what: format!("no matched channel has the attribute {attr:?}"),
        });
    }
    Ok(found)
}

fn piece(site: &Site, channel: &str, after: &str, limit: usize) -> Result<(Vec<Package>, Option<String>), Error> {
    let listed = site.store().listed_packages(channel, after, limit)?;
    let next = listed.last().map(|last| last.name.clone()).filter(|_| listed.len() == limit);
    Ok((listed.into_iter().map(Package::from).collect(), next))
}

fn parameters() -> Vec<Parameter> {
    vec![Parameter::segment("name", "nixos-unstable."), ask::after_name(), ask::limit()]
}

/// `GET /api/v1/channels/{name}/packages`
pub fn list() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/channels/{name}/packages",
        id: "listPackages",
        group: "Packages",
        summary: "The packages of a channel",
        words: "Those of its last match, by name.",
        parameters: parameters(),
        body: None,
        answer: Answer::json::<PackagePage>("A piece of the list."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        |State(site): State<Arc<Site>>, Segments(channel): Segments<String>, asked: Asked| async move {
            let query = Query::of(asked.uri(), &parameters())?;
            let (after, limit) = (query.name("after")?.unwrap_or_default(), query.limit()?);
            let found = blocking(move || {
                super::channels::known(&site, Some(&channel))?;
                piece(&site, &channel, &after, limit)
            });
            let (items, next) = found.await?;
            answer::json(&PackagePage { items, next })
        },
    )
}

/// `GET /api/v1/bulk/packages/{name}`
pub fn bulk() -> Route {
    let parameters = || vec![Parameter::segment("name", "nixos-unstable."), ask::after_name()];
    let operation = Operation {
        method: "get",
        path: "/api/v1/bulk/packages/{name}",
        id: "allPackages",
        group: "Bulk",
        summary: "All packages of a channel",
        words: "One line each, by name.",
        parameters: parameters(),
        body: None,
        answer: Answer::lines::<Package>("All that are behind the place."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        move |State(site): State<Arc<Site>>, Segments(channel): Segments<String>, asked: Asked| async move {
            let after = Query::of(asked.uri(), &parameters())?.name("after")?.unwrap_or_default();
            let (state, name) = (Arc::clone(&site), channel.clone());
            let marks = blocking(move || {
                super::channels::known(&state, Some(&name))?;
                Ok(state.store().marks()?)
            });
            let mark = marks.await?.into_iter().find(|mark| mark.channel == channel);
            let tag = crate::web::respond::tag(format!("{mark:?} {after}").as_bytes());
            answer::lines(&tag, after, move |at| piece(&site, &channel, &at, PIECE))
        },
    )
}

/// `GET /api/v1/packages/{attr}`
pub fn one() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/packages/{attr}",
        id: "getPackage",
        group: "Packages",
        summary: "One package",
        words: "In every channel that has it, with the versions that the channel had. What was found about it: /suggestions?package=.",
        parameters: vec![Parameter::segment("attr", "An attribute, as python3Packages.django.")],
        body: None,
        answer: Answer::json::<PackageDetail>("The package."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        |State(site): State<Arc<Site>>, Segments(attr): Segments<String>, asked: Asked| async move {
            Query::of(asked.uri(), &[])?;
            let detail = blocking(move || {
                let channels = find(&site, &attr)?.into_iter().map(PackageInChannel::from).collect();
                Ok(PackageDetail { attr, channels })
            });
            answer::json(&detail.await?)
        },
    )
}
