//! What a vulnerability means for each channel: the matrix, the reasons, and what became of it where nothing matched.

use maud::{Markup, html};
use vuln::verdict::Disposition;

use super::Known;
use crate::store::read::VerdictRow;
use crate::web::layout::Frame;
use crate::web::{address, part};

/// The same verdict for the same reasons in several channels.
struct Reason<'a> {
    row: &'a VerdictRow,
    channels: Vec<&'a str>,
}

impl Known {
    /// The answer for Nixpkgs.
    pub(super) fn answer(&self, _: &Frame) -> Markup {
        let verdicts = &self.vulnerability.verdicts;
        html! {
            section aria-labelledby="verdicts" {
                h2 #verdicts { "In Nixpkgs" }
                @if self.channels.is_empty() {
                    p.empty { "No channel has been matched yet." }
                } @else if verdicts.is_empty() {
                    (self.nothing())
                } @else {
                    (self.matrix())
                    (self.reasons())
                    (self.elsewhere())
                }
            }
        }
    }

    /// Packages by channels.
    fn matrix(&self) -> Markup {
        let mut packages: Vec<&str> = Vec::new();
        for row in &self.vulnerability.verdicts {
            if !packages.contains(&row.package.as_str()) {
                packages.push(&row.package);
            }
        }
        let cell = |package: &str, channel: &str| {
            let row = self
                .vulnerability
                .verdicts
                .iter()
                .find(|row| row.package == package && row.channel == channel);
            html! { @match row { Some(row) => { (part::verdict(row.verdict)) span.version { (row.version) } }, None => span.soft { "–" } } }
        };
        html! {
            div.scroll tabindex="0" role="region" aria-label="Verdicts by package and channel" {
                table.grid.matrix {
                    caption.hidden { "Verdicts by package and channel" }
                    thead { tr { th scope="col" { "Package" } @for channel in &self.channels { th scope="col" { a href=(address::channel(channel)) { (channel) } } } } }
                    tbody {
                        @for package in packages {
                            tr {
                                th scope="row" { a href=(address::package(package)) { (part::attr(package)) } }
                                @for channel in &self.channels { td { (cell(package, channel)) } }
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
        // One open reason is what most readers came for; more of them would bury the rest of the page.
        let first_open = reasons.len() <= 2;
        html! {
            h3 { "Why" }
            div.reasons {
                @for (index, reason) in reasons.iter().enumerate() {
                    @let row = reason.row;
                    details open[first_open && index == 0] {
                        summary {
                            span.what { (row.package) " " span.version { (row.version) } }
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
        }
    }

    /// Channels without a match, beside others that have one.
    fn elsewhere(&self) -> Markup {
        let without: Vec<_> = self
            .vulnerability
            .dispositions
            .iter()
            .filter(|row| row.disposition != Disposition::Matched)
            .collect();
        html! {
            @if !without.is_empty() {
                ul.soft.plainlist { @for row in without { li { (row.channel) ": " (part::disposition(row.disposition)) "." } } }
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

/// Whether two rows say the same about the same.
fn same(a: &VerdictRow, b: &VerdictRow) -> bool {
    a.package == b.package
        && a.version == b.version
        && a.verdict == b.verdict
        && a.confidence == b.confidence
        && a.fixed_in == b.fixed_in
        && a.evidence == b.evidence
}
