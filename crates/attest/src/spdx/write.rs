//! SPDX 2.3, JSON: the members that a scan fills. Serialise a [`Document`] with any serializer of JSON.

use std::borrow::Cow;

use serde::Serialize;

/// What stands where something is not known.
pub const NO_ASSERTION: &str = "NOASSERTION";

/// A text that may belong to somebody else.
pub type Text<'a> = Cow<'a, str>;

/// A whole document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    /// Its name.
    pub name: Text<'a>,
    /// An absolute address that no other document has, without a fragment.
    pub document_namespace: String,
    /// Who made it, and when.
    pub creation_info: CreationInfo,
    /// What there is.
    pub packages: Vec<Package<'a>>,
    /// How it hangs together; the document must describe something.
    pub relationships: Vec<Relationship>,
}

impl<'a> Document<'a> {
    /// The id that relationships of the document itself use.
    pub const ID: &'static str = "SPDXRef-DOCUMENT";

    /// A document with nothing in it yet.
    pub fn new(name: Text<'a>, document_namespace: String, creation_info: CreationInfo) -> Self {
        Self {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            id: Self::ID,
            name,
            document_namespace,
            creation_info,
            packages: Vec::new(),
            relationships: Vec::new(),
        }
    }
}

/// Who made a document.
#[derive(Debug, Serialize)]
pub struct CreationInfo {
    /// `2026-11-22T12:00:00Z`: whole seconds, UTC.
    pub created: String,
    /// `Tool: firn-scan-0.1.0`.
    pub creators: Vec<String>,
    /// Anything else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A package, or a file that counts as one.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Package<'a> {
    /// `SPDXRef-` and letters, digits, dots and hyphens.
    #[serde(rename = "SPDXID")]
    pub id: String,
    /// Not empty.
    pub name: Text<'a>,
    /// Version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_info: Option<Text<'a>>,
    /// Where its output stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_file_name: Option<Text<'a>>,
    /// An address, or [`NO_ASSERTION`].
    pub download_location: Text<'a>,
    /// Files were not looked into.
    pub files_analyzed: bool,
    /// `LIBRARY`, `FILE`, `OPERATING-SYSTEM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_package_purpose: Option<&'static str>,
    /// An address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<Text<'a>>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text<'a>>,
    /// Names of licences as somebody wrote them, which need not be SPDX's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_comments: Option<String>,
    /// Other names of it, and what is known about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef<'a>>,
}

/// Another name of a package, or an address about it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRef<'a> {
    /// `PACKAGE-MANAGER`, `SECURITY`, `OTHER`.
    pub reference_category: &'static str,
    /// `purl`, `cpe23Type`, `advisory`, `fix`.
    pub reference_type: &'static str,
    /// Without spaces.
    pub reference_locator: Text<'a>,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// How two elements hang together.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// One.
    pub spdx_element_id: String,
    /// `DESCRIBES`, `DEPENDS_ON`, `PATCH_FOR`.
    pub relationship_type: &'static str,
    /// The other.
    pub related_spdx_element: String,
}
