use super::*;

const DOCUMENT: &str = r#"{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"name":"P"},"tracking":{"id":"X-1","current_release_date":"2024-01-01T00:00:00Z"}},
  "product_tree":{
    "branches":[{"category":"vendor","name":"V","branches":[{"category":"product_name","name":"curl","branches":[
       {"category":"product_version","name":"7.71.1","product":{"name":"V curl 7.71.1","product_id":"C1","product_identification_helper":{"purl":"pkg:nix/curl@7.71.1","cpe":"cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*",
         "hashes":[{"filename":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1","file_hashes":[{"algorithm":"sha256","value":"00"}]}]}}},
       {"category":"product_version","name":"7.72","product":{"name":"V curl 7.72","product_id":"C2"}}]}]}],
    "full_product_names":[{"name":"System","product_id":"S"}],
    "product_groups":[{"group_id":"G","product_ids":["C1","C2"]}],
    "relationships":[{"category":"default_component_of","product_reference":"C1","relates_to_product_reference":"S","full_product_name":{"name":"curl in System","product_id":"S:C1"}}]},
  "vulnerabilities":[
    {"cve":"CVE-2020-8177","ids":[{"system_name":"X","text":"X-9"}],"product_status":{"known_not_affected":["C1","C2","S:C1"],"fixed":["C2"],"first_fixed":["C2"]},
     "flags":[{"label":"vulnerable_code_not_present","group_ids":["G"],"date":"2024-02-02T00:00:00Z"}],"threats":[{"category":"impact","details":"not built","product_ids":["S:C1"]},{"category":"exploit_status","details":"none","product_ids":["C1"]}]},
    {"ids":[{"system_name":"X","text":"X-10"}],"product_status":{"known_affected":["C1","gone"],"under_investigation":["C2"]},"remediations":[{"category":"vendor_fix","details":"update","product_ids":["C1"]}]},
    {"product_status":{"fixed":["C1"]}}]}"#;

#[test]
fn who_is_affected_by_what() {
    let vex = parse(DOCUMENT.as_bytes()).unwrap();
    assert_eq!((vex.author.as_deref(), vex.id.as_deref()), (Some("P"), Some("X-1")));
    let short: Vec<_> = vex
        .statements
        .iter()
        .map(|s| {
            let ids: Vec<_> = s.products.iter().map(|p| p.id.as_deref().unwrap()).collect();
            (s.vulnerability.as_str(), s.status.name(), ids.join(" "))
        })
        .collect();
    assert_eq!(
        short,
        [
            ("CVE-2020-8177", "not_affected", "S:C1".to_owned()),
            ("CVE-2020-8177", "not_affected", "C1 C2".to_owned()),
            ("CVE-2020-8177", "fixed", "C2".to_owned()),
            ("X-10", "affected", "gone".to_owned()),
            ("X-10", "affected", "C1".to_owned()),
            ("X-10", "under_investigation", "C2".to_owned()),
        ]
    );
    let justified = &vex.statements[1];
    assert_eq!(justified.justification, Some(Justification::VulnerableCodeNotPresent));
    assert_eq!(justified.timestamp.as_deref(), Some("2024-02-02T00:00:00Z"));
    assert_eq!(justified.aliases, ["X-9"]);
    let curl = &justified.products[0];
    assert_eq!((curl.name.as_deref(), curl.version.as_deref()), (Some("curl"), Some("7.71.1")));
    assert_eq!(
        (curl.purls.len(), curl.cpes.len(), curl.store_paths.as_slice()),
        (
            1,
            1,
            ["/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1".to_owned()].as_slice()
        )
    );
    let part = &vex.statements[0];
    assert_eq!((part.justification, part.impact.as_deref()), (None, Some("not built")));
    assert_eq!(
        (part.products[0].name.as_deref(), part.products[0].parts[0].id.as_deref()),
        (Some("System"), Some("C1"))
    );
    assert_eq!(vex.statements[4].action.as_deref(), Some("update"));
    assert_eq!(vex.problems.len(), 1);
    assert_eq!(
        (vex.problems[0].at.as_str(), vex.problems[0].message.as_str()),
        ("vulnerability 2", "it has neither a CVE nor another id")
    );
}

#[test]
fn other_versions_are_refused() {
    assert_eq!(
        parse(br#"{"document":{"csaf_version":"1.2"}}"#).unwrap_err().to_string(),
        "read CSAF 1.2: 2.0 and 2.1 are read"
    );
    assert_eq!(
        parse(b"{}").unwrap_err().to_string(),
        "read document as CSAF: it has no \"document\""
    );
}

#[test]
fn security_deep_branches_are_an_error() {
    let deep = |levels: usize| {
        format!(
            r#"{{"document":{{"csaf_version":"2.0"}},"product_tree":{{"branches":[{}{}]}}}}"#,
            r#"{"category":"vendor","name":"a","branches":["#.repeat(levels),
            "]}".repeat(levels)
        )
    };
    assert!(parse(deep(50).as_bytes()).is_ok());
    assert!(parse(deep(100_000).as_bytes()).is_err());
}

#[test]
fn security_groups_in_many_places_end() {
    let products: Vec<String> = (0..20_000).map(|n| format!("\"p{n}\"")).collect();
    let flags = vec![r#"{"label":"component_not_present","group_ids":["G"]}"#; 20_000].join(",");
    let document = format!(
        r#"{{"document":{{"csaf_version":"2.0"}},"product_tree":{{"product_groups":[{{"group_id":"G","product_ids":[{}]}}]}},
          "vulnerabilities":[{{"cve":"CVE-2020-1","product_status":{{"known_not_affected":["p1"]}},"flags":[{flags}]}}]}}"#,
        products.join(",")
    );
    let started = std::time::Instant::now();
    // What cannot be paid for is left out; that is said.
    let vex = parse(document.as_bytes()).unwrap();
    assert!(
        vex.statements.is_empty() && vex.problems[0].message.contains("repeats itself"),
        "{vex:?}"
    );
    assert!(started.elapsed().as_secs() < 20, "took {:?}", started.elapsed());
}
