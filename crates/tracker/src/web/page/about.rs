//! What the data is worth, and what must be trusted.

use maud::{Markup, html};
use serde::Serialize;
use vuln::verdict::Verdict;

use super::Page;
use super::overview::{FeedRow, feed_table, feeds};
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::site::Site;
use crate::web::stats::Stats;

/// The page about this site.
#[derive(Debug, Serialize)]
pub struct About {
    /// The program's version.
    pub program: &'static str,
    /// The feeds of vulnerabilities.
    pub feeds: Vec<FeedRow>,
}

impl About {
    /// Loads the page.
    pub fn load(site: &Site, frame: &Frame) -> Result<Loaded<Self>, Error> {
        let sources = site.store().sources()?;
        let counts = site.counts(&sources)?;
        let stats = Stats::new(&sources, &[], &counts, frame.now);
        Ok(Loaded::Page(Self {
            program: env!("CARGO_PKG_VERSION"),
            feeds: feeds(&stats, &sources, frame.now),
        }))
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
                h2 { "The verdicts" }
                dl.verdicts {
                    @for verdict in Verdict::ALL { div { dt { (part::verdict(verdict)) } dd { (meaning(verdict)) } } }
                }
                p { "The percentage beside a verdict says how sure the rules are that the record is about this very software and that the version was judged rightly. It is no probability of being attacked: that is what EPSS and the list of exploited vulnerabilities are for." }
                h2 { "What must be trusted" }
                ul {
                    li { "The records. Ranges, scores and products are shown as their authors state them, and authors err. Where sources disagree, both stand side by side on the page of the vulnerability." }
                    li { "The package set. Versions, patches and marks are those of one revision of Nixpkgs; overlays and local changes are not in it." }
                    li { "The feeds and whoever runs this site: the feeds are read over HTTPS or from a mirror and are not signed. Each raw document can be downloaded with its digest." }
                    li { "The age of the data. An answer is as old as the oldest source behind it." }
                }
                h2 { "What is not checked" }
                ul {
                    li { "Whether vulnerable code is compiled in, enabled or reachable." }
                    li { "What a patch does: its name is taken at its word." }
                    li { "Libraries that a package bundles in its own source." }
                    li { "Where a channel lists names and versions only, patches are not known and an affected version may have been mended." }
                }
                h2 { "The data" }
                (feed_table(&self.feeds, frame))
                p.soft { "CVE records: CVE program and its CNAs, with CISA's enrichment. NVD: this product uses the NVD API or feeds but is not endorsed or certified by the NVD. EPSS: FIRST. KEV: CISA. OSV records: under the licences of their databases." }
                h2 { "For programs" }
                p { "Every page has a JSON twin at its address with " code { ".json" } ". Statistics: " a href="/api/v1/stats" { code { "/api/v1/stats" } } ". For monitoring: " a href="/health" { code { "/health" } } " and " a href="/metrics" { code { "/metrics" } } "." }
            }
        }
    }
}
