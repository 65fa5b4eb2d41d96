//! What strangers write to the tracker and no crate below it reads, as functions over bytes: what the fuzz targets see of it.
//!
//! Each gives back what a target can hold against the bytes, and what is refused with the words of the refusal. Nothing here has a
//! database, a network or a clock.

use std::net::IpAddr;
use std::path::Path;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use time::Date;

use crate::config::{ClientHeader, Config, Given, Network, Server, Setting as _};
use crate::feeds::{listing, releases};
use crate::store::postgres;
use crate::sync::{self, NvdHead};
use crate::web::api::{self, ask};
use crate::web::limit;
use crate::web::page::parameters::Parameters;

/// The body of `POST /api/v1/check`: how many packages it asks about.
pub fn check(body: &[u8]) -> Result<usize, String> {
    api::check_asked(body).map(|(_, packages, _)| packages.len()).map_err(said)
}

/// The body of `POST /api/v1/check/details`: how many packages it asks about.
pub fn details(body: &[u8]) -> Result<usize, String> {
    api::details_asked(body)
        .map(|(_, inventory, _)| inventory.packages.len())
        .map_err(said)
}

/// OSV's `modified_id.csv`: the ids that were modified after a moment, and the newest time of these.
pub fn modified_ids(list: &str, since: &str) -> Result<(Vec<String>, Option<String>), String> {
    sync::modified(list, since).map(|found| (found.ids, found.newest))
}

/// A page of the releases of cvelistV5: the names of the files that are fetched, where these were taken already.
pub fn releases(page: &[u8], taken: &[&str], today: Date) -> Result<Vec<String>, String> {
    let listed = releases::read(page).map_err(|error| error.to_string())?;
    let wanted = releases::wanted(&listed, taken, today);
    Ok(wanted.into_iter().map(|asset| asset.name).collect())
}

/// A folder of a mirror as a web server lists it: the names that are asked for, each with what stands for it in an address.
pub fn listing(page: &str) -> Vec<(String, String)> {
    let names = listing::names(page).into_iter();
    names.map(|name| (name.clone(), listing::encode(&name))).collect()
}

/// The head of an answer of NVD: where the next page begins; `None` at the end.
pub fn nvd_page(answer: &[u8], start: u64) -> Result<Option<u64>, String> {
    let head: NvdHead = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    Ok(head.next(start))
}

/// Lines of `X-Forwarded-For` or `Forwarded`: who asks, where `peer` asked and proxies in `trusted` are believed.
pub fn client(peer: IpAddr, lines: &[&[u8]], forwarded: bool, trusted: &[&str]) -> Option<IpAddr> {
    let name = if forwarded { "forwarded" } else { "x-forwarded-for" };
    let server = Server {
        listen: ([127, 0, 0, 1], 1).into(),
        url: None,
        proxies: trusted.iter().map(|text| Network::parse(text).ok()).collect::<Option<_>>()?,
        client_header: ClientHeader::parse(name).ok()?,
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(line).ok()?);
    }
    Some(limit::client(peer, &headers, &server))
}

/// Places in lists and moments, as `next` of an answer writes them: each as it is written again.
pub fn cursors(text: &str) -> (Option<i64>, Option<String>, Option<String>) {
    (ask::key(text), api::place_again(text), api::moment_again(text))
}

/// What the query of an address asks for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Page of a list for people.
    pub page: Option<usize>,
    /// Least scores that a list for people filters by: EPSS, CVSS.
    pub least: Option<(f32, f32)>,
    /// Entries of an answer of the API.
    pub limit: Option<usize>,
    /// Behind which key it begins.
    pub after: Option<i64>,
    /// Characters of a name in it.
    pub name: Option<usize>,
}

/// The path and query of an address, as the pages and as the API read it; `None` where it is none.
pub fn address(text: &str) -> Option<Asked> {
    let uri: Uri = text.parse().ok()?;
    let mut asked = Asked::default();
    if let Ok(parameters) = Parameters::of(&uri) {
        asked.page = parameters.page().ok();
        let filter = parameters.filter().ok();
        asked.least = filter.map(|filter| (filter.min_epss.unwrap_or_default(), filter.min_cvss.unwrap_or_default()));
    }
    if let Ok(query) = ask::Query::of(&uri, &[ask::limit(), ask::after_key(), ask::name("channel", "")]) {
        asked.limit = query.limit().ok();
        asked.after = query.after_key().ok();
        asked.name = query.name("channel").ok().flatten().map(|name| name.chars().count());
    }
    Some(asked)
}

/// What a PostgreSQL server sends, in pieces of so many bytes: how many messages it was.
pub fn messages(bytes: &[u8], piece: usize) -> Result<usize, String> {
    postgres::messages(bytes, piece).map_err(said)
}

/// What a PostgreSQL server asks and says while somebody logs in; whether it proved that it knows the password.
pub fn login(challenge: &[u8], last: &[u8]) -> Result<bool, String> {
    postgres::log_in(challenge, last).map_err(said)
}

/// A configuration file.
pub fn configuration(text: &str) -> Result<(), String> {
    let mut given = Given::default();
    given.file(Path::new("tracker.toml"), text).map_err(said)?;
    Config::read(&given).map(drop).map_err(said)
}

fn said(error: impl std::error::Error) -> String {
    error.to_string()
}
