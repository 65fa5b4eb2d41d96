//! The NixOS module, evaluated by Nix; and the command lines that it makes, read by the program.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::lab::firn_any;

/// What the module makes of these options; an error's text if it cannot be evaluated. `None` (said loudly) without Nix.
fn evaluate(options: &str, elsewhere: &str) -> Option<Result<Value, String>> {
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nix/tests/firn-boot.nix");
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new("nix-instantiate");
    command.args(["--eval", "--strict", "--json", "--expr"]);
    command.arg(format!(
        "import {} {{ options = {options}; elsewhere = {elsewhere}; }}",
        test.display()
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
        println!("SKIPPED: the NixOS module, because nix-instantiate is not installed (cargo xtask test --only boot installs it)");
        return None;
    };
    Some(if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    })
}

/// The words of a command line as the module quotes them.
fn words(line: &str) -> Vec<String> {
    line.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Fails if the program does not know these arguments.
fn is_known(arguments: &[String]) {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some(first) = arguments.first()
        && first.starts_with('/')
    {
        arguments.remove(0);
    }
    let output = firn_any(&arguments);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(
        !talk.contains("Usage:") && !talk.contains("unexpected argument"),
        "{arguments:?}: {talk}"
    );
}

const FULL: &str = r#"{
    enable = true; espMounts = [ "/none" "/none2" ]; xbootldrMount = "/none3"; limit = 20; pinned = [ 41 7 ]; tries = 3;
    fat = true; measure = "strict"; timeout = 0; editor = true; loaderLines = [ "console-mode max" ];
    programs.memtest = "/nix/store/memtest.efi"; takeOver = true; autoEnroll = { enable = true; mode = "force"; };
    passphraseFile = "/run/pass";
}"#;

#[test]
fn options_become_arguments_that_the_program_knows() {
    let Some(made) = evaluate(FULL, "{ }") else { return };
    let made = made.unwrap();
    assert_eq!(
        (&made["external"], &made["secrets"], &made["failed"]),
        (&true.into(), &true.into(), &Value::Array(Vec::new()))
    );
    let hook = made["hook"].as_str().unwrap();
    let create = "test -e '/etc/firn/keys/db.key' || '/nix/store/firn/bin/firn-boot' 'keys' 'create' '--dir' '/etc/firn/keys'";
    assert!(hook.contains(create), "{hook}");
    let (_, hook) = hook.split_once("exec ").unwrap();
    assert!(
        hook.starts_with("/nix/store/firn/bin/firn-boot install '--esp' '/none' '--esp' '/none2'"),
        "{hook}"
    );
    assert!(hook.trim_end().ends_with("--system \"$1\""), "{hook}");
    for part in [
        "'--xbootldr' '/none3'",
        "'--keys' '/etc/firn/keys' '--passphrase-file' '/run/pass'",
        "'--limit' '20' '--pin' '41' '--pin' '7' '--tries' '3' '--measure' 'strict' '--fat' '--editor' '--take-over'",
        "'--loader-line' 'console-mode max' '--loader-line' 'secure-boot-enroll force'",
        "'--program' 'memtest=/nix/store/memtest.efi'",
        "'--timeout' '0'",
    ] {
        assert!(hook.contains(part), "{part}: {hook}");
    }
    let mut install = vec!["install".to_owned()];
    install.extend(words(hook));
    is_known(&install);
    let services = &made["services"];
    for name in ["firn-boot-check", "firn-boot-bless"] {
        let line = services[name]["serviceConfig"]["ExecStart"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {services}"));
        is_known(&words(line));
    }
    let exports = services["firn-boot-enroll"]["serviceConfig"]["ExecStart"].as_array().unwrap();
    assert_eq!(exports.len(), 2);
    assert_eq!(
        words(exports[1].as_str().unwrap())[1..],
        ["keys", "export", "--dir", "/etc/firn/keys", "--out", "/none2/loader/keys/auto"]
    );
    assert_eq!(services["firn-boot-bless"]["serviceConfig"]["SuccessExitStatus"], 4);
}

#[test]
fn without_options_little_happens() {
    let Some(made) = evaluate("{ }", "{ }") else { return };
    assert_eq!(made.unwrap()["enabled"], false);
    let made = evaluate("{ enable = true; }", "{ }").unwrap().unwrap();
    let hook = made["hook"].as_str().unwrap();
    assert!(
        hook.contains("'--esp' '/boot' '--keys' '/etc/firn/keys' '--systemd-boot'"),
        "{hook}"
    );
    assert!(made["services"].get("firn-boot-bless").is_none() && made["services"].get("firn-boot-enroll").is_none());
}

#[test]
fn mistakes_in_options_are_found() {
    let Some(wrong) = evaluate("{ enable = true; limit = 0; }", "{ }") else {
        return;
    };
    assert!(wrong.unwrap_err().contains("boot.loader.firn.limit has a value of another type"));
    assert!(
        evaluate("{ enable = true; limt = 1; }", "{ }")
            .unwrap()
            .unwrap_err()
            .contains("no option boot.loader.firn.limt")
    );
    let failed = |options, elsewhere| {
        evaluate(options, elsewhere).unwrap().unwrap()["failed"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        failed(
            "{ enable = true; espMounts = [ ]; signer.certificate = \"/c\"; signer.pkcs11 = \"pkcs11:x\"; }",
            "{ }"
        )
        .contains("no partition")
    );
    assert!(failed("{ enable = true; signer.certificate = \"/c\"; }", "{ }").contains("needs one of pkcs11 and command"));
    assert!(failed("{ enable = true; }", "{ systemd-boot.enable = true; }").contains("turn boot.loader.systemd-boot"));
}
