//! What all records about one vulnerability say together: one line for lists, whatever the number of sources.

use std::collections::HashSet;

use vuln::advisory::{Advisory, Source, State, Tag};
use vuln::id::CveId;
use vuln::score::{Score, Severity, leading};

use crate::timestamp;

/// The columns that lists sort and show.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// One line; empty where no source has one.
    pub title: String,
    /// English text.
    pub description: String,
    /// Whether the vulnerability's record was rejected or withdrawn.
    pub rejected: bool,
    /// As the source wrote it.
    pub published: Option<String>,
    /// As the source wrote it: the latest of all records.
    pub modified: Option<String>,
    /// CVSS base score.
    pub score: Option<f32>,
    /// Of that score.
    pub severity: Severity,
    /// `YYYY-MM-DD`: when a record says it entered CISA's list. The list itself goes before it.
    pub kev_date: Option<String>,
    /// `none`, `poc`, `active`.
    pub ssvc: Option<String>,
    /// Space separated.
    pub tags: String,
    /// Other ids, each once.
    pub aliases: Vec<String>,
}

/// The vulnerabilities that a record is about: its CVE ids, else itself.
pub fn names(advisory: &Advisory) -> Vec<String> {
    let is_cve = |id: &str| id.parse::<CveId>().is_ok();
    if is_cve(&advisory.id) {
        return vec![advisory.id.clone()];
    }
    let mut names: Vec<String> = advisory.aliases.iter().filter(|id| is_cve(id)).cloned().collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push(advisory.id.clone());
    }
    names
}

/// Year and number of an id (`CVE-2024-3094`, `GO-2020-0007`); zeros where it has none.
pub fn year_and_number(id: &str) -> (u32, u64) {
    let mut parts = id.rsplitn(3, '-');
    let (number, year) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (year.parse(), number.parse()) {
        (Ok(year @ 1980..=2200), Ok(number)) if parts.next().is_some() && number <= i64::MAX as u64 => (year, number),
        _ => (0, 0),
    }
}

impl Summary {
    /// Of all current records about the vulnerability `name`.
    pub fn of(name: &str, advisories: &[&Advisory]) -> Self {
        // The CVE program names and describes, NVD next; OSV's databases speak about their own packages.
        let mut ranked = advisories.to_vec();
        ranked.sort_by_key(|a| (a.source, &a.id));
        let first = |text: fn(&Advisory) -> Option<&str>| ranked.iter().find_map(|a| text(a).map(str::trim).filter(|t| !t.is_empty()));
        let score = decisive_score(&ranked);
        let mut tags: Vec<&str> = ranked.iter().flat_map(|a| &a.tags).map(|tag| tag_name(*tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        let (mut aliases, mut seen) = (Vec::new(), HashSet::from([name]));
        for id in ranked.iter().flat_map(|a| std::iter::once(&a.id).chain(&a.aliases)) {
            // Two CVE ids in one record are two vulnerabilities, not two names of one.
            let another_cve = id.parse::<CveId>().is_ok() && name.parse::<CveId>().is_ok();
            if !another_cve && seen.insert(id.as_str()) {
                aliases.push(id.clone());
            }
        }
        Self {
            title: first(|a| a.title.as_deref()).unwrap_or_default().to_owned(),
            description: first(|a| match &a.state {
                State::Rejected { reason, .. } if a.description.is_empty() => Some(reason),
                _ => Some(&a.description),
            })
            .unwrap_or_default()
            .to_owned(),
            rejected: is_rejected(&ranked),
            published: first(|a| a.published.as_deref()).map(str::to_owned),
            modified: ranked
                .iter()
                .filter_map(|a| a.modified.clone())
                .max_by(|a, b| timestamp::compare(a, b)),
            score: score.and_then(Score::value),
            severity: Severity::from_score(score.and_then(Score::value)),
            kev_date: ranked.iter().filter_map(|a| a.kev_date.clone()).min(),
            ssvc: ranked.iter().find_map(|a| a.ssvc.as_ref()).map(|s| s.exploitation.clone()),
            tags: tags.join(" "),
            aliases,
        }
    }
}

/// The CVE program decides; without it NVD; OSV records only where all of them were withdrawn.
fn is_rejected(ranked: &[&Advisory]) -> bool {
    let rejected = |a: &&Advisory| matches!(a.state, State::Rejected { .. });
    match ranked.first() {
        Some(first) if first.source != Source::Osv => rejected(first),
        Some(_) => ranked.iter().all(rejected),
        None => false,
    }
}

/// The score that decides the severity ([`leading`]).
fn decisive_score<'a>(ranked: &[&'a Advisory]) -> Option<&'a Score> {
    let scores: Vec<(Source, &Score)> = ranked.iter().flat_map(|a| a.scores.iter().map(|s| (a.source, s))).collect();
    scores.get(leading(scores.iter().copied())?).map(|(_, score)| *score)
}

fn tag_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Disputed => "disputed",
        Tag::ExclusivelyHostedService => "exclusively-hosted-service",
        Tag::UnsupportedWhenAssigned => "unsupported-when-assigned",
    }
}

#[cfg(test)]
mod tests {
    use vuln::score::CvssVersion;

    use super::*;

    fn advisory(source: Source, id: &str) -> Advisory {
        Advisory {
            id: id.into(),
            source,
            ..Advisory::default()
        }
    }

    fn score(provider: &str, version: CvssVersion, published: f32) -> Score {
        Score {
            provider: provider.into(),
            version,
            vector: String::new(),
            published: Some(published),
            computed: None,
        }
    }

    #[test]
    fn a_record_is_about_its_cves_or_itself() {
        let mut osv = advisory(Source::Osv, "GO-2020-0007");
        assert_eq!(names(&osv), ["GO-2020-0007"]);
        osv.aliases = [
            "GHSA-xxxx-yyyy-zzzz",
            "CVE-2020-2",
            "CVE-2020-10002",
            "CVE-2020-10001",
            "CVE-2020-10002",
        ]
        .map(String::from)
        .into();
        assert_eq!(names(&osv), ["CVE-2020-10001", "CVE-2020-10002"]);
        assert_eq!(names(&advisory(Source::Nvd, "CVE-2020-10001")), ["CVE-2020-10001"]);
    }

    #[test]
    fn years_and_numbers_of_ids() {
        assert_eq!(year_and_number("CVE-2024-3094"), (2024, 3094));
        assert_eq!(year_and_number("GO-2020-0007"), (2020, 7));
        for none in ["GHSA-2222-3333-4444x", "BIT-activemq-2021", "2020-0007", "", "CVE-1-2"] {
            assert_eq!(year_and_number(none), (0, 0), "{none}");
        }
    }

    #[test]
    fn the_cve_program_describes_and_decides() {
        let (mut cve, mut nvd, mut osv) = (
            advisory(Source::Cve, "CVE-2020-0001"),
            advisory(Source::Nvd, "CVE-2020-0001"),
            advisory(Source::Osv, "GO-1"),
        );
        cve.description = "by the CNA".into();
        cve.state = State::Rejected {
            reason: "duplicate".into(),
            replaced_by: vec![],
        };
        cve.modified = Some("2020-01-02T00:00:00Z".into());
        nvd.description = "by NVD".into();
        nvd.modified = Some("2020-01-01T00:00:00.000".into());
        osv.title = Some("a title".into());
        osv.aliases = vec!["CVE-2020-0001".into(), "CVE-2020-0002".into(), "GHSA-1".into()];
        let summary = Summary::of("CVE-2020-0001", &[&osv, &nvd, &cve]);
        assert!(summary.rejected);
        assert_eq!((summary.title.as_str(), summary.description.as_str()), ("a title", "by the CNA"));
        assert_eq!(summary.modified.as_deref(), Some("2020-01-02T00:00:00Z"));
        assert_eq!(summary.aliases, ["GO-1", "GHSA-1"]);
        assert!(!Summary::of("CVE-2020-0001", &[&osv, &nvd]).rejected);
    }

    #[test]
    fn the_reason_stands_where_a_rejected_record_has_no_text() {
        let mut cve = advisory(Source::Cve, "CVE-2020-0001");
        cve.state = State::Rejected {
            reason: "not a vulnerability".into(),
            replaced_by: vec![],
        };
        assert_eq!(Summary::of("CVE-2020-0001", &[&cve]).description, "not a vulnerability");
    }

    #[test]
    fn the_newest_cvss_version_wins_then_the_provider() {
        let (mut cve, mut nvd) = (advisory(Source::Cve, "CVE-2020-0001"), advisory(Source::Nvd, "CVE-2020-0001"));
        nvd.scores = vec![
            score("nvd@nist.gov", CvssVersion::V2, 10.0),
            score("nvd@nist.gov", CvssVersion::V31, 5.0),
        ];
        cve.scores = vec![score("CISA-ADP", CvssVersion::V31, 9.8)];
        assert_eq!(Summary::of("CVE-2020-0001", &[&cve, &nvd]).score, Some(5.0));
        cve.scores.push(score("cna", CvssVersion::V31, 7.5));
        let summary = Summary::of("CVE-2020-0001", &[&cve, &nvd]);
        assert_eq!((summary.score, summary.severity), (Some(7.5), Severity::High));
        cve.scores.push(score("CISA-ADP", CvssVersion::V4, 2.0));
        assert_eq!(Summary::of("CVE-2020-0001", &[&cve, &nvd]).score, Some(2.0));
    }
}
