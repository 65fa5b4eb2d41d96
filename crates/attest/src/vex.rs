//! What somebody says about vulnerabilities in products (VEX), one shape for OpenVEX, CSAF and CycloneDX.

use serde::Deserialize;

use crate::document::{Problem, ReadError, parse};
use crate::{csaf, cyclonedx, openvex, tolerant};

/// The statements of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vex {
    /// Who says so.
    pub author: Option<String>,
    /// The document's own name.
    pub id: Option<String>,
    /// When it was last changed, as written: `2023-01-16T19:07:16.853479631-06:00`.
    pub timestamp: Option<String>,
    /// In the order of the document: of two about the same, the later timestamp counts, then the later place.
    pub statements: Vec<Statement>,
    /// What was left out.
    pub problems: Vec<Problem>,
}

/// A statement about one vulnerability and some products. Every text is as foreign as the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its id: `CVE-2021-44228`.
    pub vulnerability: String,
    /// Other ids of the same fault.
    pub aliases: Vec<String>,
    /// What it is about. Empty: the document does not say; by itself it then says nothing.
    pub products: Vec<Product>,
    /// What it comes to.
    pub status: Status,
    /// Why it does not concern them, where it does not.
    pub justification: Option<Justification>,
    /// The same in words: the impact statement, or how the status was found.
    pub impact: Option<String>,
    /// What to do, where there is something to do.
    pub action: Option<String>,
    /// When it was said: its own time, else the document's.
    pub timestamp: Option<String>,
}

/// A product, by as many names as the document gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product {
    /// The document's id for it: an IRI (OpenVEX), a product id (CSAF), a reference (CycloneDX).
    pub id: Option<String>,
    /// Its name in words; without its version where the document tells them apart.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Package URLs, not parsed.
    pub purls: Vec<String>,
    /// CPE names (2.3, or 2.2 as `cpe:/a:...`), not parsed.
    pub cpes: Vec<String>,
    /// `/nix/store/...` paths.
    pub store_paths: Vec<String>,
    /// Digests: (algorithm as the document writes it, hexadecimal digits).
    pub hashes: Vec<(String, String)>,
    /// Parts of it that the statement is about. Empty: the whole. Their own `parts` are always empty.
    pub parts: Vec<Product>,
}

/// The four states of VEX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The fault cannot be used here.
    NotAffected,
    /// It is there.
    Affected,
    /// It was mended.
    Fixed,
    /// Somebody is looking.
    UnderInvestigation,
}

impl Status {
    /// All states.
    pub const ALL: [Status; 4] = [Status::NotAffected, Status::Affected, Status::Fixed, Status::UnderInvestigation];

    /// The label of OpenVEX: `not_affected`.
    pub fn name(self) -> &'static str {
        match self {
            Status::NotAffected => "not_affected",
            Status::Affected => "affected",
            Status::Fixed => "fixed",
            Status::UnderInvestigation => "under_investigation",
        }
    }

    /// Reads a label; case does not count.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(name))
    }
}

/// The five justifications of VEX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Justification {
    /// The part with the fault is not in the product.
    ComponentNotPresent,
    /// The part is there, its faulty code is not.
    VulnerableCodeNotPresent,
    /// The faulty code is never run.
    VulnerableCodeNotInExecutePath,
    /// It is run, but nobody outside decides with what.
    VulnerableCodeCannotBeControlledByAdversary,
    /// Something else in the product stops every attack.
    InlineMitigationsAlreadyExist,
}

impl Justification {
    /// All justifications.
    pub const ALL: [Justification; 5] = [
        Justification::ComponentNotPresent,
        Justification::VulnerableCodeNotPresent,
        Justification::VulnerableCodeNotInExecutePath,
        Justification::VulnerableCodeCannotBeControlledByAdversary,
        Justification::InlineMitigationsAlreadyExist,
    ];

    /// The label of OpenVEX and CSAF: `component_not_present`.
    pub fn name(self) -> &'static str {
        match self {
            Justification::ComponentNotPresent => "component_not_present",
            Justification::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Justification::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Justification::VulnerableCodeCannotBeControlledByAdversary => "vulnerable_code_cannot_be_controlled_by_adversary",
            Justification::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }

    /// Reads a label; case does not count.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|j| j.name().eq_ignore_ascii_case(name))
    }
}

impl Product {
    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        let own = [&self.purls, &self.cpes, &self.store_paths].into_iter().flatten().map(length);
        let hashes = self.hashes.iter().map(|(algorithm, digits)| length(algorithm) + length(digits));
        let names = [&self.id, &self.name, &self.version].into_iter().flatten().map(length);
        let parts: usize = self.parts.iter().map(Product::size).sum();
        size_of::<Self>() + own.chain(hashes).chain(names).sum::<usize>() + parts
    }
}

impl Statement {
    /// About how many bytes it holds, its products left aside.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.impact, &self.action, &self.timestamp].into_iter().flatten();
        size_of::<Self>() + texts.chain(&self.aliases).chain([&self.vulnerability]).map(length).sum::<usize>()
    }
}

fn length(text: impl AsRef<str>) -> usize {
    size_of::<String>() + text.as_ref().len()
}

/// Reads OpenVEX 0.2.0 (and 0.0.x), CSAF 2.0 (and the statements of 2.1), or the analyses of a CycloneDX document, whichever it is.
pub fn read(bytes: &[u8]) -> Result<Vex, ReadError> {
    let format = "OpenVEX, CSAF or CycloneDX";
    let signs: Signs = parse(bytes, format)?;
    if signs.bom_format.is_some() {
        cyclonedx::parse(bytes).map(|bom| bom.vex)
    } else if signs.document.is_some_and(|d| d.csaf_version.is_some()) {
        csaf::parse(bytes)
    } else if signs.context.is_some_and(|c| c.contains("openvex")) {
        openvex::parse(bytes)
    } else {
        let found = "it has neither an OpenVEX \"@context\" nor \"csaf_version\" nor \"bomFormat\"";
        Err(ReadError::Other {
            format,
            found: found.into(),
        })
    }
}

/// What tells formats apart.
#[derive(Deserialize)]
struct Signs {
    #[serde(default, rename = "@context", deserialize_with = "tolerant::text")]
    context: Option<String>,
    #[serde(default, rename = "bomFormat", deserialize_with = "tolerant::text")]
    bom_format: Option<String>,
    #[serde(default, deserialize_with = "tolerant::object")]
    document: Option<Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "tolerant::text")]
    csaf_version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.name()), Some(status));
        }
        for justification in Justification::ALL {
            assert_eq!(Justification::named(justification.name()), Some(justification));
        }
        assert_eq!(Status::named("Not_Affected"), Some(Status::NotAffected));
        assert_eq!(Justification::named("because"), None);
    }

    #[test]
    fn the_format_is_found_out() {
        let openvex = br#"{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-2020-1"},"products":[{"@id":"pkg:nix/a"}],"status":"fixed"}]}"#;
        assert_eq!(read(openvex).unwrap().statements.len(), 1);
        let csaf = br#"{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"CVE-2020-1","product_status":{"fixed":["P"]}}]}"#;
        assert_eq!(read(csaf).unwrap().statements.len(), 1);
        let cyclonedx =
            br#"{"bomFormat":"CycloneDX","specVersion":"1.5","vulnerabilities":[{"id":"CVE-2020-1","analysis":{"state":"resolved"},"affects":[{"ref":"x"}]}]}"#;
        assert_eq!(read(cyclonedx).unwrap().statements.len(), 1);
        assert!(read(b"{}").unwrap_err().to_string().contains("neither an OpenVEX"));
    }
}
