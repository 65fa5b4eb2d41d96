//! OSV: all records of an ecosystem once, then those that its list of modified ids names.

use std::path::PathBuf;

use vuln::advisory::Source;
use vuln::problem::Problem;

use super::{Got, Remote, count, remove};
use crate::config::now;
use crate::feeds::{RemoteFile, Upstream, encode};
use crate::ingest::plan::Unit;
use crate::ingest::{IngestError, Report};
use crate::store::taking::Incoming;
use crate::timestamp;

/// Where more records of an ecosystem changed, all of them come in one file.
const FEW: usize = 300;

/// Takes what is new in each ecosystem.
pub fn follow(remote: &Remote<'_>, upstream: &Upstream) -> Result<Report, IngestError> {
    remote.ingest.begins("osv")?;
    let mut report = Report::default();
    for ecosystem in &upstream.ecosystems {
        let (one, is_final) = ecosystem_changes(remote, upstream, ecosystem)?;
        report.merge(one);
        if is_final {
            break;
        }
    }
    remote.ingest.ends("osv", &report)?;
    Ok(report)
}

/// Up to where we have everything of an ecosystem: the setting's name. A time as OSV writes it.
pub fn cursor(ecosystem: &str) -> String {
    format!("cursor.osv/{ecosystem}")
}

/// Takes what is new in one ecosystem. Whether the server need not be asked for another.
fn ecosystem_changes(remote: &Remote<'_>, upstream: &Upstream, ecosystem: &str) -> Result<(Report, bool), IngestError> {
    let store = remote.ingest.store;
    let Some(since) = store.setting(&cursor(ecosystem)).map_err(IngestError::Store)? else {
        return collection(remote, upstream, ecosystem);
    };
    let mut report = Report::default();
    let list = RemoteFile {
        name: format!("osv/{ecosystem}/modified_id.csv"),
        url: format!("{}/{}/modified_id.csv", upstream.osv, encode(ecosystem)),
        is_optional: false,
    };
    let path = match remote.get(&list, "osv", &list.name)? {
        Got::File { path, .. } => path,
        other => {
            let is_final = count(&mut report, other);
            return Ok((report, is_final));
        }
    };
    let read = |source| IngestError::Read {
        path: path.display().to_string(),
        source,
    };
    let bytes = std::fs::read(&path).map_err(read)?;
    remove(&path)?;
    let changed = match modified(&String::from_utf8_lossy(&bytes), &since) {
        Ok(changed) => changed,
        Err(why) => {
            report.failures.push(format!("read {}: {why}", list.url));
            return Ok((report, false));
        }
    };
    let Some(newest) = changed.newest else {
        report.known += 1;
        return Ok((report, false));
    };
    if changed.ids.len() > FEW {
        return collection(remote, upstream, ecosystem);
    }
    let folder = remote.dir.join("osv").join(ecosystem).join("modified");
    std::fs::create_dir_all(&folder).map_err(read)?;
    let mut documents: Vec<PathBuf> = Vec::new();
    for id in &changed.ids {
        let file = RemoteFile {
            name: format!("osv/{ecosystem}/modified/{id}.json"),
            url: format!("{}/{}/{}.json", upstream.osv, encode(ecosystem), encode(id)),
            is_optional: true,
        };
        match remote.get(&file, "osv", "")? {
            Got::File { path, .. } => documents.push(path),
            // It may be gone by the time it is asked for; that it was listed is not forgotten.
            Got::Missing => {
                let why = format!("the list of modified ids names it, and the server has no {}", file.url);
                report.problems += note(remote, id, why)?;
            }
            other => {
                if count(&mut report, other) {
                    return Ok((report, true));
                }
            }
        }
    }
    if !documents.is_empty() {
        documents.sort();
        let unit = Unit {
            path: folder.clone(),
            url: format!("osv/{ecosystem}/modified"),
            date: None,
            documents: Some(documents),
        };
        report.merge(remote.ingest.unit(Source::Osv, &unit, None)?);
    }
    std::fs::remove_dir_all(&folder).map_err(read)?;
    reached(remote, ecosystem, &report, Some(newest))?;
    Ok((report, false))
}

/// Notes that a record could not be taken; taking it makes that forgotten.
fn note(remote: &Remote<'_>, id: &str, why: String) -> Result<u64, IngestError> {
    let refused = Incoming::Refused {
        source: Source::Osv.name(),
        key: id.to_owned(),
        problem: Problem::new("", why),
    };
    let store = remote.ingest.store;
    Ok(store.take(&[refused], now()).map_err(IngestError::Store)?.problems)
}

/// Takes all records of an ecosystem.
fn collection(remote: &Remote<'_>, upstream: &Upstream, ecosystem: &str) -> Result<(Report, bool), IngestError> {
    let file = upstream.osv_collection(ecosystem);
    let (report, is_final) = remote.collections(Source::Osv, vec![file.clone()])?;
    // The file may be older than the list of modified ids: what it holds says up to where it goes.
    let taken = remote.ingest.store.taken_file("osv", &file.name).map_err(IngestError::Store)?;
    reached(remote, ecosystem, &report, taken.and_then(|taken| taken.data_date))?;
    Ok((report, is_final))
}

/// Notes up to where an ecosystem is known, if nothing of it failed.
fn reached(remote: &Remote<'_>, ecosystem: &str, report: &Report, at: Option<String>) -> Result<(), IngestError> {
    // A time of the future would hide all that comes until then.
    let today = timestamp::format(now());
    let at = at.map(|at| if timestamp::compare(&at, &today).is_gt() { today } else { at });
    match at.filter(|_| report.failures.is_empty()) {
        Some(at) => remote
            .ingest
            .store
            .put_setting(&cursor(ecosystem), Some(&at))
            .map_err(IngestError::Store),
        None => Ok(()),
    }
}

/// What a list of modified ids has after a moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Modified {
    /// In the order of the list.
    pub ids: Vec<String>,
    /// The last time among theirs.
    pub newest: Option<String>,
}

/// Reads lines `time,id`, newest first; a list in another order is read as well.
pub fn modified(list: &str, since: &str) -> Result<Modified, String> {
    let mut found = Modified {
        ids: Vec::new(),
        newest: None,
    };
    for (number, line) in list.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (time, id) = line.split_once(',').ok_or_else(|| format!("line {} has no comma", number + 1))?;
        if timestamp::unix(time).is_none() {
            return Err(format!("line {} begins with no time", number + 1));
        }
        if timestamp::compare(time, since).is_le() {
            continue;
        }
        let is_id = !id.is_empty()
            && id.len() <= 200
            && !id.starts_with('.')
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
        if !is_id {
            return Err(format!("line {} names no id", number + 1));
        }
        found.ids.push(id.to_owned());
        if found
            .newest
            .as_deref()
            .is_none_or(|newest| timestamp::compare(time, newest).is_gt())
        {
            found.newest = Some(time.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_modified_after_a_moment() {
        let list = "2024-08-01T00:00:02.5Z,GO-2024-0003\n2024-08-01T00:00:01Z,GO-2024-0002\n2024-08-01T00:00:00Z,GO-2024-0001\n";
        let since = |at| modified(list, at).unwrap();
        assert_eq!(since("2024-08-01T00:00:01Z").ids, ["GO-2024-0003"]);
        assert_eq!(since("2024-08-01T00:00:00.000Z").ids, ["GO-2024-0003", "GO-2024-0002"]);
        assert_eq!(since("2024-07-01T00:00:00Z").newest.as_deref(), Some("2024-08-01T00:00:02.5Z"));
        assert_eq!(since("2024-08-01T00:00:03Z").newest, None);
        assert!(modified("<html>", "").is_err());
        assert!(modified("2024-08-01T00:00:00Z,../../etc/passwd", "").unwrap_err().contains("no id"));
        assert!(modified("soon,GO-1", "").is_err());
    }
}
