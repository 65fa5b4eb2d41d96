//! One package: what it is in each channel, and every vulnerability with its verdicts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;
use maud::{Markup, html};
use serde::Serialize;
use vuln::package::Package;
use vuln::verdict::Verdict;

use super::Page;
use super::findings::{entry_title, facts_words, verdict_options};
use super::parameters::Parameters;
use super::search::versions;
use crate::store::read::{ClusterHead, Facts, PackageIn, recent_first};
use crate::web::address::{self, Format};
use crate::web::board::{Board, people};
use crate::web::cve::ids;
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section, search_link};
use crate::web::part::{self, Pager};
use crate::web::respond::Loaded;
use crate::web::sheet::{self, Sheet};
use crate::web::site::Site;

/// Vulnerabilities on a page.
const PAGE: usize = 100;

/// Vulnerabilities in one answer for spreadsheets.
const ROWS: usize = 1000;

/// Packages listed where a name means several.
const NAMED: usize = 60;

/// Versions shown of all channels.
const SPANS: usize = 50;

/// Attributes shown before the rest is folded away.
const ATTRS: usize = 8;

/// The page of a package, or of a name that several packages bear.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum PackagePage {
    /// One package.
    One(Box<One>),
    /// Several packages of this name, or none.
    Several(Several),
}

/// Packages that bear a name.
#[derive(Debug, Serialize)]
pub struct Several {
    /// The name.
    pub name: String,
    /// The packages.
    pub packages: Vec<ClusterHead>,
    /// Where there are none: names that are like it.
    pub similar: Vec<String>,
}

/// One package.
#[derive(Debug, Serialize)]
pub struct One {
    /// The attribute that was asked for.
    pub attr: String,
    /// The package in each channel that has it, most recent first.
    pub channels: Vec<PackageIn>,
    /// Other packages with the same package name.
    pub siblings: Vec<ClusterHead>,
    /// Number of vulnerabilities by channel and verdict, in the order of `channels`.
    pub counts: Vec<Vec<(Verdict, usize)>>,
    /// The verdict that the list is limited to.
    pub verdict: Option<Verdict>,
    /// Vulnerabilities in the list.
    pub vulnerabilities: usize,
    /// From 1.
    pub page: usize,
    /// Pages in all.
    pub pages: usize,
    /// This page.
    pub items: Vec<Row>,
}

/// A vulnerability with the verdict of each channel.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The vulnerability.
    #[serde(flatten)]
    pub facts: Facts,
    /// In the order of the page's channels; `None` where it was not matched there.
    pub verdicts: Vec<Option<Answer>>,
}

/// A verdict and how sure it is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Answer {
    /// Verdict.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
}

impl PackagePage {
    /// Loads the package by an attribute, or by a package name.
    pub fn load(site: &Site, name: &str, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        if name.chars().count() > 300 {
            return Err(Error::NotFound {
                what: "this is longer than any name of a package".to_owned(),
            });
        }
        let store = site.store();
        let (verdict, page) = (parameters.verdict()?, parameters.page()?);
        let mut channels = store.package(name)?;
        let mut named = store.packages_named(name, NAMED)?;
        if channels.is_empty() {
            return match named.as_slice() {
                [one] => Ok(Loaded::Elsewhere(address::package(&one.name) + format.ending())),
                _ => {
                    let names = site.names()?;
                    let similar = if named.is_empty() { names.search(name, 10) } else { Vec::new() };
                    Ok(Loaded::Page(PackagePage::Several(Several {
                        name: name.to_owned(),
                        similar: similar.into_iter().map(str::to_owned).collect(),
                        packages: named,
                    })))
                }
            };
        }
        channels.sort_by(|a, b| recent_first(&a.channel, &b.channel));
        if let Some(pname) = channels.first().map(|package| package.pname.clone()).filter(|pname| pname != name) {
            named = store.packages_named(&pname, NAMED)?;
        }
        named.retain(|head| channels.iter().all(|package| package.name != head.name));
        let board = site.board()?;
        let mut lines = lines(&board, &channels);
        let counts = (0..channels.len()).map(|channel| count(&lines, channel)).collect();
        lines.retain(|line| verdict.is_none_or(|wanted| line.answers.iter().flatten().any(|answer| answer.verdict == wanted)));
        lines.sort_by(|a, b| {
            let newest = b.facts.order.cmp(&a.facts.order);
            // Who reads a feed waits for what is new.
            let worst = if format == Format::Atom {
                Ordering::Equal
            } else {
                a.worst.cmp(&b.worst)
            };
            worst.then(newest).then_with(|| a.facts.name.cmp(&b.facts.name))
        });
        let size = if format == Format::Csv { ROWS } else { PAGE };
        let shown = lines.iter().skip((page - 1) * size).take(size);
        Ok(Loaded::Page(PackagePage::One(Box::new(One {
            attr: name.to_owned(),
            siblings: named,
            counts,
            verdict,
            vulnerabilities: lines.len(),
            page,
            pages: lines.len().div_ceil(size),
            items: shown.map(Row::of).collect(),
            channels,
        }))))
    }
}

/// A row, before it is known whether the page shows it.
struct Line<'a> {
    facts: &'a Facts,
    answers: Vec<Option<Answer>>,
    worst: Verdict,
}

impl Row {
    fn of(line: &Line<'_>) -> Self {
        Self {
            facts: line.facts.clone(),
            verdicts: line.answers.clone(),
        }
    }
}

/// Every vulnerability of the package, with one verdict a channel.
fn lines<'a>(board: &'a Board, channels: &[PackageIn]) -> Vec<Line<'a>> {
    let mut index: HashMap<i64, usize> = HashMap::new();
    let mut lines: Vec<Line<'a>> = Vec::new();
    for (column, package) in channels.iter().enumerate() {
        let Some(channel) = board.channel(&package.channel) else { continue };
        for (facts, pair) in channel.of_cluster(package.key) {
            let at = *index.entry(facts.key).or_insert_with(|| {
                lines.push(Line {
                    facts,
                    answers: vec![None; channels.len()],
                    worst: pair.verdict,
                });
                lines.len() - 1
            });
            let Some(line) = lines.get_mut(at) else { continue };
            line.worst = line.worst.min(pair.verdict);
            if let Some(cell) = line.answers.get_mut(column) {
                *cell = Some(Answer {
                    verdict: pair.verdict,
                    confidence: pair.confidence,
                });
            }
        }
    }
    lines
}

/// Vulnerabilities of one channel by verdict, the worst first.
fn count(lines: &[Line<'_>], channel: usize) -> Vec<(Verdict, usize)> {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for answer in lines.iter().filter_map(|line| line.answers.get(channel).copied().flatten()) {
        *counts.entry(answer.verdict).or_default() += 1;
    }
    counts.into_iter().collect()
}

impl Page for PackagePage {
    fn title(&self) -> String {
        match self {
            PackagePage::One(one) => one.attr.clone(),
            PackagePage::Several(several) => several.name.clone(),
        }
    }

    fn section(&self) -> Section {
        Section::None
    }

    fn status(&self) -> StatusCode {
        match self {
            PackagePage::Several(several) if several.packages.is_empty() => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        }
    }

    fn formats(&self) -> &'static [Format] {
        super::LIST
    }

    fn sheet(&self) -> Sheet {
        match self {
            PackagePage::One(one) => one.sheet(),
            PackagePage::Several(several) => {
                let mut sheet = Sheet::new(&["package", "pname", "channel", "version"]);
                for head in &several.packages {
                    for (channel, version) in &head.versions {
                        sheet.row([head.name.clone(), head.pname.clone(), channel.clone(), version.clone()]);
                    }
                }
                sheet
            }
        }
    }

    fn entries(&self) -> Vec<Entry> {
        match self {
            PackagePage::One(one) => one.items.iter().map(|row| one.entry(row)).collect(),
            PackagePage::Several(_) => Vec::new(),
        }
    }

    fn body(&self, _: &Frame) -> Markup {
        html! {
            div.wrap {
                p.eyebrow { "Package" }
                @match self {
                    PackagePage::One(one) => (one.body()),
                    PackagePage::Several(several) => (several.body()),
                }
            }
        }
    }
}

impl Several {
    fn body(&self) -> Markup {
        html! {
            h1 { (self.name) }
            @if self.packages.is_empty() {
                p.lede { "No matched channel has a package of this name." }
                @if !self.similar.is_empty() {
                    p { "Names like it:" }
                    ul.packages { @for name in &self.similar { li { a href=(address::package(name)) { (name) } } } }
                }
                p { a href=(search_link(&self.name)) { "Search for it" } }
            } @else {
                p.lede { "Several packages bear this name." }
                (heads(&self.packages))
                @if self.packages.len() == NAMED { p.soft { "There are more: search for a longer name." } }
            }
        }
    }
}

fn heads(list: &[ClusterHead]) -> Markup {
    html! { ul.packages { @for head in list { li { a href=(address::package(&head.name)) { (head.name) } span.versions { (versions(head)) } } } } }
}

impl One {
    /// One row for each vulnerability and channel.
    fn sheet(&self) -> Sheet {
        let columns = [
            "id",
            "title",
            "severity",
            "cvss",
            "epss",
            "exploited_since",
            "published",
            "channel",
            "package",
            "version",
            "verdict",
            "confidence",
        ];
        let mut sheet = Sheet::new(&columns);
        for row in &self.items {
            for (package, answer) in self.channels.iter().zip(&row.verdicts) {
                let Some(answer) = answer else { continue };
                sheet.row([
                    row.facts.name.clone(),
                    row.facts.title.clone(),
                    part::severity_name(row.facts.severity).to_owned(),
                    sheet::number(row.facts.score),
                    sheet::number(row.facts.epss),
                    row.facts.kev_date.clone().unwrap_or_default(),
                    row.facts.published.clone().unwrap_or_default(),
                    package.channel.clone(),
                    package.name.clone(),
                    package.version.clone(),
                    answer.verdict.name().to_owned(),
                    sheet::number(Some(answer.confidence)),
                ]);
            }
        }
        sheet
    }

    fn entry(&self, row: &Row) -> Entry {
        let verdicts = self.channels.iter().zip(&row.verdicts).filter_map(|(package, answer)| {
            let word = part::verdict_name((*answer)?.verdict).to_lowercase();
            Some(format!("{} {}: {word}", package.channel, package.version))
        });
        let verdicts: Vec<String> = verdicts.collect();
        Entry {
            id: format!("package/{}/{}", self.attr, row.facts.name),
            title: entry_title(&row.facts),
            link: address::cve(&row.facts.name),
            date: row.facts.published.clone(),
            text: format!("{}. {}.", facts_words(&row.facts), verdicts.join("; ")),
        }
    }

    /// The facts of the most recent channel that has any.
    fn facts(&self) -> Option<(&PackageIn, &Package)> {
        let known = |package: &Package| !package.homepages.is_empty() || package.description.is_some();
        let all = || self.channels.iter().filter_map(|package| Some((package, package.facts.as_ref()?)));
        all().find(|(_, facts)| known(facts)).or_else(|| all().next())
    }

    fn body(&self) -> Markup {
        let facts = self.facts();
        let plain = self.channels.first().map(|package| package.name.as_str()).unwrap_or_default();
        html! {
            h1 { (self.attr) }
            @if let Some(description) = facts.and_then(|(_, facts)| facts.description.as_ref()) { p.lede { (description) } }
            @if plain != self.attr { p.soft { "Listed together with " a href=(address::package(plain)) { (plain) } ": same software, version and patches." } }
            div.columns {
                div.main { (self.versions()) (self.history()) }
                aside aria-label="Facts" {
                    @if let Some((package, facts)) = facts { (described(package, facts)) }
                    @if !self.siblings.is_empty() {
                        details {
                            summary { "Other packages named " (self.channels.first().map(|p| p.pname.as_str()).unwrap_or_default()) }
                            (heads(&self.siblings))
                        }
                    }
                }
            }
            (self.matrix())
        }
    }

    fn versions(&self) -> Markup {
        html! {
            section aria-labelledby="versions" {
                (part::heading("versions", "In the channels"))
                table.list.channels role="table" {
                    caption.hidden { "Versions, vulnerabilities and patches by channel" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th role="columnheader" scope="col" { "Channel" }
                            th role="columnheader" scope="col" { "Version" }
                            th.wide role="columnheader" scope="col" { "Vulnerabilities" }
                            th.num role="columnheader" scope="col" { "Patches" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (package, counts) in self.channels.iter().zip(&self.counts) { (version_row(package, counts)) }
                    }
                }
                @for package in &self.channels { (patches(package)) }
            }
        }
    }

    /// Which version each channel had when.
    fn history(&self) -> Markup {
        let spans = || {
            self.channels
                .iter()
                .flat_map(|package| package.history.iter().map(move |span| (package, span)))
        };
        html! {
            @if spans().next().is_some() {
                section aria-labelledby="history" {
                    (part::heading("history", "History"))
                    table.list.history role="table" {
                        caption.hidden { "Versions of each channel, the newest first" }
                        thead role="rowgroup" {
                            tr role="row" {
                                th role="columnheader" scope="col" { "Version" }
                                th role="columnheader" scope="col" { "Channel" }
                                th role="columnheader" scope="col" { "From" }
                                th role="columnheader" scope="col" { "Until" }
                            }
                        }
                        tbody role="rowgroup" {
                            @for (package, span) in spans().take(SPANS) {
                                tr role="row" {
                                    th role="rowheader" scope="row" { span.version { (span.version) } }
                                    td role="cell" data-label="Channel" { (package.channel) }
                                    td role="cell" data-label="From" { (part::revision(&span.from)) }
                                    td role="cell" data-label="Until" { @match &span.until { Some(until) => (part::revision(until)), None => span.soft { "now" } } }
                                }
                            }
                        }
                    }
                    @if spans().count() > SPANS { p.soft { "The JSON form of this page has older ones too." } }
                }
            }
        }
    }

    fn matrix(&self) -> Markup {
        let path = address::package(&self.attr);
        let parameters = [("verdict", self.verdict.map(Verdict::name))];
        let pager = Pager {
            path: &path,
            parameters: &parameters,
            page: self.page,
            pages: Some(self.pages),
            more: self.page < self.pages,
        };
        html! {
            section aria-labelledby="vulnerabilities" {
                (part::heading("vulnerabilities", "Vulnerabilities"))
                form.filter action=(path) method="get" aria-label="Filter the vulnerabilities" {
                    div.field { label for="verdict" { "Verdict in some channel" } select #verdict name="verdict" { (verdict_options(self.verdict, "Any")) } }
                    div.field.act { button.primary type="submit" { "Apply" } }
                }
                p.total { strong { (part::number(self.vulnerabilities as u64)) } @if self.vulnerabilities == 1 { " vulnerability" } @else { " vulnerabilities" } ", open ones first, then the newest" }
                @if self.items.is_empty() { p.empty { "None." } } @else {
                    div.scroll tabindex="0" role="region" aria-label="Verdicts by vulnerability and channel" {
                        table.grid.matrix {
                            caption.hidden { "Verdicts by vulnerability and channel" }
                            thead { tr { th scope="col" { "Vulnerability" } th scope="col" { "Severity" } @for package in &self.channels { th scope="col" { (package.channel) } } } }
                            tbody { @for row in &self.items { (matrix_row(row)) } }
                        }
                    }
                }
                (pager.markup())
            }
        }
    }
}

fn matrix_row(row: &Row) -> Markup {
    html! {
        tr {
            th.id scope="row" {
                a href=(address::cve(&row.facts.name)) { (row.facts.name) }
                @if let Some(date) = &row.facts.kev_date { " " (part::exploited(date)) }
                @if !row.facts.title.is_empty() { span.title { (row.facts.title) } }
            }
            td { (part::severity(row.facts.severity, row.facts.score)) }
            @for answer in &row.verdicts {
                td { @match answer { Some(answer) => { (part::verdict(answer.verdict)) br; (part::confidence(answer.confidence)) }, None => span.soft { "–" } } }
            }
        }
    }
}

fn version_row(package: &PackageIn, counts: &[(Verdict, usize)]) -> Markup {
    let patches = package.facts.as_ref().map_or(0, |facts| facts.patches.len());
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { a href=(address::channel(&package.channel)) { (package.channel) } }
            td role="cell" data-label="Version" { span.version { @if package.version.is_empty() { "none" } @else { (package.version) } } }
            td.wide role="cell" {
                @if counts.is_empty() { span.soft { "none" } }
                ul.tallies { @for (verdict, count) in counts { li { (part::verdict(*verdict)) " " (part::number(*count as u64)) } } }
            }
            td.num role="cell" data-label="Patches" { (patches) }
        }
    }
}

/// Patches and marks of a package in one channel.
fn patches(package: &PackageIn) -> Markup {
    let Some(facts) = package
        .facts
        .as_ref()
        .filter(|facts| !facts.patches.is_empty() || !facts.known_vulnerabilities.is_empty())
    else {
        return html! {};
    };
    html! {
        @if !facts.known_vulnerabilities.is_empty() {
            div.notice.plain {
                p { strong { "Marked as vulnerable in " (package.channel) } }
                ul { @for text in &facts.known_vulnerabilities { li { (part::with_ids(text)) } } }
            }
        }
        @if !facts.patches.is_empty() {
            details.patches {
                summary { (part::counted(facts.patches.len(), "patch", "patches")) " in " (package.channel) }
                ul { @for patch in &facts.patches { li { code { (part::with_ids(patch)) } @if ids::all(patch).is_empty() { " " span.soft { "names no CVE" } } } } }
            }
        }
    }
}

fn described(package: &PackageIn, facts: &Package) -> Markup {
    html! {
        dl.facts {
            div { dt { "Package name" } dd { (package.pname) " " span.soft { "(" a href=(address::repology(&package.pname)) rel="noopener noreferrer" { "on Repology" } ")" } } }
            @if !facts.homepages.is_empty() { div { dt { "Homepage" } dd { @for url in &facts.homepages { (part::link(url)) br; } } } }
            @if !facts.changelogs.is_empty() { div { dt { "Changelog" } dd { @for url in &facts.changelogs { (part::link(url)) br; } } } }
            @if !facts.licenses.is_empty() { div { dt { "Licence" } dd { (facts.licenses.join(", ")) } } }
            @if !facts.maintainers.is_empty() {
                div { dt { "Maintainers" } dd { @for (i, m) in facts.maintainers.iter().enumerate() { @if i > 0 { ", " } a href=(address::maintainer(people::handle(m))) { (m.name) } } } }
            }
            @if !facts.teams.is_empty() { div { dt { "Teams" } dd { @for (i, team) in facts.teams.iter().enumerate() { @if i > 0 { ", " } a href=(address::team(team)) { (team) } } } } }
            @if let Some(position) = &facts.position { div { dt { "Defined in" } dd { code.url { (position) } } } }
            @if !facts.source_urls.is_empty() { div { dt { "Source" } dd { @for url in facts.source_urls.iter().take(5) { (part::link(url)) br; } } } }
            @if !facts.cpes.is_empty() { div { dt { "CPE" } dd { @for cpe in &facts.cpes { code.url { (cpe) } br; } } } }
            @if !facts.purls.is_empty() { div { dt { "Package URL" } dd { @for purl in &facts.purls { code.url { (purl) } br; } } } }
            @if package.attr_count > 1 {
                div {
                    dt { "Attributes" }
                    dd {
                        (package.attrs.iter().take(ATTRS).cloned().collect::<Vec<_>>().join(", "))
                        @if package.attrs.len() > ATTRS {
                            details { summary { (package.attr_count - ATTRS as u64) " more" } (package.attrs.iter().skip(ATTRS).cloned().collect::<Vec<_>>().join(", ")) }
                        }
                    }
                }
            }
            div { dt { "As of" } dd { (package.channel) } }
        }
    }
}
