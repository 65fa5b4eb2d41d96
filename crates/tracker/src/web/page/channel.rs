//! Channels: all of them, and one.

use maud::{Markup, html};
use serde::Serialize;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::Page;
use super::findings::{self, Extent, Findings};
use super::parameters::Parameters;
use crate::store::read::{Channel, recent_first};
use crate::web::address::{self, Format};
use crate::web::board::{Filter, Sort};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::sheet::Sheet;
use crate::web::site::Site;
use crate::web::time;

/// All channels.
#[derive(Debug, Serialize)]
pub struct Channels {
    /// Most recent first.
    pub channels: Vec<Channel>,
}

impl Channels {
    /// Loads the list.
    pub fn load(site: &Site) -> Result<Loaded<Self>, Error> {
        Ok(Loaded::Page(Self { channels: all(site)? }))
    }
}

/// All channels, most recent first.
pub fn all(site: &Site) -> Result<Vec<Channel>, Error> {
    let mut channels = site.store().channels()?;
    channels.sort_by(|a, b| recent_first(&a.name, &b.name));
    Ok(channels)
}

impl Page for Channels {
    fn title(&self) -> String {
        "Channels".to_owned()
    }

    fn section(&self) -> Section {
        Section::Channels
    }

    fn formats(&self) -> &'static [Format] {
        super::LIST
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "channel", "revision", "packages", "taken", "matched", "verdict", "severity", "findings",
        ]);
        let date = |at: Option<i64>| at.map(time::rfc3339).unwrap_or_default();
        for channel in &self.channels {
            for count in &channel.counts {
                sheet.row([
                    channel.name.clone(),
                    channel.revision.clone().unwrap_or_default(),
                    channel.packages.to_string(),
                    date(channel.taken_at),
                    date(channel.matched_at),
                    count.verdict.name().to_owned(),
                    part::severity_name(count.severity).to_owned(),
                    count.count.to_string(),
                ]);
            }
        }
        sheet
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |channel: &Channel| Entry {
            id: format!("channel/{}/{}", channel.name, channel.revision.as_deref().unwrap_or_default()),
            title: format!("{} at {}", channel.name, channel.revision.as_deref().unwrap_or("no revision")),
            link: address::channel(&channel.name),
            date: channel.taken_at.map(time::rfc3339),
            text: format!(
                "{} packages, {} open findings.",
                part::number(channel.packages),
                part::number(channel.count(Verdict::is_open, None))
            ),
        };
        self.channels.iter().map(entry).collect()
    }

    fn body(&self, frame: &Frame) -> Markup {
        html! {
            div.wrap {
                h1 { "Channels" }
                @if self.channels.is_empty() { p.empty { "No package set was taken in yet." } } @else {
                    (summary(&self.channels, frame))
                    p { a href="/compare" { "Compare two channels" } " to see what an upgrade brings, or look at " a href="/trends" { "trends" } "." }
                }
            }
        }
    }
}

/// The table of channels with what is open in each.
pub fn summary(channels: &[Channel], frame: &Frame) -> Markup {
    let most = channels.iter().map(|c| c.count(Verdict::is_open, None)).max().unwrap_or(0).max(1);
    html! {
        table.list.channels role="table" {
            caption { "Open findings by severity" }
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Channel" }
                    th.num role="columnheader" scope="col" { "Packages" }
                    th.num role="columnheader" scope="col" { "Open" }
                    th.wide role="columnheader" scope="col" { "By severity" }
                    th role="columnheader" scope="col" { "Matched" }
                }
            }
            tbody role="rowgroup" {
                @for channel in channels {
                    tr role="row" {
                        th role="rowheader" scope="row" { a href=(address::channel(&channel.name)) { (channel.name) } }
                        td.num role="cell" data-label="Packages" { (part::number(channel.packages)) }
                        td.num role="cell" data-label="Open" { (part::number(channel.count(Verdict::is_open, None))) }
                        td.wide role="cell" { (severity_bar(channel, most)) }
                        td role="cell" data-label="Matched" { @match channel.matched_at { Some(at) => (part::ago(at, frame.now())), None => span.soft { "not yet" } } }
                    }
                }
            }
        }
    }
}

/// A bar of the open findings by severity, as long as its share of `most`; the numbers stand below it.
fn severity_bar(channel: &Channel, most: u64) -> Markup {
    let count = |severity| channel.count(Verdict::is_open, Some(severity));
    let mut at = 0.0;
    let parts: Vec<(Severity, f64, f64)> = part::SEVERITIES
        .into_iter()
        .map(|severity| {
            let width = count(severity) as f64 * 100.0 / most as f64;
            at += width;
            (severity, at - width, width)
        })
        .collect();
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" width="100%" height="8" aria-hidden="true" {
            rect.track width="100" height="8" {}
            @for (severity, x, width) in parts {
                @if width > 0.0 { rect.{ "fill-" (part::severity_name(severity)) } x=(format!("{x:.3}")) width=(format!("{width:.3}")) height="8" {} }
            }
        }
        ul.legend {
            @for severity in part::SEVERITIES {
                @let open = count(severity);
                @if open > 0 {
                    li.{ "dot-" (part::severity_name(severity)) } {
                        a href=(queue_of(&channel.name, severity)) { (part::number(open)) " " (part::severity_word(severity).to_lowercase()) }
                    }
                }
            }
        }
    }
}

fn queue_of(channel: &str, severity: Severity) -> String {
    address::query(
        "/queue",
        &[("channel", Some(channel)), ("severity", Some(part::severity_name(severity)))],
    )
}

/// One channel.
#[derive(Debug, Serialize)]
pub struct ChannelPage {
    /// The channel.
    #[serde(flatten)]
    pub channel: Channel,
    /// What was asked.
    pub filter: Filter,
    /// The list.
    #[serde(flatten)]
    pub findings: Findings,
}

impl ChannelPage {
    /// Loads the channel and a page of its findings.
    pub fn load(site: &Site, name: &str, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        let channels = site.store().channels()?;
        let channel = channels
            .into_iter()
            .find(|channel| channel.name == name)
            .ok_or_else(|| Error::NotFound {
                what: format!("there is no channel named {name:?}"),
            })?;
        let filter = Filter {
            verdict: parameters.verdict()?,
            severity: parameters.severity()?,
            sort: if format == Format::Atom { Sort::Age } else { Sort::Cvss },
            ..Filter::default()
        };
        let extent = Extent::of(format, parameters.page()?);
        let findings = match site.board()?.channel(name) {
            Some(board) => Findings::load(site, board, &filter, extent)?,
            None => Findings::none(name, extent.page),
        };
        Ok(Loaded::Page(Self { channel, filter, findings }))
    }

    fn facts(&self, frame: &Frame) -> Markup {
        let channel = &self.channel;
        html! {
            dl.facts.inline {
                @if let Some(revision) = &channel.revision {
                    div { dt { "Revision" } dd { code title=(revision) { (revision.get(..12).unwrap_or(revision)) } } }
                }
                div { dt { "Packages" } dd { (part::number(channel.packages)) } }
                div { dt { "With description or homepage" } dd { (part::number(channel.with_meta)) } }
                div { dt { "With known patches" } dd { (part::number(channel.with_derivation)) } }
                @if let Some(at) = channel.taken_at { div { dt { "Taken in" } dd { (part::ago(at, frame.now())) } } }
                div { dt { "Matched" } dd { @match channel.matched_at { Some(at) => (part::ago(at, frame.now())), None => "not yet" } } }
            }
            @if channel.stale && channel.matched_at.is_some() {
                p.notice.plain { "The verdicts below are about an older package set than the current one: the new one is not matched yet." }
            }
            @if channel.packages > 0 && channel.with_meta == 0 {
                p.notice.plain { "This package list holds names and versions only. Homepages, sources and patches are not known, so verdicts are less certain." }
            }
        }
    }

    /// Verdicts by severity; each number leads to its list.
    fn matrix(&self) -> Markup {
        let channel = &self.channel;
        html! {
            div.scroll tabindex="0" role="region" aria-label="Findings by verdict and severity" {
                table.grid {
                    caption { "Findings by verdict and severity" }
                    thead { tr { th scope="col" { "Verdict" } @for severity in part::SEVERITIES { th.num scope="col" { (part::severity_word(severity)) } } th.num scope="col" { "All" } } }
                    tbody {
                        @for verdict in Verdict::ALL {
                            tr {
                                th scope="row" { (part::verdict(verdict)) }
                                @for severity in part::SEVERITIES { td.num { (self.cell(verdict, Some(severity))) } }
                                td.num.sum { (self.cell(verdict, None)) }
                            }
                        }
                        tr.sum {
                            th scope="row" { "Open" }
                            @for severity in part::SEVERITIES { td.num { (part::number(channel.count(Verdict::is_open, Some(severity)))) } }
                            td.num { (part::number(channel.count(Verdict::is_open, None))) }
                        }
                    }
                }
            }
        }
    }

    fn cell(&self, verdict: Verdict, severity: Option<Severity>) -> Markup {
        let count = self.channel.count(|v| v == verdict, severity);
        let parameters = [("verdict", Some(verdict.name())), ("severity", severity.map(part::severity_name))];
        let href = address::query(&address::channel(&self.channel.name), &parameters) + "#findings";
        html! { @if count == 0 { span.soft { "0" } } @else { a href=(href) { (part::number(count)) } } }
    }
}

impl Page for ChannelPage {
    fn title(&self) -> String {
        self.channel.name.clone()
    }

    fn section(&self) -> Section {
        Section::Channels
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

    fn body(&self, frame: &Frame) -> Markup {
        let path = address::channel(&self.channel.name);
        let parameters = [
            ("verdict", self.filter.verdict.map(|verdict| verdict.name())),
            ("severity", self.filter.severity.map(part::severity_name)),
        ];
        html! {
            div.wrap {
                p.eyebrow { a href="/channels" { "Channels" } }
                h1 { (self.channel.name) }
                (self.facts(frame))
                (self.matrix())
                (part::heading("findings", "Findings"))
                form.filter action=(path) method="get" aria-label="Filter the findings" {
                    div.field { label for="verdict" { "Verdict" } select #verdict name="verdict" { (findings::verdict_options(self.filter.verdict, "All that is open")) } }
                    div.field { label for="severity" { "Severity" } select #severity name="severity" { (findings::severity_options(self.filter.severity)) } }
                    div.field.act {
                        button.primary type="submit" { "Apply" }
                        a href=(address::query("/queue", &[("channel", Some(&self.channel.name))])) { "More filters in the queue" }
                    }
                }
                (self.findings.total("highest CVSS score first"))
                @if self.findings.items.is_empty() { p.empty { "No finding passes the filter." } }
                @else { (self.findings.table("Vulnerabilities with their packages and verdicts")) }
                (self.findings.pager(&path, &parameters))
            }
        }
    }
}
