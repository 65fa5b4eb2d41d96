//! Where the data comes from: how each source is doing, and the jobs that look at it.

use std::time::Duration;

use cli_kit::human;
use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::overview::feed_name;
use crate::store::queue::{JobRow, State};
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::site::Site;
use crate::web::stats::SourceState;

/// The page of the sources.
#[derive(Debug, Serialize)]
pub struct Sources {
    /// Each source.
    pub sources: Vec<SourceState>,
    /// All jobs, those given up first.
    pub jobs: Vec<JobRow>,
}

impl Sources {
    /// Loads the page.
    pub fn load(site: &Site, frame: &Frame) -> Result<Loaded<Self>, Error> {
        let store = site.store();
        let jobs = store.jobs()?;
        Ok(Loaded::Page(Self {
            sources: SourceState::all(&store.sources()?, &jobs, frame.now()),
            jobs,
        }))
    }

    fn table(&self, frame: &Frame) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Sources" {
                table.grid {
                    caption { "Sources" }
                    thead {
                        tr {
                            th scope="col" { "Source" }
                            th scope="col" { "Last success" }
                            th scope="col" { "Age of the data" }
                            th.num scope="col" { "Records a second" }
                            th scope="col" { "Next look" }
                            th scope="col" { "What failed" }
                        }
                    }
                    tbody {
                        @for source in &self.sources {
                            tr {
                                th scope="row" { (feed_name(&source.name)) }
                                td { @match source.last_success { Some(at) => (part::ago(at, frame.now())), None => "never" } }
                                td { @if let Some(age) = source.age_s { (human::duration(Duration::from_secs(age.unsigned_abs()))) } }
                                td.num { @if let Some(rate) = source.rate { (part::number(rate as u64)) } }
                                td { (next(source.next_at, source.is_running, frame.now())) }
                                td.wide { @if let Some(error) = &source.last_error { (error) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn jobs(&self, frame: &Frame) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Jobs" {
                table.grid {
                    caption { "Jobs" }
                    thead {
                        tr {
                            th scope="col" { "Job" }
                            th scope="col" { "State" }
                            th scope="col" { "Next" }
                            th.num scope="col" { "Failed in a row" }
                            th scope="col" { "Why it failed last" }
                        }
                    }
                    tbody {
                        @for job in &self.jobs {
                            tr {
                                th scope="row" { (job.kind) " " (job.subject) }
                                td { (if job.state == State::Dead { "given up" } else { job.state.name() }) " " span.soft { (part::ago(job.changed_at, frame.now())) } }
                                td { @if job.state == State::Waiting { (next(Some(job.run_at), false, frame.now())) } }
                                td.num { (part::number(job.failures.into())) }
                                td.wide { @if let Some(error) = &job.last_error { (error) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn next(at: Option<i64>, is_running: bool, now: i64) -> Markup {
    html! {
        @if is_running { "under way" }
        @else if let Some(at) = at {
            @if at <= now { "now" } @else { "in " (human::duration(Duration::from_secs((at - now).unsigned_abs()))) }
        }
    }
}

impl Page for Sources {
    fn title(&self) -> String {
        "Sources".to_owned()
    }

    fn section(&self) -> Section {
        Section::Problems
    }

    fn body(&self, frame: &Frame) -> Markup {
        html! {
            div.wrap {
                h1 { "Sources" }
                p.lede { "Where the data comes from, how old it is, and when each source is looked at again. One that fails leaves its old data in place." }
                @if self.sources.is_empty() { p.empty { "No source was looked at yet." } } @else { (self.table(frame)) }
                (part::heading("jobs", "Jobs"))
                p.soft { "What running trackers do. A job that failed too often is given up until it is asked for again." }
                @if self.jobs.is_empty() { p.empty { "No server runs on this database." } } @else { (self.jobs(frame)) }
                p { a href="/problems" { "Problems of records, and files taken last" } }
            }
        }
    }
}
