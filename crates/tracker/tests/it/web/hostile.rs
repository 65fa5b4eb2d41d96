//! Foreign text stays text, odd requests get an answer, and every answer carries its headers.

use super::fixture::Server;
use crate::backend::on_both;

on_both! {
    security_foreign_text_never_becomes_markup,
    security_feeds_and_tables_hold_foreign_text_as_text,
    security_only_web_addresses_are_links,
    security_headers_are_on_every_answer,
    security_pages_fetch_nothing_from_others_and_need_no_script,
    odd_percent_signs,
    security_questions_that_mean_nothing_are_refused_on_pages_and_twins,
    security_paths_lead_to_no_file,
    odd_searches_are_answered,
    only_reading_is_allowed,
    answers_that_the_caller_has_are_not_sent_again,
    a_database_that_is_gone_is_an_answer,
}

const PAGES: [&str; 21] = [
    "/",
    "/cve/CVE-2024-90002",
    "/cve/CVE-2024-90001",
    "/package/evil%22%3E%3Cb%3Epkg",
    "/package/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/channel/nixos-unstable",
    "/queue?q=%22%3E%3Cscript%3E",
    "/queue?verdict=known_vulnerable",
    "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/search?q=alert",
    "/compare?from=%3Cscript%3E",
    "/compare",
    "/maintainers?q=%22%3E%3Cscript%3E",
    "/maintainer/%3Cscript%3E",
    "/team/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/trends?channel=%3Cscript%3E",
    "/trends",
    "/problems?source=%22%3E%3Cscript%3E",
    "/cve/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/channel/%3Cscript%3E",
    "/%3Cscript%3E",
];

fn security_foreign_text_never_becomes_markup() {
    let server = Server::start();
    for path in PAGES {
        let html = server.get(path).body;
        for bad in [
            "<script",
            "<img",
            "<b>",
            "<i>",
            "<u>",
            "<s>",
            "<tag>",
            "onload=alert('product')>",
            "<svg onload",
        ] {
            assert!(!html.contains(bad), "{bad} in {path}: {html}");
        }
    }
    // It is there, as text.
    let html = server.page("/cve/CVE-2024-90002");
    assert!(html.contains("&lt;script&gt;alert('title')&lt;/script&gt;"), "{html}");
    assert!(html.contains("&lt;svg onload=alert('product')&gt;"));
}

fn security_feeds_and_tables_hold_foreign_text_as_text() {
    let server = Server::start();
    let feed = server.get("/queue.atom?verdict=known_vulnerable").body;
    assert!(
        feed.contains("<title>CVE-2024-90002: &lt;script&gt;alert('title')&lt;/script&gt;</title>"),
        "{feed}"
    );
    for path in [
        "/queue.atom?verdict=known_vulnerable",
        "/search.atom?q=%3Cscript%3Ealert",
        "/package/evil%22%3E%3Cb%3Epkg.atom",
        "/problems.atom",
        "/compare.atom",
    ] {
        let body = server.get(path).body;
        for bad in ["<script", "<img", "<b>", "<i>", "onerror=alert('description')>"] {
            assert!(!body.contains(bad), "{bad} in {path}: {body}");
        }
    }
    server.change("UPDATE vulnerability SET title = '=cmd|'' /C calc''!A0' WHERE id = 2; UPDATE channel SET matched_mark = 9 WHERE id = 2");
    let table = server.get("/queue.csv?verdict=known_vulnerable").body;
    assert!(table.contains(",\"'=cmd|' /C calc'!A0\","), "{table}");
}

fn security_only_web_addresses_are_links() {
    let server = Server::start();
    for path in ["/cve/CVE-2024-90001", "/cve/CVE-2024-90002", "/package/evil%22%3E%3Cb%3Epkg"] {
        let html = server.page(path).to_lowercase();
        for scheme in ["javascript:", "data:"] {
            assert!(!html.contains(&format!("href=\"{scheme}")), "{scheme} in {path}");
        }
        assert!(html.contains("javascript:alert"), "shown as text in {path}");
        for link in html.split("<a class=\"out\"").skip(1) {
            let tag = link.split_once('>').unwrap().0;
            assert!(tag.contains("rel=\"noopener noreferrer nofollow\""), "{tag}");
        }
    }
}

fn security_headers_are_on_every_answer() {
    let server = Server::start();
    let others = [
        "/index.json",
        "/health",
        "/metrics",
        "/favicon.svg",
        "/robots.txt",
        "/static/x",
        "/cve/CVE-2024-90001/raw/cve",
        "/queue?page=x",
    ];
    for path in PAGES.into_iter().chain(others) {
        let answer = server.get(path);
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
    }
}

fn security_pages_fetch_nothing_from_others_and_need_no_script() {
    let server = Server::start();
    for path in PAGES {
        let html = server.get(path).body;
        for tag in ["<script", "<img", "<iframe", "<object", "<embed", "<video", "<audio"] {
            assert!(!html.contains(tag), "{tag} in {path}");
        }
        for tag in html.split("<link ").skip(1) {
            let href = tag.split_once("href=\"").unwrap().1;
            assert!(href.starts_with('/') && !href.starts_with("//"), "{path}: {href}");
        }
        assert!(
            !html.contains(" style=\"") && !html.contains("<style"),
            "{path}: the policy allows no inline style"
        );
        for handler in [" onclick=\"", " onload=\"", " onerror=\""] {
            assert!(!html.contains(handler), "{path}");
        }
    }
}

fn odd_percent_signs() {
    let server = Server::start();
    for path in ["/package/%ff%fe", "/cve/%c3%28", "/channel/%80", "/cve/%c3%28/raw/cve"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer.body.contains("<h1>That address cannot be read</h1>"),
            "{path}: {}",
            answer.body
        );
    }
    for (path, status) in [
        ("/package/%", 404),
        ("/package/%zz", 404),
        ("/package/%00", 404),
        ("/package/a%2Fb", 404),
        ("/package/..%2F..%2Fetc%2Fpasswd", 404),
        ("/package/%6Cumen", 200),
        ("/cve/CVE%2D2024%2D90001", 200),
        ("/queue?q=%ff", 200),
        ("/queue?q=%", 200),
        ("/queue?q", 200),
        ("/queue?&&==&", 200),
        ("/queue?q=a&q=b", 200),
        ("/search?q=%00", 200),
        ("/search?q=*", 200),
        ("/search?q=%22", 200),
        ("/search?q=NEAR(a+b)", 200),
        ("/search?q=title%3Ax+AND+NOT", 200),
        ("/problems?before=99999999999999999999", 400),
        ("/problems?before=-1", 200),
        ("/queue?page=0", 400),
        ("/package/", 404),
        ("/cve/", 404),
        ("//", 404),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

fn security_questions_that_mean_nothing_are_refused_on_pages_and_twins() {
    let server = Server::start();
    for (page, questions) in [
        (
            "/queue",
            &[
                "sort=up",
                "channel=..%2Fetc",
                "severity=x",
                "min_epss=nan",
                "min_cvss=inf",
                "min_cvss=1e999",
                "verdict=%00",
            ][..],
        ),
        ("/channel/nixos-unstable", &["verdict=affected%27--", "severity=-1"]),
        ("/package/linux", &["verdict=Affected%20"]),
        ("/problems", &["before=x", "before=1e3"]),
    ] {
        let pages = ["page=0", "page=-1", "page=999999", "page=18446744073709551617", "page=%F0%9F%92%A9"];
        let pages = pages.iter().filter(|_| page != "/problems");
        for question in questions.iter().chain(pages) {
            let answer = server.get(&format!("{page}?{question}"));
            let wanted = if question.starts_with("channel=") { 404 } else { 400 };
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (wanted, Some("text/html; charset=utf-8")),
                "{page}?{question}"
            );
            let twin = server.get(&format!("{page}.json?{question}"));
            assert_eq!(
                (twin.status, twin.header("content-type")),
                (wanted, Some("application/problem+json")),
                "{page}.json?{question}"
            );
            let error: serde_json::Value = serde_json::from_str(&twin.body).unwrap();
            assert_eq!(error["status"], wanted, "{page}.json?{question}");
            assert_eq!(twin.header("cache-control"), Some("no-store"));
        }
    }
    // A page behind the last one is an empty list.
    for page in ["/queue", "/channel/nixos-unstable", "/package/linux"] {
        assert_eq!(server.get(&format!("{page}?page=10000")).status, 200, "{page}");
    }
}

fn security_paths_lead_to_no_file() {
    let server = Server::start();
    for path in [
        "/package/../../etc/passwd",
        "/package/..%2F..%2Fetc%2Fpasswd.json",
        "/package/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/channel/..%5C..%5Cwindows",
        "/channel/..%2F..%2Fetc%2Fpasswd.json",
        "/cve/..%2F..%2Fetc%2Fpasswd",
        "/cve/..%2F..%2Fetc%2Fpasswd/raw/cve",
        "/cve/CVE-2024-90001/raw/..%2F..%2Fetc%2Fpasswd",
        "/cve/CVE-2024-90001/raw/cve?key=..%2F..%2Fetc%2Fpasswd",
        "/static/../../Cargo.toml",
        "/static/..%2F..%2FCargo.toml",
        "/.git/config",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("root:") && !answer.body.contains("[package]"), "{path}");
    }
}

fn odd_searches_are_answered() {
    let server = Server::start();
    let odd = [
        "a".repeat(200),
        "%F0%9F%92%A9".repeat(200),
        "%E2%80%AE%E2%80%8B%EF%BB%BF".to_owned(),
        "e%CC%81%CC%81%CC%81".to_owned(),
        "%EF%BF%BF%F4%8F%BF%BF".to_owned(),
        "%00%01%1b%5B31m".to_owned(),
        "%22%22%22+%22+%27+%3B+DROP+TABLE+verdict".to_owned(),
        "a*+b*+%5Ec+%7Bname%7D%3A+-d".to_owned(),
        "%C4%B0".repeat(100),
    ];
    for words in odd {
        assert_eq!(server.get(&format!("/search?q={words}")).status, 200, "{words}");
        assert_eq!(
            server.json(&format!("/search.json?q={words}"))["refused"],
            serde_json::Value::Null,
            "{words}"
        );
    }
    for (words, status) in [("a".repeat(201), 400), ("a+".repeat(13), 400), ("a".repeat(5000), 414)] {
        assert_eq!(server.get(&format!("/search?q={words}")).status, status);
        let twin = server.get(&format!("/search.json?q={words}"));
        let media = if status == 414 {
            "application/problem+json"
        } else {
            "application/json"
        };
        assert_eq!((twin.status, twin.header("content-type")), (status, Some(media)));
    }
    // Names longer than anything is called.
    for page in ["/cve/", "/package/", "/channel/"] {
        let name = "%C3%A4".repeat(600);
        assert_eq!(server.get(&format!("{page}{name}")).status, 404, "{page}");
        assert_eq!(server.get(&format!("{page}{name}.json")).status, 404, "{page}");
    }
}

fn only_reading_is_allowed() {
    let server = Server::start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        for path in ["/queue", "/queue.json", "/cve/CVE-2024-90001/raw/cve", "/health"] {
            let answer = server.ask(method, path, "Content-Length: 0\r\n");
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{method} {path}");
        }
    }
    for path in ["/queue", "/queue.json", "/cve/CVE-2024-90001", "/nothing"] {
        let (head, whole) = (server.ask("HEAD", path, ""), server.get(path));
        assert_eq!((head.status, head.body.as_str()), (whole.status, ""), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
        assert_eq!(
            head.header("content-security-policy"),
            whole.header("content-security-policy"),
            "{path}"
        );
    }
}

fn answers_that_the_caller_has_are_not_sent_again() {
    let server = Server::start();
    for path in ["/about", "/queue.json", "/cve/CVE-2024-90001/raw/cve"] {
        let first = server.get(path);
        assert_eq!(first.header("cache-control"), Some("no-cache"), "{path}");
        let tag = first.header("etag").unwrap();
        let again = server.ask("GET", path, &format!("If-None-Match: \"other\", {tag}\r\n"));
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(server.ask("GET", path, "If-None-Match: \"other\"\r\n").status, 200, "{path}");
    }
}

fn a_database_that_is_gone_is_an_answer() {
    let server = Server::start();
    server.change("DROP TABLE source");
    for path in ["/", "/health", "/metrics", "/problems"] {
        assert_eq!(server.get(path).status, 503, "{path}");
    }
    assert!(server.get("/").body.contains("The database does not answer"));
}
