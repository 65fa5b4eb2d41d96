use super::*;
use crate::advisory::{CpeMatch, End, Operator, Reference};

/// A record with these containers, which must be read without problems.
fn clean(containers: &str) -> Advisory {
    let (advisory, problems) = with_problems(containers);
    assert_eq!(problems, []);
    advisory
}

fn with_problems(containers: &str) -> (Advisory, Vec<(String, String)>) {
    let text = format!(
        r#"{{"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": {{"cveId": "CVE-2099-0001", "state": "PUBLISHED"}}, "containers": {containers}}}"#
    );
    let (advisory, problems) = parse(text.as_bytes()).unwrap();
    (advisory, problems.into_iter().map(|p| (p.at, p.message)).collect())
}

/// A record whose CNA names one product with these members.
fn product(members: &str) -> Affected {
    clean(&format!(r#"{{"cna": {{"affected": [{{{members}}}]}}}}"#)).affected.remove(0)
}

fn single(version: &str, status: Status) -> VersionEntry {
    VersionEntry {
        version: version.into(),
        status,
        scheme: None,
        bound: None,
        changes: Vec::new(),
    }
}

#[test]
fn version_5_0_without_adp() {
    let (advisory, problems) = parse(
        br#"{
            "containers": {
                "cna": {
                    "providerMetadata": {"orgId": "11111111-2222-4333-8444-555555555555", "shortName": "example"},
                    "title": "Heap overflow in frob",
                    "datePublic": "2099-01-01T00:00:00Z",
                    "affected": [{"vendor": "Example Project", "product": "frob", "versions": [
                        {"version": "unspecified", "status": "affected", "lessThan": "1.2.3", "versionType": "custom"}
                    ]}],
                    "descriptions": [{"lang": "de", "value": "Ein \u00dcberlauf."}, {"lang": "en-GB", "value": "An overflow.\nIn frob."}],
                    "problemTypes": [{"descriptions": [{"lang": "en", "type": "CWE", "cweId": "CWE-122", "description": "CWE-122 Heap-based Buffer Overflow"}]},
                                     {"descriptions": [{"lang": "en", "type": "text", "description": "CWE-20: Improper Input Validation"}]},
                                     {"descriptions": [{"lang": "en", "type": "text", "description": "n/a"}]}],
                    "references": [{"url": "https://example.org/advisory", "name": "A", "tags": ["Vendor Advisory", "x_refsource_MISC"]}]
                }
            },
            "cveMetadata": {"cveId": "cve-2099-0001", "state": "PUBLISHED", "dateUpdated": "2099-01-03T00:00:00"},
            "dataType": "CVE_RECORD",
            "dataVersion": "5.0"
        }"#,
    )
    .unwrap();
    assert_eq!(problems, []);
    let expected = Advisory {
        id: "CVE-2099-0001".into(),
        source: Source::Cve,
        title: Some("Heap overflow in frob".into()),
        description: "An overflow.\nIn frob.".into(),
        published: Some("2099-01-01T00:00:00Z".into()),
        modified: Some("2099-01-03T00:00:00".into()),
        references: vec![Reference {
            url: "https://example.org/advisory".into(),
            tags: vec!["vendor-advisory".into()],
        }],
        cwes: vec!["CWE-122".into(), "CWE-20".into()],
        affected: vec![Affected {
            provider: "cna".into(),
            vendor: Some("Example Project".into()),
            product: Some("frob".into()),
            versions: vec![VersionEntry {
                scheme: Some("custom".into()),
                bound: Some(UpperBound::LessThan("1.2.3".into())),
                ..single("unspecified", Status::Affected)
            }],
            ..Affected::default()
        }],
        ..Advisory::default()
    };
    assert_eq!(advisory, expected);
}

#[test]
fn adp_containers_add_to_what_the_cna_says() {
    let advisory = clean(
        r#"{
            "cna": {
                "affected": [{"vendor": "n/a", "product": " N/A ", "versions": [{"version": "n/a", "status": "affected"}]}],
                "references": [{"url": "https://example.org/1", "tags": ["exploit"]}, {"url": "https://example.org/2"}],
                "metrics": [{"format": "CVSS", "cvssV3_1": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8}}]
            },
            "adp": [
                {"title": "CVE Program Container", "references": [{"url": "https://example.org/1", "tags": ["x_transferred", "patch", "exploit"]}, {"url": "https://example.org/3"}],
                 "providerMetadata": {"orgId": "af854a3a-2127-422b-91ae-364da2661108", "shortName": "CVE"}},
                {"title": "CISA ADP Vulnrichment",
                 "affected": [{"vendor": "example", "product": "frob", "defaultStatus": "unknown",
                               "cpes": ["cpe:2.3:a:example:frob:*:*:*:*:*:*:*:*", "cpe:/a:example:frob:2"],
                               "versions": [{"version": "0", "lessThanOrEqual": "1.2", "versionType": "CUSTOM", "status": "affected"}]}],
                 "problemTypes": [{"descriptions": [{"type": "CWE", "cweId": "CWE-79", "lang": "en", "description": "x"}]}],
                 "providerMetadata": {"shortName": "CISA-ADP"}}
            ]
        }"#,
    );
    let [cna, cisa] = advisory.affected.as_slice() else {
        panic!("{:?}", advisory.affected)
    };
    assert_eq!((cna.provider.as_str(), &cna.vendor, &cna.product), ("cna", &None, &None));
    assert_eq!(
        (cisa.provider.as_str(), cisa.vendor.as_deref(), cisa.product.as_deref()),
        ("CISA-ADP", Some("example"), Some("frob"))
    );
    assert_eq!(
        cisa.cpes.iter().map(|c| c.version.as_deref()).collect::<Vec<_>>(),
        [None, Some("2")]
    );
    assert_eq!(cisa.versions[0].bound, Some(UpperBound::LessThanOrEqual("1.2".into())));
    assert_eq!(cisa.versions[0].scheme.as_deref(), Some("custom"));
    assert_eq!(advisory.cwes, ["CWE-79"]);
    let links: Vec<(&str, Vec<&str>)> = advisory
        .references
        .iter()
        .map(|r| (r.url.as_str(), r.tags.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        links,
        [
            ("https://example.org/1", vec!["exploit", "patch"]),
            ("https://example.org/2", vec![]),
            ("https://example.org/3", vec![])
        ]
    );
    let [score] = advisory.scores.as_slice() else {
        panic!("{:?}", advisory.scores)
    };
    assert_eq!(
        (score.provider.as_str(), score.version, score.published, score.computed),
        ("cna", CvssVersion::V31, Some(9.8), Some(9.8))
    );
}

#[test]
fn scores_of_every_cvss_version() {
    let advisory = clean(
        r#"{"cna": {"metrics": [
            {"cvssV2_0": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P", "baseScore": 7.5},
             "cvssV4_0": {"vectorString": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "baseScore": 10}},
            {"cvssV3_0": {"vectorString": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}},
            {"cvssV3_0": {"vectorString": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}},
            {"other": {"type": "Vendor severity", "content": {"value": "Important"}}}
        ]}, "adp": []}"#,
    );
    let scores: Vec<_> = advisory.scores.iter().map(|s| (s.version, s.published, s.computed)).collect();
    assert_eq!(
        scores,
        [
            (CvssVersion::V4, Some(10.0), Some(10.0)),
            (CvssVersion::V2, Some(7.5), Some(7.5)),
            (CvssVersion::V30, None, Some(7.5)),
        ]
    );
}

#[test]
fn a_broken_vector_is_a_problem_and_the_published_score_stays() {
    let (advisory, problems) = with_problems(
        r#"{"cna": {"metrics": [{"cvssV3_1": {"baseScore": 9.1, "vectorString": "CVSS:3.1/AV:N"}}, {"cvssV3_1": {"baseScore": 5}}]}}"#,
    );
    assert_eq!(
        advisory.scores.iter().map(|s| (s.published, s.computed)).collect::<Vec<_>>(),
        [(Some(9.1), None)]
    );
    assert_eq!(
        problems,
        [
            (
                "/containers/cna/metrics/0/cvssV3_1/vectorString".into(),
                "CVSS 3.1 vector has no AC metric".into()
            ),
            ("/containers/cna/metrics/1/cvssV3_1".into(), "no vectorString".into()),
        ]
    );
}

#[test]
fn ssvc_and_kev_stand_inside_an_adp_container() {
    let advisory = clean(
        r#"{"cna": {}, "adp": [{"metrics": [
            {"other": {"content": {"id": "CVE-2099-0001", "role": "CISA Coordinator", "options": [
                {"Exploitation": "active"}, {"Automatable": "no"}, {"Technical Impact": "total"}], "timestamp": "2099-01-02T00:00:00Z"}, "type": "ssvc"}},
            {"other": {"type": "kev", "content": {"dateAdded": "2099-01-04", "reference": "https://example.org/kev"}}},
            {"other": {"type": "ssvc"}}
        ]}]}"#,
    );
    let expected = Ssvc {
        exploitation: "active".into(),
        automatable: "no".into(),
        technical_impact: "total".into(),
    };
    assert_eq!((advisory.ssvc, advisory.kev_date.as_deref()), (Some(expected), Some("2099-01-04")));
}

#[test]
fn rejected_records_say_why() {
    let (advisory, problems) = parse(
        br#"{"cveMetadata": {"cveId": "CVE-2099-0002", "state": "REJECTED", "datePublished": "2099-01-01", "dateRejected": "2099-02-01"},
             "containers": {"cna": {"rejectedReasons": [{"lang": "en", "value": "Duplicate."}], "replacedBy": ["cve-2099-0003"]}}}"#,
    )
    .unwrap();
    assert_eq!(problems, []);
    assert_eq!(
        advisory.state,
        State::Rejected {
            reason: "Duplicate.".into(),
            replaced_by: vec!["CVE-2099-0003".into()]
        }
    );
    assert_eq!(advisory.published.as_deref(), Some("2099-01-01"));
}

#[test]
fn a_republished_record_stands() {
    // Reasons of an earlier rejection may stay behind; the state decides.
    let advisory =
        clean(r#"{"cna": {"rejectedReasons": [{"lang": "en", "value": "old"}], "descriptions": [{"lang": "en", "value": "new"}]}}"#);
    assert_eq!((advisory.state, advisory.description.as_str()), (State::Published, "new"));
}

#[test]
fn tags_of_the_record_and_of_old_descriptions() {
    let advisory = clean(r#"{"cna": {"tags": ["exclusively-hosted-service", "x_open-source", "disputed", "disputed"]}}"#);
    assert_eq!(advisory.tags, [Tag::ExclusivelyHostedService, Tag::Disputed]);
    let advisory = clean(
        r#"{"cna": {"descriptions": [{"lang": "en", "value": "** UNSUPPORTED WHEN ASSIGNED ** ** DISPUTED ** A thing ** DISPUTED **."}]}}"#,
    );
    assert_eq!(advisory.tags, [Tag::UnsupportedWhenAssigned, Tag::Disputed]);
}

#[test]
fn identity_of_a_product() {
    let affected = product(
        r#""vendor": "Example", "product": "-", "packageName": "frob", "collectionURL": "https://example.org/packages",
           "repo": "https://example.org/frob.git", "platforms": ["Windows", "x86"], "modules": ["core"], "programFiles": ["src/a.c", "src/b.c"],
           "programRoutines": [{"name": "frob_read"}, {"name": "frob_write"}], "defaultStatus": "unaffected""#,
    );
    assert_eq!(affected.product, None);
    assert_eq!(affected.package_name.as_deref(), Some("frob"));
    assert_eq!(affected.collection_url.as_deref(), Some("https://example.org/packages"));
    assert_eq!(affected.repo.as_deref(), Some("https://example.org/frob.git"));
    assert_eq!(affected.platforms, ["Windows", "x86"]);
    assert_eq!(affected.components, ["core", "src/a.c", "src/b.c", "frob_read", "frob_write"]);
    assert_eq!(affected.default_status, Status::Unaffected);
}

#[test]
fn version_5_2_names_a_package_url() {
    assert_eq!(
        product(r#""packageURL": "pkg:npm/%40example/frob""#).package_url.as_deref(),
        Some("pkg:npm/%40example/frob")
    );
    let (advisory, problems) = with_problems(r#"{"cna": {"affected": [{"packageURL": "npm/frob"}]}}"#);
    assert_eq!(advisory.affected[0].package_url.as_deref(), Some("npm/frob"));
    let message = "parse package URL at byte 0: expected \"pkg:\"".to_owned();
    assert_eq!(problems, [("/containers/cna/affected/0/packageURL".to_owned(), message)]);
}

#[test]
fn changes_inside_a_range() {
    let affected = product(
        r#""versions": [{"version": "3.0", "lessThan": "*", "status": "affected", "versionType": "semver", "changes": [
            {"at": "3.2.1", "status": "unaffected"}, {"status": "affected", "at": "4.0"}]}, {"version": "2.9", "status": "unknown"}]"#,
    );
    let changed = |at: &str, status| Change { at: at.into(), status };
    let range = VersionEntry {
        scheme: Some("semver".into()),
        bound: Some(UpperBound::LessThan("*".into())),
        changes: vec![changed("3.2.1", Status::Unaffected), changed("4.0", Status::Affected)],
        ..single("3.0", Status::Affected)
    };
    assert_eq!(affected.versions, [range, single("2.9", Status::Unknown)]);
}

#[test]
fn version_entries_with_something_missing() {
    let (advisory, problems) = with_problems(
        r#"{"cna": {"affected": [{"defaultStatus": "maybe", "versions": [
            {"version": 1.10, "status": "affected"},
            {"lessThan": "2", "status": "affected"},
            {"status": "affected"},
            {"version": "3"},
            {"version": "4", "status": "afected", "lessThan": "5", "lessThanOrEqual": "6", "changes": [{"status": "unaffected"}]},
            "5.0"]}, "frob"]}}"#,
    );
    let range = |start: &str, status, end: &str| VersionEntry {
        bound: Some(UpperBound::LessThan(end.into())),
        ..single(start, status)
    };
    assert_eq!(
        advisory.affected[0].versions,
        [
            single("1.10", Status::Affected),
            range("0", Status::Affected, "2"),
            single("3", Status::Unknown),
            range("4", Status::Unknown, "5"),
        ]
    );
    assert_eq!(advisory.affected.len(), 1);
    let at = |path: &str, message: &str| (format!("/containers/cna/affected/{path}"), message.to_owned());
    assert_eq!(
        problems,
        [
            at("0/defaultStatus", "neither affected, unaffected nor unknown, read as unknown"),
            at("0/versions/0/version", "expected text, kept as written"),
            at("0/versions/1", "no version, read as a range from 0"),
            at("0/versions/2", "no version, left out"),
            at("0/versions/3", "no status, read as unknown"),
            at("0/versions/4/status", "neither affected, unaffected nor unknown, read as unknown"),
            at("0/versions/4/changes/0", "no version at which the status changes, left out"),
            at("0/versions/4", "both lessThan and lessThanOrEqual, the first is used"),
            at("0/versions/5", "expected an object, found text"),
            at("1", "expected an object, found text"),
        ]
    );
}

#[test]
fn version_5_1_cpe_applicability() {
    let advisory = clean(
        r#"{"cna": {"cpeApplicability": [
            {"operator": "AND", "negate": true, "nodes": [
                {"operator": "OR", "negate": false, "cpeMatch": [
                    {"vulnerable": true, "criteria": "cpe:2.3:a:example:frob:*:*:*:*:*:*:*:*", "matchCriteriaId": "A",
                     "versionStartIncluding": "1.0", "versionEndExcluding": "1.5"},
                    {"vulnerable": true, "criteria": "cpe:2.3:a:example:frob:*:*:*:*:*:*:*:*", "versionStartExcluding": "2.0", "versionEndIncluding": "2.5"}]},
                {"operator": "AND", "negate": true, "cpeMatch": [{"vulnerable": false, "criteria": "cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*"}]}]},
            {"nodes": [{"cpeMatch": []}]}]}}"#,
    );
    let [first, second] = advisory.configurations.as_slice() else {
        panic!("{:?}", advisory.configurations)
    };
    assert_eq!((first.operator, first.negate, first.nodes.len()), (Operator::And, true, 2));
    assert_eq!((second.operator, second.negate, second.nodes.len()), (Operator::Or, false, 1));
    let end = |version: &str, inclusive| {
        Some(End {
            version: version.into(),
            inclusive,
        })
    };
    let frob = "cpe:2.3:a:example:frob".parse().unwrap();
    assert_eq!(
        first.nodes[0].matches,
        [
            CpeMatch {
                vulnerable: true,
                cpe: Clone::clone(&frob),
                start: end("1.0", true),
                end: end("1.5", false)
            },
            CpeMatch {
                vulnerable: true,
                cpe: frob,
                start: end("2.0", false),
                end: end("2.5", true)
            },
        ]
    );
    let platform = &first.nodes[1];
    assert_eq!(
        (platform.operator, platform.negate, platform.matches[0].vulnerable),
        (Operator::And, true, false)
    );
    assert_eq!(platform.matches[0].cpe.version.as_deref(), Some("-"));
}

#[test]
fn wrong_types_everywhere_lose_nothing_else() {
    let (advisory, problems) = with_problems(
        r#"{"cna": {"title": ["x"], "descriptions": {"lang": "en"}, "references": [1, {"url": {}}, {"url": "https://example.org"}], "tags": "disputed",
            "metrics": [[], {"cvssV3_1": "9.8"}], "problemTypes": [{"descriptions": "CWE-79"}], "cpeApplicability": {"nodes": []},
            "providerMetadata": 5, "affected": [{"vendor": null, "product": "frob", "versions": {}, "cpes": ["frob", 7], "platforms": [true]}]},
            "adp": {}}"#,
    );
    assert_eq!(advisory.references.len(), 1);
    assert_eq!(advisory.affected[0].product.as_deref(), Some("frob"));
    assert_eq!(advisory.affected[0].platforms, ["true"]);
    let at: Vec<&str> = problems.iter().map(|(at, _)| at.strip_prefix("/containers/").unwrap()).collect();
    assert_eq!(
        at,
        [
            "cna/title",
            "cna/descriptions",
            "cna/references/0",
            "cna/references/1/url",
            "cna/tags",
            "cna/metrics/0",
            "cna/metrics/1/cvssV3_1",
            "cna/problemTypes/0/descriptions",
            "cna/cpeApplicability",
            "cna/providerMetadata",
            "cna/affected/0/versions",
            "cna/affected/0/cpes/0",
            "cna/affected/0/cpes/1",
            "cna/affected/0/cpes/1",
            "cna/affected/0/platforms/0",
            "adp",
        ]
    );
}

#[test]
fn security_a_key_given_twice_refuses_the_record() {
    let refused = |containers: &str| {
        let text = format!(r#"{{"cveMetadata": {{"cveId": "CVE-2099-0001", "state": "PUBLISHED"}}, "containers": {containers}}}"#);
        match parse(text.as_bytes()) {
            Err(RecordError::Repeated { at, path }) => {
                assert_eq!(text.as_bytes()[at], b'"', "{path}");
                path
            }
            other => panic!("{containers}: {other:?}"),
        }
    };
    for (containers, path) in [
        (r#"{"cna": {}, "adp": [], "cna": {}}"#, "/containers/cna"),
        (r#"{"cna": {"tags": [], "affected": [], "tags": []}}"#, "/containers/cna/tags"),
        (
            r#"{"cna": {"affected": [{"product": "a"}, {"product": "b", "pro\u0064uct": "c"}]}}"#,
            "/containers/cna/affected/1/product",
        ),
        (
            r#"{"cna": {"affected": [{"versions": [{"version": "1", "lessThan": "2", "version": "3", "status": "affected"}]}]}}"#,
            "/containers/cna/affected/0/versions/0/version",
        ),
        (
            r#"{"cna": {}, "adp": [{"metrics": [{"other": {"type": "ssvc", "type": "kev"}}]}]}"#,
            "/containers/adp/0/metrics/0/other/type",
        ),
    ] {
        assert_eq!(refused(containers), path);
    }
    let twice = parse(br#"{"cveMetadata": {"cveId": "CVE-2099-0001"}, "cveMetadata": {"cveId": "CVE-2099-0002"}}"#).unwrap_err();
    assert_eq!(twice.to_string(), "/cveMetadata is given twice, the second time at byte 44");
}

#[test]
fn references_are_bounded() {
    let links: Vec<String> = (0..3000).map(|n| format!(r#"{{"url": "https://example.org/{n}"}}"#)).collect();
    let (advisory, problems) = with_problems(&format!(r#"{{"cna": {{"references": [{}]}}}}"#, links.join(",")));
    assert_eq!(advisory.references.len(), 2048);
    assert_eq!(
        problems,
        [(String::new(), "more than 2048 references, the rest is left out".to_owned())]
    );
}

#[test]
fn records_without_an_id_are_refused() {
    let path = "/cveMetadata/cveId";
    assert_eq!(parse(b"{}"), Err(RecordError::NoId { path }));
    assert_eq!(parse(b"[]"), Err(RecordError::NoId { path }));
    assert_eq!(parse(br#"{"cveMetadata": {"cveId": null}}"#), Err(RecordError::NoId { path }));
    let refused = parse(br#"{"cveMetadata": {"cveId": "GHSA-xxxx"}, "containers": {}}"#);
    assert!(
        matches!(&refused, Err(RecordError::BadId { id, source, .. }) if id == "GHSA-xxxx" && source.at == 0),
        "{refused:?}"
    );
}

#[test]
fn a_record_without_containers_is_a_problem() {
    let (advisory, problems) = parse(br#"{"cveMetadata": {"cveId": "CVE-2099-0001", "state": "RESERVED"}}"#).unwrap();
    assert_eq!((advisory.id.as_str(), advisory.state), ("CVE-2099-0001", State::Published));
    let expected = [
        ("/cveMetadata/state", "neither PUBLISHED nor REJECTED, read as published"),
        ("", "no CNA container"),
    ];
    assert_eq!(problems, expected.map(|(at, message)| Problem::new(at, message)));
}
