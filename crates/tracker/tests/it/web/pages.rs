//! Each page says what it must.

use super::fixture::Server;
use crate::backend::on_both;

on_both! {
    overview,
    a_sample_is_marked_on_every_page,
    work_in_the_background_is_shown_on_every_page,
    cve,
    cve_without_a_match_says_what_became_of_it,
    cve_with_a_document_that_cannot_be_read,
    an_id_never_seen_says_how_old_the_data_is,
    ids_lead_to_one_address,
    raw_documents_are_downloads,
    package,
    a_package_with_many_vulnerabilities_is_paged,
    names_of_no_package,
    channels,
    a_channel_lists_any_verdict_and_severity,
    queue,
    evidence_leads_to_what_its_rules_mean,
    compare,
    maintainers_and_teams,
    trends,
    a_channel_with_two_revisions_shows_what_became_of_its_findings,
    every_page_of_an_empty_database_says_that_it_is_empty,
    search,
    searches_that_are_too_long,
    problems,
    about_and_files,
}

/// The parts of a text that stand between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {text}")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("no {to:?} behind {from:?}")).0
}

/// Text without tags, white space folded.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "missing {word:?} in: {text}");
    }
}

fn overview() {
    let server = Server::start();
    let html = server.page("/");
    let text = plain(&html);
    says(
        &text,
        &[
            "Firn joins 126 vulnerabilities with the packages of 3 channels",
            "nixos-unstable 5 122 1 critical 121 medium",
            "CVE program 3 2024-10-30",
            "FIRST EPSS 3",
            "Failed fetch https://example.org/epss.csv.gz: &lt;refused&gt;",
            "CVE-2024-90001 9.8 Critical Exploited 2024-05-20 EPSS 94.2 % Lumen writes behind the end of a buffer lumen · 2 of 3 channels",
        ],
    );
    // Open ones only: CVE-2021-90005 is exploited, but concerns another platform.
    let exploited = plain(between(&html, "id=\"exploited\"", "</section>"));
    assert!(!exploited.contains("CVE-2021-90005"), "{exploited}");
    let likely = plain(between(&html, "id=\"likely\"", "</section>"));
    let order: Vec<&str> = likely.split(' ').filter(|word| word.starts_with("CVE-")).collect();
    assert_eq!(order[..3], ["CVE-2024-90001", "CVE-2020-10120", "CVE-2020-10119"]);
}

fn a_sample_is_marked_on_every_page() {
    let server = Server::start();
    let paths = [
        "/",
        "/cve/CVE-2024-90001",
        "/package/lumen",
        "/channels",
        "/channel/nixos-unstable",
        "/queue",
        "/search?q=lamp",
        "/problems",
        "/about",
    ];
    for path in paths {
        assert!(!server.page(path).contains("Sample data."), "{path}");
    }
    server.change("INSERT INTO setting VALUES ('sample', '1')");
    for path in paths {
        assert!(server.page(path).contains("Sample data."), "{path}");
    }
    assert!(server.get("/nothing").body.contains("Sample data."));
    assert_eq!(server.json("/queue.json")["sample"], true);
}

fn work_in_the_background_is_shown_on_every_page() {
    use tracker::progress::Phase;
    let server = Server::start();
    server.progress.begin(Phase::Ingesting, "nvd", Some(134_599));
    server.progress.add(12_345);
    for path in ["/", "/queue", "/about", "/nothing"] {
        says(
            &plain(&server.get(path).body),
            &["Taking in nvd : 12,345 of 134,599 done. Pages show what is there so far. 9 %"],
        );
    }
    server.progress.finish();
    assert!(!server.page("/").contains("<progress"));
}

fn cve() {
    let server = Server::start();
    let html = server.page("/cve/CVE-2024-90001");
    let text = plain(&html);
    says(
        &text,
        &[
            "9.8 Critical Exploited 2024-05-20 Disputed",
            "Lumen writes behind the end of a buffer",
            "EPSS 94.2 % higher than 99.9 % of all",
            "since 2024-05-20 , due 2024-06-10 Used in ransomware campaigns Apply updates per vendor instructions.",
            "exploitation active , automatable yes , impact total",
            "CWE-787",
            // Both providers, as published and as computed.
            "cna 3.1 9.8 9.8 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "nvd@nist.gov 3.1 8.8 8.8",
            "nixos-unstable Affected lumen 2.4.6 nixos-20.09pre Affected lumen 2.4.5",
            "lumen 2.4.6 Affected 95 % fixed in 2.4.7",
            "CPE vendor &quot;lumen&quot; is the owner of the homepage https://lumen.example.org/ cpe-vendor-homepage",
            "In nixos-unstable. Attributes: lumen, lumenFull.",
            "affected: from 2.4.0 before 2.4.7 semver",
            "affected: from 1.9.0 through 1.9.3",
            "lumen lumen from 2.4.0 before 2.4.7 and",
            "linux linux_kernel without a version (only where it runs on or with this)",
            "version is no text: &lt;b&gt;5&lt;/b&gt; at /containers/cna/affected/0",
        ],
    );
    // The id in the description leads to its page; the matrix names each channel once.
    says(
        &html,
        &[
            "<a href=\"/cve/CVE-2023-90003\">CVE-2023-90003</a>",
            "href=\"/cve/CVE-2024-90001/raw/nvd?key=CVE-2024-90001\"",
            "href=\"https://lumen.example.org/advisories/1\" rel=\"noopener noreferrer nofollow\"",
        ],
    );
    // One link for both sources, with the tags of both.
    let references = plain(between(&html, "id=\"references\"", "</section>"));
    says(&references, &["https://lumen.example.org/advisories/1 vendor-advisory"]);
    assert_eq!(references.matches("lumen.example.org/advisories/1").count(), 1);
    // Drawn against the versions that channels have, with a table that says the same.
    says(
        &text,
        &[
            "from 1.9.0 through 1.9.3 affected none",
            "from 2.4.0 before 2.4.7 affected lumen 2.4.5 (nixos-20.09pre); lumen 2.4.6 (nixos-unstable)",
        ],
    );
    assert_eq!(html.matches("role=\"img\"").count(), 2, "one line for each source");
}

fn cve_without_a_match_says_what_became_of_it() {
    let server = Server::start();
    says(
        &plain(&server.page("/cve/CVE-2021-90005")),
        &["nixos-unstable : It concerns another platform only."],
    );
    says(
        &plain(&server.page("/cve/GO-2024-0001")),
        &[
            "Also known as GHSA-abcd-efgh-2345",
            "nixos-unstable : Nothing in Nixpkgs is this software. What was close lumen 2.4.6 20 % only the word wick is alike",
            "from the first version, fixed in 1.3.0",
        ],
    );
    says(
        &plain(&server.page("/cve/CVE-2022-90004")),
        &["Rejected by CVE. A duplicate of CVE-2024-90001 . Use instead: CVE-2024-90001"],
    );
}

fn cve_with_a_document_that_cannot_be_read() {
    let server = Server::start();
    let words = ["The document cannot be read any more.", "the patch cve-2023-90003.patch names it"];
    says(&plain(&server.page("/cve/CVE-2023-90003")), &words);
    // Not even unpacked.
    server.change("UPDATE document SET bytes = x'00' WHERE key = 'CVE-2023-90003'");
    says(&plain(&server.page("/cve/CVE-2023-90003")), &words);
    assert_eq!(server.get("/cve/CVE-2023-90003/raw/nvd").status, 404);
}

fn an_id_never_seen_says_how_old_the_data_is() {
    let server = Server::start();
    let answer = server.get("/cve/CVE-2026-99999");
    assert_eq!(answer.status, 404);
    says(
        &plain(&answer.body),
        &[
            "We have never seen this id; our data is from 2026-08-15 .",
            "NVD 2 2020-03-01",
            "CVE program 3 2024-10-30",
        ],
    );
    let answer = server.get("/cve/hello%20world");
    assert_eq!(answer.status, 404);
    says(&plain(&answer.body), &["This does not look like the id of a vulnerability."]);
}

fn ids_lead_to_one_address() {
    let server = Server::start();
    for (path, to) in [
        ("/cve/cve-2024-90001", "/cve/CVE-2024-90001"),
        ("/cve/ghsa-ABCD-efgh-2345", "/cve/GO-2024-0001"),
        ("/cve/cve-2024-90001.json", "/cve/CVE-2024-90001.json"),
        ("/search?q=%20CVE-2024-90001+", "/cve/CVE-2024-90001"),
        ("/search?q=GHSA-abcd-efgh-2345", "/cve/GO-2024-0001"),
        ("/search?q=cve-2026-99999", "/cve/CVE-2026-99999"),
        ("/package/json", "/package/nodePackages.json"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{path}");
    }
}

fn raw_documents_are_downloads() {
    let server = Server::start();
    let answer = server.get("/cve/CVE-2024-90001/raw/nvd");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, include_str!("documents/nvd-2024-90001.json"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"CVE-2024-90001.nvd.json\"")
    );
    assert_eq!(server.get("/cve/CVE-2024-90001/raw/nvd?key=CVE-2024-90001").status, 200);
    for missing in [
        "/cve/CVE-2024-90001/raw/osv",
        "/cve/CVE-2024-90001/raw/nvd?key=x",
        "/cve/CVE-2026-99999/raw/cve",
    ] {
        assert_eq!(server.get(missing).status, 404, "{missing}");
    }
}

fn package() {
    let server = Server::start();
    let html = server.page("/package/lumen");
    let text = plain(&html);
    says(
        &text,
        &[
            "Lights lamps",
            "nixos-unstable 2.4.6 Affected 1 Fixed 1 0",
            "nixos-20.09pre 2.4.5 Affected 1 Patched 1 2",
            "2 patches in nixos-20.09pre cve-2023-90003 .patch fix-build.patch names no CVE",
            "https://lumen.example.org/",
            "Licence MIT",
            "Ada Example , No Handle , Bad",
            "pkgs/by-name/lu/lumen/package.nix:12",
            "2 vulnerabilities",
        ],
    );
    says(
        &html,
        &[
            "<a href=\"/maintainer/ada-example\">Ada Example</a>",
            "<a href=\"/maintainer/Bad\">Bad</a>",
            "<a href=\"/team/lamps\">lamps</a>",
            "<a href=\"/cve/CVE-2023-90003\">cve-2023-90003</a>.patch",
        ],
    );
    assert!(!html.contains("../evil"));
    // Open ones first.
    let matrix = plain(between(&html, "id=\"vulnerabilities\"", "</section>"));
    says(
        &matrix,
        &["CVE-2023-90003 Lumen reads behind the end of a buffer 7.5 High Fixed 90 % Patched 90 %"],
    );
    assert!(matrix.find("CVE-2024-90001") < matrix.find("CVE-2023-90003"));
    let patched = plain(&server.page("/package/lumen?verdict=patched"));
    says(&patched, &["1 vulnerability"]);
    assert!(!patched.contains("CVE-2024-90001"));
    // Another attribute of the same package.
    says(&plain(&server.page("/package/lumenFull")), &["Listed together with lumen"]);
}

fn a_package_with_many_vulnerabilities_is_paged() {
    let server = Server::start();
    let first = server.page("/package/linux");
    let second = server.page("/package/linux?page=2");
    let count = |html: &str| html.matches("<th class=\"id\" scope=\"row\">").count();
    assert_eq!((count(&first), count(&second)), (100, 20));
    says(&plain(&first), &["120 vulnerabilities", "Page 1 of 2"]);
    says(&second, &["<a rel=\"prev\" href=\"/package/linux\">"]);
    assert!(server.page("/package/linux?page=3").contains("None."));
    // The package of the same name in the other channel is another cluster.
    says(&plain(&first), &["Other packages named linux linux_latest 5.8.5"]);
}

fn names_of_no_package() {
    let server = Server::start();
    let answer = server.get("/package/lum");
    assert_eq!(answer.status, 404);
    says(
        &plain(&answer.body),
        &["No matched channel has a package of this name.", "Names like it: lumen lumenFull"],
    );
    assert_eq!(server.get(&format!("/package/{}", "a".repeat(301))).status, 404);
}

fn channels() {
    let server = Server::start();
    let list = plain(&server.page("/channels"));
    assert!(list.find("nixos-unstable") < list.find("nixos-22.11") && list.find("nixos-22.11") < list.find("nixos-20.09pre"));
    says(&list, &["nixos-22.11 0 0 not yet"]);
    let html = server.page("/channel/nixos-unstable");
    says(
        &plain(&html),
        &[
            "Revision 3b090d6acecc",
            "holds names and versions only",
            "Affected 1 0 90 0 0 0 91",
            "Known vulnerable 0 0 1 0 0 0 1",
            "Open 1 0 121 0 0 0 122",
        ],
    );
}

fn a_channel_lists_any_verdict_and_severity() {
    let server = Server::start();
    let open = plain(&server.page("/channel/nixos-unstable"));
    says(&open, &["122 vulnerabilities in 122 findings", "Page 1 of 3"]);
    let first = open.find("CVE-2024-90001").unwrap();
    assert!(first < open.find("CVE-2024-90002").unwrap(), "highest score first");
    let fixed = plain(&server.page("/channel/nixos-unstable?verdict=fixed"));
    says(&fixed, &["1 vulnerability in 1 finding", "CVE-2023-90003"]);
    let critical = server.page("/channel/nixos-unstable?severity=critical");
    says(&plain(&critical), &["1 vulnerability in 1 finding", "fixed in 2.4.7"]);
    says(&critical, &["<option value=\"critical\" selected>"]);
    assert_eq!(server.get("/channel/nowhere").status, 404);
    says(&plain(&server.page("/channel/nixos-22.11")), &["No finding passes the filter."]);
}

fn queue() {
    let server = Server::start();
    let all = server.page("/queue");
    says(&plain(&all), &["122 vulnerabilities in 122 findings", "Page 1 of 3"]);
    assert_eq!(all.matches("<tbody").count(), 50);
    assert_eq!(server.page("/queue?page=3").matches("<tbody").count(), 22);
    says(&plain(&server.page("/queue?page=4")), &["This page is behind the end of the list."]);
    for (query, count) in [
        ("exploited=1", 1),
        ("min_epss=0.1", 22),
        ("severity=critical", 1),
        ("min_cvss=6.1", 2),
        ("verdict=unknown", 30),
        ("min_confidence=0.8", 1),
        ("q=LUMEN", 1),
        ("q=flaw+12", 2),
        ("channel=nixos-20.09pre", 1),
        ("channel=nixos-20.09pre&verdict=not_affected", 10),
    ] {
        let html = server.page(&format!("/queue?{query}"));
        assert_eq!(html.matches("<tbody").count(), count.min(50), "{query}");
        // Only what is known without counting is said to be the whole.
        let known = !query.contains("min_") && !query.contains("exploited") && !query.contains("q=");
        let words = if known {
            format!(" {count} vulnerabilit")
        } else {
            format!(" {count} vulnerabilities ").replace("1 vulnerabilities", "1 vulnerability")
        };
        says(&plain(&html), &[words.trim_end()]);
    }
    // The state of the filter is in the form and in the links.
    let html = server.page("/queue?channel=nixos-unstable&sort=epss&min_epss=0.01&q=flaw");
    says(
        &html,
        &[
            "<option value=\"epss\" selected>",
            "name=\"min_epss\" min=\"0\" max=\"1\" step=\"any\" inputmode=\"decimal\" value=\"0.01\"",
            "href=\"/queue?channel=nixos-unstable&amp;sort=epss&amp;min_epss=0.01&amp;q=flaw&amp;page=2\"",
        ],
    );
    assert_eq!(server.get("/queue?channel=nixos-22.11").status, 404);
    let wrong = server.get("/queue?min_epss=lots");
    assert_eq!(wrong.status, 400);
    says(
        &plain(&wrong.body),
        &["The parameter min_epss=&quot;lots&quot; is wrong: expected a number from 0 to 1."],
    );
}

fn evidence_leads_to_what_its_rules_mean() {
    let server = Server::start();
    let html = server.page("/cve/CVE-2024-90001");
    says(&html, &["<a class=\"rule\" href=\"/legend#cve5-range\">"]);
    says(&server.page("/legend"), &["<div id=\"cve5-range\">"]);
    // A rule that a program of another age wrote is shown as it is.
    says(&html, &["<code class=\"rule\">cpe-vendor-homepage</code>"]);
}

fn compare() {
    let server = Server::start();
    let html = server.page("/compare");
    let text = plain(&html);
    // The second one is the most recent; the first one is the one before that has findings.
    says(
        &html,
        &[
            "<select id=\"from\" name=\"from\"><option value=\"nixos-unstable\">nixos-unstable</option><option value=\"nixos-20.09pre\" selected>",
            "<select id=\"to\" name=\"to\"><option value=\"nixos-unstable\" selected>",
        ],
    );
    says(
        &text,
        &[
            "In nixos-unstable Critical High Medium Low None No score All",
            "Newly open 0 0 121 0 0 0 121",
            "No longer open 0 0 0 0 0 0 0",
            "Open in both 1 0 0 0 0 0 1",
            "Page 1 of 3",
        ],
    );
    let both = plain(&server.page("/compare?show=both"));
    says(&both, &["CVE-2024-90001", "lumen Affected lumen 2.4.5 Affected lumen 2.4.6"]);
    let gone = plain(&server.page("/compare?from=nixos-unstable&to=nixos-20.09pre&show=gone"));
    says(&gone, &["No longer open 0 0 121 0 0 0 121", "Not affected linux_latest 5.8.5"]);
    says(
        &plain(&server.page("/compare?from=nixos-unstable&to=nixos-unstable")),
        &["This is one channel: choose two."],
    );
    says(
        &plain(&server.page("/compare?page=9")),
        &["This page is behind the end of the list."],
    );
    assert_eq!(server.get("/compare?from=nowhere").status, 404);
    assert_eq!(server.get("/compare?show=some").status, 400);
}

fn maintainers_and_teams() {
    let server = Server::start();
    says(
        &plain(&server.page("/maintainers")),
        &[
            "Ada Example ada-example 1 1 1 critical",
            "Bad 1 1 1 critical",
            "No Handle 1 1 1 critical",
        ],
    );
    says(&plain(&server.page("/maintainers?q=ADA")), &["Ada Example"]);
    assert!(!server.page("/maintainers?q=ADA").contains("No Handle"));
    says(&plain(&server.page("/maintainers?q=zzz")), &["Nobody has a name like this."]);
    says(
        &plain(&server.page("/maintainers?page=2")),
        &["This page is behind the end of the list."],
    );
    says(&plain(&server.page("/teams")), &["lamps 1 1 1 critical"]);
    let html = server.page("/maintainer/ada-example");
    says(
        &plain(&html),
        &[
            "Looks after 1 package of nixos-unstable.",
            "lumen 2.4.6 1 1 critical",
            "1 vulnerability in 1 finding",
            "CVE-2024-90001",
        ],
    );
    says(&html, &["<a class=\"out\" href=\"https://github.com/ada-example\""]);
    assert!(
        !server.page("/maintainer/Bad").contains("github.com"),
        "what is no account is no link"
    );
    says(&plain(&server.page("/team/lamps")), &["Looks after 1 package", "CVE-2024-90001"]);
    let answer = server.get("/maintainer/ADA-Example");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/maintainer/ada-example")));
    for missing in [
        "/maintainer/nobody",
        "/team/ada-example",
        "/maintainers?channel=nixos-22.11",
        "/maintainer/ada-example?channel=nixos-20.09pre",
    ] {
        assert_eq!(server.get(missing).status, 404, "{missing}");
    }
}

fn trends() {
    let server = Server::start();
    let html = server.page("/trends?by=year");
    let new = plain(between(&html, "id=\"new\"", "</section>"));
    // Newest first in the table; the rejected one does not count, the one of the future is left out.
    says(
        &new,
        &["Year Critical High Medium No score All 2024 1 0 1 1 3 2023 0 1 0 0 1 2021 1 0 0 0 1 2020 0 0 120 0 120"],
    );
    says(&new, &["Count by month"]);
    let open = plain(between(&html, "id=\"open\"", "</section>"));
    says(&open, &["nixos-unstable 1 121 122", "nixos-20.09pre 1 0 1"]);
    let ages = plain(between(&html, "id=\"ages\"", "</section>"));
    says(&ages, &["2024 1 1 2 2020 0 120 120"]);
    assert_eq!(html.matches("role=\"img\"").count(), 4);
    says(
        &html,
        &[
            "aria-label=\"Vulnerabilities by year of publication. First: 2020: 120 (120 medium). Most: 2020: 120 (120 medium). Last: 2024: 3 (",
        ],
    );
    says(&plain(&server.page("/trends")), &["2024-07 0 0 1 0 1 2024-05 1 0 0 0 1"]);
    let other = plain(&server.page("/trends?channel=nixos-20.09pre"));
    says(&other, &["open in nixos-20.09pre"]);
    assert_eq!(server.get("/trends?channel=x").status, 404);
    assert_eq!(server.get("/trends?by=week").status, 400);
}

fn a_channel_with_two_revisions_shows_what_became_of_its_findings() {
    let server = Server::start();
    server.change(
        "INSERT INTO package_set (id, channel_id, revision, first_revision, digest, first_at, taken_at, packages, with_meta, with_derivation)
         VALUES (9, 2, 'bbbbbbbbbbbbbbbb', 'bbbbbbbbbbbbbbbb', x'00', 1795200000, 1795200000, 5, 0, 0);
         INSERT INTO package_in (channel_id, package_id, from_set, until_set) VALUES (2, 2, 2, 9), (2, 1, 9, NULL);
         UPDATE verdict SET since_set = 9 WHERE vulnerability_id = 1 AND channel_id = 2;
         INSERT INTO verdict_past (id, vulnerability_id, channel_id, package, version, verdict, since_set, until_set, until_at, because)
         VALUES (1, 3, 2, 'lumen', '2.4.0', 'affected', 2, 9, 1795200000, 'packages');
         UPDATE channel SET set_id = 9, matched_set = 9, matched_mark = 10 WHERE id = 2;",
    );
    let mended = plain(&server.page("/cve/CVE-2023-90003"));
    says(
        &mended,
        &[
            "1 earlier verdict",
            "lumen 2.4.0 nixos-unstable Affected",
            "another revision of the channel",
        ],
    );
    says(
        &plain(&server.page("/cve/CVE-2024-90001")),
        &["lumen 2.4.6 since 2026-11-20 bbbbbbbbbbbb"],
    );
    let sheet = server.get("/api/v1/statistics/fixes.csv");
    let line = sheet.body.lines().nth(1).unwrap();
    assert!(
        line.starts_with("CVE-2023-90003,") && line.contains(",nixos-unstable,lumen,2.4.0,") && line.contains(",bbbbbbbbbbbbbbbb,"),
        "{line}"
    );
    let counted = server.json("/api/v1/statistics/published");
    assert!(
        counted["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty() && items.iter().all(|item| item["count"].as_u64() > Some(0))),
        "{counted}"
    );
    assert!(server.page("/trends").contains("href=\"/api/v1/statistics/fixes.csv\""));
    let package = server.page("/package/lumen");
    assert!(package.contains("<a href=\"https://repology.org/project/lumen/versions\" rel=\"noopener noreferrer\">"));
    says(
        &plain(between(&package, "id=\"history\"", "</section>")),
        &["2.4.6 nixos-unstable 2026-11-20 bbbbbbbbbbbb now 2.4.5 nixos-unstable 2026-11-18"],
    );
    let new = server.page("/compare?from=nixos-unstable@3b090d&to=nixos-unstable");
    says(
        &plain(&new),
        &["Newly open 1 0 0 0 0 0 1", "No longer open 0 1 0 0 0 0 1", "CVE-2024-90001"],
    );
    says(
        &new,
        &["<option value=\"nixos-unstable@3b090d6aceccb418007f7062c4625f527b6b8e9c\" selected>nixos-unstable, 2026-11-18</option>"],
    );
    let gone = plain(&server.page("/compare?from=nixos-unstable@3b090d&to=nixos-unstable&show=gone"));
    says(&gone, &["CVE-2023-90003", "Affected lumen 2.4.0 Fixed lumen 2.4.6"]);
    for missing in ["nixos-unstable@ffff", "nixos-unstable@", "nowhere@3b09"] {
        assert_eq!(server.get(&format!("/compare?from={missing}")).status, 404, "{missing}");
    }
    let trends = server.page("/trends");
    says(
        &plain(between(&trends, "id=\"history\"", "</section>")),
        &["2026-11-20 1 0 121 122 2026-11-18 0 1 121 122"],
    );
}

fn every_page_of_an_empty_database_says_that_it_is_empty() {
    let server = Server::empty();
    for (path, words) in [
        ("/", "No package set was taken in yet."),
        ("/channels", "No package set was taken in yet."),
        ("/compare", "A comparison needs two matched channels"),
        ("/queue", "No channel is matched yet."),
        ("/maintainers", "No matched channel says who looks after its packages"),
        ("/teams", "No matched channel says who looks after its packages"),
        ("/trends", "There is nothing to draw yet."),
        ("/problems", "No problems."),
        ("/search?q=x", "No package has a name like this."),
        ("/about", "What this is worth"),
        ("/legend", "How to read these pages"),
    ] {
        says(&plain(&server.page(path)), &[words]);
        for ending in [".json", ".csv", ".atom"] {
            let (stem, query) = path.split_once('?').unwrap_or((path, ""));
            let stem = if stem == "/" { "/index" } else { stem };
            let status = server.get(&format!("{stem}{ending}?{query}")).status;
            assert!(status == 200 || (status == 404 && ending != ".json"), "{stem}{ending}: {status}");
        }
    }
    for path in ["/cve/CVE-2024-1", "/package/x", "/channel/x", "/maintainer/x", "/team/x"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

fn search() {
    let server = Server::start();
    let names = plain(&server.page("/search?q=LUM"));
    says(&names, &["Packages # lumen 2.4.5, 2.4.6", "Vulnerabilities # CVE-2024-90001"]);
    assert!(names.find("CVE-2024-90001") < names.find("CVE-2023-90003"), "newest first");
    says(&plain(&server.page("/search?q=umenful")), &["Packages # lumen has lumenFull"]);
    // All words must be there, the last one may be the start of one.
    says(&plain(&server.page("/search?q=behind+crafted+lam")), &["CVE-2024-90001"]);
    says(
        &plain(&server.page("/search?q=behind+candle")),
        &["No description has all of these words."],
    );
    says(&plain(&server.page("/search?q=driver")), &["The 25 newest of 120."]);
    says(
        &plain(&server.page("/search?q=rejected+nothing")),
        &["No description has all of these words."],
    );
    for empty in ["/search", "/search?q=", "/search?q=+%20"] {
        assert!(!server.page(empty).contains("Packages"), "{empty}");
    }
}

fn searches_that_are_too_long() {
    let server = Server::start();
    let long = server.get(&format!("/search?q={}", "a".repeat(201)));
    assert_eq!(long.status, 400);
    says(
        &plain(&long.body),
        &["This was not searched for. It is longer than 200 characters."],
    );
    let wordy = server.get("/search?q=a+b+c+d+e+f+g+h+i+j+k+l+m");
    assert_eq!(wordy.status, 400);
    says(&plain(&wordy.body), &["It has more than 12 words."]);
    let longest = server.get(&format!("/search?q={}", "a".repeat(5000)));
    assert_eq!(longest.status, 414);
}

fn problems() {
    let server = Server::start();
    let text = plain(&server.page("/problems"));
    says(
        &text,
        &[
            "FIRST EPSS failed",
            "fetch https://example.org/epss.csv.gz: &lt;refused&gt; It never succeeded.",
            "CVE-2024-90001 CVE program version is no text: &lt;b&gt;5&lt;/b&gt; /containers/cna/affected/0",
            "cvelistV5/2024-10-30_all.zip.zip 2024-10-30 130 130 1",
        ],
    );
    says(&plain(&server.page("/problems?source=nvd")), &["No problems."]);
    server.change(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 61)
             INSERT INTO problem (id, source, key, pointer, message, seen_at) SELECT i, 'nvd', 'CVE-' || i, '', 'no id', 1795000000 FROM n",
    );
    let first = server.page("/problems?source=nvd");
    says(&first, &["href=\"/problems?source=nvd&amp;before=12\""]);
    let second = plain(&server.page("/problems?source=nvd&before=12"));
    assert_eq!(second.matches("no id").count(), 10);
    assert!(!second.contains("Older"));
}

fn about_and_files() {
    let server = Server::start();
    says(&plain(&server.page("/about")), &["What must be trusted", "What is not checked"]);
    says(
        &plain(&server.page("/legend")),
        &[
            "Known vulnerable Nixpkgs itself marks",
            "same-home The name agrees, and record and package point at the same website or repository.",
        ],
    );
    assert_eq!(server.get("/robots.txt").body.lines().next(), Some("User-agent: *"));
    let icon = server.get("/favicon.svg");
    assert_eq!((icon.status, icon.header("content-type")), (200, Some("image/svg+xml")));
    let html = server.page("/");
    let style = between(&html, "<link rel=\"stylesheet\" href=\"", "\"");
    let sheet = server.get(style);
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(sheet.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(server.get("/static/other.css").status, 404);
}
