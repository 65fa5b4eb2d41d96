//! What the data is worth, and what must be trusted.

use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::overview::{FeedRow, feed_table, feeds};
use crate::store::read::Channel;
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::respond::Loaded;
use crate::web::site::Site;
use crate::web::stats::Stats;
use crate::web::{address, part};

/// The page about this site.
#[derive(Debug, Serialize)]
pub struct About {
    /// The program's version.
    pub program: &'static str,
    /// The feeds of vulnerabilities.
    pub feeds: Vec<FeedRow>,
    /// What is known of the packages of each channel.
    pub channels: Vec<Known>,
    /// How right the rules were where somebody judged.
    pub quality: &'static [Figure],
}

/// How much a package set tells: what it does not tell cannot be matched.
#[derive(Debug, Serialize)]
pub struct Known {
    /// Channel.
    pub channel: String,
    /// Attributes.
    pub packages: u64,
    /// Those with a homepage or description.
    pub with_meta: u64,
    /// Those whose patches are known.
    pub with_derivation: u64,
}

/// One measured figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What was looked at.
    pub what: &'static str,
    /// As the book's page on quality has it.
    pub measured: &'static str,
    /// What it means for a reader.
    pub meaning: &'static str,
}

/// Measured by `cargo xtask quality`; a test compares them with the book's page, which says how.
const QUALITY: &[Figure] = &[
    Figure {
        what: "identities found (NVD rows)",
        measured: "50 of 50",
        meaning: "Pairs of a vulnerability and a package that maintainers or reviewers confirmed, and that are found here.",
    },
    Figure {
        what: "patched rows called patched",
        measured: "41 of 41",
        meaning: "Vulnerabilities that Nixpkgs mended with a patch, and that are called patched here.",
    },
    Figure {
        what: "marked rows called known_vulnerable",
        measured: "35 of 36",
        meaning: "Packages that Nixpkgs marks as vulnerable, and that are called so here.",
    },
    Figure {
        what: "human false positives affected or unknown",
        measured: "2 of 7",
        meaning: "Pairs that a person found not to be about the package, and that are shown as open here all the same.",
    },
];

impl About {
    /// Loads the page.
    pub fn load(site: &Site, frame: &Frame) -> Result<Loaded<Self>, Error> {
        let sources = site.store().sources()?;
        let counts = site.counts(&sources)?;
        let stats = Stats::new(&sources, &[], &counts, frame.now());
        let known = |channel: Channel| Known {
            channel: channel.name,
            packages: channel.packages,
            with_meta: channel.with_meta,
            with_derivation: channel.with_derivation,
        };
        Ok(Loaded::Page(Self {
            program: env!("CARGO_PKG_VERSION"),
            feeds: feeds(&stats, &sources, frame.now()),
            channels: super::channel::all(site)?.into_iter().map(known).collect(),
            quality: QUALITY,
        }))
    }

    fn channels(&self) -> Markup {
        html! {
            table.list role="table" {
                caption.hidden { "How much is known of the packages of each channel" }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Channel" }
                        th.num role="columnheader" scope="col" { "Packages" }
                        th.num role="columnheader" scope="col" { "With description or homepage" }
                        th.num role="columnheader" scope="col" { "With known patches" }
                    }
                }
                tbody role="rowgroup" {
                    @for known in &self.channels {
                        tr role="row" {
                            th role="rowheader" scope="row" { a href=(address::channel(&known.channel)) { (known.channel) } }
                            td.num role="cell" data-label="Packages" { (part::number(known.packages)) }
                            td.num role="cell" data-label="With description or homepage" { (share(known.with_meta, known.packages)) }
                            td.num role="cell" data-label="With known patches" { (share(known.with_derivation, known.packages)) }
                        }
                    }
                }
            }
        }
    }

    fn figures(&self) -> Markup {
        html! {
            table.list.figures role="table" {
                caption.hidden { "How right the rules were" }
                thead role="rowgroup" { tr role="row" { th role="columnheader" scope="col" { "What was judged" } th.num role="columnheader" scope="col" { "Result" } } }
                tbody role="rowgroup" {
                    @for figure in self.quality {
                        tr role="row" { th role="rowheader" scope="row" { (figure.meaning) } td.num role="cell" { strong { (figure.measured) } } }
                    }
                }
            }
        }
    }
}

fn share(part: u64, all: u64) -> String {
    if all == 0 {
        return "0 %".to_owned();
    }
    part::percent(part as f32 / all as f32)
}

impl Page for About {
    fn title(&self) -> String {
        "About".to_owned()
    }

    fn section(&self) -> Section {
        Section::About
    }

    fn body(&self, frame: &Frame) -> Markup {
        html! {
            div.wrap.prose {
                h1 { "What this is worth" }
                p.lede { "Firn tracker " (self.program) " joins public vulnerability records with package sets of Nixpkgs by rules that anyone can read, and shows the reasons for every answer." }
                p { a href="/legend" { "How to read these pages" } " explains every mark, number and rule." }
                (part::heading("age", "The sources and their age"))
                p { "An answer is as old as the oldest source behind it. A vulnerability that became known after these dates is not here." }
                (feed_table(&self.feeds, frame))
                p.soft { "CVE records: CVE program and its CNAs, with CISA's enrichment. NVD: this product uses the NVD API or feeds but is not endorsed or certified by the NVD. EPSS: FIRST. KEV: CISA. OSV records: under the licences of their databases." }
                (part::heading("channels", "The channels and what they tell"))
                p { "Where a channel lists names and versions only, many programs cannot be told from others of the same name, and an affected version may have been mended by a patch that nobody here can see." }
                @if self.channels.is_empty() { p.empty { "No package set was taken in yet." } } @else { (self.channels()) }
                (part::heading("quality", "How right it is"))
                p { "Measured against pairs on which maintainers of Nixpkgs and reviewers decided, with the records of NVD up to March 2020 and one channel of September 2020. Other years and channels may do worse." }
                (self.figures())
                (part::heading("trust", "What must be trusted"))
                ul {
                    li { "The records. Ranges, scores and products are shown as their authors state them, and authors err. Where sources disagree, both stand side by side on the page of the vulnerability." }
                    li { "The package set. Versions, patches and marks are those of one revision of Nixpkgs; overlays and local changes are not in it." }
                    li { "The feeds and whoever runs this site: the feeds are read over HTTPS or from a mirror and are not signed. Each raw document can be downloaded with its digest." }
                }
                (part::heading("limits", "What is not checked"))
                ul {
                    li { "Whether vulnerable code is compiled in, enabled or reachable." }
                    li { "What a patch does: its name is taken at its word." }
                    li { "Libraries that a package bundles in its own source." }
                }
                (part::heading("programs", "For programs"))
                p { "Every page has a JSON form at its address with " code { ".json" } "; lists have " code { ".csv" } " and, where news is worth waiting for, " code { ".atom" } " too. The links stand at the foot of each page. Statistics: " a href="/api/v1/stats" { code { "/api/v1/stats" } } ". For monitoring: " a href="/health" { code { "/health" } } " and " a href="/metrics" { code { "/metrics" } } "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_book() {
        let book = include_str!("../../../../../docs/src/tracker/quality.md");
        for figure in QUALITY {
            let row = book.lines().find(|line| line.starts_with(&format!("| {} |", figure.what))).unwrap();
            assert_eq!(row.split('|').nth(2).unwrap().trim(), figure.measured, "{row}");
        }
    }

    #[test]
    fn shares() {
        assert_eq!(
            (share(0, 0), share(1, 3), share(3, 3)),
            ("0 %".into(), "33.3 %".into(), "100.0 %".into())
        );
    }
}
