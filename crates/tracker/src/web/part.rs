//! Small pieces that several pages are made of.

use maud::{Markup, html};
use vuln::score::Severity;
use vuln::verdict::{Disposition, Evidence, Verdict};

use super::time;
use crate::store::read::Revision;

/// `44,130`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 package`, `2 packages`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count as u64), if count == 1 { one } else { many })
}

/// `94.2 %`.
pub fn percent(part: f32) -> String {
    let percent = part * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".to_owned()
    } else if (99.95..100.0).contains(&percent) {
        // Rounded it would claim certainty.
        "> 99.9 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// A verdict: its word, its colour and its shape.
pub fn verdict(verdict: Verdict) -> Markup {
    html! { span.verdict.(verdict_class(verdict)) { (verdict_name(verdict)) } }
}

/// The word for a verdict.
pub fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Affected => "Affected",
        Verdict::KnownVulnerable => "Known vulnerable",
        Verdict::Unknown => "Unknown",
        Verdict::Patched => "Patched",
        Verdict::Fixed => "Fixed",
        Verdict::NotAffected => "Not affected",
    }
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Affected => "is-affected",
        Verdict::KnownVulnerable => "is-known",
        Verdict::Unknown => "is-unknown",
        Verdict::Patched => "is-patched",
        Verdict::Fixed => "is-fixed",
        Verdict::NotAffected => "is-not-affected",
    }
}

/// A sentence for a disposition.
pub fn disposition(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Matched => "Matched with a package",
        Disposition::NothingInNixpkgs => "Nothing in Nixpkgs is this software",
        Disposition::Rejected => "The record was rejected or withdrawn",
        Disposition::HostedService => "It concerns a hosted service, not software that one installs",
        Disposition::HardwareOnly => "It concerns hardware or firmware only",
        Disposition::OtherPlatform => "It concerns another platform only",
        Disposition::NoProduct => "The record names no product that could be compared",
    }
}

/// Severities as lists show them, worst first.
pub const SEVERITIES: [Severity; 6] = [
    Severity::Critical,
    Severity::High,
    Severity::Medium,
    Severity::Low,
    Severity::None,
    Severity::Unknown,
];

/// The name in addresses and metrics.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::None => "none",
        Severity::Unknown => "unknown",
    }
}

/// The word for a severity.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::None => "None",
        Severity::Unknown => "No score",
    }
}

/// A severity with its score.
pub fn severity(severity: Severity, score: Option<f32>) -> Markup {
    html! {
        span.sev.{ "sev-" (severity_name(severity)) } {
            @if let Some(score) = score { strong { (format!("{score:.1}")) } " " }
            (severity_word(severity))
        }
    }
}

/// The mark of a known exploited vulnerability.
pub fn exploited(date: &str) -> Markup {
    html! { span.kev title="On CISA's list of known exploited vulnerabilities" { "Exploited " span.soft { (date) } } }
}

/// An attribute, as text that may break behind its dots.
pub fn attr(name: &str) -> Markup {
    html! { @for (index, piece) in name.split_inclusive('.').enumerate() { @if index > 0 { wbr; } (piece) } }
}

/// How sure a verdict is.
pub fn confidence(value: f32) -> Markup {
    let percent = (value.clamp(0.0, 1.0) * 100.0).round();
    html! {
        span.sure {
            svg.meter viewBox="0 0 100 8" width="40" height="6" preserveAspectRatio="none" aria-hidden="true" {
                rect.track width="100" height="8" {}
                rect.value width=(percent) height="8" {}
            }
            (percent) " %"
        }
    }
}

/// The reasons of a verdict. The name of each rule leads to what it means.
pub fn evidence(list: &[Evidence]) -> Markup {
    html! {
        ul.evidence {
            @for item in list { li { (item.detail) " " (rule(&item.rule)) } }
        }
    }
}

fn rule(name: &str) -> Markup {
    html! {
        @if super::rules::is_known(name) { a.rule href={ "/legend#" (name) } { code { (name) } } } @else { code.rule { (name) } }
    }
}

/// The heading of a section, with a link to itself: an address to keep and to send.
pub fn heading(id: &str, text: &str) -> Markup {
    html! {
        h2 id=(id) { (text) " " a.anchor href={ "#" (id) } aria-label={ "Link to the section: " (text) } { span aria-hidden="true" { "#" } } }
    }
}

/// A moment, as an age with the exact time behind it.
pub fn ago(unix: i64, now: i64) -> Markup {
    html! { time datetime=(time::rfc3339(unix)) title=(time::stamp(unix)) { (time::span(now - unix)) " ago" } }
}

/// A revision of a channel with the day it was taken.
pub fn revision(revision: &Revision) -> Markup {
    let short = revision.revision.get(..12).unwrap_or(&revision.revision);
    html! {
        time datetime=(time::rfc3339(revision.at)) title=(time::stamp(revision.at)) { (time::date(revision.at)) }
        @if !short.is_empty() { " " code.soft title=(revision.revision) { (short) } }
    }
}

/// The day of a date that a source wrote.
pub fn day(text: &str) -> Markup {
    match time::day(text) {
        Some(day) => html! { time datetime=(day) { (day) } },
        None => html! { (text) },
    }
}

/// A foreign address: a link where it is one that a browser may follow, else plain text.
pub fn link(url: &str) -> Markup {
    if is_web(url) {
        html! { a.out href=(url) rel="noopener noreferrer nofollow" { (url) } }
    } else {
        html! { span.out { (url) } }
    }
}

/// Whether a foreign address may become a link.
pub fn is_web(url: &str) -> bool {
    let scheme = |name: &str| url.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    (scheme("https://") || scheme("http://")) && !url.chars().any(|c| c.is_control() || c == ' ')
}

/// Text with the CVE ids in it turned into links.
pub fn with_ids(text: &str) -> Markup {
    html! {
        @for piece in super::cve::ids::split(text) {
            @match piece {
                super::cve::ids::Piece::Text(text) => (text),
                super::cve::ids::Piece::Id(written, id) => a href=(super::address::cve(&id)) { (written) },
            }
        }
    }
}

/// Where a list goes on.
pub struct Pager<'a> {
    /// Address without the page.
    pub path: &'a str,
    /// Parameters that stay.
    pub parameters: &'a [(&'a str, Option<&'a str>)],
    /// From 1.
    pub page: usize,
    /// Pages in all, where that is known.
    pub pages: Option<usize>,
    /// Whether there is another page.
    pub more: bool,
}

impl Pager<'_> {
    /// The links; nothing where one page holds everything.
    pub fn markup(&self) -> Markup {
        if !self.more && self.page <= 1 {
            return html! {};
        }
        let to = |page: usize| {
            let page = page.to_string();
            let mut parameters = self.parameters.to_vec();
            parameters.push(("page", (page != "1").then_some(page.as_str())));
            super::address::query(self.path, &parameters)
        };
        html! {
            nav.pager aria-label="Pages" {
                @if self.page > 1 { a rel="prev" href=(to(self.page - 1)) { "← Previous" } } @else { span.off { "← Previous" } }
                span { "Page " (number(self.page as u64)) @if let Some(pages) = self.pages { " of " (number(pages.max(self.page) as u64)) } }
                @if self.more { a rel="next" href=(to(self.page + 1)) { "Next →" } } @else { span.off { "Next →" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (44_130, "44,130"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(percent(0.942), "94.2 %");
        assert_eq!(percent(0.0004), "< 0.1 %");
        assert_eq!(percent(0.0), "0.0 %");
        assert_eq!(
            (percent(0.99997), percent(0.9994), percent(1.0)),
            ("> 99.9 %".to_owned(), "99.9 %".to_owned(), "100.0 %".to_owned())
        );
    }

    #[test]
    fn only_web_addresses_become_links() {
        for good in ["https://example.org/a?b=c", "HTTP://EXAMPLE.ORG"] {
            assert!(link(good).into_string().starts_with("<a "), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JAVASCRIPT://https://x",
            "data:text/html,x",
            "ftp://example.org",
            "https:/x",
            "//example.org",
            "https://a b",
            "https://a\nb",
            "",
            "ä",
        ] {
            assert!(!link(bad).into_string().contains("href"), "{bad}");
        }
        assert!(!link("https://x/\"><script>").into_string().contains("<script>"));
    }
}
