//! Findings: what a record says, and how sure a verdict is of a package that was seen from outside only.

use std::cmp::Ordering;
use std::collections::HashSet;

use vuln::advisory::Advisory;
use vuln::score::{Score, Severity, leading};
use vuln::snapshot::{Record, Surroundings};
use vuln::verdict::{Evidence, Match, Verdict};

use super::join::{Counterpart, Joined};
use crate::finding::Finding;
use crate::inventory::{Inventory, Seen};

/// Bytes of a description that are kept.
const MAX_DESCRIPTION: usize = 4096;
/// Addresses that are kept.
const MAX_REFERENCES: usize = 200;
/// What is left of the confidence in `affected` where patches cannot be seen: chosen, not measured. Most affected packages carry no patch;
/// too many do for the answer to be as sure as with the derivation at hand.
const UNSEEN: f32 = 0.8;
/// The same, where a channel's package of that name and version is known to be patched.
const PATCHED_ELSEWHERE: f32 = 0.5;
/// The same of a library that another package carries inside: most programs use a part of it.
const INSIDE: f32 = 0.6;

/// What all findings of one record have in common.
pub(super) struct About<'a> {
    surroundings: &'a Surroundings,
    finding: Finding,
}

impl<'a> About<'a> {
    pub fn of(record: &Record, surroundings: &'a Surroundings) -> Self {
        // The CVE program names and describes, NVD next; OSV's databases speak about their own packages.
        let mut ranked: Vec<&Advisory> = record.advisories.iter().collect();
        ranked.sort_by_key(|a| (a.source, &a.id));
        let first = |text: fn(&Advisory) -> Option<&str>| ranked.iter().find_map(|a| text(a).map(str::trim).filter(|t| !t.is_empty()));
        let scores: Vec<(vuln::advisory::Source, &Score)> = ranked.iter().flat_map(|a| a.scores.iter().map(|s| (a.source, s))).collect();
        let (mut aliases, mut seen) = (Vec::new(), HashSet::from([record.id.as_str()]));
        for id in ranked.iter().flat_map(|a| std::iter::once(&a.id).chain(&a.aliases)) {
            // Two CVE ids in one record are two vulnerabilities, not two names of one.
            if !(is_cve(id) && is_cve(&record.id)) && seen.insert(id) {
                aliases.push(id.clone());
            }
        }
        let finding = Finding {
            package: 0,
            id: record.id.clone(),
            aliases,
            title: first(|a| a.title.as_deref()).map(str::to_owned),
            description: head(first(|a| Some(&a.description)).unwrap_or_default()).to_owned(),
            verdict: Verdict::Unknown,
            confidence: 0.0,
            evidence: Vec::new(),
            fixed_in: None,
            fixed_channels: Vec::new(),
            leading_score: leading(scores.iter().copied()),
            scores: scores.into_iter().map(|(_, s)| s.clone()).collect(),
            epss: record.epss,
            exploited_since: record.exploited_since.clone(),
            published: first(|a| a.published.as_deref()).map(str::to_owned),
            modified: ranked.iter().filter_map(|a| a.modified.clone()).max(),
            cwes: once(ranked.iter().flat_map(|a| &a.cwes)),
            references: once(ranked.iter().flat_map(|a| a.references.iter().map(|r| &r.url)).take(MAX_REFERENCES)),
            decision: None,
        };
        Self { surroundings, finding }
    }

    /// The finding for one package.
    pub fn finding(&self, package: u32, found: &Match, joined: &Joined, inventory: &Inventory) -> Finding {
        let scanned = inventory.packages.get(package as usize);
        let counterparts = joined.packages.get(package as usize).map_or(&[][..], |p| &p.counterparts);
        let (attr, version) = scanned.map_or(("", ""), |s| (s.package.attr.as_str(), s.package.version.as_str()));
        let verdicts: Vec<(&Counterpart, Verdict)> = counterparts.iter().filter_map(|c| Some((c, self.verdict_of(c.number)?))).collect();
        let (mut confidence, mut evidence) = (found.confidence, found.evidence.clone());
        let is_seen = scanned.is_none_or(|s| s.seen.shows_patches() || (s.seen == Seen::Sbom && !s.package.patches.is_empty()));
        let is_open = matches!(found.verdict, Verdict::Affected | Verdict::Unknown);
        if is_open && scanned.is_some_and(|s| !s.inside.is_empty()) {
            confidence *= INSIDE;
            evidence.push(Evidence {
                rule: "carried-inside".to_owned(),
                detail: "it is a dependency that another package carries inside: whether the part with the fault is built in and used \
                         cannot be seen"
                    .to_owned(),
            });
        } else if is_open && !is_seen {
            let patched = verdicts
                .iter()
                .find(|(c, verdict)| *verdict == Verdict::Patched && c.version == version);
            let (factor, rule, detail) = match patched {
                Some((c, _)) => (
                    PATCHED_ELSEWHERE,
                    "patched-in-channel",
                    format!(
                        "{} of {} has this version with a patch for it; whether this one has the patch cannot be seen",
                        c.name,
                        joined.channels.get(c.channel as usize).map_or("a channel", String::as_str)
                    ),
                ),
                None => (
                    UNSEEN,
                    "patches-not-visible",
                    "only name and version are known of the package: it may carry a patch that cannot be seen".to_owned(),
                ),
            };
            confidence *= factor;
            evidence.push(Evidence {
                rule: rule.to_owned(),
                detail,
            });
        }
        Finding {
            package,
            verdict: found.verdict,
            confidence: (confidence * 1000.0).round() / 1000.0,
            evidence,
            fixed_in: found.fixed_in.clone(),
            fixed_channels: fixed_channels(&verdicts, attr, joined),
            ..self.finding.clone()
        }
    }

    fn verdict_of(&self, package: u32) -> Option<Verdict> {
        let rows = &self.surroundings.verdicts;
        let at = rows.binary_search_by_key(&package, |row| row.package).ok()?;
        rows.get(at).map(|row| row.verdict)
    }
}

/// What the tracker says of a channel's own package, and no more.
pub(super) fn settled(package: u32, id: &str, verdict: Verdict, joined: &Joined) -> Finding {
    let channel = joined.context().unwrap_or("its channel");
    Finding {
        package,
        id: id.to_owned(),
        aliases: Vec::new(),
        title: None,
        description: String::new(),
        verdict,
        confidence: 1.0,
        evidence: vec![Evidence {
            rule: "channel-verdict".to_owned(),
            detail: format!("{channel} has this very package, and the tracker's verdict about it there is the same"),
        }],
        fixed_in: None,
        fixed_channels: Vec::new(),
        scores: Vec::new(),
        leading_score: None,
        epss: None,
        exploited_since: None,
        published: None,
        modified: None,
        cwes: Vec::new(),
        references: Vec::new(),
        decision: None,
    }
}

/// The channels whose package of this name does not have the fault: that of the same attribute where there is one.
fn fixed_channels(verdicts: &[(&Counterpart, Verdict)], attr: &str, joined: &Joined) -> Vec<(String, String)> {
    let is_fixed = |v: Verdict| matches!(v, Verdict::Fixed | Verdict::Patched | Verdict::NotAffected);
    let mut fixed = Vec::new();
    for (channel, name) in (0u32..).zip(&joined.channels) {
        let here = || verdicts.iter().filter(move |(c, _)| c.channel == channel);
        let own = here().find(|(c, _)| c.name == attr);
        let one = own.or_else(|| here().find(|(_, v)| is_fixed(*v)));
        if let Some((counterpart, verdict)) = one
            && is_fixed(*verdict)
        {
            fixed.push((name.clone(), counterpart.version.clone()));
        }
    }
    fixed
}

/// Worst first: what is open, then exploited, then by severity, likelihood and confidence.
pub fn sort(findings: &mut [Finding], inventory: &Inventory) {
    let name = |f: &Finding| {
        inventory
            .packages
            .get(f.package as usize)
            .map(|p| (&p.package.pname, &p.package.version))
    };
    findings.sort_by(|a, b| {
        let descending = |a: Option<f32>, b: Option<f32>| b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0));
        let open: Ordering = (!a.verdict.is_open()).cmp(&!b.verdict.is_open());
        open.then_with(|| a.verdict.cmp(&b.verdict))
            .then_with(|| a.exploited_since.is_none().cmp(&b.exploited_since.is_none()))
            .then_with(|| severity(b).cmp(&severity(a)))
            .then_with(|| descending(score(a), score(b)))
            .then_with(|| descending(a.epss.map(|e| e.0), b.epss.map(|e| e.0)))
            .then_with(|| b.confidence.total_cmp(&a.confidence))
            .then_with(|| (name(a), &a.id, a.package).cmp(&(name(b), &b.id, b.package)))
    });
}

fn score(finding: &Finding) -> Option<f32> {
    finding.scores.get(finding.leading_score?).and_then(Score::value)
}

fn severity(finding: &Finding) -> Severity {
    Severity::from_score(score(finding))
}

fn is_cve(id: &str) -> bool {
    id.parse::<vuln::id::CveId>().is_ok()
}

fn once<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.filter(|text| seen.insert(text.as_str())).cloned().collect()
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(MAX_DESCRIPTION);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
