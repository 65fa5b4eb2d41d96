//! `POST /api/v1/check`: what is vulnerable in a list of packages.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::routing::post;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use vuln::score::Severity;
use vuln::verdict::{Evidence, Verdict};

use super::ask::Query;
use super::operation::{Answer, Operation};
use super::problem::Kind;
use super::shape::{Book, shape};
use super::{Route, answer};
use crate::check::{self, Asked as Package, CheckError, Checked, Name};
use crate::web::error::Error;
use crate::web::respond::{Asked, blocking};
use crate::web::site::Site;

/// Packages of one request.
pub(super) const MOST: usize = 10_000;
/// Characters of a name or a version.
pub(super) const NAME: usize = 500;
/// Patches of one package.
const PATCHES: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default, deserialize_with = "given")]
    channel: Option<String>,
    #[serde(deserialize_with = "at_most_packages")]
    packages: Vec<Object<Entry>>,
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default, deserialize_with = "given")]
    attr: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pname: Option<String>,
    version: String,
    #[serde(default, deserialize_with = "at_most_patches")]
    patches: Option<Vec<String>>,
}

/// What may be left out, and is not null where it is there.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

fn at_most_packages<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Object<Entry>>, D::Error> {
    let what = "packages: send them in several requests";
    from.deserialize_seq(AtMost::new(MOST, what))
}

fn at_most_patches<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    from.deserialize_seq(AtMost::new(PATCHES, "patches of one package")).map(Some)
}

/// A list that is refused where it gets too long, before the rest of it takes memory; and what it is of.
pub(super) struct AtMost<T>(usize, &'static str, PhantomData<T>);

impl<T> AtMost<T> {
    /// So many of something.
    pub fn new(most: usize, what: &'static str) -> Self {
        Self(most, what, PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} {}", self.0, self.1)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = list.next_element()? {
            if members.len() == self.0 {
                return Err(serde::de::Error::custom(format_args!("more than {} {}", self.0, self.1)));
            }
            members.push(member);
        }
        Ok(members)
    }
}

/// An object. Serde takes a list of its members for one, too; the document knows nothing of that.
#[derive(Debug)]
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        from.deserialize_map(Members(PhantomData))
    }
}

fn request(book: &mut Book) -> Value {
    let text = |words: &str| json!({"type": "string", "minLength": 1, "maxLength": NAME, "description": words});
    book.named("CheckRequest", |book| {
        let package = book.named("CheckPackage", |_| {
            json!({
                "type": "object",
                "description": "A package that somebody has, by its attribute or by its package name.",
                "required": ["version"],
                "anyOf": [{"required": ["attr"]}, {"required": ["pname"]}],
                "additionalProperties": false,
                "properties": {
                    "attr": text("Attribute; it goes before the package name."),
                    "pname": text("Package name, as the name of a store path has it before the version."),
                    "version": {"type": "string", "maxLength": NAME, "description": "Version."},
                    "patches": {
                        "type": "array", "maxItems": PATCHES, "items": {"type": "string", "maxLength": NAME},
                        "description": "Names of its patches. Left out, it has those of the channel's package of this version.",
                    },
                },
            })
        });
        json!({
            "type": "object",
            "description": "Packages to check.",
            "required": ["packages"],
            "additionalProperties": false,
            "properties": {
                "channel": text("Among whose packages they are judged. Left out, it is the channel that has most of them."),
                "packages": {"type": "array", "maxItems": MOST, "items": package, "description": "At most 10,000."},
                "all": {"type": "boolean", "default": false, "description": "Tell of what is fixed or never was in them, too."},
            },
        })
    })
}

shape! {
    /// What is known of packages, in the order in which they were asked about.
    struct CheckAnswer {
        /// Among whose packages they were judged; null where no channel is matched yet.
        channel: Option<String>,
        /// Its revision.
        revision: Option<String>,
        /// When the channel was matched: seconds since 1970.
        matched_at: Option<i64>,
        /// One for each package.
        items: Vec<CheckedPackage>,
    }
}

shape! {
    /// What is known of one package.
    struct CheckedPackage {
        /// The most plain attribute of the channel's package of that name; null where the channel has none.
        package: Option<String>,
        /// The version that the channel has.
        channel_version: Option<String>,
        /// What concerns it or would without a patch, worst first; the rest too where `all` asked for it.
        findings: Vec<CheckFinding>,
        /// How many more vulnerabilities of the software do not concern it.
        settled: usize,
    }
}

shape! {
    /// A vulnerability of a package.
    struct CheckFinding {
        /// CVE-2024-3094, or the record's id where it has no CVE.
        id: String,
        /// One line; may be empty.
        title: String,
        /// Of the vulnerability.
        severity: Severity,
        /// CVSS base score.
        score: Option<f32>,
        /// When it came into CISA's list of exploited vulnerabilities.
        exploited_since: Option<String>,
        /// EPSS score in 0 to 1.
        epss: Option<f32>,
        /// When, as the source wrote it.
        published: Option<String>,
        /// The verdict.
        verdict: Verdict,
        /// In 0 to 1.
        confidence: f32,
        /// The first version that is not affected any more.
        fixed_in: Option<String>,
        /// Most important first.
        evidence: Vec<Evidence>,
    }
}

impl From<Checked> for CheckedPackage {
    fn from(checked: Checked) -> Self {
        let (package, channel_version) = checked.known_as.unzip();
        let finding = |found: check::Found| CheckFinding {
            id: found.facts.name,
            title: found.facts.title,
            severity: found.facts.severity,
            score: found.facts.score,
            exploited_since: found.facts.kev_date,
            epss: found.facts.epss,
            published: found.facts.published,
            verdict: found.verdict,
            confidence: found.confidence,
            fixed_in: found.fixed_in,
            evidence: found.evidence,
        };
        Self {
            package,
            channel_version,
            findings: checked.findings.into_iter().map(finding).collect(),
            settled: checked.settled,
        }
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(source) => Error::Store { source },
            CheckError::NoSnapshot => Error::NotYet {
                what: "packages that are not a channel's own are judged with a snapshot, and none has been made yet",
            },
            CheckError::TooMany => Error::Content {
                message: error.to_string(),
            },
            CheckError::Snapshot(error) => {
                tracing::error!(%error, "check packages");
                Error::Panic
            }
        }
    }
}

/// `POST /api/v1/check`
pub fn check() -> Route {
    let operation = Operation {
        method: "post",
        path: "/api/v1/check",
        id: "check",
        group: "Check",
        summary: "What is vulnerable in a list of packages",
        words: "For packages of a system, a closure or an SBOM, whatever their versions. The same rules judge them as the channel's own packages.",
        parameters: vec![],
        body: Some(request),
        answer: Answer::json::<CheckAnswer>("One entry for each package, in the same order."),
        problems: &[
            Kind::Json,
            Kind::NotFound,
            Kind::Waiting,
            Kind::TooLarge,
            Kind::Media,
            Kind::Content,
        ],
    };
    let handler = |State(site): State<Arc<Site>>, asked: Asked, headers: HeaderMap, body: Body| async move {
        Query::of(asked.uri(), &[])?;
        let bytes = own_body(&site, &headers, body).await?;
        let place = site.check_place().await;
        blocking(move || {
            let _place = place;
            let (channel, packages, all) = question(&bytes)?;
            answer::json(&run(&site, channel, &packages, all)?)
        })
        .await
    };
    Route {
        operation,
        handler: post(handler),
    }
}

/// The body of a request for a check, whose headers say that it is JSON, and not too large.
pub(super) async fn own_body(site: &Site, headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, Error> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        let given = given.chars().take(60).collect::<String>();
        return Err(Error::Media {
            given: if given.is_empty() { "nothing".to_owned() } else { given },
        });
    }
    let limits = &site.service().limits;
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body as u64) {
        return Err(Error::TooLarge { limit: limits.body });
    }
    read(body, limits.body, limits.answer).await
}

async fn read(body: Body, limit: usize, patience: Duration) -> Result<axum::body::Bytes, Error> {
    let waiting = Error::Waiting {
        seconds: patience.as_secs(),
    };
    let read = tokio::time::timeout(patience, body::to_bytes(body, limit))
        .await
        .map_err(|_| waiting)?;
    // A body that breaks off has nobody who would read the answer.
    read.map_err(|_| Error::TooLarge { limit })
}

/// Reads a request.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Error> {
    let parsed: Result<Object<T>, _> = serde_json::from_slice(bytes);
    parsed.map(|Object(request)| request).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Error::Content {
            message: error.to_string(),
        },
        _ => Error::Json {
            message: error.to_string(),
        },
    })
}

/// What a body asks: among the packages of which channel, about which packages, and whether about what is settled too.
pub fn question(body: &[u8]) -> Result<(Option<String>, Vec<Package>, bool), Error> {
    let request: Request = parse(body)?;
    let wrong = |message: String| Error::Content { message };
    let is_name = |text: &String| !text.is_empty() && text.chars().count() <= NAME;
    if request.channel.as_ref().is_some_and(|channel| !is_name(channel)) {
        return Err(wrong(format!("channel: 1 to {NAME} characters are expected")));
    }
    let mut packages = Vec::with_capacity(request.packages.len());
    for (n, Object(entry)) in request.packages.into_iter().enumerate() {
        if [&entry.attr, &entry.pname].into_iter().flatten().any(|name| !is_name(name)) {
            return Err(wrong(format!("packages[{n}]: names have 1 to {NAME} characters")));
        }
        let long = |text: &String| text.chars().count() > NAME;
        if long(&entry.version) || entry.patches.iter().flatten().any(long) {
            return Err(wrong(format!("packages[{n}]: versions and patches have at most {NAME} characters")));
        }
        let name = match (entry.attr, entry.pname) {
            (Some(attr), _) => Name::Attr(attr),
            (None, Some(pname)) => Name::Pname(pname),
            (None, None) => return Err(wrong(format!("packages[{n}]: attr or pname is missing"))),
        };
        packages.push(Package {
            name,
            version: entry.version,
            patches: entry.patches,
        });
    }
    Ok((request.channel, packages, request.all))
}

fn run(site: &Site, channel: Option<String>, packages: &[Package], all: bool) -> Result<CheckAnswer, Error> {
    super::channels::known(site, channel.as_deref())?;
    let board = site.board()?;
    let snapshot = site.snapshot()?;
    let channel = match channel {
        Some(channel) => Some(channel),
        None => {
            let names: Vec<&str> = board.channels().iter().map(|channel| channel.name.as_str()).collect();
            check::likeliest(site.store(), snapshot.as_deref(), &names, packages)?
        }
    };
    let Some(channel) = channel else {
        return Ok(CheckAnswer {
            channel: None,
            revision: None,
            matched_at: None,
            items: packages.iter().map(|_| Checked::default().into()).collect(),
        });
    };
    let told = site.store().channels()?.into_iter().find(|known| known.name == channel);
    let own = board.channel(&channel).map(|board| &**board);
    let checked = check::check(site.store(), snapshot.as_deref(), &channel, own, packages, all)?;
    Ok(CheckAnswer {
        revision: told.as_ref().and_then(|told| told.revision.clone()),
        matched_at: told.and_then(|told| told.matched_at),
        channel: Some(channel),
        items: checked.into_iter().map(CheckedPackage::from).collect(),
    })
}
