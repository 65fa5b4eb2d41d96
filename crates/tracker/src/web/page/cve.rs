//! One vulnerability: what sources say, and what it means for each channel.

mod claims;
mod unseen;
mod verdicts;

use axum::http::StatusCode;
use maud::{Markup, html};
use serde::Serialize;
use vuln::Advisory;
use vuln::advisory::{Ssvc, State};
use vuln::score::Score;

use super::Page;
use crate::store::read::{Document, Vulnerability, recent_first};
use crate::web::address::{self, Format};
use crate::web::cve::line::{self, Line, Placed};
use crate::web::cve::ruler;
use crate::web::cve::sources::{self, Link, SourceView};
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::site::Site;
use crate::web::time;
use unseen::Unseen;

/// Characters that an id may have.
const LIMIT: usize = 200;

/// Links shown; the rest is in the raw documents.
const LINKS: usize = 100;

/// The page of a vulnerability.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Cve {
    /// We know it.
    Known(Box<Known>),
    /// We have never seen it.
    Unseen(Box<Unseen>),
}

/// A vulnerability that we know.
#[derive(Debug, Serialize)]
pub struct Known {
    /// What the database holds.
    #[serde(flatten)]
    pub vulnerability: Vulnerability,
    /// What its records say.
    pub sources: Vec<SourceView>,
    /// Ranges against the versions in channels.
    pub lines: Vec<Line>,
    /// Links of all records.
    pub links: Vec<Link>,
    /// Matched channels, most recent first.
    pub channels: Vec<String>,
}

impl Cve {
    /// Loads the page by an id in any case, or by an alias.
    pub fn load(site: &Site, frame: &Frame, id: &str, format: Format) -> Result<Loaded<Self>, Error> {
        let id = id.trim();
        if id.chars().count() > LIMIT {
            return Err(Error::NotFound {
                what: "this is longer than any id of a vulnerability".to_owned(),
            });
        }
        let store = site.store();
        let Some(resolved) = store.resolve(id)? else {
            return Ok(Loaded::Page(Cve::Unseen(Box::new(Unseen::load(site, frame, id)?))));
        };
        if resolved.name != id {
            let address = address::cve(&resolved.name);
            return Ok(Loaded::Elsewhere(address + format.ending()));
        }
        let Some(mut vulnerability) = store.vulnerability(id)? else {
            return Ok(Loaded::Page(Cve::Unseen(Box::new(Unseen::load(site, frame, id)?))));
        };
        vulnerability.dispositions.sort_by(|a, b| recent_first(&a.channel, &b.channel));
        // Stable: the worst stay first in each channel.
        vulnerability.verdicts.sort_by(|a, b| recent_first(&a.channel, &b.channel));
        let sources = sources::read(vulnerability.records.clone(), &store.documents(id)?);
        let packages = placed(&vulnerability);
        let advisories: Vec<&Advisory> = sources.iter().filter_map(|source| source.advisory.as_ref()).collect();
        let lines = line::lines(&advisories, &packages);
        Ok(Loaded::Page(Cve::Known(Box::new(Known {
            links: sources::links(&sources),
            channels: vulnerability.dispositions.iter().map(|row| row.channel.clone()).collect(),
            vulnerability,
            sources,
            lines,
        }))))
    }
}

/// The raw document of a record. Without a key the first one of the source.
pub fn document(site: &Site, id: &str, source: &str, key: Option<&str>) -> Result<Document, Error> {
    let documents = site.store().documents(id)?;
    let wanted = |document: &Document| document.source == source && key.is_none_or(|key| document.key == key);
    documents.into_iter().find(wanted).ok_or_else(|| Error::NotFound {
        what: "there is no such document".to_owned(),
    })
}

/// The package versions that verdicts are about, with their channels.
fn placed(vulnerability: &Vulnerability) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    for row in &vulnerability.verdicts {
        match placed.iter_mut().find(|p| p.package == row.package && p.version == row.version) {
            Some(known) => known.channels.push(row.channel.clone()),
            None => placed.push(Placed {
                package: row.package.clone(),
                pname: row.pname.clone(),
                version: row.version.clone(),
                channels: vec![row.channel.clone()],
            }),
        }
    }
    placed
}

impl Page for Cve {
    fn title(&self) -> String {
        match self {
            Cve::Known(known) if known.vulnerability.title.is_empty() => known.vulnerability.name.clone(),
            Cve::Known(known) => format!("{}: {}", known.vulnerability.name, known.vulnerability.title),
            Cve::Unseen(unseen) => unseen.title(),
        }
    }

    fn section(&self) -> Section {
        Section::None
    }

    fn status(&self) -> StatusCode {
        match self {
            Cve::Known(_) => StatusCode::OK,
            Cve::Unseen(_) => StatusCode::NOT_FOUND,
        }
    }

    fn body(&self, frame: &Frame) -> Markup {
        match self {
            Cve::Known(known) => known.body(),
            Cve::Unseen(unseen) => unseen.body(frame),
        }
    }
}

impl Known {
    fn body(&self) -> Markup {
        let v = &self.vulnerability;
        html! {
            div.wrap {
                header.head {
                    p.eyebrow { "Vulnerability" }
                    h1 { (v.name) }
                    p.chips {
                        (part::severity(v.severity, v.score))
                        @if let Some(kev) = &v.kev { (part::exploited(&kev.date_added)) }
                        @if v.state == "rejected" { span.tag.bad { "Rejected" } }
                        @for tag in &v.tags { span.tag { (tag_word(tag)) } }
                    }
                    @if !v.title.is_empty() { p.lede { (v.title) } }
                }
                (self.rejected())
                div.columns {
                    div.main {
                        @if !v.description.is_empty() && v.description != v.title {
                            section.description aria-labelledby="description" {
                                h2.hidden #description { "Description" }
                                @for paragraph in v.description.split("\n\n").filter(|p| !p.trim().is_empty()) { p { (part::with_ids(paragraph)) } }
                            }
                        }
                        (self.answer())
                        @if !self.lines.is_empty() {
                            section aria-labelledby="ranges" {
                                (part::heading("ranges", "Versions"))
                                p.soft.legendline {
                                    "Below the line: versions that a record names. Above it: versions that channels have. "
                                    span.key.k-affected { "affected" } " " span.key.k-unaffected { "not affected" } " " span.key.k-unknown { "not stated" }
                                }
                                @for line in &self.lines { (ruler::markup(line)) }
                            }
                        }
                    }
                    aside aria-label="Facts" { (self.facts()) }
                }
                section aria-labelledby="sources" {
                    (part::heading("sources", "What the sources say"))
                    div.sources { @for source in &self.sources { (claims::card(&v.name, source)) } }
                }
                (self.references())
                (self.problems())
            }
        }
    }

    fn rejected(&self) -> Markup {
        let rejections = self
            .sources
            .iter()
            .filter_map(|source| match source.advisory.as_ref().map(|advisory| &advisory.state) {
                Some(State::Rejected { reason, replaced_by }) => Some((&source.record, reason, replaced_by)),
                _ => None,
            });
        html! {
            @for (record, reason, replaced_by) in rejections {
                div.notice.plain role="note" {
                    p { strong { "Rejected by " (record.source.to_uppercase()) ". " } (part::with_ids(reason)) }
                    @if !replaced_by.is_empty() {
                        p { "Use instead: " @for id in replaced_by { a href=(address::cve(id)) { (id) } " " } }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let v = &self.vulnerability;
        let advisories = || self.sources.iter().filter_map(|source| source.advisory.as_ref());
        let mut cwes: Vec<&str> = Vec::new();
        for cwe in advisories().flat_map(|advisory| &advisory.cwes) {
            if !cwes.contains(&cwe.as_str()) {
                cwes.push(cwe);
            }
        }
        let ssvc = advisories().find_map(|advisory| advisory.ssvc.as_ref());
        html! {
            dl.facts {
                (self.scores())
                @if let Some(epss) = v.epss {
                    div { dt { "EPSS" } dd { strong { (part::percent(epss)) } @if let Some(p) = v.epss_percentile { span.soft { " higher than " (part::percent(p)) " of all" } } } }
                }
                @if let Some(kev) = &v.kev {
                    div {
                        dt { "Known exploited (CISA)" }
                        dd {
                            "since " (part::day(&kev.date_added))
                            @if let Some(due) = &kev.due_date { ", due " (part::day(due)) }
                            @if kev.ransomware.as_deref().is_some_and(|r| r.eq_ignore_ascii_case("known")) { br; strong { "Used in ransomware campaigns" } }
                            @if !kev.action.is_empty() { br; span.soft { (kev.action) } }
                        }
                    }
                }
                (ssvc_fact(ssvc, v.ssvc.as_deref()))
                @if !cwes.is_empty() { div { dt { "Weakness" } dd { @for (i, cwe) in cwes.iter().enumerate() { @if i > 0 { ", " } (cwe_link(cwe)) } } } }
                @if let Some(date) = &v.published { div { dt { "Published" } dd { (part::day(date)) } } }
                @if let Some(date) = &v.modified { div { dt { "Changed" } dd { (part::day(date)) } } }
                @if !v.aliases.is_empty() { div { dt { "Also known as" } dd { @for (i, alias) in v.aliases.iter().enumerate() { @if i > 0 { ", " } (alias) } } } }
            }
        }
    }

    fn scores(&self) -> Markup {
        // Several records of one database repeat one score.
        let mut scores: Vec<&Score> = Vec::new();
        for score in self
            .sources
            .iter()
            .filter_map(|source| source.advisory.as_ref())
            .flat_map(|advisory| &advisory.scores)
        {
            if !scores.contains(&score) {
                scores.push(score);
            }
        }
        html! {
            @if !scores.is_empty() {
                div {
                    dt { "CVSS" }
                    dd {
                        table.scores {
                            caption.hidden { "CVSS scores by provider" }
                            thead { tr { th scope="col" { "Provider" } th.num scope="col" { "Published" } th.num scope="col" { "Computed" } } }
                            tbody {
                                @for score in scores {
                                    tr {
                                        th scope="row" { (score.provider) " " span.soft { (score.version.name()) } }
                                        td.num { (points(score.published)) }
                                        td.num { (points(score.computed)) }
                                    }
                                    tr.vector { td colspan="3" { code { (score.vector) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn references(&self) -> Markup {
        html! {
            @if !self.links.is_empty() {
                section aria-labelledby="references" {
                    (part::heading("references", "References"))
                    ul.links {
                        @for link in self.links.iter().take(LINKS) {
                            li {
                                (part::link(&link.url))
                                @for tag in &link.tags { " " span.tag { (tag) } }
                                " " span.soft { (link.sources.join(", ").to_uppercase()) }
                            }
                        }
                    }
                    @if self.links.len() > LINKS { p.soft { "and " (self.links.len() - LINKS) " more in the raw documents." } }
                }
            }
        }
    }

    fn problems(&self) -> Markup {
        html! {
            @if !self.vulnerability.problems.is_empty() {
                section aria-labelledby="problems" {
                    (part::heading("problems", "Problems in the records"))
                    ul {
                        @for problem in &self.vulnerability.problems {
                            li { (problem.key) " " span.soft { (problem.source.to_uppercase()) } ": " (problem.message) @if !problem.pointer.is_empty() { " at " code { (problem.pointer) } } }
                        }
                    }
                }
            }
        }
    }
}

fn points(score: Option<f32>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1}"))
}

fn ssvc_fact(points: Option<&Ssvc>, exploitation: Option<&str>) -> Markup {
    html! {
        @match (points, exploitation) {
            (Some(ssvc), _) => div { dt { "SSVC (CISA)" } dd { "exploitation " strong { (ssvc.exploitation) } ", automatable " strong { (ssvc.automatable) } ", impact " strong { (ssvc.technical_impact) } } },
            (None, Some(exploitation)) => div { dt { "SSVC (CISA)" } dd { "exploitation " strong { (exploitation) } } },
            (None, None) => {},
        }
    }
}

fn cwe_link(cwe: &str) -> Markup {
    let number = cwe
        .strip_prefix("CWE-")
        .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    html! {
        @match number {
            Some(number) => a.out href={ "https://cwe.mitre.org/data/definitions/" (number) ".html" } rel="noopener noreferrer nofollow" { (cwe) },
            None => (cwe),
        }
    }
}

fn tag_word(tag: &str) -> &str {
    match tag {
        "disputed" => "Disputed",
        "exclusively-hosted-service" => "Hosted service",
        "unsupported-when-assigned" => "Unsupported when assigned",
        other => other,
    }
}

/// When a record was taken, with its digest and its raw document.
fn provenance(id: &str, source: &SourceView) -> Markup {
    let record = &source.record;
    let href = address::query(
        &format!("{}/raw/{}", address::cve(id), address::segment(&record.source)),
        &[("key", Some(record.key.as_str()))],
    );
    html! {
        p.soft {
            a href=(href) download { "Raw document" } " (" (part::number(record.size)) " bytes) from " span.url { (record.url) } ", taken "
            time datetime=(time::rfc3339(record.fetched_at)) { (time::stamp(record.fetched_at)) }
            ". SHA-256 " code.digest title=(record.sha256) { (record.sha256.get(..16).unwrap_or(&record.sha256)) "…" }
        }
    }
}
