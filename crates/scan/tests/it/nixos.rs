//! The NixOS modules of scanner and tracker, evaluated by Nix: what they make is what the shipped units have and the programs read, and
//! the handbook lists their options.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::asking;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a module makes of options; an error's text if it cannot be evaluated. `None` (said loudly) without Nix.
fn evaluate(module: &str, options: &str) -> Option<Result<Value, String>> {
    let nix = root().join("nix");
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new("nix-instantiate");
    command.args(["--eval", "--strict", "--json", "--expr"]).arg(format!(
        "import {}/tests/modules.nix {{ module = {}/modules/{module}.nix; options = {options}; }}",
        nix.display(),
        nix.display()
    ));
    // Evaluating needs no store, but a place where Nix may believe that there is one.
    for (name, folder) in [
        ("NIX_STATE_DIR", "state"),
        ("NIX_STORE_DIR", "store"),
        ("NIX_LOG_DIR", "log"),
        ("HOME", "home"),
    ] {
        command.env(name, scratch.path().join(folder));
    }
    let Ok(output) = command.env("NIX_REMOTE", "").output() else {
        println!("SKIPPED: the NixOS modules, because nix-instantiate is not installed (cargo xtask test --only scan installs it)");
        return None;
    };
    Some(if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    })
}

/// The settings of a unit that confine it: all behind the line that says so.
fn confinement(unit: &str) -> BTreeMap<String, Vec<String>> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let behind = unit.lines().skip_while(|line| !line.starts_with("DynamicUser"));
    let lines = behind.take_while(|line| !line.starts_with('['));
    for (name, value) in lines
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !name.starts_with('#'))
    {
        settings.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    assert!(settings.len() > 25, "{settings:?}");
    settings
}

/// The same, of what a module makes.
fn is_confined_like(made: &Value, unit: &str) {
    for (name, values) in confinement(unit) {
        let text = |value: &Value| match value {
            Value::Bool(true) => "yes".to_owned(),
            Value::String(text) => text.clone(),
            other => panic!("{name}: {other}"),
        };
        let own: Vec<String> = match &made["serviceConfig"][&name] {
            Value::Array(list) => list.iter().map(text).collect(),
            one => vec![text(one)],
        };
        assert_eq!(own, values, "{name}");
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .skip(1)
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

#[test]
fn security_the_trackers_module_makes_the_shipped_unit() {
    let Some(made) = evaluate(
        "firn-tracker",
        r#"{ services.firn-tracker = { enable = true; port = 8081; settings.limits.checks_per_minute = 7; settings.feeds.mirror = "/srv/mirror"; credentials."database.url" = "/run/secret"; }; }"#,
    ) else {
        return;
    };
    let made = made.unwrap();
    let service = &made["config"]["systemd"]["services"]["firn-tracker"];
    is_confined_like(service, include_str!("../../../tracker/systemd/firn-tracker.service"));
    assert_eq!(service["environment"]["FIRN_DATABASE_URL_FILE"], "%d/database.url");
    assert_eq!(
        service["serviceConfig"]["LoadCredential"],
        serde_json::json!(["database.url:/run/secret"])
    );
    let off = evaluate("firn-tracker", "{ }").unwrap().unwrap();
    assert_eq!(off["config"], serde_json::json!({}), "nothing unless enabled");
    let postgres = r#"{ services.firn-tracker = { enable = true; database.type = "postgresql"; }; }"#;
    let postgres = evaluate("firn-tracker", postgres).unwrap().unwrap();
    assert_eq!(
        postgres["config"]["services"]["postgresql"]["ensureUsers"][0]["name"],
        "firn-tracker"
    );
    let wrong = evaluate("firn-tracker", "{ services.firn-tracker = { enable = true; port = 70000; }; }");
    assert!(wrong.unwrap().unwrap_err().contains("services.firn-tracker.port is no port"));
    let unknown = evaluate("firn-tracker", "{ services.firn-tracker.prot = 1; }");
    assert!(unknown.is_some_and(|made| made.unwrap_err().contains("there is no option services.firn-tracker.prot")));
    // The program takes the files that are made.
    let Some(program) = asking::tracker("the tracker's NixOS module") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for (made, expected) in [
        (&made, ["server.listen", "127.0.0.1:8081", "tracker.toml"]),
        // Addresses of databases may hold passwords, and are not printed.
        (&postgres, ["database.url", "(a secret)", "tracker.toml"]),
    ] {
        let file = made["config"]["systemd"]["services"]["firn-tracker"]["environment"]["FIRN_CONFIG"]
            .as_str()
            .unwrap();
        let settings: Value = serde_json::from_str(file).unwrap();
        if expected[0] == "database.url" {
            assert_eq!(settings["database"]["url"], "postgres:///firn-tracker?host=/run/postgresql");
        }
        let mut toml = String::new();
        for (section, keys) in settings.as_object().unwrap() {
            writeln!(toml, "[{section}]").unwrap();
            keys.as_object()
                .unwrap()
                .iter()
                .for_each(|(key, value)| writeln!(toml, "{key} = {value}").unwrap());
        }
        fs::write(dir.path().join("tracker.toml"), &toml).unwrap();
        let output = Command::new(&program)
            .args(["config", "--config", "tracker.toml"])
            .env_clear()
            .env("HOME", dir.path())
            .current_dir(dir.path())
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success() && out.lines().any(|line| expected.iter().all(|word| line.contains(word))),
            "{toml}\n{out}{err}"
        );
    }
}

#[test]
fn security_the_scanners_module_makes_the_shipped_units() {
    let options = r#"{ programs.firn-scan = { enable = true; trustedKeys = [ "/etc/own.pub" ]; };
        services.firn-scan.watch = { enable = true; tracker = "https://tracker.example.org"; failOn = "high"; decisions = "/etc/decisions.toml"; }; }"#;
    let Some(made) = evaluate("firn-scan", options) else { return };
    let made = made.unwrap();
    let services = &made["config"]["systemd"]["services"];
    is_confined_like(&services["firn-scan"], include_str!("../../systemd/firn-scan.service"));
    is_confined_like(
        &services["firn-scan-update"],
        include_str!("../../systemd/firn-scan-update.service"),
    );
    assert_eq!(
        services["firn-scan-update"]["environment"]["FIRN_TRACKER"],
        "https://tracker.example.org"
    );
    for service in ["firn-scan", "firn-scan-update"] {
        let line = services[service]["serviceConfig"]["ExecStart"].as_str().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_firn-scan"))
            .args(words(line))
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("FIRN_TRACKER", "http://127.0.0.1:1")
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(!talk.contains("Usage:") && !talk.contains("unexpected argument"), "{line}: {talk}");
    }
    let off = evaluate("firn-scan", "{ }").unwrap().unwrap();
    assert_eq!(
        off["config"]["systemd"]["services"],
        serde_json::json!({}),
        "nothing unless enabled"
    );
    let keyless = evaluate("firn-scan", "{ services.firn-scan.watch.enable = true; }")
        .unwrap()
        .unwrap();
    assert_eq!(keyless["config"]["assertions"][0]["assertion"], false);
}

#[test]
fn the_handbook_lists_the_options() {
    let page = root().join("docs/src/reference/nixos.md");
    let mut text = fs::read_to_string(&page).unwrap();
    for module in ["firn-tracker", "firn-scan"] {
        let Some(made) = evaluate(module, "{ }") else { return };
        let mut table = "| option | type | default | |\n|---|---|---|---|\n".to_owned();
        for option in made.unwrap()["options"].as_array().unwrap() {
            let cell = |name: &str| option[name].as_str().unwrap().replace('|', "\\|");
            assert!(cell("description").ends_with('.'), "{option}");
            writeln!(
                table,
                "| `{}` | {} | `{}` | {} |",
                cell("name"),
                cell("type"),
                cell("default"),
                cell("description")
            )
            .unwrap();
        }
        let (begin, end) = (format!("<!-- options of {module} -->\n\n"), "\n<!-- end of options -->");
        let from = text.find(&begin).unwrap() + begin.len();
        let to = from + text[from..].find(end).unwrap();
        if std::env::var_os("FIRN_UPDATE").is_some() {
            text.replace_range(from..to, &table);
            fs::write(&page, &text).unwrap();
        }
        assert!(
            text.contains(&format!("{begin}{table}{end}")),
            "run this test with FIRN_UPDATE=1 and commit {}",
            page.display()
        );
    }
}
