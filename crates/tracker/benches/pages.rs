//! How long pages take on a database of full size, asked through a socket: `cargo bench -p tracker --bench pages`.
//!
//! The database is made once (half a minute) and kept in the target folder. What `synthetic.sql` holds is made up; the goal is 20 ms a page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use divan::Bencher;
use rusqlite::{Connection, params};
use tracker::document::{Digest, Packer};
use tracker::store::sqlite::{MIGRATIONS, Sqlite};
use tracker::{AppState, web};

const SQL: &str = include_str!("synthetic.sql");

/// Pages by what makes them slow: many findings, many verdicts, many packages, many words.
const PAGES: [&str; 22] = [
    "/",
    "/index.json",
    "/cve/CVE-2006-1006",
    "/cve/CVE-2013-1013",
    "/cve/CVE-2026-99999999",
    "/package/linux",
    "/package/linux?verdict=unknown&page=2",
    "/package/product-12342",
    "/package/no-such-package",
    "/channels",
    "/channel/nixos-unstable",
    "/channel/nixos-unstable?verdict=fixed&severity=high",
    "/queue",
    "/queue?sort=epss&min_epss=0.1&page=20",
    "/queue?q=scheduler&sort=cvss",
    "/queue?severity=critical&min_confidence=0.9&sort=age",
    "/search?q=product-77",
    "/search?q=overflow",
    "/search?q=use+after+free+scheduler",
    "/problems?source=nvd",
    "/api/v1/stats",
    "/metrics",
];

fn main() {
    divan::main();
}

#[divan::bench(args = PAGES, sample_count = 100, sample_size = 1)]
fn page(bencher: Bencher<'_, '_>, path: &str) {
    let at = *SERVER;
    let first = get(at, path);
    let expected = if path.contains("99999999") || path.contains("no-such") {
        "404"
    } else {
        "200"
    };
    assert_eq!(first.split(' ').nth(1), Some(expected), "{path}: {first}");
    bencher.bench(|| get(at, path));
}

/// What the first page after a match waits for: all findings read again.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn findings_read_again(bencher: Bencher<'_, '_>) {
    let at = *SERVER;
    let db = Mutex::new(Connection::open(database()).expect("open the database"));
    let mark = "UPDATE channel SET matched_mark = matched_mark + 1";
    bencher
        .with_inputs(|| db.lock().expect("no other thread").execute_batch(mark).expect("move the mark"))
        .bench_values(|()| get(at, "/queue"));
}

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let store = Arc::new(Sqlite::open(&database()).expect("open the database"));
    let state = AppState {
        store,
        progress: Arc::default(),
        service: Arc::new(tracker::state::Service::plain().expect("read the defaults")),
    };
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("start a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
            send.send(listener.local_addr().expect("an address")).expect("the bench waits");
            axum::serve(listener, web::router(state)).await.expect("serve");
        });
    });
    receive.recv().expect("the server says where it is")
});

/// The database file; another content has another name.
fn database() -> PathBuf {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let digest = Digest::of([SQL, &MIGRATIONS.concat(), DOCUMENT].concat().as_bytes()).to_string();
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("synthetic-{}.sqlite", &digest[..16]));
        if !file.exists() {
            make(&file);
        }
        file
    });
    FILE.clone()
}

fn make(file: &Path) {
    let draft = file.with_extension("draft");
    drop(std::fs::remove_file(&draft));
    drop(Sqlite::open(&draft).expect("make the schema"));
    let db = Connection::open(&draft).expect("open the database");
    db.execute_batch("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -1000000; PRAGMA temp_store = memory")
        .expect("prepare for writing");
    db.execute_batch(SQL).expect("fill the database");
    // One vulnerability of the kernel with a record as long as real ones get.
    let versions: Vec<String> = (1..60)
        .map(|n| format!("{{\"version\":\"5.{n}\",\"lessThanOrEqual\":\"5.{n}.*\",\"status\":\"unaffected\",\"versionType\":\"semver\"}}"))
        .collect();
    let text = DOCUMENT
        .replace("VERSIONS", &versions[..30].join(","))
        .replace("WORDS", &"many words ".repeat(2000));
    let packed = Packer::new()
        .and_then(|mut packer| packer.pack(text.as_bytes()))
        .expect("pack the document");
    let change = "UPDATE document SET source = 'cve', bytes = ?1, size = ?2 WHERE key = 'CVE-2006-1006'";
    db.execute(change, params![packed, text.len() as i64]).expect("put the document");
    db.execute("UPDATE record SET source = 'cve' WHERE key = 'CVE-2006-1006'", [])
        .expect("put the record");
    drop(db);
    std::fs::rename(&draft, file).expect("name the database");
}

const DOCUMENT: &str = r#"{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{"cveId":"CVE-2006-1006","state":"PUBLISHED"},
"containers":{"cna":{"providerMetadata":{"shortName":"Linux"},"descriptions":[{"lang":"en","value":"WORDS"}],
"affected":[{"vendor":"Linux","product":"Linux","defaultStatus":"affected","versions":[VERSIONS]}],"references":[{"url":"https://git.example.org/1"}]}}}"#;

fn get(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("connect");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
