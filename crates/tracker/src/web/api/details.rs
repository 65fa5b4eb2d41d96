//! `POST /api/v1/check/details`: the same question as a scanner asks it, with all that the newest snapshot would tell it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use judging::finding::{Finding, Report};
use judging::inventory::{Inventory, Part, Scanned, Seen};
use judging::judge::{self, Depth, JudgeError};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use vuln::package::{Package, ScriptId};
use vuln::verdict::{Evidence, Verdict};

use super::check::{AtMost, MOST, NAME, Object, given, own_body, parse};
use super::operation::{Answer, Operation};
use super::problem::Kind;
use super::shape::{Book, choice, shape};
use super::{Route, answer};
use crate::check::CheckError;
use crate::config::now;
use crate::snapshot::Newest;
use crate::web::error::Error;
use crate::web::respond::{Asked, blocking};
use crate::web::site::Site;

/// Texts of one list of a package.
const TEXTS: usize = 1000;
/// Characters of such a text.
const TEXT: usize = 2000;
/// Findings of one answer: each may bring a description, scores and addresses.
const FINDINGS: usize = 50_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default, deserialize_with = "given")]
    channel: Option<String>,
    #[serde(deserialize_with = "packages")]
    packages: Vec<Object<Entry>>,
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    attr: String,
    pname: String,
    version: String,
    #[serde(default)]
    system: String,
    seen: String,
    #[serde(default)]
    inside: bool,
    #[serde(default, deserialize_with = "texts")]
    paths: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    patches: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    script_ids: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    source_urls: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    source_names: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    homepages: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    cpes: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    possible_cpes: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    purls: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    known_vulnerabilities: Vec<String>,
}

fn packages<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Object<Entry>>, D::Error> {
    from.deserialize_seq(AtMost::new(MOST, "packages: send them in several requests"))
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let texts: Vec<String> = from.deserialize_seq(AtMost::new(TEXTS, "texts"))?;
    if texts.iter().any(|text| text.chars().count() > TEXT) {
        return Err(serde::de::Error::custom(format_args!("a text of more than {TEXT} characters")));
    }
    Ok(texts)
}

fn request(book: &mut Book) -> Value {
    let text = |words: &str| json!({"type": "string", "maxLength": NAME, "description": words});
    let texts =
        |words: &str| json!({"type": "array", "maxItems": TEXTS, "items": {"type": "string", "maxLength": TEXT}, "description": words});
    book.named("DetailsRequest", |book| {
        let package = book.named("DetailsPackage", |_| {
            let mut seen = choice(Seen::ALL.map(Seen::name));
            seen["description"] =
                "Where this is known from: the less is seen, the less certain is what is affected. channel stands for the package of that attribute, name and version that the channel itself has."
                    .into();
            json!({
                "type": "object",
                "description": "A package that somebody has, with what is known of it. Lists left out are empty.",
                "required": ["pname", "version", "seen"],
                "additionalProperties": false,
                "properties": {
                    "attr": text("Attribute."),
                    "pname": {"type": "string", "minLength": 1, "maxLength": NAME, "description": "Package name."},
                    "version": text("Version."),
                    "system": text("What it is built for: x86_64-linux. Left out, it may be any."),
                    "seen": seen,
                    "inside": {"type": "boolean", "default": false, "description": "Whether it is a library that other packages carry inside."},
                    "paths": texts("Its store paths: one that a channel has says which package it is."),
                    "patches": texts("File names of its patches."),
                    "script_ids": texts("Vulnerabilities that its build script names, each followed by a space and the attribute that holds the script."),
                    "source_urls": texts("Addresses of its sources."),
                    "source_names": texts("Names of its sources in the store."),
                    "homepages": texts("Addresses."),
                    "cpes": texts("CPE names."),
                    "possible_cpes": texts("CPE names that are guesses."),
                    "purls": texts("Package URLs; of a library of a registry the first one says which."),
                    "known_vulnerabilities": texts("What the package set itself says is wrong with it."),
                },
            })
        });
        json!({
            "type": "object",
            "description": "Packages to check.",
            "required": ["packages"],
            "additionalProperties": false,
            "properties": {
                "channel": {"type": "string", "minLength": 1, "maxLength": NAME, "description": "Among whose packages they are judged. Left out, it is the channel that most of them are from."},
                "packages": {"type": "array", "maxItems": MOST, "items": package, "description": "At most 10,000."},
                "all": {"type": "boolean", "default": false, "description": "Tell everything of what is fixed or never was in them, too, and not only the verdict."},
            },
        })
    })
}

shape! {
    /// What is known of packages.
    struct DetailsAnswer {
        /// Among whose packages they were judged; null where none has any of them.
        channel: Option<String>,
        /// What they were judged with.
        snapshot: UsedSnapshot,
        /// One for each package, in the order in which they were asked about.
        packages: Vec<KnownPackage>,
        /// The vulnerabilities that findings are about.
        vulnerabilities: Vec<KnownVulnerability>,
        /// Worst first.
        findings: Vec<DetailedFinding>,
    }
}

shape! {
    /// The snapshot of the tracker's data that answers come from.
    struct UsedSnapshot {
        /// A later one has a higher number.
        serial: u64,
        /// Its root digest, hexadecimal.
        digest: String,
        /// When it was made: seconds since 1970.
        created: i64,
        /// The sources in it.
        sources: Vec<SourceTime>,
        /// The channels in it.
        channels: Vec<String>,
    }
}

shape! {
    /// A source with the time of its data.
    struct SourceTime {
        /// nvd.
        name: String,
        /// Seconds since 1970.
        date: i64,
    }
}

shape! {
    /// A package with what channels know of it.
    struct KnownPackage {
        /// Where its patches are known from.
        seen: String,
        /// Attribute; empty where no channel has it.
        attr: String,
        /// Package name.
        pname: String,
        /// Version.
        version: String,
        /// Where it is defined.
        position: Option<String>,
        /// One line.
        description: Option<String>,
        /// Addresses.
        homepages: Vec<String>,
        /// Addresses.
        changelogs: Vec<String>,
        /// SPDX ids, else short names.
        licenses: Vec<String>,
        /// Who looks after it.
        maintainers: Vec<KnownMaintainer>,
        /// Short names of teams.
        teams: Vec<String>,
        /// What the package set itself says is wrong with it.
        known_vulnerabilities: Vec<String>,
        /// Other pages about the software.
        pages: Vec<String>,
        /// CPE names.
        cpes: Vec<String>,
        /// CPE names that are guesses.
        possible_cpes: Vec<String>,
        /// Package URLs.
        purls: Vec<String>,
        /// Addresses of its sources.
        source_urls: Vec<String>,
        /// Names of its sources in the store.
        source_names: Vec<String>,
        /// File names of its patches.
        patches: Vec<String>,
        /// Vulnerabilities that its build script names.
        script_ids: Vec<KnownScriptId>,
    }
}

shape! {
    /// A maintainer.
    struct KnownMaintainer {
        /// Name.
        name: String,
        /// GitHub handle.
        github: Option<String>,
    }
}

shape! {
    /// A vulnerability that a build script names.
    struct KnownScriptId {
        /// CVE-2016-9447.
        id: String,
        /// The attribute that holds the script.
        phase: String,
    }
}

shape! {
    /// What records say of a vulnerability.
    struct KnownVulnerability {
        /// CVE-2024-3094, or the record's id where it has no CVE.
        id: String,
        /// Other ids.
        aliases: Vec<String>,
        /// One line.
        title: Option<String>,
        /// At most 4096 bytes; may be empty.
        description: String,
        /// All scores of all sources.
        scores: Vec<KnownScore>,
        /// Place of the one that decides the severity.
        leading_score: Option<usize>,
        /// EPSS score and percentile, each in 0 to 1.
        epss: Option<Vec<f32>>,
        /// When it came into CISA's list of exploited vulnerabilities.
        exploited_since: Option<String>,
        /// When, as the source wrote it.
        published: Option<String>,
        /// When, as the source wrote it.
        modified: Option<String>,
        /// CWE-79.
        cwes: Vec<String>,
        /// Addresses.
        references: Vec<String>,
    }
}

shape! {
    /// A CVSS score.
    struct KnownScore {
        /// Who scored.
        provider: String,
        /// 2.0, 3.0, 3.1 or 4.0.
        version: String,
        /// As written.
        vector: String,
        /// The base score that the record states.
        published: Option<f32>,
        /// The score computed from the vector.
        computed: Option<f32>,
    }
}

shape! {
    /// A vulnerability of a package.
    struct DetailedFinding {
        /// Place in packages.
        package: usize,
        /// Place in vulnerabilities.
        vulnerability: usize,
        /// The verdict.
        verdict: Verdict,
        /// In 0 to 1.
        confidence: f32,
        /// Most important first.
        evidence: Vec<Evidence>,
        /// The first version that is not affected any more.
        fixed_in: Option<String>,
        /// Channels that have the package without the fault.
        fixed_channels: Vec<FixedChannel>,
    }
}

shape! {
    /// A channel that has a package without the fault.
    struct FixedChannel {
        /// The channel.
        channel: String,
        /// The version that it has.
        version: String,
    }
}

/// `POST /api/v1/check/details`
pub fn details() -> Route {
    let operation = Operation {
        method: "post",
        path: "/api/v1/check/details",
        id: "checkDetails",
        group: "Check",
        summary: "What is vulnerable in a list of packages, with all that a scanner prints",
        words: "For scanners: the answer is the one that the tracker's newest snapshot would give them. Counted and limited as /api/v1/check is.",
        parameters: vec![],
        body: Some(request),
        answer: Answer::json::<DetailsAnswer>("Packages, vulnerabilities, and findings that join them."),
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
        super::ask::Query::of(asked.uri(), &[])?;
        let bytes = own_body(&site, &headers, body).await?;
        let place = site.check_place().await;
        blocking(move || {
            let _place = place;
            answer::json(&run(&site, question(&bytes)?)?)
        })
        .await
    };
    Route {
        operation,
        handler: post(handler),
    }
}

/// What a body asks: among the packages of which channel, about which packages, and whether about what is settled too.
pub fn question(body: &[u8]) -> Result<(Option<String>, Inventory, bool), Error> {
    let request: Request = parse(body)?;
    let count = request.packages.len();
    let mut inventory = Inventory::default();
    for (n, Object(entry)) in request.packages.into_iter().enumerate() {
        add(entry, n, count, &mut inventory)?;
    }
    Ok((request.channel, inventory, request.all))
}

fn run(site: &Site, (channel, mut inventory, all): (Option<String>, Inventory, bool)) -> Result<DetailsAnswer, Error> {
    let newest = site.snapshot()?.ok_or(CheckError::NoSnapshot)?;
    let failed = |error| Error::from(CheckError::Snapshot(error));
    let asked = judge::Asked {
        depth: if all { Depth::All } else { Depth::Open },
        channel: channel.as_deref(),
        most: FINDINGS,
    };
    let count = inventory.packages.len();
    if let Some(channel) = asked.channel {
        take_own(site, channel, &mut inventory, &newest)?;
    }
    let report = judge::judge_as(asked, inventory, &newest, now()).map_err(|error| match error {
        JudgeError::Snapshot(error) => failed(error),
        JudgeError::NoChannel(name) => Error::NotFound {
            what: format!("a channel {}", name.chars().take(60).collect::<String>()),
        },
        JudgeError::TooMany(_) => CheckError::TooMany.into(),
    })?;
    Ok(tell(report, count))
}

/// Adds a package that was asked about. A library that others carry has one carrier, of which nothing is known: behind all the packages.
fn add(entry: Entry, n: usize, count: usize, inventory: &mut Inventory) -> Result<(), Error> {
    let wrong = |what: &str| Error::Content {
        message: format!("packages[{n}]: {what}"),
    };
    let long = |text: &String| text.chars().count() > NAME;
    if entry.pname.is_empty() || [&entry.attr, &entry.pname, &entry.version, &entry.system].into_iter().any(long) {
        return Err(wrong("names have 1 to 500 characters, and versions and systems at most as many"));
    }
    let seen = Seen::ALL.into_iter().find(|seen| seen.name() == entry.seen);
    let seen = seen.ok_or_else(|| wrong("seen: one of derivation, channel, sbom, store_path, registry is expected"))?;
    let number = u32::try_from(n).unwrap_or(u32::MAX);
    inventory.parts.extend(entry.paths.into_iter().map(|name| Part {
        name,
        package: Some(number),
        ..Part::default()
    }));
    let script_id = |text: &String| {
        let (id, phase) = text.split_once(' ').unwrap_or((text, ""));
        ScriptId {
            id: id.to_owned(),
            phase: phase.to_owned(),
        }
    };
    inventory.packages.push(Scanned {
        package: Package {
            attr: entry.attr,
            pname: entry.pname,
            version: entry.version,
            system: entry.system,
            homepages: entry.homepages,
            known_vulnerabilities: entry.known_vulnerabilities,
            cpes: entry.cpes,
            possible_cpes: entry.possible_cpes,
            purls: entry.purls,
            source_urls: entry.source_urls,
            source_names: entry.source_names,
            patches: entry.patches,
            script_ids: entry.script_ids.iter().map(script_id).collect(),
            ..Package::default()
        },
        seen,
        inside: if entry.inside {
            vec![u32::try_from(count).unwrap_or(u32::MAX)]
        } else {
            Vec::new()
        },
        ..Scanned::default()
    });
    Ok(())
}

/// Puts the channel's own packages in the place of those that stand for them.
fn take_own(site: &Site, channel: &str, inventory: &mut Inventory, newest: &Newest) -> Result<(), Error> {
    let stands = |scanned: &&mut Scanned| scanned.seen == Seen::Channel && !scanned.package.attr.is_empty();
    let standing: Vec<&mut Scanned> = inventory.packages.iter_mut().filter(stands).collect();
    let attrs: Vec<String> = standing.iter().map(|scanned| scanned.package.attr.clone()).collect();
    let places = site.store().places(channel, &attrs)?;
    let known = newest.header().channels.iter().find(|known| known.name == channel);
    let shows_patches = known.is_some_and(|known| known.shows_patches);
    for (scanned, place) in standing.into_iter().zip(places) {
        let same = place.filter(|place| place.version == scanned.package.version);
        // Without derivations a channel knows no more of patches than a store path's name does.
        if same.is_none() || !shows_patches {
            scanned.seen = Seen::StorePath;
        }
        if let Some(place) = same {
            scanned.package = place.facts;
        }
    }
    Ok(())
}

fn tell(report: Report, count: usize) -> DetailsAnswer {
    let knowledge = report.knowledge;
    let mut vulnerabilities: Vec<KnownVulnerability> = Vec::new();
    // What is only settled comes without anything about it: another entry than the one that says everything.
    let mut known: HashMap<(String, bool), usize> = HashMap::new();
    let mut findings = Vec::with_capacity(report.findings.len());
    for finding in report.findings {
        let package = finding.package as usize;
        if package >= count {
            continue;
        }
        let is_bare = finding.evidence.first().is_some_and(|first| first.rule == "channel-verdict");
        let next = vulnerabilities.len();
        let vulnerability = *known.entry((finding.id.clone(), is_bare)).or_insert(next);
        let (about, finding) = split(finding, vulnerability);
        if vulnerability == next {
            vulnerabilities.push(about);
        }
        findings.push(finding);
    }
    DetailsAnswer {
        channel: knowledge.context,
        snapshot: UsedSnapshot {
            serial: knowledge.serial,
            digest: knowledge.digest,
            created: knowledge.created,
            sources: knowledge
                .sources
                .into_iter()
                .map(|(name, date)| SourceTime { name, date })
                .collect(),
            channels: knowledge.channels,
        },
        packages: report.inventory.packages.into_iter().take(count).map(known_package).collect(),
        vulnerabilities,
        findings,
    }
}

fn split(finding: Finding, vulnerability: usize) -> (KnownVulnerability, DetailedFinding) {
    let score = |score: vuln::score::Score| KnownScore {
        provider: score.provider,
        version: score.version.name().to_owned(),
        vector: score.vector,
        published: score.published,
        computed: score.computed,
    };
    let about = KnownVulnerability {
        id: finding.id,
        aliases: finding.aliases,
        title: finding.title,
        description: finding.description,
        scores: finding.scores.into_iter().map(score).collect(),
        leading_score: finding.leading_score,
        epss: finding.epss.map(|(score, percentile)| vec![score, percentile]),
        exploited_since: finding.exploited_since,
        published: finding.published,
        modified: finding.modified,
        cwes: finding.cwes,
        references: finding.references,
    };
    let fixed = |(channel, version): (String, String)| FixedChannel { channel, version };
    let detailed = DetailedFinding {
        package: finding.package as usize,
        vulnerability,
        verdict: finding.verdict,
        confidence: finding.confidence,
        evidence: finding.evidence,
        fixed_in: finding.fixed_in,
        fixed_channels: finding.fixed_channels.into_iter().map(fixed).collect(),
    };
    (about, detailed)
}

fn known_package(scanned: Scanned) -> KnownPackage {
    let package = scanned.package;
    let maintainer = |m: vuln::package::Maintainer| KnownMaintainer {
        name: m.name,
        github: m.github,
    };
    let script_id = |s: ScriptId| KnownScriptId { id: s.id, phase: s.phase };
    KnownPackage {
        seen: scanned.seen.name().to_owned(),
        attr: package.attr,
        pname: package.pname,
        version: package.version,
        position: package.position,
        description: package.description,
        homepages: package.homepages,
        changelogs: package.changelogs,
        licenses: package.licenses,
        maintainers: package.maintainers.into_iter().map(maintainer).collect(),
        teams: package.teams,
        known_vulnerabilities: package.known_vulnerabilities,
        pages: package.pages,
        cpes: package.cpes,
        possible_cpes: package.possible_cpes,
        purls: package.purls,
        source_urls: package.source_urls,
        source_names: package.source_names,
        patches: package.patches,
        script_ids: package.script_ids.into_iter().map(script_id).collect(),
    }
}
