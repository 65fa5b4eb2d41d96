//! CycloneDX 1.6, JSON: the members that a scan fills. Serialise a [`Document`] with any serializer of JSON.

use std::borrow::Cow;

use serde::Serialize;

/// A text that may belong to somebody else.
pub type Text<'a> = Cow<'a, str>;

/// A whole document: what there is, and the vulnerabilities in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    /// `urn:uuid:...`
    pub serial_number: String,
    version: u32,
    /// About the document.
    pub metadata: Metadata<'a>,
    /// What there is.
    pub components: Vec<Component<'a>>,
    /// What depends on what: one entry a component.
    pub dependencies: Vec<Dependency<'a>>,
    /// What is wrong with it.
    pub vulnerabilities: Vec<Vulnerability<'a>>,
}

impl<'a> Document<'a> {
    /// A document with nothing in it yet.
    pub fn new(serial_number: String, metadata: Metadata<'a>) -> Self {
        Self {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number,
            version: 1,
            metadata,
            components: Vec::new(),
            dependencies: Vec::new(),
            vulnerabilities: Vec::new(),
        }
    }
}

/// About the document.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// RFC 3339.
    pub timestamp: String,
    /// What made it.
    pub tools: Tools<'a>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Component<'a>>,
    /// Anything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property<'a>>,
}

/// Programs that made a document.
#[derive(Debug, Serialize)]
pub struct Tools<'a> {
    /// Each as a component.
    pub components: Vec<Component<'a>>,
}

/// A part of what there is.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component<'a> {
    /// `application`, `library`, `file`, `operating-system`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Unique in the document.
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<'a>>,
    /// Not empty.
    pub name: Text<'a>,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<'a>>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// SPDX ids, or names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<LicenseChoice<'a>>,
    /// CPE 2.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpe: Option<Text<'a>>,
    /// Package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<Text<'a>>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pedigree: Option<Pedigree<'a>>,
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference<'a>>,
    /// Anything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property<'a>>,
}

/// One licence.
#[derive(Debug, Serialize)]
pub struct LicenseChoice<'a> {
    /// The schema knows the ids of SPDX and refuses others: a name is always right.
    pub license: License<'a>,
}

/// A licence by its name.
#[derive(Debug, Serialize)]
pub struct License<'a> {
    /// Not empty.
    pub name: Text<'a>,
}

/// What became of the source.
#[derive(Debug, Serialize)]
pub struct Pedigree<'a> {
    /// In the order in which they are applied.
    pub patches: Vec<Patch<'a>>,
}

/// A patch.
#[derive(Debug, Serialize)]
pub struct Patch<'a> {
    /// `backport`, `unofficial`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff<'a>>,
    /// What it mends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolves: Vec<Resolved<'a>>,
}

/// Where a patch is.
#[derive(Debug, Serialize)]
pub struct Diff<'a> {
    /// An IRI reference.
    pub url: Text<'a>,
}

/// What a patch mends.
#[derive(Debug, Serialize)]
pub struct Resolved<'a> {
    /// `security`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `CVE-2018-25032`.
    pub id: Text<'a>,
}

/// An address.
#[derive(Debug, Serialize)]
pub struct ExternalReference<'a> {
    /// `website`, `source-distribution`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// An IRI.
    pub url: Text<'a>,
}

/// Anything else that can be said.
#[derive(Debug, Serialize)]
pub struct Property<'a> {
    /// `nix:output_path`.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
}

/// What a component depends on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency<'a> {
    /// The component.
    #[serde(rename = "ref")]
    pub reference: Text<'a>,
    /// What it needs, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Text<'a>>,
}

/// A vulnerability and what was found out about it.
#[derive(Debug, Default, Serialize)]
pub struct Vulnerability<'a> {
    /// Unique in the document.
    #[serde(rename = "bom-ref")]
    pub reference: String,
    /// `CVE-2018-25032`.
    pub id: Text<'a>,
    /// Who publishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source<'a>>,
    /// The same fault elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference<'a>>,
    /// How bad it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Rating<'a>>,
    /// Numbers of CWE.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    /// Pages about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<Advisory<'a>>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// What it means here.
    pub analysis: Analysis,
    /// Which components.
    pub affects: Vec<Affects<'a>>,
    /// Anything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property<'a>>,
}

/// Who publishes something.
#[derive(Debug, Serialize)]
pub struct Source<'a> {
    /// Name.
    pub name: Text<'a>,
    /// Page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The same fault elsewhere.
#[derive(Debug, Serialize)]
pub struct Reference<'a> {
    /// Its id there.
    pub id: Text<'a>,
    /// Where.
    pub source: Source<'a>,
}

/// How bad a vulnerability is.
#[derive(Debug, Serialize)]
pub struct Rating<'a> {
    /// Who says so.
    pub source: Source<'a>,
    /// From 0 to 10, or a chance from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<&'static str>,
    /// `CVSSv31`, `other`.
    pub method: &'static str,
    /// Vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Text<'a>>,
}

/// A page about a vulnerability.
#[derive(Debug, Serialize)]
pub struct Advisory<'a> {
    /// An IRI reference.
    pub url: Text<'a>,
}

/// What a vulnerability means here.
#[derive(Debug, Default, Serialize)]
pub struct Analysis {
    /// `exploitable`.
    pub state: &'static str,
    /// `code_not_present`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<&'static str>,
    /// `update`, `will_not_fix`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response: Vec<&'static str>,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A component that a vulnerability is about.
#[derive(Debug, Serialize)]
pub struct Affects<'a> {
    /// The component.
    #[serde(rename = "ref")]
    pub reference: Text<'a>,
    /// In which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<AffectedVersion<'a>>,
}

/// A version that is affected or not.
#[derive(Debug, Serialize)]
pub struct AffectedVersion<'a> {
    /// Version.
    pub version: Text<'a>,
    /// `affected`, `unaffected`, `unknown`.
    pub status: &'static str,
}
