//! A record as a card: products, versions and configurations in words.

use maud::{Markup, html};
use vuln::advisory::{Advisory, Affected, Configuration, Operator};

use super::provenance;
use crate::web::cve::describe;
use crate::web::cve::sources::SourceView;
use crate::web::part;

/// Products shown of one record.
const PRODUCTS: usize = 30;

/// Version statements shown of one product.
const VERSIONS: usize = 40;

/// CPE criteria shown of one node.
const CRITERIA: usize = 60;

/// Configurations shown of one record.
const CONFIGURATIONS: usize = 20;

/// One record.
pub fn card(id: &str, source: &SourceView) -> Markup {
    let record = &source.record;
    html! {
        article.card {
            header {
                h3 { (full_name(&record.source)) }
                p.soft {
                    (record.key)
                    @if record.state == "rejected" { " " span.tag.bad { "Rejected" } }
                    @if let Some(modified) = &record.modified { ", changed " (part::day(modified)) }
                }
            }
            @match &source.advisory {
                None => p.empty { "The document cannot be read any more." },
                Some(advisory) => (says(advisory)),
            }
            (provenance(id, source))
        }
    }
}

fn full_name(source: &str) -> &str {
    match source {
        "cve" => "CVE record",
        "nvd" => "National Vulnerability Database",
        "osv" => "OSV",
        other => other,
    }
}

fn says(advisory: &Advisory) -> Markup {
    html! {
        @if let Some(title) = advisory.title.as_ref().filter(|title| **title != advisory.description) { p.title { (title) } }
        @if !advisory.description.is_empty() {
            details { summary { "Description" } @for p in advisory.description.split("\n\n").filter(|p| !p.trim().is_empty()) { p { (part::with_ids(p)) } } }
        }
        @if !advisory.affected.is_empty() {
            h4 { "Products" }
            ul.products { @for affected in advisory.affected.iter().take(PRODUCTS) { li { (product(affected)) } } }
            (more(advisory.affected.len(), PRODUCTS))
        }
        @if !advisory.configurations.is_empty() {
            h4 { "Configurations" }
            ul.configurations { @for configuration in advisory.configurations.iter().take(CONFIGURATIONS) { li { (configured(configuration)) } } }
            (more(advisory.configurations.len(), CONFIGURATIONS))
        }
        @if advisory.affected.is_empty() && advisory.configurations.is_empty() { p.soft { "Names no product." } }
    }
}

fn product(affected: &Affected) -> Markup {
    let name = affected
        .product
        .as_deref()
        .or(affected.package_name.as_deref())
        .unwrap_or("unnamed product");
    let details: [(&str, Option<&str>); 5] = [
        ("package", affected.package_name.as_deref().filter(|package| *package != name)),
        ("collection", affected.collection_url.as_deref()),
        ("purl", affected.package_url.as_deref()),
        ("ecosystem", affected.ecosystem.as_deref()),
        ("repository", affected.repo.as_deref()),
    ];
    html! {
        strong { @if let Some(vendor) = &affected.vendor { (vendor) " " } (name) }
        " " span.soft { "by " (affected.provider) }
        @for (label, value) in details { @if let Some(value) = value { div.detail { span.soft { (label) " " } (part::link(value)) } } }
        @if !affected.platforms.is_empty() { div.detail { span.soft { "platforms " } (affected.platforms.join(", ")) } }
        @if !affected.components.is_empty() { div.detail { span.soft { "parts " } (affected.components.iter().take(20).cloned().collect::<Vec<_>>().join(", ")) } }
        ul.versionlist {
            @for entry in affected.versions.iter().take(VERSIONS) {
                li { (describe::entry(entry)) @if let Some(scheme) = &entry.scheme { " " span.soft { (scheme) } } }
            }
            @for range in affected.ranges.iter().take(VERSIONS) { li { (describe::events(range)) " " span.soft { (format!("{:?}", range.kind).to_lowercase()) } } }
        }
        (more(affected.versions.len(), VERSIONS))
        div.detail { span.soft { "otherwise " } (describe::status(affected.default_status)) }
    }
}

fn configured(configuration: &Configuration) -> Markup {
    html! {
        @if configuration.negate { em { "not " } }
        @for (index, node) in configuration.nodes.iter().enumerate() {
            @if index > 0 { p.joint { (word(configuration.operator)) } }
            div.node {
                @if node.negate { em { "none of" } } @else if node.matches.len() > 1 { span.soft { @if node.operator == Operator::And { "all of" } @else { "any of" } } }
                ul {
                    @for criterion in node.matches.iter().take(CRITERIA) {
                        li { (describe::criterion(criterion)) @if !criterion.vulnerable { " " span.soft { "(only where it runs on or with this)" } } }
                    }
                }
                (more(node.matches.len(), CRITERIA))
            }
        }
    }
}

fn word(operator: Operator) -> &'static str {
    match operator {
        Operator::And => "and",
        Operator::Or => "or",
    }
}

/// What a list leaves out.
fn more(count: usize, shown: usize) -> Markup {
    html! { @if count > shown { p.soft { "and " (count - shown) " more in the raw document." } } }
}
