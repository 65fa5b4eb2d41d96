//! Every parser has a fuzz target, every target its declaration and its seeds.

use anyhow::{Context as _, Result};
use toml::Table;

use super::Files;

/// Where foreign bytes are parsed, and the target that feeds it. A name that ends in `/` is a folder.
const PARSERS: [(&str, &str); 66] = [
    ("crates/attest/src/csaf/read.rs", "csaf"),
    ("crates/attest/src/cyclonedx/read.rs", "cyclonedx"),
    ("crates/attest/src/dsse.rs", "provenance"),
    ("crates/attest/src/intoto.rs", "provenance"),
    ("crates/attest/src/openvex/read.rs", "openvex"),
    ("crates/attest/src/signature.rs", "key"),
    ("crates/attest/src/spdx/read.rs", "spdx"),
    ("crates/boot-formats/src/authenticode.rs", "image"),
    ("crates/boot-formats/src/authvar.rs", "signature_lists"),
    ("crates/boot-formats/src/certificate.rs", "signature"),
    ("crates/boot-formats/src/der.rs", "signature"),
    ("crates/boot-formats/src/device_path.rs", "load_options"),
    ("crates/boot-formats/src/guid.rs", "uki"),
    ("crates/boot-formats/src/load_options.rs", "load_options"),
    ("crates/boot-formats/src/pe.rs", "image"),
    ("crates/boot-formats/src/pem.rs", "signature"),
    ("crates/boot-formats/src/pkcs7.rs", "signature"),
    ("crates/boot-formats/src/sbat.rs", "uki"),
    ("crates/boot-formats/src/siglist.rs", "signature_lists"),
    ("crates/boot-formats/src/uki.rs", "uki"),
    ("crates/chain/src/audit/generated.rs", "archive"),
    ("crates/chain/src/bzip2.rs", "archive"),
    ("crates/chain/src/place.rs", "archive"),
    ("crates/chain/src/tar.rs", "archive"),
    ("crates/fetch/src/address.rs", "headers"),
    ("crates/fetch/src/range.rs", "headers"),
    ("crates/fetch/src/wait.rs", "headers"),
    ("crates/nix-model/src/base32.rs", "names"),
    ("crates/nix-model/src/bootspec.rs", "bootspec"),
    ("crates/nix-model/src/derivation/aterm.rs", "aterm"),
    ("crates/nix-model/src/derivation/json.rs", "derivation_json"),
    ("crates/nix-model/src/name.rs", "names"),
    ("crates/nix-model/src/nar/reader.rs", "nar"),
    ("crates/nix-model/src/output_name.rs", "names"),
    ("crates/nix-model/src/path_info.rs", "path_info"),
    ("crates/nix-model/src/store_path.rs", "names"),
    ("crates/scan/src/decisions/", "decisions"),
    ("crates/scan/src/input/vendored/", "vendored"),
    ("crates/scan/src/tracker/wire.rs", "answer"),
    ("crates/tracker/src/config/given.rs", "configuration"),
    ("crates/tracker/src/feeds/listing.rs", "feed_lists"),
    ("crates/tracker/src/feeds/releases.rs", "feed_lists"),
    ("crates/tracker/src/store/postgres/client/address.rs", "configuration"),
    ("crates/tracker/src/store/postgres/client/frame.rs", "postgres"),
    ("crates/tracker/src/store/postgres/client/row.rs", "postgres"),
    ("crates/tracker/src/store/postgres/client/scram.rs", "postgres"),
    ("crates/tracker/src/sync/nvd.rs", "feed_lists"),
    ("crates/tracker/src/sync/osv.rs", "feed_lists"),
    ("crates/tracker/src/web/api/ask.rs", "address"),
    ("crates/tracker/src/web/api/check.rs", "check"),
    ("crates/tracker/src/web/api/details.rs", "check"),
    ("crates/tracker/src/web/api/suggestions.rs", "address"),
    ("crates/tracker/src/web/api/vulnerabilities.rs", "address"),
    ("crates/tracker/src/web/limit.rs", "forwarded"),
    ("crates/tracker/src/web/page/parameters.rs", "address"),
    ("crates/vuln/src/cpe.rs", "cpe"),
    ("crates/vuln/src/id.rs", "names"),
    ("crates/vuln/src/purl.rs", "purl"),
    ("crates/vuln/src/range/text.rs", "versions"),
    ("crates/vuln/src/record/cve.rs", "cve"),
    ("crates/vuln/src/record/epss.rs", "epss"),
    ("crates/vuln/src/record/kev.rs", "kev"),
    ("crates/vuln/src/record/nvd.rs", "nvd"),
    ("crates/vuln/src/record/osv.rs", "osv"),
    ("crates/vuln/src/score.rs", "cvss"),
    ("crates/vuln/src/snapshot/", "snapshot"),
];

/// Crates whose parsers are found by what they export.
const SEARCHED: [&str; 4] = [
    "crates/attest/src/",
    "crates/boot-formats/src/",
    "crates/nix-model/src/",
    "crates/vuln/src/",
];
/// What a parser looks like.
const SIGNS: [&str; 3] = ["pub fn parse", "impl FromStr for", "impl TryFrom<&[u8]> for"];

pub fn check(files: &Files<'_>) -> Result<Vec<String>> {
    let manifest: Table = files.read("fuzz/Cargo.toml")?.parse().context("parse fuzz/Cargo.toml")?;
    let declared: Vec<&str> = manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(|b| b.get("path")?.as_str()?.strip_prefix("fuzz_targets/")?.strip_suffix(".rs"))
        .collect();
    let targets: Vec<&str> = files
        .ending(".rs")
        .filter_map(|n| n.strip_prefix("fuzz/fuzz_targets/")?.strip_suffix(".rs"))
        .collect();
    let mut complaints = Vec::new();
    for target in &targets {
        if !declared.contains(target) {
            complaints.push(format!("fuzz/Cargo.toml: declare [[bin]] for fuzz_targets/{target}.rs"));
        }
        if !files.has_folder(&format!("fuzz/corpus/{target}")) {
            complaints.push(format!("fuzz/corpus/{target}: put at least one seed here"));
        }
    }
    for (parser, target) in PARSERS {
        if !targets.contains(&target) {
            complaints.push(format!("{parser}: its fuzz target {target} does not exist"));
        }
        if !files.names.iter().any(|n| n.starts_with(parser)) {
            complaints.push(format!(
                "{parser}: does not exist, but stands in the table of parsers (xtask tidy/fuzzed.rs)"
            ));
        }
    }
    for name in files.ending(".rs").filter(|n| SEARCHED.iter().any(|s| n.starts_with(s))) {
        let listed = PARSERS.iter().any(|(p, _)| name == *p || (p.ends_with('/') && name.starts_with(p)));
        if !listed && has_parser(&files.read(name)?) {
            complaints.push(format!(
                "{name}: parses, but has no line in the table of parsers (xtask tidy/fuzzed.rs)"
            ));
        }
    }
    Ok(complaints)
}

fn has_parser(text: &str) -> bool {
    text.lines()
        .take_while(|l| !l.starts_with("#[cfg(test)]"))
        .any(|l| SIGNS.iter().any(|s| l.trim_start().starts_with(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsers_are_recognised() {
        assert!(has_parser("impl X {\n    pub fn parse(bytes: &[u8]) {}\n}"));
        assert!(has_parser("impl FromStr for Cpe {"));
        assert!(!has_parser("fn parse_inner() {}\n#[cfg(test)]\npub fn parse() {}"));
    }
}
