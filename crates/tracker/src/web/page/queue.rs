//! What is open in a channel, to be filtered and sorted.

use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::findings::{self, Extent, Findings};
use super::parameters::Parameters;
use crate::web::address::Format;
use crate::web::board::{Filter, Sort};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::sheet::Sheet;
use crate::web::site::Site;

/// The queue.
#[derive(Debug, Serialize)]
pub struct Queue {
    /// The channel; `None` where none is matched yet.
    pub channel: Option<String>,
    /// Channels to choose from, most recent first.
    pub channels: Vec<String>,
    /// What was asked.
    pub filter: Filter,
    /// The list.
    #[serde(flatten)]
    pub findings: Findings,
}

impl Queue {
    /// Loads a page of the queue.
    pub fn load(site: &Site, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        let mut filter = parameters.filter()?;
        // Who reads a feed waits for what is new.
        if format == Format::Atom && !parameters.has("sort") {
            filter.sort = Sort::Age;
        }
        let extent = Extent::of(format, parameters.page()?);
        let board = site.board()?;
        let channels: Vec<String> = board.channels().iter().map(|channel| channel.name.clone()).collect();
        let channel = match parameters.text("channel", 200)? {
            Some(name) => Some(board.channel(&name).ok_or_else(|| Error::NotFound {
                what: format!("there is no matched channel named {name:?}"),
            })?),
            // The most recent channel may be one that nothing could be matched with.
            None => board
                .channels()
                .iter()
                .find(|channel| !channel.is_empty())
                .or(board.channels().first()),
        };
        let findings = match channel {
            Some(channel) => Findings::load(site, channel, &filter, extent)?,
            None => Findings::none("", extent.page),
        };
        Ok(Loaded::Page(Self {
            channel: channel.map(|channel| channel.name.clone()),
            channels,
            filter,
            findings,
        }))
    }

    fn form(&self) -> Markup {
        let filter = &self.filter;
        html! {
            form.filter action="/queue" method="get" aria-label="Filter the queue" {
                div.field {
                    label for="channel" { "Channel" }
                    select #channel name="channel" {
                        @for name in &self.channels { option value=(name) selected[self.channel.as_ref() == Some(name)] { (name) } }
                    }
                }
                div.field {
                    label for="sort" { "Sort by" }
                    select #sort name="sort" {
                        @for sort in Sort::ALL { option value=(sort.name()) selected[filter.sort == sort] { (findings::sort_word(sort)) } }
                    }
                }
                div.field {
                    label for="verdict" { "Verdict" }
                    select #verdict name="verdict" { (findings::verdict_options(filter.verdict, "All that is open")) }
                }
                div.field {
                    label for="severity" { "Severity" }
                    select #severity name="severity" { (findings::severity_options(filter.severity)) }
                }
                div.field.short {
                    label for="min_cvss" { "CVSS from" }
                    input #min_cvss type="number" name="min_cvss" min="0" max="10" step="0.1" inputmode="decimal" value=(value(filter.min_cvss));
                }
                div.field.short {
                    label for="min_epss" { "EPSS from" }
                    input #min_epss type="number" name="min_epss" min="0" max="1" step="any" inputmode="decimal" value=(value(filter.min_epss));
                }
                div.field.short {
                    label for="min_confidence" { "Sure from" }
                    input #min_confidence type="number" name="min_confidence" min="0" max="1" step="any" inputmode="decimal" value=(value(filter.min_confidence));
                }
                div.field.grow {
                    label for="q" { "Text in id, title or package" }
                    input #q type="search" name="q" maxlength="200" value=(filter.text.as_deref().unwrap_or_default());
                }
                div.field.check {
                    input #exploited type="checkbox" name="exploited" value="1" checked[filter.exploited];
                    label for="exploited" { "Known exploited only" }
                }
                div.field.act {
                    button.primary type="submit" { "Apply" }
                    a href="/queue" { "Reset" }
                }
            }
        }
    }
}

impl Page for Queue {
    fn title(&self) -> String {
        match &self.channel {
            Some(channel) => format!("Queue of {channel}"),
            None => "Queue".to_owned(),
        }
    }

    fn section(&self) -> Section {
        Section::Queue
    }

    fn formats(&self) -> &'static [Format] {
        super::LIST
    }

    fn sheet(&self) -> Sheet {
        self.findings.sheet()
    }

    fn entries(&self) -> Vec<Entry> {
        self.findings.entries()
    }

    fn body(&self, _: &Frame) -> Markup {
        let texts = [
            value(self.filter.min_epss),
            value(self.filter.min_cvss),
            value(self.filter.min_confidence),
        ];
        let parameters = [
            ("channel", self.channel.as_deref()),
            ("sort", Some(self.filter.sort.name())),
            ("verdict", self.filter.verdict.map(|verdict| verdict.name())),
            ("severity", self.filter.severity.map(part::severity_name)),
            ("exploited", self.filter.exploited.then_some("1")),
            ("min_epss", Some(texts[0].as_str())),
            ("min_cvss", Some(texts[1].as_str())),
            ("min_confidence", Some(texts[2].as_str())),
            ("q", self.filter.text.as_deref()),
        ];
        html! {
            div.wrap {
                h1 { "Queue" }
                p.lede { "What the channel has that is affected, known to be vulnerable, or could not be decided. The address of this page holds the filter: keep it, share it." }
                @if self.channel.is_none() {
                    p.empty { "No channel is matched yet." }
                } @else {
                    (self.form())
                    (self.findings.total(""))
                    @if self.findings.items.is_empty() {
                        p.empty { "Nothing in this channel passes the filter." @if self.findings.page > 1 { " This page is behind the end of the list." } }
                    } @else {
                        (self.findings.table("Vulnerabilities with their packages and verdicts"))
                    }
                    (self.findings.pager("/queue", &parameters))
                }
            }
        }
    }
}

fn value(number: Option<f32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
