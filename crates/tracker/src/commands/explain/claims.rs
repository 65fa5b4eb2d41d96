//! What a record says about products and versions, in lines.

use vuln::advisory::{Advisory, Affected, Configuration, CpeMatch, Event, EventRange, Operator, State, Status, UpperBound, VersionEntry};

/// Entries of one list that are printed: kernel records have thousands.
const MAX_ENTRIES: usize = 60;

/// The claims of a record.
pub fn lines(advisory: &Advisory) -> Vec<String> {
    let mut lines = Vec::new();
    if let State::Rejected { reason, replaced_by } = &advisory.state {
        lines.push(format!("rejected: {reason}"));
        if !replaced_by.is_empty() {
            lines.push(format!("replaced by {}", replaced_by.join(", ")));
        }
    }
    for score in &advisory.scores {
        let value = score.value().map_or_else(|| "no score".to_owned(), |value| format!("{value:.1}"));
        lines.push(format!(
            "CVSS {} {value} by {}: {}",
            score.version.name(),
            score.provider,
            score.vector
        ));
    }
    for affected in &advisory.affected {
        product(affected, &mut lines);
    }
    for configuration in &advisory.configurations {
        applicability(configuration, &mut lines);
    }
    lines
}

fn product(affected: &Affected, lines: &mut Vec<String>) {
    let mut named = Vec::new();
    let mut name = |what: &str, value: &Option<String>| {
        if let Some(value) = value {
            named.push(format!("{what} {value}"));
        }
    };
    name("vendor", &affected.vendor);
    name("product", &affected.product);
    name("package", &affected.package_name);
    name("of", &affected.collection_url);
    name("ecosystem", &affected.ecosystem);
    name("purl", &affected.package_url);
    name("repository", &affected.repo);
    if !affected.platforms.is_empty() {
        named.push(format!("on {}", affected.platforms.join(", ")));
    }
    lines.push(format!(
        "{} says: {}; {} where nothing else is said",
        affected.provider,
        named.join(", "),
        status(affected.default_status)
    ));
    let cpes = affected.cpes.iter().map(|cpe| format!("  {cpe}"));
    let entries = affected.versions.iter().map(|entry| format!("  {}", version(entry)));
    let ranges = affected.ranges.iter().map(|range| format!("  {}", events(range)));
    bounded(cpes.chain(entries).chain(ranges), lines);
}

fn version(entry: &VersionEntry) -> String {
    let mut text = match &entry.bound {
        None => format!("{} {}", entry.version, status(entry.status)),
        Some(UpperBound::LessThan(end)) => format!("{} up to before {end}: {}", entry.version, status(entry.status)),
        Some(UpperBound::LessThanOrEqual(end)) => format!("{} up to {end}: {}", entry.version, status(entry.status)),
    };
    if let Some(scheme) = &entry.scheme {
        text.push_str(&format!(" ({scheme})"));
    }
    for change in &entry.changes {
        text.push_str(&format!(", from {} {}", change.at, status(change.status)));
    }
    text
}

fn events(range: &EventRange) -> String {
    let event = |event: &Event| match event {
        Event::Introduced(version) => format!("introduced {version}"),
        Event::Fixed(version) => format!("fixed {version}"),
        Event::LastAffected(version) => format!("last affected {version}"),
        Event::Limit(version) => format!("limit {version}"),
    };
    let events: Vec<String> = range.events.iter().take(MAX_ENTRIES).map(event).collect();
    format!("{:?}: {}", range.kind, events.join(", "))
}

fn applicability(configuration: &Configuration, lines: &mut Vec<String>) {
    let not = |negate: bool| if negate { "not " } else { "" };
    let word = |operator: Operator| match operator {
        Operator::And => "all of",
        Operator::Or => "any of",
    };
    lines.push(format!("{}{}", not(configuration.negate), word(configuration.operator)));
    let entries = configuration.nodes.iter().flat_map(|node| {
        let head = format!("  {}{}", not(node.negate), word(node.operator));
        std::iter::once(head).chain(node.matches.iter().map(|m| format!("    {}", criterion(m))))
    });
    bounded(entries, lines);
}

fn criterion(criterion: &CpeMatch) -> String {
    let mut text = criterion.cpe.to_string();
    if let Some(start) = &criterion.start {
        text.push_str(&format!(" {} {}", if start.inclusive { "from" } else { "after" }, start.version));
    }
    if let Some(end) = &criterion.end {
        text.push_str(&format!(" {} {}", if end.inclusive { "up to" } else { "before" }, end.version));
    }
    if !criterion.vulnerable {
        text.push_str(" (only what it runs on or with)");
    }
    text
}

fn bounded(entries: impl Iterator<Item = String>, lines: &mut Vec<String>) {
    let mut left = 0_usize;
    for (number, entry) in entries.enumerate() {
        if number < MAX_ENTRIES { lines.push(entry) } else { left += 1 }
    }
    if left > 0 {
        lines.push(format!("  and {left} more"));
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Affected => "affected",
        Status::Unaffected => "unaffected",
        Status::Unknown => "unknown",
    }
}
