//! A made-up database, a server over it, and a client that sends what it is told to the byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tempfile::TempDir;
use tracker::AppState;
use tracker::config::{Database, Feeds, Given, Limits};
use tracker::document::{Digest, Packer};
use tracker::ingest::Ingest;
use tracker::progress::Progress;
use tracker::snapshot::Shelf;
use tracker::state::Service;
use tracker::store::sqlite::Sqlite;
use tracker::store::{Store, transfer};
use tracker::sync::Supply;

use crate::backend::{self, Backend};
use crate::cluster;

/// A server over the fixture. It ends with the process.
pub struct Server {
    /// Where it listens.
    pub at: SocketAddr,
    /// What its pages say about background work.
    pub progress: Arc<Progress>,
    database: Held,
    dir: TempDir,
}

/// Where the database is.
enum Held {
    Sqlite(Connection),
    Postgres(String),
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub bytes: Vec<u8>,
    pub length: usize,
}

impl Server {
    /// Makes the database and serves it.
    pub fn start() -> Self {
        Self::over(fill_all)
    }

    /// Serves a database that holds nothing.
    pub fn empty() -> Self {
        Self::over(|_| ())
    }

    fn over(fill: impl FnOnce(&Connection)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.sqlite");
        let store = Arc::new(Sqlite::open(&path).unwrap());
        let db = Connection::open(&path).unwrap();
        fill(&db);
        let (store, database): (Arc<dyn Store>, Held) = match backend::chosen() {
            Backend::Sqlite => (store, Held::Sqlite(db)),
            Backend::Postgres => {
                let address = cluster::fresh().unwrap();
                let copy = tracker::store::open(&Database::from_url(&address).unwrap()).unwrap();
                transfer::copy(&*store, &*copy, false, &|_| {}).unwrap();
                (copy, Held::Postgres(address))
            }
        };
        Self::of(store, database, dir, Service::plain().unwrap())
    }

    /// Serves real records and packages that were taken in and matched, with a snapshot of them.
    pub fn matched(mirror: impl FnOnce(&std::path::Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("mirror");
        mirror(&files);
        let (store, database): (Arc<dyn Store>, Held) = match backend::chosen() {
            Backend::Sqlite => {
                let path = dir.path().join("t.sqlite");
                let store = Arc::new(Sqlite::open(&path).unwrap());
                (store, Held::Sqlite(Connection::open(&path).unwrap()))
            }
            Backend::Postgres => {
                let address = cluster::fresh().unwrap();
                let store = tracker::store::open(&Database::from_url(&address).unwrap()).unwrap();
                (store, Held::Postgres(address))
            }
        };
        let progress = Progress::default();
        let ingest = Ingest {
            store: &*store,
            progress: &progress,
            is_sample: false,
        };
        let mut given = Given::default();
        given.flag("--mirror", "feeds.mirror", files.to_str().unwrap()).unwrap();
        let supply = Supply::new(&Feeds::read(&given).unwrap()).unwrap();
        tracker::sync::run(ingest, &supply).unwrap();
        tracker::matching::run(&*store, &progress, false).unwrap();
        let key = dir.path().join("snapshot.key");
        tracker::snapshot::own_key(&key).unwrap();
        let shelf = Shelf::new(dir.path().join("snapshot"), Some(key));
        shelf.renew(&*store).unwrap();
        let service = Service {
            snapshot: Some(shelf),
            ..Service::plain().unwrap()
        };
        Self::of(store, database, dir, service)
    }

    /// Serves the made-up database with these settings.
    pub fn configured(settings: &[(&str, &str)]) -> Self {
        let mut given = Given::default();
        for (key, value) in settings {
            given.flag("--set", key, value).unwrap();
        }
        let service = Service {
            server: tracker::config::Server::read(&given).unwrap(),
            limits: Limits::read(&given).unwrap(),
            snapshot: None,
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.sqlite");
        let store = Arc::new(Sqlite::open(&path).unwrap());
        let db = Connection::open(&path).unwrap();
        fill_all(&db);
        Self::of(store, Held::Sqlite(db), dir, service)
    }

    fn of(store: Arc<dyn Store>, database: Held, dir: TempDir, service: Service) -> Self {
        let progress = Arc::new(Progress::default());
        let state = AppState {
            store,
            progress: Arc::clone(&progress),
            service: Arc::new(service),
        };
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                tracker::serve::serve(listener, state, std::future::pending()).await.unwrap();
            });
        });
        Self {
            at: receive.recv().unwrap(),
            progress,
            database,
            dir,
        }
    }

    /// A file of the server's folder.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Changes the database behind the server's back.
    pub fn change(&self, sql: &str) {
        match &self.database {
            Held::Sqlite(db) => db.execute_batch(sql).unwrap(),
            Held::Postgres(address) => {
                let name = address.split(['/', '?']).nth(3).unwrap();
                // Each writes bytes in its own way.
                cluster::shared().unwrap().sql(name, &sql.replace("x'00'", "'\\x00'"));
            }
        }
    }

    /// Gets a path.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Gets a path that must answer 200 and be HTML.
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        answer.body
    }

    /// Gets a path that must answer 200 and be JSON.
    pub fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Sends a request with more header lines, each with its line end; the answer is text.
    pub fn ask(&self, method: &str, path: &str, more: &str) -> Answer {
        let answer = self.bytes(method, path, more);
        Answer {
            body: String::from_utf8(answer.bytes.clone()).unwrap(),
            ..answer
        }
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        self.send("POST", path, &head, body)
    }

    /// The same, with an answer of any bytes.
    pub fn bytes(&self, method: &str, path: &str, more: &str) -> Answer {
        self.send(method, path, more, "")
    }

    fn send(&self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{more}\r\n{body}"
        )
        .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let bytes = bytes.split_off(end + 4);
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            length: bytes.len(),
            head,
            bytes,
        }
    }
}

impl Answer {
    /// The body of an answer that came in chunks.
    pub fn unchunked(&self) -> String {
        if self.header("transfer-encoding") != Some("chunked") {
            return self.body.clone();
        }
        let (mut rest, mut body) = (self.bytes.as_slice(), Vec::new());
        while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            let from = end + 2;
            body.extend_from_slice(&rest[from..from + size]);
            rest = &rest[from + size + 2..];
        }
        String::from_utf8(body).unwrap()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

fn fill_all(db: &Connection) {
    db.execute_batch(include_str!("fixture.sql")).unwrap();
    document(db, 1, "cve", "CVE-2024-90001", include_str!("documents/cve-2024-90001.json"));
    document(db, 1, "nvd", "CVE-2024-90001", include_str!("documents/nvd-2024-90001.json"));
    document(db, 2, "cve", "CVE-2024-90002", include_str!("documents/cve-2024-90002.json"));
    document(db, 4, "cve", "CVE-2022-90004", include_str!("documents/cve-2022-90004.json"));
    document(db, 6, "osv", "GO-2024-0001", include_str!("documents/go-2024-0001.json"));
    document(db, 3, "nvd", "CVE-2023-90003", "{\"cve\": this is no JSON");
}

fn document(db: &Connection, vulnerability: i64, source: &str, key: &str, text: &str) {
    let packed = Packer::new().unwrap().pack(text.as_bytes()).unwrap();
    let digest = Digest::of(text.as_bytes());
    let url = format!("{source}/archive.zip!{key}.json");
    db.execute(
        "INSERT INTO document (source, key, url, fetched_at, sha256, size, bytes) VALUES (?1, ?2, ?3, 1795000000, ?4, ?5, ?6)",
        params![source, key, url, digest.0, text.len() as i64, packed],
    )
    .unwrap();
    let id = db.last_insert_rowid();
    let state = if text.contains("REJECTED") { "rejected" } else { "published" };
    db.execute(
        "INSERT INTO record (source, key, document_id, state, modified) VALUES (?1, ?2, ?3, ?4, '2024-06-10T08:00:00.000')",
        params![source, key, id, state],
    )
    .unwrap();
    db.execute(
        "INSERT INTO record_vulnerability VALUES (?1, ?2)",
        params![vulnerability, db.last_insert_rowid()],
    )
    .unwrap();
}
