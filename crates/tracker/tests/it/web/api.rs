//! `/api/v1`: what it answers, how it fails, and that the document about it says all of that.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fixture::Server;
use crate::backend::on_both;
use crate::made;

on_both! {
    every_route_is_in_the_document_and_answers,
    lists_are_read_to_their_end_in_pieces,
    bulk_answers_hold_what_lists_hold,
    suggestions_are_filtered,
    one_thing_is_told_whole,
    changes_are_told_since_a_moment,
    failures_are_problems,
    answers_are_not_sent_again_and_are_compressed,
    packages_are_checked_in_their_order,
    a_check_without_a_snapshot_says_what_is_missing,
    what_is_no_check_is_refused,
    security_a_snapshot_of_what_became_private_is_handed_out_no_more,
    the_snapshot_is_a_file_like_any_other,
    schemathesis_finds_no_failure_and_no_undocumented_answer,
}

/// The addresses of the fixture's things, for each route with segments.
fn address(path: &str) -> String {
    let name = if path.contains("/packages/{attr}") {
        "lumen"
    } else {
        "nixos-unstable"
    };
    path.replace("{id}", "CVE-2024-90001")
        .replace("{attr}", name)
        .replace("{name}", name)
}

fn every_route_is_in_the_document_and_answers() {
    let server = Server::start();
    let document = server.json("/api/v1/openapi.json");
    let page = server.page("/api");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(page.contains(&format!("{} {path}", method.to_uppercase())), "{path}");
            if method == "get" {
                let answer = server.get(&address(path));
                assert_eq!(answer.status, 200, "{path}: {}", answer.body);
                let media = operation["responses"]["200"]["content"].as_object().unwrap().keys().next().unwrap();
                assert_eq!(answer.header("content-type"), Some(media.as_str()), "{path}");
            }
        }
        assert_eq!(server.ask("DELETE", &address(path), "").status, 405, "{path}");
    }
    // What is not in the document is not there.
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/bulk",
        "/api/v1/packages",
        "/api/v2/stats",
        "/api/v1/channels/x/y",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

/// All items of a list, read in pieces.
fn all(server: &Server, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = server.json(&format!("{path}{join}limit={limit}{next}"));
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(place) = page["next"].as_str() else { return items };
        assert!(items.len() < 1000, "{path} has no end");
        next = format!("&after={}", place.replace('"', "%22").replace('>', "%3E").replace('<', "%3C"));
    }
}

fn lists_are_read_to_their_end_in_pieces() {
    let server = Server::start();
    for (path, count) in [
        ("/api/v1/vulnerabilities", 126),
        ("/api/v1/suggestions", 135),
        ("/api/v1/suggestions?verdict=open&channel=nixos-unstable", 122),
        ("/api/v1/channels/nixos-unstable/packages", 4),
    ] {
        let whole = all(&server, path, 1000);
        assert_eq!(whole.len(), count, "{path}");
        assert_eq!(whole.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), count, "{path}");
        for limit in [1, 2, 7, 125, 126] {
            assert_eq!(all(&server, path, limit), whole, "{path} by {limit}");
        }
    }
}

fn bulk_answers_hold_what_lists_hold() {
    let server = Server::start();
    for (bulk, list) in [
        ("/api/v1/bulk/vulnerabilities", "/api/v1/vulnerabilities"),
        ("/api/v1/bulk/suggestions", "/api/v1/suggestions"),
        ("/api/v1/bulk/suggestions?verdict=unknown", "/api/v1/suggestions?verdict=unknown"),
        ("/api/v1/bulk/packages/nixos-20.09pre", "/api/v1/channels/nixos-20.09pre/packages"),
    ] {
        let answer = server.get(bulk);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/jsonl")),
            "{bulk}"
        );
        let lines: Vec<Value> = answer.unchunked().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, all(&server, list, 50), "{bulk}");
        let tag = answer.header("etag").unwrap();
        assert_eq!(server.ask("GET", bulk, &format!("If-None-Match: {tag}\r\n")).status, 304, "{bulk}");
    }
    // It goes on behind a place, and another state has another tag.
    let rest = server.get("/api/v1/bulk/vulnerabilities?after=1118").unchunked();
    assert_eq!(rest.lines().count(), 2);
    let tag = server.get("/api/v1/bulk/vulnerabilities").header("etag").unwrap().to_owned();
    server.change("UPDATE vulnerability SET touched = 999, title = 'new' WHERE id = 3");
    let again = server.ask("GET", "/api/v1/bulk/vulnerabilities", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(again.status, 200);
}

fn suggestions_are_filtered() {
    let server = Server::start();
    let of = |query: &str| all(&server, &format!("/api/v1/suggestions?{query}"), 100);
    let found = of("package=lumen&verdict=affected&severity=critical&channel=nixos-unstable");
    assert_eq!(
        found,
        [json!({
            "cve": "CVE-2024-90001", "channel": "nixos-unstable", "package": "lumen", "pname": "lumen", "version": "2.4.6",
            "verdict": "affected", "confidence": 0.95, "fixed_in": "2.4.7", "severity": "critical",
            "evidence": [
                {"rule": "cpe-vendor-homepage", "detail": "CPE vendor \"lumen\" is the owner of the homepage https://lumen.example.org/"},
                {"rule": "cve5-range", "detail": "2.4.6 is inside 2.4.0 before 2.4.7"}
            ]
        })]
    );
    // Any attribute of a package names it.
    assert_eq!(of("package=lumenFull").len(), 2);
    assert_eq!(of("package=lumen").len(), 4);
    assert_eq!(of("severity=low").len(), 0);
    assert!(of("verdict=patched").iter().all(|found| found["verdict"] == "patched"));
}

fn one_thing_is_told_whole() {
    let server = Server::start();
    let one = server.json("/api/v1/vulnerabilities/cve-2024-90001");
    assert_eq!(one["vulnerability"]["id"], "CVE-2024-90001");
    assert_eq!(one["vulnerability"]["exploited_since"], "2024-05-20");
    assert_eq!(one["records"][0]["source"], "cve");
    assert_eq!(one["verdicts"].as_array().unwrap().len(), 2);
    let listed = all(&server, "/api/v1/vulnerabilities", 100);
    assert_eq!(listed[0], one["vulnerability"], "a list says the same");
    assert_eq!(
        server.json("/api/v1/vulnerabilities/GHSA-abcd-efgh-2345")["vulnerability"]["id"],
        "GO-2024-0001"
    );
    let explained = server.json("/api/v1/explain/CVE-2024-90001?channel=nixos-unstable&package=lumenFull");
    assert_eq!(explained["verdicts"][0]["evidence"][1]["rule"], "cve5-range");
    assert_eq!(explained["verdicts"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.json("/api/v1/explain/GO-2024-0001")["dispositions"][1]["near_misses"][0]["package"],
        "lumen"
    );
    let package = server.json("/api/v1/packages/lumen");
    assert_eq!(package["channels"].as_array().unwrap().len(), 2);
    assert_eq!(package["channels"][0]["patches"][0], "cve-2023-90003.patch");
    assert_eq!(server.json("/api/v1/channels/nixos-unstable")["packages"], 5);
    let revisions = server.json("/api/v1/channels/nixos-unstable/revisions");
    assert_eq!(revisions["items"][0]["revision"], "3b090d6aceccb418007f7062c4625f527b6b8e9c");
    assert_eq!(server.json("/api/v1/channels")["items"][0]["name"], "nixos-unstable");
}

fn changes_are_told_since_a_moment() {
    let server = Server::start();
    let (mut next, mut seen) = (String::new(), 0);
    loop {
        let changes = server.json(&format!("/api/v1/changes?limit=50{next}"));
        seen += changes["vulnerabilities"].as_array().unwrap().len();
        next = format!("&after={}", changes["next"].as_str().unwrap());
        if changes["more"] == false {
            break;
        }
    }
    assert_eq!(seen, 126);
    let nothing = server.json(&format!("/api/v1/changes?limit=50{next}"));
    assert_eq!((&nothing["vulnerabilities"], &nothing["channels"]), (&json!([]), &json!([])));
    // A list said something else: that is told, and the whole is another one.
    let tag = |path: &str| server.get(path).header("etag").unwrap().to_owned();
    let bulk = tag("/api/v1/bulk/vulnerabilities");
    server.change("INSERT INTO told (vulnerability_id, mark) VALUES (5, 900); INSERT INTO setting (name, value) VALUES ('told', '900')");
    let changes = server.json(&format!("/api/v1/changes?limit=50{next}"));
    assert_eq!(
        (changes["vulnerabilities"].as_array().unwrap().len(), &changes["channels"]),
        (1, &json!([]))
    );
    assert!(changes["next"].as_str().unwrap().starts_with("900-5-"), "{}", changes["next"]);
    assert_ne!(tag("/api/v1/bulk/vulnerabilities"), bulk);
    next = format!("&after={}", changes["next"].as_str().unwrap());
    server.change("UPDATE vulnerability SET touched = 999, title = 'new' WHERE id = 3; UPDATE channel SET matched_mark = 9 WHERE id = 2");
    let changes = server.json(&format!("/api/v1/changes?limit=50{next}"));
    assert_eq!(changes["vulnerabilities"][0]["title"], "new");
    assert_eq!(
        (changes["vulnerabilities"].as_array().unwrap().len(), &changes["channels"]),
        (1, &json!(["nixos-unstable"]))
    );
}

fn failures_are_problems() {
    let server = Server::start();
    let long = format!("/api/v1/packages/{}", "a".repeat(5000));
    for (path, status, kind) in [
        ("/api/v1/nothing", 404, "not-found"),
        ("/api/v1/vulnerabilities/CVE-1999-1", 404, "not-found"),
        ("/api/v1/packages/%00", 404, "not-found"),
        ("/api/v1/packages/%ff", 400, "bad-address"),
        ("/api/v1/channels/x/packages", 404, "not-found"),
        ("/api/v1/channels/nixos-unstable?x=1", 400, "bad-address"),
        ("/api/v1/suggestions?limit=0", 400, "bad-address"),
        ("/api/v1/suggestions?limit=1&limit=1", 400, "bad-address"),
        ("/api/v1/suggestions?verdict=bad", 400, "bad-address"),
        ("/api/v1/suggestions?channel=x", 404, "not-found"),
        ("/api/v1/suggestions?package=x", 404, "not-found"),
        ("/api/v1/suggestions?after=x", 400, "bad-address"),
        ("/api/v1/changes?after=1", 400, "bad-address"),
        ("/api/v1/vulnerabilities?after=-1", 400, "bad-address"),
        ("/api/v1/vulnerabilities?chanel=x", 400, "bad-address"),
        (&long, 414, "address-too-long"),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("application/problem+json")),
            "{path}"
        );
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&problem["status"], &problem["type"]),
            (&json!(status), &json!(format!("/api#{kind}"))),
            "{path}"
        );
        assert!(
            !problem["detail"].as_str().unwrap().is_empty() && answer.header("cache-control") == Some("no-store"),
            "{path}"
        );
        assert!(server.page("/api").contains(&format!("id=\"{kind}\"")), "{kind} is explained");
    }
    let answer = server.ask("PUT", "/api/v1/stats", "Content-Length: 0\r\n");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
    server.change("DROP TABLE source");
    let answer = server.get("/api/v1/stats");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
}

fn answers_are_not_sent_again_and_are_compressed() {
    let server = Server::start();
    for path in [
        "/api/v1/vulnerabilities?limit=1000",
        "/api/v1/channels",
        "/api/v1/openapi.json",
        "/queue",
    ] {
        let plain = server.get(path);
        let tag = plain.header("etag").unwrap().to_owned();
        for (accept, coding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("zstd", "zstd"),
            ("gzip, br;q=0.9, zstd;q=0.1", "gzip"),
        ] {
            let answer = server.bytes("GET", path, &format!("Accept-Encoding: {accept}\r\n"));
            assert_eq!(answer.header("content-encoding"), Some(coding), "{path}");
            assert_eq!(
                (answer.header("etag"), answer.header("vary")),
                (Some(tag.as_str()), Some("accept-encoding"))
            );
            assert!(answer.length < plain.body.len() / 2, "{path} {coding}: {}", answer.length);
        }
        assert_eq!(server.get(path).header("content-encoding"), None);
        let again = server.ask("GET", path, &format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n"));
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
}

/// Asks what the document allows, and what it does not. The seed is fixed: a failure here is a failure everywhere.
fn schemathesis_finds_no_failure_and_no_undocumented_answer() {
    let Some(program) = std::env::var_os("FIRN_TEST_API") else {
        eprintln!("SKIPPED schemathesis: FIRN_TEST_API does not name it; `cargo xtask test --only tracker` prepares it");
        return;
    };
    let server = Server::matched(programs);
    let dir = tempfile::tempdir().unwrap();
    let long = std::env::var_os("FIRN_LONG").is_some();
    let ran = std::process::Command::new(program)
        .args(["run", &format!("http://{}/api/v1/openapi.json", server.at)])
        .args([
            "--seed",
            "1",
            "--max-examples",
            if long { "200" } else { "15" },
            "--phases",
            "examples,coverage,fuzzing",
            "--no-shrink",
        ])
        .args([
            "--checks",
            "all",
            "--request-timeout",
            "20",
            "--continue-on-failure",
            "--no-color",
            "--warnings",
            "off",
        ])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Two programs in one channel: one that is affected there and one that is not, and records about a third.
fn programs(mirror: &std::path::Path) {
    let record = |id: &str, product: &str, fixed: &str| made::cve(id, "2024-02-01T00:00:00.000Z", product, fixed);
    let records = [
        record("CVE-2024-0001", "frobnicate", "1.2.3"),
        record("CVE-2024-0002", "frobnicate", "1.9.0"),
        record("CVE-2024-0003", "tellurium", "5.0"),
        record("CVE-2024-0004", "elsewhere", "1.9"),
    ];
    for (n, text) in records.iter().enumerate() {
        made::write(&mirror.join(format!("cvelistV5/{n}.json")), text);
    }
    let list = [
        ("frobnicate", "frobnicate", "1.5.0", "https://frobnicate.example/"),
        ("tellurium", "tellurium", "5.1", "https://tellurium.example/"),
    ];
    made::write(&mirror.join("channels/nixos-test/packages.json"), made::packages(&list));
}

/// (id, verdict) of each finding of each package.
fn findings(answer: &Value) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |item: &Value| {
        item["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (text(&f["id"]), text(&f["verdict"])))
            .collect()
    };
    answer["items"].as_array().unwrap().iter().map(one).collect()
}

fn packages_are_checked_in_their_order() {
    let server = Server::matched(programs);
    let check = |body: Value| -> Value {
        let answer = server.post("/api/v1/check", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    };
    let affected = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), "affected".to_owned())).collect::<Vec<_>>();
    let packages = json!([
        {"attr": "tellurium", "version": "4.0"},
        {"attr": "frobnicate", "version": "1.5.0"},
        {"pname": "nowhere", "version": "1"},
        {"pname": "frobnicate", "version": "1.0"},
        {"attr": "frobnicate", "version": "1.0", "patches": ["CVE-2024-0001.patch"]},
        {"pname": "elsewhere", "version": "1.0"},
        {"attr": "tellurium", "version": "5.1"},
        {"attr": "tellurium", "version": "4.0"},
    ]);
    let answer = check(json!({"channel": "nixos-test", "packages": packages}));
    assert_eq!((&answer["channel"], answer["matched_at"].is_i64()), (&json!("nixos-test"), true));
    let found = findings(&answer);
    assert_eq!(found[0], affected(&["CVE-2024-0003"]));
    assert_eq!(found[1], affected(&["CVE-2024-0002"]), "as the channel has it");
    assert_eq!(found[2], []);
    assert_eq!(found[3], affected(&["CVE-2024-0002", "CVE-2024-0001"]));
    assert_eq!(found[4][0], ("CVE-2024-0002".to_owned(), "affected".to_owned()));
    assert_eq!(found[4][1], ("CVE-2024-0001".to_owned(), "patched".to_owned()));
    // A package that no channel has is found in the records all the same.
    assert_eq!(found[5], affected(&["CVE-2024-0004"]));
    assert_eq!((found[6].len(), &answer["items"][6]["settled"]), (0, &json!(1)));
    assert_eq!(found[7], found[0], "the same question has the same answer");
    let one = &answer["items"][0];
    assert_eq!((&one["package"], &one["channel_version"]), (&json!("tellurium"), &json!("5.1")));
    let finding = &one["findings"][0];
    assert_eq!((&finding["fixed_in"], &finding["severity"]), (&json!("5.0"), &json!("critical")));
    assert!(finding["evidence"].as_array().unwrap().len() > 1, "{finding}");
    // Without a channel the one that has most of them is taken; with `all` what is fixed is told too.
    let whole = check(json!({"packages": packages, "all": true}));
    assert_eq!(whole["channel"], "nixos-test");
    assert_eq!(findings(&whole)[6], [("CVE-2024-0003".to_owned(), "fixed".to_owned())]);
    assert_eq!(check(json!({"packages": []}))["items"], json!([]));
    let many: Vec<Value> = (0..10_000).map(|n| json!({"pname": format!("p{n}"), "version": "1"})).collect();
    assert_eq!(check(json!({"packages": many}))["items"].as_array().unwrap().len(), 10_000);
}

fn a_check_without_a_snapshot_says_what_is_missing() {
    let server = Server::start();
    // The channel's own packages need none.
    let own = server.post(
        "/api/v1/check",
        r#"{"channel":"nixos-unstable","packages":[{"attr":"lumen","version":"2.4.6"}]}"#,
    );
    let own: Value = serde_json::from_str(&own.body).unwrap();
    assert_eq!(findings(&own)[0], [("CVE-2024-90001".to_owned(), "affected".to_owned())]);
    assert_eq!(own["items"][0]["settled"], 1);
    let other = server.post(
        "/api/v1/check",
        r#"{"channel":"nixos-unstable","packages":[{"attr":"lumen","version":"1"}]}"#,
    );
    assert_eq!((other.status, other.header("retry-after")), (503, Some("10")));
}

fn what_is_no_check_is_refused() {
    let server = Server::matched(programs);
    let path = "/api/v1/check";
    let many = format!("{{\"packages\":[{}]}}", vec![r#"{"attr":"a","version":""}"#; 10_001].join(","));
    let long = format!(r#"{{"packages":[{{"attr":"{}","version":"1"}}]}}"#, "a".repeat(501));
    for (body, status, kind) in [
        ("", 400, "no-json"),
        ("{", 400, "no-json"),
        ("\u{0}", 400, "no-json"),
        (&format!("{{\"packages\":{}", "[".repeat(100_000)), 422, "wrong-content"),
        (&"[".repeat(100_000), 422, "wrong-content"),
        ("[]", 422, "wrong-content"),
        ("[\"nixos-test\",[],false]", 422, "wrong-content"),
        ("{\"packages\":[[\"a\",null,\"1\",null]]}", 422, "wrong-content"),
        ("{}", 422, "wrong-content"),
        (r#"{"packages":{}}"#, 422, "wrong-content"),
        (r#"{"packages":[],"chanel":"x"}"#, 422, "wrong-content"),
        (r#"{"packages":[{"version":"1"}]}"#, 422, "wrong-content"),
        (r#"{"packages":[{"attr":"a"}]}"#, 422, "wrong-content"),
        (r#"{"packages":[{"attr":"","version":"1"}]}"#, 422, "wrong-content"),
        (r#"{"packages":[{"attr":"a","version":1}]}"#, 422, "wrong-content"),
        (&many, 422, "wrong-content"),
        (&long, 422, "wrong-content"),
        (r#"{"channel":"none","packages":[]}"#, 404, "not-found"),
    ] {
        let answer = server.post(path, body);
        let shown = &body[..body.len().min(80)];
        assert_eq!(answer.status, status, "{shown}: {}", answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["type"], format!("/api#{kind}"), "{shown}");
    }
    for media in ["", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n"] {
        assert_eq!(
            server.ask("POST", path, &format!("{media}Content-Length: 0\r\n")).status,
            415,
            "{media}"
        );
    }
    let large = server.ask("POST", path, "Content-Type: application/json\r\nContent-Length: 99999999999\r\n");
    assert_eq!(large.status, 413);
    let answer = server.get(path);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

fn security_a_snapshot_of_what_became_private_is_handed_out_no_more() {
    let server = Server::matched(programs);
    let channel = server.json("/api/v1/channels")["items"][0]["name"].as_str().unwrap().to_owned();
    let body = r#"{"packages":[{"pname":"x","version":"1","seen":"sbom"}]}"#;
    let details = || server.post("/api/v1/check/details", body).status;
    let files = || ["", "Range: bytes=0-9\r\n"].map(|header| server.bytes("GET", "/snapshot/firn.snapshot", header).status);
    assert_eq!((files(), details()), ([200, 206], 200));
    server.change(&format!("INSERT INTO setting (name, value) VALUES ('private/{channel}', '1')"));
    assert_eq!((files(), details()), ([503, 503], 503));
    server.change(&format!("DELETE FROM setting WHERE name = 'private/{channel}'"));
    assert_eq!((files(), details()), ([200, 206], 200));
}

fn the_snapshot_is_a_file_like_any_other() {
    let server = Server::matched(programs);
    let path = "/snapshot/firn.snapshot";
    let whole = server.bytes("GET", path, "Accept-Encoding: gzip, zstd\r\n");
    let file = std::fs::read(server.file("snapshot/firn.snapshot")).unwrap();
    assert!(whole.bytes == file && whole.header("content-encoding").is_none());
    assert_eq!(
        (whole.header("accept-ranges"), whole.header("content-length")),
        (Some("bytes"), Some(file.len().to_string().as_str()))
    );
    let tag = whole.header("etag").unwrap();
    assert!(tag.starts_with('"'), "a strong one: {tag}");
    assert_eq!(server.bytes("GET", path, &format!("If-None-Match: {tag}\r\n")).status, 304);
    let part = server.bytes("GET", path, &format!("Range: bytes=10-99\r\nIf-Range: {tag}\r\n"));
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, Some(format!("bytes 10-99/{}", file.len()).as_str()))
    );
    assert_eq!(part.bytes, &file[10..100]);
    // Another file than the caller knows is sent whole.
    assert_eq!(
        server.bytes("GET", path, "Range: bytes=10-99\r\nIf-Range: \"other\"\r\n").status,
        200
    );
    let beyond = server.bytes("GET", path, "Range: bytes=99999999-\r\n");
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some(format!("bytes */{}", file.len()).as_str()))
    );
    assert!(server.get("/snapshot/firn.snapshot.pub").body.starts_with("firn-key-1:"));
    for other in [
        "/snapshot/",
        "/snapshot/snapshot.key",
        "/snapshot/..%2Fsnapshot.key",
        "/snapshot/firn.snapshot.part",
    ] {
        assert_eq!(server.get(other).status, 404, "{other}");
    }
    let head = server.bytes("HEAD", path, "");
    assert_eq!(
        (head.status, head.length, head.header("content-length")),
        (200, 0, Some(file.len().to_string().as_str()))
    );
}
