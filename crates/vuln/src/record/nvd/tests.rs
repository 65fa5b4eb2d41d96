use super::*;
use crate::advisory::{CpeMatch, End, Operator, Reference};

fn entry(members: &str) -> (Advisory, Vec<Problem>) {
    parse_entry(format!(r#"{{"cve": {{"id": "CVE-2099-0001", {members}}}}}"#).as_bytes()).unwrap()
}

#[test]
fn a_whole_entry() {
    let (advisory, problems) = entry(
        r#""sourceIdentifier": "security@example.org", "published": "2099-01-01T10:15:00.000", "lastModified": "2099-01-02T10:15:00.000",
           "vulnStatus": "Analyzed", "cveTags": [{"sourceIdentifier": "security@example.org", "tags": ["disputed"]}],
           "cisaExploitAdd": "2099-01-05", "cisaVulnerabilityName": "Frob overflow",
           "descriptions": [{"lang": "es", "value": "Un desbordamiento."}, {"lang": "en", "value": "An overflow."}],
           "metrics": {
             "cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"version": "3.1",
                "vectorString": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "baseScore": 7.8}, "exploitabilityScore": 1.8}],
             "cvssMetricV2": [{"source": "nvd@nist.gov", "cvssData": {"version": "2.0", "vectorString": "AV:L/AC:L/Au:N/C:C/I:C/A:C", "baseScore": 7.2}}],
             "cvssMetricV40": [{"source": "security@example.org", "cvssData": {
                "vectorString": "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "baseScore": 7.3}}]},
           "weaknesses": [{"source": "nvd@nist.gov", "description": [{"lang": "en", "value": "CWE-787"}]},
                          {"description": [{"value": "NVD-CWE-noinfo"}, {"value": "NVD-CWE-Other"}, {"value": "CWE-787"}]}],
           "references": [{"url": "https://example.org/fix", "source": "security@example.org", "tags": ["Patch", "Third Party Advisory"]}]"#,
    );
    assert_eq!(problems, []);
    assert_eq!(advisory.source, Source::Nvd);
    assert_eq!((advisory.id.as_str(), &advisory.state), ("CVE-2099-0001", &State::Published));
    assert_eq!(advisory.published.as_deref(), Some("2099-01-01T10:15:00.000"));
    assert_eq!(advisory.modified.as_deref(), Some("2099-01-02T10:15:00.000"));
    assert_eq!(
        (advisory.title.as_deref(), advisory.description.as_str()),
        (Some("Frob overflow"), "An overflow.")
    );
    assert_eq!(advisory.kev_date.as_deref(), Some("2099-01-05"));
    assert_eq!(advisory.tags, [Tag::Disputed]);
    assert_eq!(advisory.cwes, ["CWE-787"]);
    let link = Reference {
        url: "https://example.org/fix".into(),
        tags: vec!["patch".into(), "third-party-advisory".into()],
    };
    assert_eq!(advisory.references, [link]);
    let scores: Vec<_> = advisory
        .scores
        .iter()
        .map(|s| (s.provider.as_str(), s.version, s.published, s.computed))
        .collect();
    assert_eq!(
        scores,
        [
            ("security@example.org", CvssVersion::V4, Some(7.3), Some(7.3)),
            ("nvd@nist.gov", CvssVersion::V31, Some(7.8), Some(7.8)),
            ("nvd@nist.gov", CvssVersion::V2, Some(7.2), Some(7.2)),
        ]
    );
}

#[test]
fn configurations_with_and_or_negate_and_all_four_ends() {
    let (advisory, problems) = entry(
        r#""configurations": [
            {"nodes": [{"operator": "OR", "negate": false, "cpeMatch": [
                {"vulnerable": true, "criteria": "cpe:2.3:a:example:frob:*:*:*:*:lts:*:*:*", "versionStartIncluding": "1.0", "versionEndIncluding": "1.4"},
                {"vulnerable": true, "criteria": "cpe:2.3:a:example:frob:*:*:*:*:*:*:*:*", "versionStartExcluding": "2.0", "versionEndExcluding": "2.4"},
                {"vulnerable": true, "criteria": "cpe:2.3:a:example:frob:3.0:rc1:*:*:*:*:*:*"}]}]},
            {"operator": "AND", "nodes": [
                {"operator": "OR", "negate": true, "cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:o:example:firmware:*:*:*:*:*:*:*:*"}]},
                {"operator": "OR", "cpeMatch": [{"vulnerable": false, "criteria": "cpe:2.3:h:example:box:-:*:*:*:*:*:*:*"}]}]}]"#,
    );
    assert_eq!(problems, []);
    let [first, second] = advisory.configurations.as_slice() else {
        panic!("{:?}", advisory.configurations)
    };
    let end = |version: &str, inclusive| {
        Some(End {
            version: version.into(),
            inclusive,
        })
    };
    let criterion = |cpe: &str, start, end| CpeMatch {
        vulnerable: true,
        cpe: cpe.parse().unwrap(),
        start,
        end,
    };
    assert_eq!((first.operator, first.negate), (Operator::Or, false));
    assert_eq!(
        first.nodes[0].matches,
        [
            criterion("cpe:2.3:a:example:frob:*:*:*:*:lts", end("1.0", true), end("1.4", true)),
            criterion("cpe:2.3:a:example:frob", end("2.0", false), end("2.4", false)),
            criterion("cpe:2.3:a:example:frob:3.0:rc1", None, None),
        ]
    );
    assert_eq!(second.operator, Operator::And);
    assert_eq!(
        second
            .nodes
            .iter()
            .map(|n| (n.operator, n.negate, n.matches[0].vulnerable))
            .collect::<Vec<_>>(),
        [(Operator::Or, true, true), (Operator::Or, false, false)]
    );
}

#[test]
fn odd_configurations_are_problems() {
    let (advisory, problems) = entry(
        r#""configurations": [{"operator": "XOR", "nodes": [{"negate": "yes", "cpeMatch": [
            {"criteria": "frob", "vulnerable": true}, {"vulnerable": true},
            {"criteria": "cpe:2.3:a:e:f", "versionEndIncluding": "1", "versionEndExcluding": "2"}]}, []]}]"#,
    );
    let node = &advisory.configurations[0].nodes[0];
    assert_eq!(
        node.matches.iter().map(|m| m.end.clone()).collect::<Vec<_>>(),
        [Some(End {
            version: "2".into(),
            inclusive: false
        })]
    );
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|p| (p.at.strip_prefix("/cve/configurations/0/").unwrap(), p.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("operator", "neither AND nor OR, read as OR"),
            ("nodes/0/negate", "expected true or false, found text"),
            ("nodes/0/negate", "neither true nor false"),
            (
                "nodes/0/cpeMatch/0/criteria",
                "parse CPE name at byte 0: expected \"cpe:2.3:\" or \"cpe:/\""
            ),
            ("nodes/0/cpeMatch/1", "no criteria"),
            (
                "nodes/0/cpeMatch/2/versionEndExcluding",
                "both an including and an excluding end, the last is used"
            ),
            ("nodes/1", "expected an object, found a list"),
        ]
    );
}

#[test]
fn rejected_entries_give_their_description_as_the_reason() {
    let (advisory, _) = entry(r#""vulnStatus": "Rejected", "descriptions": [{"lang": "en", "value": "Rejected reason: duplicate."}]"#);
    let reason = "Rejected reason: duplicate.".to_owned();
    assert_eq!(
        (advisory.state, advisory.description.as_str()),
        (
            State::Rejected {
                reason,
                replaced_by: Vec::new()
            },
            ""
        )
    );
}

#[test]
fn a_bare_object_is_an_entry_too() {
    let (advisory, problems) = parse_entry(br#"{"id": "cve-2099-0009", "descriptions": [{"lang": "en", "value": "x"}]}"#).unwrap();
    assert_eq!(
        (advisory.id.as_str(), advisory.description.as_str(), problems),
        ("CVE-2099-0009", "x", Vec::new())
    );
}

#[test]
fn entries_without_an_id_are_refused() {
    assert_eq!(parse_entry(b"{\"cve\": {}}"), Err(RecordError::NoId { path: "/cve/id" }));
    assert_eq!(parse_entry(b"{\"cve\": []}"), Err(RecordError::NoId { path: "/cve/id" }));
    assert!(matches!(parse_entry(b"{\"cve\": {\"id\": 5}}"), Err(RecordError::BadId { .. })));
}
