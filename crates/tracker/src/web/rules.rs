//! The rules that evidence names, each with a sentence for someone who meets it for the first time.
//!
//! The book's page on matching says when exactly each holds; a test keeps both lists the same.

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rule {
    /// As evidence names it.
    pub name: &'static str,
    /// What it means, in plain words.
    pub meaning: &'static str,
}

/// Rules that answer one question.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Group {
    /// For links.
    pub id: &'static str,
    /// The question.
    pub question: &'static str,
    /// How the answer is used.
    pub about: &'static str,
    /// Surest or most frequent first.
    pub rules: &'static [Rule],
}

/// Whether evidence of this name is explained.
pub fn is_known(name: &str) -> bool {
    GROUPS.iter().flat_map(|group| group.rules).any(|rule| rule.name == name)
}

const fn rule(name: &'static str, meaning: &'static str) -> Rule {
    Rule { name, meaning }
}

/// All rules.
pub const GROUPS: &[Group] = &[
    Group {
        id: "nixpkgs-says",
        question: "What does Nixpkgs itself say?",
        about: "Statements of the people who maintain the package come before everything else.",
        rules: &[
            rule(
                "known-vulnerability",
                "The package's own description in Nixpkgs (meta.knownVulnerabilities) names this id.",
            ),
            rule("patch-names-id", "A patch that the package applies has this id in its file name."),
        ],
    },
    Group {
        id: "same-software",
        question: "Is the record about this software?",
        about: "Many programs share a name. These rules look for a second thing that agrees: a website, a source repository, a vendor, a description.",
        rules: &[
            rule(
                "cpe-metadata",
                "The package states which vendor and product it is in vulnerability databases, and the record names exactly these.",
            ),
            rule("purl", "The package states its package URL, and the record names exactly that one."),
            rule(
                "same-home-and-vendor",
                "The name agrees, record and package point at the same website or repository, and it belongs to the vendor.",
            ),
            rule(
                "ecosystem-package",
                "The record is about a package of a programming language (from PyPI, npm, crates.io ...), and this is that package.",
            ),
            rule("alias", "A rule written by hand says under which name Nixpkgs has the product."),
            rule(
                "same-home",
                "The name agrees, and record and package point at the same website or repository.",
            ),
            rule(
                "repository",
                "The record names the source repository that this package is built from.",
            ),
            rule(
                "part-of-product",
                "A rule written by hand says which package holds the part that the description names.",
            ),
            rule(
                "vendor-at-home",
                "The name agrees, and the package's website or source belongs to the vendor.",
            ),
            rule(
                "ecosystem-target",
                "The name agrees, and the record says that the product is for the language that this package set is of.",
            ),
            rule(
                "own-vendor-same-topic",
                "Vendor and product have one name, as small projects do, and both descriptions speak of the same things.",
            ),
            rule(
                "repository-name",
                "The package is built from a repository that is called like vendor and product.",
            ),
            rule(
                "language-same-home",
                "One of the two is a package of a language, and both point at the same website or repository.",
            ),
            rule(
                "language-vendor-at-home",
                "A package of a language has the name, and its website or source belongs to the vendor.",
            ),
            rule(
                "language-vendor",
                "A package of a language has the name, and the vendor is that language's project.",
            ),
            rule(
                "description-same-home",
                "The record names no product, but its description names this package, and a link leads to the package's website.",
            ),
            rule("same-topic", "The name agrees, and both descriptions speak of the same things."),
            rule(
                "own-vendor",
                "Vendor and product have one name, as small projects do, and nothing speaks against it.",
            ),
            rule(
                "language-same-topic",
                "A package of a language has the name, and both descriptions speak of the same things.",
            ),
            rule(
                "umbrella-vendor",
                "The name agrees, and the vendor is one that publishes for many projects (Apache, Debian ...).",
            ),
            rule(
                "possible-cpe",
                "The package's description in Nixpkgs takes this vendor and product to be possible.",
            ),
            rule(
                "description-same-topic",
                "The record names no product, but its description names this package and speaks of the same things.",
            ),
            rule(
                "loose-name-same-topic",
                "Only a part of the name agrees, but both descriptions speak of the same things.",
            ),
            rule(
                "distinctive-name",
                "The name is long and no other vendor has a product of that name.",
            ),
            rule(
                "own-vendor-other-home",
                "Vendor and product have one name, but website and description do not agree: it may be another program.",
            ),
            rule(
                "usual-vendor",
                "Most records of this name are of this vendor, and the channel tells nothing but the name.",
            ),
            rule(
                "weak-name",
                "Only the name agrees, and it is short or the descriptions speak of different things.",
            ),
            rule(
                "description-only-name",
                "The record names no product; its description has the name, and nothing else agrees.",
            ),
            rule("only-name", "Nothing but the name agrees."),
            rule(
                "web-script",
                "The description speaks of the scripts of a website, and the package is something else of that name.",
            ),
            rule(
                "bundled",
                "The record is filed under a product that ships the faulty code, and its description speaks of something else.",
            ),
            rule(
                "language-only-name",
                "One of the two is a package of a language, and nothing but the name agrees.",
            ),
            rule("loose-name", "Only a part of the name agrees."),
            rule("extension", "The record is about an extension of another program."),
            rule(
                "never",
                "A rule written by hand says that these are different things with one name.",
            ),
        ],
    },
    Group {
        id: "this-version",
        question: "Is this version affected?",
        about: "Each record is read by itself. The version of the package is compared with what the record says, in the order that this kind of software counts in.",
        rules: &[
            rule("in-range", "NVD gives a range of versions, and this one lies in it."),
            rule("listed", "NVD names this very version."),
            rule(
                "listed-fix",
                "NVD names this very version, and the description says that it has the fix.",
            ),
            rule(
                "past-range",
                "This version is later than the last affected one that NVD gives: it has the fix.",
            ),
            rule(
                "line-passed",
                "This version is later than the last affected one of its own release line (as 1.1 and 3.0 are lines of OpenSSL).",
            ),
            rule(
                "newer-than-listed",
                "NVD names single versions, and this one is newer than all of them.",
            ),
            rule(
                "line-of-siblings",
                "The fix is named for another release line; this version came out later than it in its own line.",
            ),
            rule("snapshot-after-fix", "The version is a date, long after the record was published."),
            rule("before-range", "This version is earlier than the first affected one."),
            rule("not-listed", "NVD names single versions, and this one is not among them."),
            rule(
                "line-in-description",
                "The description names another release line, or a first version that is later than this one.",
            ),
            rule(
                "line-not-named",
                "Records of this product name each affected release line, and they do not name this one.",
            ),
            rule(
                "line-apart",
                "A rule written by hand says that this release line is developed apart from the one that the record names.",
            ),
            rule(
                "line-in-product",
                "The product's name holds its release line, and it is another one.",
            ),
            rule(
                "before-description",
                "The description says with which version the fault came, and this one is earlier.",
            ),
            rule("excluded", "The record takes this version out of what is affected."),
            rule(
                "other-edition",
                "The record is about another edition: an enterprise or a long-term one.",
            ),
            rule(
                "before-feature",
                "It concerns something that the program has only since a later release.",
            ),
            rule(
                "enterprise-feature",
                "It concerns a feature that only the enterprise edition has; this is another edition.",
            ),
            rule("other-platform", "The record names only systems other than Linux."),
            rule(
                "platform-in-description",
                "The description limits it to another system, such as \"only on Windows\".",
            ),
            rule("other-processor", "It concerns processors that Nixpkgs builds nothing for."),
            rule(
                "ended",
                "A rule written by hand says that this name stands for something else since.",
            ),
            rule(
                "environment-only",
                "The fault is in another program; this one is only what it runs with.",
            ),
            rule(
                "environment-in-description",
                "By its description the fault is in another program; this one is only what it runs with.",
            ),
            rule(
                "condition-absent",
                "It needs another product beside it, which Nixpkgs does not have.",
            ),
            rule(
                "range-in-description",
                "The record names no product; versions are those of its description.",
            ),
            rule(
                "cve5-range",
                "The CVE record gives a range of versions with a status, and this version lies in it.",
            ),
            rule("cve5-text", "The CVE record gives a range in words, and this version lies in it."),
            rule("cve5-version", "The CVE record names this very version with a status."),
            rule(
                "cve5-change",
                "The CVE record says that the status changes at a version before this one.",
            ),
            rule("cve5-all-versions", "The CVE record says so of all versions."),
            rule(
                "cve5-default",
                "No range of the CVE record holds this version, so what it says of all others decides.",
            ),
            rule(
                "osv-range",
                "OSV says with which version the fault came and went, and this one lies between.",
            ),
            rule("osv-version-list", "OSV lists this very version as affected."),
            rule("osv-outside", "OSV gives ranges, and this version lies in none of them."),
            rule("no-versions", "The record gives no versions: nobody can tell from it."),
            rule("no-version", "The package has no version that could be compared."),
            rule("incomparable", "The versions cannot be put in an order."),
            rule(
                "cve5-not-comparable",
                "The versions of the CVE record and of the package cannot be put in an order.",
            ),
            rule(
                "osv-not-comparable",
                "The versions of OSV and of the package cannot be put in an order.",
            ),
            rule("cve5-commits", "The CVE record names commits only, not versions."),
            rule("osv-commits", "OSV names commits only, not versions."),
            rule(
                "origin-unknown",
                "The kernel's record does not know since when the fault is there, and the fix did not go to this line.",
            ),
            rule(
                "mainline-only",
                "The record names the fix in the main line only, and this version is of a long-term line.",
            ),
            rule(
                "older-line",
                "The record says only before which version, of a newer line than this one, which Nixpkgs keeps beside newer ones.",
            ),
            rule(
                "support-line-passed",
                "The record says only before which version, and nothing of a support line between that still got fixes: the fault may be younger.",
            ),
            rule(
                "line-passed-over",
                "The record says only before which version, and a line between got no fix while it was looked after: the fault may be younger.",
            ),
            rule(
                "years-older",
                "The record says only before which version, and this one was there years before, or major versions: the fault may be younger.",
            ),
            rule(
                "no-end",
                "The range has no end, and this version came out more than a year after the record.",
            ),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The first cells of the tables of the book's page.
    fn in_the_book() -> Vec<String> {
        let book = include_str!("../../../../docs/src/tracker/matching.md");
        let curated = book.find("## Curated rules").unwrap();
        let rows = book[..curated].lines().filter(|line| line.starts_with("| `"));
        rows.flat_map(|line| line.split('|').nth(1).unwrap().split(','))
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    }

    #[test]
    fn every_rule_of_the_book_has_a_sentence_and_none_is_there_twice() {
        let ours: Vec<&str> = GROUPS.iter().flat_map(|group| group.rules).map(|rule| rule.name).collect();
        let missing: Vec<String> = in_the_book().into_iter().filter(|name| !is_known(name)).collect();
        assert_eq!(missing, [""; 0], "rules of docs/src/tracker/matching.md without a sentence here");
        for (index, name) in ours.iter().enumerate() {
            assert!(!ours[..index].contains(name), "{name} twice");
        }
        assert!(!is_known("no-such-rule"));
    }

    #[test]
    fn sentences_are_sentences() {
        for rule in GROUPS.iter().flat_map(|group| group.rules) {
            assert!(rule.meaning.ends_with('.') && rule.meaning.len() > 20, "{rule:?}");
        }
    }
}
