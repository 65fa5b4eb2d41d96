//! SARIF 2.1.0: a rule for each vulnerability, a result for each finding.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use attest::sarif::{
    AutomationDetails, Configuration, Driver, Invocation, Location, Log, LogicalLocation, Message, Notification, Outcome, Properties, Rule,
    Run, Suppression, Tool,
};
use serde_json::{Value, json};
use vuln::score::Severity;
use vuln::verdict::Verdict;

use super::markdown;
use super::view::{Entry, MOST_PATHS, View};
use super::words::{self, HOME, TOOL, VERSION};
use crate::finding::Status;

pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules = Vec::new();
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &view.entries {
        by_id.entry(&entry.finding.id).or_insert_with(|| {
            rules.push(rule(entry));
            rules.len() - 1
        });
    }
    let results = view
        .entries
        .iter()
        .map(|entry| result(entry, view, by_id.get(entry.finding.id.as_str()).copied().unwrap_or_default()));
    let inventory = &view.report.inventory;
    let notification = |problem| Notification {
        level: "warning",
        message: Message::plain(problem),
    };
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: TOOL,
                semantic_version: VERSION,
                information_uri: HOME,
                rules,
            },
        },
        invocations: vec![Invocation {
            execution_successful: true,
            end_time_utc: words::rfc3339(view.report.time),
            tool_execution_notifications: inventory.problems.iter().map(String::as_str).map(notification).collect(),
        }],
        automation_details: AutomationDetails {
            // Runs over the same targets are compared with one another.
            id: format!("{TOOL}/{}/", inventory.targets.join(", ")),
            guid: view.uuid.clone(),
        },
        column_kind: "unicodeCodePoints",
        results: results.collect(),
        properties: about(view),
    };
    words::json(&Log::of(run), true, out)
}

fn about(view: &View<'_>) -> Properties {
    let knowledge = &view.report.knowledge;
    Properties::from([
        ("snapshotDigest", json!(knowledge.digest)),
        ("snapshotSerial", json!(knowledge.serial)),
        ("snapshotCreated", json!(words::rfc3339(knowledge.created))),
        ("snapshotAgeSeconds", json!(view.report.age())),
        ("summary", json!(words::summary(view))),
    ])
}

fn rule<'a>(entry: &'a Entry<'a>) -> Rule<'a> {
    let finding = entry.finding;
    let title = finding.title.as_deref().filter(|t| !t.is_empty());
    let description = Some(finding.description.as_str()).filter(|d| !d.is_empty());
    let page = words::page(&finding.id).or_else(|| finding.references.iter().find(|url| words::is_address(url)).cloned());
    let mut tags = vec![json!("security"), json!("vulnerability")];
    tags.extend(
        finding
            .cwes
            .iter()
            .map(|cwe| json!(format!("external/cwe/{}", cwe.to_ascii_lowercase()))),
    );
    let mut properties = Properties::from([("tags", Value::Array(tags)), ("aliases", json!(finding.aliases))]);
    // Code scanning sorts by this member, a score as text.
    if let Some(score) = words::score(entry) {
        properties.insert("security-severity", json!(score));
    }
    if let Some((chance, _)) = finding.epss {
        properties.insert("epss", json!(words::decimals(chance, 5)));
    }
    if let Some(day) = &finding.exploited_since {
        properties.insert("exploitedSince", json!(day));
    }
    Rule {
        id: finding.id.as_str().into(),
        short_description: Message::plain(title.unwrap_or(&finding.id)),
        full_description: Message::plain(description.or(title).unwrap_or(&finding.id)),
        help_uri: page.map(Cow::Owned),
        help: help(entry),
        default_configuration: Configuration {
            level: level(entry.severity),
        },
        properties,
    }
}

fn help<'a>(entry: &'a Entry<'a>) -> Message<'a> {
    let finding = entry.finding;
    let mut addresses: Vec<String> = words::page(&finding.id).into_iter().collect();
    addresses.extend(finding.references.iter().filter(|url| words::is_address(url)).cloned());
    addresses.dedup();
    let text = if addresses.is_empty() {
        finding.id.clone()
    } else {
        addresses.join("\n")
    };
    let list: Vec<String> = addresses.iter().map(|a| format!("- <{a}>")).collect();
    let markdown = format!("{}\n\n{}", markdown::text(&finding.description), list.join("\n"));
    Message {
        text: text.into(),
        markdown: Some(markdown),
    }
}

fn result<'a>(entry: &'a Entry<'a>, view: &'a View<'a>, rule_index: usize) -> Outcome<'a> {
    let finding = entry.finding;
    let kind = match finding.verdict {
        Verdict::Affected | Verdict::KnownVulnerable => "fail",
        // There was not enough to decide.
        Verdict::Unknown => "open",
        Verdict::Patched | Verdict::Fixed => "pass",
        Verdict::NotAffected => "notApplicable",
    };
    Outcome {
        rule_id: finding.id.as_str().into(),
        rule_index,
        kind,
        level: if kind == "fail" { level(entry.severity) } else { "none" },
        message: Message::plain(message(entry, view)),
        locations: view
            .paths(entry.package)
            .take(MOST_PATHS)
            .map(|path| location(path, entry, view))
            .collect(),
        partial_fingerprints: BTreeMap::from([("firnFinding/v1", entry.fingerprint.clone())]),
        suppressions: suppressions(entry),
        properties: properties(entry, view),
    }
}

fn message(entry: &Entry<'_>, view: &View<'_>) -> String {
    let finding = entry.finding;
    let title = view.package(entry).map(|p| p.title.as_str()).unwrap_or_default();
    let mut text = match finding.verdict {
        Verdict::Affected | Verdict::NotAffected => format!("{title} is {} by {}", words::verdict(finding.verdict), finding.id),
        verdict => format!("{title}: {} ({})", finding.id, words::verdict(verdict)),
    };
    if let Some(known) = &finding.title {
        text += &format!(", {known}");
    }
    if let Some(remedy) = words::remedy(finding) {
        text += &format!("; {remedy}");
    }
    text + "."
}

fn location<'a>(path: &'a str, entry: &Entry<'_>, view: &View<'_>) -> Location<'a> {
    Location {
        logical_locations: vec![LogicalLocation {
            name: view.package(entry).map(|p| p.title.clone()).unwrap_or_default(),
            fully_qualified_name: path.into(),
            kind: "package",
        }],
    }
}

fn suppressions(entry: &Entry<'_>) -> Option<Vec<Suppression>> {
    let decision = entry.finding.decision.as_ref()?;
    let status = match decision.status {
        Status::UnderInvestigation => "underReview",
        Status::Affected => return None,
        Status::NotAffected | Status::Fixed | Status::Accepted => "accepted",
    };
    Some(vec![Suppression {
        kind: "external",
        status,
        justification: words::decision(entry.finding).unwrap_or_default(),
    }])
}

fn properties(entry: &Entry<'_>, view: &View<'_>) -> Properties {
    let finding = entry.finding;
    let why: Vec<&str> = view
        .why(entry.package)
        .into_iter()
        .filter_map(|part| Some(view.part(part)?.name.as_str()))
        .collect();
    let evidence: Vec<Value> = finding
        .evidence
        .iter()
        .map(|e| json!({"rule": e.rule, "detail": e.detail}))
        .collect();
    let mut properties = Properties::from([
        ("verdict", json!(finding.verdict.name())),
        ("confidence", json!(words::decimals(finding.confidence, 3))),
        ("evidence", Value::Array(evidence)),
        ("why", json!(why)),
    ]);
    if let Some(package) = view.package(entry) {
        properties.insert("purl", json!(package.purl));
        let carriers = &package.scanned.inside;
        if !carriers.is_empty() {
            let purls = carriers
                .iter()
                .filter_map(|carrier| view.packages.get(*carrier as usize))
                .map(|c| &c.purl);
            properties.insert("inside", json!(purls.collect::<Vec<_>>()));
        }
    }
    if let Some(version) = &finding.fixed_in {
        properties.insert("fixedIn", json!(version));
    }
    if !finding.fixed_channels.is_empty() {
        let channels = finding.fixed_channels.iter();
        properties.insert(
            "fixedChannels",
            channels.map(|(c, v)| json!({"channel": c, "version": v})).collect(),
        );
    }
    properties
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::None => "note",
    }
}
