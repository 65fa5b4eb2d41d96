//! One handler an address: reads what was asked, names the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::address::{self, Format};
use super::board::people::Kind;
use super::error::Error;
use super::page::about::About;
use super::page::channel::{ChannelPage, Channels};
use super::page::compare::Compare;
use super::page::cve::{self, Cve};
use super::page::legend::Legend;
use super::page::overview::Overview;
use super::page::package::PackagePage;
use super::page::parameters::Parameters;
use super::page::people::{People, PersonPage};
use super::page::problems::Problems;
use super::page::queue::Queue;
use super::page::search::Search;
use super::page::sources::Sources;
use super::page::trends::Trends;
use super::respond::{self, Asked, Loaded, Segments};
use super::site::Site;

type Shared = State<Arc<Site>>;
type Answer = Result<Response, Error>;

pub async fn overview(State(site): Shared, asked: Asked) -> Answer {
    let format = asked.format();
    respond::page(site, asked, format, Overview::load).await
}

pub async fn cve(State(site): Shared, Segments(id): Segments<String>, asked: Asked) -> Answer {
    let (id, format) = split(id);
    respond::page(site, asked, format, move |site, frame| Cve::load(site, frame, &id, format)).await
}

/// The raw document of a record, as it came. Where a source has several records, `?key=` names one.
pub async fn raw(State(site): Shared, Segments((id, source)): Segments<(String, String)>, asked: Asked) -> Answer {
    let key = Parameters::of(asked.uri())?.text("key", 200)?;
    let document = respond::blocking(move || cve::document(&site, &id, &source, key.as_deref())).await?;
    let plain = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        text.chars().map(plain).collect()
    };
    let name = format!("attachment; filename=\"{}.{}.json\"", plain(&document.key), plain(&document.source));
    let tag = respond::tag(&document.bytes);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, name.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (ETAG, tag.as_str()),
    ];
    Ok((headers, document.bytes).into_response())
}

pub async fn package(State(site): Shared, Segments(attr): Segments<String>, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    // An attribute may end in `.json` itself: the page of that name goes before the twin of the shorter one.
    let (attr, format) = match split(attr.clone()) {
        (attr, Format::Html) => (attr, Format::Html),
        (short, format) => {
            let (site, whole) = (Arc::clone(&site), attr.clone());
            let exists = respond::blocking(move || Ok(!site.store().package(&whole)?.is_empty())).await?;
            if exists { (attr, Format::Html) } else { (short, format) }
        }
    };
    respond::page(site, asked, format, move |site, _| {
        PackagePage::load(site, &attr, &parameters, format)
    })
    .await
}

pub async fn channels(State(site): Shared, asked: Asked) -> Answer {
    let format = asked.format();
    respond::page(site, asked, format, |site, _| Channels::load(site)).await
}

pub async fn channel(State(site): Shared, Segments(name): Segments<String>, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let (name, format) = split(name);
    respond::page(site, asked, format, move |site, _| {
        ChannelPage::load(site, &name, &parameters, format)
    })
    .await
}

pub async fn compare(State(site): Shared, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, _| Compare::load(site, &parameters, format)).await
}

pub async fn queue(State(site): Shared, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, _| Queue::load(site, &parameters, format)).await
}

pub async fn search(State(site): Shared, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, _| Search::load(site, &parameters, format)).await
}

pub async fn problems(State(site): Shared, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, _| Problems::load(site, &parameters)).await
}

pub async fn sources(State(site): Shared, asked: Asked) -> Answer {
    let format = asked.format();
    respond::page(site, asked, format, Sources::load).await
}

pub async fn about(State(site): Shared, asked: Asked) -> Answer {
    let format = asked.format();
    respond::page(site, asked, format, About::load).await
}

pub async fn maintainers(State(site): Shared, asked: Asked) -> Answer {
    people(site, asked, Kind::Maintainer).await
}

pub async fn teams(State(site): Shared, asked: Asked) -> Answer {
    people(site, asked, Kind::Team).await
}

pub async fn maintainer(State(site): Shared, Segments(name): Segments<String>, asked: Asked) -> Answer {
    person(site, asked, Kind::Maintainer, name).await
}

pub async fn team(State(site): Shared, Segments(name): Segments<String>, asked: Asked) -> Answer {
    person(site, asked, Kind::Team, name).await
}

async fn people(site: Arc<Site>, asked: Asked, kind: Kind) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, _| People::load(site, kind, &parameters, format)).await
}

async fn person(site: Arc<Site>, asked: Asked, kind: Kind, name: String) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let (name, format) = split(name);
    respond::page(site, asked, format, move |site, _| {
        PersonPage::load(site, kind, &name, &parameters, format)
    })
    .await
}

pub async fn trends(State(site): Shared, asked: Asked) -> Answer {
    let parameters = Parameters::of(asked.uri())?;
    let format = asked.format();
    respond::page(site, asked, format, move |site, frame| Trends::load(site, frame, &parameters)).await
}

pub async fn legend(State(site): Shared, asked: Asked) -> Answer {
    let format = asked.format();
    respond::page(site, asked, format, |_, _| Ok(Loaded::Page(Legend::new()))).await
}

/// The name in the last segment of an address, and the format that its ending asks for.
fn split(segment: String) -> (String, Format) {
    match address::split_twin(&segment) {
        Some((name, format)) => (name.to_owned(), format),
        None => (segment, Format::Html),
    }
}

/// Whether the tracker can answer, and how old its data is.
pub async fn health(State(site): Shared) -> Answer {
    let body = respond::blocking(move || {
        let frame = site.frame()?;
        let sources = site.store().sources()?;
        let age = |source| super::stats::age(source, frame.now());
        let ages: serde_json::Map<_, _> = sources.iter().map(|source| (source.name.clone(), json!(age(source)))).collect();
        Ok(json!({
            "version": 1,
            "ok": true,
            "sample": frame.sample,
            "work": frame.progress.phase.name(),
            "age_s": ages,
            "failing": sources.iter().filter(|source| source.last_error.is_some()).map(|source| &source.name).collect::<Vec<_>>(),
        }))
    })
    .await?;
    Ok(respond::json(&body))
}

pub async fn metrics(State(site): Shared) -> Answer {
    let text = respond::blocking(move || {
        let (stats, channels) = site.statistics()?;
        let jobs = site.store().jobs()?;
        Ok(super::metrics::document(&stats, &channels, &jobs, &site.requests))
    })
    .await?;
    Ok((
        [
            (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
            (CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
        .into_response())
}
