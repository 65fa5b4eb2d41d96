//! Trackers that are none, lie, or want to be left alone.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// A server that gives these answers to requests with a body, one after the other; and its address.
fn server(answers: Vec<String>) -> String {
    serve(answers, b"]}")
}

/// The same for requests without a body.
fn read_server(answers: Vec<String>) -> String {
    serve(answers, b"\r\n\r\n")
}

fn serve(answers: Vec<String>, end: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
            while !seen.ends_with(end) {
                let n = stream.read(&mut buffer).unwrap();
                seen.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn good(created: i64, packages: &str, findings: &str) -> String {
    let body = format!(
        r#"{{"channel":null,"snapshot":{{"serial":7,"digest":"ab","created":{created},"sources":[],"channels":["c"]}},"packages":[{packages}],"vulnerabilities":[],"findings":[{findings}]}}"#
    );
    answer("200 OK", "", &body)
}

const NOW: i64 = 1_800_000_000;

/// What comes of one package that is asked about.
fn asked(answers: Vec<String>) -> Result<Report, TrackerError> {
    let tracker = Tracker::at(&server(answers), Plain::Loopback, false).unwrap();
    let inventory = Inventory {
        packages: vec![Scanned::default()],
        ..Inventory::default()
    };
    tracker.judge(Depth::All, None, inventory, &Talk::new(true), NOW)
}

const ONE: &str = r#"{"seen":"store_path","attr":"","pname":"x","version":"1"}"#;

#[test]
fn refusals_are_told_in_the_trackers_words() {
    let problem = answer("413 Payload Too Large", "", r#"{"detail":"at most 10 bytes"}"#);
    let error = asked(vec![problem]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("/api/v1/check/details: the tracker answers 413: at most 10 bytes"),
        "{error}"
    );
    let error = asked(vec![answer("404 Not Found", "", "<html>")]).unwrap_err();
    assert!(matches!(&error, TrackerError::Refused { status: 404, detail, .. } if detail == "it does not say why"));
    let error = asked(vec![answer("301 Moved Permanently", "Location: https://new.example/\r\n", "")]).unwrap_err();
    assert!(error.to_string().ends_with("301: it is at https://new.example/"), "{error}");
}

#[test]
fn a_tracker_that_asks_to_wait_is_asked_again() {
    let wait = answer("429 Too Many Requests", "Retry-After: 1\r\n", "");
    assert!(asked(vec![wait, good(NOW, ONE, "")]).is_ok());
    let error = asked(vec![answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")]).unwrap_err();
    assert!(matches!(error, TrackerError::Rate { wait, .. } if wait.as_secs() == 3600));
}

#[test]
fn security_answers_that_make_no_sense_are_refused() {
    let nonsense = |text: String| match asked(vec![text]) {
        Err(TrackerError::Nonsense { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(nonsense(answer("200 OK", "", "<html>")).contains("expected value"));
    assert!(nonsense(good(NOW, "", "")).contains("not about the packages"));
    assert!(nonsense(good(NOW, &ONE.replace("store_path", "heaven"), "")).contains("from where nothing"));
    let finding = |package: u32| {
        format!(
            r#"{{"package":{package},"vulnerability":0,"verdict":"affected","confidence":0.5,"evidence":[],"fixed_in":null,"fixed_channels":[]}}"#
        )
    };
    assert!(nonsense(good(NOW, ONE, &finding(1))).contains("packages that were not asked"));
    assert!(nonsense(good(NOW, ONE, &finding(0))).contains("vulnerabilities that it does not"));
}

#[test]
fn broken_and_old_answers_are_errors() {
    let whole = good(NOW, ONE, "");
    let error = asked(vec![whole[..whole.len() - 10].to_owned()]).unwrap_err();
    assert!(matches!(error, TrackerError::Fetch(FetchError::Copy { .. })), "{error:?}");
    let error = asked(vec![good(NOW - 31 * DAY, ONE, "")]).unwrap_err();
    assert!(matches!(error, TrackerError::Stale { days: 31, .. }));
    let tracker = Tracker::at("http://127.0.0.1:1", Plain::Loopback, false).unwrap();
    let error = tracker.knowledge(&Talk::new(true), NOW).unwrap_err();
    assert!(matches!(&error, TrackerError::Fetch(error) if error.is_unreachable()));
    assert!(matches!(
        Tracker::at("http://t.example", Plain::Loopback, false),
        Err(TrackerError::Address(_))
    ));
}

#[test]
fn security_a_server_without_tls_is_not_taken_for_one_with() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    let tracker = Tracker::at(&url, Plain::Anywhere, false).unwrap();
    let error = tracker.knowledge(&Talk::new(true), NOW).unwrap_err();
    assert!(matches!(&error, TrackerError::Fetch(error) if error.is_unreachable()), "{error:?}");
    assert!(error.hint().is_some());
}

#[test]
fn batches_are_fair_samples() {
    let entries = vec!["{}".to_owned(); 12_001];
    let batches = batches(&entries);
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4001, 4000, 4000]);
    assert_eq!(batches[1][..2], [1, 4]);
    assert_eq!(super::batches(&[]), [Vec::<usize>::new()]);
    let large = vec!["x".repeat(1 << 20); 5];
    assert_eq!(super::batches(&large).len(), 3);
}

#[test]
fn security_a_channel_of_endless_packages_is_refused() {
    let revision = || answer("200 OK", "", r#"{"revision":"abc"}"#);
    let line = r#"{"package":"a","pname":"a","version":"1"}"#;
    let channel = |lines: &str| {
        let url = read_server(vec![revision(), answer("200 OK", "", lines)]);
        let tracker = Tracker::at(&url, Plain::Loopback, false).unwrap();
        tracker.channel("c", &Talk::new(true))
    };
    assert_eq!(channel(&format!("{line}\n{line}\n")).unwrap().packages.len(), 2);
    let lines = format!("{line}\n").repeat(PACKAGES + 1);
    let error = channel(&lines).unwrap_err().to_string();
    assert!(
        error.ends_with("/api/v1/bulk/packages/c: its answer is not that of a tracker: it lists more than 500000 packages"),
        "{error}"
    );
    let error = channel(&line.replace("\"1\"", &format!("\"{}\"", "1".repeat(2001))))
        .unwrap_err()
        .to_string();
    assert!(error.contains("version: more than 2000 characters"), "{error}");
}

#[test]
fn security_lists_of_an_answer_end_somewhere() {
    let answer = |packages: usize, findings: usize| {
        let (package, finding) = (
            ONE,
            r#"{"package":0,"vulnerability":0,"verdict":"affected","confidence":1,"evidence":[],"fixed_in":null,"fixed_channels":[]}"#,
        );
        let body = good(NOW, &vec![package; packages].join(","), &vec![finding; findings].join(","));
        let (_, json) = body.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Answer>(json).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(answer(10_000, 50_000), Ok(()));
    assert!(answer(10_001, 0).unwrap_err().starts_with("a list of more than 10000"));
    assert!(answer(1, 50_001).unwrap_err().starts_with("a list of more than 50000"));
}
