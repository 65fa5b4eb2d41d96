//! Whitelists of vulnix: in TOML a section for each package, `["openssl-1.0.2"]`, `["openssl"]` or `["*"]`, with `cve`, `until`,
//! `comment` and `issue_url`; in the YAML of its older versions a list of entries with the same keys, and `name` and `version`.
//!
//! As in vulnix a section without `cve` speaks about everything in the package, and `until` is the first day on which it does
//! not hold any more. A vulnerability in a whitelist is accepted: vulnix does not ask why.

use toml::{Table, Value};

use super::{About, Decisions, DecisionsError, Ids, Rule, day_of, texts, unknown_key, yaml};
use crate::finding::{Decision, Status};

const KEYS: [&str; 5] = ["cve", "until", "comment", "issue_url", "status"];

pub(super) fn read(name: &str, sections: &Table) -> Result<Decisions, DecisionsError> {
    let mut decisions = Decisions::default();
    for (section, value) in sections {
        let wrong = |problem: String| DecisionsError::Entry {
            name: name.to_owned(),
            entry: format!("section {section}"),
            problem,
        };
        // Sections come sorted by name: one for a version after that for its package, so that it holds, as in vulnix.
        match value {
            Value::Table(table) => {
                let source = format!("{name}, section {section}");
                decisions.rules.push(rule(source, section, table).map_err(wrong)?);
            }
            _ => return Err(wrong("it is no table".into())),
        }
    }
    Ok(decisions)
}

pub(super) fn read_yaml(name: &str, text: &str) -> Result<Decisions, DecisionsError> {
    let wrong = |line: usize, problem: String| DecisionsError::Entry {
        name: name.to_owned(),
        entry: format!("line {line}"),
        problem,
    };
    let mut decisions = Decisions::default();
    for (line, mut table) in yaml::entries(text).map_err(|yaml::Wrong { line, problem }| wrong(line, problem))? {
        let mut take = |key: &str| match table.remove(key) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(line, format!("{key} has to be a text"))),
            None => Ok(None),
        };
        let package = match (take("name")?, take("version")?) {
            (Some(package), Some(version)) => format!("{package}-{version}"),
            (Some(package), None) => package,
            (None, Some(_)) => return Err(wrong(line, "it names a version and no package".into())),
            (None, None) => "*".to_owned(),
        };
        let source = format!("{name}, line {line}");
        decisions
            .rules
            .push(rule(source, &package, &table).map_err(|problem| wrong(line, problem))?);
    }
    Ok(decisions)
}

/// An entry about a package: `openssl-1.0.2`, `openssl` or `*`.
fn rule(source: String, section: &str, table: &Table) -> Result<Rule, String> {
    if let Some((key, _)) = table.iter().find(|(_, value)| value.is_table()) {
        return Err(format!(
            "{key:?} is a section of its own: put quotes around names with dots, [\"{section}.{key}\"]"
        ));
    }
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key(key, &KEYS));
    }
    let list = |key: &str| match table.get(key) {
        Some(value) => texts(value).ok_or_else(|| format!("{key} has to be a text or a list of texts")),
        None => Ok(Vec::new()),
    };
    let ids: Vec<String> = list("cve")?.iter().map(|id| id.trim().to_ascii_uppercase()).collect();
    if section == "*" && ids.is_empty() {
        return Err("it names neither cve nor package, and would hide everything".into());
    }
    let until = match table.get("until") {
        // What ends before the beginning of time holds on no day at all.
        Some(value) => Some(
            day_of(value)
                .ok_or("until has to be a day, as 2027-01-31")?
                .previous_day()
                .unwrap_or(time::Date::MIN),
        ),
        None => None,
    };
    let mut reason = list("comment")?;
    reason.extend(list("issue_url")?);
    Ok(Rule {
        ids: if ids.is_empty() { Ids::All } else { Ids::These(ids) },
        about: About::Name(section.to_owned()),
        decision: Decision {
            status: Status::Accepted,
            reason: if reason.is_empty() {
                "on a vulnix whitelist, without a comment".to_owned()
            } else {
                reason.join("; ")
            },
            justification: None,
            until: until.map(|day| day.to_string()),
            source,
        },
        until,
        expected: true,
    })
}
