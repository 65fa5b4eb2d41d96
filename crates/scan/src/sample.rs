//! Findings for tests.

use vuln::verdict::Verdict;

use crate::finding::Finding;

/// A finding of which only this is known.
pub fn finding(package: u32, id: &str, verdict: Verdict) -> Finding {
    Finding {
        package,
        id: id.into(),
        aliases: Vec::new(),
        title: None,
        description: String::new(),
        verdict,
        confidence: 0.9,
        evidence: Vec::new(),
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
