//! The upstream servers: which of their files are worth asking for.

use serde::Deserialize;
use time::OffsetDateTime;
use vuln::advisory::Source;

use super::{Feed, ListError, RemoteFile};
use crate::config::now;
use crate::fetch::Fetcher;
use crate::store::Store;
use crate::timestamp;

/// OSV's ecosystems of which Nixpkgs packages something.
const ECOSYSTEMS: [&str; 13] = [
    "Bitnami",
    "CRAN",
    "crates.io",
    "GHC",
    "Go",
    "Hackage",
    "Hex",
    "npm",
    "OSS-Fuzz",
    "Packagist",
    "Pub",
    "PyPI",
    "RubyGems",
];

/// NVD's feed of changes reaches this far back.
const NVD_MODIFIED: i64 = 7 * 86_400;

/// Addresses, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// GitHub's list of releases of cvelistV5.
    pub cve: String,
    /// The folder of NVD's feeds.
    pub nvd: String,
    /// The folder of OSV's ecosystems.
    pub osv: String,
    /// CISA's list.
    pub kev: String,
    /// FIRST's current scores.
    pub epss: String,
    /// The folder of the channels.
    pub channels: String,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            cve: "https://api.github.com/repos/CVEProject/cvelistV5/releases".into(),
            nvd: "https://nvd.nist.gov/feeds/json/cve/2.0".into(),
            osv: "https://osv-vulnerabilities.storage.googleapis.com".into(),
            kev: "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json".into(),
            epss: "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz".into(),
            channels: "https://channels.nixos.org".into(),
        }
    }
}

impl Upstream {
    /// The files of a feed that may be new.
    pub fn files(&self, feed: Feed, fetcher: &Fetcher, store: &dyn Store) -> Result<Vec<RemoteFile>, ListError> {
        let file = |name: &str, url: String| RemoteFile {
            name: format!("{}/{name}", feed.folder()),
            url,
            is_optional: false,
        };
        let optional = |file: RemoteFile| RemoteFile { is_optional: true, ..file };
        let have = store.data_date(feed.name()).map_err(ListError::Store)?;
        Ok(match feed {
            Feed::Records(Source::Cve) => {
                let url = format!("{}?per_page=100", self.cve);
                let page = fetcher.page(&url).map_err(ListError::Fetch)?;
                let releases: Vec<Release> = serde_json::from_str(&page).map_err(|e| ListError::Shape {
                    url: url.clone(),
                    message: e.to_string(),
                })?;
                let assets: Vec<Asset> = releases.into_iter().flat_map(|release| release.assets).collect();
                let wanted = wanted_assets(&assets, have.as_deref());
                if wanted.is_empty() {
                    return Err(ListError::Shape {
                        url,
                        message: "no release has a file of all records".into(),
                    });
                }
                wanted
                    .into_iter()
                    .map(|asset| file(&asset.name, asset.browser_download_url.clone()))
                    .collect()
            }
            Feed::Records(Source::Nvd) => {
                let feed = |part: &str| {
                    let name = format!("nvdcve-2.0-{part}.json.gz");
                    file(&name, format!("{}/{name}", self.nvd))
                };
                let is_recent = have
                    .as_deref()
                    .and_then(timestamp::unix)
                    .is_some_and(|date| now() - date < NVD_MODIFIED);
                // Then the feed of changes is all that is missing.
                let years = 2002..=if is_recent { 0 } else { year() };
                years.map(|year| feed(&year.to_string())).chain([feed("modified")]).collect()
            }
            Feed::Records(Source::Osv) => ECOSYSTEMS
                .iter()
                .map(|ecosystem| optional(file(&format!("{ecosystem}/all.zip"), format!("{}/{ecosystem}/all.zip", self.osv))))
                .collect(),
            Feed::Kev => vec![file("known_exploited_vulnerabilities.json", self.kev.clone())],
            Feed::Epss => vec![file("epss_scores-current.csv.gz", self.epss.clone())],
            Feed::Nixpkgs => channels(now())
                .iter()
                .flat_map(|channel| ["git-revision", "packages.json.br"].map(|name| format!("{channel}/{name}")))
                .map(|name| optional(file(&name, format!("{}/{name}", self.channels))))
                .collect(),
        })
    }
}

/// A release of cvelistV5: each holds all records of the last midnight and what changed since.
#[derive(Deserialize)]
struct Release {
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    browser_download_url: String,
}

/// The changes since what we have; where they do not reach back that far, all records first.
fn wanted_assets<'a>(assets: &'a [Asset], have: Option<&str>) -> Vec<&'a Asset> {
    let date = |asset: &'a Asset| asset.name.get(..10).unwrap_or_default();
    let all = assets
        .iter()
        .filter(|asset| asset.name.contains("_all_CVEs_at_midnight"))
        .max_by_key(|asset| date(asset));
    let mut deltas: Vec<&Asset> = assets.iter().filter(|asset| asset.name.contains("_delta_CVEs_at_")).collect();
    deltas.sort_by_key(|asset| &asset.name);
    deltas.dedup_by_key(|asset| &asset.name);
    // The deltas of a day grow with its hours: the last one holds the others.
    let mut last: Vec<&Asset> = Vec::new();
    for delta in deltas {
        if last.last().is_some_and(|previous| date(previous) == date(delta)) {
            last.pop();
        }
        last.push(delta);
    }
    let have = have.and_then(|have| have.get(..10)).unwrap_or_default();
    let reaches_back = last.first().is_some_and(|oldest| date(oldest) <= have);
    match all {
        Some(all) if !reaches_back => {
            let since = date(all);
            std::iter::once(all)
                .chain(last.into_iter().filter(|delta| date(delta) >= since))
                .collect()
        }
        _ => last.into_iter().filter(|delta| date(delta) >= have).collect(),
    }
}

fn year() -> i32 {
    OffsetDateTime::from_unix_timestamp(now()).map_or(2026, OffsetDateTime::year)
}

/// The rolling channel, and the stable one with the one before it: releases come at the end of May and November, sometimes late.
fn channels(now: i64) -> Vec<String> {
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

    fn asset(name: &str) -> Asset {
        Asset {
            name: name.into(),
            browser_download_url: format!("https://x/{name}"),
        }
    }

    fn assets() -> Vec<Asset> {
        [
            "2024-10-27_delta_CVEs_at_1500Z.zip",
            "2024-10-27_delta_CVEs_at_1400Z.zip",
            "2024-10-27_all_CVEs_at_midnight.zip.zip",
            "2024-10-26_delta_CVEs_at_end_of_day.zip",
            "2024-10-26_delta_CVEs_at_2300Z.zip",
            "2024-10-26_all_CVEs_at_midnight.zip.zip",
            "2024-10-25_delta_CVEs_at_end_of_day.zip",
        ]
        .map(asset)
        .into()
    }

    fn wanted(have: Option<&str>) -> Vec<String> {
        wanted_assets(&assets(), have).into_iter().map(|asset| asset.name.clone()).collect()
    }

    #[test]
    fn the_first_time_all_records_are_wanted() {
        assert_eq!(
            wanted(None),
            ["2024-10-27_all_CVEs_at_midnight.zip.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"]
        );
    }

    #[test]
    fn then_what_changed_since() {
        assert_eq!(
            wanted(Some("2024-10-26")),
            ["2024-10-26_delta_CVEs_at_end_of_day.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"]
        );
        assert_eq!(wanted(Some("2024-10-27T09:00:00Z")), ["2024-10-27_delta_CVEs_at_1500Z.zip"]);
    }

    #[test]
    fn after_a_long_pause_all_records_again() {
        assert_eq!(wanted(Some("2024-09-01")).len(), 2);
        assert_eq!(wanted(Some("2024-09-01"))[0], "2024-10-27_all_CVEs_at_midnight.zip.zip");
    }

    #[test]
    fn channels_of_a_day() {
        let on = |day: &str| channels(timestamp::unix(day).unwrap());
        assert_eq!(on("2026-11-22"), ["nixos-unstable", "nixos-26.05", "nixos-25.11"]);
        assert_eq!(on("2026-12-01"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
        assert_eq!(on("2027-03-01"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
        assert_eq!(on("2027-05-31"), ["nixos-unstable", "nixos-26.11", "nixos-26.05"]);
    }
}
