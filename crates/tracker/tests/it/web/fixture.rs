//! A made-up database, a server over it, and a client that sends what it is told to the byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tempfile::TempDir;
use tracker::config::Database;
use tracker::document::{Digest, Packer};
use tracker::progress::Progress;
use tracker::store::sqlite::Sqlite;
use tracker::store::{Store, transfer};
use tracker::{AppState, web};

use crate::backend::{self, Backend};
use crate::cluster;

/// A server over the fixture. It ends with the process.
pub struct Server {
    /// Where it listens.
    pub at: SocketAddr,
    /// What its pages say about background work.
    pub progress: Arc<Progress>,
    database: Held,
    _dir: TempDir,
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
}

impl Server {
    /// Makes the database and serves it.
    pub fn start() -> Self {
        Self::over(fill)
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
        let progress = Arc::new(Progress::default());
        let state = AppState {
            store,
            progress: Arc::clone(&progress),
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
                axum::serve(listener, web::router(state)).await.unwrap();
            });
        });
        Self {
            at: receive.recv().unwrap(),
            progress,
            database,
            _dir: dir,
        }
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

    /// Sends a request with more header lines, each with its line end.
    pub fn ask(&self, method: &str, path: &str, more: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{more}\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

fn fill(db: &Connection) {
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
