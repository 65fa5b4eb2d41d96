use super::*;

fn sbom(json: &str) -> Sbom {
    parse(json.as_bytes()).unwrap().sbom
}

/// As sbomnix writes it: derivations as references, patches by the ids in their names.
#[test]
fn sbomnix() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.4","version":1,"metadata":{"timestamp":"2026-01-01T00:00:00+00:00","component":{"type":"application",
          "bom-ref":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv","name":"curl","version":"7.71.1","purl":"pkg:nix/curl@7.71.1",
          "cpe":"cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*","licenses":[{"license":{"id":"curl"}}],
          "properties":[{"name":"nix:output_path","value":"/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1-bin"},
            {"name":"nix:output_path","value":"/nix/store/33yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1-dev"},
            {"name":"nix:drv_path","value":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv"},
            {"name":"nix:fetch_url","value":"https://curl.haxx.se/a.tar.bz2 https://b/"},{"name":"homepage","value":"https://curl.haxx.se"}]}},
          "components":[{"type":"library","bom-ref":"/nix/store/43yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11.drv","name":"zlib","version":"1.2.11",
            "pedigree":{"patches":[{"type":"unofficial","resolves":[{"type":"security","id":"CVE-2018-25032","references":["file:///nix/store/x-CVE-2018-25032.patch"]}]}]}}],
          "dependencies":[{"ref":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv","dependsOn":["/nix/store/43yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11.drv"]}]}"#,
    );
    assert_eq!(sbom.problems, []);
    assert_eq!((sbom.name.as_deref(), sbom.roots.as_slice()), (Some("curl"), [0].as_slice()));
    let [curl, zlib] = sbom.components.as_slice() else {
        panic!("{:?}", sbom.components)
    };
    assert_eq!((curl.name.as_str(), curl.version.as_str()), ("curl", "7.71.1"));
    assert_eq!(curl.purls, ["pkg:nix/curl@7.71.1"]);
    assert_eq!(curl.cpes, ["cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*"]);
    assert_eq!(
        curl.store_paths,
        [
            "/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1-bin",
            "/nix/store/33yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1-dev"
        ]
    );
    assert_eq!(
        curl.drv_path.as_deref(),
        Some("/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv")
    );
    assert_eq!(curl.source_urls, ["https://curl.haxx.se/a.tar.bz2", "https://b/"]);
    assert_eq!(curl.homepages, ["https://curl.haxx.se"]);
    assert_eq!(curl.licenses, ["curl"]);
    assert_eq!((curl.depends_on.as_slice(), &curl.patches), ([1].as_slice(), &None));
    let patches = zlib.patches.as_deref().unwrap();
    assert_eq!(patches[0].resolves, ["CVE-2018-25032"]);
    assert_eq!(patches[0].name.as_deref(), Some("file:///nix/store/x-CVE-2018-25032.patch"));
}

/// As bombon writes it: base names as references, whole patches, guessed CPE names as evidence.
#[test]
fn bombon() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"type":"application","bom-ref":"23yc9dd7fzj8n9ffsfap71gv06s0dp0g-hello-2.12","name":"hello","version":"2.12"}},
          "components":[{"type":"application","bom-ref":"43yc9dd7fzj8n9ffsfap71gv06s0dp0g-glibc-2.39","name":"glibc","version":"2.39","scope":"required","purl":"pkg:nix/glibc@2.39",
            "hashes":[{"alg":"SHA-256","content":"00ff"}],"externalReferences":[{"type":"vcs","url":"mirror://gnu/glibc"},{"type":"website","url":"https://gnu.org"},{"type":"chat","url":"x"}],
            "pedigree":{"patches":[{"type":"unofficial","diff":{"text":{"contentType":"text/plain","content":"Fix CVE-2024-2961"}}}]},
            "evidence":{"identity":{"field":"cpe","methods":[{"technique":"manifest-analysis","confidence":0.5,"value":"cpe:2.3:a:gnu:glibc:2.39:*:*:*:*:*:*:*"}]}}}],
          "dependencies":[{"ref":"23yc9dd7fzj8n9ffsfap71gv06s0dp0g-hello-2.12","dependsOn":["43yc9dd7fzj8n9ffsfap71gv06s0dp0g-glibc-2.39","gone"]}]}"#,
    );
    let glibc = &sbom.components[1];
    assert_eq!(glibc.store_paths, ["/nix/store/43yc9dd7fzj8n9ffsfap71gv06s0dp0g-glibc-2.39"]);
    assert_eq!(glibc.hashes, [("SHA-256".to_owned(), "00ff".to_owned())]);
    assert_eq!(glibc.possible_cpes, ["cpe:2.3:a:gnu:glibc:2.39:*:*:*:*:*:*:*"]);
    assert_eq!(
        (glibc.source_urls.as_slice(), glibc.homepages.as_slice()),
        (
            ["mirror://gnu/glibc".to_owned()].as_slice(),
            ["https://gnu.org".to_owned()].as_slice()
        )
    );
    assert_eq!(
        glibc.patches.as_deref().unwrap(),
        [Patch {
            text: Some("Fix CVE-2024-2961".into()),
            ..Patch::default()
        }]
    );
    assert_eq!(sbom.components[0].depends_on, [1]);
    assert_eq!(sbom.problems.len(), 1);
    assert_eq!(sbom.problems[0].message, "no component has the reference \"gone\"");
}

/// As syft writes it: a place in properties and in qualifiers.
#[test]
fn syft() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"bom-ref":"pkg:nix/curl@8.1?outputhash=q7z9hp2zsg4id778s4ai1i1yld6zjvq4&package-id=1","type":"library","name":"curl","version":"8.1",
          "properties":[{"name":"syft:package:type","value":"nix"},{"name":"syft:metadata:path","value":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-8.1"},
          {"name":"syft:metadata:derivation","value":"/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-8.1.drv"}],
          "evidence":{"identity":[{"field":"purl","methods":[{"value":"x"}]},{"field":"cpe","methods":[{"value":"cpe:2.3:a:b:c:*:*:*:*:*:*:*:*"}]}]}}]}"#,
    );
    assert_eq!(
        sbom.components[0].store_paths,
        ["/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-8.1"]
    );
    assert_eq!(
        sbom.components[0].drv_path.as_deref(),
        Some("/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-8.1.drv")
    );
    assert_eq!(sbom.components[0].possible_cpes, ["cpe:2.3:a:b:c:*:*:*:*:*:*:*:*"]);
    assert_eq!(sbom.roots, [0]);
}

#[test]
fn components_inside_components_are_their_dependencies() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.7","components":[{"bom-ref":"a","name":"a","components":[{"bom-ref":"b","group":"org","name":"b",
          "components":[{"bom-ref":"c","name":"c"}]},{"components":[{"bom-ref":"d","name":"d"}]}]}]}"#,
    );
    let names: Vec<_> = sbom.components.iter().map(|c| (c.name.as_str(), c.depends_on.as_slice())).collect();
    assert_eq!(
        names,
        [
            ("a", [1, 3].as_slice()),
            ("org/b", [2].as_slice()),
            ("c", [].as_slice()),
            ("d", [].as_slice())
        ]
    );
    assert_eq!(sbom.roots, [0]);
    assert_eq!(sbom.problems[0].message, "it has no name");
}

#[test]
fn members_of_another_type_cost_themselves_alone() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":1.6,"metadata":[],"components":[7,null,"x",{"name":"a","version":3,"purl":null,"hashes":{},"properties":["x",{"name":1}],
          "pedigree":{"patches":null},"licenses":"MIT","bom-ref":[1]},[]],"dependencies":{"a":1},"unknown":{"deep":[[[{}]]]}}"#,
    );
    assert_eq!(sbom.components.len(), 1);
    assert_eq!(
        (sbom.components[0].version.as_str(), sbom.components[0].reference.as_str()),
        ("3", "component 0")
    );
}

#[test]
fn a_component_named_twice_is_one_another_with_its_reference_is_told() {
    let sbom = sbom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"bom-ref":"a","name":"a"}},"components":[{"bom-ref":"a","name":"a"},{"bom-ref":"a","name":"b"}]}"#,
    );
    assert_eq!(sbom.components.len(), 2);
    assert_eq!(sbom.problems.len(), 1);
    assert_eq!(sbom.problems[0].message, "its reference \"a\" stands for another one already");
}

#[test]
fn analyses_are_statements() {
    let vex = parse(
        br#"{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:1","metadata":{"timestamp":"2026-01-02T00:00:00Z","authors":[{"email":"a@b"}]},
          "components":[{"bom-ref":"z","name":"zlib","version":"1.2.11","purl":"pkg:nix/zlib@1.2.11"}],
          "vulnerabilities":[
            {"id":"CVE-2018-25032","references":[{"id":"GHSA-jc36-42cf-vqwj"}],"analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"no deflate"},
             "affects":[{"ref":"z"},{"ref":"urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#z"},{"ref":"pkg:npm/x@1"}]},
            {"id":"CVE-2018-1","analysis":{"state":"exploitable","response":["update","workaround_available"]}},
            {"id":"CVE-2018-2"},{"id":"CVE-2018-3","analysis":{"state":"guessed"}},
            {"id":"CVE-2018-4","analysis":{"state":"false_positive","justification":"requires_configuration"}}]}"#,
    )
    .unwrap()
    .vex;
    assert_eq!((vex.author.as_deref(), vex.id.as_deref()), (Some("a@b"), Some("urn:uuid:1")));
    let [first, second, third] = vex.statements.as_slice() else {
        panic!("{:?}", vex.statements)
    };
    assert_eq!(
        (first.status, first.justification),
        (Status::NotAffected, Some(Justification::VulnerableCodeNotInExecutePath))
    );
    assert_eq!(first.aliases, ["GHSA-jc36-42cf-vqwj"]);
    assert_eq!(first.timestamp.as_deref(), Some("2026-01-02T00:00:00Z"));
    assert_eq!(first.products[0].purls, ["pkg:nix/zlib@1.2.11"]);
    assert_eq!(
        (first.products[1].name.as_deref(), first.products[1].version.as_deref()),
        (Some("zlib"), Some("1.2.11"))
    );
    assert_eq!(first.products[2].purls, ["pkg:npm/x@1"]);
    assert_eq!(
        (second.status, second.action.as_deref()),
        (Status::Affected, Some("update, workaround_available"))
    );
    assert_eq!(
        (third.justification, third.impact.as_deref()),
        (None, Some("requires_configuration"))
    );
    assert_eq!(vex.problems.len(), 1);
    assert_eq!(vex.problems[0].message, "no analysis state is named \"guessed\"");
}

#[test]
fn other_versions_are_refused() {
    assert_eq!(
        parse(br#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#).unwrap_err().to_string(),
        "read CycloneDX 2.0: 1.4 to 1.7 are read"
    );
    assert!(parse(br#"{"bomFormat":"Other"}"#).is_err());
}

#[test]
fn security_deep_nesting_is_an_error() {
    let deep = |levels: usize| {
        let open = "{\"name\":\"a\",\"components\":[".repeat(levels);
        format!(
            "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[{open}{}]}}",
            "]}".repeat(levels)
        )
    };
    assert_eq!(parse(deep(60).as_bytes()).unwrap().sbom.components.len(), 60);
    assert!(parse(deep(100_000).as_bytes()).is_err());
    let unknown = format!(
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"x\":{}{}}}",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    assert!(parse(unknown.as_bytes()).is_ok() || parse(unknown.as_bytes()).is_err());
}

#[test]
fn security_a_component_that_is_affected_a_million_times_stays_small() {
    let name = "n".repeat(100_000);
    let affects = vec!["{\"ref\":\"a\"}"; 50_000].join(",");
    let document = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"bom-ref":"a","name":"{name}"}}],
          "vulnerabilities":[{{"id":"CVE-2020-1","analysis":{{"state":"resolved"}},"affects":[{affects}]}}]}}"#
    );
    let vex = parse(document.as_bytes()).unwrap().vex;
    assert_eq!(vex.statements, []);
    assert!(vex.problems[0].message.contains("repeats itself"), "{:?}", vex.problems);
}

#[test]
fn security_too_many_elements_are_an_error() {
    let document = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}{{}}]}}"#,
        "{},".repeat(tolerant::MAX_ELEMENTS)
    );
    let error = parse(document.as_bytes()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("more than 500000 elements in a list"), "{cause}");
}
