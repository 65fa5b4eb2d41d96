//! How to read the pages: every mark, number and rule in plain words.

use maud::{Markup, html};
use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::{Disposition, Verdict};

use super::{Page, TABLE};
use crate::web::address::Format;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::rules::{GROUPS, Group};
use crate::web::sheet::Sheet;

/// The legend.
#[derive(Debug, Serialize)]
pub struct Legend {
    /// The verdicts, worst first.
    pub verdicts: Vec<Meaning>,
    /// What becomes of a vulnerability where it meets no package.
    pub dispositions: Vec<Meaning>,
    /// The rules that evidence names.
    pub rules: &'static [Group],
}

/// A name and what it means.
#[derive(Debug, Serialize)]
pub struct Meaning {
    /// As in the JSON twins.
    pub name: &'static str,
    /// A sentence.
    pub meaning: &'static str,
}

impl Legend {
    /// It is the same for everyone.
    pub fn new() -> Self {
        let of_verdict = |verdict: Verdict| Meaning {
            name: verdict.name(),
            meaning: meaning(verdict),
        };
        let of_disposition = |disposition: Disposition| Meaning {
            name: disposition.name(),
            meaning: part::disposition(disposition),
        };
        Self {
            verdicts: Verdict::ALL.into_iter().map(of_verdict).collect(),
            dispositions: Disposition::ALL.into_iter().map(of_disposition).collect(),
            rules: GROUPS,
        }
    }
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Affected => "The package's version has the vulnerability, and nothing we can see says that it was mended.",
        Verdict::KnownVulnerable => "Nixpkgs itself marks the package with this vulnerability (meta.knownVulnerabilities).",
        Verdict::Unknown => "It is this software, but the versions cannot be compared. The evidence says why.",
        Verdict::Patched => "The package carries a patch whose name holds the id. What the patch does was not checked.",
        Verdict::Fixed => "The version is at or past the fix that the records name.",
        Verdict::NotAffected => "It never had it: before the first affected version, another release line, or another platform.",
    }
}

/// Severities with the scores that they stand for.
const SEVERITIES: [(Severity, Option<f32>, &str); 6] = [
    (
        Severity::Critical,
        Some(9.0),
        "9.0 to 10: usually taken over from afar, without a password.",
    ),
    (Severity::High, Some(7.0), "7.0 to 8.9."),
    (Severity::Medium, Some(4.0), "4.0 to 6.9."),
    (Severity::Low, Some(0.1), "0.1 to 3.9."),
    (Severity::None, Some(0.0), "0: no effect on security."),
    (
        Severity::Unknown,
        None,
        "Nobody has scored it yet, which says nothing about how bad it is.",
    ),
];

impl Page for Legend {
    fn title(&self) -> String {
        "How to read these pages".to_owned()
    }

    fn section(&self) -> Section {
        Section::About
    }

    fn formats(&self) -> &'static [Format] {
        TABLE
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["kind", "name", "meaning"]);
        let lists = [("verdict", &self.verdicts), ("disposition", &self.dispositions)];
        for (kind, list) in lists {
            for item in list {
                sheet.row([kind.to_owned(), item.name.to_owned(), item.meaning.to_owned()]);
            }
        }
        for rule in self.rules.iter().flat_map(|group| group.rules) {
            sheet.row(["rule".to_owned(), rule.name.to_owned(), rule.meaning.to_owned()]);
        }
        sheet
    }

    fn body(&self, _: &Frame) -> Markup {
        html! {
            div.wrap.prose {
                p.eyebrow { a href="/about" { "About" } }
                h1 { "How to read these pages" }
                p.lede { "A vulnerability is a fault in software that someone can abuse. It has an id, such as CVE-2024-3094, and records that describe it. This site asks of each: is that software in Nixpkgs, and is the version in this channel one with the fault?" }
                nav.contents aria-label="On this page" {
                    ul {
                        li { a href="#verdicts" { "Verdicts" } }
                        li { a href="#sure" { "How sure" } }
                        li { a href="#severity" { "How bad" } }
                        li { a href="#lines" { "Lines of versions" } }
                        @for group in self.rules { li { a href={ "#" (group.id) } { (group.question) } } }
                        li { a href="#nothing" { "Nothing matched" } }
                    }
                }
                (part::heading("verdicts", "Verdicts"))
                p { "A verdict is the answer for one vulnerability and one package of one channel. The first three are called " strong { "open" } ": someone should look." }
                dl.verdicts {
                    @for verdict in Verdict::ALL { div { dt { (part::verdict(verdict)) } dd { (meaning(verdict)) } } }
                }
                (part::heading("sure", "How sure"))
                p { (part::confidence(0.94)) " beside a verdict says how sure the rules are that the record is about this very software and that the version was judged rightly. It is no probability of being attacked." }
                (part::heading("severity", "How bad"))
                p { "The " abbr title="Common Vulnerability Scoring System" { "CVSS" } " score says how bad it would be if it were abused. Where a record holds several, the list shows the newest kind of score; the page of the vulnerability shows all." }
                dl.verdicts {
                    @for (severity, score, words) in SEVERITIES { div { dt { (part::severity(severity, score)) } dd { (words) } } }
                    div { dt { (part::exploited("2024-05-20")) } dd { "It is on the list of vulnerabilities that are known to be abused, which CISA, an agency of the United States, keeps. The date is that of its entry. Look at these first." } }
                    div { dt { span.epss { "EPSS 94.2 %" } } dd { "How likely it is that someone tries to abuse it within the next 30 days, as estimated by FIRST from what was seen of others." } }
                }
                (part::heading("lines", "Lines of versions"))
                p { "On the page of a vulnerability each source draws its own line, from old versions on the left to new ones on the right. Below the line stand the versions that the record names, above it those that channels have. The line is thick and red where the source says that versions are affected: a channel whose mark stands there has the fault." }
                @for group in self.rules {
                    (part::heading(group.id, group.question))
                    p { (group.about) }
                    dl.rules {
                        @for rule in group.rules { div id=(rule.name) { dt { a.rule href={ "#" (rule.name) } { code { (rule.name) } } } dd { (rule.meaning) } } }
                    }
                }
                (part::heading("nothing", "Nothing matched"))
                p { "Each vulnerability has an answer for each channel, also where no package is concerned:" }
                dl.rules { @for item in &self.dispositions { div { dt { code { (item.name) } } dd { (item.meaning) "." } } } }
                p.soft { "When exactly each rule holds, and how sure it makes a verdict, is written in the chapter on matching of the handbook that comes with the program." }
            }
        }
    }
}
