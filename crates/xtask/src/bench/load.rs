//! The server under a steady load: readers that come at fixed times whether or not others were answered, while a sync and full matches run
//! beside it at a lower priority. And a page of it beside the same bytes as a static file of nginx.
//!
//! It writes into the database that it is given: give it a copy.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Tracker;
use super::client::{free_address, get};
use super::measure::{Running, memory_of, peak_of};
use super::pages::{pages, percentile, wait_until_idle, wait_until_up};
use super::report::{Figure, Report};
use crate::house::House;
use crate::test::needs::{self, Caller};

/// Readers at a time.
const READERS: u64 = 200;

/// Requests a second, of all together.
const RATE: u64 = 300;

/// How long, unless told.
pub const SECONDS: u64 = 300;

/// How many of a hundred requests are of a kind.
const MIX: [(&str, u64); 11] = [
    ("cve", 40),
    ("package", 18),
    ("cve.json", 10),
    ("overview", 6),
    ("queue", 6),
    ("search", 6),
    ("channel", 5),
    ("stats", 4),
    ("queue.atom", 2),
    ("maintainers", 2),
    ("compare", 1),
];

/// What a page may take when so many read.
const CROWDED: Duration = Duration::from_millis(150);

/// How long the server and nginx are each asked for one page as often as they answer, and by how many.
const RACE: Duration = Duration::from_secs(5);
const RACERS: usize = 8;

/// Puts the load on the server for so many seconds.
pub fn measure_all(house: &House, tracker: &Tracker, mirror: &Path, seconds: u64, report: &mut Report) -> Result<()> {
    let address = free_address()?;
    let mut command = tracker.command(&["serve", "--listen", &address.to_string(), "--mirror"]);
    let command = command.arg(mirror).stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = Running(command.spawn().context("start the server")?);
    wait_until_up(&mut server, address)?;
    wait_until_idle(address)?;
    report.show("memory of the server, idle", Figure::Memory(memory_of(&server.0)));
    let kinds: BTreeMap<&str, Vec<String>> = pages(mirror)?.into_iter().collect();
    let over = AtomicBool::new(false);
    let (most, matched) = (AtomicU64::new(0), AtomicU64::new(0));
    let answers = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(memory_of(&server.0), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(100));
            }
        });
        scope.spawn(|| work_beside(tracker, mirror, &over, &matched));
        let start = Instant::now() + Duration::from_millis(200);
        let reader = |number: u64| {
            let kinds = &kinds;
            scope.spawn(move || read(address, kinds, number, start, seconds))
        };
        let readers: Vec<_> = (0..READERS).map(reader).collect();
        let answers: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        answers
    });
    let mut all: Vec<(Outcome, Duration)> = Vec::new();
    for answered in answers {
        all.extend(answered.map_err(|_| anyhow::anyhow!("a reader panicked"))?);
    }
    let count = |outcome: Outcome| all.iter().filter(|(own, _)| *own == outcome).count();
    println!(
        "{} requests of {READERS} readers at {RATE} a second for {seconds} s: {} answered, {} not there, {} errors; full matches beside it: {}",
        all.len(),
        count(Outcome::Good),
        count(Outcome::NotThere),
        count(Outcome::Failed),
        matched.load(Ordering::Relaxed)
    );
    let mut times: Vec<Duration> = all.iter().map(|(_, time)| *time).collect();
    times.sort();
    for (percent, name) in [
        (50, "from due to answered: median"),
        (95, "  95th percentile"),
        (99, "  99th percentile"),
    ] {
        if let Some(time) = percentile(&times, percent) {
            report.against(name, Figure::Time(time), Figure::Time(CROWDED));
        }
    }
    report.show("memory of the server, under load", Figure::Memory(most.load(Ordering::Relaxed)));
    report.show("  the most it ever held", Figure::Memory(peak_of(&server.0)));
    race(house, address, &kinds)
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    /// 404: the page is not in this database.
    NotThere,
    Failed,
}

/// One of the readers: every so-manieth request is its own. Times are from the moment when a request was due, so that one that had to wait for
/// another counts as late.
fn read(address: SocketAddr, kinds: &BTreeMap<&str, Vec<String>>, number: u64, start: Instant, seconds: u64) -> Vec<(Outcome, Duration)> {
    let mut answered = Vec::new();
    let mut turn = number;
    while turn < RATE * seconds {
        let due = start + Duration::from_micros(turn * 1_000_000 / RATE);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let outcome = match get(address, path(kinds, turn)) {
            Ok(answer) if matches!(answer.status, 200 | 303) => Outcome::Good,
            Ok(answer) if answer.status == 404 => Outcome::NotThere,
            _ => Outcome::Failed,
        };
        answered.push((outcome, due.elapsed()));
        turn += READERS;
    }
    answered
}

/// What the request with this number asks for: kinds as the mix has them, pages of a kind one after the other in a scattered order.
fn path<'k>(kinds: &'k BTreeMap<&str, Vec<String>>, turn: u64) -> &'k str {
    // A prime that shares nothing with a hundred: each hundred requests hold the mix exactly.
    let mut place = turn.wrapping_mul(37) % 100;
    let mut chosen = "overview";
    for (kind, share) in MIX {
        chosen = kind;
        if place < share {
            break;
        }
        place -= share;
    }
    let paths = kinds.get(chosen).map_or(&[][..], Vec::as_slice);
    let at = turn.wrapping_mul(7919).checked_rem(paths.len() as u64).unwrap_or(0);
    usize::try_from(at).ok().and_then(|at| paths.get(at)).map_or("/", String::as_str)
}

/// Takes in what is new and matches everything, again and again, behind whatever else wants a processor.
fn work_beside(tracker: &Tracker, mirror: &Path, over: &AtomicBool, matched: &AtomicU64) {
    let mirror = mirror.display().to_string();
    let work: [&[&str]; 2] = [&["sync", "--mirror", &mirror], &["match", "--full"]];
    for arguments in work.iter().cycle() {
        let own = tracker.command(arguments);
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(own.get_program()).args(own.get_args());
        for name in ["FIRN_MIRROR", "FIRN_DATABASE", "FIRN_LOG"] {
            nice.env_remove(name);
        }
        let started = nice.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => return println!("nothing runs beside the readers: nice cannot be started ({error})"),
        };
        let Some(is_done) = wait(&mut child, over) else { return };
        if !is_done {
            println!("{} failed beside the readers", arguments.join(" "));
            thread::sleep(Duration::from_secs(1));
        } else if arguments.first() == Some(&"match") {
            matched.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a program ended well; `None`, and it is ended, when all is over before.
fn wait(child: &mut Child, over: &AtomicBool) -> Option<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(matches!(status.code(), Some(0 | 4))),
            Err(_) => return Some(false),
            Ok(None) if over.load(Ordering::Relaxed) => {
                // A run that is killed leaves what its last transaction wrote.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            Ok(None) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// One page of the tracker, and the same bytes from nginx.
fn race(house: &House, address: SocketAddr, kinds: &BTreeMap<&str, Vec<String>>) -> Result<()> {
    let candidates = kinds.get("cve").into_iter().flatten().map(String::as_str);
    let mut page = ("/", get(address, "/")?);
    for path in candidates {
        let answer = get(address, path)?;
        if answer.status == 200 {
            page = (path, answer);
            break;
        }
    }
    let (path, answer) = page;
    let own = rate(address, path)?;
    println!("one page ({path}, {} bytes): {own:.0} a second", answer.body.len());
    let folder = house.target.join("bench/nginx");
    fs::create_dir_all(&folder).context("make a folder for nginx")?;
    fs::write(folder.join("page.html"), &answer.body).context("write the page for nginx")?;
    let there = free_address()?;
    let at = folder.display();
    // Without logs, as the tracker writes none of requests.
    let config = format!(
        "daemon off;\nuser root;\nworker_processes 2;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{ worker_connections 512; }}\nhttp {{\n  access_log off;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n  server {{ listen {there}; root {at}; default_type text/html; }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).context("write nginx's configuration")?;
    if let Err(error) = needs::install_for(&[Caller::Load]) {
        println!("SKIPPED: the rate against a static file: {error:#}");
        return Ok(());
    }
    let start = |program: &str| {
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().ok()
    };
    // Not every user has sbin in the path.
    let child = start("nginx").or_else(|| start("/usr/sbin/nginx"));
    let mut nginx = Running(child.context("start nginx")?);
    let deadline = Instant::now() + Duration::from_secs(10);
    while get(there, "/page.html").is_err() {
        let has_ended = nginx.0.try_wait().is_ok_and(|status| status.is_some());
        anyhow::ensure!(!has_ended && Instant::now() < deadline, "nginx does not answer: see {at}/error.log");
        thread::sleep(Duration::from_millis(20));
    }
    let theirs = rate(there, "/page.html")?;
    println!(
        "the same bytes from nginx: {theirs:.0} a second; the tracker serves {:.2} of that",
        own / theirs
    );
    Ok(())
}

/// Answers a second to as many as ask again as soon as they are answered.
fn rate(address: SocketAddr, path: &str) -> Result<f64> {
    let until = Instant::now() + RACE;
    let counts = thread::scope(|scope| {
        let racer = || -> Result<u64> {
            let mut count = 0;
            while Instant::now() < until {
                let answer = get(address, path)?;
                anyhow::ensure!(answer.status == 200, "{path} answers {}", answer.status);
                count += 1;
            }
            Ok(count)
        };
        let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(racer)).collect();
        racers.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = 0;
    for count in counts {
        all += count.map_err(|_| anyhow::anyhow!("a reader panicked"))??;
    }
    Ok(all as f64 / RACE.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundred_requests_hold_the_mix() {
        assert_eq!(MIX.iter().map(|(_, share)| share).sum::<u64>(), 100);
        let kinds: BTreeMap<&str, Vec<String>> = MIX.iter().map(|(kind, _)| (*kind, vec![(*kind).to_owned()])).collect();
        for first in [0, 12_345] {
            for (kind, share) in MIX {
                let count = (first..first + 100).filter(|turn| path(&kinds, *turn) == kind).count();
                assert_eq!(count as u64, share, "{kind}");
            }
        }
    }
}
