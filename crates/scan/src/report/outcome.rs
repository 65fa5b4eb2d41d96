//! What a finding comes to in the states of VEX: the verdict, unless somebody decided otherwise.

use attest::vex::Justification;
use vuln::verdict::Verdict;

use super::words;
use crate::finding::{Finding, Status};

/// A state of VEX with the words that its formats ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The fault is there. What to do, and what can be expected.
    Affected(String, Prospect),
    /// Mended by a patch of the package.
    Patched,
    /// Mended upstream, or somebody says that it was mended.
    Fixed,
    /// Why it does not concern the package: by label, and in words.
    NotAffected(Option<Justification>, String),
    /// Not known yet.
    UnderInvestigation,
}

/// What can be expected of a fault that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// A version without it exists.
    Update,
    /// Somebody accepted it.
    Accepted,
    /// Nothing is known to help.
    Nothing,
}

/// What a finding comes to.
pub fn of(finding: &Finding) -> Outcome {
    let said = finding.decision.as_ref();
    let reason = || words::decision(finding).unwrap_or_default();
    match said.map(|d| d.status) {
        Some(Status::NotAffected) => {
            let label = said.and_then(|d| d.justification.as_deref()).and_then(Justification::named);
            Outcome::NotAffected(label, reason())
        }
        Some(Status::Fixed) => Outcome::Fixed,
        Some(Status::UnderInvestigation) => Outcome::UnderInvestigation,
        Some(Status::Accepted) => Outcome::Affected(reason(), Prospect::Accepted),
        Some(Status::Affected) => affected(finding),
        None => match finding.verdict {
            Verdict::Affected | Verdict::KnownVulnerable => affected(finding),
            Verdict::Unknown => Outcome::UnderInvestigation,
            Verdict::Patched => Outcome::Patched,
            Verdict::Fixed => Outcome::Fixed,
            Verdict::NotAffected => {
                let evidence = words::evidence(finding);
                let known = if evidence.is_empty() {
                    "its version or platform is not concerned"
                } else {
                    &evidence
                };
                Outcome::NotAffected(None, known.to_owned())
            }
        },
    }
}

fn affected(finding: &Finding) -> Outcome {
    match words::remedy(finding) {
        Some(remedy) => Outcome::Affected(format!("Update: {remedy}."), Prospect::Update),
        None => Outcome::Affected(
            "No version without this vulnerability is known; see whether a patch can be applied or the package be removed.".into(),
            Prospect::Nothing,
        ),
    }
}

/// How the outcome was found, in a sentence or two.
pub fn notes(finding: &Finding) -> String {
    let mut notes = format!("{} with confidence {:.2}", words::verdict(finding.verdict), finding.confidence);
    let evidence = words::evidence(finding);
    if !evidence.is_empty() {
        notes += &format!(": {evidence}");
    }
    if let Some(decision) = words::decision(finding) {
        notes += &format!(". Decided: {decision}");
    }
    notes
}
