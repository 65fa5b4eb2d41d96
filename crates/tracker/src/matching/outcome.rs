//! Outcomes of the matcher as rows of the store.

use vuln::matching::{Cluster, PackageIndex};
use vuln::verdict::{Match, NearMiss, Outcome};

use crate::store::result::{NearMissLine, OutcomeRow, VerdictLine};

/// One vulnerability's outcome.
pub fn row(channel: i64, vulnerability: i64, outcome: Outcome, index: &PackageIndex) -> OutcomeRow {
    let cluster = |n: usize| index.clusters().get(n);
    let near: Vec<NearMissLine> = outcome
        .near_misses
        .into_iter()
        .filter_map(|miss| Some(near_miss(cluster(miss.cluster)?, miss)))
        .collect();
    OutcomeRow {
        channel,
        vulnerability,
        disposition: outcome.disposition,
        near_misses: if near.is_empty() { None } else { serde_json::to_string(&near).ok() },
        verdicts: outcome
            .matches
            .into_iter()
            .filter_map(|found| Some(verdict(cluster(found.cluster)?, found)))
            .collect(),
    }
}

fn verdict(cluster: &Cluster, found: Match) -> VerdictLine {
    VerdictLine {
        cluster: cluster.name.clone(),
        verdict: found.verdict,
        confidence: rounded(found.confidence),
        fixed_in: found.fixed_in,
        // A list of two texts each is always JSON.
        evidence: serde_json::to_string(&found.evidence).unwrap_or_else(|_| "[]".to_owned()).into(),
    }
}

fn near_miss(cluster: &Cluster, miss: NearMiss) -> NearMissLine {
    NearMissLine {
        name: cluster.name.clone(),
        pname: cluster.package.pname.clone(),
        version: cluster.package.version.clone(),
        confidence: rounded(miss.confidence),
        evidence: miss.evidence,
    }
}

/// A thousandth is more than anybody can tell apart.
fn rounded(confidence: f32) -> f32 {
    (confidence * 1000.0).round() / 1000.0
}
