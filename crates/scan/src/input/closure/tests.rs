use std::path::Path;

use super::*;
use crate::input::database;
use crate::inventory::Seen;

const A: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1";
const B: &str = "23yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11";

fn nowhere() -> Store {
    Store::below("/nonexistent")
}

#[test]
fn lists_and_json_are_told_apart() {
    let list = from_file(
        "list",
        format!("/nix/store/{A}\n/nix/store/{B}\n/nix/store/{A}\nbad\n").as_bytes(),
        &nowhere(),
    )
    .unwrap();
    assert_eq!((list.parts.len(), list.packages.len(), list.roots.len()), (2, 2, 2));
    assert_eq!(list.targets, ["list"]);
    assert!(
        list.problems[0].starts_with("list: parse list of store paths, line 4: \"bad\" is no store path"),
        "{:?}",
        list.problems
    );
    let json = format!(r#" {{"/nix/store/{A}":{{"narSize":1,"references":["/nix/store/{B}"]}},"/nix/store/{B}":null}}"#);
    let json = from_file("json", json.as_bytes(), &nowhere()).unwrap();
    assert_eq!((json.parts.len(), json.roots.len()), (1, 1));
    assert_eq!(json.problems.len(), 2, "{:?}", json.problems);
}

#[test]
fn what_holds_no_closure_is_refused() {
    let refused = |text: &[u8]| from_file("f", text, &nowhere()).unwrap_err().to_string();
    assert_eq!(refused(b""), "read closure f: there is no store path in it");
    assert_eq!(refused(b"# only a remark\n"), "read closure f: there is no store path in it");
    assert_eq!(refused(b"[{\"path\":\"/nix/st"), "read closure f");
    assert_eq!(refused(b"\x7fELF\x01\n"), "read closure f");
    assert_eq!(refused(b"{\"a\":1}"), "read closure f: there is no store path in it");
}

#[test]
fn security_names_are_kept_as_they_are_and_escaped_when_shown() {
    let error = from_file("f", "/nix/store/\u{202e}evil\n".as_bytes(), &nowhere()).unwrap_err();
    let shown = cli_kit::Failure::from(error).render(false);
    assert!(!shown.contains('\u{202e}') && shown.contains("\\u{202e}"), "{shown}");
}

#[test]
fn without_database_and_nix_both_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::below(folder.path());
    let root = format!("/nix/store/{A}").parse().unwrap();
    let error = runtime(&store, &[root], Vec::new()).unwrap_err().to_string();
    let expected = format!(
        "the database cannot be used (there is no Nix database at {}/nix/var/nix/db/db.sqlite)",
        folder.path().display()
    );
    // With Nix at hand the answer is that such a store has no such path.
    assert!(error.starts_with(&expected) || error.ends_with("is not in the store"), "{error}");
}

#[test]
fn build_time_needs_a_derivation() {
    let folder = tempfile::tempdir().unwrap();
    let store = database::tests::make(folder.path());
    let root = |base: &str| -> StorePath { base.parse().unwrap() };
    let gone = build_time(&store, &[root(A)], Vec::new()).unwrap_err();
    assert_eq!(
        gone.to_string(),
        format!("/nix/store/7vn1m2c7gwdxrbnkn11rnp0bq467jp59-curl-7.71.1.drv, which made /nix/store/{A}, is not in the store any more")
    );
    let unknown = build_time(&store, &[root(B)], Vec::new()).unwrap_err();
    assert_eq!(unknown.to_string(), format!("which derivation made /nix/store/{B} is not known"));
    let drv = store.folder().join("7vn1m2c7gwdxrbnkn11rnp0bq467jp59-curl-7.71.1.drv");
    std::fs::write(
        &drv,
        format!(r#"Derive([("out","/nix/store/{A}","","")],[("/nix/store/{B}.drv",["out"])],["/nix/store/{B}"],"x","sh",[],[("name","curl-7.71.1"),("pname","curl"),("version","7.71.1")])"#),
    )
    .unwrap();
    let closure = build_time(&store, &[root(A)], Vec::new()).unwrap();
    assert_eq!(closure.inventory.parts.len(), 3);
    assert_eq!(closure.inventory.roots, [0]);
    assert_eq!(closure.inventory.problems.len(), 1, "{:?}", closure.inventory.problems);
    let runtime = runtime(&store, &[root(A)], Vec::new()).unwrap();
    assert_eq!((runtime.inventory.parts.len(), runtime.note), (2, None));
    let seen: Vec<_> = runtime
        .inventory
        .packages
        .iter()
        .map(|p| (p.package.pname.as_str(), p.seen))
        .collect();
    assert_eq!(seen, [("zlib", Seen::StorePath), ("curl", Seen::Derivation)]);
    assert!(Path::new(&drv).exists());
}
