//! Suggestions: pairs of a vulnerability and a package with the verdict and its reasons.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;
use vuln::score::Severity;
use vuln::verdict::{Evidence, Verdict};

use super::ask::{self, Query};
use super::operation::{Answer, Operation, Parameter};
use super::problem::Kind;
use super::shape::{choice, shape};
use super::vulnerabilities::PIECE;
use super::{Route, answer};
use crate::web::board::Board;
use crate::web::error::Error;
use crate::web::respond::{self, Asked, blocking};
use crate::web::site::Site;

shape! {
    /// A vulnerability, a package of a channel, and what was found about the two.
    struct Suggestion {
        /// CVE-2024-3094, or the record's id where it has no CVE.
        cve: String,
        /// The channel.
        channel: String,
        /// The package's most plain attribute.
        package: String,
        /// Package name.
        pname: String,
        /// Version.
        version: String,
        /// The verdict.
        verdict: Verdict,
        /// In 0 to 1.
        confidence: f32,
        /// The first version that is not affected any more.
        fixed_in: Option<String>,
        /// Most important first.
        evidence: Vec<Evidence>,
        /// Of the vulnerability.
        severity: Severity,
    }
}

shape! {
    /// A piece of the list.
    struct SuggestionPage {
        /// By channel, then in the order in which the vulnerabilities were first seen. A vulnerability is never cut in two, so that a piece may
        /// hold more than was asked for.
        items: Vec<Suggestion>,
        /// What to give as `after` for the next piece; null at the end.
        next: Option<String>,
    }
}

/// Which suggestions.
#[derive(Debug, Clone, Default, Hash)]
struct Which {
    channel: Option<String>,
    /// (channel, name) of the clusters of a package.
    clusters: Option<Vec<(String, String)>>,
    verdict: Option<Wanted>,
    severity: Option<&'static str>,
}

/// Which verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wanted {
    /// Whatever asks somebody to do something.
    Open,
    /// This one.
    One(Verdict),
}

impl Wanted {
    fn all() -> Vec<Self> {
        std::iter::once(Self::Open).chain(Verdict::ALL.map(Self::One)).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::One(verdict) => verdict.name(),
        }
    }

    fn takes(self, verdict: Verdict) -> bool {
        match self {
            Self::Open => verdict.is_open(),
            Self::One(wanted) => wanted == verdict,
        }
    }
}

/// A place in the list: behind this vulnerability (by its key) of this channel. Names of channels compare as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    channel: String,
    key: i64,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let (channel, key) = text.rsplit_once(':')?;
        Some(Self {
            channel: channel.to_owned(),
            key: ask::key(key)?,
        })
    }

    fn write(&self) -> String {
        format!("{}:{}", self.channel, self.key)
    }
}

/// A place in the list as it is written again; `None` where the text is none.
pub fn rewritten(text: &str) -> Option<String> {
    Place::read(text).map(|place| place.write())
}

fn parameters() -> Vec<Parameter> {
    let verdicts = choice(Wanted::all().into_iter().map(Wanted::name));
    vec![
        ask::name("channel", "Only this channel."),
        ask::name("package", "Only the package with this attribute."),
        Parameter::query(
            "verdict",
            "Only this verdict; open stands for all that ask somebody to do something.",
            verdicts,
        ),
        Parameter::query(
            "severity",
            "Only this severity.",
            choice(Severity::ALL.map(crate::web::part::severity_name)),
        ),
        Parameter::query(
            "after",
            "Where to go on: `next` of an earlier answer.",
            json!({"type": "string", "pattern": "^[0-9A-Za-z._-]{0,150}:[0-9]{1,18}$"}),
        ),
    ]
}

fn read(site: &Site, query: &Query) -> Result<(Which, Place), Error> {
    let which = Which {
        channel: query.name("channel")?,
        clusters: match query.name("package")? {
            Some(attr) => Some(super::packages::clusters(site, &attr)?),
            None => None,
        },
        verdict: query.choice("verdict", &Wanted::all(), Wanted::name)?,
        severity: query
            .choice("severity", &Severity::ALL, crate::web::part::severity_name)?
            .map(crate::web::part::severity_name),
    };
    super::channels::known(site, which.channel.as_deref())?;
    let place = match query.text("after", 200)? {
        Some(text) => {
            Place::read(&text).ok_or_else(|| Error::parameter("after", &text, "expected what `next` of an earlier answer holds"))?
        }
        None => Place::default(),
    };
    Ok((which, place))
}

fn piece(site: &Site, board: &Board, which: &Which, place: Place, limit: usize) -> Result<(Vec<Suggestion>, Option<Place>), Error> {
    let mut channels: Vec<_> = board.channels().iter().collect();
    channels.sort_by(|a, b| a.name.cmp(&b.name));
    let mut found = Vec::new();
    for channel in channels {
        let wanted = which.channel.as_ref().is_none_or(|name| *name == channel.name);
        if !wanted || channel.name < place.channel {
            continue;
        }
        let from = if channel.name == place.channel { place.key } else { 0 };
        let (mut pairs, mut last) = (Vec::new(), from);
        for (facts, group) in channel.groups_behind(from) {
            if found.len() + pairs.len() >= limit {
                break;
            }
            last = facts.key;
            if which
                .severity
                .is_some_and(|severity| severity != crate::web::part::severity_name(facts.severity))
            {
                continue;
            }
            for pair in group {
                let Some(cluster) = channel.cluster(pair) else { continue };
                let of_package =
                    |clusters: &Vec<(String, String)>| clusters.iter().any(|(c, name)| *c == channel.name && *name == cluster.name);
                if which.verdict.is_none_or(|verdict| verdict.takes(pair.verdict)) && which.clusters.as_ref().is_none_or(of_package) {
                    pairs.push((facts, pair, cluster));
                }
            }
        }
        let keys: Vec<(i64, i64)> = pairs.iter().map(|(_, pair, _)| (pair.vulnerability, pair.cluster)).collect();
        // What is gone since the board was read is left out, as it will be from the next board.
        let mut details = site.store().pair_details(&channel.name, &keys)?.into_iter().peekable();
        for (facts, pair, cluster) in pairs {
            let Some(detail) = details.next_if(|detail| detail.pair == (pair.vulnerability, pair.cluster)) else {
                continue;
            };
            found.push(Suggestion {
                cve: facts.name.clone(),
                channel: channel.name.clone(),
                package: cluster.name.clone(),
                pname: cluster.pname.clone(),
                version: cluster.version.clone(),
                verdict: pair.verdict,
                confidence: pair.confidence,
                fixed_in: detail.fixed_in,
                evidence: detail.evidence,
                severity: facts.severity,
            });
        }
        if channel.groups_behind(last).next().is_some() {
            let place = Place {
                channel: channel.name.clone(),
                key: last,
            };
            return Ok((found, Some(place)));
        }
    }
    Ok((found, None))
}

/// `GET /api/v1/suggestions`
pub fn list() -> Route {
    let all = || parameters().into_iter().chain([ask::limit()]).collect::<Vec<_>>();
    let operation = Operation {
        method: "get",
        path: "/api/v1/suggestions",
        id: "listSuggestions",
        group: "Suggestions",
        summary: "List what was found",
        words: "Pairs of a vulnerability and a package that were matched, all verdicts included unless one is asked for.",
        parameters: all(),
        body: None,
        answer: Answer::json::<SuggestionPage>("A piece of the list."),
        problems: &[Kind::NotFound],
    };
    Route::get(operation, move |State(site): State<Arc<Site>>, asked: Asked| async move {
        let query = Query::of(asked.uri(), &all())?;
        let limit = query.limit()?;
        let found = blocking(move || {
            let (which, place) = read(&site, &query)?;
            let board = site.board()?;
            piece(&site, &board, &which, place, limit)
        });
        let (items, next) = found.await?;
        answer::json(&SuggestionPage {
            items,
            next: next.map(|place| place.write()),
        })
    })
}

/// `GET /api/v1/bulk/suggestions`
pub fn bulk() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/bulk/suggestions",
        id: "allSuggestions",
        group: "Bulk",
        summary: "All that was found",
        words: "One line each, in the order of the list, all of one state of the findings.",
        parameters: parameters(),
        body: None,
        answer: Answer::lines::<Suggestion>("All that are behind the place."),
        problems: &[Kind::NotFound],
    };
    Route::get(operation, |State(site): State<Arc<Site>>, asked: Asked| async move {
        let query = Query::of(asked.uri(), &parameters())?;
        let state = Arc::clone(&site);
        let (which, place, board) = blocking(move || {
            let (which, place) = read(&state, &query)?;
            Ok((which, place, state.board()?))
        })
        .await?;
        let tag = respond::tag(format!("{:?} {which:?} {place:?}", board.marks()).as_bytes());
        answer::lines(&tag, place, move |at| piece(&site, &board, &which, at, PIECE))
    })
}
