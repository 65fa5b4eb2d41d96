//! Foreign text stays text, odd requests get an answer, and every answer carries its headers.

use super::fixture::Server;

const PAGES: [&str; 14] = [
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
    "/problems?source=%22%3E%3Cscript%3E",
    "/cve/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/channel/%3Cscript%3E",
    "/%3Cscript%3E",
];

#[test]
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

#[test]
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

#[test]
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

#[test]
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

#[test]
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

#[test]
fn only_reading_is_allowed() {
    let server = Server::start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(server.ask(method, "/queue", "Content-Length: 0\r\n").status, 405, "{method}");
    }
    let head = server.ask("HEAD", "/queue", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn answers_that_the_caller_has_are_not_sent_again() {
    let server = Server::start();
    for path in ["/about", "/queue.json", "/cve/CVE-2024-90001/raw/cve"] {
        let first = server.get(path);
        assert_eq!(first.header("cache-control"), Some("no-cache"), "{path}");
        let tag = first.header("etag").unwrap();
        let again = server.ask("GET", path, &format!("If-None-Match: \"other\", W/{tag}\r\n"));
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(server.ask("GET", path, "If-None-Match: \"other\"\r\n").status, 200, "{path}");
    }
}

#[test]
fn a_database_that_is_gone_is_an_answer() {
    let server = Server::start();
    server.db.execute_batch("DROP TABLE source").unwrap();
    for path in ["/", "/health", "/metrics", "/problems"] {
        assert_eq!(server.get(path).status, 503, "{path}");
    }
    assert!(server.get("/").body.contains("The database does not answer"));
    assert_eq!(server.get("/queue").status, 503, "marks read the sources too");
}
