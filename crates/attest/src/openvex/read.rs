//! Reads OpenVEX 0.2.0, and 0.0.x, where vulnerabilities and products were bare texts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::document::{self, Problems, ReadError, shortened};
use crate::sbom::{push_new, store_path};
use crate::tolerant::{self, Given};
use crate::vex::{Justification, Product, Statement, Status, Vex};

const FORMAT: &str = "OpenVEX";

/// Reads a document. Labels of hash functions and kinds of identifiers that are not known stay out.
pub fn parse(bytes: &[u8]) -> Result<Vex, ReadError> {
    let raw: Raw = document::parse(bytes, FORMAT)?;
    let context = raw.context.unwrap_or_default();
    if !context.contains("openvex.dev/ns") {
        return Err(ReadError::Other {
            format: FORMAT,
            found: format!("its \"@context\" is {:?}", shortened(&context)),
        });
    }
    let mut vex = Vex {
        author: raw.author,
        id: raw.id,
        timestamp: raw.last_updated.or(raw.timestamp),
        ..Vex::default()
    };
    let mut problems = Problems::default();
    for (place, statement) in raw.statements.into_iter().enumerate() {
        match read_statement(statement, vex.timestamp.as_ref()) {
            Ok(statement) => vex.statements.push(statement),
            Err(message) => problems.add(|| format!("statement {place}"), || message),
        }
    }
    vex.problems = problems.finish();
    Ok(vex)
}

fn read_statement(raw: RawStatement, timestamp: Option<&String>) -> Result<Statement, String> {
    let (name, aliases) = match raw.vulnerability {
        Given::Object(v) => (v.name.or(v.id), v.aliases),
        Given::Text(name) => (Some(name), Vec::new()),
        Given::List(_) | Given::Other => (None, Vec::new()),
    };
    let label = raw.status.unwrap_or_default();
    Ok(Statement {
        vulnerability: name.filter(|n| !n.is_empty()).ok_or("it names no vulnerability")?,
        aliases,
        products: raw.products.into_iter().filter_map(product_or_text).collect(),
        status: Status::named(&label).ok_or_else(|| format!("no status is named {:?}", shortened(&label)))?,
        justification: raw.justification.as_deref().and_then(Justification::named),
        impact: raw.impact_statement.or(raw.status_notes),
        action: raw.action_statement,
        timestamp: raw.last_updated.or(raw.timestamp).or_else(|| timestamp.cloned()),
    })
}

fn product_or_text(given: Given<RawProduct>) -> Option<Product> {
    match given {
        Given::Text(id) => Some(identified(RawComponent {
            id: Some(id),
            ..RawComponent::default()
        })),
        Given::Object(raw) => {
            let mut product = identified(RawComponent {
                id: raw.id,
                identifiers: raw.identifiers,
                hashes: raw.hashes,
            });
            product.parts = raw
                .subcomponents
                .into_iter()
                .filter_map(|part| match part {
                    Given::Object(part) => Some(identified(part)),
                    Given::Text(id) => Some(identified(RawComponent {
                        id: Some(id),
                        ..RawComponent::default()
                    })),
                    Given::List(_) | Given::Other => None,
                })
                .collect();
            Some(product)
        }
        Given::List(_) | Given::Other => None,
    }
}

fn identified(raw: RawComponent) -> Product {
    let mut product = Product::default();
    let identifiers = raw.identifiers.unwrap_or_default();
    product.purls.extend(identifiers.purl);
    // The specification writes `cpe23`, its schema `@cpe23`.
    product.cpes.extend(identifiers.cpe23.or(identifiers.at_cpe23));
    product.cpes.extend(identifiers.cpe22.or(identifiers.at_cpe22));
    product.hashes.extend(raw.hashes.unwrap_or_default().0);
    if let Some(id) = &raw.id {
        if id.starts_with("pkg:") {
            push_new(&mut product.purls, id.clone());
        } else if id.starts_with("cpe:") {
            push_new(&mut product.cpes, id.clone());
        } else if let Some(path) = id.strip_prefix("file://").map_or_else(|| store_path(id), store_path) {
            push_new(&mut product.store_paths, path);
        }
    }
    product.id = raw.id;
    product
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, rename = "@context", deserialize_with = "tolerant::text")]
    context: Option<String>,
    #[serde(default, rename = "@id", deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    author: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    timestamp: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    last_updated: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    statements: Vec<RawStatement>,
}

#[derive(Deserialize)]
struct RawStatement {
    #[serde(default)]
    vulnerability: Given<RawVulnerability>,
    #[serde(default, deserialize_with = "tolerant::time")]
    timestamp: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    last_updated: Option<String>,
    #[serde(default, deserialize_with = "tolerant::list")]
    products: Vec<Given<RawProduct>>,
    #[serde(default, deserialize_with = "tolerant::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    status_notes: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    justification: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    impact_statement: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    action_statement: Option<String>,
}

#[derive(Deserialize)]
struct RawVulnerability {
    #[serde(default, rename = "@id", deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct RawProduct {
    #[serde(default, rename = "@id", deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    identifiers: Option<RawIdentifiers>,
    #[serde(default, deserialize_with = "tolerant::object")]
    hashes: Option<Texts>,
    #[serde(default, deserialize_with = "tolerant::list")]
    subcomponents: Vec<Given<RawComponent>>,
}

#[derive(Deserialize, Default)]
struct RawComponent {
    #[serde(default, rename = "@id", deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    identifiers: Option<RawIdentifiers>,
    #[serde(default, deserialize_with = "tolerant::object")]
    hashes: Option<Texts>,
}

#[derive(Deserialize, Default)]
struct RawIdentifiers {
    #[serde(default, deserialize_with = "tolerant::text")]
    purl: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    cpe22: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    cpe23: Option<String>,
    #[serde(default, rename = "@cpe22", deserialize_with = "tolerant::text")]
    at_cpe22: Option<String>,
    #[serde(default, rename = "@cpe23", deserialize_with = "tolerant::text")]
    at_cpe23: Option<String>,
}

/// Members with texts, by name.
#[derive(Default)]
struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given: BTreeMap<String, Given<tolerant::Ignored>> = BTreeMap::deserialize(deserializer)?;
        Ok(Self(
            given.into_iter().filter_map(|(key, value)| Some((key, value.text()?))).collect(),
        ))
    }
}

#[cfg(test)]
mod tests;
