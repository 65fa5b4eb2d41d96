//! Two scans compared: what an update fixes, what it brings, what stays.

use std::collections::BTreeMap;

use vuln::score::Severity;

use crate::finding::{Finding, Report};

/// What became of the open findings between two scans. A finding is the same in both if it is the same vulnerability in a
/// package of the same name: versions change with every update.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff {
    /// Worst first.
    pub changes: Vec<Change>,
}

/// One vulnerability of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `CVE-2024-3094`.
    pub id: String,
    /// Name of the package.
    pub pname: String,
    /// Versions that have it in the first scan.
    pub before: Vec<String>,
    /// Versions that have it in the second scan.
    pub after: Vec<String>,
    /// The worse of both.
    pub severity: Severity,
    /// Known to be exploited.
    pub exploited: bool,
    /// What became of it.
    pub fate: Fate,
    /// What can be done about it.
    pub advice: Advice,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// In the second scan only.
    Introduced,
    /// In both.
    Unchanged,
    /// In the first scan only.
    Fixed,
}

/// What can be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Take what was scanned second.
    Update,
    /// Wait for the channel, or take the package from it: (channel, version that does not have it).
    Channel(String, String),
    /// Nothing that we know of has a fix.
    Nowhere,
}

impl Fate {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Unchanged => "unchanged",
            Self::Fixed => "fixed",
        }
    }
}

impl Advice {
    /// The name in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Update => "fixed_by_update",
            Self::Channel(..) => "fixed_in_channel",
            Self::Nowhere => "not_fixed_anywhere",
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Update => "fixed by the update".into(),
            Self::Channel(channel, version) if version.is_empty() => format!("fixed only in {channel}"),
            Self::Channel(channel, version) => format!("fixed only in {channel} ({version})"),
            Self::Nowhere => "not fixed anywhere".into(),
        }
    }
}

impl Diff {
    /// Compares two scans. `channels` are asked for fixes that the second scan does not have; where there are none, every
    /// channel of the snapshot is.
    pub fn between(before: &Report, after: &Report, channels: &[&str]) -> Self {
        let mut found: BTreeMap<(String, String), [Vec<&Finding>; 2]> = BTreeMap::new();
        let mut versions: BTreeMap<(String, String), [Vec<String>; 2]> = BTreeMap::new();
        for (side, report) in [before, after].into_iter().enumerate() {
            for finding in report.findings.iter().filter(|finding| finding.is_open()) {
                let Some(scanned) = report.inventory.packages.get(finding.package as usize) else {
                    continue;
                };
                let key = (finding.id.clone(), scanned.package.pname.clone());
                if let Some(list) = found.entry(key.clone()).or_default().get_mut(side) {
                    list.push(finding);
                }
                let list = versions.entry(key).or_default().get_mut(side);
                if let Some(list) = list.filter(|list| !list.contains(&scanned.package.version)) {
                    list.push(scanned.package.version.clone());
                }
            }
        }
        let mut changes: Vec<Change> = found
            .into_iter()
            .filter_map(|(key, sides)| {
                let [before, after] = versions.remove(&key)?;
                let (id, pname) = key;
                Some(change(id, pname, before, after, &sides, channels))
            })
            .collect();
        changes.sort_by(|a, b| (b.exploited, b.severity, a.fate, &a.pname, &a.id).cmp(&(a.exploited, a.severity, b.fate, &b.pname, &b.id)));
        Self { changes }
    }

    /// How many changes of a kind there are.
    pub fn count(&self, fate: Fate) -> usize {
        self.changes.iter().filter(|change| change.fate == fate).count()
    }
}

fn change(id: String, pname: String, before: Vec<String>, after: Vec<String>, sides: &[Vec<&Finding>; 2], channels: &[&str]) -> Change {
    let [first, second] = sides;
    let fate = match (first.is_empty(), second.is_empty()) {
        (_, true) => Fate::Fixed,
        (true, false) => Fate::Introduced,
        (false, false) => Fate::Unchanged,
    };
    let all = || first.iter().chain(second);
    let fixed = all()
        .flat_map(|finding| &finding.fixed_channels)
        .find(|(name, _)| channels.is_empty() || channels.contains(&name.as_str()));
    let advice = match (fate, fixed) {
        (Fate::Fixed, _) => Advice::Update,
        (_, Some((name, version))) => Advice::Channel(name.clone(), version.clone()),
        (_, None) => Advice::Nowhere,
    };
    Change {
        severity: all().map(|finding| finding.severity()).max().unwrap_or(Severity::Unknown),
        exploited: all().any(|finding| finding.exploited_since.is_some()),
        id,
        pname,
        before,
        after,
        fate,
        advice,
    }
}

#[cfg(test)]
mod tests {
    use vuln::package::Package;
    use vuln::verdict::Verdict;

    use super::*;
    use crate::finding::{Decision, Knowledge, Status};
    use crate::inventory::{Inventory, Scanned};
    use crate::sample::finding;

    fn report(found: &[(&str, &str, &str)]) -> Report {
        let mut report = Report {
            time: 0,
            inventory: Inventory::default(),
            knowledge: Knowledge::default(),
            findings: Vec::new(),
        };
        for (pname, version, id) in found {
            report.findings.push(finding(
                u32::try_from(report.inventory.packages.len()).unwrap(),
                id,
                Verdict::Affected,
            ));
            report.inventory.packages.push(Scanned {
                package: Package {
                    pname: (*pname).into(),
                    version: (*version).into(),
                    ..Package::default()
                },
                ..Scanned::default()
            });
        }
        report
    }

    #[test]
    fn versions_do_not_make_a_finding_another() {
        let before = report(&[
            ("a", "1", "CVE-1"),
            ("a", "1.1", "CVE-1"),
            ("a", "1", "CVE-2"),
            ("b", "1", "CVE-1"),
            ("c", "1", "CVE-5"),
        ]);
        let mut after = report(&[
            ("a", "2", "CVE-1"),
            ("b", "2", "CVE-3"),
            ("b", "2", "CVE-4"),
            ("c", "2", "CVE-5"),
            ("d", "1", "CVE-6"),
        ]);
        after.findings[0].fixed_channels = vec![("nixos-20.09".into(), "2.5".into()), ("nixos-unstable".into(), "3".into())];
        after.findings[2].exploited_since = Some("2024-01-01".into());
        after.findings[4].decision = Some(Decision {
            status: Status::Accepted,
            reason: String::new(),
            justification: None,
            until: None,
            source: String::new(),
        });
        let diff = Diff::between(&before, &after, &["nixos-unstable"]);
        let shown: Vec<_> = diff
            .changes
            .iter()
            .map(|c| {
                (
                    c.pname.as_str(),
                    c.id.as_str(),
                    c.fate.name(),
                    c.before.join(" "),
                    c.after.join(" "),
                    c.advice.words(),
                )
            })
            .collect();
        let line = |pname, id, fate, before: &str, after: &str, advice: &str| {
            (pname, id, fate, before.to_owned(), after.to_owned(), advice.to_owned())
        };
        assert_eq!(
            shown,
            [
                line("b", "CVE-4", "introduced", "", "2", "not fixed anywhere"),
                line("b", "CVE-3", "introduced", "", "2", "not fixed anywhere"),
                line("a", "CVE-1", "unchanged", "1 1.1", "2", "fixed only in nixos-unstable (3)"),
                line("c", "CVE-5", "unchanged", "1", "2", "not fixed anywhere"),
                line("a", "CVE-2", "fixed", "1", "", "fixed by the update"),
                line("b", "CVE-1", "fixed", "1", "", "fixed by the update"),
            ]
        );
        assert_eq!(
            (diff.count(Fate::Introduced), diff.count(Fate::Unchanged), diff.count(Fate::Fixed)),
            (2, 2, 2)
        );
        assert_eq!(Diff::between(&before, &after, &["other"]).changes[2].advice, Advice::Nowhere);
    }

    #[test]
    fn what_is_mended_or_settled_is_no_change() {
        let mut both = report(&[("a", "1", "CVE-1")]);
        both.findings[0].verdict = Verdict::Patched;
        assert_eq!(Diff::between(&both, &both, &[]), Diff::default());
    }
}
