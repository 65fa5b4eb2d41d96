//! Version statements in words.

use vuln::advisory::{Change, CpeMatch, Event, EventRange, Status, UpperBound, VersionEntry};

/// A version statement of a CVE record: `affected from 1.0 before 1.2`.
pub fn entry(entry: &VersionEntry) -> String {
    let status = status(entry.status);
    let range = match &entry.bound {
        None if is_start(&entry.version) => "every version".to_owned(),
        None => entry.version.clone(),
        Some(bound) => range(&entry.version, bound),
    };
    let changes: String = entry.changes.iter().map(change).collect();
    format!("{status}: {range}{changes}")
}

/// The word for a status.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Affected => "affected",
        Status::Unaffected => "not affected",
        Status::Unknown => "unknown",
    }
}

/// An OSV range.
pub fn events(range: &EventRange) -> String {
    let words: Vec<String> = range
        .events
        .iter()
        .map(|event| match event {
            Event::Introduced(v) if is_start(v) => "from the first version".to_owned(),
            Event::Introduced(v) => format!("from {v}"),
            Event::Fixed(v) => format!("fixed in {v}"),
            Event::LastAffected(v) => format!("through {v}"),
            Event::Limit(v) => format!("nothing said from {v} on"),
        })
        .collect();
    words.join(", ")
}

/// A CPE criterion: the product and its versions.
pub fn criterion(criterion: &CpeMatch) -> String {
    let cpe = &criterion.cpe;
    let name = format!(
        "{} {}",
        cpe.vendor.as_deref().unwrap_or("any"),
        cpe.product.as_deref().unwrap_or("any")
    );
    let mut words = vec![name];
    match (&criterion.start, &criterion.end) {
        (None, None) => match cpe.version.as_deref() {
            None => words.push("every version".to_owned()),
            Some("-") => words.push("without a version".to_owned()),
            Some(version) => words.push(version.to_owned()),
        },
        (start, end) => {
            words.extend(
                start
                    .as_ref()
                    .map(|start| format!("{} {}", if start.inclusive { "from" } else { "after" }, start.version)),
            );
            words.extend(
                end.as_ref()
                    .map(|end| format!("{} {}", if end.inclusive { "through" } else { "before" }, end.version)),
            );
        }
    }
    words.extend(cpe.update.as_deref().filter(|u| *u != "-").map(str::to_owned));
    words.extend(cpe.sw_edition.as_deref().filter(|e| *e != "-").map(|e| format!("({e})")));
    words.extend(cpe.target_sw.as_deref().filter(|t| *t != "-").map(|t| format!("for {t}")));
    words.join(" ")
}

/// Whether a version means "from the beginning".
pub fn is_start(version: &str) -> bool {
    matches!(version.trim(), "" | "0" | "*" | "-" | "0.0.0" | "unspecified" | "n/a")
}

fn range(start: &str, bound: &UpperBound) -> String {
    let start_words = if is_start(start) { String::new() } else { format!("from {start} ") };
    let end = match bound {
        UpperBound::LessThan(end) | UpperBound::LessThanOrEqual(end) if end.trim() == "*" => {
            return if start_words.is_empty() {
                "every version".to_owned()
            } else {
                format!("{start_words}on")
            };
        }
        UpperBound::LessThan(end) => format!("before {end}"),
        UpperBound::LessThanOrEqual(end) => format!("through {end}"),
    };
    start_words + &end
}

fn change(change: &Change) -> String {
    format!(", {} from {} on", status(change.status), change.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vuln::advisory::{End, RangeKind};

    fn of(version: &str, bound: Option<UpperBound>, changes: Vec<Change>) -> String {
        entry(&VersionEntry {
            version: version.to_owned(),
            status: Status::Affected,
            scheme: None,
            bound,
            changes,
        })
    }

    #[test]
    fn entries() {
        let less = |v: &str| Some(UpperBound::LessThan(v.to_owned()));
        let equal = |v: &str| Some(UpperBound::LessThanOrEqual(v.to_owned()));
        assert_eq!(of("5.6.0", None, vec![]), "affected: 5.6.0");
        assert_eq!(of("*", None, vec![]), "affected: every version");
        assert_eq!(of("0", less("1.2"), vec![]), "affected: before 1.2");
        assert_eq!(of("1.0", equal("1.2"), vec![]), "affected: from 1.0 through 1.2");
        assert_eq!(of("1.0", less("*"), vec![]), "affected: from 1.0 on");
        assert_eq!(of("0", equal("*"), vec![]), "affected: every version");
        let change = Change {
            at: "1.1".to_owned(),
            status: Status::Unaffected,
        };
        assert_eq!(
            of("1.0", less("2"), vec![change]),
            "affected: from 1.0 before 2, not affected from 1.1 on"
        );
    }

    #[test]
    fn ranges_of_osv_and_nvd() {
        let range = EventRange {
            kind: RangeKind::Semver,
            events: vec![
                Event::Introduced("0".to_owned()),
                Event::Fixed("1.2".to_owned()),
                Event::Introduced("2.0".to_owned()),
                Event::LastAffected("2.5".to_owned()),
            ],
        };
        assert_eq!(events(&range), "from the first version, fixed in 1.2, from 2.0, through 2.5");
        let end = |version: &str, inclusive| {
            Some(End {
                version: version.to_owned(),
                inclusive,
            })
        };
        let of = |cpe: &str, start, end| {
            criterion(&CpeMatch {
                vulnerable: true,
                cpe: cpe.parse().unwrap(),
                start,
                end,
            })
        };
        assert_eq!(
            of("cpe:2.3:a:haxx:curl:*", end("7.1", true), end("8.4.0", false)),
            "haxx curl from 7.1 before 8.4.0"
        );
        assert_eq!(of("cpe:2.3:a:haxx:curl:7.0:p1", None, None), "haxx curl 7.0 p1");
        assert_eq!(
            of("cpe:2.3:a:x:y:*:*:*:*:lts:node.js", None, end("2", true)),
            "x y through 2 (lts) for node.js"
        );
    }
}
