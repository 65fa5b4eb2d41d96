use super::*;

fn record(members: &str) -> (Advisory, Vec<Problem>) {
    parse(format!(r#"{{"schema_version": "1.7.0", "id": "EX-2099-1", {members}}}"#).as_bytes()).unwrap()
}

fn events(range: &EventRange) -> (RangeKind, Vec<(&'static str, &str)>) {
    let events = range.events.iter().map(|event| match event {
        Event::Introduced(v) => ("introduced", v.as_str()),
        Event::Fixed(v) => ("fixed", v.as_str()),
        Event::LastAffected(v) => ("last_affected", v.as_str()),
        Event::Limit(v) => ("limit", v.as_str()),
    });
    (range.kind, events.collect())
}

#[test]
fn a_whole_record() {
    let (advisory, problems) = record(
        r#""modified": "2099-01-02T00:00:00Z", "published": "2099-01-01T00:00:00Z",
           "aliases": ["cve-2099-0001", "GHSA-aaaa-bbbb-cccc", "EX-2099-1"], "upstream": ["CVE-2099-0002", "CVE-2099-0001", "XX-2099-7"], "related": ["CVE-2099-0003"],
           "summary": "Overflow", "details": "An overflow in frob.",
           "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}, {"type": "Ubuntu", "score": "medium"}],
           "affected": [{
              "package": {"ecosystem": "Go", "name": "example.org/frob", "purl": "pkg:golang/example.org/frob"},
              "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"}],
              "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.3"}, {"introduced": "2.0.0"}, {"last_affected": "2.0.4"}]},
                         {"type": "GIT", "repo": "https://example.org/frob.git", "events": [{"introduced": "0"}, {"limit": "00ff"}], "database_specific": {}}],
              "versions": ["1.0.0", "1.1.0"],
              "ecosystem_specific": {"imports": [{"path": "example.org/frob/wire", "symbols": ["Read"]}, {"path": "example.org/frob", "goos": ["linux"]}]},
              "database_specific": {"cpes": ["cpe:2.3:a:example:frob:*:*:*:*:*:go:*:*"]}}],
           "references": [{"type": "FIX", "url": "https://example.org/fix"}, {"type": "WEB", "url": "https://example.org"}, {"type": "REPORT", "url": "https://example.org"}],
           "database_specific": {"cwe_ids": ["CWE-787", "CWE-20"], "cpes": ["cpe:2.3:a:example:frob:*:*:*:*:*:*:*:*"], "severity": "HIGH"},
           "credits": [{"name": "someone"}]"#,
    );
    assert_eq!(problems, []);
    assert_eq!(
        (advisory.id.as_str(), advisory.source, &advisory.state),
        ("EX-2099-1", Source::Osv, &State::Published)
    );
    assert_eq!(advisory.aliases, ["CVE-2099-0001", "GHSA-aaaa-bbbb-cccc", "CVE-2099-0002"]);
    assert_eq!(
        (advisory.title.as_deref(), advisory.description.as_str()),
        (Some("Overflow"), "An overflow in frob.")
    );
    assert_eq!(
        (advisory.published.as_deref(), advisory.modified.as_deref()),
        (Some("2099-01-01T00:00:00Z"), Some("2099-01-02T00:00:00Z"))
    );
    assert_eq!(advisory.cwes, ["CWE-787", "CWE-20"]);
    let scores: Vec<_> = advisory
        .scores
        .iter()
        .map(|s| (s.provider.as_str(), s.version, s.published, s.computed))
        .collect();
    assert_eq!(
        scores,
        [("EX", CvssVersion::V31, None, Some(7.5)), ("EX", CvssVersion::V4, None, Some(10.0))]
    );
    let links: Vec<_> = advisory.references.iter().map(|r| (r.url.as_str(), r.tags.join(" "))).collect();
    assert_eq!(
        links,
        [
            ("https://example.org/fix", "fix".to_owned()),
            ("https://example.org", "web report".to_owned())
        ]
    );

    let [affected] = advisory.affected.as_slice() else {
        panic!("{:?}", advisory.affected)
    };
    assert_eq!((affected.provider.as_str(), affected.ecosystem.as_deref()), ("EX", Some("Go")));
    assert_eq!(affected.package_name.as_deref(), Some("example.org/frob"));
    assert_eq!(affected.package_url.as_deref(), Some("pkg:golang/example.org/frob"));
    assert_eq!(affected.repo.as_deref(), Some("https://example.org/frob.git"));
    assert_eq!(affected.components, ["example.org/frob/wire", "example.org/frob"]);
    assert_eq!(
        affected.cpes.iter().map(|c| c.target_sw.as_deref()).collect::<Vec<_>>(),
        [Some("go"), None]
    );
    assert_eq!(affected.default_status, Status::Unaffected);
    assert_eq!(
        affected.versions.iter().map(|v| (v.version.as_str(), v.status)).collect::<Vec<_>>(),
        [("1.0.0", Status::Affected), ("1.1.0", Status::Affected)]
    );
    assert_eq!(
        affected.ranges.iter().map(events).collect::<Vec<_>>(),
        [
            (
                RangeKind::Semver,
                vec![
                    ("introduced", "0"),
                    ("fixed", "1.2.3"),
                    ("introduced", "2.0.0"),
                    ("last_affected", "2.0.4")
                ]
            ),
            (RangeKind::Git, vec![("introduced", "0"), ("limit", "00ff")]),
        ]
    );
}

#[test]
fn a_time_of_zero_is_unknown() {
    let (advisory, problems) = record(r#""modified": "0001-01-01T00:00:00Z", "published": "0001-01-01T00:00:00Z""#);
    assert_eq!((advisory.modified, advisory.published, problems), (None, None, Vec::new()));
}

#[test]
fn ranges_of_commits_alone_keep_the_repository_and_the_versions() {
    let (advisory, problems) = record(
        r#""affected": [{"ranges": [{"type": "GIT", "repo": "https://example.org/frob.git", "events": [{"introduced": "0"}, {"fixed": "00ff"}]}],
                         "versions": ["v1.0", "v1.1"]}]"#,
    );
    assert_eq!(problems, []);
    let [affected] = advisory.affected.as_slice() else {
        panic!("{:?}", advisory.affected)
    };
    assert_eq!(affected.repo.as_deref(), Some("https://example.org/frob.git"));
    assert_eq!(
        affected.versions.iter().map(|v| (v.version.as_str(), v.status)).collect::<Vec<_>>(),
        [("v1.0", Status::Affected), ("v1.1", Status::Affected)]
    );
    assert_eq!(
        affected.ranges.iter().map(events).collect::<Vec<_>>(),
        [(RangeKind::Git, vec![("introduced", "0"), ("fixed", "00ff")])]
    );
    assert_eq!(
        (affected.default_status, &affected.package_name, &affected.ecosystem),
        (Status::Unaffected, &None, &None)
    );
}

#[test]
fn withdrawn_records_make_no_claim() {
    let (advisory, _) = record(r#""withdrawn": "2099-03-01T00:00:00Z", "affected": []"#);
    let reason = "withdrawn 2099-03-01T00:00:00Z".to_owned();
    assert_eq!(
        advisory.state,
        State::Rejected {
            reason,
            replaced_by: Vec::new()
        }
    );
}

#[test]
fn copies_of_rejected_records_make_no_claim() {
    let (advisory, _) = record(r#""details": "Rejected reason: This CVE ID is a duplicate.", "affected": []"#);
    assert!(matches!(advisory.state, State::Rejected { reason, .. } if reason.ends_with("duplicate.")));
    let (advisory, _) = record(r#""details": "Requests that were rejected leak memory.", "affected": []"#);
    assert_eq!(advisory.state, State::Published);
}

#[test]
fn wrong_types_and_unknown_kinds_are_problems() {
    let (advisory, problems) = record(
        r#""aliases": "CVE-2099-0001", "affected": [{"package": "frob", "ranges": [{"type": "DATE", "events": []}, {"events": []}, {"type": "ECOSYSTEM", "events": [7, {"fixed": 2}]}]}],
           "severity": [{"type": "CVSS_V3", "score": "7.5"}]"#,
    );
    assert_eq!(
        advisory.affected[0].ranges.iter().map(events).collect::<Vec<_>>(),
        [(RangeKind::Ecosystem, vec![("fixed", "2")])]
    );
    assert_eq!(advisory.scores[0].computed, None);
    let found: Vec<(&str, &str)> = problems.iter().map(|p| (p.at.as_str(), p.message.as_str())).collect();
    assert_eq!(
        found,
        [
            ("/aliases", "expected a list, found text"),
            ("/affected/0/package", "expected an object, found text"),
            ("/affected/0/ranges/0/type", "unknown type of range, left out"),
            ("/affected/0/ranges/1", "no type of range, left out"),
            ("/affected/0/ranges/2/events/0", "expected an object, found a number"),
            ("/affected/0/ranges/2/events/1/fixed", "expected text, kept as written"),
            (
                "/severity/0/score",
                "not a CVSS 3.1 vector: invalid CVSS metric group component: `7.5`"
            ),
        ]
    );
}

#[test]
fn ids() {
    let id = |text: &str| parse(text.as_bytes()).map(|(advisory, _)| advisory.id);
    assert_eq!(id(r#"{"id": "cve-2099-0001"}"#), Ok("CVE-2099-0001".to_owned()));
    assert_eq!(id(r#"{"id": "BIT-frob-2099-0001"}"#), Ok("BIT-frob-2099-0001".to_owned()));
    assert_eq!(id("{}"), Err(RecordError::NoId { path: "/id" }));
    assert_eq!(id(r#"{"id": ""}"#), Err(RecordError::NoId { path: "/id" }));
    assert_eq!(
        id(&format!(r#"{{"id": "{}"}}"#, "x".repeat(200))),
        Err(RecordError::NoId { path: "/id" })
    );
}
