use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use attest::signature::SecretKey;
use vuln::package::Package;

use super::super::made::World;
use super::*;

const NOW: i64 = 1_800_000_000;

/// What the server does with the answer to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Knows no ranges, as the plainest file servers.
    Plain,
    /// Sends less than it says, from the second request on.
    Truncates,
    /// Turns a bit in every range but the first.
    Tampers,
    /// Has another file from the second request on.
    Changes,
}

struct Server {
    url: String,
    shared: Arc<Mutex<(Vec<u8>, Manner, u64)>>,
}

impl Server {
    fn start(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/firn.snapshot", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new((bytes, Manner::Good, 0)));
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &state);
            }
        });
        Self { url, shared }
    }

    fn put(&self, bytes: Vec<u8>, manner: Manner) {
        *self.shared.lock().unwrap() = (bytes, manner, 0);
    }
}

fn answer(mut stream: std::net::TcpStream, state: &Mutex<(Vec<u8>, Manner, u64)>) {
    let (mut range, mut known, mut if_range) = (None, None, None);
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        let Some((name, value)) = line.split_once(": ") else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.to_owned()),
            "if-none-match" => known = Some(value.to_owned()),
            "if-range" => if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut state = state.lock().unwrap();
    state.2 += 1;
    let (bytes, manner, count) = (state.0.clone(), state.1, state.2);
    let mut tag = format!("\"{:x}\"", bytes.iter().fold(7_u64, |h, b| h.wrapping_mul(31) ^ u64::from(*b)));
    if manner == Manner::Changes && count > 1 {
        tag = "\"another\"".to_owned();
    }
    if known.as_deref() == Some(tag.as_str()) {
        write!(stream, "HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\nConnection: close\r\n\r\n").unwrap();
        return;
    }
    let same = if_range.is_none_or(|wanted| wanted == tag);
    let asked = range.filter(|_| same && manner != Manner::Plain).map(|text| {
        let (from, to) = text.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let to: usize = to.parse().unwrap();
        (from.parse::<usize>().unwrap(), to.min(bytes.len() - 1))
    });
    let (status, mut body, more) = match asked {
        Some((from, to)) => (
            "206 Partial Content",
            bytes[from..=to].to_vec(),
            format!("Content-Range: bytes {from}-{to}/{}\r\n", bytes.len()),
        ),
        None => ("200 OK", bytes, String::new()),
    };
    let length = body.len();
    match manner {
        Manner::Tampers if count > 1 => body[length / 2] ^= 1,
        Manner::Truncates if count > 1 => body.truncate(length / 2),
        _ => {}
    }
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: {tag}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // Whoever has seen enough goes away.
    let _ = stream.write_all(&body);
}

struct Place {
    dir: tempfile::TempDir,
    key: SecretKey,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            key: SecretKey::generate().unwrap().0,
        };
        fs::write(place.dir.path().join("key.pub"), place.key.public().to_string()).unwrap();
        place
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            file: Some(self.dir.path().join("here/firn.snapshot")),
            trust: vec![self.dir.path().join("key.pub")],
            ..Wanted::default()
        }
    }

    fn update(&self, server: &Server) -> Result<Updated, UpdateError> {
        self.update_at(server, NOW)
    }

    fn update_at(&self, server: &Server, now: i64) -> Result<Updated, UpdateError> {
        update(&server.url, &self.wanted(), &self.folders(), now)
    }

    fn folders(&self) -> Folders {
        let at = |name: &str| self.dir.path().join(name);
        Folders {
            data: at("data"),
            config: at("config"),
            state: at("state"),
        }
    }

    /// As the next scan would.
    fn open(&self) -> Result<(Snapshot, Vec<String>), OpenError> {
        super::super::open(&self.wanted(), &self.folders(), NOW)
    }

    fn here(&self) -> Vec<u8> {
        fs::read(self.dir.path().join("here/firn.snapshot")).unwrap()
    }
}

/// A snapshot of half a megabyte, whose packages but `changed` are always the same.
fn made(key: &SecretKey, serial: u64, changed: usize) -> Vec<u8> {
    let noise = |n: usize| {
        let mut x = n as u64 + 1;
        (0..400)
            .map(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + (x >> 58) as u8)
            })
            .collect::<String>()
    };
    let package = |n: usize| Package {
        attr: format!("p{n:05}"),
        pname: format!("p{n:05}"),
        version: "1".into(),
        description: Some(noise(if n == changed { n + 100_000 } else { n })),
        ..Package::default()
    };
    World {
        channels: vec![("nixos-test", (0..1500).map(package).collect())],
        records: Vec::new(),
        quiet: &[],
        serial,
        created: NOW - 100,
    }
    .snapshot(key)
}

#[test]
fn only_what_changed_is_fetched() {
    let place = Place::new();
    let (first, second) = (made(&place.key, 1, 10), made(&place.key, 2, 1000));
    let server = Server::start(first.clone());
    let updated = place.update(&server).unwrap();
    assert!(
        updated.is_new && updated.fetched == first.len() as u64,
        "{updated:?} of {}",
        first.len()
    );
    assert!(place.here() == first);
    let again = place.update(&server).unwrap();
    assert_eq!((again.is_new, again.fetched, again.serial), (false, 0, 1));
    server.put(second.clone(), Manner::Good);
    let updated = place.update(&server).unwrap();
    assert!(updated.is_new && updated.serial == 2 && place.here() == second);
    assert!(updated.fetched < second.len() as u64 / 3, "{updated:?} of {}", second.len());
}

#[test]
fn a_server_without_ranges_does() {
    let place = Place::new();
    let bytes = made(&place.key, 1, 0);
    let server = Server::start(bytes.clone());
    server.put(bytes.clone(), Manner::Plain);
    assert!(place.update(&server).unwrap().is_new && place.here() == bytes);
    assert!(!place.update(&server).unwrap().is_new);
}

#[test]
fn security_whatever_fails_the_old_one_stays() {
    let place = Place::new();
    let old = made(&place.key, 5, 10);
    let server = Server::start(old.clone());
    place.update(&server).unwrap();
    let foreign = made(&SecretKey::generate().unwrap().0, 9, 20);
    let newer = made(&place.key, 6, 1200);
    let mut header = newer.clone();
    header[30] ^= 1;
    let mut block = newer.clone();
    let last = block.len() - 10;
    block[last] ^= 1;
    for (bytes, manner, what) in [
        (foreign.clone(), Manner::Good, "signed by somebody else"),
        (foreign, Manner::Plain, "the same, whole"),
        (made(&place.key, 4, 20), Manner::Good, "older"),
        (made(&place.key, 4, 20), Manner::Plain, "the same, whole"),
        (header, Manner::Good, "header changed"),
        (block, Manner::Plain, "a block changed"),
        (newer[..newer.len() / 2].to_vec(), Manner::Good, "truncated"),
        (newer[..newer.len() / 2].to_vec(), Manner::Plain, "the same, whole"),
        (b"<html>hello</html>".to_vec(), Manner::Good, "no snapshot"),
        (newer.clone(), Manner::Tampers, "tampered with on its way"),
        (newer.clone(), Manner::Truncates, "breaks off"),
        (newer.clone(), Manner::Changes, "changes in mid-download"),
    ] {
        server.put(bytes, manner);
        let failed = place.update(&server);
        assert!(failed.is_err(), "{what}: {failed:?}");
        assert!(place.here() == old, "{what}");
        place.open().expect(what);
    }
    server.put(newer.clone(), Manner::Good);
    assert!(place.update_at(&server, NOW + 40 * 86_400).is_err(), "too old to say anything");
    assert!(place.here() == old);
    assert!(place.update(&server).unwrap().is_new && place.here() == newer);
}

#[test]
fn an_update_that_was_killed_is_taken_up_again() {
    let place = Place::new();
    let bytes = made(&place.key, 1, 0);
    let server = Server::start(bytes.clone());
    server.put(bytes.clone(), Manner::Truncates);
    assert!(place.update(&server).is_err());
    // As a power cut would leave it: right length, the first half of the bytes.
    let mut half = bytes.clone();
    let middle = bytes.len() / 2;
    half[middle..].fill(0);
    fs::write(place.dir.path().join("here/firn.snapshot.part"), half).unwrap();
    server.put(bytes.clone(), Manner::Good);
    let updated = place.update(&server).unwrap();
    assert!(place.here() == bytes);
    assert!(updated.fetched < bytes.len() as u64 * 4 / 5, "{updated:?} of {}", bytes.len());
    assert!(!place.dir.path().join("here/firn.snapshot.part").exists());
}

#[test]
fn one_update_at_a_time() {
    let place = Place::new();
    let server = Server::start(made(&place.key, 1, 0));
    fs::create_dir(place.dir.path().join("here")).unwrap();
    let held = Part::open(&place.dir.path().join("here/firn.snapshot.part")).unwrap();
    assert!(matches!(place.update(&server), Err(UpdateError::Busy(_))));
    drop(held);
    assert!(place.update(&server).unwrap().is_new);
}
