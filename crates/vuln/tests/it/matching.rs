//! What the matcher promises, in small worlds of a few packages and records.

use serde_json::{Value, json};
use vuln::advisory::Advisory;
use vuln::matching::{FactsBuilder, Memo, PackageIndex, Prepared, ProfilesBuilder, Vulnerability, candidates};
use vuln::package::Package;
use vuln::record::{cve, nvd, osv};
use vuln::verdict::{Disposition, Outcome, Verdict};

use Verdict::{Affected, Fixed, NotAffected, Unknown};

fn package(attr: &str, version: &str, homepage: &str, description: &str) -> Package {
    Package {
        attr: attr.into(),
        pname: attr.trim_end_matches(|c: char| c.is_ascii_digit()).into(),
        version: version.into(),
        homepages: vec![homepage.into()],
        description: Some(description.into()),
        ..Package::default()
    }
}

/// A CVE 5 record with one CNA container, and what others add.
fn cve5(description: &str, affected: &Value, adp: &Value) -> Advisory {
    let record = json!({
        "dataType": "CVE_RECORD", "dataVersion": "5.1",
        "cveMetadata": {"cveId": "CVE-2024-0001", "state": "PUBLISHED", "datePublished": "2024-05-01T00:00:00Z"},
        "containers": {
            "cna": {
                "providerMetadata": {"shortName": "cna"}, "affected": affected,
                "descriptions": [{"lang": "en", "value": description}],
            },
            "adp": [{"providerMetadata": {"shortName": "CISA-ADP"}, "affected": adp}],
        },
    });
    cve::parse(record.to_string().as_bytes()).unwrap().0
}

fn plain(product: &str, versions: &Value) -> Advisory {
    cve5(
        "A fault.",
        &json!([{"vendor": product, "product": product, "versions": versions}]),
        &json!([]),
    )
}

fn nvd_of(published: &str, description: &str, configurations: &Value) -> Advisory {
    let entry = json!({
        "id": "CVE-2020-0001", "published": published, "vulnStatus": "Analyzed",
        "descriptions": [{"lang": "en", "value": description}], "configurations": configurations,
    });
    nvd::parse_entry(json!({"cve": entry}).to_string().as_bytes())
        .or_else(|_| nvd::parse_entry(entry.to_string().as_bytes()))
        .unwrap()
        .0
}

/// One node of one criterion.
fn criterion(cpe: &str, more: Value) -> Value {
    let mut criterion = json!({"vulnerable": true, "criteria": cpe, "matchCriteriaId": "00000000-0000-0000-0000-000000000000"});
    criterion.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"operator": "OR", "negate": false, "cpeMatch": [criterion]})
}

fn osv_of(ecosystem: &str, name: &str, range: &Value, details: &str) -> Advisory {
    let record = json!({
        "id": "BIT-x-2024-0001", "aliases": ["CVE-2024-0001"], "published": "2024-05-01T00:00:00Z", "modified": "2024-05-01T00:00:00Z",
        "details": details, "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": [range]}],
    });
    osv::parse(record.to_string().as_bytes()).unwrap().0
}

/// Matches the first records as one vulnerability; `others` only teach.
fn outcome(packages: Vec<Package>, records: &[Advisory], others: &[Advisory]) -> (Outcome, PackageIndex) {
    let mut profiles = ProfilesBuilder::default();
    records.iter().chain(others).for_each(|record| profiles.add(record));
    let mut facts = FactsBuilder::default();
    packages.iter().for_each(|package| facts.add(package));
    let index = PackageIndex::new(packages, &facts.finish());
    let vulnerability = Vulnerability {
        id: "CVE-2024-0001",
        advisories: records,
    };
    (candidates(vulnerability, &index, &profiles.finish()), index)
}

/// Attribute, verdict and the first rules of evidence of each match.
fn verdicts(packages: Vec<Package>, records: &[Advisory], others: &[Advisory]) -> Vec<(String, Verdict)> {
    let (outcome, index) = outcome(packages, records, others);
    let mut found: Vec<(String, Verdict)> = outcome
        .matches
        .iter()
        .map(|m| (index.clusters()[m.cluster].name.clone(), m.verdict))
        .collect();
    found.sort();
    found
}

fn one(package: Package, record: Advisory) -> Option<Verdict> {
    verdicts(vec![package], &[record], &[]).first().map(|(_, verdict)| *verdict)
}

#[test]
fn release_lines_are_judged_by_themselves() {
    let firefox = |version: &str| package("firefox", version, "https://www.mozilla.com/firefox/", "A web browser");
    let before_70 = || {
        cve5(
            "This affects Firefox < 70.",
            &json!([{"vendor": "Mozilla", "product": "Firefox", "versions": [{"version": "unspecified", "lessThan": "70", "status": "affected", "versionType": "custom"}]}]),
            &json!([]),
        )
    };
    assert_eq!(
        one(firefox("68.10.0esr"), before_70()),
        Some(NotAffected),
        "the support line has records of its own"
    );
    assert_eq!(one(firefox("69.0"), before_70()), Some(Affected));
    let magick = |version: &str| package("imagemagick", version, "https://www.imagemagick.org/", "Edits bitmap images");
    let before_7 = || {
        let node = criterion(
            "cpe:2.3:a:imagemagick:imagemagick:*:*:*:*:*:*:*:*",
            json!({"versionEndExcluding": "7.0.8-55"}),
        );
        nvd_of(
            "2019-07-01T00:00:00.000",
            "ImageMagick before 7.0.8-55 leaks.",
            &json!([{"nodes": [node]}]),
        )
    };
    assert_eq!(one(magick("6.9.11-14"), before_7()), Some(NotAffected));
    assert_eq!(one(magick("7.0.8-50"), before_7()), Some(Affected));
    let mysql = |version: &str| package("mysql", version, "https://www.mysql.com/", "A database");
    let and_prior = || {
        let node = criterion(
            "cpe:2.3:a:oracle:mysql:*:*:*:*:*:*:*:*",
            json!({"versionStartIncluding": "8.0.0", "versionEndIncluding": "8.0.13"}),
        );
        nvd_of(
            "2019-01-01T00:00:00.000",
            "Affected are 8.0.13 and prior.",
            &json!([{"nodes": [node]}]),
        )
    };
    assert_eq!(one(mysql("5.7.27"), and_prior()), Some(NotAffected));
    assert_eq!(one(mysql("8.0.13"), and_prior()), Some(Affected));
    let botan = |version: &str| package("botan", version, "https://botan.randombit.net/", "Cryptographic algorithms");
    let node = criterion(
        "cpe:2.3:a:botan_project:botan:*:*:*:*:*:*:*:*",
        json!({"versionEndExcluding": "1.11.22"}),
    );
    let record = nvd_of(
        "2015-10-01T00:00:00.000",
        "Botan 1.11.x before 1.11.22 crashes.",
        &json!([{"nodes": [node]}]),
    );
    assert_eq!(one(botan("1.10.17"), record.clone()), Some(NotAffected));
    assert_eq!(one(botan("1.11.20"), record), Some(Affected));
}

#[test]
fn a_sibling_record_does_not_mend_a_version_of_a_project_with_one_line() {
    let tool = || package("frobtool", "2.11", "https://frob.example.org/", "Frobs");
    let range = |start: &str, end: &str| {
        let entry = json!({"version": start, "lessThan": end, "status": "affected", "versionType": "custom"});
        plain("frobtool", &json!([entry]))
    };
    let others = [range("2.0", "2.10"), range("2.1", "2.10")];
    assert_eq!(
        verdicts(vec![tool()], &[range("0", "3.0.0")], &others),
        [("frobtool".to_string(), Affected)],
        "that 2.10 was mended before tells nothing about 2.11"
    );
}

#[test]
fn an_older_line_beside_a_newer_one_is_not_judged_by_an_end_without_a_start() {
    let codec = |attr: &str, version: &str| Package {
        pname: "codec".into(),
        ..package(attr, version, "https://codec.example/", "A picture codec")
    };
    let before = |end: &str| {
        plain(
            "codec",
            &json!([{"version": "0", "lessThan": end, "status": "affected", "versionType": "custom"}]),
        )
    };
    let both = || vec![codec("codec1", "1.5.2"), codec("codec2", "2.3.0")];
    let found = |packages, record| verdicts(packages, &[record], &[]).into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    assert_eq!(found(both(), before("2.3.1")), [Unknown, Affected], "2.3.1 says nothing of 1.5.2");
    assert_eq!(found(both(), before("1.5.3")), [Affected, Fixed], "an end in its own line does");
    assert_eq!(
        found(vec![codec("codec1", "1.5.2")], before("2.3.1")),
        [Affected],
        "nobody kept it for its own sake"
    );
    let preview = vec![codec("codec", "1.5.2"), codec("codecBeta", "2.0.0")];
    assert_eq!(found(preview, before("2.3.1")), [Affected, Affected], "a preview is no line");
    let browsers = vec![codec("codec78", "78.0"), codec("codec79", "79.0")];
    assert_eq!(found(browsers, before("85.0")), [Affected, Affected], "such numbers count releases");
    let far = vec![codec("codec78", "78.0"), codec("codec79", "79.0")];
    assert_eq!(
        found(far, before("90.0")),
        [Unknown, Unknown],
        "ten of them, and nobody knows the years"
    );
    let started = plain(
        "codec",
        &json!([{"version": "1.2", "lessThan": "2.3.1", "status": "affected", "versionType": "custom"}]),
    );
    assert_eq!(found(both(), started), [Affected, Affected], "the record says since when");
}

#[test]
fn a_line_that_was_looked_after_and_got_no_fix_tells_of_a_young_fault() {
    let store = |version: &str| package("store", version, "https://store.example/", "A database");
    let lines = |ends: &[(&str, &str)]| {
        let entry = |(start, end): &(&str, &str)| json!({"version": start, "lessThan": end, "status": "affected", "versionType": "custom"});
        plain("store", &ends.iter().map(entry).collect())
    };
    let others: Vec<Advisory> = (1..5)
        .map(|n| {
            let ends = [10, 11].map(|line| (format!("{line}.6.0"), format!("{line}.6.{n}")));
            lines(&ends.each_ref().map(|(start, end)| (start.as_str(), end.as_str())))
        })
        .collect();
    let judged = |version: &str, record: Advisory| {
        // Of the year before: what got fixes in later years was looked after.
        let record = Advisory {
            id: "CVE-2023-0001".into(),
            published: Some("2023-05-01T00:00:00Z".into()),
            ..record
        };
        verdicts(vec![store(version)], &[record], &others)[0].1
    };
    assert_eq!(judged("10.4.13", lines(&[("0", "11.4.10")])), Unknown, "10.6 was passed over");
    assert_eq!(
        judged("10.4.13", lines(&[("0", "10.6.3"), ("11.0.0", "11.4.10")])),
        Affected,
        "no line between was"
    );
    assert_eq!(judged("11.2.1", lines(&[("0", "11.4.10")])), Affected);
}

/// A record of OSV with a range of its own; two of each year teach when a version was there.
fn in_year(year: u32, number: u32, events: &Value) -> Advisory {
    let record = json!({
        "id": format!("BIT-x-{year}-{number}"), "aliases": [format!("CVE-{year}-{number}")],
        "published": format!("{year}-06-01T00:00:00Z"), "modified": format!("{year}-06-01T00:00:00Z"), "details": "A fault.",
        "affected": [{"package": {"ecosystem": "Bitnami", "name": "tracer"}, "ranges": [{"type": "SEMVER", "events": events}]}],
    });
    osv::parse(record.to_string().as_bytes()).unwrap().0
}

#[test]
fn a_version_years_older_than_the_oldest_line_with_the_fault_is_unknown() {
    let tracer = |version: &str| package("tracer", version, "https://tracer.example/", "Traces programs");
    let before = |end: &str| json!([{"introduced": "0"}, {"fixed": end}]);
    let others: Vec<Advisory> = [(2018, "1.4.2"), (2020, "1.9.0"), (2022, "2.3.0"), (2023, "2.8.0"), (2024, "3.1.0")]
        .iter()
        .flat_map(|(year, end)| [1, 2].map(|n| in_year(*year, n, &before(end))))
        .collect();
    let judged = |version: &str, events: Value| verdicts(vec![tracer(version)], &[in_year(2024, 9, &events)], &others)[0].1;
    assert_eq!(judged("1.4.1", before("2.8.1")), Unknown, "1.4 was there in 2018, 2.8 in 2023");
    assert_eq!(judged("1.4.1", before("3.1.1")), Unknown, "two major versions");
    assert_eq!(judged("2.2.0", before("2.8.1")), Affected, "a year or two within a line");
    assert_eq!(judged("2.7.0", before("3.1.1")), Affected, "a year across");
    assert_eq!(judged("1.4.1", before("1.4.3")), Affected, "its own line is named");
    assert_eq!(
        judged("1.4-bootstrap-20161024", before("2.8.1")),
        Unknown,
        "a date behind it does not matter"
    );
    let started = json!([{"introduced": "1.2.0"}, {"fixed": "3.1.1"}]);
    assert_eq!(judged("1.4.1", started), Affected, "the record says since when");
    let old_line = json!([{"introduced": "0"}, {"fixed": "1.5.0"}, {"introduced": "2.0.0"}, {"fixed": "2.8.1"}]);
    assert_eq!(judged("1.4.1", old_line), Affected, "the fix went to a line of that age");
    // One source that tells where it began is enough.
    let teller = cve5(
        "A fault.",
        &json!([{"vendor": "tracer", "product": "tracer", "versions": [{"version": "1.0", "lessThan": "3.1.1", "status": "affected", "versionType": "custom"}]}]),
        &json!([]),
    );
    let both = [in_year(2024, 9, &before("3.1.1")), teller];
    assert_eq!(verdicts(vec![tracer("1.4.1")], &both, &others), [("tracer".to_string(), Affected)]);
}

#[test]
fn what_others_added_to_a_record_does_not_count_beside_what_its_cna_says() {
    let tool = package("frobber", "1.0", "https://frobber.example/", "Frobs things");
    let named = |vendor: &str, start: &str| {
        let versions = json!([{"version": start, "lessThan": "1.9", "status": "affected", "versionType": "custom"}]);
        json!([{"vendor": vendor, "product": "frobber", "versions": versions}])
    };
    // Under another vendor, as CISA often has it.
    let record = || cve5("A fault.", &named("frobber", "1.4"), &named("frobber_project", "0"));
    assert_eq!(one(tool, record()), Some(NotAffected));
    let unread = json!([{"vendor": "frobber", "product": "frobber", "versions": [{"version": "see references", "status": "affected"}]}]);
    let added = cve5("A fault.", &unread, &named("frobber_project", "0"));
    let tool = package("frobber", "1.0", "https://frobber.example/", "Frobs things");
    assert_eq!(
        one(tool, added),
        Some(Affected),
        "where the CNA's list cannot be read, the other one decides"
    );
}

#[test]
fn a_library_that_nixpkgs_links_itself_is_not_the_program_that_ships_a_copy() {
    let pooler = || {
        package(
            "pgbouncer",
            "1.14.0",
            "https://www.pgbouncer.org/",
            "Connection pooler for PostgreSQL",
        )
    };
    let range = json!({"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.17.1"}]});
    let about = |text: &str| osv_of("Bitnami", "pgbouncer", &range, text);
    assert_eq!(one(pooler(), about("A flaw was found in c-ares library.")), None);
    assert_eq!(one(pooler(), about("A flaw was found in PgBouncer with c-ares.")), Some(Affected));
    assert_eq!(
        one(pooler(), about("A flaw was found.")),
        Some(Affected),
        "nothing speaks of a library"
    );
}

#[test]
fn packages_of_go_came_with_its_releases() {
    let go = |version: &str| package("go", version, "https://go.dev/", "The Go programming language");
    let range = json!({"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.17.12"}]});
    let record = |text: &str| osv_of("Bitnami", "golang", &range, text);
    assert_eq!(one(go("1.15.3"), record("Stack exhaustion in Glob in io/fs.")), Some(NotAffected));
    assert_eq!(one(go("1.16.2"), record("Stack exhaustion in Glob in io/fs.")), Some(Affected));
    assert_eq!(
        one(go("1.15.3"), record("Stack exhaustion in Glob in path/filepath.")),
        Some(Affected)
    );
}

#[test]
fn what_only_the_enterprise_edition_has_is_not_in_the_free_one() {
    let gitlab = |attr: &str, version: &str| package(attr, version, "https://about.gitlab.com/", "Development platform");
    let record = |text: &str| {
        let versions = json!([{"version": "11.3", "lessThan": "16.7.6", "status": "affected", "versionType": "semver"}]);
        cve5(
            text,
            &json!([{"vendor": "GitLab", "product": "GitLab", "versions": versions}]),
            &json!([]),
        )
    };
    let owners = "An issue in GitLab from 11.3 before 16.7.6 lets an attacker get round Code Owners.";
    assert_eq!(one(gitlab("gitlab", "13.0.9"), record(owners)), Some(NotAffected));
    assert_eq!(one(gitlab("gitlab-ee", "13.0.9"), record(owners)), Some(Affected));
    assert_eq!(
        one(
            gitlab("gitlab", "13.0.9"),
            record("An issue in GitLab CE/EE from 11.3 before 16.7.6 with epics.")
        ),
        Some(Affected)
    );
    let registry = "An issue in GitLab from 11.3 before 16.7.6 in the package registry.";
    assert_eq!(one(gitlab("gitlab", "13.0.9"), record(registry)), Some(NotAffected));
    assert_eq!(one(gitlab("gitlab", "13.4.1"), record(registry)), Some(Affected), "free since 13.3");
}

#[test]
fn a_plugin_with_its_programs_version_in_front_is_judged_by_its_own() {
    let guard = |version: &str| {
        package(
            "elasticsearchPlugins.search-guard",
            version,
            "https://search-guard.com/",
            "A plugin",
        )
    };
    let record = |end: &str| {
        let versions = json!([{"version": "0", "lessThan": end, "status": "affected", "versionType": "custom"}]);
        let affected =
            json!([{"vendor": "search-guard", "product": "Search Guard", "versions": versions, "repo": "https://search-guard.com/"}]);
        cve5("A fault in Search Guard.", &affected, &json!([]))
    };
    let mut named = guard("6.8.3-25.5");
    named.cpes = vec!["cpe:2.3:a:search-guard:search_guard:25.5:*:*:*:*:*:*:*".into()];
    assert_eq!(one(named.clone(), record("21.0")), Some(Fixed));
    assert_eq!(one(named, record("25.6")), Some(Affected));
}

#[test]
fn what_is_remembered_from_one_package_set_changes_no_answer_in_the_next() {
    let app = || package("app", "1.0", "https://app.example/", "A tool");
    let library = |version: &str| package("library", version, "https://library.example/", "A library");
    let needs_library = json!([{"operator": "AND", "negate": false, "nodes": [
        criterion("cpe:2.3:a:app:app:1.0:*:*:*:*:*:*:*", json!({})),
        criterion("cpe:2.3:a:library:library:*:*:*:*:*:*:*:*", json!({"versionEndExcluding": "2.0"})),
    ]}]);
    let record = [nvd_of("2020-01-01T00:00:00", "A fault in app with library.", &needs_library)];
    let mut profiles = ProfilesBuilder::default();
    profiles.add(&record[0]);
    let profiles = profiles.finish();
    let facts = FactsBuilder::default().finish();
    let sets = ["1.5", "2.5", "1.5"].map(|version| PackageIndex::new(vec![app(), library(version)], &facts));
    let vulnerability = Vulnerability {
        id: "CVE-2020-0001",
        advisories: &record,
    };
    let (prepared, memo) = (Prepared::new(vulnerability), Memo::default());
    for index in &sets {
        assert_eq!(
            prepared.candidates_again(index, &profiles, &memo),
            candidates(vulnerability, index, &profiles)
        );
    }
    assert_ne!(prepared.candidates(&sets[0], &profiles), prepared.candidates(&sets[1], &profiles));
}

#[test]
fn a_cna_that_names_a_start_is_believed_before_copies_without() {
    let zip = || package("frobzip", "1.0", "https://frob.example.org/", "Packs");
    let entry = |start: &str, end: &str| json!([{"vendor": "frobzip", "product": "frobzip", "versions": [{"version": start, "lessThan": end, "status": "affected", "versionType": "custom"}]}]);
    let record = cve5("A fault.", &entry("1.4", "1.9"), &entry("0", "1.9"));
    assert_eq!(one(zip(), record), Some(NotAffected));
    let osv = osv_of(
        "Bitnami",
        "frobzip",
        &json!({"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.9.0"}]}),
        "A fault.",
    );
    let named = plain(
        "frobzip",
        &json!([{"version": "1.4", "lessThan": "1.9", "status": "affected", "versionType": "custom"}]),
    );
    assert_eq!(verdicts(vec![zip()], &[osv, named], &[]), [("frobzip".to_string(), NotAffected)]);
}

#[test]
fn mozillas_records_name_each_support_line_that_they_are_about() {
    let firefox = || package("firefox", "113.0.1", "https://www.mozilla.com/firefox/", "A web browser");
    let before = |ends: &[(&str, &str)]| {
        let entry = |(product, end): &(&str, &str)| {
            let versions = json!([{"version": "unspecified", "lessThan": end, "status": "affected", "versionType": "custom"}]);
            json!({"vendor": "Mozilla", "product": product, "versions": versions})
        };
        let affected: Vec<Value> = ends.iter().map(entry).collect();
        cve5("A fault.", &json!(affected), &json!([]))
    };
    let both = before(&[("Firefox", "126"), ("Firefox ESR", "115.11")]);
    assert_eq!(one(firefox(), both), Some(Affected));
    let newer = before(&[("Firefox", "126")]);
    assert_eq!(one(firefox(), newer), Some(Unknown), "115 got fixes that day, and not this one");
}

#[test]
fn what_came_later_is_not_at_fault_before() {
    let memcached = |version: &str| package("memcached", version, "https://memcached.org/", "A cache of objects");
    let record = |text: &str| {
        let versions = json!([{"version": "0", "lessThan": "1.6.22", "status": "affected", "versionType": "custom"}]);
        cve5(
            text,
            &json!([{"vendor": "memcached", "product": "memcached", "versions": versions}]),
            &json!([]),
        )
    };
    let proxy = "A fault when processing requests in proxy mode.";
    assert_eq!(one(memcached("1.6.6"), record(proxy)), Some(NotAffected));
    assert_eq!(one(memcached("1.6.13"), record(proxy)), Some(Affected));
    assert_eq!(one(memcached("1.6.6"), record("A fault when reading keys.")), Some(Affected));
}

#[test]
fn kernel_records_without_an_origin_are_unknown_where_a_longterm_line_was_passed_over() {
    let linux = |version: &str| package("linux", version, "https://www.kernel.org/", "The Linux kernel");
    let record = |fixed: &[(&str, &str)], start: &str| {
        let mut versions =
            vec![json!({"version": "6.99", "lessThanOrEqual": "*", "status": "unaffected", "versionType": "original_commit_for_fix"})];
        versions.extend(
            fixed
                .iter()
                .map(|(from, line)| json!({"version": from, "lessThanOrEqual": line, "status": "unaffected", "versionType": "semver"})),
        );
        cve5(
            "In the Linux kernel, a fault.",
            &json!([
                {"vendor": "Linux", "product": "Linux", "defaultStatus": "unaffected",
                 "versions": [{"version": start, "lessThan": "20e7164c52d9", "status": "affected", "versionType": "git"}]},
                {"vendor": "Linux", "product": "Linux", "defaultStatus": "affected", "versions": versions},
            ]),
            &json!([]),
        )
    };
    let far = [("6.6.51", "6.6.*")];
    let near = [("5.10.202", "5.10.*"), ("6.6.51", "6.6.*")];
    assert_eq!(one(linux("5.4.53"), record(&far, "1da177e4c3f4")), Some(Unknown));
    assert_eq!(
        one(linux("5.4.53"), record(&near, "1da177e4c3f4")),
        Some(Unknown),
        "its own line still got fixes, and not this one"
    );
    assert_eq!(
        one(linux("5.8.1"), record(&near, "1da177e4c3f4")),
        Some(Unknown),
        "5.4 just before it got fixes, and not this one"
    );
    let all = [("5.4.260", "5.4.*"), ("5.10.202", "5.10.*"), ("6.6.51", "6.6.*")];
    assert_eq!(
        one(linux("5.8.1"), record(&all, "1da177e4c3f4")),
        Some(Affected),
        "older lines needed it as well"
    );
    assert_eq!(
        one(linux("4.14.300"), record(&[("4.19.300", "4.19.*")], "1da177e4c3f4")),
        Some(Affected),
        "its own line had ended"
    );
    assert_eq!(one(linux("5.10.203"), record(&near, "1da177e4c3f4")), Some(Fixed));
    assert_eq!(
        one(linux("5.4.53"), record(&far, "abcdef123456")),
        Some(Affected),
        "somebody found the commit"
    );
}

#[test]
fn a_mainline_fix_does_not_decide_for_a_longterm_line() {
    let linux = |version: &str| package("linux", version, "https://www.kernel.org/", "The Linux kernel");
    let record = || {
        let node = criterion(
            "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*",
            json!({"versionEndExcluding": "5.3.5"}),
        );
        nvd_of(
            "2019-11-07T00:00:00.000",
            "A leak in the Linux kernel before 5.3.5.",
            &json!([{"nodes": [node]}]),
        )
    };
    assert_eq!(one(linux("4.14.165"), record()), Some(Unknown));
    assert_eq!(one(linux("5.3.4"), record()), Some(Affected));
    assert_eq!(one(linux("5.3.5"), record()), Some(Fixed));
}

#[test]
fn hashes_are_commits_and_other_processors_are_not_ours() {
    let linux = || package("linux", "5.4.53", "https://www.kernel.org/", "The Linux kernel");
    let copy = json!([{"vendor": "linux", "product": "linux_kernel", "defaultStatus": "unknown",
        "versions": [{"version": "3b8cc6298724", "lessThan": "714e59b5456e", "status": "affected", "versionType": "custom"}]}]);
    assert_eq!(one(linux(), cve5("A fault.", &copy, &json!([]))), Some(Unknown));
    let parisc = json!([{"vendor": "Linux", "product": "Linux", "defaultStatus": "affected", "programFiles": ["arch/parisc/kernel/time.c"],
        "versions": [{"version": "4.0", "status": "affected"}]}]);
    assert_eq!(one(linux(), cve5("A fault.", &parisc, &json!([]))), Some(NotAffected));
}

#[test]
fn editions_and_lines_in_names_are_told_apart() {
    let gitlab = |attr: &str| Package {
        pname: attr.into(),
        ..package(attr, "13.0.9", "https://gitlab.com/", "GitLab")
    };
    let ee = cve5(
        "An issue in GitLab EE affecting all versions from 11.3 before 16.7.6.",
        &json!([{"vendor": "GitLab", "product": "GitLab", "versions": [{"version": "11.3", "lessThan": "16.7.6", "status": "affected", "versionType": "semver"}]}]),
        &json!([]),
    );
    assert_eq!(
        verdicts(vec![gitlab("gitlab"), gitlab("gitlab-ee")], &[ee], &[]),
        [("gitlab".to_string(), NotAffected), ("gitlab-ee".to_string(), Affected)]
    );
    let dotnet = package("dotnet-sdk", "2.1.804", "https://dotnet.github.io/", "The .NET SDK");
    let net8 = json!([{"vendor": "Microsoft", "product": ".NET 8.0", "cpes": ["cpe:2.3:a:microsoft:.net:8.0.0:*:*:*:*:*:*:*"],
        "versions": [{"version": "1.0.0", "lessThan": "8.0.7", "status": "affected", "versionType": "custom"}]}]);
    assert_eq!(one(dotnet, cve5("A fault.", &net8, &json!([]))), Some(NotAffected));
}

#[test]
fn conditions_of_configurations_hold_or_fail() {
    let server = || package("srvapp", "2.0", "https://srvapp.example.org/", "Serves");
    let srvapp = "cpe:2.3:a:srvapp:srvapp:*:*:*:*:*:*:*:*";
    let windows = "cpe:2.3:o:microsoft:windows:-:*:*:*:*:*:*:*";
    let record = |configurations: &Value| nvd_of("2020-01-01T00:00:00.000", "A fault.", configurations);
    let mut both = criterion(srvapp, json!({"versionEndExcluding": "3"}));
    both["operator"] = json!("AND");
    both["cpeMatch"]
        .as_array_mut()
        .unwrap()
        .push(json!({"vulnerable": false, "criteria": windows}));
    assert_eq!(
        one(server(), record(&json!([{"nodes": [both]}]))),
        Some(NotAffected),
        "AND inside one node"
    );
    let mut excluded = criterion(&srvapp.replacen('*', "2.0", 1), json!({}));
    excluded["negate"] = json!(true);
    let upper = criterion(srvapp, json!({"versionEndExcluding": "3"}));
    assert_eq!(
        one(server(), record(&json!([{"operator": "AND", "nodes": [upper, excluded]}]))),
        Some(NotAffected),
        "2.0 is left out"
    );
    assert_eq!(
        one(
            server(),
            record(&json!([{"nodes": [criterion(srvapp, json!({"versionEndExcluding": "3"}))]}]))
        ),
        Some(Affected)
    );
}

#[test]
fn language_packages_and_programs_do_not_meet_by_name_alone() {
    let curl = || package("curl", "8.0", "https://curl.se/", "Transfers files");
    let events = json!({"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.0.0"}]});
    assert_eq!(one(curl(), osv_of("npm", "curl", &events, "A fault.")), None);
    assert_eq!(one(curl(), osv_of("crates.io", "curl", &events, "A fault.")), None);
    let go = package("go", "8.14.6", "https://golang.org/", "The Go language");
    assert_eq!(
        one(go, osv_of("Go", "stdlib", &events, "A fault.")),
        Some(Affected),
        "the standard library comes with go"
    );
    let mut app = package("frobcli", "1.0", "https://frob.example.org/", "Frobs");
    app.source_urls = vec!["mirror://pypi/f/frobnicate/frobnicate-1.0.tar.gz".into()];
    let python = json!({"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]});
    assert_eq!(
        one(app, osv_of("PyPI", "frobnicate", &python, "A fault.")),
        Some(Affected),
        "it is built from that archive"
    );
    let pillow = Package {
        pname: "python3.8-Pillow".into(),
        ..package("python38Packages.pillow", "7.0.0", "https://python-pillow.org/", "Images")
    };
    let node = criterion("cpe:2.3:a:python:pillow:*:*:*:*:*:*:*:*", json!({"versionEndExcluding": "7.1.0"}));
    let record = nvd_of(
        "2020-04-01T00:00:00.000",
        "Pillow before 7.1.0 overflows.",
        &json!([{"nodes": [node]}]),
    );
    assert_eq!(one(pillow, record), Some(Affected));
}

#[test]
fn metadata_identifies_whatever_the_name() {
    let entry = json!([{"version": "0", "lessThan": "2", "status": "affected", "versionType": "custom"}]);
    let record = |vendor: &str, product: &str| {
        cve5(
            "A fault.",
            &json!([{"vendor": vendor, "product": product, "versions": entry}]),
            &json!([]),
        )
    };
    let base = || package("weirdname", "1.2.3", "https://weird.example.org/", "Weird");
    let stated = Package {
        cpes: vec!["cpe:2.3:a:acme:rocket:1.2.3:*:*:*:*:*:*:*".into()],
        ..base()
    };
    assert_eq!(one(stated, record("Acme", "Rocket")), Some(Affected));
    let possible = Package {
        possible_cpes: vec!["cpe:2.3:a:acme:rocket:1.2.3:*:*:*:*:*:*:*".into()],
        ..base()
    };
    assert_eq!(one(possible, record("acme", "rocket")), Some(Affected));
    let built = Package {
        source_urls: vec!["https://github.com/acme/rocket/archive/v1.2.3.tar.gz".into()],
        ..base()
    };
    assert_eq!(one(built, record("acme", "rocket")), Some(Affected));
    assert_eq!(one(base(), record("acme", "rocket")), None);
}

#[test]
fn what_is_refused_stays_visible_as_a_near_miss() {
    let git = package("git", "2.40.0", "https://git-scm.com/", "Distributed version control system");
    let node = criterion("cpe:2.3:a:jenkins:git:*:*:*:*:*:jenkins:*:*", json!({"versionEndIncluding": "4.0"}));
    let record = nvd_of(
        "2020-01-01T00:00:00.000",
        "Jenkins Git Plugin 4.0 and earlier.",
        &json!([{"nodes": [node]}]),
    );
    let (outcome, _) = outcome(vec![git], &[record], &[]);
    assert!(outcome.matches.is_empty());
    assert_eq!(outcome.disposition, Disposition::NothingInNixpkgs);
    assert_eq!(outcome.near_misses[0].evidence[0].rule, "never");
}

#[test]
fn a_distributions_builds_are_not_ours() {
    let openshift = package("openshift", "4.1.0", "https://www.openshift.org/", "Runs applications");
    let builds = json!([{"vendor": "Red Hat", "product": "openshift", "packageName": "openshift4/frob", "defaultStatus": "affected",
        "collectionURL": "https://access.redhat.com/downloads/content/package-browser/"}]);
    assert_eq!(one(openshift, cve5("A fault in containers.", &builds, &json!([]))), None);
}

#[test]
fn a_record_of_a_distributions_package_alone_names_the_software_but_not_its_versions() {
    let nano = || package("nano", "7.1", "https://www.nano-editor.org/", "Small text editor");
    let builds = json!([{"vendor": "Red Hat", "product": "Red Hat Enterprise Linux 8", "packageName": "nano", "defaultStatus": "affected",
        "versions": [{"version": "0:2.9.8-3.el8_10", "lessThan": "*", "versionType": "rpm", "status": "unaffected"}],
        "collectionURL": "https://access.redhat.com/downloads/content/package-browser/"}]);
    let earlier = nvd_of(
        "2020-01-01T00:00:00.000",
        "GNU nano is a text editor with a fault; see https://www.nano-editor.org/.",
        &json!([{"nodes": [criterion("cpe:2.3:a:gnu:nano:*:*:*:*:*:*:*:*", json!({"versionEndExcluding": "4.0"}))]}]),
    );
    let earlier = Advisory {
        references: vec![vuln::advisory::Reference {
            url: "https://www.nano-editor.org/news.php".into(),
            tags: Vec::new(),
        }],
        ..earlier
    };
    let told = |description: &str| {
        let record = cve5(description, &builds, &json!([]));
        verdicts(vec![nano()], &[record], std::slice::from_ref(&earlier))
    };
    assert_eq!(told("A fault was found in GNU Nano."), [("nano".to_string(), Unknown)]);
    assert_eq!(told("A fault was found in GNU Nano before 8.0."), [("nano".to_string(), Affected)]);
}

#[test]
fn a_vendor_named_after_its_product_is_its_maker() {
    let envoy = || package("envoy", "1.23.3", "https://envoy.example/", "");
    let by = |vendor: &str| {
        let versions = json!([{"version": "0", "lessThan": "1.26.7", "versionType": "semver", "status": "affected"}]);
        let affected = json!([{"vendor": vendor, "product": "envoy", "versions": versions}]);
        one(envoy(), cve5("A fault.", &affected, &json!([])))
    };
    assert_eq!(by("envoyproxy"), Some(Affected));
    assert_eq!(by("someone"), None);
}
