//! Versions and their order under a scheme.
//!
//! [`compare`] is a total preorder on what it calls comparable: antisymmetric and transitive, with "equal" for spellings of one version
//! (`153.0` and `153.0.0`). What has no order (two commits, a date against a release number, a word) is `None`, and [`why_not`] says why.
//! Nothing here allocates.
//!
//! # The generic scheme
//! Most records name no scheme, or `custom`. [`Scheme::Generic`] reads a version as its author most likely meant it:
//!
//! - numbers compare as numbers of any length; zeros at the end do not matter: `1.01` = `1.1` = `1.1.0`;
//! - before the release: `dev` < `alpha`, `a1` < `beta`, `b1` < `M1` < `pre`, `preview` < `rc`, `cr` < `SNAPSHOT`, and anything behind `~`;
//! - after it: `p1`, `pl`, `patch`, `post`, `sp`, `r`, `u`, `hotfix`, `build` and other words with a number; then letters (`1.1.1g`, `1.0.2z` < `1.0.2za`);
//!   then a number behind a dash (`6.9.11-14`), then snapshots of the repository (`1.2-unstable-2023-01-01`); all of them before `1.2.0.1`;
//! - words without a number (`-wrapped`, `esr`, `Final`, `LTS`), names of commits and `+key=value` say nothing about order: `68.10.0esr` = `68.10.0`;
//! - `+3` is a revision like `-3`; `+word4` is after the release like `-word4`;
//! - names and epochs in front are skipped: `v1.2`, `openssl-1.0.2`, `Java SE: 8u241`, `1:2.3`;
//! - `8u252` = `1.8.0_252` = `8.0.252`;
//! - dates compare with dates and with release numbers that start with a year, `0-unstable-DATE` with both dates and releases, `unstable-DATE`
//!   with dates only: which release a snapshot of unknown base follows cannot be known.

mod date;
mod deb;
mod digits;
mod line;
mod maven;
mod perl;
mod python;
mod rpm;
mod semver;
mod token;
mod word;

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use line::{Components, common_prefix_len, components, date_of, is_prerelease};

use token::{Class, Reading, Rules};

/// How versions are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// What authors most likely mean; see the [module](self).
    #[default]
    Generic,
    /// Semantic Versioning 2.0, with a leading `v` and any number of numbers allowed.
    Semver,
    /// PEP 440.
    Python,
    /// Maven's version order.
    Maven,
    /// `rpmvercmp` with epoch and release.
    Rpm,
    /// Debian policy, also opam's.
    Deb,
    /// OpenSSL before 3: a letter is always a later release.
    OpensslLetters,
    /// Linux: numbers and `-rcN`, whatever a distributor adds.
    Kernel,
    /// Java runtimes: `8u252-b09`, `1.8.0_252`, `11.0.7+10`; builds do not count.
    Java,
    /// Perl's decimal versions: `1.9` > `1.31`.
    Perl,
    /// Calendar dates.
    Date,
    /// Commits: equal or not, never ordered.
    Git,
}

impl Scheme {
    /// The scheme that a CVE 5 `versionType` names. `None` for `custom` and for the many values that name none.
    ///
    /// The kernel's CNA marks release numbers of the mainline fix as `original_commit_for_fix`.
    pub fn from_version_type(version_type: &str) -> Option<Self> {
        const NAMES: &[(&str, Scheme)] = &[
            ("semver", Scheme::Semver),
            ("git", Scheme::Git),
            ("original_commit_for_fix", Scheme::Kernel),
            ("rpm", Scheme::Rpm),
            ("maven", Scheme::Maven),
            ("python", Scheme::Python),
            ("pypi", Scheme::Python),
            ("pep440", Scheme::Python),
            ("date", Scheme::Date),
            ("deb", Scheme::Deb),
            ("dpkg", Scheme::Deb),
            ("debian", Scheme::Deb),
            ("commit", Scheme::Git),
            ("semantic", Scheme::Semver),
            ("semvar", Scheme::Semver),
            ("sem", Scheme::Semver),
        ];
        let name = version_type.trim();
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, scheme)| scheme)
    }

    /// The scheme of an OSV ecosystem, with or without its `:suffix`. `None` where we do not know the ecosystem.
    pub fn from_osv_ecosystem(ecosystem: &str) -> Option<Self> {
        Some(match ecosystem.split(':').next().unwrap_or_default().trim() {
            "npm" | "Go" | "crates.io" | "Hex" | "Pub" | "SwiftURL" | "GitHub Actions" | "Bitnami" | "Julia" | "VSCode" | "Kubernetes" => {
                Scheme::Semver
            }
            "PyPI" => Scheme::Python,
            "Maven" => Scheme::Maven,
            "Red Hat" | "Rocky Linux" | "AlmaLinux" | "SUSE" | "openSUSE" | "Mageia" | "openEuler" | "Photon OS" | "Azure Linux" => {
                Scheme::Rpm
            }
            "Debian" | "Ubuntu" | "Echo" | "opam" => Scheme::Deb,
            "Linux" => Scheme::Kernel,
            "CPAN" => Scheme::Perl,
            "RubyGems" | "Packagist" | "NuGet" | "Hackage" | "GHC" | "CRAN" | "Bioconductor" | "Alpine" | "Alpaquita" | "Chainguard"
            | "Wolfi" | "MinimOS" | "OSS-Fuzz" | "ConanCenter" | "Android" => Scheme::Generic,
            "GIT" => Scheme::Git,
            _ => return None,
        })
    }

    /// The name in evidence and files.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Generic => "generic",
            Scheme::Semver => "semver",
            Scheme::Python => "python",
            Scheme::Maven => "maven",
            Scheme::Rpm => "rpm",
            Scheme::Deb => "deb",
            Scheme::OpensslLetters => "openssl-letters",
            Scheme::Kernel => "kernel",
            Scheme::Java => "java",
            Scheme::Perl => "perl",
            Scheme::Date => "date",
            Scheme::Git => "git",
        }
    }

    /// Whether the text is a version of this scheme, so that it compares with some other text at least.
    pub fn accepts(self, version: &str) -> bool {
        match self {
            Scheme::Git => !version.trim().is_empty(),
            _ => compare(self, version, version).is_some(),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a word, with or without a number, continues a version behind a blank: `p1`, `SP2`, `Update`, `rc`.
pub(crate) fn is_qualifier(text: &str) -> bool {
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let short = name.len() == 1 && name.len() < text.len() && name.eq_ignore_ascii_case("p");
    short || matches!(word::meaning(name.as_bytes()), word::Word::Pre(_) | word::Word::Post)
}

/// Why two versions cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Incomparable {
    /// No version at all: empty, `n/a`, `unspecified`, words.
    #[error("there is no number in it to compare")]
    NoNumber,
    /// Two names of commits: their order is in the repository, not in the names.
    #[error("commits have no order that could be seen in their names")]
    Commits,
    /// A commit against a version.
    #[error("a commit cannot be compared with a version")]
    CommitAgainstVersion,
    /// A date against a release number.
    #[error("a date cannot be compared with a release number")]
    DateAgainstRelease,
    /// A text that the scheme does not know how to read.
    #[error("one of them is not a version of this scheme")]
    NotOfScheme,
}

/// Compares two versions; `None` where that means nothing, see [`why_not`].
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Option<Ordering> {
    verdict(scheme, a, b).ok()
}

/// Why [`compare`] gives `None`; `None` where it does not.
pub fn why_not(scheme: Scheme, a: &str, b: &str) -> Option<Incomparable> {
    verdict(scheme, a, b).err()
}

fn verdict(scheme: Scheme, a: &str, b: &str) -> Result<Ordering, Incomparable> {
    let strict = |order: Option<Ordering>| order.ok_or_else(|| not_of_scheme(a, b));
    match scheme {
        Scheme::Generic => token_order(a, b, Rules::Generic),
        Scheme::OpensslLetters => token_order(a, b, Rules::Letters),
        Scheme::Kernel => token_order(a, b, Rules::Kernel),
        Scheme::Java => token_order(a, b, Rules::Java),
        Scheme::Semver => strict(semver::compare(a, b)),
        Scheme::Python => strict(python::compare(a, b)),
        Scheme::Maven => strict(maven::compare(a, b)),
        Scheme::Rpm => strict(rpm::compare(a, b)),
        Scheme::Deb => strict(deb::compare(a, b)),
        Scheme::Perl => strict(perl::compare(a, b)),
        Scheme::Date => {
            let (a, b) = (Reading::new(a, Rules::Generic), Reading::new(b, Rules::Generic));
            a.compare_dates(b).ok_or(Incomparable::NotOfScheme)
        }
        Scheme::Git => {
            if same_commit(a, b) {
                Ok(Ordering::Equal)
            } else {
                Err(git_reason(a, b))
            }
        }
    }
}

fn token_order(a: &str, b: &str, rules: Rules) -> Result<Ordering, Incomparable> {
    if let Some(order) = order_by_numbers(a.as_bytes(), b.as_bytes(), rules) {
        return Ok(order);
    }
    tokens_in_order(a, b, rules)
}

fn tokens_in_order(a: &str, b: &str, rules: Rules) -> Result<Ordering, Incomparable> {
    let (x, y) = (Reading::new(a, rules), Reading::new(b, rules));
    use Class::{Calendar, Commit, Dated, Release, Unreleased, Wordy};
    match (x.class, y.class) {
        (Wordy, _) | (_, Wordy) => Err(Incomparable::NoNumber),
        (Commit, Commit) => {
            if same_commit(a, b) {
                Ok(Ordering::Equal)
            } else {
                Err(Incomparable::Commits)
            }
        }
        (Commit, _) | (_, Commit) => Err(Incomparable::CommitAgainstVersion),
        (Unreleased, Unreleased | Dated) | (Dated, Unreleased) => x.compare_dates(y).ok_or(Incomparable::DateAgainstRelease),
        (Release | Calendar, Release | Calendar) | (Calendar, Dated) | (Dated, Calendar | Dated) => Ok(x.compare(y)),
        (Unreleased, Release) | (Release, Unreleased) => Ok(x.compare(y)),
        (Dated, Release) | (Release, Dated) | (Unreleased, Calendar) | (Calendar, Unreleased) => Err(Incomparable::DateAgainstRelease),
    }
}

/// The order of most versions, which the numbers that they begin with decide; `None` where what stands in them has to be read.
fn order_by_numbers(a: &[u8], b: &[u8], rules: Rules) -> Option<Ordering> {
    if rules == Rules::Java {
        return None;
    }
    if is_plain(a) && is_plain(b) {
        return Some(plain_order(a, b));
    }
    (begins_plain(a) && begins_plain(b)).then(|| first_difference(a, b))?
}

/// Whether it is nothing but dotted numbers.
fn is_plain(s: &[u8]) -> bool {
    // From eight digits on the first number may be a date.
    (1..8).contains(&digits::run(s)) && s.iter().all(|c| c.is_ascii_digit() || *c == b'.')
}

/// The numbers of what [`is_plain`].
fn plain_parts(s: &[u8]) -> impl Iterator<Item = &[u8]> {
    s.split(|c| *c == b'.').filter(|part| !part.is_empty())
}

fn plain_order(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (plain_parts(a), plain_parts(b));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = digits::compare(x.unwrap_or_default(), y.unwrap_or_default());
        if order.is_ne() {
            return order;
        }
    }
}

/// Whether it begins with a number and a dot that can be nothing but a release's: no year, no `0.0` of software without a release, not Java's
/// `1.8.0_252`.
fn begins_plain(s: &[u8]) -> bool {
    let first = digits::run(s);
    (1..4).contains(&first) && s.first() != Some(&b'0') && s.get(first) == Some(&b'.') && !(s.starts_with(b"1.") && s.contains(&b'_'))
}

/// The order of the first numbers that differ, as long as each stands alone between dots; `None` where there are none.
fn first_difference(mut a: &[u8], mut b: &[u8]) -> Option<Ordering> {
    loop {
        let (x, y) = (alone(a)?, alone(b)?);
        let order = digits::compare(x, y);
        if order.is_ne() {
            return Some(order);
        }
        let behind = |s: &'_ [u8], n: usize| s.get(n) == Some(&b'.');
        if !behind(a, x.len()) || !behind(b, y.len()) {
            return None;
        }
        (a, b) = (a.get(x.len() + 1..)?, b.get(y.len() + 1..)?);
    }
}

/// The number at the start; `None` where there is none, or it is a part of a word: the name of a commit, `0rc1`.
fn alone(s: &[u8]) -> Option<&[u8]> {
    let len = digits::run(s);
    let ends = s.get(len).is_none_or(|c| !c.is_ascii_alphanumeric());
    s.get(..len).filter(|number| !number.is_empty() && ends)
}

/// Whether two texts name one commit; short names are prefixes of long ones.
fn same_commit(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim().as_bytes(), b.trim().as_bytes());
    let len = a.len().min(b.len());
    len >= 7
        && a.iter().zip(b).all(|(x, y)| x.eq_ignore_ascii_case(y))
        && (a.len() == b.len() || a.iter().chain(b).all(u8::is_ascii_hexdigit))
}

fn not_of_scheme(a: &str, b: &str) -> Incomparable {
    let wordless = |s: &str| !s.bytes().any(|c| c.is_ascii_digit());
    if wordless(a) || wordless(b) {
        Incomparable::NoNumber
    } else {
        Incomparable::NotOfScheme
    }
}

fn git_reason(a: &str, b: &str) -> Incomparable {
    let hash = |s: &str| s.trim().len() >= 7 && s.trim().bytes().all(|c| c.is_ascii_hexdigit());
    match (hash(a), hash(b)) {
        (true, true) => Incomparable::Commits,
        (false, false) if a.trim().is_empty() || b.trim().is_empty() => Incomparable::NoNumber,
        _ => Incomparable::CommitAgainstVersion,
    }
}

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod tests;
