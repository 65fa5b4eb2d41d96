//! What every database must do. Each test gets an empty store.
//! Long because one list of tests is what holds two databases to the same.

use tracker::document::{Digest, Packer, parse};
use tracker::store::StoreError;
use tracker::store::read::After;
use tracker::store::result::{ClusterRow, Derived, MatchResult, MatchedChannel, OutcomeRow, VerdictLine};
use tracker::store::taking::{CurrentDocument, Document, EpssLine, Incoming, KevLine, PackageSet, TakenFile};
use tracker::store::{Read, Store};
use vuln::advisory::Source;
use vuln::package::Package;
use vuln::problem::Problem;
use vuln::score::Severity;
use vuln::verdict::{Disposition, Verdict};

use crate::made;

/// Calls a macro with the names of all tests of this file.
macro_rules! suite {
    ($run:ident) => {
        $run! {
            records_of_all_sources_are_one_vulnerability,
            an_older_record_never_replaces_a_newer_one,
            a_rejected_record_stays_visible_and_can_come_back,
            a_record_that_gains_an_alias_moves,
            a_record_taken_twice_at_once_is_about_what_it_says_last,
            what_cannot_be_read_is_kept_with_its_problem,
            what_lists_change_is_told_and_not_matched,
            lists_add_facts_and_take_them_back,
            a_package_set_is_stored_by_content,
            a_match_replaces_what_the_channel_had,
            a_match_that_fails_leaves_the_old_verdicts,
            matching_that_fails_on_the_way_leaves_the_old_verdicts,
            channels_are_written_together,
            evidence_goes_with_the_last_verdict_that_has_it,
            a_change_is_seen,
            a_match_of_changes_touches_nothing_else,
            files_and_sources_are_remembered,
            derived_things_and_settings_are_kept,
            an_emptied_store_is_empty,
            verdicts_say_since_when_and_until_when,
            a_forgotten_set_never_was,
            a_clock_that_goes_backwards_changes_no_order,
        }
    };
}
pub(super) use suite;

/// The names of the tests that are written here.
pub(super) fn names() -> Vec<&'static str> {
    let source = include_str!("conformance.rs");
    source
        .lines()
        .filter_map(|l| l.strip_prefix("pub fn ")?.split('(').next())
        .collect()
}

const OLD: &str = "2024-05-01T00:00:00.000Z";
const NEW: &str = "2024-05-02T00:00:00.000Z";

pub fn records_of_all_sources_are_one_vulnerability(store: &dyn Store) {
    fill(store);
    let v = store.vulnerability("CVE-2024-0001").unwrap().unwrap();
    assert_eq!(
        v.records
            .iter()
            .map(|r| (r.source.as_str(), r.key.as_str()))
            .collect::<Vec<_>>()
            .len(),
        3
    );
    assert_eq!(v.title, "frobnicate has a flaw");
    assert_eq!(v.description, "A flaw in frobnicate before 1.2.3.");
    // The CNA's score goes before NVD's.
    assert_eq!((v.score, v.severity), (Some(9.8), Severity::Critical));
    assert_eq!(v.aliases, ["GO-2024-0001"]);
    assert_eq!(store.resolve("go-2024-0001").unwrap().unwrap().name, "CVE-2024-0001");
    let counts = store.counts().unwrap();
    assert_eq!((counts.cve, counts.nvd, counts.osv, counts.vulnerabilities), (2, 1, 1, 2));
    let documents = store.documents("CVE-2024-0001").unwrap();
    assert!(
        documents
            .iter()
            .any(|d| d.source == "cve" && d.bytes == made::cve("CVE-2024-0001", OLD, "frobnicate", "1.2.3").into_bytes())
    );
    assert_eq!(store.search_text(&["frobnicate".into()], 10).unwrap().hits.len(), 1);
}

pub fn an_older_record_never_replaces_a_newer_one(store: &dyn Store) {
    let with = |fixed: &str, updated: &str| record(Source::Cve, &made::cve("CVE-2024-0001", updated, "frobnicate", fixed));
    let described = || store.vulnerability("CVE-2024-0001").unwrap().unwrap().description;
    assert_eq!(store.take(&[with("2.0", NEW)], 1).unwrap().changed, 1);
    let report = store.take(&[with("1.0", OLD)], 2).unwrap();
    assert_eq!((report.changed, report.older), (0, 1));
    assert_eq!(described(), "A flaw in frobnicate before 2.0.");
    // The same bytes again are nothing; of other bytes of the same date those with the greater digest stay, whatever comes last.
    assert_eq!(store.take(&[with("2.0", NEW)], 3).unwrap().changed, 0);
    let digest_of = |fixed: &str| Digest::of(made::cve("CVE-2024-0001", NEW, "frobnicate", fixed).as_bytes());
    let minors: Vec<String> = (1..40).map(|minor| format!("2.{minor}")).collect();
    let greater = minors.iter().find(|fixed| digest_of(fixed) > digest_of("2.0")).unwrap();
    let lesser = minors.iter().find(|fixed| digest_of(fixed) < digest_of("2.0")).unwrap();
    assert_eq!(store.take(&[with(lesser, NEW)], 4).unwrap().older, 1);
    assert_eq!(store.take(&[with(greater, NEW)], 5).unwrap().changed, 1);
    assert_eq!(described(), format!("A flaw in frobnicate before {greater}."));
    let words: Vec<String> = greater.split('.').map(str::to_owned).collect();
    assert_eq!(store.search_text(&words, 10).unwrap().hits.len(), 1);
    let digest = digest_of(greater);
    let current = CurrentDocument {
        sha256: digest,
        modified: Some(NEW.to_owned()),
    };
    assert_eq!(
        store.current_documents("cve", &["CVE-2024-0001", "CVE-2024-0002"]).unwrap(),
        [Some(current), None]
    );
}

pub fn a_rejected_record_stays_visible_and_can_come_back(store: &dyn Store) {
    let state = || store.vulnerability("CVE-2024-0001").unwrap().unwrap();
    store
        .take(
            &[record(
                Source::Cve,
                &made::cve("CVE-2024-0001", "2024-05-01T00:00:00Z", "frobnicate", "1.0"),
            )],
            1,
        )
        .unwrap();
    let mark = store.mark().unwrap();
    store
        .take(&[record(Source::Cve, &made::rejected("CVE-2024-0001", "2024-05-02T00:00:00Z"))], 2)
        .unwrap();
    assert_eq!((state().state.as_str(), state().description.as_str()), ("rejected", "Not a flaw."));
    assert!(store.mark().unwrap() > mark);
    assert_eq!(store.touched_after(mark).unwrap(), 1);
    store
        .take(
            &[record(
                Source::Cve,
                &made::cve("CVE-2024-0001", "2024-05-03T00:00:00Z", "frobnicate", "1.0"),
            )],
            3,
        )
        .unwrap();
    assert_eq!((state().state.as_str(), state().severity), ("published", Severity::Critical));
}

pub fn a_record_that_gains_an_alias_moves(store: &dyn Store) {
    store
        .take(
            &[record(
                Source::Osv,
                &made::osv("GO-2024-0001", &[], "2024-05-01T00:00:00Z", "example.org/x"),
            )],
            1,
        )
        .unwrap();
    assert_eq!(store.vulnerability("GO-2024-0001").unwrap().unwrap().title, "OSV on example.org/x");
    let two = ["CVE-2024-0001", "CVE-2024-0002"];
    store
        .take(
            &[record(
                Source::Osv,
                &made::osv("GO-2024-0001", &two, "2024-05-02T00:00:00Z", "example.org/x"),
            )],
            2,
        )
        .unwrap();
    assert!(store.vulnerability("GO-2024-0001").unwrap().is_none());
    for name in two {
        assert_eq!(store.vulnerability(name).unwrap().unwrap().aliases, ["GO-2024-0001"], "{name}");
    }
    store
        .take(
            &[record(
                Source::Osv,
                &made::osv("GO-2024-0001", &two[..1], "2024-05-03T00:00:00Z", "example.org/x"),
            )],
            3,
        )
        .unwrap();
    assert!(store.vulnerability("CVE-2024-0002").unwrap().is_none());
    assert_eq!(store.counts().unwrap().vulnerabilities, 1);
}

pub fn a_record_taken_twice_at_once_is_about_what_it_says_last(store: &dyn Store) {
    let osv = |aliases: &[&str], day: u8| {
        record(
            Source::Osv,
            &made::osv("GO-2024-0001", aliases, &format!("2024-05-0{day}T00:00:00Z"), "example.org/x"),
        )
    };
    store.take(&[osv(&["CVE-2024-0001"], 1), osv(&["CVE-2024-0002"], 2)], 1).unwrap();
    assert!(store.vulnerability("CVE-2024-0001").unwrap().is_none());
    assert_eq!(store.vulnerability("CVE-2024-0002").unwrap().unwrap().records.len(), 1);
    store
        .take(&[osv(&["CVE-2024-0003"], 3), osv(&["CVE-2024-0002", "CVE-2024-0004"], 4)], 1)
        .unwrap();
    for (name, is_there) in [("CVE-2024-0002", true), ("CVE-2024-0003", false), ("CVE-2024-0004", true)] {
        assert_eq!(store.vulnerability(name).unwrap().is_some(), is_there, "{name}");
    }
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}

pub fn what_cannot_be_read_is_kept_with_its_problem(store: &dyn Store) {
    let broken = Incoming::Unreadable {
        document: document("cve", "CVE-2024-0001", b"{broken"),
        problem: Problem::new("", "invalid JSON"),
    };
    let refused = Incoming::Refused {
        source: "cve",
        key: "f.zip!../x".into(),
        problem: Problem::new("", "leads out"),
    };
    assert_eq!(store.take(&[broken.clone(), refused], 1).unwrap().problems, 2);
    assert_eq!(store.take(&[broken], 2).unwrap().problems, 1);
    let messages = || {
        store
            .problems(None, None, 10)
            .unwrap()
            .into_iter()
            .map(|p| p.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(messages(), ["invalid JSON", "leads out"]);
    assert!(store.vulnerability("CVE-2024-0001").unwrap().is_none());
    // A good version takes the problem away; what the file's next reading finds is not known yet.
    store
        .take(&[record(Source::Cve, &made::cve("CVE-2024-0001", OLD, "frobnicate", "1.0"))], 3)
        .unwrap();
    assert_eq!(messages(), ["leads out"]);
    store.forget_problems("cve", "f.zip").unwrap();
    assert_eq!(messages(), Vec::<String>::new());
}

fn kev_line(name: &str) -> KevLine {
    KevLine {
        name: name.into(),
        date_added: "2024-02-03".into(),
        due_date: None,
        ransomware: None,
        action: "update".into(),
    }
}

fn take_kev(store: &dyn Store, lines: &[KevLine]) -> u64 {
    let document = document("kev", "kev.json", format!("{lines:?}").as_bytes());
    store.take_kev(&document, lines, 1).unwrap()
}

fn take_epss(store: &dyn Store, scores: &[(&str, f32)]) -> u64 {
    let lines: Vec<EpssLine> = scores
        .iter()
        .map(|(name, score)| EpssLine {
            name: (*name).into(),
            score: *score,
            percentile: 0.5,
        })
        .collect();
    let document = document("epss", "epss.csv", format!("{scores:?}").as_bytes());
    store.take_epss(&document, &lines, 1).unwrap()
}

pub fn what_lists_change_is_told_and_not_matched(store: &dyn Store) {
    // Lists alone change nothing that anybody could be told of.
    take_kev(store, &[kev_line("CVE-2024-0001")]);
    take_epss(store, &[("CVE-2024-0001", 0.1)]);
    assert_eq!(store.mark().unwrap(), 0);
    fill(store);
    let place = std::cell::Cell::new((0, 0));
    // The names of what changed since the last look, one at a time.
    let told = || {
        let mut names = Vec::new();
        loop {
            let (mark, key) = place.get();
            let Some(next) = store.listed(After::Change(mark, key), 1).unwrap().pop() else {
                return names;
            };
            place.set((next.touched, next.key));
            names.push(next.name);
        }
    };
    assert_eq!(told(), ["CVE-2024-0001", "CVE-2024-0002"]);
    let touched = store.touched_after(0).unwrap();
    let mark = std::cell::Cell::new(store.mark().unwrap());
    // What a step tells of; whether the mark of all moved.
    let then = || {
        let before = mark.replace(store.mark().unwrap());
        (told(), mark.get() > before)
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(take_kev(store, &[kev_line("CVE-2024-0001")]), 0);
    assert_eq!(then(), (names(&[]), false));
    let due = KevLine {
        due_date: Some("2024-02-24".into()),
        ..kev_line("CVE-2024-0001")
    };
    assert_eq!(take_kev(store, &[due, kev_line("CVE-2024-0002"), kev_line("CVE-1999-0001")]), 3);
    assert_eq!(then(), (names(&["CVE-2024-0001", "CVE-2024-0002"]), true));
    take_kev(store, &[]);
    assert_eq!(then(), (names(&["CVE-2024-0001", "CVE-2024-0002"]), true));
    // A score that is another percentage, came or went; one that moved a little changes what there is to read, and nobody is woken for it.
    take_epss(store, &[("CVE-2024-0001", 0.109), ("CVE-2024-0002", 0.001)]);
    assert_eq!(then(), (names(&["CVE-2024-0002"]), true));
    take_epss(store, &[("CVE-2024-0001", 0.101), ("CVE-2024-0002", 0.002)]);
    assert_eq!(then(), (names(&[]), true));
    take_epss(store, &[("CVE-2024-0001", 0.099)]);
    assert_eq!(then(), (names(&["CVE-2024-0001", "CVE-2024-0002"]), true));
    assert_eq!(take_epss(store, &[("CVE-2024-0001", 0.099)]), 0);
    assert_eq!(then(), (names(&[]), false));
    // Nothing of it is matched again.
    assert_eq!(
        (store.touched_after(0).unwrap(), store.touched_after(mark.get()).unwrap()),
        (touched, 0)
    );
    let changed = made::cve("CVE-2024-0001", NEW, "frobnicate", "3.0");
    store.take(&[record(Source::Cve, &changed)], 9).unwrap();
    assert_eq!(
        (then(), store.touched_after(mark.get() - 1).unwrap()),
        ((names(&["CVE-2024-0001"]), true), 1)
    );
    // From the beginning each is told of where its records changed last, and where a list did.
    place.set((0, 0));
    assert_eq!(told(), ["CVE-2024-0002", "CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0001"]);
}

pub fn lists_add_facts_and_take_them_back(store: &dyn Store) {
    let kev = |names: &[&str]| take_kev(store, &names.iter().map(|name| kev_line(name)).collect::<Vec<_>>());
    let epss = |scores: &[(&str, f32)]| take_epss(store, scores);
    // One list comes before the records, one after them.
    kev(&["CVE-2024-0001", "CVE-1999-0001"]);
    fill(store);
    assert_eq!(epss(&[("CVE-2024-0001", 0.123), ("CVE-2024-0002", 0.1)]), 2);
    let facts = |name: &str| {
        let v = store.vulnerability(name).unwrap().unwrap();
        (v.kev.map(|k| k.date_added), v.epss)
    };
    assert_eq!(facts("CVE-2024-0001"), (Some("2024-02-03".into()), Some(0.123)));
    assert_eq!(facts("CVE-2024-0002"), (None, Some(0.1)));
    let mark = store.mark().unwrap();
    kev(&["CVE-2024-0002"]);
    assert_eq!(epss(&[("CVE-2024-0001", 0.124)]), 2);
    assert_eq!(facts("CVE-2024-0001"), (None, Some(0.124)));
    assert_eq!(facts("CVE-2024-0002"), (Some("2024-02-03".into()), None));
    // Lists have no say in matching.
    assert_eq!(store.touched_after(mark).unwrap(), 0);
    assert_eq!((store.counts().unwrap().kev, store.counts().unwrap().epss), (1, 1));
}

pub fn a_package_set_is_stored_by_content(store: &dyn Store) {
    let one = set(
        "a",
        &[("hello", "2.12", "/nix/store/h1-hello"), ("curl", "8.0", "/nix/store/c1-curl")],
    );
    let report = store.take_package_set(&one, 1).unwrap();
    assert_eq!((report.packages, report.new_packages, report.changed), (2, 2, true));
    // Again, in another order.
    let again = PackageSet {
        packages: one.packages.iter().rev().cloned().collect(),
        ..one.clone()
    };
    let report = store.take_package_set(&again, 2).unwrap();
    assert_eq!((report.new_packages, report.changed), (0, false));
    // Rebuilt: other paths, no new facts.
    let rebuilt = set(
        "a",
        &[("hello", "2.12", "/nix/store/h2-hello"), ("curl", "8.0", "/nix/store/c2-curl")],
    );
    let report = store.take_package_set(&rebuilt, 3).unwrap();
    assert_eq!((report.new_packages, report.changed), (0, true));
    // Another channel shares what is the same.
    let other = set(
        "b",
        &[("hello", "2.12", "/nix/store/h1-hello"), ("curl", "8.1", "/nix/store/c3-curl")],
    );
    assert_eq!(store.take_package_set(&other, 4).unwrap().new_packages, 1);
    // Back to where it was.
    assert!(store.take_package_set(&one, 5).unwrap().changed);
    let states = store.channel_states().unwrap();
    assert_eq!(states.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let mut stored = store.package_set(states[0].set.as_ref().unwrap().0).unwrap();
    stored.sort_by(|a, b| a.package.attr.cmp(&b.package.attr));
    let facts: Vec<(&str, &str)> = stored
        .iter()
        .map(|p| (p.package.attr.as_str(), p.package.version.as_str()))
        .collect();
    assert_eq!(facts, [("curl", "8.0"), ("hello", "2.12")]);
    assert_eq!(stored[0].package.outputs, [("out".to_owned(), String::new())]);
    let channels = Read::channels(store).unwrap();
    assert_eq!((channels[0].packages, channels[0].with_derivation), (2, 2));
}

pub fn a_match_replaces_what_the_channel_had(store: &dyn Store) {
    let (channel, set) = matched(store);
    assert_eq!(lines(store), ["CVE-2024-0001 curl a affected", "CVE-2024-0002 hello a fixed"]);
    let channels = Read::channels(store).unwrap();
    assert_eq!(
        (
            channels[0].count(|_| true, None),
            channels[0].count(|v| v == Verdict::Affected, Some(Severity::Critical))
        ),
        (2, 1)
    );
    let v = store.vulnerability("CVE-2024-0001").unwrap().unwrap();
    assert_eq!(v.verdicts[0].attrs, ["curl", "curlFull"]);
    assert_eq!(v.dispositions[0].disposition, Disposition::Matched);
    let mut outcomes = of(channel, [outcome(1, &[("hello", Verdict::NotAffected)]), outcome(2, &[])]);
    let clusters = all(vec![cluster("hello", &["hello"])]);
    let result = MatchResult {
        channels: vec![MatchedChannel { channel, set, clusters }],
        mark: 9,
        basis: "other".into(),
        outcomes: &mut outcomes,
    };
    assert_eq!(store.take_match(result, 9).unwrap(), 1);
    assert_eq!(lines(store), ["CVE-2024-0001 hello a not_affected"]);
    let state = &store.channel_states().unwrap()[0];
    assert_eq!(
        (state.matched_set, state.matched_mark, state.matched_basis.as_str()),
        (Some(set), 9, "other")
    );
}

pub fn a_match_that_fails_leaves_the_old_verdicts(store: &dyn Store) {
    let strange = outcome(2, &[("no-such-cluster", Verdict::Affected)]);
    fails_without_a_trace(store, Ok(strange));
}

pub fn matching_that_fails_on_the_way_leaves_the_old_verdicts(store: &dyn Store) {
    fails_without_a_trace(store, Err(StoreError::new("read a vulnerability", "a fault")));
}

/// A match whose second outcome cannot be written.
fn fails_without_a_trace(store: &dyn Store, second: Result<OutcomeRow, StoreError>) {
    let (channel, set) = matched(store);
    let before = (lines(store), store.channel_states().unwrap());
    let good = of(channel, [outcome(1, &[("hello", Verdict::Affected)])]);
    let mut outcomes = good.chain([second.map(|outcome| OutcomeRow { channel, ..outcome })]);
    let clusters = all(vec![cluster("hello", &["hello"])]);
    let result = MatchResult {
        channels: vec![MatchedChannel { channel, set, clusters }],
        mark: 9,
        basis: "other".into(),
        outcomes: &mut outcomes,
    };
    assert!(store.take_match(result, 9).is_err());
    assert_eq!((lines(store), store.channel_states().unwrap()), before);
}

pub fn channels_are_written_together(store: &dyn Store) {
    let (a, _) = matched(store);
    store.take_package_set(&set("b", &[("curl", "7.0", "")]), 6).unwrap();
    let states = store.channel_states().unwrap();
    let sets: Vec<(i64, i64)> = states.iter().map(|state| (state.id, state.set.as_ref().unwrap().0)).collect();
    let b = sets.iter().map(|(channel, _)| *channel).find(|channel| *channel != a).unwrap();
    let row = |channel, vulnerability, verdicts: &[(&str, Verdict)]| {
        Ok(OutcomeRow {
            channel,
            ..outcome(vulnerability, verdicts)
        })
    };
    let outcomes = [
        row(a, 1, &[("curl", Verdict::Affected)]),
        row(b, 1, &[("curl", Verdict::Fixed)]),
        row(a, 2, &[]),
        row(b, 2, &[("curl", Verdict::Unknown)]),
    ];
    let channels = sets.iter().map(|(channel, set)| MatchedChannel {
        channel: *channel,
        set: *set,
        clusters: all(vec![cluster("curl", &["curl"])]),
    });
    let result = MatchResult {
        channels: channels.collect(),
        mark: 9,
        basis: "other".into(),
        outcomes: &mut outcomes.into_iter(),
    };
    assert_eq!(store.take_match(result, 9).unwrap(), 3);
    assert_eq!(
        lines(store),
        [
            "CVE-2024-0001 curl a affected",
            "CVE-2024-0001 curl b fixed",
            "CVE-2024-0002 curl b unknown"
        ]
    );
    assert!(store.channel_states().unwrap().iter().all(|state| state.matched_mark == 9));
    // One that is not matched has no outcomes.
    let strange = MatchResult {
        channels: Vec::new(),
        mark: 10,
        basis: "strange".into(),
        outcomes: &mut [row(a, 1, &[])].into_iter(),
    };
    assert!(store.take_match(strange, 10).is_err());
}

pub fn evidence_goes_with_the_last_verdict_that_has_it(store: &dyn Store) {
    matched(store);
    store.take_package_set(&set("b", &[("curl", "7.0", "")]), 6).unwrap();
    let states = store.channel_states().unwrap();
    let b = states.iter().find(|state| state.name == "b").unwrap();
    let match_b = |lines: &str| {
        let mut row = outcome(1, &[("curl", Verdict::Affected)]);
        row.verdicts[0].evidence = lines.to_owned().into();
        let result = MatchResult {
            channels: vec![MatchedChannel {
                channel: b.id,
                set: b.set.as_ref().unwrap().0,
                clusters: all(vec![cluster("curl", &["curl"])]),
            }],
            mark: 9,
            basis: "first".into(),
            outcomes: &mut of(b.id, [row]),
        };
        store.take_match(result, 9).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("copy.sqlite");
        store.backup(&file).unwrap();
        let copy = rusqlite::Connection::open(&file).unwrap();
        let mut rows = copy.prepare("SELECT lines FROM evidence ORDER BY lines").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap()
    };
    let of_a = r#"[{"rule":"r","detail":"d"}]"#;
    let [first, second] = ["e", "f"].map(|detail| format!(r#"[{{"rule":"r","detail":"{detail}"}}]"#));
    assert_eq!(match_b(&first), [of_a, &first]);
    assert_eq!(match_b(&second), [of_a, &second]);
    assert_eq!(match_b(of_a), [of_a]);
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}

pub fn a_change_is_seen(store: &dyn Store) {
    // What other tests do on the same server is a change there too.
    let rest = |work: &dyn Fn()| {
        (0..200).any(|_| {
            let before = store.last_change().unwrap();
            work();
            store.last_change().unwrap() == before
        })
    };
    assert!(rest(&|| {}), "nothing is no change");
    let before = store.last_change().unwrap();
    matched(store);
    assert_ne!(store.last_change().unwrap(), before);
    assert!(rest(&|| drop(store.channels().unwrap())), "to read is no change");
    let after = store.last_change().unwrap();
    store.put_setting("a", Some("b")).unwrap();
    assert_ne!(store.last_change().unwrap(), after);
}

pub fn a_match_of_changes_touches_nothing_else(store: &dyn Store) {
    let (channel, set) = matched(store);
    // A vulnerability that is gone by the time its outcome is written is left out.
    let outcomes = [
        outcome(2, &[("curl", Verdict::Unknown)]),
        outcome(777, &[("curl", Verdict::Affected)]),
    ];
    let mut outcomes = of(channel, outcomes);
    let result = MatchResult {
        channels: vec![MatchedChannel {
            channel,
            set,
            clusters: None,
        }],
        mark: 12,
        basis: "first".into(),
        outcomes: &mut outcomes,
    };
    assert_eq!(store.take_match(result, 9).unwrap(), 1);
    assert_eq!(lines(store), ["CVE-2024-0001 curl a affected", "CVE-2024-0002 curl a unknown"]);
    assert_eq!(store.channel_states().unwrap()[0].matched_mark, 12);
}

pub fn files_and_sources_are_remembered(store: &dyn Store) {
    let file = |sha256: Digest, date: &str| TakenFile {
        source: "cve".into(),
        url: "cvelistV5/x.zip".into(),
        sha256,
        size: 10,
        data_date: Some(date.into()),
        etag: Some("\"tag\"".into()),
        records: 5,
        changed: 4,
        problems: 1,
        took_ms: Some(2),
    };
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    store.source_begins("cve", 100).unwrap();
    assert!(!store.was_taken("cve", one).unwrap());
    store.file_taken(&file(one, "2024-10-25"), 101).unwrap();
    store.source_succeeded("cve", 102).unwrap();
    assert!(store.was_taken("cve", one).unwrap() && !store.was_taken("nvd", one).unwrap());
    assert_eq!(store.taken_file("cve", "cvelistV5/x.zip").unwrap(), Some(file(one, "2024-10-25")));
    store.file_taken(&file(two, "2024-10-24"), 103).unwrap();
    assert!(!store.was_taken("cve", one).unwrap() && store.was_taken("cve", two).unwrap());
    assert_eq!(store.data_date("cve").unwrap().as_deref(), Some("2024-10-25"));
    store.source_begins("cve", 200).unwrap();
    store.source_failed("cve", 201, "the archive is cut off").unwrap();
    let source = &store.sources().unwrap()[0];
    assert_eq!(
        (source.last_attempt, source.last_success, source.rate),
        (201, Some(102), Some(2500.0))
    );
    assert_eq!(source.last_error.as_deref(), Some("the archive is cut off"));
    store.source_succeeded("cve", 300).unwrap();
    assert_eq!(store.sources().unwrap()[0].last_error, None);
}

pub fn derived_things_and_settings_are_kept(store: &dyn Store) {
    let derived = |basis: &str, n: usize| Derived {
        basis: basis.into(),
        bytes: b"some json ".repeat(n),
    };
    assert_eq!(store.derived("profiles").unwrap(), None);
    assert_eq!(store.derived_basis("profiles").unwrap(), None);
    for n in [100, 1] {
        store.put_derived("profiles", &derived("b", n), 1).unwrap();
        assert_eq!(store.derived("profiles").unwrap(), Some(derived("b", n)));
        assert_eq!(store.derived_basis("profiles").unwrap().as_deref(), Some("b"));
    }
    store.put_setting("sample", Some("1")).unwrap();
    assert!(store.is_sample().unwrap());
    store.put_setting("sample", None).unwrap();
    assert_eq!((store.setting("sample").unwrap(), store.is_sample().unwrap()), (None, false));
}

pub fn an_emptied_store_is_empty(store: &dyn Store) {
    matched(store);
    store.put_setting("sample", Some("1")).unwrap();
    store.put_setting("private/own", Some("1")).unwrap();
    store.clear().unwrap();
    assert_eq!(
        store.setting("private/own").unwrap().as_deref(),
        Some("1"),
        "what is private stays so"
    );
    assert_eq!(store.counts().unwrap().vulnerabilities, 0);
    assert!(store.channel_states().unwrap().is_empty() && !store.is_sample().unwrap());
    assert!(store.search_text(&["frobnicate".into()], 10).unwrap().hits.is_empty());
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
    fill(store);
    assert_eq!(store.search_text(&["frobnicate".into()], 10).unwrap().hits.len(), 1);
}

pub fn verdicts_say_since_when_and_until_when(store: &dyn Store) {
    let name = |revision: &str, packages: &[(&str, &str, &str)]| PackageSet {
        revision: revision.into(),
        ..set("a", packages)
    };
    let match_with = |verdicts: &[(&str, Verdict)], at: i64| {
        let state = store.channel_states().unwrap().remove(0);
        let set = state.set.unwrap().0;
        let packages = store.package_set(set).unwrap();
        let clusters = packages.iter().map(|p| ClusterRow {
            version: p.package.version.clone(),
            package: Some(p.id),
            ..cluster(&p.package.attr, &[&p.package.attr])
        });
        let result = MatchResult {
            channels: vec![MatchedChannel {
                channel: state.id,
                set,
                clusters: all(clusters.collect()),
            }],
            mark: 1,
            basis: "b".into(),
            outcomes: &mut of(state.id, [outcome(1, verdicts)]),
        };
        store.take_match(result, at).unwrap();
        store.vulnerability("CVE-2024-0001").unwrap().unwrap()
    };
    let since = |v: &tracker::store::read::Vulnerability| v.verdicts[0].since.clone().map(|r| (r.revision, r.at));
    fill(store);
    store
        .take_package_set(&name("r1", &[("curl", "8.0", ""), ("jq", "1", "")]), 10)
        .unwrap();
    let v = match_with(&[("curl", Verdict::Affected)], 11);
    assert_eq!((since(&v), v.past.len()), (Some(("r1".into(), 10)), 0));
    // Another revision with the same curl, and one with a newer one that is still affected: it is affected since the first.
    store
        .take_package_set(&name("r2", &[("curl", "8.0", ""), ("jq", "2", "")]), 20)
        .unwrap();
    assert_eq!(since(&match_with(&[("curl", Verdict::Affected)], 21)), Some(("r1".into(), 10)));
    store
        .take_package_set(&name("r3", &[("curl", "8.1", ""), ("jq", "2", "")]), 30)
        .unwrap();
    assert_eq!(since(&match_with(&[("curl", Verdict::Affected)], 31)), Some(("r1".into(), 10)));
    // Fixed, by the revision r4.
    store
        .take_package_set(&name("r4", &[("curl", "8.2", ""), ("jq", "2", "")]), 40)
        .unwrap();
    let v = match_with(&[("curl", Verdict::Fixed)], 41);
    assert_eq!(since(&v), Some(("r4".into(), 40)));
    let past = &v.past[0];
    assert_eq!(
        (past.version.as_str(), past.verdict, past.because.as_str()),
        ("8.1", Verdict::Affected, "packages")
    );
    assert_eq!(
        (
            past.since.as_ref().unwrap().revision.as_str(),
            past.until.revision.as_str(),
            past.until.at
        ),
        ("r1", "r4", 41)
    );
    let fixes = store.fixes().unwrap();
    assert_eq!(fixes.len(), 1, "{fixes:?}");
    assert_eq!(
        (
            fixes[0].vulnerability.as_str(),
            fixes[0].package.as_str(),
            fixes[0].version.as_str(),
            fixes[0].became
        ),
        ("CVE-2024-0001", "curl", "8.1", Some(Verdict::Fixed))
    );
    assert_eq!((fixes[0].revision.as_str(), fixes[0].at), ("r4", 40));
    // Other records say otherwise about the same packages: that verdict holds for as long as the package is there.
    let v = match_with(&[("curl", Verdict::Affected)], 51);
    assert_eq!(since(&v), Some(("r4".into(), 40)));
    assert_eq!(
        (v.past.len(), v.past[0].because.as_str(), v.past[0].verdict),
        (2, "records", Verdict::Fixed)
    );
    assert_eq!(store.fixes().unwrap(), [], "it was none");
    let history = store.package("curl").unwrap().remove(0).history;
    let versions: Vec<(&str, &str, Option<&str>)> = history
        .iter()
        .map(|s| {
            (
                s.version.as_str(),
                s.from.revision.as_str(),
                s.until.as_ref().map(|u| u.revision.as_str()),
            )
        })
        .collect();
    assert_eq!(
        versions,
        [("8.2", "r4", None), ("8.1", "r3", Some("r4")), ("8.0", "r1", Some("r3"))]
    );
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}

pub fn a_forgotten_set_never_was(store: &dyn Store) {
    // Every set of three revisions of three packages, and each of them forgotten: what stays is what the others alone would have made.
    let version = |n: usize| [None, Some("1"), Some("2")][n % 3];
    let sets: Vec<[Option<&str>; 3]> = (0..9).map(|n| [version(n), version(n / 3), Some(["1", "2", "3"][n % 3])]).collect();
    let packages = |versions: &[Option<&'static str>; 3]| -> Vec<(&'static str, &'static str, &'static str)> {
        let all = ["a", "b", "c"].into_iter().zip(versions);
        all.filter_map(|(attr, version)| version.map(|version| (attr, version, "")))
            .collect()
    };
    let current = |channel: &str| {
        let states = store.channel_states().unwrap();
        let set = states.iter().find(|s| s.name == channel)?.set.clone()?.0;
        let stored = store.package_set(set).unwrap();
        let mut found: Vec<(String, String)> = stored.into_iter().map(|p| (p.package.attr, p.package.version)).collect();
        found.sort();
        Some((set, found))
    };
    for (n, first) in sets.iter().enumerate() {
        let channel = format!("c{n}");
        let (second, third) = (&sets[(n * 2 + 1) % 9], &sets[(n * 5 + 2) % 9]);
        let mut ids = Vec::new();
        for (k, versions) in [first, second, third].into_iter().enumerate() {
            let taken = PackageSet {
                revision: format!("r{k}"),
                ..set(&channel, &packages(versions))
            };
            store.take_package_set(&taken, k as i64).unwrap();
            ids.push(current(&channel).unwrap());
        }
        let gone = n % 3;
        let (id, _) = ids.remove(gone);
        if ids.iter().any(|(other, _)| *other == id) {
            continue;
        }
        assert!(store.forget_set(id).unwrap() && !store.forget_set(id).unwrap());
        for (id, expected) in &ids {
            let mut found: Vec<(String, String)> = store
                .package_set(*id)
                .unwrap()
                .into_iter()
                .map(|p| (p.package.attr, p.package.version))
                .collect();
            found.sort();
            assert_eq!(found, *expected, "{channel} {gone}");
        }
        assert_eq!(current(&channel).unwrap().0, ids[1].0);
        for (id, _) in &ids {
            store.forget_set(*id).unwrap();
        }
        assert!(current(&channel).is_none());
    }
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}

pub fn a_clock_that_goes_backwards_changes_no_order(store: &dyn Store) {
    let of = |date: &str, fixed: &str| record(Source::Cve, &made::cve("CVE-2024-0001", date, "frobnicate", fixed));
    store.take(&[of(OLD, "1.0")], 1000).unwrap();
    let mark = store.mark().unwrap();
    store.take(&[of(NEW, "2.0")], 500).unwrap();
    assert_eq!(
        store.touched_after(mark).unwrap(),
        1,
        "a change is a change, whatever the clock says"
    );
    assert_eq!(
        store.vulnerability("CVE-2024-0001").unwrap().unwrap().description,
        "A flaw in frobnicate before 2.0."
    );
    for (n, at) in [1000, 500, 10].into_iter().enumerate() {
        let version = format!("{n}");
        let packages = [("hello", version.as_str(), "")];
        store.take_package_set(&set("a", &packages), at).unwrap();
        let current = store.channel_states().unwrap()[0].set.clone().unwrap().0;
        assert_eq!(store.package_set(current).unwrap()[0].package.version, version);
    }
    let times: Vec<i64> = store.revisions("a").unwrap().iter().map(|r| r.first_at).collect();
    assert_eq!(times, [10, 500, 1000]);
    assert_eq!(store.check(&|_| {}).unwrap(), Vec::<String>::new());
}

/// One vulnerability that all sources speak about, and one of CVE's alone.
pub(super) fn fill(store: &dyn Store) {
    let batch = [
        record(Source::Nvd, &made::nvd("CVE-2024-0001", OLD, "frobnicate", "frobnicate", "1.2.3")),
        record(
            Source::Osv,
            &made::osv("GO-2024-0001", &["CVE-2024-0001"], "2024-05-01T00:00:00Z", "example.org/x"),
        ),
        record(Source::Cve, &made::cve("CVE-2024-0001", OLD, "frobnicate", "1.2.3")),
        record(Source::Cve, &made::cve("CVE-2024-0002", OLD, "quuxd", "3.0")),
    ];
    assert_eq!(store.take(&batch, 1).unwrap().changed, 4);
}

/// A store with a match: the channel's row and set.
fn matched(store: &dyn Store) -> (i64, i64) {
    fill(store);
    store
        .take_package_set(&set("a", &[("hello", "2.12", ""), ("curl", "8.0", ""), ("curlFull", "8.0", "")]), 1)
        .unwrap();
    let state = store.channel_states().unwrap().remove(0);
    let set = state.set.unwrap().0;
    let outcomes = [outcome(1, &[("curl", Verdict::Affected)]), outcome(2, &[("hello", Verdict::Fixed)])];
    let mut outcomes = of(state.id, outcomes);
    let clusters = all(vec![cluster("curl", &["curl", "curlFull"]), cluster("hello", &["hello"])]);
    let result = MatchResult {
        channels: vec![MatchedChannel {
            channel: state.id,
            set,
            clusters,
        }],
        mark: 1,
        basis: "first".into(),
        outcomes: &mut outcomes,
    };
    assert_eq!(store.take_match(result, 5).unwrap(), 2);
    (state.id, set)
}

fn lines(store: &dyn Store) -> Vec<String> {
    let mut lines = Vec::new();
    let mut each = |s: tracker::store::result::Suggestion| {
        lines.push(format!("{} {} {} {}", s.cve, s.package, s.channel, s.verdict));
        Ok(())
    };
    store.suggestions(None, &mut each).unwrap();
    lines
}

/// What a match of a channel hands over.
fn of(channel: i64, outcomes: impl IntoIterator<Item = OutcomeRow>) -> impl Iterator<Item = Result<OutcomeRow, StoreError>> {
    outcomes.into_iter().map(move |outcome| Ok(OutcomeRow { channel, ..outcome }))
}

fn all(clusters: Vec<ClusterRow>) -> Option<Box<dyn Iterator<Item = ClusterRow>>> {
    Some(Box::new(clusters.into_iter()))
}

fn outcome(vulnerability: i64, verdicts: &[(&str, Verdict)]) -> OutcomeRow {
    OutcomeRow {
        channel: 0,
        vulnerability,
        disposition: if verdicts.is_empty() {
            Disposition::NothingInNixpkgs
        } else {
            Disposition::Matched
        },
        near_misses: None,
        verdicts: verdicts
            .iter()
            .map(|(cluster, verdict)| VerdictLine {
                cluster: (*cluster).into(),
                verdict: *verdict,
                confidence: 0.9,
                fixed_in: None,
                evidence: r#"[{"rule":"r","detail":"d"}]"#.to_owned().into(),
            })
            .collect(),
    }
}

fn cluster(name: &str, attrs: &[&str]) -> ClusterRow {
    ClusterRow {
        name: name.into(),
        pname: name.into(),
        version: "1".into(),
        package: None,
        attrs: attrs.iter().map(|a| (*a).into()).collect(),
    }
}

fn set(channel: &str, packages: &[(&str, &str, &str)]) -> PackageSet {
    let package = |(attr, version, path): &(&str, &str, &str)| Package {
        attr: (*attr).into(),
        pname: (*attr).into(),
        version: (*version).into(),
        outputs: vec![("out".into(), (*path).into())],
        drv_path: (!path.is_empty()).then(|| format!("{path}.drv")),
        ..Package::default()
    };
    let packages: Vec<Package> = packages.iter().map(package).collect();
    PackageSet {
        channel: channel.into(),
        revision: "r".into(),
        with_derivation: packages.len() as u64,
        packages,
    }
}

fn record(source: Source, text: &str) -> Incoming {
    let (advisory, problems) = parse(source, text.as_bytes()).unwrap();
    Incoming::Record {
        document: document(source.name(), &advisory.id, text.as_bytes()),
        advisory: Box::new(advisory),
        problems,
    }
}

fn document(source: &'static str, key: &str, bytes: &[u8]) -> Document {
    Document {
        source,
        key: key.into(),
        url: format!("file!{key}"),
        sha256: Digest::of(bytes),
        size: bytes.len() as u64,
        packed: Packer::new().unwrap().pack(bytes).unwrap(),
    }
}
