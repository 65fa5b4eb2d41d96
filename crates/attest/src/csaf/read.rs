//! Reads CSAF 2.0 and 2.1: who is affected by what.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::document::{self, Budget, Problems, REPEATS, ReadError, shortened};
use crate::sbom::store_path;
use crate::tolerant;
use crate::vex::{Justification, Product, Statement, Status, Vex};

const FORMAT: &str = "CSAF";
const VERSIONS: [&str; 2] = ["2.0", "2.1"];
/// What looking a product up costs, as bytes of the budget.
const LOOK_UP: usize = 64;

/// Reads a document of any profile. A vulnerability becomes a statement for each status and each way of justifying it: products with the
/// same words stand together.
pub fn parse(bytes: &[u8]) -> Result<Vex, ReadError> {
    let raw: Raw = document::parse(bytes, FORMAT)?;
    let Some(head) = raw.document else {
        return Err(ReadError::Other {
            format: FORMAT,
            found: "it has no \"document\"".into(),
        });
    };
    let version = head.csaf_version.unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        return Err(ReadError::Version {
            format: FORMAT,
            found: shortened(&version),
            known: "2.0 and 2.1",
        });
    }
    let tracking = head.tracking.unwrap_or_default();
    let mut budget = Budget::of(bytes.len());
    let tree = Tree::of(raw.product_tree.unwrap_or_default(), &mut budget);
    let mut vex = Vex {
        author: head.publisher.and_then(|p| p.name),
        id: tracking.id,
        timestamp: tracking.current_release_date,
        ..Vex::default()
    };
    let mut problems = Problems::default();
    'all: for (place, mut vulnerability) in raw.vulnerabilities.into_iter().enumerate() {
        let mut ids = vulnerability.ids.iter().filter_map(|id| id.text.clone());
        let Some(id) = vulnerability.cve.clone().or_else(|| ids.next()) else {
            problems.add(|| format!("vulnerability {place}"), || "it has neither a CVE nor another id".into());
            continue;
        };
        let aliases: Vec<String> = ids.collect();
        let statuses = statuses(vulnerability.product_status.take().unwrap_or_default());
        let said = Said::of(&vulnerability, &tree, &mut budget);
        for (status, products) in statuses {
            // In the order of words, which is the same in each run.
            let mut together: BTreeMap<Words<'_>, Vec<Product>> = BTreeMap::new();
            for id in &products {
                let product = tree.product(id);
                if !budget.take(product.size()) {
                    problems.add(|| format!("vulnerability {place}"), || REPEATS.into());
                    break 'all;
                }
                together.entry(said.about(id, status)).or_default().push(product);
            }
            for (words, products) in together {
                let statement = Statement {
                    vulnerability: id.clone(),
                    aliases: aliases.clone(),
                    products,
                    status,
                    justification: words.label.and_then(Justification::named),
                    impact: words.impact.map(str::to_owned),
                    action: words.action.map(str::to_owned),
                    timestamp: words.date.map(str::to_owned).or_else(|| vex.timestamp.clone()),
                };
                if !budget.take(statement.size()) {
                    problems.add(|| format!("vulnerability {place}"), || REPEATS.into());
                    break 'all;
                }
                vex.statements.push(statement);
            }
        }
    }
    vex.problems = problems.finish();
    Ok(vex)
}

/// Which members of a product status mean what. A version that is recommended, or the first with a mend, has it.
fn statuses(raw: RawProductStatus) -> [(Status, Vec<String>); 4] {
    let mut fixed = raw.fixed;
    fixed.extend(raw.first_fixed);
    let mut affected = raw.known_affected;
    affected.extend(raw.first_affected);
    affected.extend(raw.last_affected);
    let mut all = [
        (Status::Affected, affected),
        (Status::NotAffected, raw.known_not_affected),
        (Status::Fixed, fixed),
        (Status::UnderInvestigation, raw.under_investigation),
    ];
    for (_, products) in &mut all {
        products.sort_unstable();
        products.dedup();
    }
    all
}

/// The product tree, by id.
#[derive(Default)]
struct Tree {
    products: HashMap<String, Product>,
    groups: HashMap<String, Vec<String>>,
}

impl Tree {
    fn of(raw: RawTree, budget: &mut Budget) -> Self {
        let mut tree = Self::default();
        for group in raw.product_groups {
            if let Some(id) = group.group_id {
                tree.groups.insert(id, group.product_ids);
            }
        }
        for product in raw.full_product_names {
            tree.add(product, None, None);
        }
        let mut waiting: Vec<(RawBranch, Option<String>, Option<String>)> =
            raw.branches.into_iter().rev().map(|branch| (branch, None, None)).collect();
        while let Some((branch, mut name, mut version)) = waiting.pop() {
            match branch.category.as_deref() {
                Some("product_name") => name = branch.name.or(name),
                Some("product_version") => version = branch.name.or(version),
                _ => {}
            }
            if let Some(product) = branch.product {
                tree.add(product, name.clone(), version.clone());
            }
            waiting.extend(
                branch
                    .branches
                    .into_iter()
                    .rev()
                    .map(|inner| (inner, name.clone(), version.clone())),
            );
        }
        for relationship in raw.relationships {
            if !tree.relate(relationship, budget) {
                break;
            }
        }
        tree
    }

    fn add(&mut self, raw: RawProduct, name: Option<String>, version: Option<String>) {
        let Some(id) = raw.product_id else { return };
        let mut product = Product {
            id: Some(id.clone()),
            name: name.or(raw.name),
            version,
            ..Product::default()
        };
        let helper = raw.helper.unwrap_or_default();
        product.cpes.extend(helper.cpe);
        product.purls.extend(helper.purl);
        product.purls.extend(helper.purls);
        for file in helper.hashes {
            product.store_paths.extend(file.filename.as_deref().and_then(store_path));
            product
                .hashes
                .extend(file.file_hashes.into_iter().filter_map(|h| Some((h.algorithm?, h.value?))));
        }
        for uri in helper.uris.into_iter().filter_map(|u| u.uri) {
            product.store_paths.extend(uri.strip_prefix("file://").and_then(store_path));
        }
        self.products.insert(id, product);
    }

    /// A component as a part of a product: statements about the pair are about that part of it. `false` where that is one too many.
    fn relate(&mut self, raw: RawRelationship, budget: &mut Budget) -> bool {
        let (Some(part), Some(whole), Some(pair)) = (raw.part, raw.whole, raw.pair) else {
            return true;
        };
        let Some(id) = pair.product_id else { return true };
        let mut product = self.product(&whole);
        // Of a pair whose whole is a pair itself, the innermost part counts; a chain cannot grow.
        let part = self.product(&part);
        product.parts = vec![Product { parts: Vec::new(), ..part }];
        product.id = Some(id.clone());
        let affordable = budget.take(product.size());
        self.products.insert(id, product);
        affordable
    }

    fn product(&self, id: &str) -> Product {
        self.products.get(id).cloned().unwrap_or_else(|| Product {
            id: Some(id.to_owned()),
            ..Product::default()
        })
    }

    /// The products that a list of ids and groups stands for.
    fn members<'a>(&'a self, ids: &'a [String], groups: &'a [String]) -> impl Iterator<Item = &'a String> {
        ids.iter().chain(groups.iter().filter_map(|g| self.groups.get(g)).flatten())
    }
}

/// What a vulnerability's flags, threats and remediations say about each product.
#[derive(Default)]
struct Said<'a> {
    labels: HashMap<&'a str, (&'a str, Option<&'a str>)>,
    impacts: HashMap<&'a str, &'a str>,
    actions: HashMap<&'a str, &'a str>,
}

/// The words about a product.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct Words<'a> {
    label: Option<&'a str>,
    impact: Option<&'a str>,
    action: Option<&'a str>,
    date: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(vulnerability: &'a RawVulnerability, tree: &'a Tree, budget: &mut Budget) -> Self {
        let mut said = Self::default();
        // Groups that stand in many places are work in each of them.
        let mut affordable = |_: &&String| budget.take(LOOK_UP);
        for flag in &vulnerability.flags {
            let Some(label) = flag.label.as_deref() else { continue };
            for product in tree.members(&flag.product_ids, &flag.group_ids).take_while(&mut affordable) {
                said.labels.entry(product).or_insert((label, flag.date.as_deref()));
            }
        }
        for threat in &vulnerability.threats {
            let (Some("impact"), Some(details)) = (threat.category.as_deref(), threat.details.as_deref()) else {
                continue;
            };
            for product in tree.members(&threat.product_ids, &threat.group_ids).take_while(&mut affordable) {
                said.impacts.entry(product).or_insert(details);
            }
        }
        for remediation in &vulnerability.remediations {
            let Some(details) = remediation.details.as_deref() else { continue };
            for product in tree
                .members(&remediation.product_ids, &remediation.group_ids)
                .take_while(&mut affordable)
            {
                said.actions.entry(product).or_insert(details);
            }
        }
        said
    }

    fn about(&self, product: &str, status: Status) -> Words<'a> {
        let flag = self.labels.get(product).filter(|_| status == Status::NotAffected);
        Words {
            label: flag.map(|(label, _)| *label),
            impact: self.impacts.get(product).copied(),
            action: self.actions.get(product).copied(),
            date: flag.and_then(|(_, date)| *date),
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, deserialize_with = "tolerant::object")]
    document: Option<RawDocument>,
    #[serde(default, deserialize_with = "tolerant::object")]
    product_tree: Option<RawTree>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    vulnerabilities: Vec<RawVulnerability>,
}

#[derive(Deserialize)]
struct RawDocument {
    #[serde(default, deserialize_with = "tolerant::text")]
    csaf_version: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    publisher: Option<RawPublisher>,
    #[serde(default, deserialize_with = "tolerant::object")]
    tracking: Option<RawTracking>,
}

#[derive(Deserialize)]
struct RawPublisher {
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
}

#[derive(Deserialize, Default)]
struct RawTracking {
    #[serde(default, deserialize_with = "tolerant::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    current_release_date: Option<String>,
}

#[derive(Deserialize, Default)]
struct RawTree {
    #[serde(default, deserialize_with = "tolerant::objects")]
    branches: Vec<RawBranch>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    full_product_names: Vec<RawProduct>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    product_groups: Vec<RawGroup>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    relationships: Vec<RawRelationship>,
}

#[derive(Deserialize)]
struct RawBranch {
    #[serde(default, deserialize_with = "tolerant::text")]
    category: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    product: Option<RawProduct>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    branches: Vec<RawBranch>,
}

#[derive(Deserialize)]
struct RawProduct {
    #[serde(default, deserialize_with = "tolerant::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    product_id: Option<String>,
    #[serde(default, rename = "product_identification_helper", deserialize_with = "tolerant::object")]
    helper: Option<RawHelper>,
}

#[derive(Deserialize, Default)]
struct RawHelper {
    #[serde(default, deserialize_with = "tolerant::text")]
    cpe: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    purl: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    purls: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    hashes: Vec<RawFile>,
    #[serde(default, rename = "x_generic_uris", deserialize_with = "tolerant::objects")]
    uris: Vec<RawUri>,
}

#[derive(Deserialize)]
struct RawFile {
    #[serde(default, deserialize_with = "tolerant::text")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    file_hashes: Vec<RawHash>,
}

#[derive(Deserialize)]
struct RawHash {
    #[serde(default, deserialize_with = "tolerant::text")]
    algorithm: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    value: Option<String>,
}

#[derive(Deserialize)]
struct RawUri {
    #[serde(default, deserialize_with = "tolerant::text")]
    uri: Option<String>,
}

#[derive(Deserialize)]
struct RawGroup {
    #[serde(default, deserialize_with = "tolerant::text")]
    group_id: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct RawRelationship {
    #[serde(default, rename = "product_reference", deserialize_with = "tolerant::text")]
    part: Option<String>,
    #[serde(default, rename = "relates_to_product_reference", deserialize_with = "tolerant::text")]
    whole: Option<String>,
    #[serde(default, rename = "full_product_name", deserialize_with = "tolerant::object")]
    pair: Option<RawProduct>,
}

#[derive(Deserialize)]
struct RawVulnerability {
    #[serde(default, deserialize_with = "tolerant::text")]
    cve: Option<String>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    ids: Vec<RawId>,
    #[serde(default, deserialize_with = "tolerant::object")]
    product_status: Option<RawProductStatus>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    flags: Vec<RawFlag>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    threats: Vec<RawNote>,
    #[serde(default, deserialize_with = "tolerant::objects")]
    remediations: Vec<RawNote>,
}

#[derive(Deserialize)]
struct RawId {
    #[serde(default, deserialize_with = "tolerant::text")]
    text: Option<String>,
}

#[derive(Deserialize, Default)]
struct RawProductStatus {
    #[serde(default, deserialize_with = "tolerant::texts")]
    first_affected: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    first_fixed: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    fixed: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    known_affected: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    known_not_affected: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    last_affected: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    under_investigation: Vec<String>,
}

#[derive(Deserialize)]
struct RawFlag {
    #[serde(default, deserialize_with = "tolerant::text")]
    label: Option<String>,
    #[serde(default, deserialize_with = "tolerant::time")]
    date: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    product_ids: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    group_ids: Vec<String>,
}

/// A threat or a remediation.
#[derive(Deserialize)]
struct RawNote {
    #[serde(default, deserialize_with = "tolerant::text")]
    category: Option<String>,
    #[serde(default, deserialize_with = "tolerant::text")]
    details: Option<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    product_ids: Vec<String>,
    #[serde(default, deserialize_with = "tolerant::texts")]
    group_ids: Vec<String>,
}

#[cfg(test)]
mod tests;
