//! Statements of VEX documents as decisions.

use attest::vex::{self, Product, Statement};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use vuln::purl::Purl;

use super::{About, Decisions, DecisionsError, Ids, Rule};
use crate::finding::{Decision, Status};
use crate::inventory::Scanned;

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Decisions, DecisionsError> {
    let document = vex::read(bytes).map_err(|source| DecisionsError::Vex {
        name: name.to_owned(),
        source,
    })?;
    let mut decisions = Decisions::default();
    for problem in &document.problems {
        decisions.problems.push(format!("{name}, {}: {}", problem.at, problem.message));
    }
    let mut statements: Vec<(usize, Statement)> = document.statements.into_iter().enumerate().collect();
    // The later one holds; of two at the same time the one that stands later.
    statements.sort_by_key(|(place, statement)| (time_of(statement), *place));
    for (place, statement) in statements {
        if !statement.products.is_empty() {
            decisions.rules.push(rule(name, place, statement));
        }
    }
    Ok(decisions)
}

fn time_of(statement: &Statement) -> i64 {
    let time = statement
        .timestamp
        .as_deref()
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    time.map_or(i64::MIN, OffsetDateTime::unix_timestamp)
}

fn rule(name: &str, place: usize, statement: Statement) -> Rule {
    let ids = std::iter::once(&statement.vulnerability).chain(&statement.aliases);
    let status = match statement.status {
        vex::Status::NotAffected => Status::NotAffected,
        vex::Status::Affected => Status::Affected,
        vex::Status::Fixed => Status::Fixed,
        vex::Status::UnderInvestigation => Status::UnderInvestigation,
    };
    let justification = statement.justification.map(|justification| justification.name().to_owned());
    let words = [statement.impact, statement.action];
    let reason: Vec<String> = words.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Rule {
        ids: Ids::These(ids.map(|id| id.to_ascii_uppercase()).collect()),
        about: About::Products(statement.products),
        decision: Decision {
            status,
            reason: match (reason.is_empty(), &justification) {
                (false, _) => reason.join("; "),
                (true, Some(justification)) => justification.replace('_', " "),
                (true, None) => format!(
                    "{} as the document states, without a word why",
                    statement.status.name().replace('_', " ")
                ),
            },
            justification,
            until: None,
            source: format!("{name}, statement {}", place + 1),
        },
        until: None,
        expected: false,
    }
}

/// Whether a product, or one of the parts that the statement is about, is this package. Names alone count only for packages of
/// Nix; other package URLs have to be those that the package itself bears.
pub(super) fn is_about(product: &Product, scanned: &Scanned, paths: &[&str]) -> bool {
    if !product.parts.is_empty() {
        return product.parts.iter().any(|part| is_about(part, scanned, paths));
    }
    let package = &scanned.package;
    let fits = |name: &str, version: Option<&str>| name == package.pname && version.is_none_or(|version| version == package.version);
    let path = |path: &String| {
        let outputs = package.outputs.iter().map(|(_, path)| path);
        paths.contains(&path.as_str()) || package.drv_path.as_ref() == Some(path) || outputs.into_iter().any(|output| output == path)
    };
    if !product.store_paths.is_empty() {
        return product.store_paths.iter().any(path);
    }
    let id = product.id.iter().filter(|id| id.starts_with("pkg:"));
    let mut purls = product
        .purls
        .iter()
        .chain(id)
        .filter_map(|text| text.parse::<Purl>().ok())
        .peekable();
    if purls.peek().is_some() {
        return purls.any(|purl| match purl.type_.as_str() {
            "nix" => fits(&purl.name, purl.version.as_deref()),
            _ => package.purls.iter().filter_map(|own| own.parse::<Purl>().ok()).any(|own| {
                (&own.type_, &own.namespace, &own.name) == (&purl.type_, &purl.namespace, &purl.name)
                    && purl.version.as_deref().is_none_or(|version| version == package.version)
            }),
        });
    }
    match (&product.name, &product.version) {
        (Some(name), version) => fits(name, version.as_deref()),
        (None, _) => false,
    }
}
