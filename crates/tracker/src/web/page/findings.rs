//! A list of findings, as the queue and the channel pages show it.

use maud::{Markup, html};
use serde::Serialize;
use vuln::verdict::Verdict;

use crate::store::read::{ClusterFacts, Facts};
use crate::web::board::{ChannelBoard, Filter, Sort};
use crate::web::error::Error;
use crate::web::site::Site;
use crate::web::{address, part};

/// Vulnerabilities on a page.
pub const PAGE: usize = 50;

/// Packages shown of one vulnerability; the kernel alone has two dozen.
const PACKAGES: usize = 5;

/// One page of a list of findings.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Vulnerabilities in the whole list.
    pub vulnerabilities: usize,
    /// (vulnerability, package) pairs in the whole list.
    pub findings: usize,
    /// From 1.
    pub page: usize,
    /// Pages in all.
    pub pages: usize,
    /// This page.
    pub items: Vec<Item>,
}

/// A vulnerability with its packages.
#[derive(Debug, Serialize)]
pub struct Item {
    /// The vulnerability.
    #[serde(flatten)]
    pub facts: Facts,
    /// The first of its packages.
    pub packages: Vec<ItemPackage>,
    /// How many packages are not listed here.
    pub more_packages: usize,
}

/// A package with its verdict.
#[derive(Debug, Serialize)]
pub struct ItemPackage {
    /// The package.
    #[serde(flatten)]
    pub cluster: ClusterFacts,
    /// Verdict.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
    /// The first version that is not affected any more.
    pub fixed_in: Option<String>,
}

impl Findings {
    /// A list without findings.
    pub fn none(page: usize) -> Self {
        Self {
            vulnerabilities: 0,
            findings: 0,
            page,
            pages: 0,
            items: Vec::new(),
        }
    }

    /// One page of what the filter leaves.
    pub fn load(site: &Site, board: &ChannelBoard, filter: &Filter, page: usize) -> Result<Self, Error> {
        let listing = board.list(filter, (page - 1) * PAGE, PAGE);
        let mut shown = Vec::new();
        for group in &listing.groups {
            for pair in group.pairs.iter().take(PACKAGES) {
                shown.extend(board.cluster(pair).map(|cluster| (group.facts.key, cluster.key)));
            }
        }
        let mut details = site.store().pair_details(&board.name, &shown)?.into_iter().peekable();
        let mut items = Vec::with_capacity(listing.groups.len());
        for group in &listing.groups {
            let mut packages = Vec::new();
            for pair in group.pairs.iter().take(PACKAGES) {
                let Some(cluster) = board.cluster(pair) else { continue };
                // Details come in the order asked; a finding that is gone by now has none.
                let detail = details.next_if(|detail| detail.pair == (group.facts.key, cluster.key));
                packages.push(ItemPackage {
                    cluster: cluster.clone(),
                    verdict: pair.verdict,
                    confidence: pair.confidence,
                    fixed_in: detail.and_then(|detail| detail.fixed_in),
                });
            }
            items.push(Item {
                facts: group.facts.clone(),
                more_packages: group.pairs.len() - packages.len(),
                packages,
            });
        }
        Ok(Self {
            vulnerabilities: listing.vulnerabilities,
            findings: listing.findings,
            page,
            pages: listing.vulnerabilities.div_ceil(PAGE),
            items,
        })
    }

    /// The table.
    pub fn table(&self, caption: &str) -> Markup {
        html! {
            table.list.findings role="table" {
                caption { (caption) }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Vulnerability" }
                        th role="columnheader" scope="col" { "Severity" }
                        th role="columnheader" scope="col" { abbr title="Probability that it is exploited in the next 30 days, by FIRST" { "EPSS" } }
                        th role="columnheader" scope="col" { "Package" }
                        th role="columnheader" scope="col" { "Verdict" }
                    }
                }
                @for item in &self.items { (row(item)) }
            }
        }
    }
}

/// One `tbody` a vulnerability: its packages share the first cells.
fn row(item: &Item) -> Markup {
    let rows = item.packages.len().max(1) + usize::from(item.more_packages > 0);
    let facts = &item.facts;
    html! {
        tbody role="rowgroup" {
            tr role="row" {
                th.id role="rowheader" scope="rowgroup" rowspan=(rows) {
                    a href=(address::cve(&facts.name)) { (facts.name) }
                    @if let Some(date) = &facts.kev_date { " " (part::exploited(date)) }
                    @if !facts.title.is_empty() { span.title { (facts.title) } }
                }
                td role="cell" rowspan=(rows) { (part::severity(facts.severity, facts.score)) }
                td.num role="cell" rowspan=(rows) data-label="EPSS" { @if let Some(epss) = facts.epss { (part::percent(epss)) } @else { span.soft { "none" } } }
                @if let Some(package) = item.packages.first() { (package_cells(package)) } @else { td role="cell" {} td role="cell" {} }
            }
            @for package in item.packages.iter().skip(1) {
                tr.more role="row" { (package_cells(package)) }
            }
            @if item.more_packages > 0 {
                tr.more role="row" {
                    td role="cell" colspan="2" { a href=(address::cve(&facts.name)) { "and " (part::counted(item.more_packages, "more package", "more packages")) } }
                }
            }
        }
    }
}

fn package_cells(package: &ItemPackage) -> Markup {
    html! {
        td.package role="cell" {
            a href=(address::package(&package.cluster.name)) { (part::attr(&package.cluster.name)) }
            " " span.version { (package.cluster.version) }
        }
        td.answer role="cell" {
            (part::verdict(package.verdict)) " " (part::confidence(package.confidence))
            @if let Some(fixed) = &package.fixed_in { span.soft { "fixed in " span.version { (fixed) } } }
        }
    }
}

/// The words for an order.
pub fn sort_word(sort: Sort) -> &'static str {
    match sort {
        Sort::Exploited => "Exploited first",
        Sort::Epss => "EPSS",
        Sort::Cvss => "CVSS",
        Sort::Age => "Newest",
        Sort::Confidence => "Confidence",
    }
}

/// The verdicts to choose from; `open` is what no choice means.
pub fn verdict_options(chosen: Option<Verdict>, none: &str) -> Markup {
    html! {
        option value="" selected[chosen.is_none()] { (none) }
        @for verdict in Verdict::ALL {
            option value=(verdict.name()) selected[chosen == Some(verdict)] { (part::verdict_name(verdict)) }
        }
    }
}

/// The severities to choose from.
pub fn severity_options(chosen: Option<vuln::score::Severity>) -> Markup {
    html! {
        option value="" selected[chosen.is_none()] { "Any" }
        @for severity in part::SEVERITIES {
            option value=(part::severity_name(severity)) selected[chosen == Some(severity)] { (part::severity_word(severity)) }
        }
    }
}
