//! Which crate may depend on which. Edges go down only: formats, domain, effects, programs.

use serde_json::Value;

/// The whole table; a crate that is not in it may not exist. A wall that moves here moves in ARCHITECTURE.md too.
const EDGES: [(&str, &[&str]); 13] = [
    ("nix-model", &[]),
    ("boot-formats", &[]),
    ("vuln", &["nix-model"]),
    ("judging", &["attest", "nix-model", "vuln"]),
    ("attest", &[]),
    ("cli-kit", &[]),
    ("fetch", &["cli-kit"]),
    ("sandbox", &[]),
    ("chain", &["attest", "cli-kit", "nix-model", "sandbox"]),
    ("tracker", &["attest", "cli-kit", "fetch", "judging", "nix-model", "vuln"]),
    ("scan", &["attest", "cli-kit", "fetch", "judging", "nix-model", "vuln"]),
    ("boot", &["boot-formats", "cli-kit", "nix-model"]),
    // Beside the layers: scores and measures what the others do.
    ("xtask", &["nix-model", "vuln"]),
];

/// Third-party crates that a pure layer must never get: I/O, clocks, databases, servers.
const IMPURE: [&str; 10] = [
    "axum",
    "hyper",
    "indicatif",
    "memmap2",
    "rusqlite",
    "tempfile",
    "tokio",
    "tracing-subscriber",
    "ureq",
    "reqwest",
];
const PURE: [&str; 5] = ["nix-model", "boot-formats", "vuln", "attest", "judging"];

/// Names that attract everything.
const CATCH_ALL: [&str; 6] = ["common", "utils", "util", "core", "shared", "helpers"];

pub fn check(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: Vec<&str> = packages
        .iter()
        .filter(|p| p["source"].is_null())
        .filter_map(|p| p["name"].as_str())
        .collect();
    let mut complaints = Vec::new();
    for package in packages.iter().filter(|p| p["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let at = format!("crates/{name}/Cargo.toml");
        if CATCH_ALL.iter().any(|bad| name.split('-').any(|word| word == *bad)) {
            complaints.push(format!(
                "{at}: a crate called {name} attracts everything; name it after what it holds"
            ));
        }
        if !package["manifest_path"].as_str().unwrap_or_default().ends_with(&at) {
            complaints.push(format!("{at}: the folder of crate {name} must bear its name"));
        }
        let Some((_, allowed)) = EDGES.iter().find(|(from, _)| *from == name) else {
            complaints.push(format!(
                "{at}: crate {name} has no line in the table of edges (xtask tidy/edges.rs)"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"] == "dev";
            if members.contains(&to) && !allowed.contains(&to) {
                complaints.push(format!("{at}: {name} must not depend on {to}"));
            }
            if PURE.contains(&name) && IMPURE.contains(&to) && !for_tests {
                complaints.push(format!("{at}: {name} is pure and must not depend on {to}"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependencies: &[(&str, &str)]) -> Value {
        let dependencies: Vec<Value> = dependencies.iter().map(|(n, kind)| json!({"name": n, "kind": kind})).collect();
        json!({"name": name, "source": null, "manifest_path": format!("/x/crates/{name}/Cargo.toml"), "dependencies": dependencies})
    }

    #[test]
    fn edges_go_down_only() {
        let good =
            json!({"packages": [package("nix-model", &[("serde", "")]), package("vuln", &[("nix-model", ""), ("tempfile", "dev")])]});
        assert_eq!(check(&good), [""; 0]);
        let bad =
            json!({"packages": [package("nix-model", &[("vuln", "dev"), ("tokio", "")]), package("vuln", &[]), package("my-utils", &[])]});
        assert_eq!(
            check(&bad),
            [
                "crates/nix-model/Cargo.toml: nix-model must not depend on vuln",
                "crates/nix-model/Cargo.toml: nix-model is pure and must not depend on tokio",
                "crates/my-utils/Cargo.toml: a crate called my-utils attracts everything; name it after what it holds",
                "crates/my-utils/Cargo.toml: crate my-utils has no line in the table of edges (xtask tidy/edges.rs)",
            ]
        );
    }
}
