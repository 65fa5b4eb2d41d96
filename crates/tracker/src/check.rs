//! What is vulnerable in a list of packages that somebody names: `POST /api/v1/check`.
//!
//! A package that is the channel's own (same version, nothing said of patches) has the channel's verdicts, which are there already. Any
//! other one is judged by the matcher among the packages of the channel, with what the newest snapshot knows: the records that may concern
//! it, and what else they could mean.

mod guests;

use std::collections::HashMap;

use vuln::matching::{Cluster, Key};
use vuln::package::Package;
use vuln::snapshot::SnapshotError;
use vuln::verdict::{Evidence, Verdict};

use crate::snapshot::Newest;
use crate::store::read::{Facts, Place};
use crate::store::{Store, StoreError};
use crate::web::board::ChannelBoard;

/// A package that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Its attribute, or else its package name.
    pub name: Name,
    /// Its version.
    pub version: String,
    /// Names of its patches; `None` where it has those of the channel's package.
    pub patches: Option<Vec<String>>,
}

/// How a package is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// By an attribute.
    Attr(String),
    /// By the name in a store path.
    Pname(String),
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// The channel's package of that name, and its version there.
    pub known_as: Option<(String, String)>,
    /// What concerns it, or would without a patch; what is fixed too, where that was asked for. Worst first.
    pub findings: Vec<Found>,
    /// How many more vulnerabilities of the software do not concern it: fixed in its version, or never in it.
    pub settled: usize,
}

/// One vulnerability of a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The vulnerability.
    pub facts: Facts,
    /// The answer.
    pub verdict: Verdict,
    /// In [0, 1].
    pub confidence: f32,
    /// The first version that is not affected.
    pub fixed_in: Option<String>,
    /// Why, most important first.
    pub evidence: Vec<Evidence>,
}

/// Why packages could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The database failed.
    #[error("read what the channel has")]
    Store(#[source] StoreError),
    /// The snapshot failed.
    #[error("read the newest snapshot")]
    Snapshot(#[source] SnapshotError),
    /// No snapshot was made yet, and one is needed.
    #[error("no snapshot has been made yet")]
    NoSnapshot,
    /// More than anybody reads, and than fits into memory for many at once.
    #[error("the answer would hold more than {MOST_FINDINGS} findings: send fewer packages")]
    TooMany,
}

/// Findings of one answer.
const MOST_FINDINGS: usize = 250_000;

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SnapshotError> for CheckError {
    fn from(error: SnapshotError) -> Self {
        Self::Snapshot(error)
    }
}

/// Checks packages against one channel; answers in the same order. `whole` asks for what is fixed or never was there, too.
pub fn check(
    store: &dyn Store,
    snapshot: Option<&Newest>,
    channel: &str,
    board: Option<&ChannelBoard>,
    asked: &[Asked],
    whole: bool,
) -> Result<Vec<Checked>, CheckError> {
    let places = places(store, snapshot, channel, asked)?;
    let mut checked: Vec<Checked> = Vec::with_capacity(asked.len());
    // Guests, and which answers each stands for.
    let (mut guests, mut of_guest): (Vec<Cluster>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    let mut same: HashMap<(Option<i64>, &Asked), usize> = HashMap::new();
    let mut pairs: Vec<(usize, Found, (i64, i64))> = Vec::new();
    for (n, (asked, place)) in asked.iter().zip(&places).enumerate() {
        let mut answer = Checked {
            known_as: place.as_ref().map(|place| (place.name.clone(), place.version.clone())),
            ..Checked::default()
        };
        match place
            .as_ref()
            .filter(|place| place.version == asked.version && asked.patches.is_none())
        {
            Some(place) => {
                for (facts, pair) in board.into_iter().flat_map(|board| board.of_cluster(place.key)) {
                    if whole || is_shown(pair.verdict) {
                        let found = Found {
                            facts: facts.clone(),
                            verdict: pair.verdict,
                            confidence: pair.confidence,
                            fixed_in: None,
                            evidence: Vec::new(),
                        };
                        if pairs.len() >= MOST_FINDINGS {
                            return Err(CheckError::TooMany);
                        }
                        pairs.push((n, found, (pair.vulnerability, pair.cluster)));
                    } else {
                        answer.settled += 1;
                    }
                }
            }
            None => {
                let next = guests.len();
                let guest = *same.entry((place.as_ref().map(|place| place.key), asked)).or_insert(next);
                if guest == next {
                    guests.push(Cluster::of(package(asked, place.as_ref())));
                    of_guest.push(Vec::new());
                }
                if let Some(answers) = of_guest.get_mut(guest) {
                    answers.push(n);
                }
            }
        }
        checked.push(answer);
    }
    let keys: Vec<(i64, i64)> = pairs.iter().map(|(.., keys)| *keys).collect();
    let mut details = store.pair_details(channel, &keys)?.into_iter().peekable();
    for (n, mut found, keys) in pairs {
        if let (Some(detail), Some(answer)) = (details.next_if(|detail| detail.pair == keys), checked.get_mut(n)) {
            (found.fixed_in, found.evidence) = (detail.fixed_in, detail.evidence);
            answer.findings.push(found);
        }
    }
    if !guests.is_empty() {
        let snapshot = snapshot.ok_or(CheckError::NoSnapshot)?;
        let judged = guests::judge(snapshot, channel, guests, whole)?;
        let mut names: Vec<String> = judged.iter().map(|judged| judged.id.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let facts: HashMap<String, Facts> = store
            .facts_named(&names)?
            .into_iter()
            .map(|facts| (facts.name.clone(), facts))
            .collect();
        let shown = judged.iter().filter(|judged| judged.found.is_some());
        let copies = shown.map(|judged| of_guest.get(judged.guest).map_or(0, Vec::len)).sum::<usize>();
        if copies + checked.iter().map(|answer| answer.findings.len()).sum::<usize>() > MOST_FINDINGS {
            return Err(CheckError::TooMany);
        }
        for judged in judged {
            for n in of_guest.get(judged.guest).into_iter().flatten() {
                let Some(answer) = checked.get_mut(*n) else { continue };
                // A record that was withdrawn since the snapshot was made.
                let Some(facts) = facts.get(&judged.id) else { continue };
                match &judged.found {
                    None => answer.settled += 1,
                    Some(found) => answer.findings.push(Found {
                        facts: facts.clone(),
                        verdict: found.verdict,
                        confidence: (found.confidence * 1000.0).round() / 1000.0,
                        fixed_in: found.fixed_in.clone(),
                        evidence: found.evidence.clone(),
                    }),
                }
            }
        }
    }
    checked.iter_mut().for_each(|answer| answer.findings.sort_by(worst_first));
    Ok(checked)
}

/// Whether a verdict says something about the package as it is.
fn is_shown(verdict: Verdict) -> bool {
    verdict.is_open() || verdict == Verdict::Patched
}

fn worst_first(a: &Found, b: &Found) -> std::cmp::Ordering {
    let open = (!a.verdict.is_open()).cmp(&!b.verdict.is_open());
    open.then(a.verdict.cmp(&b.verdict))
        .then(b.facts.severity.cmp(&a.facts.severity))
        .then_with(|| b.facts.score.unwrap_or(-1.0).total_cmp(&a.facts.score.unwrap_or(-1.0)))
        .then_with(|| b.facts.order.cmp(&a.facts.order))
        .then_with(|| a.facts.name.cmp(&b.facts.name))
}

/// The channel's package of each.
fn places(store: &dyn Store, snapshot: Option<&Newest>, channel: &str, asked: &[Asked]) -> Result<Vec<Option<Place>>, CheckError> {
    let mut attrs: Vec<Option<String>> = asked
        .iter()
        .map(|asked| match &asked.name {
            Name::Attr(attr) => Some(attr.clone()),
            Name::Pname(_) => None,
        })
        .collect();
    let names: Vec<(usize, Key)> = asked
        .iter()
        .enumerate()
        .filter_map(|(n, asked)| match &asked.name {
            Name::Pname(pname) => Some((n, Key::Pname(pname.clone()))),
            Name::Attr(_) => None,
        })
        .collect();
    if !names.is_empty() {
        let snapshot = snapshot.ok_or(CheckError::NoSnapshot)?;
        let keys: Vec<Key> = names.iter().map(|(_, key)| key.clone()).collect();
        let candidates = guests::named(snapshot, channel, &keys)?;
        for ((n, _), candidates) in names.into_iter().zip(candidates) {
            let version = asked.get(n).map_or("", |asked| asked.version.as_str());
            let plain = |(name, v): &&(String, String)| (v != version, name.matches('.').count(), name.len());
            let best = candidates.iter().min_by_key(plain).map(|(name, _)| name.clone());
            if let Some(attr) = attrs.get_mut(n) {
                *attr = best;
            }
        }
    }
    let wanted: Vec<String> = attrs.iter().flatten().cloned().collect();
    let mut found = store.places(channel, &wanted)?.into_iter();
    Ok(attrs.into_iter().map(|attr| attr.and_then(|_| found.next().flatten())).collect())
}

/// What somebody has, with what the channel knows of the software.
fn package(asked: &Asked, place: Option<&Place>) -> Package {
    let known = place.map(|place| place.facts.clone()).unwrap_or_default();
    let same = known.version == asked.version;
    let mut package = Package {
        version: asked.version.clone(),
        patches: asked.patches.clone().unwrap_or_default(),
        // They speak of the channel's version.
        purls: if same { known.purls.clone() } else { Vec::new() },
        known_vulnerabilities: if same { known.known_vulnerabilities.clone() } else { Vec::new() },
        script_ids: Vec::new(),
        ..known
    };
    match &asked.name {
        Name::Attr(attr) => {
            package.attr.clone_from(attr);
            if package.pname.is_empty() {
                package.pname = attr.rsplit('.').next().unwrap_or(attr).to_owned();
            }
        }
        Name::Pname(pname) => {
            package.pname.clone_from(pname);
            if package.attr.is_empty() {
                package.attr.clone_from(pname);
            }
        }
    }
    package
}

/// Of these channels, the most recent first, the one that has most of these packages in this very version.
pub fn likeliest(store: &dyn Store, snapshot: Option<&Newest>, channels: &[&str], asked: &[Asked]) -> Result<Option<String>, CheckError> {
    /// So many packages tell it.
    const ENOUGH: usize = 500;
    let step = asked.len().div_ceil(ENOUGH).max(1);
    let some: Vec<Asked> = asked.iter().step_by(step).cloned().collect();
    let mut best: Option<(usize, &str)> = None;
    for channel in channels {
        let places = places(store, snapshot, channel, &some)?;
        let same = |(asked, place): &(&Asked, &Option<Place>)| place.as_ref().is_some_and(|place| place.version == asked.version);
        let count = some.iter().zip(&places).filter(same).count();
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, channel));
        }
    }
    Ok(best.map(|(_, channel)| channel.to_owned()))
}
