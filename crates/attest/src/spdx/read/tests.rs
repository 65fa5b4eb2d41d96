use super::*;

#[test]
fn packages_and_how_they_hang_together() {
    let sbom = parse(
        br#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"system","dataLicense":"CC0-1.0","packages":[
          {"SPDXID":"SPDXRef-curl","name":"curl","versionInfo":"7.71.1","downloadLocation":"https://curl.haxx.se/a.tar.bz2","homepage":"NOASSERTION","licenseConcluded":"NOASSERTION",
           "packageFileName":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1","primaryPackagePurpose":"LIBRARY","checksums":[{"algorithm":"SHA256","checksumValue":"00"}],
           "externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:nix/curl@7.71.1"},
             {"referenceCategory":"SECURITY","referenceType":"http://spdx.org/rdf/references/cpe23Type","referenceLocator":"cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*"},
             {"referenceCategory":"OTHER","referenceType":"nix-drv","referenceLocator":"/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1.drv"}]},
          {"SPDXID":"SPDXRef-zlib","name":"zlib","versionInfo":"1.2.11","licenseDeclared":"Zlib"},
          {"SPDXID":"SPDXRef-p","name":"CVE-2018-25032.patch"},{"SPDXID":"SPDXRef-in","name":"inner"},{"SPDXID":"SPDXRef-nameless"}],
        "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-curl"},
          {"spdxElementId":"SPDXRef-zlib","relationshipType":"RUNTIME_DEPENDENCY_OF","relatedSpdxElement":"SPDXRef-curl"},
          {"spdxElementId":"SPDXRef-curl","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-in"},
          {"spdxElementId":"SPDXRef-curl","relationshipType":"DEPENDS_ON","relatedSpdxElement":"NOASSERTION"},
          {"spdxElementId":"SPDXRef-p","relationshipType":"PATCH_APPLIED","relatedSpdxElement":"SPDXRef-zlib"}]}"#,
    )
    .unwrap();
    assert_eq!((sbom.name.as_deref(), sbom.roots.as_slice()), (Some("system"), [0].as_slice()));
    let curl = &sbom.components[0];
    assert_eq!((curl.name.as_str(), curl.version.as_str()), ("curl", "7.71.1"));
    assert_eq!(curl.purls, ["pkg:nix/curl@7.71.1"]);
    assert_eq!(curl.cpes, ["cpe:2.3:a:haxx:curl:7.71.1:*:*:*:*:*:*:*"]);
    assert_eq!(curl.store_paths, ["/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1"]);
    assert_eq!(
        curl.drv_path.as_deref(),
        Some("/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1.drv")
    );
    assert_eq!(curl.source_urls, ["https://curl.haxx.se/a.tar.bz2"]);
    assert_eq!((curl.homepages.len(), curl.licenses.len()), (0, 0));
    assert_eq!(curl.hashes, [("SHA256".to_owned(), "00".to_owned())]);
    assert_eq!(curl.depends_on, [1, 3]);
    let zlib = &sbom.components[1];
    assert_eq!(zlib.licenses, ["Zlib"]);
    assert_eq!(zlib.patches.as_ref().unwrap()[0].name.as_deref(), Some("CVE-2018-25032.patch"));
    assert_eq!(sbom.problems.len(), 1);
    assert_eq!(sbom.problems[0].message, "it has no name");
}

#[test]
fn ids_of_sbomnix_hold_the_path() {
    let sbom = parse(
        br#"{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef--nix-store-q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv","name":"curl","versionInfo":"7.71.1"}],
          "documentDescribes":["SPDXRef--nix-store-q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv"]}"#,
    )
    .unwrap();
    assert_eq!(
        sbom.components[0].drv_path.as_deref(),
        Some("/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1.drv")
    );
    assert_eq!(sbom.roots, [0]);
}

#[test]
fn other_versions_are_refused() {
    assert_eq!(
        parse(br#"{"spdxVersion":"SPDX-2.0"}"#).unwrap_err().to_string(),
        "read SPDX SPDX-2.0: SPDX-2.2 and SPDX-2.3 are read"
    );
    assert!(parse(b"SPDXVersion: SPDX-2.3").unwrap_err().to_string().contains("tag-value"));
}

#[test]
fn security_one_patch_applied_a_million_times_stays_small() {
    let relationship = r#"{"spdxElementId":"p","relationshipType":"PATCH_FOR","relatedSpdxElement":"a"}"#;
    let document = format!(
        r#"{{"spdxVersion":"SPDX-2.3","packages":[{{"SPDXID":"a","name":"a"}},{{"SPDXID":"p","name":"{}"}}],"relationships":[{}]}}"#,
        "p".repeat(100_000),
        vec![relationship; 20_000].join(",")
    );
    let sbom = parse(document.as_bytes()).unwrap();
    assert!(sbom.components[0].patches.as_ref().unwrap().len() < 1000);
    assert!(sbom.problems[0].message.contains("repeats itself"));
}
