//! CSAF 2.0, profile `csaf_vex`: the members that a scan fills. Serialise a [`Document`] with any serializer of JSON.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

/// A text that may belong to somebody else.
pub type Text<'a> = Cow<'a, str>;

/// A whole document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// About the document.
    pub document: Head<'a>,
    /// What it speaks of.
    pub product_tree: ProductTree<'a>,
    /// What it says: at least one.
    pub vulnerabilities: Vec<Vulnerability<'a>>,
}

/// The name of the file that a document with this id must have: section 5.1 of the standard.
///
/// ```
/// assert_eq!(attest::csaf::write::file_name("Firn 2026:001"), "firn_2026_001.json");
/// ```
pub fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + 5);
    for c in id.chars().flat_map(char::to_lowercase) {
        if matches!(c, 'a'..='z' | '0'..='9' | '+' | '-') {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    name + ".json"
}

/// About a document.
#[derive(Debug, Serialize)]
pub struct Head<'a> {
    category: &'static str,
    csaf_version: &'static str,
    lang: &'static str,
    /// Its title.
    pub title: String,
    /// Who publishes it.
    pub publisher: Publisher<'a>,
    /// Id, version, state.
    pub tracking: Tracking,
    /// What else there is to say.
    pub notes: Vec<Note<'a>>,
}

impl<'a> Head<'a> {
    /// The head of a VEX document in English.
    pub fn vex(title: String, publisher: Publisher<'a>, tracking: Tracking, notes: Vec<Note<'a>>) -> Self {
        Self {
            category: "csaf_vex",
            csaf_version: "2.0",
            lang: "en",
            title,
            publisher,
            tracking,
            notes,
        }
    }
}

/// Who publishes a document.
#[derive(Debug, Serialize)]
pub struct Publisher<'a> {
    /// `vendor`, `user`, `other`.
    pub category: &'static str,
    /// Name.
    pub name: Text<'a>,
    /// An address that stands for them.
    pub namespace: Text<'a>,
}

/// Id, version, state.
#[derive(Debug, Serialize)]
pub struct Tracking {
    current_release_date: String,
    /// What made it.
    pub generator: Generator,
    /// Unique for the publisher.
    pub id: String,
    initial_release_date: String,
    revision_history: [Revision; 1],
    status: &'static str,
    version: &'static str,
}

impl Tracking {
    /// A document in its first version, made and released at one time (RFC 3339).
    pub fn first(id: String, date: String, generator: Generator) -> Self {
        Self {
            current_release_date: date.clone(),
            generator,
            id,
            initial_release_date: date.clone(),
            revision_history: [Revision {
                date,
                number: "1",
                summary: "First version.",
            }],
            status: "final",
            version: "1",
        }
    }
}

/// What made a document.
#[derive(Debug, Serialize)]
pub struct Generator {
    /// RFC 3339.
    pub date: String,
    /// The program.
    pub engine: Engine,
}

/// A program.
#[derive(Debug, Serialize)]
pub struct Engine {
    /// Name.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
}

#[derive(Debug, Serialize)]
struct Revision {
    date: String,
    number: &'static str,
    summary: &'static str,
}

/// What else there is to say.
#[derive(Debug, Serialize)]
pub struct Note<'a> {
    /// `description`, `general`, `summary`.
    pub category: &'static str,
    /// Heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'static str>,
    /// Not empty.
    pub text: Text<'a>,
}

/// What a document speaks of.
#[derive(Debug, Serialize)]
pub struct ProductTree<'a> {
    /// Vendors.
    pub branches: Vec<Branch<'a>>,
}

/// A branch of the tree: a vendor, a product or a version of it.
#[derive(Debug, Serialize)]
pub struct Branch<'a> {
    /// `vendor`, `product_name`, `product_version`.
    pub category: &'static str,
    /// Not empty.
    pub name: Text<'a>,
    /// The product, at a leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Product<'a>>,
    /// Elsewhere what hangs on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<Branch<'a>>,
}

/// A product.
#[derive(Debug, Serialize)]
pub struct Product<'a> {
    /// Whole name.
    pub name: String,
    /// Unique in the document.
    pub product_id: String,
    /// How to find it elsewhere.
    pub product_identification_helper: Helper<'a>,
}

/// How to find a product elsewhere.
#[derive(Debug, Serialize)]
pub struct Helper<'a> {
    /// Package URL.
    pub purl: Text<'a>,
    /// Store paths as addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub x_generic_uris: Vec<GenericUri>,
}

/// Another address of a product.
#[derive(Debug, Serialize)]
pub struct GenericUri {
    /// What kind of address.
    pub namespace: &'static str,
    /// The address.
    pub uri: String,
}

/// A vulnerability and whom it concerns.
#[derive(Debug, Default, Serialize)]
pub struct Vulnerability<'a> {
    /// `CVE-2018-25032`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cve: Option<Text<'a>>,
    /// Other ids, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id<'a>>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// What it is: at least one.
    pub notes: Vec<Note<'a>>,
    /// Whom it concerns, each product once.
    pub product_status: ProductStatus,
    /// Why not, by label.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threats: Vec<Threat>,
    /// What to do: something for each product that is affected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remediations: Vec<Remediation>,
    /// Pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference<'a>>,
    /// How bad it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score<'a>>,
}

/// An id in some system.
#[derive(Debug, PartialEq, Serialize)]
pub struct Id<'a> {
    /// Which system.
    pub system_name: &'static str,
    /// The id.
    pub text: Text<'a>,
}

/// Whom a vulnerability concerns. A product must stand in one set only.
#[derive(Debug, Default, Serialize)]
pub struct ProductStatus {
    /// It was mended there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub fixed: BTreeSet<String>,
    /// It is there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub known_affected: BTreeSet<String>,
    /// It does not concern them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub known_not_affected: BTreeSet<String>,
    /// Not known yet.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub under_investigation: BTreeSet<String>,
}

/// Why a product is not affected.
#[derive(Debug, Serialize)]
pub struct Flag {
    /// One of the five justifications of VEX.
    pub label: &'static str,
    /// Which products.
    pub product_ids: BTreeSet<String>,
}

/// What a vulnerability could do, or why it cannot.
#[derive(Debug, Serialize)]
pub struct Threat {
    /// `impact`.
    pub category: &'static str,
    /// In words.
    pub details: String,
    /// To which products.
    pub product_ids: BTreeSet<String>,
}

/// What to do.
#[derive(Debug, Serialize)]
pub struct Remediation {
    /// `vendor_fix`, `none_available`, `no_fix_planned`.
    pub category: &'static str,
    /// In words.
    pub details: String,
    /// For which products.
    pub product_ids: BTreeSet<String>,
}

/// A page.
#[derive(Debug, Serialize)]
pub struct Reference<'a> {
    /// `external`.
    pub category: &'static str,
    /// What it is.
    pub summary: Text<'a>,
    /// Its address.
    pub url: Text<'a>,
}

/// How bad it is for some products.
#[derive(Debug, Serialize)]
pub struct Score<'a> {
    /// CVSS 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvss_v2: Option<Cvss2<'a>>,
    /// CVSS 3.0 or 3.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvss_v3: Option<Cvss3<'a>>,
    /// For which.
    pub products: BTreeSet<String>,
}

/// A CVSS 2 score.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cvss2<'a> {
    /// `2.0`
    pub version: &'static str,
    /// Without parentheses.
    pub vector_string: Text<'a>,
    /// As computed from the vector.
    pub base_score: f64,
}

/// A CVSS 3 score.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cvss3<'a> {
    /// `3.0` or `3.1`.
    pub version: &'static str,
    /// Vector.
    pub vector_string: Text<'a>,
    /// As computed from the vector.
    pub base_score: f64,
    /// `CRITICAL`.
    pub base_severity: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_canonical() {
        assert_eq!(file_name("RHSA-2019:1862"), "rhsa-2019_1862.json");
        assert_eq!(file_name("a ../ B"), "a_b.json");
        assert_eq!(file_name("É+1"), "_+1.json");
    }
}
