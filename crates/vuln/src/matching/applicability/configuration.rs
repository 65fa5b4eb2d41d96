//! NVD's configurations: where a version stands to each criterion, and what all of them say together.

use std::cmp::Ordering;

use super::line::{
    listed_fix, long_after, mainline_only, of_siblings, other_line, outside_description, passed_in_description, same_line, snapshot,
    snapshot_on_line, unnamed_line, years_older,
};
use super::{Around, Claim, Judged, Side, Statement};
use crate::advisory::{Advisory, Configuration, CpeMatch, End, Node, Operator};
use crate::cpe::Part;
use crate::matching::subject::Subject;
use crate::version::{Scheme, compare, why_not};

/// Where a version stands to one CPE criterion.
#[derive(Debug, Clone)]
pub(super) enum Position<'a> {
    Inside {
        matched: &'a CpeMatch,
        paired: bool,
    },
    Above {
        matched: &'a CpeMatch,
    },
    Below {
        matched: &'a CpeMatch,
    },
    /// Another version than the one listed.
    Unlisted {
        matched: &'a CpeMatch,
        newer: bool,
    },
    /// No version is given at all.
    Unversioned {
        matched: &'a CpeMatch,
    },
    Incomparable {
        matched: &'a CpeMatch,
        reason: String,
    },
}

impl Position<'_> {
    /// The end of the criterion's range.
    fn end(&self) -> Option<&str> {
        let (Position::Inside { matched, .. } | Position::Above { matched } | Position::Below { matched }) = self else {
            return None;
        };
        matched.end.as_ref().map(|end| end.version.as_str())
    }
}

/// Collects the positions of the subject's criteria in one configuration; conditions that cannot hold on Nixpkgs give a statement instead.
#[expect(
    clippy::too_many_arguments,
    reason = "two of them are outputs; a type for one caller would only hide them"
)]
pub(super) fn configured<'a>(
    configuration: &'a Configuration,
    (criteria, subject_number): (&[Option<usize>], usize),
    advisory: &Advisory,
    subject: &Subject,
    judged: Judged<'_>,
    around: Around<'_>,
    out: &mut Vec<Position<'a>>,
    statements: &mut Vec<Statement>,
) {
    let mut criteria = criteria;
    let (mut named, mut enterprise) = (false, false);
    for (n, node) in configuration.nodes.iter().enumerate() {
        let (own, rest) = criteria.split_at(node.matches.len().min(criteria.len()));
        criteria = rest;
        let mine = || {
            node.matches
                .iter()
                .zip(own)
                .filter(|(m, s)| **s == Some(subject_number) && m.cpe.part != Part::Hardware)
                .map(|(m, _)| m)
        };
        let Some(own_name) = mine().next().map(|m| (&m.cpe.vendor, &m.cpe.product)) else {
            continue;
        };
        named = true;
        let mut paired = false;
        if node.operator == Operator::And
            && let Some(foreign) = node.matches.iter().find(|m| is_foreign_platform(m))
        {
            let name = foreign.cpe.product.as_deref().unwrap_or_default();
            statements.push(condition("other-platform", format!("the configuration holds on {name} only")));
            continue;
        }
        if configuration.operator == Operator::And {
            let others: Vec<&Node> = configuration
                .nodes
                .iter()
                .enumerate()
                .filter(|(k, _)| *k != n)
                .map(|(_, node)| node)
                .collect();
            match environment(&others, advisory, subject, around) {
                Environment::Holds => {}
                Environment::Paired => paired = true,
                Environment::Fails { rule, detail } => {
                    statements.push(condition(rule, detail));
                    continue;
                }
            }
            let excluded = others
                .iter()
                .filter(|other| other.negate)
                .flat_map(|other| &other.matches)
                .find(|m| (&m.cpe.vendor, &m.cpe.product) == own_name && matches!(position(m, judged, false), Position::Inside { .. }));
            if let Some(excluded) = excluded {
                let detail = format!("the configuration leaves out {}", show(excluded));
                statements.push(condition("excluded", detail));
                continue;
            }
        }
        let negated = node.negate != configuration.negate;
        for matched in mine() {
            if matched.cpe.sw_edition.as_deref() == Some("enterprise") && !judged.is_enterprise {
                enterprise = true;
                continue;
            }
            if matched.cpe.sw_edition.as_deref() == Some("esr") && !judged.is_esr
                || matched.cpe.sw_edition.is_none() && judged.is_esr && !subject.product.ends_with("esr")
            {
                continue;
            }
            if subject.product.ends_with("esr") && !judged.is_esr {
                continue;
            }
            let position = position(matched, judged, paired);
            out.push(match position {
                Position::Inside { matched, .. } if negated => Position::Unlisted { matched, newer: false },
                Position::Above { matched } | Position::Below { matched } | Position::Unlisted { matched, .. } if negated => {
                    Position::Inside { matched, paired }
                }
                other => other,
            });
        }
    }
    if judged.is_esr && !subject.product.ends_with("esr") && out.is_empty() && named {
        statements.push(other_edition(&subject.product_written));
    }
    if enterprise && out.is_empty() {
        statements.push(other_edition(&format!("the enterprise edition of {}", subject.product_written)));
    }
}

/// Extended support releases and enterprise editions have versions of their own, and records name them by themselves.
pub(super) fn other_edition(named: &str) -> Statement {
    Statement {
        claim: Claim::NotAffected,
        confidence: 0.6,
        rule: "other-edition",
        detail: format!("the record speaks of {named}, and the package is another edition"),
        ..Statement::NONE
    }
}

/// The version is left out by a condition of its configuration.
fn condition(rule: &'static str, detail: String) -> Statement {
    Statement {
        claim: Claim::NotAffected,
        confidence: 0.85,
        rule,
        detail,
        ..Statement::NONE
    }
}

enum Environment {
    Holds,
    /// It needs another product beside it.
    Paired,
    Fails {
        rule: &'static str,
        detail: String,
    },
}

/// Whether the rest of an AND can hold where Nixpkgs runs.
fn environment(others: &[&Node], advisory: &Advisory, subject: &Subject, around: Around<'_>) -> Environment {
    let mut paired = false;
    for node in others {
        if node.negate || node.matches.is_empty() {
            continue;
        }
        if node.matches.iter().all(is_foreign_platform) {
            let names: Vec<&str> = node.matches.iter().filter_map(|m| m.cpe.product.as_deref()).take(3).collect();
            return Environment::Fails {
                rule: "other-platform",
                detail: format!("the configuration holds on {} only", names.join(", ")),
            };
        }
        let software: Vec<&CpeMatch> = node
            .matches
            .iter()
            .filter(|m| m.vulnerable && m.cpe.part == Part::Application)
            .collect();
        if !software.is_empty() && software.len() == node.matches.len() {
            // Both sides are called vulnerable: the one the description names first is the one that has the fault.
            let text = advisory.description.to_lowercase();
            let place = |product: &str| text.find(&product.to_lowercase().replace('_', " "));
            let other =
                software
                    .iter()
                    .filter_map(|m| m.cpe.product.as_deref())
                    .find(|p| match (place(p), place(&subject.product_written)) {
                        (Some(theirs), Some(ours)) => theirs < ours,
                        (None, Some(_)) | (_, None) => false,
                    });
            let present = software.iter().any(|m| (around.other_products)(m));
            if let Some(other) = other {
                return Environment::Fails {
                    rule: "environment-only",
                    detail: format!("the fault is in {other}; {} is only what it runs with", subject.product_written),
                };
            }
            if !present {
                let names: Vec<&str> = software.iter().filter_map(|m| m.cpe.product.as_deref()).take(3).collect();
                return Environment::Fails {
                    rule: "condition-absent",
                    detail: format!(
                        "it needs {} beside it in a version that this package set does not have",
                        names.join(", ")
                    ),
                };
            }
            paired = true;
        } else if node.matches.iter().all(|m| m.cpe.part != Part::OperatingSystem) {
            // Beside another program, or on a device.
            paired = true;
        }
    }
    if paired { Environment::Paired } else { Environment::Holds }
}

/// Operating systems that Nixpkgs' Linux packages do not run on.
fn is_foreign_platform(matched: &CpeMatch) -> bool {
    let (Some(vendor), Some(product)) = (matched.cpe.vendor.as_deref(), matched.cpe.product.as_deref()) else {
        return false;
    };
    matched.cpe.part == Part::OperatingSystem
        && (matches!(
            vendor,
            "microsoft"
                | "apple"
                | "google"
                | "sun"
                | "sco"
                | "hp"
                | "blackberry"
                | "nokia"
                | "palm"
                | "symbian"
                | "novell"
                | "oracle"
                | "ibm"
                | "cisco"
                | "vmware"
        ) && !product.contains("linux"))
        || matches!(product, "freebsd" | "netbsd" | "openbsd" | "dragonflybsd")
}

fn position<'a>(matched: &'a CpeMatch, judged: Judged<'_>, paired: bool) -> Position<'a> {
    let version = judged.version;
    let order = |other: &str| {
        compare(
            judged.scheme,
            version,
            judged.prefix.and_then(|p| other.strip_prefix(p)).unwrap_or(other),
        )
    };
    let incomparable = |other: &str| {
        let reason = why_not(judged.scheme, version, other).map_or_else(|| "no order".to_string(), |w| w.to_string());
        Position::Incomparable { matched, reason }
    };
    if matched.start.is_some() || matched.end.is_some() {
        if let Some(End { version: start, inclusive }) = &matched.start {
            match order(start) {
                Some(Ordering::Less) => return Position::Below { matched },
                Some(Ordering::Equal) if !inclusive => return Position::Below { matched },
                Some(_) => {}
                None => return incomparable(start),
            }
        }
        if let Some(End { version: end, inclusive }) = &matched.end {
            // `1.1`, update `pre6`: the end is 1.1-pre6.
            let update = matched.cpe.update.as_deref().filter(|u| *u != "-" && matched.cpe.version.is_none());
            let with_update = update.map(|update| format!("{end}-{update}"));
            match with_update.as_deref().and_then(order).or_else(|| order(end)) {
                Some(Ordering::Greater) => return Position::Above { matched },
                Some(Ordering::Equal) if !inclusive => return Position::Above { matched },
                Some(_) => {}
                None => return incomparable(end),
            }
        }
        return Position::Inside { matched, paired };
    }
    let Some(single) = single_version(matched) else {
        return Position::Unversioned { matched };
    };
    match order(&single) {
        Some(Ordering::Equal) => Position::Inside { matched, paired },
        Some(o) => Position::Unlisted {
            matched,
            newer: o == Ordering::Greater,
        },
        None => incomparable(&single),
    }
}

/// The version that a CPE name itself states, with its update.
fn single_version(matched: &CpeMatch) -> Option<String> {
    let version = matched.cpe.version.as_deref().filter(|v| *v != "-")?;
    let update = matched.cpe.update.as_deref().filter(|u| *u != "-");
    Some(match update {
        // Java: 1.8.0 update252 is 1.8.0_252.
        Some(update) if update.starts_with("update") => {
            let join = if version.contains('.') { '_' } else { 'u' };
            format!("{version}{join}{}", update.trim_start_matches("update").trim_start_matches('_'))
        }
        Some(update) => format!("{version}-{update}"),
        None => version.to_string(),
    })
}

/// Joins the positions of one record into one statement.
pub(super) fn decide(positions: Vec<Position<'_>>, advisory: &Advisory, judged: Judged<'_>, around: Around<'_>, day: u32) -> Statement {
    let who = &*advisory.source.name().to_uppercase();
    let version = judged.version;
    let state = |claim, confidence, rule, detail: String, fixed_in: Option<&End>| Statement {
        claim,
        confidence,
        rule,
        detail: format!("{who}: {detail}"),
        fixed_in: fixed_in.filter(|e| !e.inclusive).map(|e| e.version.clone()),
        side: if rule == "before-range" { Side::BeforeStart } else { Side::Other },
        is_added: false,
    };
    // A range that ends in the version's own line has been passed: that is more specific than an open range of another line.
    let passed = positions.iter().find_map(|p| match p {
        Position::Above { matched } => matched
            .end
            .as_ref()
            .filter(|e| same_line(&e.version, version, around))
            .map(|e| (*matched, e)),
        _ => None,
    });
    let ends: Vec<&str> = positions.iter().filter_map(Position::end).collect();
    let mut restricted: Option<Statement> = None;
    for inside in &positions {
        let Position::Inside { matched, paired } = inside else { continue };
        let weight = if *paired { 0.6 } else { 0.95 };
        let other = match (&matched.start, &matched.end) {
            (None, Some(end)) => match passed.filter(|(_, p)| p.version != end.version) {
                Some((range, passed)) => {
                    let detail = format!(
                        "{version} has passed the end of {} for its own release line ({})",
                        show(range),
                        passed.version
                    );
                    Some(state(Claim::Fixed, 0.85, "line-passed", detail, Some(passed)))
                }
                None => other_line(&end.version, end.inclusive, who, judged, around, day)
                    .or_else(|| unnamed_line(&ends, advisory, who, judged, around))
                    .or_else(|| years_older(&ends, advisory, who, judged, around)),
            },
            // Only mainline's end is named where many lines are mended at once.
            (Some(_), Some(end)) if judged.long_term.is_some() => of_siblings(&end.version, end.inclusive, who, judged, around, day),
            (Some(start), None) => long_after(&start.version, who, judged, around, day),
            (None, None) => single_version(matched).and_then(|listed| listed_fix(&listed, advisory, who)),
            _ => None,
        }
        .or_else(|| snapshot_on_line(&matched.end.as_ref()?.version, judged, advisory))
        .or_else(|| matched.end.as_ref().and_then(|_| passed_in_description(&ends, judged, around, who)))
        .or_else(|| mainline_only(matched.end.as_ref()?, who, judged))
        .or_else(|| matched.end.as_ref().and_then(|_| outside_description(judged, around, who)));
        if let Some(other) = other {
            restricted = Some(other);
            continue;
        }
        let mut affected = state(
            Claim::Affected,
            weight,
            if matched.start.is_some() || matched.end.is_some() {
                "in-range"
            } else {
                "listed"
            },
            format!("{version} is {}", show(matched)),
            matched.end.as_ref(),
        );
        if matched.start.is_none() && matched.end.is_some() {
            affected.side = Side::OpenRange;
        }
        return affected;
    }
    if let Some(statement) = restricted {
        return statement;
    }
    // No criterion holds. Best explanation first: past an end, then before a start, then merely not listed.
    if let Some((matched, end)) = passed.or_else(|| lowest_end(&positions)) {
        let confidence = if same_line(&end.version, version, around) { 0.95 } else { 0.85 };
        return state(
            Claim::Fixed,
            confidence,
            "past-range",
            format!("{version} is past {}", show(matched)),
            Some(end),
        );
    }
    let mut unlisted = 0usize;
    let mut newer = true;
    let mut example = None;
    for position in &positions {
        match position {
            Position::Below { matched } => {
                return state(
                    Claim::NotAffected,
                    0.9,
                    "before-range",
                    format!("{version} is before {}", show(matched)),
                    None,
                );
            }
            Position::Unlisted { matched, newer: n } => {
                unlisted += 1;
                newer &= n;
                example = Some(*matched);
            }
            _ => {}
        }
    }
    if let Some(example) = example {
        let rest = if unlisted > 1 {
            format!(" and {} more", unlisted - 1)
        } else {
            String::new()
        };
        let listed = single_version(example).unwrap_or_default();
        return if newer {
            state(
                Claim::Fixed,
                0.8,
                "newer-than-listed",
                format!("{version} is newer than every version listed ({listed}{rest})"),
                None,
            )
        } else {
            state(
                Claim::NotAffected,
                0.75,
                "not-listed",
                format!("{version} is not among the versions listed ({listed}{rest})"),
                None,
            )
        };
    }
    for position in &positions {
        if let Position::Unversioned { matched } = position
            && matched.cpe.version.is_none()
        {
            return state(
                Claim::Unknown,
                0.5,
                "no-versions",
                "the record names the product without any version, so nothing tells whether it was mended since".to_string(),
                None,
            );
        }
    }
    let fix = positions.iter().find_map(|p| match p {
        Position::Incomparable { matched, .. } => matched.end.as_ref().map(|e| e.version.as_str()),
        _ => None,
    });
    if let Some(statement) = snapshot(judged, day, fix) {
        return statement;
    }
    let reason = positions.iter().find_map(|p| match p {
        Position::Incomparable { matched, reason } => Some(format!("{version} cannot be compared with {}: {reason}", show(matched))),
        _ => None,
    });
    state(
        Claim::Unknown,
        0.5,
        "incomparable",
        reason.unwrap_or_else(|| "the record gives no version that could be compared".to_string()),
        None,
    )
}

/// The lowest range end that the version has passed.
fn lowest_end<'a>(positions: &[Position<'a>]) -> Option<(&'a CpeMatch, &'a End)> {
    let mut best: Option<(&'a CpeMatch, &'a End)> = None;
    for position in positions {
        let Position::Above { matched } = position else { continue };
        let Some(end) = &matched.end else { continue };
        if best.is_none_or(|(_, known)| compare(Scheme::Generic, &known.version, &end.version) == Some(Ordering::Less)) {
            best = Some((matched, end));
        }
    }
    best
}

/// A criterion in words: `before 1.2`, `from 1.0 up to 1.5`, `version 1.4`.
fn show(matched: &CpeMatch) -> String {
    let start = matched.start.as_ref().map(|s| {
        if s.inclusive {
            format!("from {} ", s.version)
        } else {
            format!("after {} ", s.version)
        }
    });
    let end = matched.end.as_ref().map(|e| {
        if e.inclusive {
            format!("up to {}", e.version)
        } else {
            format!("before {}", e.version)
        }
    });
    match (start, end) {
        (None, None) => match single_version(matched) {
            Some(version) => format!("version {version}"),
            None => "any version".to_string(),
        },
        (start, end) => format!("{}{}", start.unwrap_or_default(), end.unwrap_or_else(|| "on".to_string())),
    }
}

/// Whether a version is inside a criterion.
pub(in crate::matching) fn holds(matched: &CpeMatch, version: &str) -> bool {
    let judged = Judged {
        version,
        scheme: Scheme::Generic,
        is_esr: false,
        is_enterprise: false,
        is_usual: true,
        long_term: None,
        prefix: None,
    };
    matches!(
        position(matched, judged, false),
        Position::Inside { .. } | Position::Unversioned { .. }
    )
}
