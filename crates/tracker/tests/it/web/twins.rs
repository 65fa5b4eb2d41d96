//! JSON twins, and what machines ask.

use serde_json::json;

use super::fixture::Server;
use crate::backend::on_both;

on_both! {
    every_page_has_a_twin,
    twins_hold_what_pages_show,
    every_list_is_a_table_and_a_feed_too,
    an_unseen_id_has_a_twin_too,
    an_id_without_a_record_says_what_else_speaks_of_it,
    a_package_whose_name_ends_like_a_twin,
    errors_are_problems_where_machines_asked,
    statistics,
    health_and_metrics,
    sources_say_how_they_are_doing,
    a_match_shows_up_without_a_restart,
}

fn every_page_has_a_twin() {
    let server = Server::start();
    for (path, twin) in [
        ("/", "/index.json"),
        ("/cve/CVE-2024-90001", "/cve/CVE-2024-90001.json"),
        ("/package/lumen", "/package/lumen.json"),
        ("/package/lumen?verdict=fixed", "/package/lumen.json?verdict=fixed"),
        ("/channels", "/channels.json"),
        ("/channel/nixos-unstable", "/channel/nixos-unstable.json"),
        ("/queue?q=lumen", "/queue.json?q=lumen"),
        ("/search?q=lamp", "/search.json?q=lamp"),
        ("/problems", "/problems.json"),
        ("/sources", "/sources.json"),
        ("/about", "/about.json"),
        ("/legend", "/legend.json"),
        ("/compare?show=gone", "/compare.json?show=gone"),
        ("/maintainers", "/maintainers.json"),
        ("/maintainer/ada-example", "/maintainer/ada-example.json"),
        ("/teams", "/teams.json"),
        ("/team/lamps", "/team/lamps.json"),
        ("/trends", "/trends.json"),
    ] {
        let html = server.page(path);
        let escaped = twin.replace('&', "&amp;");
        assert!(
            html.contains(&format!("<link rel=\"alternate\" type=\"application/json\" href=\"{escaped}\">")),
            "{path}"
        );
        let value = server.json(twin);
        assert_eq!((&value["version"], &value["sample"]), (&json!(1), &json!(false)), "{twin}");
    }
    assert_eq!(server.json("/.json")["version"], 1);
}

fn twins_hold_what_pages_show() {
    let server = Server::start();
    let cve = server.json("/cve/CVE-2024-90001.json");
    assert_eq!(cve["id"], "CVE-2024-90001");
    assert_eq!(cve["severity"], "critical");
    assert_eq!(cve["kev"]["ransomware"], "Known");
    assert_eq!(cve["verdicts"][1]["channel"], "nixos-20.09pre");
    assert_eq!(cve["verdicts"][0]["evidence"][0]["rule"], "cpe-vendor-homepage");
    assert_eq!(
        cve["sources"][0]["advisory"]["affected"][0]["versions"][0]["bound"]["less_than"],
        "2.4.7"
    );
    assert_eq!(cve["sources"][1]["source"], "nvd");
    assert_eq!(
        cve["lines"][0]["places"].as_array().unwrap().len(),
        cve["lines"][0]["points"].as_array().unwrap().len() * 2 + 1
    );
    let queue = server.json("/queue.json?sort=epss&q=lumen");
    // Only what is known without counting is said.
    assert_eq!((&queue["vulnerabilities"], &queue["more"]), (&json!(null), &json!(false)));
    assert_eq!(queue["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        queue["items"][0]["packages"][0],
        json!({"package": "lumen", "pname": "lumen", "version": "2.4.6", "verdict": "affected", "confidence": 0.95, "fixed_in": "2.4.7"})
    );
    let package = server.json("/package/lumen.json");
    assert_eq!(package["items"][0]["id"], "CVE-2024-90001");
    assert_eq!(package["items"][1]["verdicts"][1]["verdict"], "patched");
    let channel = server.json("/channel/nixos-unstable.json?verdict=unknown");
    assert_eq!(
        (&channel["name"], &channel["vulnerabilities"]),
        (&json!("nixos-unstable"), &json!(30))
    );
    let search = server.json("/search.json?q=cve-2024-90001");
    assert_eq!(search["exact"], "CVE-2024-90001");
}

fn every_list_is_a_table_and_a_feed_too() {
    let server = Server::start();
    for (path, rows) in [
        ("/queue.csv", 123),
        ("/queue.csv?q=lumen", 2),
        ("/channel/nixos-unstable.csv?verdict=unknown", 31),
        ("/package/lumen.csv", 5),
        ("/compare.csv?show=both", 2),
        ("/maintainers.csv", 4),
        ("/maintainer/ada-example.csv", 2),
        ("/teams.csv", 2),
        ("/search.csv?q=lumen", 4),
        ("/problems.csv", 2),
        ("/channels.csv", 9),
        ("/trends.csv?by=year", 15),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/csv; charset=utf-8")),
            "{path}"
        );
        assert_eq!(answer.body.matches("\r\n").count(), rows, "{path}: {}", answer.body);
    }
    let queue = server.get("/queue.csv?q=lumen").body;
    assert_eq!(
        queue.lines().nth(1),
        Some(
            "nixos-unstable,CVE-2024-90001,Lumen writes behind the end of a buffer,critical,9.8,0.94217,2024-05-20,2024-05-02T10:00:00.000Z,lumen,lumen,2.4.6,affected,0.95,2.4.7"
        )
    );
    for path in [
        "/queue.atom",
        "/channel/nixos-unstable.atom",
        "/package/lumen.atom",
        "/compare.atom",
        "/maintainer/ada-example.atom",
        "/team/lamps.atom",
        "/search.atom?q=lumen",
        "/problems.atom",
        "/channels.atom",
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/atom+xml; charset=utf-8")),
            "{path}"
        );
        assert!(answer.body.contains("<entry>"), "{path}: {}", answer.body);
        assert!(
            answer
                .body
                .contains(&format!("rel=\"self\" type=\"application/atom+xml\" href=\"{path}\"")),
            "{path}"
        );
        let page = server.page(&path.replace(".atom", ""));
        assert!(page.contains("type=\"application/atom+xml\" title="), "{path} is announced");
    }
    // Newest first, whatever the page itself is sorted by.
    let feed = server.get("/queue.atom").body;
    let ids: Vec<&str> = feed
        .split("<id>tag:firn-tracker,2026:nixos-unstable/")
        .skip(1)
        .map(|rest| rest.split_once('<').unwrap().0)
        .collect();
    assert_eq!((ids.len(), ids[0], ids[1]), (50, "CVE-2024-90002", "CVE-2024-90001"));
    assert!(feed.contains("<updated>2024-07-01T00:00:00Z</updated>"));
    assert!(feed.contains(
        "Critical (9.8), EPSS 94.2 %, known to be exploited since 2024-05-20. In nixos-unstable: lumen 2.4.6: affected, fixed in 2.4.7."
    ));
    for path in [
        "/about.csv",
        "/about.atom",
        "/cve/CVE-2024-90001.csv",
        "/trends.atom",
        "/maintainers.atom",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

fn an_unseen_id_has_a_twin_too() {
    let server = Server::start();
    let answer = server.get("/cve/CVE-2026-99999.json");
    assert_eq!(answer.status, 404);
    let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&value["id"], &value["never_seen"], &value["data_date"]),
        (&json!("CVE-2026-99999"), &json!(true), &json!("2026-08-15"))
    );
}

fn an_id_without_a_record_says_what_else_speaks_of_it() {
    let server = Server::start();
    server.change(
        "INSERT INTO epss VALUES ('CVE-2026-99998', 0.125, 0.5);
             INSERT INTO kev VALUES ('CVE-2026-99998', '2026-08-01', NULL, NULL, 'Update <it>.');",
    );
    let answer = server.get("/cve/CVE-2026-99998.json");
    assert_eq!(answer.status, 404);
    let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (
            &value["never_seen"],
            &value["mentions"]["epss"],
            &value["mentions"]["kev"]["date_added"]
        ),
        (&json!(false), &json!(0.125), &json!("2026-08-01"))
    );
    let page = server.get("/cve/CVE-2026-99998").body;
    for text in [
        "No record about this id was taken in",
        "2026-08-15",
        "EPSS 12.5 %",
        "Update &lt;it&gt;.",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(!page.contains("never seen"), "{page}");
}

fn a_package_whose_name_ends_like_a_twin() {
    let server = Server::start();
    assert!(server.page("/package/nodePackages.json").contains("<h1>nodePackages.json</h1>"));
    assert_eq!(server.json("/package/nodePackages.json.json")["attr"], "nodePackages.json");
}

fn errors_are_problems_where_machines_asked() {
    let server = Server::start();
    for (path, status, message) in [
        ("/nothing.json", 404, "there is no page at this address"),
        ("/api/v1/nothing", 404, "there is no page at this address"),
        ("/channel/x.json", 404, "there is no channel named \"x\""),
        (
            "/queue.json?sort=up",
            400,
            "the parameter sort=\"up\" is wrong: expected the name of an order",
        ),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&value["status"], &value["detail"]), (&json!(status), &json!(message)), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

fn statistics() {
    let server = Server::start();
    let stats = server.json("/api/v1/stats");
    assert_eq!(stats["cve"]["records"], 3);
    assert_eq!(stats["nvd"]["records"], 2);
    assert_eq!(
        (&stats["osv"]["records"], &stats["kev"]["records"], &stats["epss"]["records"]),
        (&json!(1), &json!(2), &json!(3))
    );
    assert!(stats["cve"]["age_s"].as_i64().unwrap() > 86_400 * 365);
    assert_eq!(stats["epss"]["age_s"], json!(null));
    assert_eq!(
        stats["packages"],
        json!({"nixos-20.09pre": 4, "nixos-22.11": 0, "nixos-unstable": 5})
    );
    assert_eq!(stats["suggestions"], 120 + 10 + 5);
}

fn health_and_metrics() {
    let server = Server::start();
    let health = server.json("/health");
    assert_eq!(
        (&health["ok"], &health["work"], &health["failing"]),
        (&json!(true), &json!("idle"), &json!(["epss"]))
    );
    server.page("/cve/CVE-2024-90001");
    server.get("/nowhere/at/all");
    let metrics = server.get("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "firn_records{source=\"cve\"} 3",
        "firn_packages{channel=\"nixos-unstable\"} 5",
        "firn_suggestions{channel=\"nixos-unstable\",verdict=\"affected\",severity=\"medium\"} 90",
        "firn_http_request_duration_seconds_count{route=\"/cve/{id}\",status=\"200\"} 1",
        "firn_http_request_duration_seconds_count{route=\"none\",status=\"404\"} 1",
    ] {
        assert!(metrics.body.lines().any(|l| l == line), "missing {line}: {}", metrics.body);
    }
    // The book names each, with its kind, and no other.
    let book = include_str!("../../../../../docs/src/tracker/operations.md");
    let mut written: Vec<String> = book
        .lines()
        .filter_map(|line| line.strip_prefix("| `firn_"))
        .map(|line| {
            line.replace('`', "")
                .split('|')
                .take(2)
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let heads = metrics.body.lines().filter_map(|line| line.strip_prefix("# TYPE firn_"));
    let mut said: Vec<String> = heads.map(str::to_owned).collect();
    written.sort();
    said.sort();
    assert_eq!(written, said);
}

fn sources_say_how_they_are_doing() {
    let server = Server::start();
    server.change(
        "INSERT INTO job (kind, subject, priority, state, run_at, failures, last_error, changed_at)
         VALUES ('sync', 'cve', 0, 'waiting', 99999999999, 2, 'no <b>answer</b>', 1795000000),
                ('evaluate', 'own@1', 0, 'dead', 1795000000, 5, 'out of memory', 1795000000)",
    );
    let sources = server.json("/sources.json");
    let find = |list: &str, key: &str, name: &str| {
        let items = sources[list].as_array().unwrap();
        items.iter().find(|item| item[key] == name).unwrap().clone()
    };
    assert_eq!(find("sources", "name", "cve")["next_at"], 99_999_999_999_i64);
    assert!(find("sources", "name", "epss")["last_error"].is_string());
    assert_eq!(sources["jobs"][0]["state"], "dead", "what was given up goes first");
    assert_eq!(find("jobs", "kind", "sync")["failures"], 2);
    let page = server.page("/sources");
    assert!(page.contains("given up") && page.contains("out of memory"), "{page}");
    assert!(page.contains("no &lt;b&gt;answer&lt;/b&gt;"), "{page}");
    let stats = server.json("/api/v1/stats");
    assert_eq!(stats["sources"][0]["name"], "cve");
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("firn_jobs{kind=\"evaluate\",state=\"dead\"} 1\n"), "{metrics}");
    assert!(metrics.contains("firn_source_failing{source=\"epss\"} 1\n"), "{metrics}");
}

fn a_match_shows_up_without_a_restart() {
    let server = Server::start();
    assert!(server.json("/queue.json")["vulnerabilities"] == 122);
    server.change("UPDATE verdict SET verdict = 'fixed' WHERE vulnerability_id = 1; UPDATE channel SET matched_mark = 7 WHERE id = 2");
    assert!(server.json("/queue.json")["vulnerabilities"] == 121);
    // New scores change no verdict, but the order.
    server.change("UPDATE vulnerability SET epss = 0.99 WHERE id = 1001; INSERT INTO setting (name, value) VALUES ('told', '900')");
    assert_eq!(server.json("/queue.json?sort=epss")["items"][0]["id"], "CVE-2020-10001");
}
