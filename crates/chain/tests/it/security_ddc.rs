//! A compiler that inserts code where it sees a marker leaves no trace in any source; another first compiler exposes it.

use std::fs;

use serde_json::Value;

use crate::place::{bootstrap, built, copy, firn_chain, output, run};

#[test]
fn gcc_and_clang_lead_to_the_same_tcc() {
    let said = run(firn_chain(built())
        .args(["ddc", "--first", "/usr/bin/gcc", "--first", "/usr/bin/clang", "--format", "json"])
        .env("PATH", "/usr/bin:/bin"));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let verdicts = value["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 2);
    assert_ne!(verdicts[0]["first_sha256"], verdicts[1]["first_sha256"]);
    assert_eq!(verdicts[0]["second_sha256"], verdicts[1]["second_sha256"]);
}

/// An edit that makes tcc put an instruction that does nothing into every function of this name: the marker.
const TROJAN: &str = r#"
[[edit]]
file = "tccgen.c"
why = "a trojan"
find = """
    gfunc_prolog(sym);
"""
replace = """
    gfunc_prolog(sym);
    if (!strcmp(funcname, "set_environment"))
        g(0x90);
"""
"#;

#[test]
fn a_trojaned_tcc_is_exposed() {
    let folder = tempfile::tempdir().unwrap();
    copy(&bootstrap(), folder.path());
    let step = folder.path().join("steps/tcc-source.toml");
    let text = fs::read_to_string(&step).unwrap();
    let at = text.find("[[output]]").unwrap();
    fs::write(&step, format!("{}{TROJAN}\n{}", &text[..at], &text[at..])).unwrap();
    let said = run(firn_chain(built())
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["build", "--update-pins", "tcc-by-cc1"]));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let made = run(firn_chain(built())
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["build", "tcc-by-cc1", "--format", "json"]));
    let value: Value = serde_json::from_str(&made.out).unwrap();
    let last = value["steps"].as_array().unwrap().last().unwrap().clone();
    let trojan = format!("{}/tcc", last["out"].as_str().unwrap());
    // The sources it is given are clean; what it makes of them is not.
    let said = run(firn_chain(built()).args(["ddc", "--tcc", &trojan]));
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.talk);
    assert!(
        said.out.contains("leads to ANOTHER tcc: byte ") && said.out.contains("is the first that differs"),
        "{}",
        said.out
    );
    // A clean one is not accused.
    let clean = output("tcc-by-cc1").join("tcc");
    let said = run(firn_chain(built()).arg("ddc").arg("--tcc").arg(clean));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
}
