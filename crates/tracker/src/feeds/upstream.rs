//! The upstream servers: which of their files are worth asking for.

use time::OffsetDateTime;
use vuln::advisory::Source;

use super::releases::{self, Asset};
use super::{Feed, ListError, RemoteFile, encode};
use crate::config::{Secret, now};
use crate::fetch::Fetcher;
use crate::store::Store;

/// Pages of GitHub's list of releases that are looked at, a hundred releases each: about forty days.
const RELEASE_PAGES: u32 = 10;

/// Names of files that were taken are asked for up to this many: thirty years of hours.
const MANY: usize = 300_000;

/// Addresses, without a slash at the end, and what is wanted from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// GitHub's list of releases of cvelistV5.
    pub cve: String,
    /// The folder of NVD's feeds.
    pub nvd: String,
    /// NVD's API.
    pub nvd_api: String,
    /// Our key for it.
    pub nvd_key: Option<Secret>,
    /// The folder of OSV's ecosystems.
    pub osv: String,
    /// The ecosystems.
    pub ecosystems: Vec<String>,
    /// CISA's list.
    pub kev: String,
    /// FIRST's current scores.
    pub epss: String,
    /// The folder of the channels.
    pub channels_url: String,
    /// The channels; none for those that NixOS supports today.
    pub channels: Vec<String>,
}

impl Upstream {
    /// The files of a feed that may be new. Of NVD and OSV these are the collections, which are asked for once: [`crate::sync`] knows how to
    /// go on from there.
    pub fn files(&self, feed: Feed, fetcher: &Fetcher, store: &dyn Store) -> Result<Vec<RemoteFile>, ListError> {
        let file = |name: &str, url: String| RemoteFile {
            name: format!("{}/{name}", feed.folder()),
            url,
            is_optional: false,
        };
        let optional = |file: RemoteFile| RemoteFile { is_optional: true, ..file };
        Ok(match feed {
            Feed::Records(Source::Cve) => {
                let assets = self.cve_files(fetcher, store)?;
                assets
                    .into_iter()
                    .map(|asset| file(&asset.name, asset.browser_download_url))
                    .collect()
            }
            Feed::Records(Source::Nvd) => {
                let feed = |part: &str| {
                    let name = format!("nvdcve-2.0-{part}.json.gz");
                    file(&name, format!("{}/{name}", self.nvd))
                };
                (2002..=year())
                    .map(|year| feed(&year.to_string()))
                    .chain([feed("modified")])
                    .collect()
            }
            Feed::Records(Source::Osv) => self.ecosystems.iter().map(|ecosystem| self.osv_collection(ecosystem)).collect(),
            Feed::Kev => vec![file("known_exploited_vulnerabilities.json", self.kev.clone())],
            Feed::Epss => vec![file("epss_scores-current.csv.gz", self.epss.clone())],
            Feed::Nixpkgs => self
                .channels(now())
                .iter()
                .flat_map(|channel| ["git-revision", "packages.json.br"].map(|name| format!("{channel}/{name}")))
                .map(|name| optional(file(&name, format!("{}/{name}", self.channels_url))))
                .collect(),
        })
    }

    /// All records of an ecosystem.
    pub fn osv_collection(&self, ecosystem: &str) -> RemoteFile {
        RemoteFile {
            name: format!("osv/{ecosystem}/all.zip"),
            url: format!("{}/{}/all.zip", self.osv, encode(ecosystem)),
            is_optional: true,
        }
    }

    /// Asks for as many pages of releases as it takes to reach back to what we have.
    fn cve_files(&self, fetcher: &Fetcher, store: &dyn Store) -> Result<Vec<Asset>, ListError> {
        let taken = store.taken(Some("cve"), MANY).map_err(ListError::Store)?;
        let taken: Vec<&str> = taken.iter().filter_map(|file| file.url.strip_prefix("cvelistV5/")).collect();
        let covered = releases::covered(&taken);
        let mut assets = Vec::new();
        for page in 1..=RELEASE_PAGES {
            let url = format!("{}?per_page=100&page={page}", self.cve);
            let shape = |message: String| ListError::Shape { url: url.clone(), message };
            let text = fetcher.page(&url).map_err(ListError::Fetch)?;
            let listed = releases::read(text.as_bytes()).map_err(|e| shape(e.to_string()))?;
            let is_last = listed.is_empty();
            assets.extend(listed);
            if !assets.iter().any(releases::is_whole) {
                return Err(shape("no release has a file of all records".into()));
            }
            if is_last || covered.is_none_or(|day| releases::reaches(&assets, day)) {
                break;
            }
        }
        let today = OffsetDateTime::from_unix_timestamp(now()).map_or(time::Date::MIN, OffsetDateTime::date);
        Ok(releases::wanted(&assets, &taken, today))
    }

    /// The channels that are followed.
    pub fn channels(&self, now: i64) -> Vec<String> {
        if self.channels.is_empty() {
            supported(now)
        } else {
            self.channels.clone()
        }
    }
}

fn year() -> i32 {
    OffsetDateTime::from_unix_timestamp(now()).map_or(2026, OffsetDateTime::year)
}

/// The rolling channel, and the stable one with the one before it: releases come at the end of May and November, sometimes late.
fn supported(now: i64) -> Vec<String> {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(now) else {
        return Vec::new();
    };
    let (mut year, mut month) = match u8::from(date.month()) {
        12 => (date.year(), 11),
        6.. => (date.year(), 5),
        _ => (date.year() - 1, 11),
    };
    let mut names = vec!["nixos-unstable".to_owned()];
    for _ in 0..2 {
        names.push(format!("nixos-{:02}.{month:02}", year % 100));
        (year, month) = if month == 5 { (year - 1, 11) } else { (year, 5) };
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp;

    #[test]
    fn channels_of_a_day() {
        let on = |day: &str| supported(timestamp::unix(day).unwrap());
        assert_eq!(on("2026-11-22"), ["nixos-unstable", "nixos-26.05", "nixos-25.11"]);
        assert_eq!(on("2026-12-01"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
        assert_eq!(on("2027-03-01"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
        assert_eq!(on("2027-05-31"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
    }
}
