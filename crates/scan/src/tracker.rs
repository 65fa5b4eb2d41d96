//! A tracker that is asked instead of a snapshot: the packages go there in batches, and what its newest snapshot knows of them comes back.
//! The tracker runs the same judgement, so that the answer is the one that its snapshot would give here.

#[doc(hidden)]
pub mod wire;

use std::io::Read;
use std::time::Duration;

use cli_kit::{Exit, Explained, Talk};
use fetch::{AddressError, FetchError, Patience, Plain, Timely, header, sent};
use judging::finding::{Knowledge, Report};
use judging::inventory::{Inventory, Part, Scanned, Seen};
use judging::judge::{self, Depth};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::snapshot::{MAX_AGE, WARN_AGE};
use wire::{Answer, Listed, Revision};

/// Packages of one request.
const BATCH: usize = 5000;
/// Bytes of one request, about.
const REQUEST: usize = 2 << 20;
/// Bytes of one answer.
const LARGEST: u64 = 256 << 20;
/// Packages of a channel: several times as many as Nixpkgs has.
const PACKAGES: usize = 500_000;
/// How long one answer may take to come, once it began.
const ANSWER_TIME: Duration = Duration::from_secs(300);
/// How often a tracker that asks to wait is asked again.
const TRIES: u32 = 5;
/// No tracker is waited for longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(120),
    silence: Duration::from_secs(60),
};
const DAY: i64 = 86_400;

/// A tracker.
pub struct Tracker {
    agent: Agent,
    /// Without a slash at its end.
    base: String,
    allow_stale: bool,
}

/// Why a tracker gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    /// Its address.
    #[error("ask the tracker")]
    Address(#[source] AddressError),
    /// It cannot be asked.
    #[error("ask the tracker")]
    Fetch(#[source] FetchError),
    /// It answers that it will not.
    #[error("ask {url}: the tracker answers {status}: {detail}")]
    Refused {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// In its words.
        detail: String,
    },
    /// Too many requests.
    #[error("ask {url}: the tracker takes no more requests for {} s", wait.as_secs())]
    Rate {
        /// What was asked.
        url: String,
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// It is no tracker, or one that lies.
    #[error("ask {url}: its answer is not that of a tracker: {what}")]
    Nonsense {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// It knows more than can be taken.
    #[error("ask {url}: the answer is larger than {LARGEST} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
    },
    /// Its data is too old to say anything.
    #[error("ask {url}: its data is {days} days old, and what was found since is missing")]
    Stale {
        /// The tracker.
        url: String,
        /// Age.
        days: i64,
    },
    /// It made a new snapshot again and again.
    #[error("ask {url}: its data changed while it was asked")]
    Changing {
        /// The tracker.
        url: String,
    },
    /// It has another revision of a channel.
    #[error("the tracker has {name} at revision {has}, not {wanted}")]
    Revision {
        /// The channel.
        name: String,
        /// The tracker's revision.
        has: String,
        /// The one asked for.
        wanted: String,
    },
}

impl Explained for TrackerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Address(_) => Exit::Usage,
            Self::Fetch(error) => error.exit(),
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address(AddressError::Plain { .. }) => "use https://, or --plain-http if the way there is safe".into(),
            Self::Address(AddressError::No { .. }) => "for example --tracker https://tracker.example.org".into(),
            Self::Fetch(error) if error.is_unreachable() => {
                return error
                    .hint()
                    .or_else(|| Some("without a network: --snapshot F, which `firn-scan snapshot update` fetched".into()));
            }
            Self::Fetch(error) => return error.hint(),
            Self::Refused { status: 404, .. } => {
                "the address is that of its front page; a tracker older than this program cannot be asked".into()
            }
            Self::Refused { status: 413, .. } => "its limits.body is too small for firn-scan".into(),
            Self::Refused { status: 503, .. } => "it has made no snapshot yet: try again later".into(),
            Self::Rate { .. } => "try again later, or use a snapshot".into(),
            Self::Stale { .. } => "it does not follow its sources any more; --allow-stale takes its answer all the same".into(),
            Self::Changing { .. } => "try again".into(),
            _ => return None,
        })
    }
}

impl Tracker {
    /// A tracker by the address of its front page.
    pub fn at(url: &str, plain: Plain, allow_stale: bool) -> Result<Self, TrackerError> {
        let base = fetch::base(url, plain).map_err(TrackerError::Address)?;
        let agent = fetch::agent(concat!("firn-scan/", env!("CARGO_PKG_VERSION")), PATIENCE).map_err(TrackerError::Fetch)?;
        Ok(Self { agent, base, allow_stale })
    }

    /// What it would judge with; with what the user should know.
    pub fn knowledge(&self, talk: &Talk, now: i64) -> Result<(Knowledge, Vec<String>), TrackerError> {
        let knowledge = self.check(None, Depth::Open, &[], talk)?.knowledge();
        let warnings = self.age(&knowledge, now)?;
        Ok((knowledge, warnings))
    }

    /// Judges every package of an inventory; `channel` says among whose packages.
    pub fn judge(&self, depth: Depth, channel: Option<&str>, inventory: Inventory, talk: &Talk, now: i64) -> Result<Report, TrackerError> {
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            if let Some(report) = self.round(depth, channel, inventory.clone(), talk, now)? {
                self.age(&report.knowledge, now)?;
                return Ok(report);
            }
        }
        Err(TrackerError::Changing { url: self.base.clone() })
    }

    /// Asks about everything once; `None` where the tracker made a new snapshot in between.
    fn round(
        &self,
        depth: Depth,
        channel: Option<&str>,
        mut inventory: Inventory,
        talk: &Talk,
        now: i64,
    ) -> Result<Option<Report>, TrackerError> {
        inventory.unfold();
        let paths = wire::paths(&inventory);
        let entries: Vec<String> = (0..inventory.packages.len()).map(|n| wire::entry(n, &paths, &inventory)).collect();
        let batches = batches(&entries);
        let mut channel = channel.map(str::to_owned);
        let mut knowledge: Option<Knowledge> = None;
        let mut findings = Vec::new();
        for batch in &batches {
            let texts: Vec<&str> = batch.iter().filter_map(|n| entries.get(*n).map(String::as_str)).collect();
            let answer = self.check(channel.as_deref(), depth, &texts, talk)?;
            let known = answer.knowledge();
            if knowledge.as_ref().is_some_and(|before| before.digest != known.digest) {
                return Ok(None);
            }
            // What the first ones are from is what all are from: each batch is a fair sample.
            channel = channel.or_else(|| known.context.clone());
            knowledge.get_or_insert(known);
            let nonsense = |what: &str| self.nonsense(DETAILS, what);
            findings.extend(answer.take(batch, &mut inventory).map_err(nonsense)?);
        }
        judge::sort(&mut findings, &inventory);
        Ok(Some(Report {
            time: now,
            inventory,
            knowledge: Knowledge {
                context: channel,
                ..knowledge.unwrap_or_default()
            },
            findings,
        }))
    }

    /// The packages of a channel: `nixos-25.11`, or `nixos-25.11@REVISION`, of which at least seven digits have to be given.
    pub fn channel(&self, name: &str, talk: &Talk) -> Result<Inventory, TrackerError> {
        let (name, wanted) = name.split_once('@').unwrap_or((name, ""));
        let path = format!("/api/v1/channels/{}", segment(name));
        let found: Revision = self.read(&path, &self.get(&path, talk)?)?;
        let has = found.revision.unwrap_or_default();
        if !wanted.is_empty() && (wanted.len() < 7 || !has.starts_with(wanted)) {
            return Err(TrackerError::Revision {
                name: name.to_owned(),
                has,
                wanted: wanted.to_owned(),
            });
        }
        let path = format!("/api/v1/bulk/packages/{}", segment(name));
        let lines = self.get(&path, talk)?;
        let mut inventory = Inventory {
            targets: vec![format!("{name} at {has}")],
            ..Inventory::default()
        };
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let listed: Listed = self.read(&path, line)?;
            if inventory.packages.len() == PACKAGES {
                return Err(self.nonsense(&path, &format!("it lists more than {PACKAGES} packages")));
            }
            let at = u32::try_from(inventory.packages.len()).unwrap_or(u32::MAX);
            inventory.roots.push(at);
            inventory.parts.push(Part {
                name: listed.package.clone(),
                package: Some(at),
                ..Part::default()
            });
            let mut scanned = Scanned {
                seen: Seen::Channel,
                ..Scanned::default()
            };
            (scanned.package.attr, scanned.package.pname, scanned.package.version) = (listed.package, listed.pname, listed.version);
            inventory.packages.push(scanned);
        }
        Ok(inventory)
    }

    fn check(&self, channel: Option<&str>, depth: Depth, entries: &[&str], talk: &Talk) -> Result<Answer, TrackerError> {
        let body = wire::request(channel, depth == Depth::All, entries);
        let url = format!("{}{DETAILS}", self.base);
        let send = || {
            let request = self.agent.post(&url).header("Content-Type", "application/json");
            let request = request.config().max_redirects(0).max_redirects_will_error(false).build();
            sent(&url, fetch::ask(&url, request).send(body.as_bytes()))
        };
        let bytes = self.patiently(&url, &send, talk)?;
        let answer: Answer = self.read(DETAILS, &bytes)?;
        if answer.packages.len() != entries.len() {
            return Err(self.nonsense(DETAILS, "it is not about the packages that were asked about"));
        }
        Ok(answer)
    }

    fn get(&self, path: &str, talk: &Talk) -> Result<Vec<u8>, TrackerError> {
        let url = format!("{}{path}", self.base);
        self.patiently(&url, &|| sent(&url, fetch::ask(&url, self.agent.get(&url)).call()), talk)
    }

    /// Sends a request, again after as long as the tracker asks for, and answers the body.
    fn patiently(&self, url: &str, send: &dyn Fn() -> Result<Response<Body>, FetchError>, talk: &Talk) -> Result<Vec<u8>, TrackerError> {
        let mut tries = 1;
        loop {
            let response = send().map_err(TrackerError::Fetch)?;
            let status = response.status().as_u16();
            if status == 200 {
                return body(url, response);
            }
            let wait = || header(&response, "retry-after")?.parse().ok().map(Duration::from_secs);
            match wait().filter(|_| status == 429) {
                Some(wait) if wait > LONGEST_WAIT || tries == TRIES => return Err(TrackerError::Rate { url: url.to_owned(), wait }),
                Some(wait) => {
                    talk.say(&format!("the tracker takes no more requests for {} s: waiting", wait.as_secs()));
                    std::thread::sleep(wait.max(Duration::from_secs(1)));
                    tries += 1;
                }
                None => return Err(refused(url, status, response)),
            }
        }
    }

    fn read<'b, T: serde::Deserialize<'b>>(&self, path: &str, bytes: &'b [u8]) -> Result<T, TrackerError> {
        serde_json::from_slice(bytes).map_err(|error| self.nonsense(path, &error.to_string()))
    }

    fn nonsense(&self, path: &str, what: &str) -> TrackerError {
        TrackerError::Nonsense {
            url: format!("{}{path}", self.base),
            what: what.to_owned(),
        }
    }

    /// Judges how old the data is; answers what the user should know.
    fn age(&self, knowledge: &Knowledge, now: i64) -> Result<Vec<String>, TrackerError> {
        if knowledge.digest.is_empty() || knowledge.created > now.saturating_add(DAY) {
            return Err(self.nonsense(DETAILS, "it does not say how old its data is"));
        }
        let age = now.saturating_sub(knowledge.created);
        let days = age / DAY;
        if age > MAX_AGE && !self.allow_stale {
            return Err(TrackerError::Stale {
                url: self.base.clone(),
                days,
            });
        }
        let is_old = age > WARN_AGE;
        Ok(Vec::from_iter(is_old.then(|| {
            format!("the tracker's data is {days} days old: what was found since is missing")
        })))
    }
}

const DETAILS: &str = "/api/v1/check/details";

/// Which packages go together: each batch holds every so-manieth, so that all are alike.
fn batches(entries: &[String]) -> Vec<Vec<usize>> {
    let bytes: usize = entries.iter().map(String::len).sum();
    let count = entries.len().div_ceil(BATCH).max(bytes.div_ceil(REQUEST)).max(1);
    (0..count).map(|first| (first..entries.len()).step_by(count).collect()).collect()
}

fn body(url: &str, response: Response<Body>) -> Result<Vec<u8>, TrackerError> {
    let mut bytes = Vec::new();
    let reader = response.into_body().into_reader().take(LARGEST + 1);
    let read = Timely::new(reader, ANSWER_TIME).read_to_end(&mut bytes);
    read.map_err(|source| {
        TrackerError::Fetch(FetchError::Copy {
            url: url.to_owned(),
            source,
        })
    })?;
    if bytes.len() as u64 > LARGEST {
        return Err(TrackerError::TooLarge { url: url.to_owned() });
    }
    Ok(bytes)
}

/// What the tracker says of why not, in its own words where it has any (RFC 9457).
fn refused(url: &str, status: u16, response: Response<Body>) -> TrackerError {
    const LONGEST: u64 = 64 << 10;
    let moved = header(&response, "location").filter(|_| (300..400).contains(&status));
    let mut bytes = Vec::new();
    // A body that breaks off says as much as none.
    let _ = response.into_body().into_reader().take(LONGEST).read_to_end(&mut bytes);
    let problem: Option<wire::Problem> = serde_json::from_slice(&bytes).ok();
    let told = problem.map(|problem| problem.detail.chars().take(300).collect::<String>());
    let detail = match moved {
        Some(place) => format!("it is at {place}"),
        None => told.unwrap_or_else(|| "it does not say why".to_owned()),
    };
    TrackerError::Refused {
        url: url.to_owned(),
        status,
        detail,
    }
}

/// A name as a segment of an address.
fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let write = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    name.bytes().map(write).collect()
}

#[cfg(test)]
mod tests;
