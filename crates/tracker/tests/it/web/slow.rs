//! Clients that are slow, many, or lie about where they come from.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::fixture::Server;

/// Until the server ends the connection.
fn ended_after(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut rest = Vec::new();
    // An end or a reset: both are one.
    let ended = stream.read_to_end(&mut rest);
    assert!(
        !ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock),
        "the server waits"
    );
    started.elapsed()
}

#[test]
fn security_a_request_that_does_not_come_to_its_end_is_given_up() {
    let server = Server::configured(&[("limits.idle", "500 ms"), ("limits.answer", "200 ms")]);
    let begin = |text: &str| {
        let mut stream = TcpStream::connect(server.at).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    for text in ["", "GET /", "GET / HTTP/1.1\r\nHost: t\r\nX-Slow: "] {
        assert!(ended_after(&mut begin(text)) < Duration::from_secs(10), "{text}");
    }
    // Byte by byte gains no time.
    let mut stream = begin("GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ");
    let started = Instant::now();
    while stream.write_all(b"a").is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
    }
    // A body that does not come is answered.
    let mut stream = begin("POST /api/v1/check HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(server.get("/health").status, 200, "everyone else is served");
}

#[test]
fn security_an_answer_that_nobody_reads_is_given_up() {
    let server = Server::configured(&[("limits.idle", "500 ms"), ("limits.connections", "1")]);
    let mut stream = TcpStream::connect(server.at).unwrap();
    // So many answers fit in no buffer.
    let ask = "GET /static/none HTTP/1.1\r\nHost: t\r\n\r\nGET /queue HTTP/1.1\r\nHost: t\r\n\r\n".repeat(400);
    let _ = stream.write_all(ask.as_bytes());
    // The one connection that there is becomes free again.
    let started = Instant::now();
    assert_eq!(server.get("/health").status, 200);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn security_idle_connections_do_not_keep_others_out() {
    let server = Server::configured(&[("limits.idle", "300 ms"), ("limits.connections", "4")]);
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.at).unwrap()).collect();
    assert_eq!(server.get("/health").status, 200);
    drop(idle);
}

#[test]
fn security_an_answer_that_is_taken_byte_by_byte_is_given_up() {
    let server = Server::configured(&[("limits.idle", "500 ms"), ("limits.connections", "1")]);
    let mut stream = TcpStream::connect(server.at).unwrap();
    let ask = "GET /queue HTTP/1.1\r\nHost: t\r\n\r\n".repeat(2000);
    let _ = stream.write_all(ask.as_bytes());
    let reader = std::thread::spawn(move || {
        let mut byte = [0; 1];
        while stream.read(&mut byte).is_ok_and(|n| n > 0) {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    // The one connection that there is becomes free again, although something moves on it all the time.
    let started = Instant::now();
    assert_eq!(server.get("/health").status, 200);
    assert!(started.elapsed() < Duration::from_secs(10) && !reader.is_finished());
}

#[test]
fn security_connections_are_counted_by_client() {
    let counted = Server::configured(&[("limits.connections_per_client", "3"), ("limits.loopback", "true")]);
    let mut held: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(counted.at).unwrap()).collect();
    // They are taken in their order.
    assert!(ended_after(&mut TcpStream::connect(counted.at).unwrap()) < Duration::from_secs(5));
    held.clear();
    let started = Instant::now();
    loop {
        let mut stream = TcpStream::connect(counted.at).unwrap();
        let mut answer = String::new();
        let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "there is room again: {answer}");
    }
    // A proxy stands for many; its clients are counted by what they have under way.
    let proxied = Server::configured(&[
        ("limits.connections_per_client", "1"),
        ("server.proxies", "127.0.0.1"),
        ("limits.loopback", "true"),
    ]);
    let idle: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(proxied.at).unwrap()).collect();
    let begin = |client: &str| {
        let mut stream = TcpStream::connect(proxied.at).unwrap();
        let head = format!(
            "POST /api/v1/check HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: {client}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let under_way = begin("192.0.2.1");
    std::thread::sleep(Duration::from_millis(300));
    let ask = |client: &str| proxied.ask("GET", "/api/v1/channels", &format!("X-Forwarded-For: {client}\r\n"));
    let refused = ask("192.0.2.1");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1")),
        "{}",
        refused.body
    );
    assert_eq!(ask("192.0.2.2").status, 200);
    drop((under_way, idle));
}

#[test]
fn rates_are_limited_by_client() {
    let server = Server::configured(&[
        ("limits.reads_per_minute", "30"),
        ("limits.checks_per_minute", "2"),
        ("server.proxies", "127.0.0.1"),
    ]);
    let from = |client: &str| server.ask("GET", "/api/v1/channels", &format!("X-Forwarded-For: 6.6.6.6, {client}\r\n"));
    let answers: Vec<u16> = (0..40).map(|_| from("192.0.2.1").status).collect();
    assert!(answers[..30].iter().all(|status| *status == 200), "{answers:?}");
    let refused = from("192.0.2.1");
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (429, Some("application/problem+json"))
    );
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(from("192.0.2.2").status, 200, "another client");
    assert_eq!(server.ask("GET", "/queue", "X-Forwarded-For: 192.0.2.1\r\n").status, 429);
    assert_eq!(server.ask("GET", "/health", "X-Forwarded-For: 192.0.2.1\r\n").status, 200);
    let check = || {
        let head = "X-Forwarded-For: 192.0.2.3\r\nContent-Type: application/json\r\nContent-Length: 0\r\n";
        server.ask("POST", "/api/v1/check", head).status
    };
    assert_eq!([check(), check(), check()], [400, 400, 429]);
    // The machine itself.
    assert!((0..100).all(|_| server.get("/api/v1/channels").status == 200));
}

#[test]
fn security_without_a_configured_proxy_its_headers_mean_nothing() {
    let server = Server::configured(&[("limits.reads_per_minute", "5"), ("limits.loopback", "true")]);
    let spoofed = |n: u8| {
        server.ask(
            "GET",
            "/api/v1/channels",
            &format!("X-Forwarded-For: 192.0.2.{n}\r\nForwarded: for=192.0.2.{n}\r\n"),
        )
    };
    let answers: Vec<u16> = (0..10).map(|n| spoofed(n).status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 5, "{answers:?}");
}

#[test]
fn security_odd_framing_is_refused() {
    let server = Server::configured(&[]);
    let send = |text: &str| {
        let mut stream = TcpStream::connect(server.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let head = "POST /api/v1/check HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nConnection: close\r\n";
    for odd in [
        format!("{head}Content-Length: 4\r\nContent-Length: 5\r\n\r\n{{}}xx"),
        format!("{head}Content-Length: -1\r\n\r\n"),
        format!("{head}Content-Length: 0x10\r\n\r\n"),
        format!("{head}Content-Length: 5, 6\r\n\r\n"),
        format!("{head}Transfer-Encoding: gzip\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        "GET / HTTP/1.1\r\nHost: t\r\nBad Header: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\nHost: t\r\n\r\n".to_owned(),
        "GET /\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        format!(
            "GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\nConnection: close\r\n\r\n",
            "a".repeat(1 << 20)
        ),
        format!("GET / HTTP/1.1\r\nHost: t\r\n{}Connection: close\r\n\r\n", "X: 1\r\n".repeat(1000)),
    ] {
        let answer = send(&odd);
        let start = &odd[..odd.len().min(120)];
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(refused, "{start:?}: {}", &answer[..answer.len().min(200)]);
    }
    // One request is one answer, whatever its body looks like: what follows it is not taken for another.
    let smuggled = "POST /api/v1/check HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: t\r\n\r\n";
    assert!(send(smuggled).matches("HTTP/1.1 ").count() <= 1);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn security_headers_cannot_be_injected() {
    let server = Server::configured(&[]);
    for path in [
        "/search?q=CVE-2024-90001%0d%0aSet-Cookie:%20a=b",
        "/search?q=%0d%0aLocation:%20//evil.example",
        "/cve/CVE-2024-90001/raw/cve?key=%0d%0aX-Evil:%201",
        "/cve/x%0d%0aX-Evil:%201.json",
        "/snapshot/x%0d%0aX-Evil:%201",
    ] {
        let answer = server.get(path);
        let head = answer.head.to_lowercase();
        assert!(
            !head.contains("\nset-cookie") && !head.contains("\nx-evil") && !head.contains("evil.example"),
            "{path}: {head}"
        );
    }
}

#[test]
fn security_searches_take_bounded_time() {
    let server = Server::configured(&[]);
    let started = Instant::now();
    for words in [
        "a*".repeat(100),
        "(((((((((((((((((((((".to_owned(),
        "%22".repeat(66),
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".to_owned(),
        "%25%25%25%25%25%25%25%25%25%25%25%25_".to_owned(),
        "a+OR+b+OR+c+OR+d+OR+e+OR".to_owned(),
        "NEAR(a+b,+1000000)".to_owned(),
    ] {
        assert_eq!(server.get(&format!("/search?q={words}")).status, 200, "{words}");
        assert_eq!(server.get(&format!("/queue?q={words}")).status, 200, "{words}");
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
