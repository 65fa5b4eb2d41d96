use super::*;

#[test]
fn statements_with_all_their_members() {
    let vex = parse(
        br#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://openvex.dev/docs/example/vex-1","author":"A","role":"x","timestamp":"2023-01-08T18:02:03.647787998-06:00","version":1,
          "statements":[
            {"vulnerability":{"@id":"https://nvd.nist.gov/vuln/detail/CVE-2019-17571","name":"CVE-2019-17571","aliases":["GHSA-2qrg-x229-3v8q"]},
             "products":[{"@id":"pkg:apk/wolfi/product@1.23.0-r1?arch=armv7","identifiers":{"purl":"pkg:maven/org.apache.logging.log4j/log4j-core@2.4","cpe23":"cpe:2.3:a:apache:log4j:2.4:-:*:*:*:*:*:*","@cpe22":"cpe:/a:apache:log4j:2.4:-"},
               "hashes":{"sha-256":"40","blake9":7},"subcomponents":[{"@id":"pkg:nix/zlib@1"}]}],
             "status":"not_affected","justification":"component_not_present","impact_statement":"gone"},
            {"vulnerability":{"name":"CVE-2020-1"},"timestamp":"2024-01-01T00:00:00Z","products":[{"@id":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1"}],"status":"affected","action_statement":"update"}]}"#,
    )
    .unwrap();
    assert_eq!((vex.author.as_deref(), vex.problems.len()), (Some("A"), 0));
    let [first, second] = vex.statements.as_slice() else {
        panic!("{:?}", vex.statements)
    };
    assert_eq!(
        (first.vulnerability.as_str(), first.aliases.as_slice()),
        ("CVE-2019-17571", ["GHSA-2qrg-x229-3v8q".to_owned()].as_slice())
    );
    assert_eq!(
        (first.status, first.justification, first.impact.as_deref()),
        (Status::NotAffected, Some(Justification::ComponentNotPresent), Some("gone"))
    );
    assert_eq!(first.timestamp.as_deref(), Some("2023-01-08T18:02:03.647787998-06:00"));
    let product = &first.products[0];
    assert_eq!(
        product.purls,
        [
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.4",
            "pkg:apk/wolfi/product@1.23.0-r1?arch=armv7"
        ]
    );
    assert_eq!(
        product.cpes,
        ["cpe:2.3:a:apache:log4j:2.4:-:*:*:*:*:*:*", "cpe:/a:apache:log4j:2.4:-"]
    );
    assert_eq!(product.hashes[1], ("sha-256".to_owned(), "40".to_owned()));
    assert_eq!(product.parts[0].purls, ["pkg:nix/zlib@1"]);
    assert_eq!(
        (second.status, second.action.as_deref(), second.timestamp.as_deref()),
        (Status::Affected, Some("update"), Some("2024-01-01T00:00:00Z"))
    );
    assert_eq!(
        second.products[0].store_paths,
        ["/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1"]
    );
}

/// Up to 0.0.2 they were texts.
#[test]
fn bare_texts_of_older_documents() {
    let vex = parse(
        br#"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"CVE-2020-1","products":["pkg:nix/a@1"],"status":"fixed"}]}"#,
    )
    .unwrap();
    assert_eq!(vex.statements[0].vulnerability, "CVE-2020-1");
    assert_eq!(vex.statements[0].products[0].purls, ["pkg:nix/a@1"]);
}

#[test]
fn a_statement_that_says_nothing_does_not_take_the_others_along() {
    let vex = parse(
        br#"{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"status":"fixed"},{"vulnerability":{"name":"CVE-2020-1"},"status":"great"},
          {"vulnerability":{"name":"CVE-2020-2"},"status":"FIXED","products":"pkg:nix/a"}]}"#,
    )
    .unwrap();
    assert_eq!(vex.statements.len(), 1);
    assert_eq!(vex.statements[0].products[0].purls, ["pkg:nix/a"]);
    let messages: Vec<_> = vex.problems.iter().map(|p| (p.at.as_str(), p.message.as_str())).collect();
    assert_eq!(
        messages,
        [
            ("statement 0", "it names no vulnerability"),
            ("statement 1", "no status is named \"great\"")
        ]
    );
}

#[test]
fn another_context_is_another_format() {
    assert_eq!(
        parse(br#"{"@context":"https://spdx.org/"}"#).unwrap_err().to_string(),
        "read document as OpenVEX: its \"@context\" is \"https://spdx.org/\""
    );
}
