//! Files from servers that stall, break off, lie, and change them meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tracker::Progress;
use tracker::config::{Config, Given};
use tracker::fetch::{FetchError, Fetched, Fetcher};

use crate::fake::{Fake, Reply, Request};
use crate::made;
use crate::program::Home;
use crate::served::serve_files;
use crate::tls::Authority;

/// A fetcher, and where its file goes.
struct Desk {
    fetcher: Fetcher,
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(keys: &[(&str, &str)]) -> Self {
        let mut given = Given::default();
        given.flag("--database", "database.url", "sqlite://t.sqlite").unwrap();
        for (key, value) in keys {
            given.flag("--set", key, value).unwrap();
        }
        Self {
            fetcher: Fetcher::new(&Config::read(&given).unwrap().feeds).unwrap(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("file")
    }

    fn get(&self, fake: &Fake, tag: Option<&str>) -> Result<Fetched, FetchError> {
        self.fetcher
            .file(&format!("{}/file", fake.url), tag, &self.to(), &Progress::default())
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.to()).unwrap()
    }

    /// Names of all files there.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn letters(len: usize, first: u8) -> Vec<u8> {
    (0..len).map(|n| first + (n % 13) as u8).collect()
}

fn new(tag: &str) -> Fetched {
    Fetched::New { tag: Some(tag.into()) }
}

/// Answers with these, one after the other.
fn script(replies: Vec<Reply>) -> Fake {
    let replies = Mutex::new(replies.into_iter());
    Fake::start(move |_: &Request| replies.lock().unwrap().next().unwrap())
}

#[test]
fn a_broken_connection_is_gone_on_with() {
    let whole = letters(100_000, b'a');
    let fake = script(vec![
        Reply::ok(whole.clone()).with("ETag", "\"1\"").cut(40_000),
        Reply::rest(&whole, 40_000).with("ETag", "\"1\"").cut(10_000),
        Reply::rest(&whole, 50_000).with("ETag", "\"1\""),
    ]);
    let desk = Desk::new();
    for _ in 0..2 {
        let error = desk.get(&fake, None).unwrap_err();
        assert!(matches!(error, FetchError::Copy { .. } | FetchError::Short { .. }), "{error:?}");
        assert!(!desk.to().exists(), "half a file is none");
    }
    assert_eq!(desk.get(&fake, None).unwrap(), new("\"1\""));
    assert_eq!(desk.bytes(), whole);
    assert_eq!(desk.names(), ["file"]);
    let asked = fake.asked();
    assert_eq!(
        asked.iter().map(Request::start).collect::<Vec<_>>(),
        [None, Some(40_000), Some(50_000)]
    );
    assert_eq!(asked[2].header("if-range"), Some("\"1\""));
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_whole() {
    let (old, new_one) = (letters(100_000, b'a'), letters(90_000, b'n'));
    let fake = script(vec![
        Reply::ok(old).with("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT").cut(40_000),
        Reply::ok(new_one.clone()).with("Last-Modified", "Mon, 07 Nov 1994 08:49:37 GMT"),
    ]);
    let desk = Desk::new();
    desk.get(&fake, None).unwrap_err();
    assert_eq!(desk.get(&fake, None).unwrap(), new("Mon, 07 Nov 1994 08:49:37 GMT"));
    assert_eq!(desk.bytes(), new_one);
    assert_eq!(fake.asked()[1].header("if-range"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[test]
fn a_server_that_goes_on_elsewhere_is_not_believed() {
    let whole = letters(100_000, b'a');
    let fake = script(vec![
        Reply::ok(whole.clone()).with("ETag", "\"1\"").cut(40_000),
        Reply::rest(&whole, 30_000).with("ETag", "\"1\""),
        Reply::ok(whole.clone()).with("ETag", "\"1\"").cut(100_000),
    ]);
    let desk = Desk::new();
    desk.get(&fake, None).unwrap_err();
    assert!(matches!(desk.get(&fake, None), Err(FetchError::WrongPart { .. })));
    assert_eq!(desk.names(), Vec::<String>::new());
    desk.get(&fake, None).unwrap();
    assert_eq!(desk.bytes(), whole);
    // A server whose file became shorter than what we have says so.
    let shorter = script(vec![
        Reply::ok(whole.clone()).with("ETag", "\"1\"").cut(40_000),
        Reply::status("416 Range Not Satisfiable"),
        Reply::ok("short").with("ETag", "\"2\""),
    ]);
    let desk = Desk::new();
    desk.get(&shorter, None).unwrap_err();
    assert_eq!(desk.get(&shorter, None).unwrap(), new("\"2\""));
    assert_eq!(desk.bytes(), b"short");
}

#[test]
fn without_a_name_for_its_version_nothing_is_gone_on_with() {
    let whole = letters(50_000, b'a');
    let fake = script(vec![
        Reply::ok(whole.clone()).with("ETag", "W/\"1\"").cut(40_000),
        Reply::ok(whole.clone()).cut(20_000),
        Reply::ok(whole.clone()),
    ]);
    let desk = Desk::new();
    desk.get(&fake, None).unwrap_err();
    desk.get(&fake, None).unwrap_err();
    assert_eq!(desk.names(), Vec::<String>::new());
    assert_eq!(desk.get(&fake, None).unwrap(), Fetched::New { tag: None });
    assert_eq!(desk.bytes(), whole);
    assert!(fake.asked().iter().all(|request| request.start().is_none()));
}

#[test]
fn sizes_are_bounded_whatever_the_server_says() {
    let fake = script(vec![
        Reply::ok("x").claims(9 << 30),
        Reply::ok(letters(3 << 20, b'a')).endless(),
        Reply::ok(letters(2000, b'a')).claims(1000),
    ]);
    let desk = Desk::with(&[("feeds.max_file", "2 MiB")]);
    let error = desk.get(&fake, None).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { said, .. } if said == 9 << 30), "{error:?}");
    let error = desk.get(&fake, None).unwrap_err();
    assert!(
        matches!(&error, FetchError::Copy { source, .. } if source.to_string().contains("larger than 2097152 bytes")),
        "{error:?}"
    );
    // What comes after the end that a server states is no part of the file.
    desk.get(&fake, None).unwrap();
    assert_eq!(desk.bytes().len(), 1000);
    assert_eq!(desk.names(), ["file"]);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let forever = Duration::from_secs(60);
    let fake = script(vec![
        Reply::ok(letters(1000, b'a')).with("ETag", "\"1\"").cut(500).stalls(forever),
        Reply::rest(&letters(1000, b'a'), 500).with("ETag", "\"1\""),
    ]);
    let desk = Desk::with(&[("feeds.silence", "300 ms")]);
    let started = Instant::now();
    desk.get(&fake, None).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    desk.get(&fake, None).unwrap();
    assert_eq!(desk.bytes(), letters(1000, b'a'));
}

#[test]
fn answers_that_are_no_file() {
    let fake = script(vec![
        Reply::status("304 Not Modified"),
        Reply::status("403 Forbidden"),
        Reply::status("429 Too Many Requests").with("Retry-After", "120"),
        Reply::status("500 Internal Server Error"),
        Reply::status("206 Partial Content"),
        Reply::status("204 No Content"),
    ]);
    let desk = Desk::new();
    assert_eq!(desk.get(&fake, Some("\"1\"")).unwrap(), Fetched::Same);
    for (status, seconds) in [(403, None), (429, Some(120)), (500, None)] {
        let error = desk.get(&fake, Some("\"1\"")).unwrap_err();
        let wait = seconds.map(Duration::from_secs);
        assert!(
            matches!(error, FetchError::Status { status: s, wait: w, .. } if s == status && w == wait),
            "{error:?}"
        );
        assert!(!error.is_unreachable() && !error.is_missing());
    }
    assert!(
        matches!(desk.get(&fake, None), Err(FetchError::WrongPart { .. })),
        "nobody asked for a part"
    );
    assert!(matches!(desk.get(&fake, None), Err(FetchError::Status { status: 204, .. })));
    assert!(!desk.to().exists());
    assert_eq!(fake.asked()[0].header("if-none-match"), Some("\"1\""));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = desk
        .fetcher
        .file(&format!("http://{closed}/"), None, &desk.to(), &Progress::default());
    assert!(error.unwrap_err().is_unreachable());
}

#[test]
fn security_the_systems_certificates_decide_whom_to_trust() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let files = serve_files(home.path("mirror"));
    let (ours, other) = (Authority::new(&home.path("ours")), Authority::new(&home.path("other")));
    let (good, misnamed) = (
        ours.serve(&files.url, "IP:127.0.0.1"),
        ours.serve(&files.url, "DNS:elsewhere.example"),
    );
    let sync = |url: &str, certificates: &Path| {
        let mut command = home.command(&["sync", "--mirror", url]);
        let output = command.env("SSL_CERT_FILE", certificates).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let host = |url: &str| url.strip_prefix("https://").unwrap().to_owned();
    for (url, certificates, why) in [
        (&good, other.certificate(), "UnknownIssuer"),
        (&misnamed, ours.certificate(), "not valid for name"),
    ] {
        let (code, talk) = sync(url, &certificates);
        assert_eq!(code, Some(3), "{talk}");
        assert!(talk.contains(&host(url)) && talk.contains(why), "{talk}");
        assert_eq!(
            files.sent.load(Ordering::SeqCst),
            0,
            "nothing is asked of a server that is not trusted"
        );
    }
    let url = format!("{good}/kev/known_exploited_vulnerabilities.json");
    let mut one = home.command(&["ingest", "kev", &url]);
    let output = one.env("SSL_CERT_FILE", other.certificate()).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(talk.contains("SSL_CERT_FILE names the file of certificates to trust"), "{talk}");
    let (code, talk) = sync(&good, &home.path("mirror/kev/known_exploited_vulnerabilities.json"));
    assert!(talk.contains("find a certificate in"), "{talk}");
    assert_eq!(code, Some(2), "{talk}");
    let (code, talk) = sync(&good, &ours.certificate());
    assert_eq!(code, Some(0), "{talk}");
    assert!(files.sent.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_proxy_is_used_where_the_environment_names_one() {
    let home = Home::new();
    let fake = Fake::start(|_| Reply::ok(made::kev("2024-05-01T00:00:00Z", &["CVE-2024-1002"])));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let target = fake.url.strip_prefix("http://").unwrap().to_owned();
    let asked = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut server = TcpStream::connect(&target).unwrap();
        if head.starts_with("CONNECT ") {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        } else {
            server.write_all(head.as_bytes()).unwrap();
        }
        let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let answer = thread::spawn(move || std::io::copy(&mut back, &mut forth));
        let _ = std::io::copy(&mut client, &mut server);
        let _ = answer.join();
        head
    });
    let url = format!("{}/kev.json", fake.url);
    let ran = home.command(&["ingest", "kev", &url]).env("HTTP_PROXY", &proxy).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let head = asked.join().unwrap();
    assert!(head.contains(fake.url.strip_prefix("http://").unwrap()), "{head}");
    // The proxy is gone; whom NO_PROXY names is asked without one.
    let ran = home
        .command(&["ingest", "kev", &url])
        .env("HTTP_PROXY", &proxy)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(4), "{}", String::from_utf8_lossy(&ran.stderr));
}
