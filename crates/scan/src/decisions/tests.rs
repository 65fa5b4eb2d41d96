use time::macros::date;
use vuln::verdict::Verdict;

use super::*;
use crate::finding::{Finding, Knowledge, Status};
use crate::inventory::{Part, Seen};
use crate::sample::finding;

const TODAY: Date = date!(2026 - 11 - 22);

/// Two packages with two findings each.
fn report() -> Report {
    let scanned = |pname: &str, version: &str| Scanned {
        package: Package {
            pname: pname.into(),
            version: version.into(),
            ..Package::default()
        },
        seen: Seen::StorePath,
        ..Scanned::default()
    };
    let finding = |package: u32, id: &str, alias: &str| Finding {
        aliases: vec![alias.into()],
        ..finding(package, id, Verdict::Affected)
    };
    let path = "/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-openssl-1.1.1g-bin";
    Report {
        time: 0,
        inventory: Inventory {
            packages: vec![scanned("openssl", "1.1.1g"), scanned("curl", "7.71.1")],
            parts: vec![Part {
                name: path.into(),
                package: Some(0),
                ..Part::default()
            }],
            ..Inventory::default()
        },
        knowledge: Knowledge::default(),
        findings: vec![
            finding(0, "CVE-2020-1967", "GHSA-aaaa"),
            finding(0, "CVE-2021-3449", "X-1"),
            finding(1, "CVE-2020-8169", "X-2"),
            finding(1, "CVE-2021-3449", "X-3"),
        ],
    }
}

fn decided(files: &[&str]) -> (Vec<Option<(Status, String)>>, Applied) {
    let mut decisions = Decisions::default();
    for (number, file) in files.iter().enumerate() {
        decisions.add(Decisions::read(&format!("d{number}"), file.as_bytes()).unwrap());
    }
    let mut report = report();
    let applied = decisions.apply(&mut report, TODAY);
    let states = report
        .findings
        .into_iter()
        .map(|finding| finding.decision.map(|d| (d.status, d.source)));
    (states.collect(), applied)
}

fn refused(text: &str) -> String {
    Decisions::read("d", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn entries_speak_about_what_they_name_and_the_last_one_holds() {
    let (states, applied) = decided(&[r#"
        version = 1
        [[decision]]
        cve = ["CVE-2021-3449", "CVE-1999-1"]
        status = "under_investigation"
        reason = "looking"
        [[decision]]
        cve = "cve-2021-344?"
        package = "open*"
        package-version = "1.1.*"
        status = "not_affected"
        justification = "vulnerable_code_not_present"
        reason = "no renegotiation"
        until = 2026-11-22
        [[decision]]
        cve = "GHSA-aaaa"
        status = "accepted"
        reason = "by its other name"
        [[decision]]
        package = "wget"
        status = "accepted"
        reason = "not here"
    "#]);
    assert_eq!(
        states,
        [
            Some((Status::Accepted, "d0, entry 3".into())),
            Some((Status::NotAffected, "d0, entry 2".into())),
            None,
            Some((Status::UnderInvestigation, "d0, entry 1".into())),
        ]
    );
    assert_eq!(
        applied,
        Applied {
            decided: 3,
            expired: Vec::new(),
            unused: vec!["d0, entry 4 speaks about nothing that was found".into()],
        }
    );
}

#[test]
fn expired_entries_speak_no_more_and_say_so() {
    let (states, applied) =
        decided(&["version = 1\n[[decision]]\npackage = 'curl'\nstatus = 'accepted'\nreason = 'for now'\nuntil = '2026-11-21'"]);
    assert_eq!(states, [None, None, None, None]);
    assert_eq!(applied.expired, ["d0, entry 1 held until 2026-11-21 and no longer applies"]);
    assert_eq!(applied.unused, [""; 0]);
}

#[test]
fn what_is_in_doubt_is_refused() {
    assert_eq!(refused("version = 2"), "decisions d have version 2; only 1 is known");
    assert_eq!(refused("decision = 3"), "parse decisions d, top: `version = 1` is missing");
    assert_eq!(
        refused("version = 1\ndecisions = []"),
        "parse decisions d, top: unknown key \"decisions\"; did you mean \"decision\"?"
    );
    let entry = |text: &str| refused(&format!("version = 1\n[[decision]]\n{text}"));
    assert_eq!(
        entry("cve = 'X'\nstatus = 'accepted'\nreson = 'x'"),
        "parse decisions d, entry 1: unknown key \"reson\"; did you mean \"reason\"?"
    );
    assert_eq!(
        entry("cve = 'X'\nstatus = 'accepted'\nseverity = 'x'"),
        "parse decisions d, entry 1: unknown key \"severity\"; known are cve, package, package-version, status, justification, reason, until"
    );
    assert_eq!(
        entry("cve = 'X'\nstatus = 'accepted'\nreason = ' '"),
        "parse decisions d, entry 1: reason has to be a text that is not empty"
    );
    assert!(entry("cve = 'X'\nstatus = 'accepted'").contains("reason is missing"));
    assert!(entry("status = 'accepted'\nreason = 'x'").contains("would hide everything"));
    assert!(entry("cve = 'X'\nstatus = 'wontfix'\nreason = 'x'").contains("unknown status \"wontfix\""));
    assert!(entry("cve = 'X'\nstatus = 'accepted'\nreason = 'x'\nuntil = 'soon'").contains("until has to be a day"));
    assert!(entry("cve = 'X'\nstatus = 'not_affected'\nreason = 'x'\njustification = 'because'").contains("unknown justification"));
    assert_eq!(refused("version = "), "parse decisions d");
    assert_eq!(refused("{\"a\": 1}"), "parse decisions d");
    assert_eq!(
        Decisions::read("d", b"\xff").unwrap_err().to_string(),
        "decisions d are not text in UTF-8"
    );
}

#[test]
fn whitelists_of_vulnix_are_read_as_vulnix_does() {
    let (states, applied) = decided(&[r#"
        ["*"]
        cve = ["CVE-2020-1967"]
        comment = "everywhere"
        ["curl"]
        cve = "CVE-2020-8169"
        until = "2026-11-22"
        ["openssl-1.1.1g"]
        cve = ["CVE-2021-3449"]
        issue_url = "https://example.org/1"
        status = "ignored"
        ["openssl-1.1.1"]
    "#]);
    assert_eq!(
        states,
        [
            Some((Status::Accepted, "d0, section *".into())),
            Some((Status::Accepted, "d0, section openssl-1.1.1g".into())),
            None,
            None,
        ]
    );
    assert_eq!(applied.expired, ["d0, section curl held until 2026-11-21 and no longer applies"]);
    assert_eq!(applied.unused, ["d0, section openssl-1.1.1 speaks about nothing that was found"]);
    assert!(refused("[\"*\"]\ncomment = 'x'").contains("would hide everything"));
    assert!(refused("[openssl-1.0]\ncve = 'X'\nuntill = '2020-01-01'").is_ascii());
    assert!(refused("[openssl]\ncomments = 'x'").contains("did you mean \"comment\"?"));
    assert!(refused("[openssl-1.0.2]\ncve = 'X'").contains("put quotes around names with dots"));
}

#[test]
fn whitelists_in_the_yaml_of_older_vulnix_say_the_same() {
    let (states, applied) = decided(&["
# old
-
    cve:
        - CVE-2020-1967
    comment: everywhere
- name: curl
  cve: CVE-2020-8169
  until: 2026-11-22
- name: openssl
  version: 1.1.1g
  cve: [CVE-2021-3449]
  status: inprogress
"]);
    assert_eq!(
        states,
        [
            Some((Status::Accepted, "d0, line 3".into())),
            Some((Status::Accepted, "d0, line 10".into())),
            None,
            None,
        ]
    );
    assert_eq!(applied.expired, ["d0, line 7 held until 2026-11-21 and no longer applies"]);
    assert!(refused("- comment: x").contains("would hide everything"));
    assert!(refused("- version: 1\n  cve: X").contains("line 1: it names a version and no package"));
    assert!(refused("- name: x\n  cve: *y").contains("line 2: put quotes around *y"));
    assert!(refused("- name: x\n  comments: y").contains("did you mean \"comment\"?"));
}

#[test]
fn statements_of_vex_documents_are_decisions() {
    let openvex = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[
        {"vulnerability":{"name":"CVE-2021-3449"},"products":[{"@id":"pkg:nix/openssl@1.1.1g"}],"status":"not_affected","justification":"component_not_present"},
        {"vulnerability":{"name":"CVE-2021-3449"},"products":[{"@id":"pkg:nix/openssl@1.0"}],"status":"fixed"},
        {"vulnerability":{"name":"CVE-2020-8169"},"products":[{"@id":"pkg:nix/curl"}],"status":"affected","action_statement":"update"},
        {"vulnerability":{"name":"CVE-2020-1967"},"products":[{"@id":"/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-openssl-1.1.1g-bin"}],"status":"under_investigation","timestamp":"2026-02-01T00:00:00Z"},
        {"vulnerability":{"name":"CVE-2020-1967"},"products":[{"@id":"pkg:nix/openssl"}],"status":"fixed","timestamp":"2026-01-15T00:00:00Z"}]}"#;
    let (states, applied) = decided(&[openvex]);
    assert_eq!(
        states,
        [
            Some((Status::UnderInvestigation, "d0, statement 4".into())),
            Some((Status::NotAffected, "d0, statement 1".into())),
            Some((Status::Affected, "d0, statement 3".into())),
            None,
        ]
    );
    assert_eq!(applied.unused, [""; 0], "a document speaks about other products too");
    // A file given later goes before.
    let (states, _) = decided(&[
        openvex,
        "version = 1\n[[decision]]\npackage = 'curl'\nstatus = 'accepted'\nreason = 'x'",
    ]);
    assert_eq!(states[2], Some((Status::Accepted, "d1, entry 1".into())));
}

#[test]
fn patterns() {
    for (glob, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcb", false),
        ("a?c", "aéc", true),
        ("**a", "bca", true),
        ("a", "ab", false),
        ("", "a", false),
        ("*a*b*", "xxaxxbxx", true),
    ] {
        assert_eq!(matches(glob, text), expected, "{glob} {text}");
    }
    // Linear enough for a hostile pattern.
    assert!(!matches(&"*a".repeat(500), &"a".repeat(499)));
    assert_eq!(
        (distance("reson", "reason"), distance("", "abc"), distance("kitten", "sitting")),
        (1, 3, 3)
    );
}
