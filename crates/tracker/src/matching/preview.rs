//! What a match would change.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use vuln::verdict::Verdict;

use crate::store::result::{MatchResult, MatchedChannel, OutcomeRow, Suggestion};
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

/// Compares the result of matching channels (names by rows) with what the store holds. Answers how many verdicts would be written.
pub fn compare(
    store: &dyn Store,
    channels: &HashMap<i64, &str>,
    result: MatchResult<'_>,
    preview: &Mutex<Preview>,
) -> Result<u64, StoreError> {
    let mut comparing = HashMap::new();
    for matched in result.channels {
        let Some(name) = channels.get(&matched.channel) else { continue };
        comparing.insert(matched.channel, Comparing::begin(store, name, matched)?);
    }
    let mut written = 0;
    for outcome in result.outcomes {
        let outcome = outcome?;
        let mut preview = preview.lock().unwrap_or_else(PoisonError::into_inner);
        let Preview { changes, names, .. } = &mut *preview;
        if let (Some(channel), Some(name)) = (comparing.get_mut(&outcome.channel), names.get(&outcome.vulnerability)) {
            written += outcome.verdicts.len() as u64;
            channel.compare(name, &outcome, changes);
        }
    }
    let mut preview = preview.lock().unwrap_or_else(PoisonError::into_inner);
    for channel in comparing.into_values() {
        preview.channels += 1;
        channel.end(&mut preview.changes);
    }
    preview.verdicts += written;
    Ok(written)
}

/// A channel that is compared.
struct Comparing<'a> {
    channel: &'a str,
    is_full: bool,
    /// Verdict and version by vulnerability and package.
    before: HashMap<(String, String), (Verdict, String)>,
    /// By package.
    versions: HashMap<String, String>,
    /// The vulnerabilities, where not all are matched.
    matched: HashSet<String>,
}

impl<'a> Comparing<'a> {
    fn begin(store: &dyn Store, channel: &'a str, matched: MatchedChannel) -> Result<Self, StoreError> {
        let mut before = HashMap::new();
        let mut note = |line: Suggestion| {
            before.insert((line.cve, line.package), (line.verdict, line.version));
            Ok(())
        };
        store.suggestions(Some(channel), &mut note)?;
        Ok(Self {
            channel,
            is_full: matched.clusters.is_some(),
            before,
            versions: matched.clusters.into_iter().flatten().map(|c| (c.name, c.version)).collect(),
            matched: HashSet::new(),
        })
    }

    fn compare(&mut self, name: &str, outcome: &OutcomeRow, changes: &mut Vec<Change>) {
        if !self.is_full {
            self.matched.insert(name.to_owned());
        }
        for line in &outcome.verdicts {
            let known = self.before.remove(&(name.to_owned(), line.cluster.clone()));
            if known.as_ref().is_some_and(|(verdict, _)| *verdict == line.verdict) {
                continue;
            }
            let version = self
                .versions
                .get(&line.cluster)
                .cloned()
                .or(known.as_ref().map(|(_, version)| version.clone()));
            changes.push(Change {
                channel: self.channel.to_owned(),
                vulnerability: name.to_owned(),
                package: line.cluster.clone(),
                version: version.unwrap_or_default(),
                before: known.map(|(verdict, _)| verdict),
                after: Some(line.verdict),
            });
        }
    }

    /// What is left had a verdict and would have none.
    fn end(self, changes: &mut Vec<Change>) {
        let (is_full, matched) = (self.is_full, self.matched);
        let gone = self.before.into_iter().filter(|((name, _), _)| is_full || matched.contains(name));
        changes.extend(gone.map(|((vulnerability, package), (verdict, version))| Change {
            channel: self.channel.to_owned(),
            vulnerability,
            package,
            version,
            before: Some(verdict),
            after: None,
        }));
    }
}
