//! Our own format: one versioned object, or one object a line. Documented in the book, in `scan/formats.md`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::view::{Entry, Group, PackageView, View};
use super::words::{self, TOOL, VERSION};

/// Members may be added under the same number; one that is renamed, removed or means something else raises it.
const FORMAT_VERSION: u32 = 1;

pub fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        head: Head::of(view),
        packages: packages(view).collect(),
        findings: findings(view).collect(),
    };
    words::json(&document, true, out)
}

pub fn write_lines(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    words::json(&Line::of("report", Head::of(view)), false, out)?;
    for package in packages(view) {
        words::json(&Line::of("package", package), false, out)?;
    }
    for finding in findings(view) {
        words::json(&Line::of("finding", finding), false, out)?;
    }
    Ok(())
}

fn packages<'a>(view: &'a View<'a>) -> impl Iterator<Item = Package<'a>> {
    view.packages
        .iter()
        .enumerate()
        .map(|(index, package)| Package::of(index, package, view))
}

fn findings<'a>(view: &'a View<'a>) -> impl Iterator<Item = Finding<'a>> {
    view.entries.iter().map(|entry| Finding::of(entry, view))
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    packages: Vec<Package<'a>>,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    value: T,
}

impl<T> Line<T> {
    fn of(kind: &'static str, value: T) -> Self {
        Self { kind, value }
    }
}

#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    version: u32,
    tool: Tool,
    id: &'a str,
    time: String,
    targets: &'a [String],
    snapshot: Snapshot<'a>,
    summary: Summary,
    problems: &'a [String],
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    serial: u64,
    digest: &'a str,
    created: String,
    age_s: i64,
    sources: Vec<SourceOfData<'a>>,
    channels: &'a [String],
}

#[derive(Serialize)]
struct SourceOfData<'a> {
    name: &'a str,
    time: String,
}

#[derive(Serialize)]
struct Summary {
    parts: usize,
    packages: usize,
    findings: usize,
    open: usize,
    decided: usize,
    exploited: usize,
    open_by_severity: BTreeMap<&'static str, usize>,
    by_verdict: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Package<'a> {
    index: usize,
    pname: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    attr: &'a str,
    purl: &'a str,
    seen: &'static str,
    store_paths: Vec<&'a str>,
    drv_path: Option<&'a str>,
    patches: &'a [String],
    vendored: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    sealed: &'a [String],
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    inside: &'a [u32],
}

#[derive(Serialize)]
struct Finding<'a> {
    fingerprint: &'a str,
    id: &'a str,
    aliases: &'a [String],
    package: usize,
    pname: &'a str,
    package_version: &'a str,
    /// The packages that carry it.
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    inside: &'a [u32],
    verdict: &'static str,
    open: bool,
    confidence: f64,
    evidence: &'a [vuln::verdict::Evidence],
    severity: &'static str,
    score: Option<f64>,
    scores: Vec<Score<'a>>,
    epss: Option<Epss>,
    exploited_since: Option<&'a str>,
    title: Option<&'a str>,
    description: &'a str,
    published: Option<&'a str>,
    modified: Option<&'a str>,
    cwes: &'a [String],
    references: &'a [String],
    fixed_in: Option<&'a str>,
    fixed_channels: Vec<Channel<'a>>,
    why: Vec<&'a str>,
    decision: Option<Decision<'a>>,
}

#[derive(Serialize)]
struct Score<'a> {
    provider: &'a str,
    version: &'static str,
    vector: &'a str,
    value: Option<f64>,
}

#[derive(Serialize)]
struct Epss {
    score: f64,
    percentile: f64,
}

#[derive(Serialize)]
struct Channel<'a> {
    channel: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Decision<'a> {
    status: &'static str,
    reason: &'a str,
    justification: Option<&'a str>,
    until: Option<&'a str>,
    source: &'a str,
}

impl<'a> Head<'a> {
    fn of(view: &'a View<'a>) -> Self {
        let knowledge = &view.report.knowledge;
        let open = |e: &&Entry<'_>| e.finding.exploited_since.is_some();
        Self {
            format: "firn-scan-report",
            version: FORMAT_VERSION,
            tool: Tool {
                name: TOOL,
                version: VERSION,
            },
            id: &view.uuid,
            time: words::rfc3339(view.report.time),
            targets: &view.report.inventory.targets,
            snapshot: Snapshot {
                serial: knowledge.serial,
                digest: &knowledge.digest,
                created: words::rfc3339(knowledge.created),
                age_s: view.report.age(),
                sources: knowledge
                    .sources
                    .iter()
                    .map(|(name, time)| SourceOfData {
                        name,
                        time: words::rfc3339(*time),
                    })
                    .collect(),
                channels: &knowledge.channels,
            },
            summary: Summary {
                parts: view.report.inventory.parts.len(),
                packages: view.packages.len(),
                findings: view.entries.len(),
                open: view.group(Group::Open).count(),
                decided: view.group(Group::Settled).count(),
                exploited: view.group(Group::Open).filter(open).count(),
                open_by_severity: view.open_by_severity().into_iter().map(|(s, n)| (s.name(), n)).collect(),
                by_verdict: view.by_verdict().into_iter().map(|(v, n)| (v.name(), n)).collect(),
            },
            problems: &view.report.inventory.problems,
        }
    }
}

impl<'a> Package<'a> {
    fn of(index: usize, package: &'a PackageView<'a>, view: &'a View<'a>) -> Self {
        let facts = &package.scanned.package;
        Self {
            index,
            pname: &facts.pname,
            version: &facts.version,
            attr: &facts.attr,
            purl: &package.purl,
            seen: package.scanned.seen.name(),
            store_paths: if package.stands_for_itself() {
                view.paths(index).collect()
            } else {
                Vec::new()
            },
            drv_path: facts.drv_path.as_deref(),
            patches: &facts.patches,
            vendored: &package.scanned.vendored,
            sealed: &package.scanned.sealed,
            inside: &package.scanned.inside,
        }
    }
}

impl<'a> Finding<'a> {
    fn of(entry: &'a Entry<'a>, view: &'a View<'a>) -> Self {
        let finding = entry.finding;
        let facts = view.package(entry).map(|p| &p.scanned.package);
        let value = |score: &vuln::score::Score| score.value().map(|v| words::decimals(v, 1));
        Self {
            fingerprint: &entry.fingerprint,
            id: &finding.id,
            aliases: &finding.aliases,
            package: entry.package,
            pname: facts.map_or("", |p| &p.pname),
            package_version: facts.map_or("", |p| &p.version),
            inside: view.package(entry).map_or(&[], |p| p.scanned.inside.as_slice()),
            verdict: finding.verdict.name(),
            open: entry.group == Group::Open,
            confidence: words::decimals(finding.confidence, 3),
            evidence: &finding.evidence,
            severity: entry.severity.name(),
            score: finding.leading().and_then(value),
            scores: finding
                .scores
                .iter()
                .map(|score| Score {
                    provider: &score.provider,
                    version: score.version.name(),
                    vector: &score.vector,
                    value: value(score),
                })
                .collect(),
            epss: finding.epss.map(|(score, percentile)| Epss {
                score: words::decimals(score, 5),
                percentile: words::decimals(percentile, 5),
            }),
            exploited_since: finding.exploited_since.as_deref(),
            title: finding.title.as_deref(),
            description: &finding.description,
            published: finding.published.as_deref(),
            modified: finding.modified.as_deref(),
            cwes: &finding.cwes,
            references: &finding.references,
            fixed_in: finding.fixed_in.as_deref(),
            fixed_channels: finding
                .fixed_channels
                .iter()
                .map(|(channel, version)| Channel { channel, version })
                .collect(),
            why: view
                .why(entry.package)
                .into_iter()
                .filter_map(|part| Some(view.part(part)?.name.as_str()))
                .collect(),
            decision: finding.decision.as_ref().map(|d| Decision {
                status: d.status.name(),
                reason: &d.reason,
                justification: d.justification.as_deref(),
                until: d.until.as_deref(),
                source: &d.source,
            }),
        }
    }
}
