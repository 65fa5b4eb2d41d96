use std::fs;

use super::*;
use crate::inventory::Seen;

const HASH: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4";

fn aterm(name: &str, inputs: &str) -> String {
    let (pname, version) = nix_model::name::split(name);
    format!(
        r#"Derive([("out","/nix/store/{HASH}-{name}","","")],[{inputs}],[],"x86_64-linux","sh",[],[("name","{name}"),("pname","{pname}"),("version","{version}")])"#
    )
}

#[test]
fn files_are_read_with_what_lies_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(format!("{HASH}-{name}.drv"));
    let input = |name: &str| format!(r#"("/nix/store/{HASH}-{name}.drv",["out"])"#);
    fs::write(
        at("curl-7.71.1"),
        aterm("curl-7.71.1", &[input("zlib-1.2.11"), input("gone-1.0")].join(",")),
    )
    .unwrap();
    // A cycle, which no Nix makes.
    fs::write(at("zlib-1.2.11"), aterm("zlib-1.2.11", &input("curl-7.71.1"))).unwrap();
    let store = Store::below(folder.path());
    let inventory = from_files(&[at("curl-7.71.1")], &store).unwrap();
    let seen: Vec<_> = inventory.packages.iter().map(|p| (p.package.pname.as_str(), p.seen)).collect();
    assert_eq!(
        seen,
        [("curl", Seen::Derivation), ("zlib", Seen::Derivation), ("gone", Seen::StorePath)]
    );
    assert_eq!(inventory.roots, [0], "what was asked for, though something needs it");
    assert_eq!(
        inventory.problems,
        [format!(
            "1 derivations that builds need are not there, the first is /nix/store/{HASH}-gone-1.0.drv: their names are all that is known of them"
        )]
    );
    let both = from_files(&[at("zlib-1.2.11"), at("curl-7.71.1")], &store).unwrap();
    assert_eq!(both.parts.len(), 3);
}

#[test]
fn json_and_aterm_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::below(folder.path());
    let file = folder.path().join("show.json");
    let drv = format!(
        r#"{{"outputs":{{"out":{{"path":"/nix/store/{HASH}-x-1.0"}}}},"inputSrcs":[],"inputDrvs":{{}},"system":"x86_64-linux","builder":"sh","args":[],"env":{{"name":"x-1.0","pname":"x","version":"1.0"}}}}"#
    );
    fs::write(&file, format!(r#"{{"/nix/store/{HASH}-x-1.0.drv":{drv}}}"#)).unwrap();
    let json = from_files(std::slice::from_ref(&file), &store).unwrap();
    let plain = folder.path().join(format!("{HASH}-x-1.0.drv"));
    fs::write(&plain, aterm("x-1.0", "")).unwrap();
    let mut aterm = from_files(&[plain], &store).unwrap();
    aterm.targets.clone_from(&json.targets);
    assert_eq!(json, aterm);
    fs::write(&file, "{}").unwrap();
    assert_eq!(
        from_files(std::slice::from_ref(&file), &store).unwrap_err().to_string(),
        format!("there is no derivation in {}", file.display())
    );
    fs::write(&file, r#"{"a":"#).unwrap();
    assert_eq!(
        from_files(std::slice::from_ref(&file), &store).unwrap_err().to_string(),
        format!("parse {}", file.display())
    );
}

#[test]
fn what_is_no_derivation_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::below(folder.path());
    let file = folder.path().join("x.drv");
    fs::write(&file, aterm("x-1.0", "")).unwrap();
    assert_eq!(
        from_files(std::slice::from_ref(&file), &store).unwrap_err().to_string(),
        format!("the name of {} is no store path, as that of a .drv file is", file.display())
    );
    fs::write(&file, "Derive([(").unwrap();
    assert_eq!(
        from_files(std::slice::from_ref(&file), &store).unwrap_err().to_string(),
        format!("parse {}", file.display())
    );
}
