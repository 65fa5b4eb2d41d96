//! A list of findings, as the queue and the channel pages show it.

use maud::{Markup, html};
use serde::Serialize;
use vuln::verdict::Verdict;

use crate::store::read::{ClusterFacts, Facts};
use crate::web::address::{self, Format};
use crate::web::board::{ChannelBoard, Filter, Listing, Sort};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::part::{self, Pager};
use crate::web::sheet::{self, Sheet};
use crate::web::site::Site;

/// How much of a list one answer holds.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The page, from 1.
    pub page: usize,
    /// Vulnerabilities on a page.
    pub size: usize,
    /// Packages of one vulnerability; the kernel alone has two dozen.
    pub packages: usize,
}

impl Extent {
    /// What a format shows: people read pages, programs read tables.
    pub fn of(format: Format, page: usize) -> Self {
        let (size, packages) = match format {
            Format::Html => (50, 5),
            Format::Json | Format::Atom => (50, usize::MAX),
            Format::Csv => (1000, usize::MAX),
        };
        Self { page, size, packages }
    }
}

/// One page of a list of findings.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The channel.
    #[serde(skip)]
    pub channel: String,
    /// Vulnerabilities in the whole list; `None` where that would have to be counted.
    pub vulnerabilities: Option<usize>,
    /// (vulnerability, package) pairs in the whole list; `None` where that would have to be counted.
    pub findings: Option<usize>,
    /// From 1.
    pub page: usize,
    /// Pages in all, where that is known.
    pub pages: Option<usize>,
    /// Whether there is another page.
    pub more: bool,
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
    pub fn none(channel: &str, page: usize) -> Self {
        Self {
            channel: channel.to_owned(),
            vulnerabilities: Some(0),
            findings: Some(0),
            page,
            pages: Some(0),
            more: false,
            items: Vec::new(),
        }
    }

    /// One page of what the filter leaves.
    pub fn load(site: &Site, board: &ChannelBoard, filter: &Filter, extent: Extent) -> Result<Self, Error> {
        let listing = board.list(filter, (extent.page - 1) * extent.size, extent.size);
        Self::of(site, board, listing, extent)
    }

    /// One page that was chosen before.
    pub fn of(site: &Site, board: &ChannelBoard, listing: Listing<'_>, extent: Extent) -> Result<Self, Error> {
        let mut shown = Vec::new();
        for group in &listing.groups {
            for pair in group.pairs.iter().take(extent.packages) {
                shown.extend(board.cluster(pair).map(|cluster| (group.facts.key, cluster.key)));
            }
        }
        let mut details = site.store().pair_details(&board.name, &shown)?.into_iter().peekable();
        let mut items = Vec::with_capacity(listing.groups.len());
        for group in &listing.groups {
            let mut packages = Vec::new();
            for pair in group.pairs.iter().take(extent.packages) {
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
            channel: board.name.clone(),
            vulnerabilities: listing.total.map(|total| total.vulnerabilities),
            findings: listing.total.map(|total| total.findings),
            page: extent.page,
            pages: listing.total.map(|total| total.vulnerabilities.div_ceil(extent.size)),
            more: listing.more,
            items,
        })
    }

    /// How much there is, as far as that is known.
    pub fn total(&self, order: &str) -> Markup {
        html! {
            p.total {
                @match (self.vulnerabilities, self.findings) {
                    (Some(vulnerabilities), Some(findings)) => {
                        strong { (part::number(vulnerabilities as u64)) }
                        @if vulnerabilities == 1 { " vulnerability in " } @else { " vulnerabilities in " }
                        (part::counted(findings, "finding", "findings"))
                    },
                    _ => {
                        strong { (part::number(self.items.len() as u64)) }
                        @if self.items.len() == 1 { " vulnerability" } @else { " vulnerabilities" }
                        @if self.more || self.page > 1 { " on this page" }
                    },
                }
                @if !order.is_empty() { ", " (order) }
            }
        }
    }

    /// The links to the other pages.
    pub fn pager(&self, path: &str, parameters: &[(&str, Option<&str>)]) -> Markup {
        let pager = Pager {
            path,
            parameters,
            page: self.page,
            pages: self.pages,
            more: self.more,
        };
        pager.markup()
    }

    /// The list as rows: one for each finding.
    pub fn sheet(&self) -> Sheet {
        let columns = [
            "channel",
            "id",
            "title",
            "severity",
            "cvss",
            "epss",
            "exploited_since",
            "published",
            "package",
            "pname",
            "version",
            "verdict",
            "confidence",
            "fixed_in",
        ];
        let mut sheet = Sheet::new(&columns);
        for item in &self.items {
            let facts = &item.facts;
            for package in &item.packages {
                sheet.row([
                    self.channel.clone(),
                    facts.name.clone(),
                    facts.title.clone(),
                    part::severity_name(facts.severity).to_owned(),
                    sheet::number(facts.score),
                    sheet::number(facts.epss),
                    facts.kev_date.clone().unwrap_or_default(),
                    facts.published.clone().unwrap_or_default(),
                    package.cluster.name.clone(),
                    package.cluster.pname.clone(),
                    package.cluster.version.clone(),
                    package.verdict.name().to_owned(),
                    sheet::number(Some(package.confidence)),
                    package.fixed_in.clone().unwrap_or_default(),
                ]);
            }
        }
        sheet
    }

    /// The list as entries of a feed: one for each vulnerability.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |item: &Item| {
            let facts = &item.facts;
            let packages: Vec<String> = item
                .packages
                .iter()
                .map(|package| {
                    let fixed = package.fixed_in.as_ref().map(|v| format!(", fixed in {v}")).unwrap_or_default();
                    let verdict = part::verdict_name(package.verdict).to_lowercase();
                    format!("{} {}: {verdict}{fixed}", package.cluster.name, package.cluster.version)
                })
                .collect();
            Entry {
                id: format!("{}/{}", self.channel, facts.name),
                title: entry_title(facts),
                link: address::cve(&facts.name),
                date: facts.published.clone(),
                text: format!("{}. In {}: {}.", facts_words(facts), self.channel, packages.join("; ")),
            }
        };
        self.items.iter().map(entry).collect()
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

/// The headline of a vulnerability in a feed.
pub fn entry_title(facts: &Facts) -> String {
    if facts.title.is_empty() {
        facts.name.clone()
    } else {
        format!("{}: {}", facts.name, facts.title)
    }
}

/// How bad it is, in words.
pub fn facts_words(facts: &Facts) -> String {
    let mut words = match facts.score {
        Some(score) => format!("{} ({score:.1})", part::severity_word(facts.severity)),
        None => part::severity_word(facts.severity).to_owned(),
    };
    if let Some(epss) = facts.epss {
        words.push_str(&format!(", EPSS {}", part::percent(epss)));
    }
    if let Some(date) = &facts.kev_date {
        words.push_str(&format!(", known to be exploited since {date}"));
    }
    words
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
