//! What the records of an accepted subject say about one version: CPE configurations (NVD), CVE 5 and OSV version lists, each
//! judged within its own release line.

mod configuration;
mod line;
mod listed;

pub(super) use configuration::holds;
pub(super) use line::{older_line, years_apart};
pub(super) use listed::{intervals, is_open};

use super::history::Known;
use super::lines::Lines;
use super::platform::{names_free_edition, only_enterprise};
use super::profile::day;
use super::rules::{LongTerm, RULES};
use super::subject::Subject;
use crate::advisory::{Advisory, Affected, CpeMatch, Status};
use crate::range::LineClause;
use crate::version::{Components, Scheme};
use configuration::{Position, configured, decide, other_edition};
use listed::listed;

/// What one record says about one version of one subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub claim: Claim,
    /// In [0, 1].
    pub confidence: f32,
    pub rule: &'static str,
    pub detail: String,
    pub fixed_in: Option<String>,
    pub side: Side,
    /// What others added to a CNA's record: mostly a copy that lost something.
    pub is_added: bool,
}

impl Statement {
    /// What most statements have in common.
    pub(super) const NONE: Self = Self {
        claim: Claim::Unknown,
        confidence: 0.5,
        rule: "",
        detail: String::new(),
        fixed_in: None,
        side: Side::Other,
        is_added: false,
    };

    /// Whether a CNA said it, and knew: what others added to its record does not count beside that.
    pub(super) fn outranks_added(&self) -> bool {
        !self.is_added && (self.claim != Claim::Unknown || line::IN_DOUBT.contains(&self.rule))
    }
}

/// What a statement rests on, as far as sources disagree about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Affected by a range that names no start.
    OpenRange,
    /// Not affected because the version is before every start that is named.
    BeforeStart,
    Other,
}

/// Ordered: a stronger claim about the same version wins among the statements of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    Unknown,
    NotAffected,
    Fixed,
    Affected,
}

/// The version that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub version: &'a str,
    pub scheme: Scheme,
    pub is_esr: bool,
    /// The enterprise edition of a program that has others.
    pub is_enterprise: bool,
    /// Built for a processor that channels are built for.
    pub is_usual: bool,
    /// The program's lines that get fixes side by side, where a rule knows them.
    pub long_term: Option<&'a LongTerm>,
    /// What the record's versions start with that the package leaves out (`5-1.18`).
    pub prefix: Option<&'a str>,
}

/// A record with the subjects of its parts (see [`Subjects`](super::subject::Subjects)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub advisory: &'a Advisory,
    pub criteria: &'a [Option<usize>],
    pub entries: &'a [Vec<usize>],
}

/// Tells since when a version is known.
pub(super) type KnownBy<'a> = &'a dyn Fn(&Components) -> Option<Known>;

/// What is known around the subject.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The product's release lines, as all its records name them.
    pub lines: Option<&'a Lines>,
    /// What the description says about lines; read when it is asked for.
    pub clauses: &'a dyn Fn() -> &'a [LineClause],
    /// First numbers of the versions in which the package set has the product, sorted.
    pub majors: &'a [u64],
    /// Since when a version of the software is known; `None` where its releases are none of our business.
    pub known_by: Option<KnownBy<'a>>,
    /// Whether a (vendor, product) of another node is in this package set in a version that holds there.
    pub other_products: &'a dyn Fn(&CpeMatch) -> bool,
}

/// Whether a CPE name of the record is about the free edition itself.
fn is_said_of_free_edition(advisory: &Advisory) -> bool {
    let mut named = advisory.configurations.iter().flat_map(|c| &c.nodes).flat_map(|n| &n.matches);
    named.any(|m| {
        m.cpe
            .sw_edition
            .as_deref()
            .is_some_and(|edition| edition.eq_ignore_ascii_case("community"))
    })
}

/// The day by which the fix of a record was there, as far as it tells: when it was published, or the end of the year in its id where that is
/// earlier. Many records are written long after the fix.
pub(super) fn mended(advisory: &Advisory) -> u32 {
    let published = advisory.published.as_deref().map_or(0, day);
    let year = cve_of(advisory).and_then(|id| id.split('-').nth(1));
    let last = year.map_or(0, |year| day(&format!("{year}-12-31")));
    // One of the two may be missing.
    [published, last].into_iter().filter(|day| *day > 0).min().unwrap_or(0)
}

/// The CVE id that a record is about, where it has one.
pub(super) fn cve_of(advisory: &Advisory) -> Option<&str> {
    let mut ids = std::iter::once(&advisory.id).chain(&advisory.aliases);
    ids.find(|id| id.starts_with("CVE-")).map(String::as_str)
}

/// What the record says about the version, if it speaks of the subject at all.
pub(super) fn statement(record: Record<'_>, n: usize, subject: &Subject, judged: Judged<'_>, around: Around<'_>) -> Option<Statement> {
    let advisory = record.advisory;
    let mut all: Vec<Statement> = Vec::new();
    let day = mended(advisory);
    let mut cpe: Vec<Position<'_>> = Vec::new();
    let mut criteria = record.criteria;
    for configuration in &advisory.configurations {
        let size = configuration
            .nodes
            .iter()
            .map(|n| n.matches.len())
            .sum::<usize>()
            .min(criteria.len());
        let (own, rest) = criteria.split_at(size);
        criteria = rest;
        if own.contains(&Some(n)) {
            configured(configuration, (own, n), advisory, subject, judged, around, &mut cpe, &mut all);
        }
    }
    if !cpe.is_empty() {
        all.push(decide(cpe, advisory, judged, around, day));
    }
    let mut cna = advisory.affected.iter().filter(|a| a.provider == "cna").peekable();
    let is_elsewhere = cna.peek().is_some() && cna.all(|a| RULES.only_other_platforms(a));
    let mut by_others: Vec<Statement> = Vec::new();
    let mut by_cna: Vec<Statement> = Vec::new();
    for (affected, _) in advisory
        .affected
        .iter()
        .zip(record.entries)
        .filter(|(_, subjects)| subjects.contains(&n))
    {
        let said = if affected.provider == "cna" { &mut by_cna } else { &mut by_others };
        let is_esr_entry = subject.product.ends_with("esr");
        if is_esr_entry && !judged.is_esr {
            continue;
        }
        let names_esr = |a: &Affected| a.product.as_deref().is_some_and(|p| p.to_ascii_lowercase().ends_with("esr"));
        if judged.is_esr && !is_esr_entry {
            if advisory.affected.iter().any(names_esr) {
                continue;
            }
            said.push(other_edition(&subject.product_written));
            continue;
        }
        if is_elsewhere || RULES.only_other_platforms(affected) {
            let platforms = if is_elsewhere {
                "other systems".to_string()
            } else {
                affected.platforms.join(", ")
            };
            let detail = format!("the record lists only {platforms} as platforms");
            said.push(Statement {
                claim: Claim::NotAffected,
                confidence: 0.9,
                rule: "other-platform",
                detail,
                ..Statement::NONE
            });
            continue;
        }
        if RULES.only_other_processors(affected, judged.is_usual) {
            said.push(Statement {
                claim: Claim::NotAffected,
                confidence: 0.85,
                rule: "other-processor",
                detail: format!(
                    "{} names only files for other processors ({})",
                    affected.provider,
                    affected.components.first().map_or("", String::as_str)
                ),
                ..Statement::NONE
            });
            continue;
        }
        if affected.versions.is_empty() && affected.ranges.is_empty() && affected.default_status == Status::Unknown {
            continue;
        }
        said.push(listed(affected, advisory, judged, around, day));
    }
    if !by_cna.iter().any(Statement::outranks_added) {
        by_others.iter_mut().for_each(|s| s.is_added = true);
        all.append(&mut by_others);
    }
    all.append(&mut by_cna);
    if !judged.is_enterprise && only_enterprise(&advisory.description, &subject.product_written) && !all.is_empty() {
        return Some(other_edition(&format!("the enterprise edition of {}", subject.product_written)));
    }
    if !judged.is_enterprise
        && !all.is_empty()
        && let Some(feature) = RULES.enterprise_feature(&subject.product, &advisory.description, judged.version)
        && !names_free_edition(&advisory.description)
        && !is_said_of_free_edition(advisory)
    {
        let detail = format!(
            "{feature} of {} are in its enterprise edition only, and the package is another edition",
            subject.product_written
        );
        return Some(Statement {
            claim: Claim::NotAffected,
            confidence: 0.7,
            rule: "enterprise-feature",
            detail,
            ..Statement::NONE
        });
    }
    if all.iter().any(|s| s.claim == Claim::Affected)
        && let Some((what, since)) = RULES.younger_than(&subject.product, advisory, judged)
    {
        return Some(Statement {
            claim: Claim::NotAffected,
            confidence: 0.8,
            rule: "before-feature",
            detail: format!("the record is about {what}, which {} has since {since}", subject.product_written),
            side: Side::BeforeStart,
            ..Statement::NONE
        });
    }
    // A decided claim beats "unknown"; among decided ones an exact affected beats the rest.
    all.into_iter()
        .max_by(|a, b| a.claim.cmp(&b.claim).then(a.confidence.total_cmp(&b.confidence)))
}
