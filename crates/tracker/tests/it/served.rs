//! The server with its feeds: a folder, a server, no network at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracker::Progress;
use tracker::ingest::Ingest;
use tracker::store::sqlite::Sqlite;
use tracker::store::{Read as _, Store};

use crate::made;
use crate::program::Home;
use crate::upstream::supply;

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    at: String,
    started: Instant,
    up: Duration,
}

impl Server {
    fn start(home: &Home, args: &[&str]) -> Self {
        let args: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(args).copied().collect();
        Self::run(home, &args, None)
    }

    /// Starts it with these arguments, and with a variable of our own environment.
    pub fn run(home: &Home, args: &[&str], keep: Option<&str>) -> Self {
        let started = Instant::now();
        let mut command = home.command(args);
        if let Some((name, value)) = keep.and_then(|name| Some((name, std::env::var_os(name)?))) {
            command.env(name, value);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("Firn tracker: http://").unwrap().to_owned();
        Self {
            child,
            at,
            started,
            up: started.elapsed(),
        }
    }

    /// What it answers.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }

    /// Waits until the statistics hold a text.
    fn wait_for(&self, text: &str) -> String {
        loop {
            let stats = self.get("/api/v1/stats");
            if stats.contains(text) {
                return stats;
            }
            assert!(self.started.elapsed() < Duration::from_secs(60), "{stats}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, and waits for it.
    pub fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(since.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where a test asked it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serves_at_once_and_takes_in_beside() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let server = Server::start(&home, &["--mirror", "mirror"]);
    server.get("/");
    let stats = server.wait_for("\"suggestions\":41");
    assert!(
        stats.contains("\"cve\":{\"records\":41,") && stats.contains("\"packages\":{\"nixos-test\":3}"),
        "{stats}"
    );
    let page = server.get("/cve/CVE-2024-2001");
    assert!(page.contains("frobnicate"));
    // From the command line while it runs.
    made::write(
        &home.path("more.json"),
        made::cve("CVE-2024-7777", "2024-05-05T00:00:00.000Z", "hello", "3.0"),
    );
    home.done(&["ingest", "cve", "more.json"]);
    home.done(&["match"]);
    server.wait_for("\"suggestions\":42");
    assert!(server.get("/cve/CVE-2024-7777").contains("hello"));
    assert_eq!(server.stop(), Some(0));
    // Started again it is there at once, with what it has.
    let again = Server::start(&home, &["--mirror", "mirror"]);
    // `cargo xtask bench` measures that it takes less than two seconds; here it only must not take everything in again.
    assert!(again.up < Duration::from_secs(30), "{:?}", again.up);
    assert!(again.get("/api/v1/stats").contains("\"suggestions\":42"));
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn a_busy_address_is_said_clearly() {
    let home = Home::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port();
    let ran = home.run(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
    let expected = format!(
        "exit 3\n--- stdout\n--- stderr\nerror: listen on 127.0.0.1:{port}\n  caused by: Address already in use (os error 98)\nhint: another program listens there, perhaps this one; choose another port, as in --listen 127.0.0.1:{}\n",
        port.wrapping_add(1)
    );
    assert_eq!(ran.all(), expected);
    assert!(!home.database().exists());
}

/// A file server with listings, as plain as they come; counts what it sends.
pub struct Files {
    pub url: String,
    pub sent: Arc<AtomicUsize>,
}

pub fn serve_files(root: PathBuf) -> Files {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &root, &count);
        }
    });
    Files { url, sent }
}

fn answer(mut stream: TcpStream, root: &Path, sent: &AtomicUsize) {
    let mut head = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut tagged) = (String::new(), false);
    head.read_line(&mut request).unwrap();
    loop {
        let mut line = String::new();
        head.read_line(&mut line).unwrap();
        tagged |= line.to_ascii_lowercase().starts_with("if-none-match: \"v1\"");
        if line.trim().is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let file = root.join(path.trim_start_matches('/').split('?').next().unwrap());
    let (status, body) = if file.is_dir() {
        let names = std::fs::read_dir(&file).unwrap().map(|e| e.unwrap());
        let links = names.map(|e| {
            format!(
                "<a href=\"{}{}\">x</a>",
                e.file_name().to_string_lossy(),
                if e.path().is_dir() { "/" } else { "" }
            )
        });
        ("200 OK", links.collect::<String>().into_bytes())
    } else if !file.is_file() {
        ("404 Not Found", Vec::new())
    } else if tagged {
        ("304 Not Modified", Vec::new())
    } else {
        sent.fetch_add(1, Ordering::SeqCst);
        ("200 OK", std::fs::read(&file).unwrap())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: \"v1\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(&body).unwrap();
}

#[test]
fn a_mirror_on_a_server_is_asked_only_for_what_is_new() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let files = serve_files(home.path("mirror"));
    home.done(&["sync", "--mirror", &files.url]);
    let sent = files.sent.load(Ordering::SeqCst);
    assert_eq!(sent, 9, "the head of the channel is looked at before and after");
    let other = Home::new();
    made::mirror(&other.path("mirror"));
    other.done(&["sync", "--mirror", "mirror"]);
    // Where it came from makes no difference, but that a folder's digest is over more than a list.
    let without = |home: &Home| {
        home.content()
            .into_iter()
            .filter(|line| !line.contains("nixpkgs"))
            .collect::<Vec<_>>()
    };
    assert_eq!(without(&home), without(&other));
    let ran = home.run(&["sync", "--mirror", &files.url]);
    assert_eq!(ran.code(), Some(4), "{}", ran.all());
    assert_eq!(files.sent.load(Ordering::SeqCst), sent + 1, "the head of the channel");
}

#[test]
fn a_feed_that_fails_keeps_its_data_and_stops_no_other() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    made::write(&home.path("mirror/kev/known_exploited_vulnerabilities.json"), "{broken");
    made::write(
        &home.path("mirror/epss/epss_scores-2024-05-02.csv.gz"),
        made::gzip(made::epss("2024-05-02", &[("CVE-2024-1001", "0.5")]).as_bytes()),
    );
    let ran = home.run(&["sync", "--mirror", "mirror"]);
    assert_eq!(ran.code(), Some(3), "{}", ran.all());
    assert!(
        ran.stderr().contains("known_exploited_vulnerabilities.json: invalid JSON"),
        "{}",
        ran.all()
    );
    let store = Sqlite::open(&home.database()).unwrap();
    assert_eq!(store.counts().unwrap().kev, 1);
    assert_eq!(store.vulnerability("CVE-2024-1001").unwrap().unwrap().epss, Some(0.5));
    let kev = store.sources().unwrap().into_iter().find(|s| s.name == "kev").unwrap();
    assert!(kev.last_error.unwrap().contains("invalid JSON") && kev.last_success.is_some());
}

#[test]
fn without_a_network_there_is_a_sample_until_something_real_comes() {
    let home = Home::new();
    let store = Sqlite::open(&home.database()).unwrap();
    let ingest = Ingest {
        store: &store,
        progress: &Progress::default(),
        is_sample: false,
    };
    // Nothing listens on a port that was just given back.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = supply(&home, &format!("http://{closed}"));
    let report = tracker::sync::run(ingest, &nowhere).unwrap();
    assert_eq!(report.failures.len(), 6, "{:?}", report.failures);
    assert!(store.is_sample().unwrap());
    assert_eq!(
        (
            store.counts().unwrap().vulnerabilities,
            store.problems(None, None, 10).unwrap().len()
        ),
        (30, 0)
    );
    let matched = tracker::matching::run(&store, &Progress::default(), false).unwrap();
    assert!(matched.verdicts >= 20, "{matched:?}");
    let worst = |name: &str| {
        store
            .vulnerability(name)
            .unwrap()
            .unwrap()
            .verdicts
            .first()
            .map(|v| (v.package.clone(), v.verdict.name()))
    };
    assert_eq!(worst("CVE-2023-38545"), Some(("curl".into(), "affected")));
    assert_eq!(worst("CVE-2024-6387"), Some(("openssh".into(), "fixed")));
    // Nothing comes, nothing goes; then something comes.
    tracker::sync::run(ingest, &nowhere).unwrap();
    assert_eq!(store.counts().unwrap().vulnerabilities, 30);
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    assert!(!store.is_sample().unwrap());
    assert_eq!(store.counts().unwrap().cve, 41);
    assert!(store.vulnerability("CVE-2023-38545").unwrap().is_none());
    assert_eq!(
        store.channel_states().unwrap().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["nixos-test"]
    );
}

#[test]
fn an_answer_that_is_under_way_comes_to_its_end_when_the_server_stops() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let mut server = Server::start(&home, &["--mirror", "mirror", "--set", "limits.grace=20 s"]);
    server.wait_for("\"suggestions\":41");
    let mut idle = TcpStream::connect(&server.at).unwrap();
    // Half a request: its answer cannot come before the rest does.
    let body = r#"{"packages":[]}"#;
    let mut slow = TcpStream::connect(&server.at).unwrap();
    let head = format!(
        "POST /api/v1/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(&body.as_bytes()[..5]).unwrap();
    thread::sleep(Duration::from_millis(300));
    let id = server.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let since = Instant::now();
    // Nobody new is let in.
    while TcpStream::connect(&server.at).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(5), "it still listens");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the answer");
    thread::sleep(Duration::from_secs(1));
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"items\":[]"), "{answer}");
    let status = loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            break status;
        }
        assert!(since.elapsed() < Duration::from_secs(15), "it does not end");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    let mut rest = Vec::new();
    // Connections without a request are closed.
    assert_eq!(idle.read_to_end(&mut rest).unwrap_or(0), 0);
}

#[test]
fn a_server_that_stops_does_not_wait_for_ever() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let mut server = Server::start(&home, &["--mirror", "mirror", "--set", "limits.grace=1 s"]);
    server.get("/health");
    let mut slow = TcpStream::connect(&server.at).unwrap();
    slow.write_all(b"POST /api/v1/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    let id = server.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let since = Instant::now();
    let status = loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            break status;
        }
        assert!(since.elapsed() < Duration::from_secs(15), "it does not end");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn addresses_are_whole_where_it_is_known_how_we_are_reached() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    let server = Server::start(&home, &["--mirror", "mirror", "--set", "server.url=https://t.example.org/"]);
    server.wait_for("\"suggestions\":41");
    let feed = server.get("/queue.atom");
    assert!(
        feed.contains("href=\"https://t.example.org/queue.atom\"") && !feed.contains("href=\"/"),
        "{feed}"
    );
    let entries = feed.matches("<entry>").count();
    assert!(
        entries > 0 && feed.matches("href=\"https://t.example.org/cve/").count() == entries,
        "{feed}"
    );
    assert_eq!(feed.matches("<id>tag:firn-tracker,2026:").count(), entries + 1, "{feed}");
    let own = "<link rel=\"canonical\" href=\"https://t.example.org/queue?sort=age&amp;page=2\">";
    assert!(server.get("/queue?sort=age&page=2").contains(own));
    assert!(server.get("/").contains("<link rel=\"canonical\" href=\"https://t.example.org/\">"));
    assert!(
        server
            .get("/api/v1/openapi.json")
            .contains("\"servers\":[{\"url\":\"https://t.example.org\"}]")
    );
}
