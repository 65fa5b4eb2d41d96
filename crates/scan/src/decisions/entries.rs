//! Our own format.
//!
//! ```toml
//! version = 1
//!
//! [[decision]]
//! cve = "CVE-2024-1234"        # one, a list, or patterns with * and ?
//! package = "openssl"          # pattern; "*" if left out
//! package-version = "1.1.1*"   # pattern; "*" if left out
//! status = "not_affected"      # or affected, fixed, under_investigation, accepted
//! justification = "vulnerable_code_not_in_execute_path"
//! reason = "the server is built without it"
//! until = 2027-01-31           # last day that it holds
//! ```

use toml::{Table, Value};

use super::{About, Decisions, DecisionsError, Ids, Rule, day_of, texts, unknown_key};
use crate::finding::{Decision, Status};

const KEYS: [&str; 7] = ["cve", "package", "package-version", "status", "justification", "reason", "until"];

const STATES: [(&str, Status); 5] = [
    ("not_affected", Status::NotAffected),
    ("affected", Status::Affected),
    ("fixed", Status::Fixed),
    ("under_investigation", Status::UnderInvestigation),
    ("accepted", Status::Accepted),
];

pub(super) fn read(name: &str, table: &Table) -> Result<Decisions, DecisionsError> {
    let wrong = |entry: &str, problem: String| DecisionsError::Entry {
        name: name.to_owned(),
        entry: entry.to_owned(),
        problem,
    };
    match table.get("version") {
        Some(Value::Integer(1)) => {}
        Some(Value::Integer(version)) => {
            return Err(DecisionsError::Version {
                name: name.to_owned(),
                version: *version,
            });
        }
        _ => return Err(wrong("top", "`version = 1` is missing".into())),
    }
    if let Some(key) = table.keys().find(|key| !["version", "decision"].contains(&key.as_str())) {
        return Err(wrong("top", unknown_key(key, &["version", "decision"])));
    }
    let list = match table.get("decision") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => return Err(wrong("top", "write [[decision]] with two brackets before each entry".into())),
        None => &[],
    };
    let mut decisions = Decisions::default();
    for (index, value) in list.iter().enumerate() {
        let entry = format!("entry {}", index + 1);
        let rule = match value {
            Value::Table(table) => rule(table, format!("{name}, {entry}")).map_err(|problem| wrong(&entry, problem))?,
            _ => return Err(wrong(&entry, "it is no table".into())),
        };
        decisions.rules.push(rule);
    }
    Ok(decisions)
}

fn rule(table: &Table, source: String) -> Result<Rule, String> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key(key, &KEYS));
    }
    let text = |key: &str| match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key} has to be a text that is not empty")),
        None => Ok(None),
    };
    let ids = match table.get("cve") {
        Some(value) => match texts(value).filter(|list| !list.is_empty() && list.iter().all(|id| !id.trim().is_empty())) {
            Some(list) => ids(list),
            None => return Err("cve has to be a text or a list of texts".into()),
        },
        None => Ids::All,
    };
    let package = text("package")?;
    if matches!(ids, Ids::All) && package.is_none() {
        return Err("it names neither cve nor package, and would hide everything".into());
    }
    let Some(state) = text("status")? else {
        return Err("status is missing".into());
    };
    let Some((_, status)) = STATES.iter().find(|(name, _)| *name == state) else {
        return Err(format!(
            "unknown status {state:?}; known are {}",
            STATES.map(|(name, _)| name).join(", ")
        ));
    };
    let Some(reason) = text("reason")? else {
        return Err("reason is missing: say why, for whoever reads this later".into());
    };
    let justification = text("justification")?;
    if let Some(given) = justification
        .as_deref()
        .filter(|given| attest::vex::Justification::named(given).is_none())
    {
        let known = attest::vex::Justification::ALL.map(|known| known.name()).join(", ");
        return Err(format!("unknown justification {given:?}; known are {known}"));
    }
    let until = match table.get("until") {
        Some(value) => Some(day_of(value).ok_or("until has to be a day, as 2027-01-31")?),
        None => None,
    };
    Ok(Rule {
        ids,
        about: About::Names {
            package: package.unwrap_or_else(|| "*".to_owned()),
            version: text("package-version")?.unwrap_or_else(|| "*".to_owned()),
        },
        decision: Decision {
            status: *status,
            reason,
            justification,
            until: until.map(|day| day.to_string()),
            source,
        },
        until,
        expected: true,
    })
}

fn ids(list: Vec<String>) -> Ids {
    let list: Vec<String> = list.iter().map(|id| id.trim().to_ascii_uppercase()).collect();
    if list.iter().any(|id| id.contains(['*', '?'])) {
        Ids::Globs(list)
    } else {
        Ids::These(list)
    }
}
