//! Maintainers and teams: all of them, and one with their packages and what is open there.

use maud::{Markup, html};
use serde::Serialize;
use vuln::score::Severity;

use super::findings::{Extent, Findings};
use super::parameters::Parameters;
use super::{LIST, Page, TABLE};
use crate::web::address::{self, Format};
use crate::web::board::Sort;
use crate::web::board::people::{Keeper, Kind, Open, People as Index};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::part::{self, Pager};
use crate::web::respond::Loaded;
use crate::web::sheet::Sheet;
use crate::web::site::Site;

/// People on a page.
const PAGE: usize = 100;

/// Packages of one person on a page for people.
const PACKAGES: usize = 60;

/// All maintainers, or all teams.
#[derive(Debug, Serialize)]
pub struct People {
    /// Which.
    pub kind: Kind,
    /// The channel; `None` where no channel says who looks after its packages.
    pub channel: Option<String>,
    /// Channels to choose from, most recent first.
    pub channels: Vec<String>,
    /// Only names that hold this.
    pub query: Option<String>,
    /// From 1.
    pub page: usize,
    /// Whether there is another page.
    pub more: bool,
    /// This page; those with the most critical findings first.
    pub items: Vec<Person>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct Person {
    /// As people write it.
    pub name: String,
    /// The name in addresses.
    pub handle: String,
    /// Packages in the channel.
    pub packages: usize,
    /// Open findings in these packages.
    pub open: usize,
    /// The same by severity, worst first; none that are 0.
    pub by_severity: Vec<(Severity, usize)>,
}

/// Which channel is asked for, of those that say who looks after their packages.
fn channel(people: &Index, parameters: &Parameters) -> Result<Option<String>, Error> {
    match parameters.text("channel", 200)? {
        None => Ok(people.channels().first().cloned()),
        Some(name) if people.channels().contains(&name) => Ok(Some(name)),
        Some(name) => Err(Error::NotFound {
            what: format!("no channel named {name:?} says who looks after its packages"),
        }),
    }
}

fn by_severity(open: &Open) -> Vec<(Severity, usize)> {
    let count = |severity| (severity, open.of(severity));
    part::SEVERITIES.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
}

/// Counts by severity as a row of marks.
fn tallies(counts: &[(Severity, usize)]) -> Markup {
    html! {
        @if counts.is_empty() { span.soft { "none" } } @else {
            ul.legend { @for (severity, count) in counts { li.{ "dot-" (part::severity_name(*severity)) } { (part::number(*count as u64)) " " (part::severity_word(*severity).to_lowercase()) } } }
        }
    }
}

impl People {
    /// Loads a page of the list.
    pub fn load(site: &Site, kind: Kind, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        let (people, board) = (site.people()?, site.board()?);
        let channel = channel(&people, parameters)?;
        let (query, page) = (parameters.text("q", 200)?, parameters.page()?);
        let needle = query.as_deref().map(str::to_lowercase);
        let open = channel
            .as_deref()
            .and_then(|name| board.channel(name))
            .map(|channel| site.open(&board, channel));
        let mut found: Vec<(&Keeper, usize, Open)> = Vec::new();
        for keeper in people.all(kind) {
            let holds = |text: &str| needle.as_deref().is_none_or(|needle| text.to_lowercase().contains(needle));
            let packages = channel.as_ref().and_then(|channel| keeper.packages.get(channel));
            let Some(packages) = packages.filter(|_| holds(&keeper.name) || holds(&keeper.handle)) else {
                continue;
            };
            let mut sum = Open::default();
            for package in packages {
                if let Some(open) = open.as_ref().and_then(|open| open.get(&package.key)) {
                    sum.merge(open);
                }
            }
            found.push((keeper, packages.len(), sum));
        }
        found.sort_by(|a, b| b.2.weight().cmp(&a.2.weight()).then_with(|| a.0.handle.cmp(&b.0.handle)));
        let size = if format == Format::Csv { 10_000 } else { PAGE };
        let from = (page - 1) * size;
        let person = |(keeper, packages, open): &(&Keeper, usize, Open)| Person {
            name: keeper.name.clone(),
            handle: keeper.handle.clone(),
            packages: *packages,
            open: open.all(),
            by_severity: by_severity(open),
        };
        Ok(Loaded::Page(Self {
            kind,
            channel,
            channels: people.channels().to_vec(),
            query,
            page,
            more: found.len() > from.saturating_add(size),
            items: found.iter().skip(from).take(size).map(person).collect(),
        }))
    }

    fn path(&self) -> &'static str {
        match self.kind {
            Kind::Maintainer => "/maintainers",
            Kind::Team => "/teams",
        }
    }

    fn form(&self) -> Markup {
        html! {
            form.filter action=(self.path()) method="get" aria-label="Filter the list" {
                div.field {
                    label for="channel" { "Channel" }
                    select #channel name="channel" { @for name in &self.channels { option value=(name) selected[self.channel.as_ref() == Some(name)] { (name) } } }
                }
                div.field.grow {
                    label for="q" { "Name" }
                    input #q type="search" name="q" maxlength="200" value=(self.query.as_deref().unwrap_or_default());
                }
                div.field.act { button.primary type="submit" { "Apply" } }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table.list role="table" {
                caption.hidden { "Packages and open findings" }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Name" }
                        th.num role="columnheader" scope="col" { "Packages" }
                        th.num role="columnheader" scope="col" { "Open" }
                        th.wide role="columnheader" scope="col" { "By severity" }
                    }
                }
                tbody role="rowgroup" {
                    @for person in &self.items {
                        tr role="row" {
                            th role="rowheader" scope="row" {
                                a href=(self.link(&person.handle)) { (person.name) }
                                @if person.handle != person.name { " " span.soft { (person.handle) } }
                            }
                            td.num role="cell" data-label="Packages" { (part::number(person.packages as u64)) }
                            td.num role="cell" data-label="Open" { (part::number(person.open as u64)) }
                            td.wide role="cell" { (tallies(&person.by_severity)) }
                        }
                    }
                }
            }
        }
    }

    fn link(&self, handle: &str) -> String {
        let path = match self.kind {
            Kind::Maintainer => address::maintainer(handle),
            Kind::Team => address::team(handle),
        };
        let chosen = self
            .channel
            .as_deref()
            .filter(|name| self.channels.first().map(String::as_str) != Some(*name));
        address::query(&path, &[("channel", chosen)])
    }
}

impl Page for People {
    fn title(&self) -> String {
        match self.kind {
            Kind::Maintainer => "Maintainers".to_owned(),
            Kind::Team => "Teams".to_owned(),
        }
    }

    fn section(&self) -> Section {
        Section::People
    }

    fn formats(&self) -> &'static [Format] {
        TABLE
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "channel", "handle", "name", "packages", "open", "critical", "high", "medium", "low", "none", "no_score",
        ]);
        for person in &self.items {
            let of = |wanted: Severity| {
                let found = person.by_severity.iter().find(|(severity, _)| *severity == wanted);
                found.map_or(0, |(_, count)| *count).to_string()
            };
            sheet.row([
                self.channel.clone().unwrap_or_default(),
                person.handle.clone(),
                person.name.clone(),
                person.packages.to_string(),
                person.open.to_string(),
                of(Severity::Critical),
                of(Severity::High),
                of(Severity::Medium),
                of(Severity::Low),
                of(Severity::None),
                of(Severity::Unknown),
            ]);
        }
        sheet
    }

    fn body(&self, _: &Frame) -> Markup {
        let pager = Pager {
            path: self.path(),
            parameters: &[("channel", self.channel.as_deref()), ("q", self.query.as_deref())],
            page: self.page,
            pages: None,
            more: self.more,
        };
        html! {
            div.wrap {
                h1 { (self.title()) }
                p.lede {
                    "Who looks after which packages, and what is open in them. "
                    @match self.kind {
                        Kind::Maintainer => a href="/teams" { "Teams" },
                        Kind::Team => a href="/maintainers" { "Maintainers" },
                    }
                }
                @if self.channels.is_empty() {
                    p.empty { "No matched channel says who looks after its packages: lists of names and versions alone do not." }
                } @else {
                    (self.form())
                    @if self.items.is_empty() { p.empty { @if self.page > 1 { "This page is behind the end of the list." } @else if self.query.is_some() { "Nobody has a name like this." } @else { "Nobody." } } }
                    @else { (self.table()) }
                    (pager.markup())
                }
            }
        }
    }
}

/// One maintainer, or one team.
#[derive(Debug, Serialize)]
pub struct PersonPage {
    /// Which.
    pub kind: Kind,
    /// As people write it.
    pub name: String,
    /// The name in addresses.
    pub handle: String,
    /// GitHub account.
    pub github: Option<String>,
    /// The channel.
    pub channel: String,
    /// Channels that name them, most recent first.
    pub channels: Vec<String>,
    /// Packages in the channel.
    pub package_count: usize,
    /// The packages, those with the most critical findings first.
    pub packages: Vec<KeptPackage>,
    /// What is open in them.
    #[serde(flatten)]
    pub findings: Findings,
}

/// A package with what is open in it.
#[derive(Debug, Serialize)]
pub struct KeptPackage {
    /// The most plain attribute.
    pub package: String,
    /// Version.
    pub version: String,
    /// Open findings.
    pub open: usize,
    /// The same by severity, worst first; none that are 0.
    pub by_severity: Vec<(Severity, usize)>,
}

impl PersonPage {
    /// Loads the page.
    pub fn load(site: &Site, kind: Kind, handle: &str, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        let (people, board) = (site.people()?, site.board()?);
        let unknown = || Error::NotFound {
            what: match kind {
                Kind::Maintainer => format!("no channel knows a maintainer named {handle:?}"),
                Kind::Team => format!("no channel knows a team named {handle:?}"),
            },
        };
        let keeper = people.one(kind, handle).ok_or_else(unknown)?;
        if keeper.handle != handle {
            let path = match kind {
                Kind::Maintainer => address::maintainer(&keeper.handle),
                Kind::Team => address::team(&keeper.handle),
            };
            return Ok(Loaded::Elsewhere(path + format.ending()));
        }
        let channels: Vec<String> = people
            .channels()
            .iter()
            .filter(|name| keeper.packages.contains_key(*name))
            .cloned()
            .collect();
        let channel = parameters
            .text("channel", 200)?
            .or_else(|| channels.first().cloned())
            .unwrap_or_default();
        let packages = keeper.packages.get(&channel).ok_or_else(|| Error::NotFound {
            what: format!("{handle} looks after nothing in a channel named {channel:?}"),
        })?;
        let extent = Extent::of(format, parameters.page()?);
        let sort = if format == Format::Atom { Sort::Age } else { Sort::Exploited };
        let mut kept: Vec<(Open, &crate::web::board::people::Package)> = Vec::with_capacity(packages.len());
        let findings = match board.channel(&channel) {
            Some(channel) => {
                let open = site.open(&board, channel);
                kept.extend(
                    packages
                        .iter()
                        .map(|package| (open.get(&package.key).copied().unwrap_or_default(), package)),
                );
                let clusters = packages.iter().map(|package| package.key);
                let listing = channel.list_of(clusters, sort, (extent.page - 1) * extent.size, extent.size);
                Findings::of(site, channel, listing, extent)?
            }
            None => Findings::none(&channel, extent.page),
        };
        kept.sort_by(|a, b| b.0.weight().cmp(&a.0.weight()).then_with(|| a.1.name.cmp(&b.1.name)));
        let shown = if format == Format::Html { PACKAGES } else { usize::MAX };
        Ok(Loaded::Page(Self {
            kind,
            name: keeper.name.clone(),
            handle: keeper.handle.clone(),
            github: keeper.github.clone(),
            channels,
            package_count: packages.len(),
            packages: kept
                .into_iter()
                .take(shown)
                .map(|(open, package)| KeptPackage {
                    package: package.name.clone(),
                    version: package.version.clone(),
                    open: open.all(),
                    by_severity: by_severity(&open),
                })
                .collect(),
            findings,
            channel,
        }))
    }

    fn path(&self) -> String {
        match self.kind {
            Kind::Maintainer => address::maintainer(&self.handle),
            Kind::Team => address::team(&self.handle),
        }
    }

    fn table(&self) -> Markup {
        html! {
            table.list role="table" {
                caption.hidden { "Packages with what is open in them" }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Package" }
                        th role="columnheader" scope="col" { "Version" }
                        th.num role="columnheader" scope="col" { "Open" }
                        th.wide role="columnheader" scope="col" { "By severity" }
                    }
                }
                tbody role="rowgroup" {
                    @for package in &self.packages {
                        tr role="row" {
                            th role="rowheader" scope="row" { a href=(address::package(&package.package)) { (part::attr(&package.package)) } }
                            td role="cell" data-label="Version" { span.version { (package.version) } }
                            td.num role="cell" data-label="Open" { (part::number(package.open as u64)) }
                            td.wide role="cell" { (tallies(&package.by_severity)) }
                        }
                    }
                }
            }
            @if self.package_count > self.packages.len() { p.soft { "and " (part::number((self.package_count - self.packages.len()) as u64)) " more; the JSON form of this page has them all." } }
        }
    }
}

impl Page for PersonPage {
    fn title(&self) -> String {
        match self.kind {
            Kind::Maintainer => format!("{}: maintainer", self.name),
            Kind::Team => format!("{}: team", self.name),
        }
    }

    fn section(&self) -> Section {
        Section::People
    }

    fn formats(&self) -> &'static [Format] {
        LIST
    }

    fn sheet(&self) -> Sheet {
        self.findings.sheet()
    }

    fn entries(&self) -> Vec<Entry> {
        self.findings.entries()
    }

    fn body(&self, _: &Frame) -> Markup {
        let (list, word) = match self.kind {
            Kind::Maintainer => ("/maintainers", "Maintainers"),
            Kind::Team => ("/teams", "Teams"),
        };
        html! {
            div.wrap {
                p.eyebrow { a href=(list) { (word) } }
                h1 { (self.name) }
                p.lede {
                    "Looks after " strong { (part::counted(self.package_count, "package", "packages")) } " of " (self.channel) "."
                    @if let Some(github) = &self.github { " On GitHub: " a.out href={ "https://github.com/" (github) } rel="noopener noreferrer nofollow" { (github) } }
                }
                @if self.channels.len() > 1 {
                    form.filter action=(self.path()) method="get" aria-label="Choose a channel" {
                        div.field {
                            label for="channel" { "Channel" }
                            select #channel name="channel" { @for name in &self.channels { option value=(name) selected[*name == self.channel] { (name) } } }
                        }
                        div.field.act { button.primary type="submit" { "Show" } }
                    }
                }
                (part::heading("packages", "Packages"))
                (self.table())
                (part::heading("findings", "Open in these packages"))
                (self.findings.total("exploited ones first"))
                @if self.findings.items.is_empty() { p.empty { @if self.findings.page > 1 { "This page is behind the end of the list." } @else { "Nothing is open. Well kept!" } } }
                @else { (self.findings.table("Open vulnerabilities of these packages")) }
                (self.findings.pager(&self.path(), &[("channel", Some(&self.channel))]))
            }
        }
    }
}
