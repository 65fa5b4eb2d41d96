//! Where feeds come from, and how often.

use std::path::PathBuf;
use std::time::Duration;

use super::value::Address;
use super::{ConfigError, Given, Key, Secret, Section, Size, Span, data_dir};
use crate::feeds::{Feed, Upstream};
use vuln::advisory::Source;

/// The keys of this concern.
pub const KEYS: Section = Section {
    name: "feeds",
    about: "Where feeds come from, and how often they are looked at (up to a tenth earlier or later). Proxies come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` \
            and `NO_PROXY`, certificates from the system or from the file that `SSL_CERT_FILE` or `NIX_SSL_CERT_FILE` names",
    keys: &[
        Key::new(
            "feeds.mirror",
            "",
            "Folder or URL that holds the upstream files, one folder a source; without it the upstream servers are asked",
        )
        .env("FIRN_MIRROR")
        .flag("--mirror"),
        Key::new("feeds.cve_every", "1 h", "How often CVE records are looked for"),
        Key::new("feeds.nvd_every", "2 h", "How often NVD is"),
        Key::new("feeds.osv_every", "1 h", "How often OSV is"),
        Key::new("feeds.kev_every", "6 h", "How often CISA's list is"),
        Key::new("feeds.epss_every", "12 h", "How often the scores are"),
        Key::new("feeds.nixpkgs_every", "30 min", "How often the heads of channels are"),
        Key::new(
            "feeds.channels",
            "",
            "The channels; without it the rolling one, the last release and the one before",
        ),
        Key::new(
            "feeds.ecosystems",
            "Bitnami, CRAN, crates.io, GHC, Go, Hackage, Hex, npm, OSS-Fuzz, Packagist, Pub, PyPI, RubyGems",
            "OSV's ecosystems: by default those of which Nixpkgs packages something",
        ),
        Key::new(
            "feeds.nvd_key",
            "",
            "Key for NVD's API: with it ten times as many requests are allowed",
        )
        .secret(),
        Key::new(
            "feeds.downloads",
            "",
            "Folder for files on their way; without it `downloads` in the data folder",
        ),
        Key::new(
            "feeds.max_file",
            "8 GiB",
            "The largest file that is fetched; the largest real one has about 600 MB",
        ),
        Key::new("feeds.silence", "60 s", "How long a server may say nothing in the middle of a file"),
        Key::new(
            "feeds.max_time",
            "2 h",
            "How long one file may take; the next try goes on where it was",
        ),
        Key::new(
            "feeds.cve_url",
            "https://api.github.com/repos/CVEProject/cvelistV5/releases",
            "GitHub's list of releases of cvelistV5",
        ),
        Key::new("feeds.nvd_url", "https://nvd.nist.gov/feeds/json/cve/2.0", "Folder of NVD's feeds"),
        Key::new(
            "feeds.nvd_api_url",
            "https://services.nvd.nist.gov/rest/json/cves/2.0",
            "NVD's API, for what changed",
        ),
        Key::new(
            "feeds.osv_url",
            "https://osv-vulnerabilities.storage.googleapis.com",
            "Folder of OSV's ecosystems",
        ),
        Key::new(
            "feeds.kev_url",
            "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
            "CISA's list",
        ),
        Key::new(
            "feeds.epss_url",
            "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
            "The current scores",
        ),
        Key::new("feeds.channels_url", "https://channels.nixos.org", "Folder of the channels"),
    ],
};

/// Where feeds come from, and how often.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// A mirror.
    pub mirror: Option<String>,
    /// The servers that are asked without one.
    pub upstream: Upstream,
    /// Folder for files on their way; `None` where there is no data folder: then nothing is gone on with in another run.
    pub downloads: Option<PathBuf>,
    /// The largest file, in bytes.
    pub max_file: u64,
    /// How long a server may say nothing.
    pub silence: Duration,
    /// How long one file may take.
    pub max_time: Duration,
    every: [Duration; Feed::ALL.len()],
}

impl Feeds {
    /// Reads its keys.
    pub fn read(given: &Given) -> Result<Self, ConfigError> {
        let address = |name| {
            given
                .value::<Address>(name)
                .map(|address| address.0.trim_end_matches('/').to_owned())
        };
        let span = |name| given.value::<Span>(name).map(|span| span.0);
        Ok(Self {
            mirror: given.optional::<Address>("feeds.mirror")?.map(|address| address.0),
            upstream: Upstream {
                cve: address("feeds.cve_url")?,
                nvd: address("feeds.nvd_url")?,
                nvd_api: address("feeds.nvd_api_url")?,
                nvd_key: given.optional("feeds.nvd_key")?.map(Secret),
                osv: address("feeds.osv_url")?,
                ecosystems: given.list("feeds.ecosystems")?,
                kev: address("feeds.kev_url")?,
                epss: address("feeds.epss_url")?,
                channels_url: address("feeds.channels_url")?,
                channels: given.list("feeds.channels")?,
            },
            downloads: match given.optional("feeds.downloads")? {
                Some(folder) => Some(folder),
                None => data_dir().ok().map(|folder| folder.join("downloads")),
            },
            max_file: given.value::<Size>("feeds.max_file")?.0,
            silence: span("feeds.silence")?,
            max_time: span("feeds.max_time")?,
            every: [
                span("feeds.cve_every")?,
                span("feeds.nvd_every")?,
                span("feeds.osv_every")?,
                span("feeds.kev_every")?,
                span("feeds.epss_every")?,
                span("feeds.nixpkgs_every")?,
            ],
        })
    }

    /// How often a feed is looked at.
    pub fn every(&self, feed: Feed) -> Duration {
        let [cve, nvd, osv, kev, epss, nixpkgs] = self.every;
        match feed {
            Feed::Records(Source::Cve) => cve,
            Feed::Records(Source::Nvd) => nvd,
            Feed::Records(Source::Osv) => osv,
            Feed::Kev => kev,
            Feed::Epss => epss,
            Feed::Nixpkgs => nixpkgs,
        }
    }
}
