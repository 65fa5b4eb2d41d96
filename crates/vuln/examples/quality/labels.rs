//! `labels/dev.csv`: (CVE, package) pairs judged by people or by Nixpkgs itself. The feeds' README explains them and their limits.

use std::error::Error;
use std::path::Path;

/// One row.
pub struct Label {
    pub cve: String,
    pub package: String,
    pub expect: Expect,
    /// `nvd` or `cve5`.
    pub record: String,
    /// Attributes of 20.09pre; empty where it has none.
    pub attrs: Vec<String>,
}

/// What the row states.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Identity,
    Patched,
    KnownVulnerable,
    NotAffected,
    PatchedOrFixed,
    /// `reviewed` and `identity?`: not scored.
    Other,
}

impl Expect {
    pub fn name(self) -> &'static str {
        match self {
            Expect::Identity => "identity",
            Expect::Patched => "patched",
            Expect::KnownVulnerable => "known_vulnerable",
            Expect::NotAffected => "not_affected",
            Expect::PatchedOrFixed => "patched_or_fixed",
            Expect::Other => "not scored",
        }
    }
}

/// Reads all rows: cve, package, version, expect, record, attrs, source, note. Only the last two may hold commas or quotes.
pub fn read(path: &Path) -> Result<Vec<Label>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut labels: Vec<Label> = Vec::new();
    for line in text.lines().skip(1).filter(|l| l.starts_with("CVE-")) {
        let mut fields = line.split(',').map(str::to_string);
        let mut next = || fields.next().ok_or_else(|| format!("{}: too few fields: {line}", path.display()));
        let (cve, package, _version, expect, record, attrs) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let expect = match expect.as_str() {
            "identity" => Expect::Identity,
            "patched" => Expect::Patched,
            "known_vulnerable" => Expect::KnownVulnerable,
            "not_affected" => Expect::NotAffected,
            "patched_or_fixed" => Expect::PatchedOrFixed,
            _ => Expect::Other,
        };
        // Rows are scored by distinct (cve, package, what they state).
        if !labels.iter().any(|l| l.cve == cve && l.package == package && l.expect == expect) {
            labels.push(Label {
                cve,
                package,
                expect,
                record,
                attrs: attrs.split_whitespace().map(str::to_string).collect(),
            });
        }
    }
    Ok(labels)
}
