//! What a match would change.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use vuln::verdict::Verdict;

use crate::store::result::{MatchResult, Suggestion};
use crate::store::{Store, StoreError};

/// A verdict that would come, go or be another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// Channel.
    pub channel: String,
    /// `CVE-2024-3094`
    pub vulnerability: String,
    /// Name of the cluster.
    pub package: String,
    /// Its version: as it is now where the verdict would go.
    pub version: String,
    /// The verdict there is.
    pub before: Option<Verdict>,
    /// The verdict there would be.
    pub after: Option<Verdict>,
}

/// What a match would change.
#[derive(Debug, Default)]
pub struct Preview {
    /// By channel, vulnerability and package.
    pub changes: Vec<Change>,
    /// Verdicts that would be written.
    pub verdicts: u64,
    /// Channels that would be matched.
    pub channels: u64,
    /// Vulnerabilities that were matched, by their rows.
    pub(super) names: HashMap<i64, String>,
}

impl Preview {
    pub(super) fn sort(&mut self) {
        self.changes.sort();
    }
}

/// Compares the result of matching a channel with what the store holds. Answers how many verdicts would be written.
pub fn compare(store: &dyn Store, channel: &str, result: MatchResult<'_>, preview: &Mutex<Preview>) -> Result<u64, StoreError> {
    let mut before: HashMap<(String, String), (Verdict, String)> = HashMap::new();
    let mut note = |line: Suggestion| {
        before.insert((line.cve, line.package), (line.verdict, line.version));
        Ok(())
    };
    store.suggestions(Some(channel), &mut note)?;
    let is_full = result.clusters.is_some();
    let versions: HashMap<String, String> = result.clusters.into_iter().flatten().map(|c| (c.name, c.version)).collect();
    let mut preview = preview.lock().unwrap_or_else(PoisonError::into_inner);
    let Preview {
        changes, verdicts, names, ..
    } = &mut *preview;
    let mut matched = Vec::new();
    let mut written = 0;
    for outcome in result.outcomes {
        let Some(name) = names.get(&outcome.vulnerability) else { continue };
        matched.push(name.as_str());
        for line in &outcome.verdicts {
            written += 1;
            let known = before.remove(&(name.clone(), line.cluster.clone()));
            if known.as_ref().is_some_and(|(verdict, _)| *verdict == line.verdict) {
                continue;
            }
            let version = versions
                .get(&line.cluster)
                .cloned()
                .or(known.as_ref().map(|(_, version)| version.clone()));
            changes.push(Change {
                channel: channel.to_owned(),
                vulnerability: name.clone(),
                package: line.cluster.clone(),
                version: version.unwrap_or_default(),
                before: known.map(|(verdict, _)| verdict),
                after: Some(line.verdict),
            });
        }
    }
    matched.sort_unstable();
    let gone = before
        .into_iter()
        .filter(|((name, _), _)| is_full || matched.binary_search(&name.as_str()).is_ok());
    changes.extend(gone.map(|((vulnerability, package), (verdict, version))| Change {
        channel: channel.to_owned(),
        vulnerability,
        package,
        version,
        before: Some(verdict),
        after: None,
    }));
    *verdicts += written;
    preview.channels += 1;
    Ok(written)
}
