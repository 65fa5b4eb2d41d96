use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::human;

/// Talk on stderr: notes and the progress of tasks.
///
/// Bars with rate and remaining time on a terminal, plain lines every few seconds elsewhere (so that
/// a log stays readable), nothing with `--quiet`. Clones talk to the same place.
#[derive(Clone)]
pub struct Talk {
    voice: Voice,
}

#[derive(Clone)]
enum Voice {
    Silent,
    Plain(Arc<Mutex<dyn Write + Send>>),
    Bars(MultiProgress),
}

/// A piece of work whose progress is shown. Threads may share it.
pub struct Task {
    talk: Talk,
    name: String,
    unit: &'static str,
    started: Instant,
    done: AtomicU64,
    /// 0 while unknown.
    total: AtomicU64,
    said: Mutex<Said>,
    /// Milliseconds after the start when the next plain line is due.
    due: AtomicU64,
    bar: Option<ProgressBar>,
}

struct Said {
    at: Duration,
    done: u64,
}

/// Between two plain lines of one task.
const EVERY: Duration = Duration::from_secs(3);

impl Talk {
    /// Talk on stderr, or silence.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let voice = if quiet {
            Voice::Silent
        } else if io::stderr().is_terminal() {
            Voice::Bars(MultiProgress::new())
        } else {
            Voice::Plain(Arc::new(Mutex::new(io::stderr())))
        };
        Self { voice }
    }

    /// Plain lines into another sink, as for tests.
    #[must_use]
    pub fn plain(sink: impl Write + Send + 'static) -> Self {
        Self {
            voice: Voice::Plain(Arc::new(Mutex::new(sink))),
        }
    }

    /// No talk at all.
    #[must_use]
    pub const fn silent() -> Self {
        Self { voice: Voice::Silent }
    }

    /// A note. Foreign text in it goes through [`escape`](crate::escape) first.
    pub fn say(&self, text: &str) {
        if !matches!(self.voice, Voice::Silent) {
            self.write(format!("{text}\n").as_bytes());
        }
    }

    /// Starts a task: `name` as in "cve", `unit` as in "records", `total` if it is known.
    #[must_use]
    pub fn task(&self, name: impl Into<String>, unit: &'static str, total: Option<u64>) -> Task {
        let name = name.into();
        let bar = match &self.voice {
            Voice::Bars(bars) => Some(bars.add(new_bar(&name, unit, total))),
            Voice::Silent | Voice::Plain(_) => None,
        };
        Task {
            talk: self.clone(),
            name,
            unit,
            started: Instant::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(total.unwrap_or(0)),
            said: Mutex::new(Said {
                at: Duration::ZERO,
                done: 0,
            }),
            due: AtomicU64::new(millis(EVERY)),
            bar,
        }
    }

    /// Writes to stderr without tearing a bar apart, whatever `--quiet` says.
    pub(crate) fn write(&self, bytes: &[u8]) {
        // Talk that cannot be written has no reader; the work goes on.
        let _ = match &self.voice {
            Voice::Silent => io::stderr().write_all(bytes),
            Voice::Plain(sink) => sink.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes),
            Voice::Bars(bars) => bars.suspend(|| io::stderr().write_all(bytes)),
        };
    }
}

impl Task {
    /// `n` more are done.
    pub fn inc(&self, n: u64) {
        self.done.fetch_add(n, Ordering::Relaxed);
        self.show();
    }

    /// `n` are done in all.
    pub fn set(&self, n: u64) {
        self.done.store(n, Ordering::Relaxed);
        self.show();
    }

    /// The total became known, or grew.
    pub fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_style(bar_style(self.unit, true));
        }
    }

    /// The task is done: leaves one line with count, time and rate.
    pub fn finish(self) {
        let elapsed = self.started.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.talk
            .say(&closing_line(&self.name, self.unit, self.done.load(Ordering::Relaxed), elapsed));
    }

    fn show(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.done.load(Ordering::Relaxed));
            return;
        }
        if matches!(self.talk.voice, Voice::Silent) {
            return;
        }
        let now = self.started.elapsed();
        let due = self.due.load(Ordering::Relaxed);
        // Of several threads that find the line due, the one that moves the date prints it.
        if millis(now) < due
            || self
                .due
                .compare_exchange(due, millis(now + EVERY), Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.done.load(Ordering::Relaxed);
        let rate = rate(done.saturating_sub(said.done), now.saturating_sub(said.at));
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|t| *t > 0);
        self.talk.say(&progress_line(&self.name, self.unit, done, total, rate));
        *said = Said { at: now, done };
    }
}

impl Drop for Task {
    /// A task that was given up leaves no bar behind.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(name: &str, unit: &'static str, total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(bar_style(unit, total.is_some()));
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn bar_style(unit: &'static str, total_known: bool) -> ProgressStyle {
    let template = if total_known {
        "{prefix:>12} [{bar:24}] {done} of {human_len} {unit} ({rate}/s, {eta} left)"
    } else {
        "{prefix:>12} {spinner} {done} {unit} ({rate}/s)"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .progress_chars("=> ")
        .with_key("done", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(&human::count(state.pos()));
        })
        .with_key("unit", move |_: &ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(unit);
        })
        .with_key("rate", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(&human::count(state.per_sec() as u64));
        })
}

fn progress_line(name: &str, unit: &str, done: u64, total: Option<u64>, rate: u64) -> String {
    let (done_text, rate_text) = (human::count(done), human::count(rate));
    match total {
        Some(total) => {
            let left = total
                .saturating_sub(done)
                .checked_div(rate)
                .map(|s| format!(", {} left", human::duration(Duration::from_secs(s))));
            format!(
                "{name}: {done_text} of {} {unit} ({rate_text}/s{})",
                human::count(total),
                left.unwrap_or_default()
            )
        }
        None => format!("{name}: {done_text} {unit} ({rate_text}/s)"),
    }
}

fn closing_line(name: &str, unit: &str, done: u64, elapsed: Duration) -> String {
    format!(
        "{name}: {} {unit} in {} ({}/s)",
        human::count(done),
        human::duration(elapsed),
        human::count(rate(done, elapsed))
    )
}

fn rate(done: u64, elapsed: Duration) -> u64 {
    // A span too short to measure would give absurd rates.
    (done as f64 / elapsed.as_secs_f64().max(0.001)) as u64
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);
    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Heard {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn lines() {
        assert_eq!(
            progress_line("cve", "records", 12_000, None, 9_800),
            "cve: 12,000 records (9,800/s)"
        );
        assert_eq!(
            progress_line("cve", "records", 12_000, Some(44_130), 9_800),
            "cve: 12,000 of 44,130 records (9,800/s, 3.0 s left)"
        );
        assert_eq!(progress_line("cve", "records", 5, Some(7), 0), "cve: 5 of 7 records (0/s)");
        assert_eq!(
            closing_line("cve", "records", 44_130, Duration::from_millis(4500)),
            "cve: 44,130 records in 4.5 s (9,806/s)"
        );
    }

    #[test]
    fn plain_lines_come_when_due_and_at_the_end() {
        let heard = Heard::default();
        let task = Talk::plain(heard.clone()).task("osv", "records", None);
        task.inc(1);
        assert_eq!(heard.text(), "");
        task.due.store(0, Ordering::Relaxed);
        task.inc(2);
        task.inc(3);
        let after = heard.text();
        assert!(after.starts_with("osv: 3 records (") && after.lines().count() == 1, "{after}");
        task.finish();
        assert!(
            heard.text().lines().nth(1).unwrap().starts_with("osv: 6 records in "),
            "{}",
            heard.text()
        );
    }

    #[test]
    fn silence_says_nothing() {
        let talk = Talk::silent();
        talk.say("never seen");
        talk.task("x", "y", Some(3)).finish();
    }
}
