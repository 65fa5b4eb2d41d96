//! NVD: its yearly feeds once, then what was modified since, from its API.

use std::thread;
use std::time::Duration;

use serde::Deserialize;
use vuln::advisory::Source;

use super::{Got, Remote, count};
use crate::config::now;
use crate::feeds::{RemoteFile, Upstream};
use crate::ingest::plan::Unit;
use crate::ingest::{IngestError, Report};
use crate::schedule;
use crate::timestamp;

/// Up to where we have everything: the setting's name. Unix seconds.
pub const CURSOR: &str = "cursor.nvd";

/// The API answers about at most 120 days.
const WINDOW: Duration = Duration::from_secs(120 * 86_400);

/// Further back the feeds are quicker.
const FAR: i64 = 365 * 86_400;

/// Asked for again each time: NVD's servers do not all know at once what one of them knows.
const OVERLAP: i64 = 3600;

/// NVD allows 5 requests in 30 seconds, 50 to those with a key.
const PACE: Duration = Duration::from_millis(6_100);
const PACE_WITH_KEY: Duration = Duration::from_millis(610);

/// Pages of one window: 500,000 records.
const MAX_PAGES: u32 = 250;

/// Tries for a window whose records are modified while it is read.
const TRIES: u32 = 3;

/// What a page says about itself.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    results_per_page: u64,
    start_index: u64,
    total_results: u64,
}

impl Head {
    /// Where the page after this one begins, which begins at `start`; `None` where this one is the last.
    pub fn next(&self, start: u64) -> Option<u64> {
        Some(start.saturating_add(self.results_per_page)).filter(|next| *next < self.total_results)
    }
}

/// Takes what is new.
pub fn follow(
    remote: &Remote<'_>,
    upstream: &Upstream,
    collections: impl FnOnce() -> Result<Vec<RemoteFile>, IngestError>,
) -> Result<Report, IngestError> {
    let store = remote.ingest.store;
    remote.ingest.begins("nvd")?;
    let cursor = store
        .setting(CURSOR)
        .map_err(IngestError::Store)?
        .and_then(|at| at.parse::<i64>().ok());
    let to = now();
    let (report, reached) = match cursor.filter(|at| to - at < FAR) {
        Some(from) => changes(remote, upstream, from, to)?,
        None => {
            let (report, _) = remote.collections(Source::Nvd, collections()?)?;
            // It holds what changed in the eight days before the time that it states, in all years.
            let modified = store
                .taken_file("nvd", "nvd/nvdcve-2.0-modified.json.gz")
                .map_err(IngestError::Store)?;
            (report, modified.and_then(|file| timestamp::unix(&file.data_date?)))
        }
    };
    // Only where nothing is missing: else the next try begins where this one did.
    if let Some(reached) = reached.filter(|_| report.failures.is_empty()) {
        store.put_setting(CURSOR, Some(&reached.to_string())).map_err(IngestError::Store)?;
    }
    remote.ingest.ends("nvd", &report)?;
    Ok(report)
}

/// What was modified in a span of time, and up to where that is known.
fn changes(remote: &Remote<'_>, upstream: &Upstream, from: i64, to: i64) -> Result<(Report, Option<i64>), IngestError> {
    let mut report = Report::default();
    let mut pace = Pace {
        between: if upstream.nvd_key.is_some() { PACE_WITH_KEY } else { PACE },
        is_first: true,
    };
    for window in schedule::windows(from - OVERLAP, to, WINDOW) {
        report.merge(whole_window(remote, upstream, window, &mut pace)?);
        if !report.failures.is_empty() {
            return Ok((report, None));
        }
    }
    Ok((report, Some(to)))
}

/// A record that is modified while its window is read leaves it, and moves those behind it: one would be passed over. Then the window is read
/// again; what was taken is known.
fn whole_window(remote: &Remote<'_>, upstream: &Upstream, window: (i64, i64), pace: &mut Pace) -> Result<Report, IngestError> {
    let mut report = Report::default();
    for _ in 0..TRIES {
        let (one, is_whole) = pages(remote, upstream, window, pace)?;
        let failed = !one.failures.is_empty();
        report.merge(one);
        if is_whole || failed {
            return Ok(report);
        }
    }
    report.failures.push("read what NVD modified: it went on being modified".into());
    Ok(report)
}

/// Reads the pages of a window. Whether nothing moved meanwhile.
fn pages(remote: &Remote<'_>, upstream: &Upstream, window: (i64, i64), pace: &mut Pace) -> Result<(Report, bool), IngestError> {
    let mut report = Report::default();
    let (mut start, mut total) = (0_u64, None);
    for page in 0..MAX_PAGES {
        let [from, to] = [window.0, window.1].map(|unix| timestamp::format(unix).replace('Z', ".000Z"));
        let url = format!(
            "{}?lastModStartDate={from}&lastModEndDate={to}&startIndex={start}",
            upstream.nvd_api
        );
        pace.wait();
        let text = match remote
            .fetcher
            .page_with_key(&url, "apiKey", upstream.nvd_key.as_ref().map(|key| key.0.as_str()))
        {
            Ok(text) => text,
            Err(e) => {
                count(&mut report, Got::Failed(remote.trouble(&e)?));
                return Ok((report, false));
            }
        };
        let head: Head = match serde_json::from_str(&text) {
            Ok(head) => head,
            Err(e) => {
                report.failures.push(format!("read the answer of {}: {e}", upstream.nvd_api));
                return Ok((report, false));
            }
        };
        if *total.get_or_insert(head.total_results) != head.total_results || head.start_index != start {
            return Ok((report, false));
        }
        if head.results_per_page > 0 {
            let path = remote.dir.join("page.json");
            std::fs::write(&path, &text).map_err(|source| IngestError::Read {
                path: path.display().to_string(),
                source,
            })?;
            // One name for each page of an answer, whatever it is about: what was taken is remembered, not what was asked.
            let unit = Unit {
                path,
                url: format!("nvd/modified-{page}.json"),
                date: None,
                documents: None,
            };
            report.merge(remote.ingest.unit(Source::Nvd, &unit, None)?);
        }
        let Some(next) = head.next(start) else {
            return Ok((report, true));
        };
        if next == start {
            report.failures.push(format!(
                "read what NVD modified: it ends after {start} of {} records",
                head.total_results
            ));
            return Ok((report, false));
        }
        start = next;
    }
    report
        .failures
        .push(format!("read what NVD modified: it has more than {MAX_PAGES} pages"));
    Ok((report, false))
}

/// Keeps requests apart.
struct Pace {
    between: Duration,
    is_first: bool,
}

impl Pace {
    fn wait(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            thread::sleep(self.between);
        }
    }
}
