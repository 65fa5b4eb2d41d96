//! The server: how soon it is up again, how fast its pages are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Tracker;
use super::client::{free_address, get};
use super::measure::{Running, peak_of};
use super::report::{Figure, Report};

/// What a page may take on the server.
const PAGE: Duration = Duration::from_millis(20);

/// Readers that ask again as soon as they are answered, and for how long.
const READERS: usize = 50;
const READ_FOR: Duration = Duration::from_secs(20);

/// What a page may take while all of them read, their own waiting for a processor included.
const CROWDED: Duration = Duration::from_millis(50);

/// How often a page is asked for that is one of its kind.
const REPEATS: usize = 20;

/// Starts the server on a full database, and asks for pages of every kind.
pub fn measure_all(tracker: &Tracker, mirror: &Path, report: &mut Report) -> Result<()> {
    let address = free_address()?;
    let started = Instant::now();
    let mut command = tracker.command(&["serve", "--listen", &address.to_string(), "--mirror"]);
    let mut server = Running(
        command
            .arg(mirror)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("start the server")?,
    );
    wait_until_up(&mut server, address)?;
    report.show("answers again", Figure::Time(started.elapsed()));
    get(address, "/")?;
    report.against(
        "first overview after a start",
        Figure::Time(started.elapsed()),
        Figure::Time(Duration::from_secs(2)),
    );
    wait_until_idle(address)?;
    let pages = pages(mirror)?;
    for (kind, paths) in &pages {
        let (mut times, mut not_there) = (Vec::new(), 0);
        for path in paths {
            let answer = get(address, path)?;
            // A search for an id leads to its page.
            if matches!(answer.status, 200 | 303) {
                times.push(answer.time);
            } else {
                not_there += 1;
                if answer.status >= 500 {
                    println!("{path} answers {}", answer.status);
                }
            }
        }
        times.sort();
        let (Some(middle), Some(late), Some(last)) = (percentile(&times, 50), percentile(&times, 95), times.last()) else {
            println!("{kind}: none of {not_there} pages is there");
            continue;
        };
        let absent = if not_there > 0 {
            format!(", {not_there} not there")
        } else {
            String::new()
        };
        let name = format!("{kind} ({} pages{absent}): median", times.len());
        report.show(name, Figure::Time(middle));
        report.against("  95th percentile", Figure::Time(late), Figure::Time(PAGE));
        report.show("  slowest", Figure::Time(*last));
    }
    read_together(address, &pages, report)?;
    report.show("memory of the server", Figure::Memory(peak_of(&server.0)));
    Ok(())
}

/// Many readers at once. They and the server share the machine's processors.
fn read_together(address: SocketAddr, pages: &[(&'static str, Vec<String>)], report: &mut Report) -> Result<()> {
    let all: Vec<(&'static str, &str)> = pages
        .iter()
        .flat_map(|(kind, paths)| paths.iter().map(|path| (*kind, path.as_str())))
        .collect();
    let until = Instant::now() + READ_FOR;
    let mut times: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    let answers = thread::scope(|scope| {
        let reader = |number: usize| {
            let all = &all;
            scope.spawn(move || -> Result<Vec<(&'static str, Duration)>> {
                // Each begins elsewhere and takes its own way round: neighbours do not read the same page at the same time.
                let (mut at, mut read) = (number * all.len() / READERS, Vec::new());
                while Instant::now() < until {
                    let Some((kind, path)) = at.checked_rem(all.len()).and_then(|at| all.get(at)).copied() else {
                        break;
                    };
                    let answer = get(address, path)?;
                    anyhow::ensure!(answer.status < 500, "{path} answers {}", answer.status);
                    read.push((kind, answer.time));
                    at += 2 * number + 1;
                }
                Ok(read)
            })
        };
        let readers: Vec<_> = (0..READERS).map(reader).collect();
        readers.into_iter().map(|r| r.join()).collect::<Vec<_>>()
    });
    for read in answers {
        for (kind, time) in read.map_err(|_| anyhow::anyhow!("a reader panicked"))?? {
            times.entry(kind).or_default().push(time);
        }
    }
    let count: usize = times.values().map(Vec::len).sum();
    let rate = count as f64 / READ_FOR.as_secs_f64();
    let mut whole: Vec<Duration> = times.values().flatten().copied().collect();
    whole.sort();
    if let (Some(middle), Some(late)) = (percentile(&whole, 50), percentile(&whole, 95)) {
        report.show(
            format!("{READERS} readers ({rate:.0} pages a second): median"),
            Figure::Time(middle),
        );
        report.against("  95th percentile", Figure::Time(late), Figure::Time(CROWDED));
    }
    for (kind, times) in &mut times {
        times.sort();
        if let Some(late) = percentile(times, 95) {
            report.against(format!("  95th percentile of {kind}"), Figure::Time(late), Figure::Time(CROWDED));
        }
    }
    Ok(())
}

pub(super) fn wait_until_up(server: &mut Running, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if get(address, "/health").is_ok_and(|a| a.status == 200) {
            return Ok(());
        }
        if let Some(status) = server.0.try_wait().context("look after the server")? {
            bail!("the server ended with {status}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    bail!("the server is not up after a minute")
}

/// Pages are measured when the background work of the start is over.
pub(super) fn wait_until_idle(address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(300);
    // The work starts a moment after the pages: only a server that stays idle is idle.
    let mut idle = 0;
    while Instant::now() < deadline {
        thread::sleep(Duration::from_millis(500));
        let health: Value = serde_json::from_slice(&get(address, "/health")?.body).unwrap_or_default();
        idle = if health["work"] == "idle" { idle + 1 } else { 0 };
        if idle >= 4 {
            return Ok(());
        }
    }
    println!("the server is still loading: pages are measured beside that");
    Ok(())
}

/// Paths of pages by kind: one of a kind many times, many of a kind once.
pub(super) fn pages(mirror: &Path) -> Result<Vec<(&'static str, Vec<String>)>> {
    let (ids, packages) = labelled(mirror)?;
    let channels = super::feeds::channels(mirror)?.into_iter().map(|(name, _)| name);
    let again = |path: &str| vec![path.to_owned(); REPEATS];
    let words = [
        "openssl",
        "heap overflow",
        "CVE-2020-1967",
        "linux",
        "python",
        "buffer",
        "jenkins plugin",
        "xss",
        "firefox",
        "zzzz",
    ];
    Ok(vec![
        ("overview", again("/")),
        ("cve", ids.iter().map(|id| format!("/cve/{id}")).collect()),
        ("cve.json", ids.iter().map(|id| format!("/cve/{id}.json")).collect()),
        ("package", packages.iter().map(|p| format!("/package/{p}")).collect()),
        ("package linux", again("/package/linux")),
        ("channel", channels.map(|c| format!("/channel/{c}")).cycle().take(REPEATS).collect()),
        ("queue", again("/queue")),
        (
            "search",
            words.iter().map(|w| format!("/search?q={}", w.replace(' ', "+"))).collect(),
        ),
        ("compare", again("/compare")),
        ("maintainers", again("/maintainers")),
        ("trends", again("/trends")),
        ("about", again("/about")),
        ("queue.csv", again("/queue.csv")),
        ("queue.atom", again("/queue.atom")),
        ("problems", again("/problems")),
        ("stats", again("/api/v1/stats")),
    ])
}

/// Ids and packages that people looked at, from the labels.
fn labelled(mirror: &Path) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let text = fs::read_to_string(mirror.join("labels/dev.csv")).context("read the labels of the mirror")?;
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',');
        Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
    });
    let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
    Ok(rows.filter(|(id, package)| plain(id) && plain(package)).unzip())
}

/// The smallest time that `percent` of all do not exceed.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<Duration> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(10)));
        assert_eq!(percentile(&times, 95), Some(Duration::from_millis(19)));
        assert_eq!(percentile(&times[..1], 95), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 95), None);
    }
}
