//! The statistics that scripts ask for, here and on the command line.

use std::collections::BTreeMap;

use super::api::shape::shape;
use super::time;
use crate::store::queue::{JobRow, State};
use crate::store::read::{Channel, Counts, Source};

shape! {
    /// How much there is and how old it is.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Stats {
        /// CVE 5 records.
        pub cve: Feed,
        /// NVD records.
        pub nvd: Feed,
        /// OSV records.
        pub osv: Feed,
        /// Known exploited vulnerabilities.
        pub kev: Feed,
        /// EPSS scores.
        pub epss: Feed,
        /// Attributes in the current package set, by channel.
        pub packages: BTreeMap<String, u64>,
        /// (vulnerability, package) pairs over all channels, all verdicts included.
        pub suggestions: u64,
        /// Vulnerabilities, whatever the number of records about each.
        pub vulnerabilities: u64,
        /// How each source is doing, package sets (`nixpkgs/CHANNEL`) included.
        pub sources: Vec<SourceState>,
    }
}

shape! {
    /// One feed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Feed {
        /// Distinct ids.
        pub records: u64,
        /// Age of the newest data in seconds; `None` where there is none.
        pub age_s: Option<i64>,
    }
}

impl Stats {
    /// Puts together what the store answered.
    pub fn new(sources: &[Source], channels: &[Channel], counts: &Counts, now: i64) -> Self {
        let feed = |name: &str, records| Feed {
            records,
            age_s: sources
                .iter()
                .find(|source| source.name == name)
                .and_then(|source| age(source, now)),
        };
        Self {
            cve: feed("cve", counts.cve),
            nvd: feed("nvd", counts.nvd),
            osv: feed("osv", counts.osv),
            kev: feed("kev", counts.kev),
            epss: feed("epss", counts.epss),
            packages: channels.iter().map(|channel| (channel.name.clone(), channel.packages)).collect(),
            suggestions: channels.iter().map(|channel| channel.count(|_| true, None)).sum(),
            vulnerabilities: counts.vulnerabilities,
            sources: SourceState::all(sources, &[], now),
        }
    }

    /// With when each source is looked at next.
    pub fn with_jobs(mut self, sources: &[Source], jobs: &[JobRow], now: i64) -> Self {
        self.sources = SourceState::all(sources, jobs, now);
        self
    }

    /// The feeds with their names.
    pub fn feeds(&self) -> [(&'static str, Feed); 5] {
        [
            ("cve", self.cve),
            ("nvd", self.nvd),
            ("osv", self.osv),
            ("kev", self.kev),
            ("epss", self.epss),
        ]
    }
}

shape! {
    /// How a source is doing.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SourceState {
        /// `cve`, `nvd`, `osv`, `kev`, `epss`, `nixpkgs/CHANNEL`.
        pub name: String,
        /// Unix seconds.
        pub last_success: Option<i64>,
        /// Age of the newest data in seconds; `None` where there is none.
        pub age_s: Option<i64>,
        /// Records a second, of the file taken last that had any.
        pub rate: Option<f64>,
        /// Why the last look failed; `None` where it did not.
        pub last_error: Option<String>,
        /// When a server looks next, unix seconds; `None` where none ever ran.
        pub next_at: Option<i64>,
        /// Whether a server is looking.
        pub is_running: bool,
    }
}

impl SourceState {
    /// All sources.
    pub fn all(sources: &[Source], jobs: &[JobRow], now: i64) -> Vec<Self> {
        let state = |source: &Source| {
            let feed = source.name.split('/').next().unwrap_or_default();
            let job = jobs.iter().find(|job| job.kind == "sync" && job.subject == feed);
            Self {
                name: source.name.clone(),
                last_success: source.last_success,
                age_s: age(source, now),
                rate: source.rate,
                last_error: source.last_error.clone(),
                next_at: job.filter(|job| job.state == State::Waiting).map(|job| job.run_at),
                is_running: job.is_some_and(|job| job.state == State::Running),
            }
        };
        sources.iter().map(state).collect()
    }
}

/// The age of a source's data: of the date that the data states, else of the last success.
pub fn age(source: &Source, now: i64) -> Option<i64> {
    let date = source.data_date.as_deref().and_then(time::unix).or(source.last_success)?;
    Some((now - date).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_data() {
        let source = |data_date: Option<&str>, last_success| Source {
            name: "cve".to_owned(),
            last_attempt: 0,
            last_success,
            last_error: None,
            data_date: data_date.map(str::to_owned),
            rate: None,
        };
        assert_eq!(age(&source(Some("1970-01-02"), Some(90_000)), 100_000), Some(13_600));
        assert_eq!(age(&source(Some("soon"), Some(90_000)), 100_000), Some(10_000));
        assert_eq!(age(&source(None, None), 100_000), None);
        // A clock that is behind must not make a negative age.
        assert_eq!(age(&source(None, Some(200_000)), 100_000), Some(0));
    }
}
