//! One page that needs nothing else: no script, no other file, no network.
//!
//! Its security policy forbids all that, so that even a mistake in escaping could not fetch or run anything.

mod graph;

use std::io::{self, Write};

use cli_kit::human::count;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use vuln::verdict::Verdict;

use super::view::{Entry, Group, MOST_PATHS, View};
use super::words::{self, TOOL, VERSION};

const STYLE: &str = include_str!("html/style.css");

pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let targets = view.report.inventory.targets.join(", ");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ (TOOL) " " (VERSION) };
                title { "Vulnerabilities of " (text(&targets)) }
                // Ours, a constant.
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#open" { "Skip to the findings" }
                header {
                    p.kind { "Firn scan" }
                    h1 { (text(&targets)) }
                    p { (text(&words::summary(view))) "." }
                }
                main {
                    (tiles(view))
                    (graph::section(view))
                    (open(view))
                    (settled(view))
                    (details(view))
                    (closed(view))
                    (left_out(view))
                }
                footer { (foot(view)) }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())?;
    out.write_all(b"\n")
}

/// Foreign text: what acts on a reader's eyes without being seen (direction, width) becomes visible; markup is escaped by the template.
fn text(foreign: &str) -> std::borrow::Cow<'_, str> {
    cli_kit::escape(foreign)
}

fn tiles(view: &View<'_>) -> Markup {
    let exploited = view.group(Group::Open).filter(|e| e.finding.exploited_since.is_some()).count();
    let settled = view.group(Group::Settled).count();
    html! {
        ul.tiles {
            @if exploited > 0 {
                li.exploited { b { (count(exploited as u64)) } " known to be exploited" }
            }
            @for (severity, n) in view.open_by_severity() {
                li class=(severity.name()) { b { (count(n as u64)) } " " (severity.name()) }
            }
            @if view.group(Group::Open).next().is_none() {
                li.low { b { "0" } " open" }
            }
            @if settled > 0 {
                li.none { b { (count(settled as u64)) } " decided" }
            }
            li.none { b { (count(view.group(Group::Closed).count() as u64)) } " patched, fixed or not affected" }
        }
    }
}

fn open(view: &View<'_>) -> Markup {
    html! {
        section id="open" aria-labelledby="open-heading" {
            h2 id="open-heading" { "Open" }
            @if view.group(Group::Open).next().is_none() {
                p { "Nothing that this snapshot knows is open here." }
            } @else {
                (table(view, Group::Open, "Remedy", |entry| html! { (text(&words::remedy(entry.finding).unwrap_or_else(|| "no fix known".into()))) }))
            }
        }
    }
}

fn settled(view: &View<'_>) -> Markup {
    if view.group(Group::Settled).next().is_none() {
        return Markup::default();
    }
    html! {
        section id="decided" aria-labelledby="decided-heading" {
            h2 id="decided-heading" { "Decided" }
            p { "Somebody said that nothing is to be done about these." }
            (table(view, Group::Settled, "Decision", |entry| html! { (text(&words::decision(entry.finding).unwrap_or_default())) }))
        }
    }
}

fn closed(view: &View<'_>) -> Markup {
    let n = view.group(Group::Closed).count();
    if n == 0 {
        return Markup::default();
    }
    let why = |entry: &Entry<'_>| {
        html! { b { (words::verdict(entry.finding.verdict)) } " " (text(&words::evidence(entry.finding))) }
    };
    html! {
        section id="closed" aria-labelledby="closed-heading" {
            h2 id="closed-heading" { "Patched, fixed or not affected" }
            details {
                summary { "All " (count(n as u64)) " of them" }
                (table(view, Group::Closed, "Why", why))
            }
        }
    }
}

fn table(view: &View<'_>, group: Group, last: &str, cell: impl Fn(&Entry<'_>) -> Markup) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Severity" } th scope="col" { "Vulnerability" } th scope="col" { "Package" } th.number scope="col" { "EPSS" } th scope="col" { (last) } } }
            tbody {
                @for entry in view.distinct(group) {
                    tr {
                        td { (badge(entry)) }
                        td {
                            @if group == Group::Closed { (text(&entry.finding.id)) }
                            @else { a href={ "#" (anchor(entry)) } { (text(&entry.finding.id)) } }
                            @if entry.finding.exploited_since.is_some() { " " span.exploited.mark { "exploited" } }
                            @if entry.finding.verdict == Verdict::Unknown { " " span.none.mark { "unknown" } }
                        }
                        td { (text(&view.title(entry))) }
                        td.number data-label="EPSS" { @if let Some((chance, _)) = entry.finding.epss { (words::percent(chance)) } }
                        td { (cell(entry)) }
                    }
                }
            }
        }
    }
}

fn badge(entry: &Entry<'_>) -> Markup {
    html! {
        span class={ (entry.severity.name()) " mark" } {
            @if let Some(score) = words::score(entry) { b { (score) } " " }
            (entry.severity.name())
        }
    }
}

/// Two packages may have a finding of the same fingerprint (two builds of one version); ids of a page must differ.
fn anchor(entry: &Entry<'_>) -> String {
    let short: String = entry.fingerprint.chars().take(16).collect();
    format!("f-{short}-{}", entry.package)
}

fn details(view: &View<'_>) -> Markup {
    let told = |group| view.group(group);
    if told(Group::Open).chain(told(Group::Settled)).next().is_none() {
        return Markup::default();
    }
    html! {
        section id="details" aria-labelledby="details-heading" {
            h2 id="details-heading" { "Details" }
            @for entry in told(Group::Open).chain(told(Group::Settled)) { (detail(entry, view)) }
        }
    }
}

fn detail(entry: &Entry<'_>, view: &View<'_>) -> Markup {
    let finding = entry.finding;
    html! {
        details {
            summary { (badge(entry)) " " b { (text(&finding.id)) } " in " (text(&view.title(entry))) }
            // A link to something inside opens it.
            div id=(anchor(entry)) {
                @if let Some(title) = &finding.title { p { b { (text(title)) } } }
                @if !finding.description.is_empty() { p { (text(&finding.description)) } }
                dl {
                    dt { "Verdict" }
                    dd { (words::verdict(finding.verdict)) ", confidence " (words::percent(finding.confidence)) }
                    @if !finding.evidence.is_empty() {
                        dt { "Because" }
                        dd { ul { @for evidence in &finding.evidence { li { (text(&evidence.detail)) } } } }
                    }
                    @if let Some(decision) = words::decision(finding) { dt { "Said about it" } dd { (text(&decision)) } }
                    @if let Some(remedy) = words::remedy(finding) { dt { "Remedy" } dd { (text(&remedy)) } }
                    @if let Some(day) = &finding.exploited_since { dt { "Known to be exploited" } dd { "since " (text(day)) } }
                    @if let Some((chance, percentile)) = finding.epss {
                        dt { "EPSS" }
                        dd { (words::percent(chance)) " in 30 days, more than " (words::percent(percentile)) " of all" }
                    }
                    @if !finding.scores.is_empty() {
                        dt { "CVSS" }
                        dd { ul { @for score in &finding.scores {
                            li { @if let Some(value) = score.value() { b { (format!("{value:.1}")) } " " } (text(&score.provider)) " " code { (text(&score.vector)) } }
                        } } }
                    }
                    @if !finding.aliases.is_empty() { dt { "Also called" } dd { (text(&finding.aliases.join(", "))) } }
                    @if !finding.cwes.is_empty() { dt { "Weakness" } dd { (text(&finding.cwes.join(", "))) } }
                    @if let Some(published) = &finding.published { dt { "Published" } dd { (text(published)) @if let Some(changed) = &finding.modified { ", changed " (text(changed)) } } }
                    (place(entry, view))
                    (pages(entry))
                }
            }
        }
    }
}

fn place(entry: &Entry<'_>, view: &View<'_>) -> Markup {
    let why = view.why(entry.package);
    let seen = view.package(entry).map(|p| words::seen(p.scanned.seen));
    html! {
        @if why.len() > 1 {
            dt { "There because" }
            dd { ol.why { @for part in &why { @if let Some(part) = view.part(*part) { li { code { (text(&part.name)) } } } } } }
        }
        dt { "Store paths" }
        dd { ul { @for path in view.paths(entry.package).take(MOST_PATHS) { li { code { (text(path)) } } } } }
        @if let Some(seen) = seen { dt { "The package is" } dd { (seen) } }
    }
}

fn pages(entry: &Entry<'_>) -> Markup {
    let finding = entry.finding;
    let known = words::page(&finding.id);
    let pages: Vec<&str> = known
        .as_deref()
        .into_iter()
        .chain(finding.references.iter().map(String::as_str).filter(|url| words::is_address(url)))
        .collect();
    html! {
        @if !pages.is_empty() {
            dt { "Pages" }
            dd { ul { @for page in pages { li { a href=(page) rel="noreferrer nofollow" { (text(page)) } } } } }
        }
    }
}

fn left_out(view: &View<'_>) -> Markup {
    let problems = &view.report.inventory.problems;
    html! {
        @if !problems.is_empty() {
            section id="left-out" aria-labelledby="left-out-heading" {
                h2 id="left-out-heading" { "Left out" }
                ul { @for problem in problems { li { (text(problem)) } } }
            }
        }
    }
}

fn foot(view: &View<'_>) -> Markup {
    let knowledge = &view.report.knowledge;
    html! {
        p { (text(&words::subject(view))) ", scanned " (words::stamp(view.report.time)) " by " (TOOL) " " (VERSION) ", judged with " (words::snapshot(view.report)) "." }
        @if let Some(sealed) = words::sealed(view) { p { (text(&sealed)) "." } }
        @if !knowledge.sources.is_empty() { p { "Data: " (text(&words::sources(view))) "." } }
        p { "Snapshot " code { (text(&knowledge.digest)) } }
        p { "What a record does not name, nobody finds: that nothing is listed does not mean that nothing is there." }
    }
}
