//! Jobs done by real processes, some of which are killed.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tracker::config::Database;
use tracker::store::queue::{Ask, End, JobRow, State};
use tracker::store::{self, Store};

use crate::backend::on_both;
use crate::made;
use crate::program::Home;

on_both! {
    a_killed_server_loses_nothing_and_doubles_nothing,
    a_server_that_ends_gives_back_what_it_was_doing,
    servers_on_one_database_share_the_work,
    jobs_that_were_given_up_are_asked_for_again,
}

/// A server that is killed in the end; its log lines go to a file.
struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    fn start(home: &Home, name: &str, lease: &str) -> Self {
        let log = home.path(name);
        let lease = format!("jobs.lease={lease}");
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--mirror", "mirror"];
        args.extend(["--log-format", "json", "--set", &lease]);
        let mut command: Command = home.command(&args);
        let child = command
            .env("FIRN_LOG", "info")
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Subjects of the jobs of a kind about which it said so.
    fn said(&self, message: &str, kind: &str) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines
            .filter(|line| line["message"] == message && line["job.kind"] == kind)
            .map(|line| line["job.subject"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mirror that takes a while.
fn mirror(home: &Home) {
    made::mirror(&home.path("mirror"));
    let texts: Vec<(String, String)> = (1..=2_500)
        .map(|n| {
            let id = format!("CVE-2023-{n:05}");
            let product = if n % 3 == 0 { "quuxd" } else { "frobnicate" };
            (
                format!("{id}.json"),
                made::cve(&id, "2024-05-01T00:00:00.000Z", product, &format!("1.{n}")),
            )
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    made::write(
        &home.path("mirror/cvelistV5/2024-05-01_all_CVEs_at_midnight.zip.zip"),
        made::zip(&[("cves.zip", &made::zip(&entries))]),
    );
}

/// What the database holds after an undisturbed run.
fn expected() -> Vec<String> {
    let home = Home::new();
    mirror(&home);
    home.done(&["sync", "--mirror", "mirror"]);
    home.content()
}

fn open(home: &Home) -> Arc<dyn Store> {
    store::open(&Database::from_url(&home.address()).unwrap()).unwrap()
}

/// Waits until the jobs are so.
fn wait(store: &dyn Store, what: &str, is: impl Fn(&[JobRow]) -> bool) {
    let since = Instant::now();
    loop {
        let jobs = store.jobs().unwrap();
        if is(&jobs) {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(240), "{what}: {jobs:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// All six feeds and the match were done, and nothing is due.
fn is_quiet(jobs: &[JobRow]) -> bool {
    let now = tracker::config::now();
    jobs.len() == 7 && jobs.iter().all(|job| job.state == State::Waiting && job.run_at > now + 60)
}

/// No file was taken twice.
fn assert_taken_once(home: &Home) {
    let db = home.db();
    let mut twice = db
        .prepare("SELECT subject || ' ' || data FROM event WHERE kind = 'taken' GROUP BY subject, data HAVING count(*) > 1")
        .unwrap();
    let twice: Vec<String> = twice.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(twice, Vec::<String>::new());
}

fn a_killed_server_loses_nothing_and_doubles_nothing() {
    let expected = expected();
    let home = Home::new();
    mirror(&home);
    // The schema is there before anybody asks for jobs.
    let store = open(&home);
    let mut seen = 0;
    for wait_ms in [150, 300, 500, 800] {
        let server = Server::start(&home, "log", "1 s");
        wait(&*store, "begins", |jobs| jobs.iter().any(|job| job.state == State::Running));
        thread::sleep(Duration::from_millis(wait_ms));
        seen += usize::from(store.jobs().unwrap().iter().any(|job| job.state == State::Running));
        server.kill();
    }
    assert!(seen >= 2, "killed in the middle of a job {seen} times");
    let last = Server::start(&home, "log", "1 s");
    wait(&*store, "ends", is_quiet);
    assert_eq!(last.terminate(), Some(0));
    drop(store);
    assert_eq!(home.content(), expected);
    assert_taken_once(&home);
}

fn a_server_that_ends_gives_back_what_it_was_doing() {
    let home = Home::new();
    mirror(&home);
    let store = open(&home);
    let server = Server::start(&home, "log", "1 s");
    wait(&*store, "begins", |jobs| jobs.iter().any(|job| job.state == State::Running));
    assert_eq!(server.terminate(), Some(0));
    // Nothing waits for a lease to run out.
    assert!(
        store.jobs().unwrap().iter().all(|job| job.state == State::Waiting),
        "{:?}",
        store.jobs()
    );
}

fn servers_on_one_database_share_the_work() {
    let expected = expected();
    let home = Home::new();
    mirror(&home);
    let store = open(&home);
    let (first, second) = (Server::start(&home, "log-1", "2 min"), Server::start(&home, "log-2", "2 min"));
    wait(&*store, "begins", |jobs| jobs.iter().any(|job| job.state == State::Running));
    let third = Server::start(&home, "log-3", "2 min");
    wait(&*store, "ends", is_quiet);
    let servers = [first, second, third];
    let mut done: Vec<String> = servers.iter().flat_map(|server| server.said("job.done", "sync")).collect();
    done.sort();
    // Each asks for all feeds when it starts: one that was done by then is looked at again, and has nothing new.
    done.dedup();
    assert_eq!(done, ["cve", "epss", "kev", "nixpkgs", "nvd", "osv"]);
    assert!(servers.iter().all(|server| server.said("job.lease_lost", "sync").is_empty()));
    // One ends, one is killed, the last one goes on.
    let [first, second, third] = servers;
    assert_eq!(first.terminate(), Some(0));
    second.kill();
    let changed = made::cve("CVE-2023-00001", "2024-06-01T00:00:00.000Z", "hello", "9");
    made::write(&home.path("more.json"), changed);
    home.done(&["ingest", "cve", "more.json"]);
    let ask = tracker::store::queue::Ask {
        kind: "match",
        subject: "",
        priority: 10,
        at: tracker::config::now(),
    };
    store.ask(ask, ask.at).unwrap();
    wait(&*store, "matches", is_quiet);
    assert_eq!(third.terminate(), Some(0));
    assert_taken_once(&home);
    drop(store);
    // What was taken in beside is matched, the rest is as it was.
    let content = home.content();
    let is_other = |line: &&String| line.contains("CVE-2023-00001") || line.contains("more.json");
    let rest = |lines: &[String]| lines.iter().filter(|line| !is_other(line)).cloned().collect::<Vec<_>>();
    assert_eq!(rest(&content), rest(&expected));
    let verdict = content.iter().find(|line| line.starts_with("verdict CVE-2023-00001")).unwrap();
    assert!(verdict.contains("hello"), "{verdict}");
}

fn jobs_that_were_given_up_are_asked_for_again() {
    let home = Home::new();
    made::mirror(&home.path("mirror"));
    home.done(&["sync", "--mirror", "mirror"]);
    assert_eq!(home.run(&["jobs", "retry"]).code(), Some(4), "there is none");
    let store = store::open(&Database::from_url(&home.address()).unwrap()).unwrap();
    let end = |subject: &str, end: End| {
        let ask = Ask {
            kind: "sync",
            subject,
            priority: 0,
            at: 0,
        };
        store.ask(ask, 0).unwrap();
        let job = store.claim(&["sync"], "a test", 0, 100).unwrap().unwrap();
        assert!(store.finish(&job, "a test", &end, 0).unwrap());
    };
    let later = i64::from(u32::MAX);
    end(
        "nvd",
        End::Dead {
            error: "no such file".into(),
        },
    );
    end(
        "osv",
        End::Failed {
            error: "too slow".into(),
            at: later,
        },
    );
    let listed = home.done(&["jobs", "list"]).stdout();
    let lines: Vec<&str> = listed.lines().filter(|line| line.starts_with("sync")).collect();
    assert!(
        lines[0].contains("nvd") && lines[0].contains("dead") && lines[0].contains("no such file"),
        "{listed}"
    );
    let state = |subject: &str| {
        let jobs: Vec<JobRow> = store.jobs().unwrap();
        let job = jobs.into_iter().find(|job| job.subject == subject).unwrap();
        (job.state, job.run_at < later)
    };
    let ran = home.done(&["jobs", "retry"]);
    assert!(ran.stderr().contains("sync nvd is asked for again"), "{}", ran.all());
    assert_eq!((state("nvd"), state("osv")), ((State::Waiting, true), (State::Waiting, false)));
    home.done(&["jobs", "retry", "sync", "osv"]);
    assert_eq!(state("osv"), (State::Waiting, true));
    let unknown = home.run(&["jobs", "retry", "sink"]);
    assert_eq!(unknown.code(), Some(2));
    assert!(unknown.stderr().contains("jobs list"), "{}", unknown.all());
}
