//! What went wrong while taking in: failing sources, records with problems, files taken last.

use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::overview::feed_name;
use super::parameters::Parameters;
use crate::store::read::{ProblemRow, Source, Taken};
use crate::web::address::{self, Format};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::respond::Loaded;
use crate::web::sheet::Sheet;
use crate::web::site::Site;
use crate::web::{part, time};

/// Problems on a page.
const PAGE: usize = 50;

/// Files shown.
const FILES: usize = 20;

/// The problems page.
#[derive(Debug, Serialize)]
pub struct Problems {
    /// Only of this source.
    pub source: Option<String>,
    /// All sources.
    pub sources: Vec<Source>,
    /// Problems of records, newest first.
    pub problems: Vec<ProblemRow>,
    /// Where the list goes on: the value of `before` for the next page.
    pub next: Option<i64>,
    /// Files taken last, on the first page.
    pub taken: Vec<Taken>,
}

impl Problems {
    /// Loads a page.
    pub fn load(site: &Site, parameters: &Parameters) -> Result<Loaded<Self>, Error> {
        let source = parameters.text("source", 200)?;
        let before = match parameters.text("before", 20)? {
            None => None,
            Some(text) => Some(
                text.parse::<i64>()
                    .map_err(|_| Error::parameter("before", &text, "expected the id of a problem"))?,
            ),
        };
        let store = site.store();
        let mut problems = store.problems(source.as_deref(), before, PAGE + 1)?;
        let more = problems.len() > PAGE;
        problems.truncate(PAGE);
        Ok(Loaded::Page(Self {
            sources: store.sources()?,
            next: problems.last().filter(|_| more).map(|problem| problem.id),
            taken: if before.is_none() {
                store.taken(source.as_deref(), FILES)?
            } else {
                Vec::new()
            },
            problems,
            source,
        }))
    }

    fn failing(&self, frame: &Frame) -> Markup {
        html! {
            ul.failing {
                @for source in self.sources.iter().filter(|source| source.last_error.is_some()) {
                    li {
                        strong { (feed_name(&source.name)) } " failed " (part::ago(source.last_attempt, frame.now())) ": "
                        code { (source.last_error.as_deref().unwrap_or_default()) }
                        @match source.last_success {
                            Some(at) => { span.soft { " It last succeeded " (part::ago(at, frame.now())) ": what it brought then is still in use." } },
                            None => span.soft { " It never succeeded." },
                        }
                    }
                }
            }
        }
    }

    fn table(&self, frame: &Frame) -> Markup {
        html! {
            table.list.problems role="table" {
                caption { "Problems of records, newest first" }
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Record" }
                        th role="columnheader" scope="col" { "Problem" }
                        th role="columnheader" scope="col" { "Where in it" }
                        th role="columnheader" scope="col" { "Seen" }
                    }
                }
                tbody role="rowgroup" {
                    @for problem in &self.problems {
                        tr role="row" {
                            th role="rowheader" scope="row" {
                                @match &problem.vulnerability { Some(id) => a href=(address::cve(id)) { (problem.key) }, None => (problem.key) }
                                " " span.soft { (feed_name(&problem.source)) }
                            }
                            td.wide role="cell" { (problem.message) }
                            td role="cell" data-label="Where in it" { @if problem.pointer.is_empty() { span.soft { "all of it" } } @else { code { (problem.pointer) } } }
                            td role="cell" data-label="Seen" { (part::ago(problem.seen_at, frame.now())) }
                        }
                    }
                }
            }
        }
    }

    fn files(&self, frame: &Frame) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Files taken last" {
                table.grid {
                    caption { "Files taken last" }
                    thead {
                        tr {
                            th scope="col" { "File" }
                            th scope="col" { "Data of" }
                            th.num scope="col" { "Records" }
                            th.num scope="col" { "Changed" }
                            th.num scope="col" { "Problems" }
                            th scope="col" { "Taken" }
                        }
                    }
                    tbody {
                        @for file in &self.taken {
                            tr {
                                th.file scope="row" { (file.url) }
                                td { @if let Some(date) = &file.data_date { (part::day(date)) } }
                                td.num { (part::number(file.records)) }
                                td.num { (part::number(file.changed)) }
                                td.num { (part::number(file.problems)) }
                                td { (part::ago(file.taken_at, frame.now())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Page for Problems {
    fn title(&self) -> String {
        "Problems".to_owned()
    }

    fn section(&self) -> Section {
        Section::Problems
    }

    fn formats(&self) -> &'static [Format] {
        super::LIST
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["id", "source", "record", "vulnerability", "where", "problem", "seen", "url"]);
        for problem in &self.problems {
            sheet.row([
                problem.id.to_string(),
                problem.source.clone(),
                problem.key.clone(),
                problem.vulnerability.clone().unwrap_or_default(),
                problem.pointer.clone(),
                problem.message.clone(),
                time::rfc3339(problem.seen_at),
                problem.url.clone().unwrap_or_default(),
            ]);
        }
        sheet
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |problem: &ProblemRow| Entry {
            id: format!("problem/{}/{}/{}", problem.source, problem.key, problem.id),
            title: format!("{}: {}", problem.key, problem.message),
            link: problem
                .vulnerability
                .as_deref()
                .map_or_else(|| "/problems".to_owned(), address::cve),
            date: Some(time::rfc3339(problem.seen_at)),
            text: format!("{} {}: {}", feed_name(&problem.source), problem.pointer, problem.message),
        };
        self.problems.iter().map(entry).collect()
    }

    fn body(&self, frame: &Frame) -> Markup {
        let failing = self.sources.iter().any(|source| source.last_error.is_some());
        let next = self.next.map(|id| id.to_string());
        html! {
            div.wrap {
                h1 { "Problems" }
                p.lede { "A source that fails leaves its old data in place. A record that cannot be read in full is kept as it came, with what was wrong." }
                (part::heading("sources", "Sources"))
                @if failing { (self.failing(frame)) } @else { p.empty { "No source is failing." } }
                p { a href="/sources" { "All sources, and when they are looked at again" } }
                (part::heading("records", "Records"))
                form.filter action="/problems" method="get" aria-label="Filter the problems" {
                    div.field {
                        label for="source" { "Source" }
                        select #source name="source" {
                            option value="" selected[self.source.is_none()] { "All" }
                            @for source in &self.sources {
                                option value=(source.name) selected[self.source.as_ref() == Some(&source.name)] { (feed_name(&source.name)) }
                            }
                        }
                    }
                    div.field.act { button.primary type="submit" { "Apply" } }
                }
                @if self.problems.is_empty() { p.empty { "No problems." } } @else { (self.table(frame)) }
                @if next.is_some() {
                    nav.pager aria-label="Pages" {
                        a rel="next" href=(address::query("/problems", &[("source", self.source.as_deref()), ("before", next.as_deref())])) { "Older →" }
                    }
                }
                @if !self.taken.is_empty() { (part::heading("files", "Files")) (self.files(frame)) }
            }
        }
    }
}
