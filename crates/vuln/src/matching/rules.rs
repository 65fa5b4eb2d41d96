//! The curated rules (`data/rules.toml`): read once, embedded in the program.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::applicability::Judged;
use super::name::{fold, fold_vendor};
use super::pairs::Pairs;
use super::platform::words as named;
use super::profile::day;
use crate::advisory::{Advisory, Affected};
use crate::version::{Scheme, compare, components};

const TEXT: &str = include_str!("../../data/rules.toml");

/// The rules of this build.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| match Rules::parse(TEXT) {
    Ok(rules) => rules,
    // A test reads the same text: a broken file never leaves the workshop.
    Err(error) => unreachable!("data/rules.toml: {error}"),
});

/// A digest of the rules' text: when it changes, everything is matched again.
pub fn rules_digest() -> String {
    // FNV-1a: only to notice a change, nobody gains by forging it.
    let hash = TEXT.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{ENGINE}-{hash:016x}")
}

/// Raised when the matcher itself decides differently.
const ENGINE: u32 = 7;

/// What a CPE's target software means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Target {
    /// An extension of another program.
    Extension,
    /// A build for another operating system.
    Platform,
    Node,
    Python,
    Ruby,
    Perl,
    Rust,
    Go,
    /// A library of a language that has no package set of its own here.
    Language,
}

#[derive(Debug, Default)]
pub(super) struct Rules {
    /// (vendor, product), folded → packages as written, the reason, and the number of the rule. Vendor "*" is any.
    alias: Pairs<(Vec<String>, String, usize)>,
    /// Folded products of aliases that hold for records of a language's database.
    language_aliases: HashSet<String>,
    /// By rule: the products that are one.
    siblings: Vec<Vec<(String, String)>>,
    /// (vendor, product), folded → what its versions start with that packages leave out.
    version_prefixes: Pairs<String>,
    ignored_sets: HashSet<String>,
    /// By folded program.
    schemes: HashMap<String, Scheme>,
    never: Pairs<(HashSet<String>, String)>,
    umbrella: HashSet<String>,
    open_only: HashSet<String>,
    /// Folded package → the program that it is a build or part of, as written.
    programs: HashMap<String, String>,
    targets: HashMap<String, Target>,
    ended: Vec<Ended>,
    /// By folded product.
    named: HashMap<String, NamedRule>,
    /// (vendor, product), folded → its parts.
    parts: Pairs<Vec<PartRule>>,
    /// By folded program.
    long_term: HashMap<String, LongTerm>,
    /// Folders and files.
    other_processors: Vec<String>,
    /// The same, of code that only 32-bit processors run.
    narrow_processors: Vec<String>,
    /// By folded program: words for processors that it is not packaged for.
    foreign_processors: HashMap<String, Vec<String>>,
    /// By folded product.
    enterprise_features: HashMap<String, Vec<FeatureRule>>,
    /// By folded product.
    since: HashMap<String, Vec<SinceRule>>,
    /// Attribute sets.
    host_versioned: HashSet<String>,
}

/// The lines of a program that are mended side by side.
#[derive(Debug, Default)]
pub(super) struct LongTerm {
    pub lines: Vec<Vec<u64>>,
    /// By line: the day until which it got fixes; the largest number where it still does, or nobody noted it.
    last: Vec<u32>,
    /// They are so different that a range of one says nothing about the others.
    pub apart: bool,
    /// Records name each of the lines that got their fix.
    named: bool,
}

impl LongTerm {
    /// The lines from that of a version on that still got fixes on a day, oldest first.
    fn looked_after(&self, version: &str, day: u32) -> impl Iterator<Item = &[u64]> {
        let own = components(version);
        let lines = self.lines.iter().zip(&self.last).filter(move |(_, last)| day <= **last);
        lines
            .map(|(line, _)| line.as_slice())
            .filter(move |line| own.iter().take(line.len()).le(line.iter()))
    }

    /// The youngest line before a version's own that still got fixes on a day.
    pub(super) fn older_looked_after(&self, version: &str, day: u32) -> Option<&[u64]> {
        let own = components(version);
        let mut lines = self.lines.iter().zip(&self.last).rev();
        let older = lines.find(|(line, last)| day <= **last && line.iter().lt(own.iter().take(line.len())));
        older.map(|(line, _)| line.as_slice())
    }

    /// Whether a version's own line still got fixes on a day.
    pub(super) fn is_looked_after(&self, version: &str, day: u32) -> bool {
        self.looked_after(version, day)
            .next()
            .is_some_and(|line| components(version).is_on_line(line))
    }

    /// The oldest line from that of a version on that still got fixes on a day, where records name each line that they are about.
    pub(super) fn support_line(&self, version: &str, day: u32) -> Option<&[u64]> {
        self.looked_after(version, day).next().filter(|_| self.named)
    }

    /// Whether records name each of the lines that got their fix.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// The line of a version.
    pub(super) fn line_of(&self, version: &str) -> Option<&[u64]> {
        let parts = components(version);
        self.lines.iter().map(Vec::as_slice).find(|line| parts.is_on_line(line))
    }
}

/// A line after which the name stands for something else.
#[derive(Debug)]
struct Ended {
    packages: HashSet<String>,
    line: Vec<u64>,
    /// The day after which records do not mean it.
    last: u32,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    alias: Vec<AliasRule>,
    never: Vec<NeverRule>,
    umbrella: Vec<UmbrellaRule>,
    open_only: Vec<OpenOnlyRule>,
    one_program: Vec<ProgramRule>,
    version_prefix: Vec<PrefixRule>,
    scheme: Vec<SchemeRule>,
    ignored_set: Vec<IgnoredSetRule>,
    target: Vec<TargetRule>,
    ended: Vec<EndedRule>,
    named: Vec<NamedRule>,
    part: Vec<PartRule>,
    long_term: Vec<LongTermRule>,
    other_processor: Vec<OtherProcessorRule>,
    enterprise_feature: Vec<FeatureRule>,
    since: Vec<SinceRule>,
    host_versioned: Vec<IgnoredSetRule>,
}

/// What only the enterprise edition of a product has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureRule {
    product: String,
    /// As descriptions write them, in lower case.
    words: Vec<String>,
    /// The version from which every edition has it.
    #[serde(default)]
    free_from: Option<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

/// What a product has only since one of its releases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SinceRule {
    products: Vec<String>,
    version: String,
    /// As descriptions write it, in lower case.
    #[serde(default)]
    words: Vec<String>,
    /// Source files or folders, as records of the program list them.
    #[serde(default)]
    paths: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

impl SinceRule {
    /// What a record with this description (in lower case) is about: a word of it, or the folder that all its files are in.
    fn about(&self, text: &str, advisory: &Advisory) -> Option<&str> {
        let word = self.words.iter().find(|word| named(text, word).next().is_some());
        let mut files = advisory.affected.iter().flat_map(|a| &a.components).peekable();
        let folder = || {
            let first = files.peek()?;
            let folder = self.paths.iter().find(|path| first.starts_with(path.as_str()))?;
            files
                .all(|file| self.paths.iter().any(|path| file.starts_with(path.as_str())))
                .then_some(folder)
        };
        word.or_else(folder).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndedRule {
    packages: Vec<String>,
    line: String,
    last: String,
    reason: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedRule {
    products: Vec<String>,
    /// In lower case; a description that speaks of the product has one of them.
    words: Vec<String>,
    /// Where only some of what the product ships is packaged by itself: what descriptions call that, in lower case.
    #[serde(default)]
    libraries: Vec<String>,
    reason: String,
}

/// A product that is several packages here: which one a description means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartRule {
    products: Vec<String>,
    /// In lower case; one of them stands in the description.
    words: Vec<String>,
    /// Empty where Nixpkgs does not have the part.
    pub packages: Vec<String>,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongTermRule {
    programs: Vec<String>,
    lines: Vec<String>,
    /// By line, the last day on which it got a fix. Lines behind the last one named still get them.
    #[serde(default)]
    last: Vec<String>,
    #[serde(default)]
    apart: bool,
    #[serde(default)]
    named: bool,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherProcessorRule {
    /// Folders and files of such code.
    #[serde(default)]
    paths: Vec<String>,
    /// Packages that are built for 32-bit processors run it.
    #[serde(default)]
    narrow: bool,
    /// Programs that are packaged for fewer processors, and the words for the others in descriptions.
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AliasRule {
    products: Vec<String>,
    packages: Vec<String>,
    /// The products are names in a language's database too.
    #[serde(default)]
    language: bool,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeverRule {
    product: String,
    packages: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UmbrellaRule {
    vendors: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramRule {
    name: String,
    packages: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemeRule {
    packages: Vec<String>,
    scheme: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrefixRule {
    products: Vec<String>,
    prefix: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IgnoredSetRule {
    sets: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenOnlyRule {
    packages: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetRule {
    names: Vec<String>,
    kind: Target,
    #[serde(rename = "reason")]
    _reason: String,
}

impl Rules {
    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut rules = Rules::default();
        for rule in file.alias {
            if rule.language {
                let named = rule.products.iter().filter_map(|p| p.split_once(':')).map(|(_, p)| fold(p));
                rules.language_aliases.extend(named);
            }
            let packages = rule.packages;
            let number = rules.siblings.len();
            rules
                .siblings
                .push(rule.products.iter().map(|p| pair(p)).collect::<Result<_, _>>()?);
            for product in &rule.products {
                let entry = rules
                    .alias
                    .or_insert_with(pair(product)?, || (Vec::new(), rule.reason.clone(), number));
                for package in &packages {
                    if !entry.0.contains(package) {
                        entry.0.push(package.clone());
                    }
                }
            }
        }
        for rule in file.never {
            let packages = rule.packages.iter().map(|p| fold(p)).collect();
            *rules.never.or_insert_with(pair(&rule.product)?, Default::default) = (packages, rule.reason);
        }
        rules.umbrella = file
            .umbrella
            .iter()
            .flat_map(|u| u.vendors.iter().map(|v| fold_vendor(v)))
            .collect();
        rules.open_only = file.open_only.iter().flat_map(|r| r.packages.iter().map(|p| fold(p))).collect();
        for rule in &file.one_program {
            rules.programs.extend(rule.packages.iter().map(|p| (fold(p), rule.name.clone())));
        }
        for rule in &file.scheme {
            let scheme = match rule.scheme.as_str() {
                "kernel" => Scheme::Kernel,
                "java" => Scheme::Java,
                other => return Err(format!("no version scheme named {other:?}")),
            };
            rules.schemes.extend(rule.packages.iter().map(|p| (fold(p), scheme)));
        }
        for rule in &file.version_prefix {
            for product in &rule.products {
                *rules.version_prefixes.or_insert_with(pair(product)?, String::new) = rule.prefix.clone();
            }
        }
        rules.ignored_sets = file.ignored_set.iter().flat_map(|r| r.sets.iter().cloned()).collect();
        rules.targets = file
            .target
            .into_iter()
            .flat_map(|t| t.names.into_iter().map(move |n| (n, t.kind)))
            .collect();
        for rule in file.ended {
            let last = date(&rule.last)?;
            rules.ended.push(Ended {
                packages: rule.packages.iter().map(|p| fold(p)).collect(),
                line: components(&rule.line).to_vec(),
                last,
                reason: rule.reason,
            });
        }
        for rule in file.named {
            rules.named.extend(rule.products.iter().map(|p| (fold(p), rule.clone())));
        }
        for rule in file.part {
            for product in &rule.products {
                rules.parts.or_insert_with(pair(product)?, Vec::new).push(rule.clone());
            }
        }
        for rule in &file.long_term {
            let lines: Vec<Vec<u64>> = rule.lines.iter().map(|l| components(l).to_vec()).collect();
            let mut last: Vec<u32> = rule.last.iter().map(|last| date(last)).collect::<Result<_, _>>()?;
            last.resize(lines.len(), u32::MAX);
            for program in &rule.programs {
                let known = LongTerm {
                    lines: lines.clone(),
                    last: last.clone(),
                    apart: rule.apart,
                    named: rule.named,
                };
                rules.long_term.insert(fold(program), known);
            }
        }
        for rule in file.enterprise_feature {
            rules.enterprise_features.entry(fold(&rule.product)).or_default().push(rule);
        }
        for rule in file.since {
            for product in &rule.products {
                rules.since.entry(fold(product)).or_default().push(rule.clone());
            }
        }
        rules.host_versioned = file.host_versioned.into_iter().flat_map(|r| r.sets).collect();
        for rule in file.other_processor {
            let paths = if rule.narrow {
                &mut rules.narrow_processors
            } else {
                &mut rules.other_processors
            };
            paths.extend(rule.paths);
            let words = rule.programs.iter().map(|program| (fold(program), rule.words.clone()));
            rules.foreign_processors.extend(words);
        }
        Ok(rules)
    }

    /// Packages that a product is known to be, with the reason.
    pub(super) fn alias(&self, vendor: &str, product: &str) -> Option<(&[String], &str)> {
        let known = |v: &str, p: &str| self.alias.get(v, p);
        let (packages, reason, _) = known(vendor, product)
            .or_else(|| known("*", product))
            .or_else(|| known(vendor, "*"))?;
        Some((packages, reason))
    }

    /// Whether an alias of the product (folded) holds for records of a language's database: `stdlib` of Go.
    pub(super) fn is_language_alias(&self, product: &str) -> bool {
        self.language_aliases.contains(product)
    }

    /// Other names that records use for the same product.
    pub(super) fn siblings(&self, vendor: &str, product: &str) -> &[(String, String)] {
        let number = self.alias.get(vendor, product).map(|(_, _, number)| *number);
        number.and_then(|n| self.siblings.get(n)).map_or(&[], Vec::as_slice)
    }

    /// What a record's versions of this product start with that packages leave out.
    pub(super) fn version_prefix(&self, vendor: &str, product: &str) -> Option<&str> {
        self.version_prefixes.get(vendor, product).map(String::as_str)
    }

    /// Whether an attribute set only repeats other packages under other names.
    pub(super) fn is_ignored_set(&self, attr: &str) -> bool {
        attr.split_once('.').is_some_and(|(set, _)| self.ignored_sets.contains(set))
    }

    /// The packages (folded) that a product is never, and why.
    pub(super) fn never(&self, vendor: &str, product: &str) -> Option<&(HashSet<String>, String)> {
        self.never.get(vendor, product)
    }

    pub(super) fn is_umbrella(&self, vendor: &str) -> bool {
        self.umbrella.contains(vendor)
    }

    /// The scheme that a program's (folded) versions are written in, where it is its own.
    pub(super) fn scheme(&self, program: &str) -> Option<Scheme> {
        self.schemes.get(program).copied()
    }

    /// The program, as written, that a package (folded) is a build or part of, where a rule says so.
    pub(super) fn program(&self, package: &str) -> Option<&str> {
        self.programs.get(package).map(String::as_str)
    }

    /// Whether a package (folded) is listed only where something is open.
    pub(super) fn is_open_only(&self, package: &str) -> bool {
        self.open_only.contains(package)
    }

    /// Why a record of that day is not about a version of a package (folded) whose line had ended long before.
    pub(super) fn ended(&self, package: &str, version: &str, published: u32) -> Option<&str> {
        let parts = components(version);
        let found = self
            .ended
            .iter()
            .find(|e| published > e.last && e.packages.contains(package) && parts.is_on_line(&e.line))?;
        Some(&found.reason)
    }

    /// Why a record with this description is about something that is shipped with the product (folded), not about the product.
    pub(super) fn is_bundled(&self, product: &str, description: &str) -> Option<&str> {
        let rule = self.named.get(product)?;
        let text = description.to_lowercase();
        let is_packaged = rule.libraries.is_empty() || rule.libraries.iter().any(|library| named(&text, library).next().is_some());
        (is_packaged && !text.is_empty() && rule.words.iter().all(|w| !text.contains(w.as_str()))).then_some(&rule.reason)
    }

    /// The part of a product that a description is about, where the product is several packages here.
    pub(super) fn part(&self, vendor: &str, product: &str, description: &str) -> Option<&PartRule> {
        let parts = self.parts.get(vendor, product)?;
        let text = description.to_lowercase();
        parts.iter().find(|part| part.words.iter().any(|w| text.contains(w.as_str())))
    }

    /// The lines of a program (folded) that get fixes for years.
    pub(super) fn long_term(&self, program: &str) -> Option<&LongTerm> {
        self.long_term.get(program)
    }

    /// The feature that a description speaks of, where the product (folded) has it in its enterprise edition only.
    pub(super) fn enterprise_feature(&self, product: &str, description: &str, version: &str) -> Option<&str> {
        let features = self.enterprise_features.get(product)?;
        let text = description.to_lowercase();
        let is_free = |rule: &FeatureRule| {
            let free_from = rule.free_from.as_deref();
            free_from.is_some_and(|from| compare(Scheme::Generic, version, from).is_none_or(Ordering::is_ge))
        };
        let mut words = features.iter().filter(|rule| !is_free(rule)).flat_map(|rule| &rule.words);
        words.find(|word| named(&text, word).next().is_some()).map(String::as_str)
    }

    /// What a record is about, and the release of the product (folded) that it came with, where a version is older than that.
    pub(super) fn younger_than(&self, product: &str, advisory: &Advisory, judged: Judged<'_>) -> Option<(&str, &str)> {
        let rules = self.since.get(product)?;
        let text = advisory.description.to_lowercase();
        let older = |rule: &&SinceRule| compare(judged.scheme, judged.version, &rule.version) == Some(Ordering::Less);
        rules
            .iter()
            .filter(older)
            .find_map(|rule| Some((rule.about(&text, advisory)?, rule.version.as_str())))
    }

    /// The version of a package itself, where its set puts that of the program it extends in front: `25.5` of `6.8.3-25.5`.
    pub(super) fn own_version<'v>(&self, attr: &str, version: &'v str) -> &'v str {
        let is_behind = attr.split_once('.').is_some_and(|(set, _)| self.host_versioned.contains(set));
        let own = version.split_once('-').map(|(_, own)| own);
        own.filter(|own| is_behind && own.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or(version)
    }

    /// Whether all source files that a record names are code for processors which Nixpkgs has no packages for, or, of a package that is
    /// built for a usual one, only for 32-bit processors.
    pub(super) fn only_other_processors(&self, affected: &Affected, is_usual: bool) -> bool {
        let mut files = affected.components.iter().peekable();
        files.peek().is_some() && files.all(|file| self.is_for_other_processor(file, is_usual))
    }

    /// The file of code for such a processor that a description names, where it names no other processor's.
    pub(super) fn other_processor_in<'t>(&self, description: &'t str, is_usual: bool) -> Option<&'t str> {
        let mut files = description
            .split_ascii_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| word.starts_with("arch/"));
        let first = files.next()?;
        (self.is_for_other_processor(first, is_usual) && files.all(|file| self.is_for_other_processor(file, is_usual))).then_some(first)
    }

    /// The words of a description that speak of a processor which a program (folded) is not packaged for.
    pub(super) fn foreign_processor(&self, program: &str, description: &str) -> Option<&str> {
        let mut words = self.foreign_processors.get(program)?.iter();
        let text = description.to_lowercase();
        words.find(|word| named(&text, word).next().is_some()).map(String::as_str)
    }

    fn is_for_other_processor(&self, file: &str, is_usual: bool) -> bool {
        let narrow = self.narrow_processors.iter().filter(|_| is_usual);
        self.other_processors.iter().chain(narrow).any(|p| file.starts_with(p.as_str()))
    }

    /// What a CPE target software or a CVE 5 platform says; `None` where it says nothing for Nixpkgs (`linux`, `*`).
    pub(super) fn target(&self, name: &str) -> Option<Target> {
        self.targets.get(name).copied()
    }

    /// Whether all platforms that a CVE 5 product lists are other operating systems.
    pub(super) fn only_other_platforms(&self, affected: &Affected) -> bool {
        !affected.platforms.is_empty() && affected.platforms.iter().all(|p| self.is_other_platform(p))
    }

    fn is_other_platform(&self, platform: &str) -> bool {
        let lower = platform.to_lowercase();
        let name = lower.trim().replace(' ', "_");
        self.targets.get(&name) == Some(&Target::Platform)
            || ["windows", "macos", "mac os", "android", "ios ", "iphone", "ipad"]
                .iter()
                .any(|p| lower.starts_with(p))
                && !lower.contains("linux")
    }
}

fn date(text: &str) -> Result<u32, String> {
    match day(text) {
        0 => Err(format!("{text:?} is no date")),
        day => Ok(day),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (vendor, product) = text.split_once(':').ok_or_else(|| format!("{text:?} is not vendor:product"))?;
    let star = |t: &str, folded: String| if t == "*" { "*".to_string() } else { folded };
    Ok((star(vendor, fold_vendor(vendor)), star(product, fold(product))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_are_valid() {
        let rules = Rules::parse(TEXT).unwrap();
        let (packages, reason) = rules.alias("linux", "linuxkernel").unwrap();
        assert_eq!(packages[0], "linux");
        assert!(!reason.is_empty());
        let never = |vendor| {
            rules
                .never(vendor, "foreman")
                .is_some_and(|(packages, _)| packages.contains("foreman"))
        };
        assert!(never("theforeman") && !never("ddollar"));
    }

    #[test]
    fn no_shipped_rule_names_a_single_cve() {
        assert_eq!(crate::package::ids_in(TEXT), Vec::<String>::new());
        assert!(!TEXT.to_ascii_lowercase().contains("cve-") && !TEXT.to_ascii_lowercase().contains("ghsa-"));
    }

    #[test]
    fn every_rule_has_its_reason() {
        let file: File = toml::from_str(TEXT).unwrap();
        assert!(file.alias.iter().all(|r| !r.reason.trim().is_empty() && !r.packages.is_empty()));
        assert!(file.never.iter().all(|r| r.reason.trim().len() > 10));
        assert!(file.ended.iter().all(|r| r.reason.len() > 10) && file.named.iter().all(|r| r.reason.len() > 10));
        assert!(file.since.iter().all(|r| r._reason.len() > 10 && r.words.len() + r.paths.len() > 0));
        assert!(file.part.iter().all(|r| r.reason.len() > 10 && !r.words.is_empty()));
        assert!(file.target.iter().all(|r| !r._reason.is_empty()) && file.umbrella.iter().all(|r| !r._reason.is_empty()));
    }
}
