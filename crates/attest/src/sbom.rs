//! What a system is made of, as SBOM documents tell it: one shape for CycloneDX and SPDX.

use serde::Deserialize;

use crate::document::{Problem, ReadError, parse};
use crate::{cyclonedx, spdx, tolerant};

/// The components of a document, and how they hang together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sbom {
    /// What the document calls what it describes, else itself.
    pub name: Option<String>,
    /// Components in the order of the document; one that the document describes as a whole comes first.
    pub components: Vec<Component>,
    /// Indices of the components that the document is about; where it names none, those that nothing depends on.
    pub roots: Vec<u32>,
    /// What was left out.
    pub problems: Vec<Problem>,
}

/// A component. Every text is as foreign as the document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Component {
    /// The document's own name for it, unique in the document.
    pub reference: String,
    /// `library`, `application`, `file`, ... as the document says; SPDX has it in capitals.
    pub kind: Option<String>,
    /// Name, never empty. With a group or namespace: `group/name`.
    pub name: String,
    /// Version; empty where there is none.
    pub version: String,
    /// Package URLs, not parsed.
    pub purls: Vec<String>,
    /// CPE names, not parsed.
    pub cpes: Vec<String>,
    /// CPE names that the document calls guesses.
    pub possible_cpes: Vec<String>,
    /// `/nix/store/...` paths of its outputs.
    pub store_paths: Vec<String>,
    /// `/nix/store/....drv`.
    pub drv_path: Option<String>,
    /// Patches that it was built with. `None` where the document lists no pedigree, so that nothing is known of patches.
    pub patches: Option<Vec<Patch>>,
    /// Digests: (algorithm as the document writes it, hexadecimal digits).
    pub hashes: Vec<(String, String)>,
    /// SPDX ids or expressions, else names.
    pub licenses: Vec<String>,
    /// One line.
    pub description: Option<String>,
    /// Addresses of its home page.
    pub homepages: Vec<String>,
    /// Addresses that its source was fetched from.
    pub source_urls: Vec<String>,
    /// Indices of components that it depends on or contains, ascending, each once. Cycles are possible.
    pub depends_on: Vec<u32>,
}

/// A patch of a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// File name, store path or address.
    pub name: Option<String>,
    /// Ids of what it resolves, as written: `CVE-2018-1000156`.
    pub resolves: Vec<String>,
    /// Its text, where the document holds it.
    pub text: Option<String>,
}

/// Reads CycloneDX 1.4 to 1.7 or SPDX 2.2 and 2.3, whichever it is.
pub fn read(bytes: &[u8]) -> Result<Sbom, ReadError> {
    let format = "CycloneDX or SPDX";
    let signs: Signs = parse(bytes, format)?;
    if signs.bom_format.is_some() {
        cyclonedx::parse(bytes).map(|bom| bom.sbom)
    } else if signs.spdx_version.is_some() {
        spdx::parse(bytes)
    } else {
        let found = match (signs.context, signs.spdx_id) {
            (Some(context), _) if context.contains("spdx") => "this is SPDX 3, of which 2.2 and 2.3 are read",
            _ => "it has neither \"bomFormat\" nor \"spdxVersion\"",
        };
        Err(ReadError::Other {
            format,
            found: found.into(),
        })
    }
}

/// What tells formats apart.
#[derive(Deserialize)]
struct Signs {
    #[serde(default, rename = "bomFormat", deserialize_with = "tolerant::text")]
    bom_format: Option<String>,
    #[serde(default, rename = "spdxVersion", deserialize_with = "tolerant::text")]
    spdx_version: Option<String>,
    #[serde(default, rename = "SPDXID", deserialize_with = "tolerant::text")]
    spdx_id: Option<String>,
    #[serde(default, rename = "@context", deserialize_with = "tolerant::text")]
    context: Option<String>,
}

/// Whether a text names something in a Nix store, and which path that is: `/nix/store/<hash>-<name>`, with what stands behind it left off,
/// or without the folder, as some tools write it.
pub(crate) fn store_path(text: &str) -> Option<String> {
    const STORE: &str = "/nix/store/";
    const HASH: usize = 32;
    let base = match text.strip_prefix(STORE) {
        Some(base) => base.split('/').next().unwrap_or_default(),
        None => text,
    };
    let (hash, rest) = base.split_at_checked(HASH)?;
    let is_digit = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase() && !b"eotu".contains(&b);
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"+-._?=".contains(&b);
    let name = rest.strip_prefix('-')?;
    (hash.bytes().all(is_digit) && !name.is_empty() && name.bytes().all(is_name)).then(|| format!("{STORE}{base}"))
}

/// Sorts edges and takes what is named twice out.
pub(crate) fn tidy_edges(components: &mut [Component]) {
    for (index, component) in components.iter_mut().enumerate() {
        component.depends_on.sort_unstable();
        component.depends_on.dedup();
        component.depends_on.retain(|&to| to as usize != index);
    }
}

/// What nothing depends on; everything where all depend on one another.
pub(crate) fn unreferenced(components: &[Component]) -> Vec<u32> {
    let mut referenced = vec![false; components.len()];
    for &to in components.iter().flat_map(|c| &c.depends_on) {
        if let Some(flag) = referenced.get_mut(to as usize) {
            *flag = true;
        }
    }
    let roots: Vec<u32> = (0u32..).zip(&referenced).filter(|(_, r)| !**r).map(|(index, _)| index).collect();
    if roots.is_empty() {
        (0u32..).zip(components).map(|(index, _)| index).collect()
    } else {
        roots
    }
}

/// Appends a text that is not there yet. Beyond a number that no honest document reaches nothing is added: looking for a text takes as
/// long as the list.
pub(crate) fn push_new(list: &mut Vec<String>, text: String) {
    const MOST: usize = 256;
    if list.len() < MOST && !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_paths_are_recognised() {
        let path = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1";
        assert_eq!(store_path(path).as_deref(), Some(path));
        assert_eq!(store_path(&format!("{path}/bin/curl")).as_deref(), Some(path));
        assert_eq!(store_path("q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1").as_deref(), Some(path));
        for no in [
            "",
            "/nix/store/",
            "/nix/store/short-curl",
            "/usr/bin/curl",
            "q7z9hp2zsg4id778s4ai1i1yld6zjvq4",
            "q7z9hp2zsg4id778s4ai1i1yld6zjvqe-curl",
            "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-cu\u{202e}rl",
            "ééééééééééééééééé-curl",
        ] {
            assert_eq!(store_path(no), None, "{no}");
        }
    }

    #[test]
    fn the_format_is_found_out() {
        assert_eq!(
            read(br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a"}]}"#)
                .unwrap()
                .components
                .len(),
            1
        );
        assert_eq!(
            read(br#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","SPDXID":"SPDXRef-a"}]}"#)
                .unwrap()
                .components
                .len(),
            1
        );
        assert_eq!(
            read(br#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#)
                .unwrap_err()
                .to_string(),
            "read document as CycloneDX or SPDX: this is SPDX 3, of which 2.2 and 2.3 are read"
        );
        assert!(read(b"{}").unwrap_err().to_string().contains("neither"));
    }

    #[test]
    fn where_all_depend_on_one_another_all_are_roots() {
        let mut components = vec![Component::default(), Component::default()];
        components[0].depends_on = vec![1, 1, 0];
        components[1].depends_on = vec![0];
        tidy_edges(&mut components);
        assert_eq!(components[0].depends_on, [1]);
        assert_eq!(unreferenced(&components), [0, 1]);
        components[1].depends_on.clear();
        assert_eq!(unreferenced(&components), [0]);
    }
}
