//! Numbers for Prometheus, in its text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::stats::{SourceState, Stats};
use crate::store::queue::JobRow;
use crate::store::read::Channel;

/// Upper bounds of the latency buckets in seconds.
const BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.25, 1.0];

/// Requests answered, by route and status.
#[derive(Default)]
pub struct Requests {
    seen: Mutex<BTreeMap<(String, u16), Latency>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Latency {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

impl Requests {
    /// Notes an answer. `route` is the pattern of the address, never the address: what people send must not fill the memory.
    pub fn note(&self, route: &str, status: u16, took: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = seen.entry((route.to_owned(), status)).or_default();
        let seconds = took.as_secs_f64();
        latency.count += 1;
        latency.seconds += seconds;
        for (bound, bucket) in BUCKETS.iter().zip(&mut latency.buckets) {
            *bucket += u64::from(seconds <= *bound);
        }
    }

    fn write(&self, out: &mut String) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        head(out, "firn_http_request_duration_seconds", "histogram", "Time to answer a request.");
        for ((route, status), latency) in &seen {
            let labels = format!("route=\"{}\",status=\"{status}\"", escape(route));
            let name = "firn_http_request_duration_seconds";
            for (bound, bucket) in BUCKETS.iter().zip(latency.buckets) {
                line(out, &format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), bucket);
            }
            line(out, &format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), latency.count);
            line(out, &format!("{name}_sum"), &labels, latency.seconds);
            line(out, &format!("{name}_count"), &labels, latency.count);
        }
    }
}

/// The whole document.
pub fn document(stats: &Stats, channels: &[Channel], jobs: &[JobRow], requests: &Requests) -> String {
    let mut out = String::new();
    let feeds = stats.feeds();
    head(&mut out, "firn_records", "gauge", "Records of a source.");
    for (name, feed) in feeds {
        line(&mut out, "firn_records", &label("source", name), feed.records);
    }
    head(&mut out, "firn_data_age_seconds", "gauge", "Age of the newest data of a source.");
    for (name, feed) in feeds {
        if let Some(age) = feed.age_s {
            line(&mut out, "firn_data_age_seconds", &label("source", name), age);
        }
    }
    sources(&mut out, &stats.sources);
    head(&mut out, "firn_jobs", "gauge", "Jobs, by what they do and what became of them.");
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for job in jobs {
        *counted.entry((&job.kind, job.state.name())).or_default() += 1;
    }
    for ((kind, state), count) in counted {
        line(&mut out, "firn_jobs", &format!("{},state=\"{state}\"", label("kind", kind)), count);
    }
    head(
        &mut out,
        "firn_packages",
        "gauge",
        "Attributes in the current package set of a channel.",
    );
    for (channel, packages) in &stats.packages {
        line(&mut out, "firn_packages", &label("channel", channel), *packages);
    }
    head(
        &mut out,
        "firn_suggestions",
        "gauge",
        "Pairs of a vulnerability and a package, by channel, verdict and severity.",
    );
    for channel in channels {
        for count in &channel.counts {
            let labels = format!(
                "{},verdict=\"{}\",severity=\"{}\"",
                label("channel", &channel.name),
                count.verdict.name(),
                super::part::severity_name(count.severity)
            );
            line(&mut out, "firn_suggestions", &labels, count.count);
        }
    }
    requests.write(&mut out);
    out
}

/// How each source is doing.
fn sources(out: &mut String, sources: &[SourceState]) {
    let mut gauge = |name: &str, help: &str, value: fn(&SourceState) -> Option<f64>| {
        head(out, name, "gauge", help);
        for source in sources {
            if let Some(value) = value(source) {
                line(out, name, &label("source", &source.name), value);
            }
        }
    };
    gauge("firn_source_failing", "1 where the last look at a source failed.", |s| {
        Some(f64::from(u8::from(s.last_error.is_some())))
    });
    gauge(
        "firn_source_last_success_timestamp_seconds",
        "When a source was last looked at to its end.",
        |s| s.last_success.map(|at| at as f64),
    );
    gauge("firn_source_next_timestamp_seconds", "When a source is looked at next.", |s| {
        s.next_at.map(|at| at as f64)
    });
    gauge(
        "firn_source_records_per_second",
        "How fast the file of a source was taken in that was the last to have records.",
        |s| s.rate,
    );
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name}{{{labels}}} {value}");
}

fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escape(value))
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let requests = Requests::default();
        requests.note("/cve/{id}", 200, Duration::from_millis(2));
        requests.note("/cve/{id}", 200, Duration::from_millis(30));
        requests.note("\"\n", 404, Duration::from_secs(9));
        let mut out = String::new();
        requests.write(&mut out);
        let count = |le: &str| {
            let start = format!("firn_http_request_duration_seconds_bucket{{route=\"/cve/{{id}}\",status=\"200\",le=\"{le}\"}} ");
            out.lines().find_map(|l| l.strip_prefix(&start)).unwrap().to_owned()
        };
        assert_eq!(
            [count("0.001"), count("0.0025"), count("0.05"), count("+Inf")],
            ["0", "1", "2", "2"]
        );
        assert!(out.contains("firn_http_request_duration_seconds_count{route=\"\\\"\\n\",status=\"404\"} 1\n"));
    }
}
