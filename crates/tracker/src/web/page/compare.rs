//! Two channels, or two revisions, side by side: what is open in one of them only, and what became of it in the other.

use std::sync::Arc;

use maud::{Markup, html};
use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::findings::{entry_title, facts_words};
use super::parameters::Parameters;
use super::{LIST, Page};
use crate::store::read::Facts;
use crate::web::address::{self, Format};
use crate::web::board::{Change, ChannelBoard, Difference, Tally};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::part::{self, Pager};
use crate::web::respond::Loaded;
use crate::web::sheet::{self, Sheet};
use crate::web::site::Site;
use crate::web::time;

/// Rows on a page for people.
const PAGE: usize = 50;

/// Earlier revisions of one channel to choose from.
const REVISIONS: usize = 30;

/// Rows of an answer for programs.
const ROWS: usize = 1000;

/// The comparison.
#[derive(Debug, Serialize)]
pub struct Compare {
    /// The first channel; `None` where there are no two channels.
    pub from: Option<String>,
    /// The second channel.
    pub to: Option<String>,
    /// What can be chosen, most recent first: channels and their earlier revisions, each with what people read.
    pub channels: Vec<(String, String)>,
    /// What the list shows.
    pub show: Change,
    /// How many findings there are, by what became of them and severity.
    pub tallies: Vec<Tally>,
    /// From 1.
    pub page: usize,
    /// Pages in all.
    pub pages: usize,
    /// This page.
    pub items: Vec<Row>,
}

/// A vulnerability of software that is known by one package name.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The vulnerability.
    #[serde(flatten)]
    pub facts: Facts,
    /// Package name.
    pub pname: String,
    /// In the first channel; `None` where nothing of this name was matched.
    pub before: Option<Side>,
    /// In the second channel.
    pub after: Option<Side>,
}

/// The worst answer of one channel.
#[derive(Debug, Serialize)]
pub struct Side {
    /// The most plain attribute.
    pub package: String,
    /// Version.
    pub version: String,
    /// Verdict.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
}

impl Compare {
    /// Loads a page of the comparison. Without a choice the two most recent channels with findings are compared, the older one first.
    pub fn load(site: &Site, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        let board = site.board()?;
        let page = parameters.page()?;
        let show = parameters
            .choice("show", &Change::ALL, Change::name, "expected new, gone or both")?
            .unwrap_or_default();
        let named = |parameter| -> Result<Option<Arc<ChannelBoard>>, Error> {
            let Some(name) = parameters.text(parameter, 200)? else {
                return Ok(None);
            };
            let found = match (board.channel(&name), name.rsplit_once('@')) {
                (Some(channel), _) => Some(Arc::clone(channel)),
                (None, Some((channel, revision))) if board.channel(channel).is_some() => site.then(&board, channel, revision)?,
                _ => None,
            };
            let unknown = || Error::NotFound {
                what: format!("there is no matched channel or revision of one named {name:?}"),
            };
            found.map(Some).ok_or_else(unknown)
        };
        let (from, to) = (named("from")?, named("to")?);
        let other = |than: &Option<Arc<ChannelBoard>>| {
            let wanted = |channel: &&Arc<ChannelBoard>| !channel.is_empty() && than.as_ref().is_none_or(|than| than.name != channel.name);
            board.channels().iter().find(wanted).cloned()
        };
        let to = to.or_else(|| other(&from));
        let from = from.or_else(|| other(&to));
        let mut channels = Vec::new();
        for channel in board.channels() {
            channels.push((channel.name.clone(), channel.name.clone()));
            let history = site.history(&board, &channel.name)?;
            // The newest set is the channel itself.
            for (_, revision) in history
                .sets
                .iter()
                .rev()
                .skip(1)
                .take(REVISIONS)
                .filter(|(_, revision)| !revision.revision.is_empty())
            {
                let value = format!("{}@{}", channel.name, revision.revision);
                channels.push((value, format!("{}, {}", channel.name, time::date(revision.at))));
            }
        }
        let mut answer = Self {
            from: from.as_ref().map(|channel| channel.name.clone()),
            to: to.as_ref().map(|channel| channel.name.clone()),
            channels,
            show,
            tallies: Vec::new(),
            page,
            pages: 0,
            items: Vec::new(),
        };
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Loaded::Page(answer));
        };
        let size = if format == Format::Csv { ROWS } else { PAGE };
        let (from, to) = (from.as_ref(), to.as_ref());
        let comparison = site.comparison(&board, from, to);
        answer.tallies = comparison.tallies().to_vec();
        answer.pages = comparison.count(show).div_ceil(size);
        answer.items = comparison
            .page(from, to, show, (page - 1) * size, size)
            .iter()
            .map(Row::of)
            .collect();
        Ok(Loaded::Page(answer))
    }

    fn path(&self, show: Change) -> String {
        address::query(
            "/compare",
            &[
                ("from", self.from.as_deref()),
                ("to", self.to.as_deref()),
                ("show", Some(show.name())),
            ],
        )
    }

    fn count(&self, change: Change, severity: Option<Severity>) -> usize {
        let wanted = |tally: &&Tally| tally.change == change && severity.is_none_or(|severity| severity == tally.severity);
        self.tallies.iter().filter(wanted).map(|tally| tally.count).sum()
    }

    fn form(&self) -> Markup {
        let choice = |id: &'static str, label: &str, chosen: &Option<String>| {
            html! {
                div.field {
                    label for=(id) { (label) }
                    select id=(id) name=(id) { @for (value, words) in &self.channels { option value=(value) selected[chosen.as_ref() == Some(value)] { (words) } } }
                }
            }
        };
        html! {
            form.filter action="/compare" method="get" aria-label="Choose what to compare" {
                (choice("from", "From", &self.from))
                (choice("to", "To", &self.to))
                input type="hidden" name="show" value=(self.show.name());
                div.field.act {
                    button.primary type="submit" { "Compare" }
                    a href=(address::query("/compare", &[("from", self.to.as_deref()), ("to", self.from.as_deref()), ("show", Some(self.show.name()))])) { "Swap" }
                }
            }
        }
    }

    /// What became of how much; each number of a kind leads to its list.
    fn summary(&self, to: &str) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Findings by what became of them and severity" {
                table.grid {
                    caption { "Findings by what became of them and severity" }
                    thead { tr { th scope="col" { "In " (to) } @for severity in part::SEVERITIES { th.num scope="col" { (part::severity_word(severity)) } } th.num scope="col" { "All" } } }
                    tbody {
                        @for change in Change::ALL {
                            tr {
                                th scope="row" { a href={ (self.path(change)) "#findings" } aria-current=[(change == self.show).then_some("true")] { (word(change)) } }
                                @for severity in part::SEVERITIES { td.num { (part::number(self.count(change, Some(severity)) as u64)) } }
                                td.num.sum { (part::number(self.count(change, None) as u64)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn list(&self, from: &str, to: &str) -> Markup {
        html! {
            table.list.compared role="table" {
                caption.hidden { "Vulnerabilities with their verdicts in both channels" }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Vulnerability" }
                        th role="columnheader" scope="col" { "Severity" }
                        th role="columnheader" scope="col" { "Package name" }
                        th role="columnheader" scope="col" { (from) }
                        th role="columnheader" scope="col" { (to) }
                    }
                }
                tbody role="rowgroup" {
                    @for row in &self.items {
                        tr role="row" {
                            th.id role="rowheader" scope="row" {
                                a href=(address::cve(&row.facts.name)) { (row.facts.name) }
                                @if let Some(date) = &row.facts.kev_date { " " (part::exploited(date)) }
                                @if !row.facts.title.is_empty() { span.title { (row.facts.title) } }
                            }
                            td role="cell" { (part::severity(row.facts.severity, row.facts.score)) }
                            td role="cell" data-label="Package name" { (row.pname) }
                            td.answer role="cell" data-label=(from) { (side(row.before.as_ref())) }
                            td.answer role="cell" data-label=(to) { (side(row.after.as_ref())) }
                        }
                    }
                }
            }
        }
    }
}

impl Row {
    fn of(difference: &Difference<'_>) -> Self {
        let side = |side: Option<(&crate::store::read::ClusterFacts, crate::store::read::Pair)>| {
            side.map(|(cluster, pair)| Side {
                package: cluster.name.clone(),
                version: cluster.version.clone(),
                verdict: pair.verdict,
                confidence: pair.confidence,
            })
        };
        Self {
            facts: difference.facts.clone(),
            pname: difference.pname.to_owned(),
            before: side(difference.before),
            after: side(difference.after),
        }
    }
}

fn word(change: Change) -> &'static str {
    match change {
        Change::New => "Newly open",
        Change::Gone => "No longer open",
        Change::Both => "Open in both",
    }
}

fn side(side: Option<&Side>) -> Markup {
    html! {
        @match side {
            Some(side) => {
                (part::verdict(side.verdict)) " "
                a href=(address::package(&side.package)) { (part::attr(&side.package)) } " " span.version { (side.version) }
            },
            None => span.soft { "nothing matched" },
        }
    }
}

impl Page for Compare {
    fn title(&self) -> String {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => format!("{from} compared with {to}"),
            _ => "Compare channels".to_owned(),
        }
    }

    fn section(&self) -> Section {
        Section::Channels
    }

    fn formats(&self) -> &'static [Format] {
        LIST
    }

    fn sheet(&self) -> Sheet {
        let columns = [
            "change",
            "id",
            "title",
            "severity",
            "cvss",
            "pname",
            "from",
            "from_package",
            "from_version",
            "from_verdict",
            "to",
            "to_package",
            "to_version",
            "to_verdict",
        ];
        let mut sheet = Sheet::new(&columns);
        for row in &self.items {
            let cells = |side: &Option<Side>| match side {
                Some(side) => [side.package.clone(), side.version.clone(), side.verdict.name().to_owned()],
                None => [String::new(), String::new(), String::new()],
            };
            let ([a, b, c], [d, e, f]) = (cells(&row.before), cells(&row.after));
            sheet.row([
                self.show.name().to_owned(),
                row.facts.name.clone(),
                row.facts.title.clone(),
                part::severity_name(row.facts.severity).to_owned(),
                sheet::number(row.facts.score),
                row.pname.clone(),
                self.from.clone().unwrap_or_default(),
                a,
                b,
                c,
                self.to.clone().unwrap_or_default(),
                d,
                e,
                f,
            ]);
        }
        sheet
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |row: &Row| Entry {
            id: format!(
                "compare/{}/{}/{}/{}/{}",
                self.from.as_deref().unwrap_or_default(),
                self.to.as_deref().unwrap_or_default(),
                self.show.name(),
                row.facts.name,
                row.pname
            ),
            title: entry_title(&row.facts),
            link: address::cve(&row.facts.name),
            date: row.facts.published.clone(),
            text: format!("{}: {}. {}.", row.pname, word(self.show).to_lowercase(), facts_words(&row.facts)),
        };
        self.items.iter().map(entry).collect()
    }

    fn body(&self, _: &Frame) -> Markup {
        let parameters = [
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
            ("show", Some(self.show.name())),
        ];
        let pager = Pager {
            path: "/compare",
            parameters: &parameters,
            page: self.page,
            pages: Some(self.pages),
            more: self.page < self.pages,
        };
        html! {
            div.wrap {
                p.eyebrow { a href="/channels" { "Channels" } }
                h1 { "Compare two channels or revisions" }
                p.lede { "What an upgrade from one channel to the other brings and what it leaves behind, by vulnerability and package name." }
                @match (&self.from, &self.to) {
                    (Some(from), Some(to)) => {
                        (self.form())
                        (self.summary(to))
                        (part::heading("findings", word(self.show)))
                        p.total { @match self.show {
                            Change::New => { "Open in " (to) ", and not in " (from) ". Highest CVSS score first." },
                            Change::Gone => { "Open in " (from) ", and not in " (to) ": fixed, patched, or the package is not there. Highest CVSS score first." },
                            Change::Both => { "Open in " (from) " and in " (to) ". Highest CVSS score first." },
                        } }
                        @if self.items.is_empty() {
                            p.empty { @if from == to { "This is one channel: choose two." } @else if self.page > 1 { "This page is behind the end of the list." } @else { "There is no such finding." } }
                        } @else { (self.list(from, to)) }
                        (pager.markup())
                    },
                    _ => p.empty { "A comparison needs two matched channels, and there are not so many yet. " a href="/channels" { "All channels" } },
                }
            }
        }
    }
}
