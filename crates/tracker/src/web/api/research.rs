//! Statistics for research, as JSON and as CSV: what became known when, and how long it took channels to be rid of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::ask::Query;
use super::operation::{Answer, Operation};
use super::shape::shape;
use super::{Route, answer};
use crate::store::read::{Fix, Published};
use crate::timestamp;
use crate::web::error::Error;
use crate::web::kept::Written;
use crate::web::part::severity_name;
use crate::web::respond::{self, Asked, blocking};
use crate::web::sheet::Sheet;
use crate::web::site::Site;

shape! {
    /// How many vulnerabilities were published when.
    struct PublishedStatistics {
        /// Oldest first.
        items: Vec<PublishedCount>,
    }
}

shape! {
    /// Vulnerabilities of a month and a severity.
    struct PublishedCount {
        /// 2024.
        year: String,
        /// 2024-05.
        month: String,
        /// By the CVSS base score.
        severity: Severity,
        /// Vulnerabilities that are not rejected.
        count: u64,
    }
}

shape! {
    /// How long channels took.
    struct FixStatistics {
        /// The newest fix first, at most 100,000.
        items: Vec<FixTime>,
    }
}

shape! {
    /// A package of a channel that was affected until it changed.
    struct FixTime {
        /// The vulnerability.
        id: String,
        /// By the CVSS base score.
        severity: Severity,
        /// The channel.
        channel: String,
        /// The most plain attribute.
        package: String,
        /// The last version that was affected.
        version: String,
        /// What the package is now: fixed, patched or not_affected; null where the channel has it no more.
        became: Option<Verdict>,
        /// When the vulnerability was published, as the source wrote it.
        published: Option<String>,
        /// When the first revision without it was taken in: seconds since 1970.
        fixed_at: i64,
        /// That revision.
        revision: String,
        /// From publication until then, in days; below zero where the fix was there before. Null where it is not known when it was published.
        days: Option<f64>,
    }
}

impl From<&Published> for PublishedCount {
    fn from(published: &Published) -> Self {
        Self {
            year: published.month.get(..4).unwrap_or_default().to_owned(),
            month: published.month.clone(),
            severity: published.severity,
            count: published.count,
        }
    }
}

impl From<Fix> for FixTime {
    fn from(fix: Fix) -> Self {
        let published = fix.published.as_deref().and_then(timestamp::unix);
        let days = published.map(|at| ((fix.at - at) as f64 / 86_400.0 * 100.0).round() / 100.0);
        Self {
            id: fix.vulnerability,
            severity: fix.severity,
            channel: fix.channel,
            package: fix.package,
            version: fix.version,
            became: fix.became,
            published: fix.published,
            fixed_at: fix.at,
            revision: fix.revision,
            days,
        }
    }
}

fn published_items(site: &Site) -> Result<Vec<PublishedCount>, Error> {
    let sources = site.store().sources()?;
    Ok(site.published(&sources)?.iter().map(PublishedCount::from).collect())
}

fn fix_items(site: &Site) -> Result<Vec<FixTime>, Error> {
    Ok(site.store().fixes()?.into_iter().map(FixTime::from).collect())
}

/// An operation without parameters.
fn operation(path: &'static str, id: &'static str, summary: &'static str, words: &'static str, answer: Answer) -> Operation {
    Operation {
        method: "get",
        path,
        id,
        group: "Statistics",
        summary,
        words,
        parameters: vec![],
        body: None,
        answer,
        problems: &[],
    }
}

const PUBLISHED: &str = "Vulnerabilities by month and severity";
const FIXES: &str = "From publication to fix, for each package of each channel";
const ABOUT_FIXES: &str = "Of what the tracker saw itself: findings that a later revision of a channel ended. What was fixed before the channel was followed is not among them.";

/// CSV as RFC 4180 has it.
fn csv() -> Answer {
    Answer {
        media: "text/csv",
        words: "The same rows, with the names of the members above them.",
        schema: |_| json!({"type": "string"}),
    }
}

fn written(media_type: &'static str, text: String) -> Written {
    Written {
        status: StatusCode::OK,
        media_type,
        tag: respond::tag(text.as_bytes()),
        body: text.into(),
    }
}

/// Up to 100,000 rows: written once for all who want them.
async fn fixes_as(
    site: Arc<Site>,
    address: &'static str,
    media_type: &'static str,
    write: impl FnOnce(Vec<FixTime>) -> Result<String, Error> + Send + 'static,
) -> Result<Response, Error> {
    blocking(move || {
        let fixes = || Ok::<_, Error>(written(media_type, write(fix_items(&site)?)?));
        let moment = || Ok(site.moment()?);
        Ok(site.kept.long(address, moment, fixes)?.into_response())
    })
    .await
}

/// `GET /api/v1/statistics/published`
pub fn published() -> Route {
    let answer = Answer::json::<PublishedStatistics>("The counts.");
    let operation = operation("/api/v1/statistics/published", "publishedStatistics", PUBLISHED, "", answer);
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        let items = blocking(move || published_items(&site)).await?;
        answer::json(&PublishedStatistics { items })
    })
}

/// `GET /api/v1/statistics/published.csv`
pub fn published_csv() -> Route {
    let operation = operation("/api/v1/statistics/published.csv", "publishedStatisticsCsv", PUBLISHED, "", csv());
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        let mut rows = Sheet::new(&["year", "month", "severity", "count"]);
        for item in blocking(move || published_items(&site)).await? {
            rows.row([
                item.year,
                item.month,
                severity_name(item.severity).to_owned(),
                item.count.to_string(),
            ]);
        }
        Ok::<_, Error>(written("text/csv", rows.into_text()).into_response())
    })
}

/// `GET /api/v1/statistics/fixes`
pub fn fixes() -> Route {
    let answer = Answer::json::<FixStatistics>("The fixes.");
    let operation = operation("/api/v1/statistics/fixes", "fixStatistics", FIXES, ABOUT_FIXES, answer);
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        // Our own structs: only a map with keys that are no text could fail.
        let write = |items| serde_json::to_string(&FixStatistics { items }).map_err(|_| Error::Panic);
        fixes_as(site, "/api/v1/statistics/fixes", "application/json", write).await
    })
}

/// `GET /api/v1/statistics/fixes.csv`
pub fn fixes_csv() -> Route {
    let operation = operation("/api/v1/statistics/fixes.csv", "fixStatisticsCsv", FIXES, ABOUT_FIXES, csv());
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        Query::of(asked.uri(), &[])?;
        fixes_as(site, "/api/v1/statistics/fixes.csv", "text/csv", |items| {
            Ok(fix_rows(items).into_text())
        })
        .await
    })
}

fn fix_rows(items: Vec<FixTime>) -> Sheet {
    let mut rows = Sheet::new(&[
        "id",
        "severity",
        "channel",
        "package",
        "version",
        "became",
        "published",
        "fixed_at",
        "revision",
        "days",
    ]);
    for item in items {
        rows.row([
            item.id,
            severity_name(item.severity).to_owned(),
            item.channel,
            item.package,
            item.version,
            item.became.map(Verdict::name).unwrap_or_default().to_owned(),
            item.published.unwrap_or_default(),
            item.fixed_at.to_string(),
            item.revision,
            item.days.map(|days| days.to_string()).unwrap_or_default(),
        ]);
    }
    rows
}
