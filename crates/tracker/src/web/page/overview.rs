//! The first page: what this is, how old the data is, what is open and urgent.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::channel;
use crate::store::read::{Channel, Facts, Source};
use crate::web::board::{Board, Filter, Sort};
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::respond::Loaded;
use crate::web::site::Site;
use crate::web::stats::{Stats, age};
use crate::web::{address, part, time};

/// Vulnerabilities in each of the two lists.
const TOP: usize = 8;

/// Package names shown of one vulnerability.
const NAMES: usize = 3;

/// The first page.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Vulnerabilities known.
    pub vulnerabilities: u64,
    /// The feeds of vulnerabilities.
    pub feeds: Vec<FeedRow>,
    /// The channels, most recent first.
    pub channels: Vec<Channel>,
    /// Known exploited and open in some channel, the latest first.
    pub exploited: Vec<Top>,
    /// Open in some channel, highest EPSS score first.
    pub likely: Vec<Top>,
}

/// The state of one feed.
#[derive(Debug, Serialize)]
pub struct FeedRow {
    /// Source name.
    pub name: &'static str,
    /// Distinct ids.
    pub records: u64,
    /// Age of its data in seconds.
    pub age_s: Option<i64>,
    /// Date of its newest data, as stated.
    pub data_date: Option<String>,
    /// When it was last taken: unix seconds.
    pub last_success: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// An urgent vulnerability.
#[derive(Debug, Serialize)]
pub struct Top {
    /// The vulnerability.
    #[serde(flatten)]
    pub facts: Facts,
    /// Names of packages in which it is open, each once.
    pub packages: Vec<String>,
    /// How many there are.
    pub package_count: usize,
    /// Channels in which it is open, most recent first.
    pub channels: Vec<String>,
}

impl Overview {
    /// Loads the page.
    pub fn load(site: &Site, frame: &Frame) -> Result<Loaded<Self>, Error> {
        let sources = site.store().sources()?;
        let channels = channel::all(site)?;
        let counts = site.counts(&sources)?;
        let stats = Stats::new(&sources, &channels, &counts, frame.now());
        let board = site.board()?;
        Ok(Loaded::Page(Self {
            vulnerabilities: counts.vulnerabilities,
            feeds: feeds(&stats, &sources, frame.now()),
            exploited: top(
                &board,
                &Filter {
                    exploited: true,
                    ..Filter::default()
                },
            ),
            likely: top(
                &board,
                &Filter {
                    sort: Sort::Epss,
                    min_epss: Some(0.0),
                    ..Filter::default()
                },
            ),
            channels,
        }))
    }
}

/// The state of each feed.
pub fn feeds(stats: &Stats, sources: &[Source], now: i64) -> Vec<FeedRow> {
    let row = |(name, feed): (&'static str, super::super::stats::Feed)| {
        let source = sources.iter().find(|source| source.name == name);
        FeedRow {
            name,
            records: feed.records,
            age_s: source.and_then(|source| age(source, now)),
            data_date: source.and_then(|source| source.data_date.clone()),
            last_success: source.and_then(|source| source.last_success),
            last_error: source.and_then(|source| source.last_error.clone()),
        }
    };
    stats.feeds().into_iter().map(row).collect()
}

/// The first vulnerabilities over all channels: one that is not among the first of any channel is not among the first of all.
fn top(board: &Board, filter: &Filter) -> Vec<Top> {
    let mut found: BTreeMap<i64, &Facts> = BTreeMap::new();
    for channel in board.channels() {
        found.extend(
            channel
                .list(filter, 0, TOP)
                .groups
                .iter()
                .map(|group| (group.facts.key, group.facts)),
        );
    }
    let mut found: Vec<&Facts> = found.into_values().collect();
    found.sort_by(|a, b| filter.sort.compare((a, 0.0), (b, 0.0)));
    found.into_iter().take(TOP).map(|facts| open_in(board, facts)).collect()
}

/// Where a vulnerability is open.
fn open_in(board: &Board, facts: &Facts) -> Top {
    let (mut packages, mut channels) = (Vec::new(), Vec::new());
    for channel in board.channels() {
        let mut open = false;
        for pair in channel.of_vulnerability(facts.key).iter().filter(|pair| pair.verdict.is_open()) {
            open = true;
            if let Some(cluster) = channel.cluster(pair).filter(|cluster| !packages.contains(&cluster.name)) {
                packages.push(cluster.name.clone());
            }
        }
        if open {
            channels.push(channel.name.clone());
        }
    }
    let package_count = packages.len();
    packages.truncate(NAMES);
    Top {
        facts: facts.clone(),
        packages,
        package_count,
        channels,
    }
}

impl Page for Overview {
    fn title(&self) -> String {
        "Vulnerabilities in Nixpkgs".to_owned()
    }

    fn section(&self) -> Section {
        Section::Overview
    }

    fn body(&self, frame: &Frame) -> Markup {
        html! {
            div.hero {
                div.wrap {
                    h1 { "What is vulnerable in Nixpkgs?" }
                    p.lede {
                        "Firn joins " strong { (part::number(self.vulnerabilities)) } " vulnerabilities with the packages of "
                        strong { (part::counted(self.channels.len(), "channel", "channels")) } ", gives each pair a verdict, and shows the evidence for it."
                    }
                    form.search role="search" action="/search" method="get" {
                        label for="ask" { "Look up a CVE id, a package, or words of a description" }
                        div.line {
                            input #ask type="search" name="q" maxlength="200" autocomplete="off";
                            button.primary type="submit" { "Search" }
                        }
                    }
                }
            }
            div.wrap {
                section aria-labelledby="channels" {
                    (part::heading("channels", "Channels"))
                    @if self.channels.is_empty() { p.empty { "No package set was taken in yet." } }
                    @else { (channel::summary(&self.channels, frame)) }
                }
                div.pair {
                    section aria-labelledby="exploited" {
                        (part::heading("exploited", "Exploited and open"))
                        p.soft { "On CISA's list of known exploited vulnerabilities, the latest first." }
                        (self.list(&self.exploited, "Exploited vulnerabilities that are open in a channel"))
                        p { a href="/queue?exploited=1" { "All exploited ones in the queue" } }
                    }
                    section aria-labelledby="likely" {
                        (part::heading("likely", "Most likely exploited next"))
                        p.soft { "Highest EPSS score: the probability of exploitation within 30 days." }
                        (self.list(&self.likely, "Open vulnerabilities with the highest EPSS score"))
                        p { a href="/queue?sort=epss" { "The queue by EPSS" } }
                    }
                }
                section aria-labelledby="data" {
                    (part::heading("data", "State of the data"))
                    (feed_table(&self.feeds, frame))
                    p { a href="/sources" { "All sources, and when they are looked at again" } }
                }
            }
        }
    }
}

impl Overview {
    fn list(&self, list: &[Top], label: &str) -> Markup {
        html! {
            @if list.is_empty() { p.empty { "None." } }
            ol.top aria-label=(label) {
                @for top in list {
                    li {
                        div.line {
                            a.id href=(address::cve(&top.facts.name)) { (top.facts.name) }
                            (part::severity(top.facts.severity, top.facts.score))
                            @if let Some(date) = &top.facts.kev_date { (part::exploited(date)) }
                            @if let Some(epss) = top.facts.epss { span.epss { "EPSS " (part::percent(epss)) } }
                        }
                        @if !top.facts.title.is_empty() { p.title { (top.facts.title) } }
                        p.soft {
                            @for (index, name) in top.packages.iter().enumerate() {
                                @if index > 0 { ", " }
                                a href=(address::package(name)) { (part::attr(name)) }
                            }
                            @if top.package_count > top.packages.len() { " and " (top.package_count - top.packages.len()) " more" }
                            " · "
                            @if let [one] = top.channels.as_slice() { (one) } @else { (top.channels.len()) " of " (self.channels.len()) " channels" }
                        }
                    }
                }
            }
        }
    }
}

/// The table of feeds.
pub fn feed_table(feeds: &[FeedRow], frame: &Frame) -> Markup {
    html! {
        table.list.feeds role="table" {
            caption.hidden { "Sources of data, their records and their age" }
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Source" }
                    th.num role="columnheader" scope="col" { "Records" }
                    th role="columnheader" scope="col" { "Data of" }
                    th role="columnheader" scope="col" { "Taken" }
                    th.wide role="columnheader" scope="col" { "State" }
                }
            }
            tbody role="rowgroup" {
                @for feed in feeds {
                    tr role="row" {
                        th role="rowheader" scope="row" { (feed_name(feed.name)) }
                        td.num role="cell" data-label="Records" { (part::number(feed.records)) }
                        td role="cell" data-label="Data of" { (data_date(feed)) }
                        td role="cell" data-label="Taken" { @match feed.last_success { Some(at) => (part::ago(at, frame.now())), None => span.soft { "never" } } }
                        td.wide role="cell" {
                            @match (&feed.last_error, feed.last_success) {
                                (Some(error), _) => { span.state.is-bad { "Failed" } " " span.soft { (error) } },
                                (None, Some(_)) => span.state.is-good { "OK" },
                                (None, None) => span.state.is-none { "No data yet" },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn data_date(feed: &FeedRow) -> Markup {
    html! {
        @match (feed.data_date.as_deref(), feed.age_s) {
            (Some(date), Some(age)) => { (part::day(date)) " " span.soft { (time::span(age)) " old" } },
            (Some(date), None) => (part::day(date)),
            (None, _) => span.soft { "not stated" },
        }
    }
}

/// The name of a source for people.
pub fn feed_name(name: &str) -> &str {
    match name {
        "cve" => "CVE program",
        "nvd" => "NVD",
        "osv" => "OSV",
        "kev" => "CISA KEV",
        "epss" => "FIRST EPSS",
        other => other,
    }
}
