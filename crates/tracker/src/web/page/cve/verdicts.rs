//! What a vulnerability means for each channel: the verdicts, the reasons, and what became of it where nothing matched.

use maud::{Markup, html};
use vuln::verdict::{Disposition, Verdict};

use super::Known;
use crate::store::read::{PastVerdict, VerdictRow};
use crate::web::{address, part};

/// Packages shown of one channel and verdict.
const PACKAGES: usize = 40;

/// Reasons shown at once.
const REASONS: usize = 10;

/// The same verdict for the same reasons in several channels.
struct Reason<'a> {
    row: &'a VerdictRow,
    channels: Vec<&'a str>,
}

impl Known {
    /// The answer for Nixpkgs.
    pub(super) fn answer(&self) -> Markup {
        let verdicts = &self.vulnerability.verdicts;
        html! {
            section aria-labelledby="verdicts" {
                (part::heading("verdicts", "In Nixpkgs"))
                @if self.channels.is_empty() {
                    p.empty { "No channel has been matched yet." }
                } @else if verdicts.is_empty() {
                    (self.nothing())
                } @else {
                    (self.channels())
                    (self.reasons())
                }
                (self.past())
            }
        }
    }

    /// One row a channel: its packages by verdict, the worst first. Packages by channels would be a wide table of holes, as the names
    /// of packages change between channels.
    fn channels(&self) -> Markup {
        html! {
            table.list.answers role="table" {
                caption.hidden { "Packages by channel and verdict" }
                thead.hidden role="rowgroup" { tr role="row" { th role="columnheader" scope="col" { "Channel" } th role="columnheader" scope="col" { "Packages by verdict" } } }
                tbody role="rowgroup" {
                    @for row in &self.vulnerability.dispositions {
                        tr role="row" {
                            th role="rowheader" scope="row" { a href=(address::channel(&row.channel)) { (row.channel) } }
                            td role="cell" {
                                @if row.disposition == Disposition::Matched { (self.packages(&row.channel)) } @else { span.soft { (part::disposition(row.disposition)) "." } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The packages of one channel, by verdict.
    fn packages(&self, channel: &str) -> Markup {
        let of = |verdict| -> Vec<&VerdictRow> {
            let rows = self.vulnerability.verdicts.iter();
            rows.filter(|row| row.channel == channel && row.verdict == verdict).collect()
        };
        html! {
            ul.byverdict {
                @for verdict in Verdict::ALL {
                    @let rows = of(verdict);
                    @if !rows.is_empty() {
                        li {
                            div { (part::verdict(verdict)) }
                            div {
                                @for row in rows.iter().take(PACKAGES) {
                                    span.package {
                                        a href=(address::package(&row.package)) { (part::attr(&row.package)) } " " span.version { (row.version) }
                                        @if let Some(since) = &row.since { " " span.since { "since " (part::revision(since)) } }
                                    } " "
                                }
                                @if rows.len() > PACKAGES { span.soft { "and " (rows.len() - PACKAGES) " more" } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The evidence, each line once for all channels that share it; the worst verdicts first.
    fn reasons(&self) -> Markup {
        let mut reasons: Vec<Reason<'_>> = Vec::new();
        for row in &self.vulnerability.verdicts {
            match reasons.iter_mut().find(|reason| same(reason.row, row)) {
                Some(reason) => reason.channels.push(&row.channel),
                None => reasons.push(Reason {
                    row,
                    channels: vec![&row.channel],
                }),
            }
        }
        reasons.sort_by(|a, b| {
            let order = a
                .row
                .verdict
                .cmp(&b.row.verdict)
                .then(b.row.confidence.total_cmp(&a.row.confidence));
            order.then_with(|| a.row.package.cmp(&b.row.package))
        });
        let (first, rest) = reasons.split_at(reasons.len().min(REASONS));
        html! {
            h3 { "Why" }
            div.reasons {
                @for (index, reason) in first.iter().enumerate() { (why(reason, index == 0)) }
                @if !rest.is_empty() {
                    details.rest {
                        summary { (part::counted(rest.len(), "more reason", "more reasons")) }
                        @for reason in rest { (why(reason, false)) }
                    }
                }
            }
        }
    }

    /// Verdicts that are no more: what mended it, and when.
    fn past(&self) -> Markup {
        let past = &self.vulnerability.past;
        html! {
            @if !past.is_empty() {
                details.rest #past {
                    summary { (part::counted(past.len(), "earlier verdict", "earlier verdicts")) }
                    div.scroll tabindex="0" role="region" aria-label="Earlier verdicts" {
                        table.grid {
                            caption.hidden { "Earlier verdicts, the newest first" }
                            thead {
                                tr {
                                    th scope="col" { "Package" }
                                    th scope="col" { "Channel" }
                                    th scope="col" { "Verdict" }
                                    th scope="col" { "Since" }
                                    th scope="col" { "Until" }
                                    th scope="col" { "Ended by" }
                                }
                            }
                            tbody { @for row in past { (earlier(row)) } }
                        }
                    }
                }
            }
        }
    }

    /// Nothing matched in any channel: what became of it, and what was close.
    fn nothing(&self) -> Markup {
        html! {
            ul.dispositions {
                @for row in &self.vulnerability.dispositions {
                    li {
                        strong { (row.channel) } ": " (part::disposition(row.disposition)) "."
                        @if !row.near_misses.is_empty() {
                            details {
                                summary { "What was close" }
                                ul.near {
                                    @for miss in &row.near_misses {
                                        li {
                                            a href=(address::package(&miss.name)) { (miss.name) } " " span.version { (miss.version) } " " (part::confidence(miss.confidence))
                                            (part::evidence(&miss.evidence))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn earlier(row: &PastVerdict) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(address::package(&row.package)) { (part::attr(&row.package)) } " " span.version { (row.version) } }
            td { (row.channel) }
            td { (part::verdict(row.verdict)) }
            td { @match &row.since { Some(since) => (part::revision(since)), None => span.soft { "before history was kept" } } }
            td { (part::revision(&row.until)) }
            td { @if row.because == "packages" { "another revision of the channel" } @else { "other records or rules" } }
        }
    }
}

/// One reason; the first one is open: it is what most readers came for, all of them would bury the rest of the page.
fn why(reason: &Reason<'_>, open: bool) -> Markup {
    let row = reason.row;
    html! {
        details open[open] {
            summary {
                span.what { (part::attr(&row.package)) " " span.version { (row.version) } }
                " " (part::verdict(row.verdict)) " " (part::confidence(row.confidence))
                @if let Some(fixed) = &row.fixed_in { " " span.soft { "fixed in " span.version { (fixed) } } }
            }
            (part::evidence(&row.evidence))
            p.soft {
                "In " (reason.channels.join(", ")) "."
                @if row.attr_count > 1 {
                    " Attributes: " (row.attrs.join(", "))
                    @if row.attr_count > row.attrs.len() as u64 { " and " (row.attr_count - row.attrs.len() as u64) " more" } "."
                }
            }
        }
    }
}

/// Whether two rows say the same about the same.
fn same(a: &VerdictRow, b: &VerdictRow) -> bool {
    a.package == b.package
        && a.version == b.version
        && a.verdict == b.verdict
        && a.confidence == b.confidence
        && a.fixed_in == b.fixed_in
        && a.evidence == b.evidence
}
