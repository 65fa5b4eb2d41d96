use super::*;

fn path(name: &str) -> StorePath {
    // One digit of the hash for each name, so that different names are different paths.
    let digit = "0123456789abcdfghijklmnpqrsvwxyz".as_bytes()[name.bytes().map(usize::from).sum::<usize>() % 32];
    format!("{}-{name}", String::from(char::from(digit)).repeat(32)).parse().unwrap()
}

fn info(name: &str, references: &[&str], deriver: Option<&str>) -> PathInfo {
    PathInfo {
        path: path(name),
        references: references.iter().map(|name| path(name)).collect(),
        deriver: deriver.map(path),
        nar_size: Some(7),
        nar_hash: None,
    }
}

fn names(inventory: &Inventory) -> Vec<(String, String, Seen)> {
    inventory
        .packages
        .iter()
        .map(|s| (s.package.pname.clone(), s.package.version.clone(), s.seen))
        .collect()
}

#[test]
fn outputs_of_one_derivation_are_one_package() {
    let infos = vec![
        info("curl-7.71.1-bin", &["curl-7.71.1", "unit-x.service"], Some("curl-7.71.1.drv")),
        info("curl-7.71.1", &["curl-7.71.1"], Some("curl-7.71.1.drv")),
        info("unit-x.service", &[], Some("unit-x.service.drv")),
        info("zlib-1.2.11", &[], None),
        info("zlib-1.2.11-dev", &["zlib-1.2.11", "gone-1"], None),
    ];
    let inventory = closure(infos, None, vec!["x".into()], &Derivations::default());
    let of = |pname: &str, version: &str| (pname.to_owned(), version.to_owned(), Seen::StorePath);
    assert_eq!(names(&inventory), [of("curl", "7.71.1"), of("zlib", "1.2.11")]);
    let packages: Vec<Option<u32>> = inventory.parts.iter().map(|part| part.package).collect();
    assert_eq!(packages, [Some(0), Some(0), None, Some(1), Some(1)]);
    let outputs = |at: usize| {
        inventory.packages[at]
            .package
            .outputs
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!((outputs(0), outputs(1)), (vec!["bin", "out"], vec!["out", "dev"]));
    assert_eq!(inventory.parts[0].references, [1, 2]);
    assert_eq!(inventory.parts[1].references, [0; 0], "itself is no dependency");
    assert_eq!(inventory.roots, [0, 4]);
    assert_eq!(
        inventory.problems,
        [format!(
            "1 references lead to paths that are not among those given, the first to {}",
            path("gone-1")
        )]
    );
}

#[test]
fn security_cycles_have_a_root_each() {
    let infos = vec![
        info("a-1", &["b-1"], None),
        info("b-1", &["a-1"], None),
        info("c-1", &["c-1"], None),
        info("d-1", &["e-1"], None),
        info("e-1", &["f-1"], None),
        info("f-1", &["e-1"], None),
    ];
    let inventory = closure(infos, None, Vec::new(), &Derivations::default());
    assert_eq!(inventory.roots, [2, 3, 0]);
}

#[test]
fn what_a_derivation_says_goes_before_names() {
    let drv = |text: &str| Derivation::parse(text.as_bytes()).unwrap().into_owned();
    let out = path("x-unstable-2020-01-01");
    let mut derivations = Derivations::default();
    derivations.known.insert(
        path("x-unstable-2020-01-01.drv"),
        drv(&format!(
            r#"Derive([("out","{out}","","")],[],[],"x86_64-linux","sh",[],[("name","x-unstable-2020-01-01"),("patches","/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-CVE-2020-1234.patch"),("pname","x"),("version","unstable-2020-01-01")])"#
        )),
    );
    // A derivation of another output: Nix noted a deriver that is not what made this path.
    derivations.known.insert(
        path("y-1.drv"),
        drv(&format!(
            r#"Derive([("out","{out}","","")],[],[],"x86_64-linux","sh",[],[("name","y-1"),("version","9")])"#
        )),
    );
    let infos = vec![
        info("x-unstable-2020-01-01", &[], Some("x-unstable-2020-01-01.drv")),
        info("y-1", &[], Some("y-1.drv")),
    ];
    let inventory = closure(infos, None, Vec::new(), &derivations);
    assert_eq!(
        names(&inventory),
        [
            ("x".into(), "unstable-2020-01-01".into(), Seen::Derivation),
            ("y".into(), "1".into(), Seen::StorePath)
        ]
    );
    assert_eq!(inventory.packages[0].package.patches, ["CVE-2020-1234.patch"]);
}

#[test]
fn other_patches_are_another_package_and_the_same_ones_the_same() {
    let drv = |patch: &str| {
        let text = format!(
            r#"Derive([("out","","","")],[],[],"x86_64-linux","sh",[],[("name","x-1"),("patches","/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-{patch}"),("pname","x"),("version","1")])"#
        );
        Derivation::parse(text.as_bytes()).unwrap().into_owned()
    };
    let paths: Vec<StorePath> = ["0", "1", "2"]
        .iter()
        .map(|digit| format!("{}-x-1.drv", digit.repeat(32)).parse().unwrap())
        .collect();
    let mut derivations = Derivations::default();
    for (path, patch) in paths.iter().zip(["a.patch", "b.patch", "a.patch"]) {
        derivations.known.insert(path.clone(), drv(patch));
    }
    let infos = paths.iter().map(|path| PathInfo {
        path: path.clone(),
        ..info("x-1", &[], None)
    });
    let inventory = closure(infos.collect(), None, Vec::new(), &derivations);
    assert_eq!(
        inventory.parts.iter().map(|part| part.package).collect::<Vec<_>>(),
        [Some(0), Some(1), Some(0)]
    );
}

#[test]
fn problems_are_told_but_not_without_end() {
    let derivations = Derivations::default();
    let mut assembly = Assembly::new(&derivations, Vec::new());
    (0..1000).for_each(|n| assembly.problem(format!("problem {n}")));
    assert_eq!(assembly.inventory.problems.len(), MOST_PROBLEMS);
    assert_eq!(
        assembly.inventory.problems.last().unwrap(),
        "more problems of this kind are not listed"
    );
}
