//! Vulnerabilities: a list, all of them, one of them, and what changed.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;
use vuln::score::Severity;
use vuln::verdict::{Disposition, Evidence, Verdict};

use super::ask::{self, Query};
use super::operation::{Answer, Operation, Parameter};
use super::problem::Kind;
use super::shape::shape;
use super::{Route, answer};
use crate::store::read::{After, DispositionRow, Listed, Mark, RecordRow, VerdictRow};
use crate::web::error::Error;
use crate::web::respond::{Asked, Segments, blocking};
use crate::web::site::Site;

shape! {
    /// A vulnerability, as lists have it.
    #[derive(Debug)]
    pub struct Vulnerability {
        /// CVE-2024-3094, or the record's id where it has no CVE.
        pub id: String,
        /// Other ids.
        pub aliases: Vec<String>,
        /// One line; may be empty.
        pub title: String,
        /// As the source wrote it; may be empty.
        pub description: String,
        /// published or rejected.
        pub state: String,
        /// When, as the source wrote it.
        pub published: Option<String>,
        /// When, as the source wrote it.
        pub modified: Option<String>,
        /// By the CVSS base score.
        pub severity: Severity,
        /// CVSS base score.
        pub score: Option<f32>,
        /// When it came into CISA's list of exploited vulnerabilities.
        pub exploited_since: Option<String>,
        /// EPSS score in 0 to 1.
        pub epss: Option<f32>,
        /// Part of all scored vulnerabilities with the same or a lower EPSS score.
        pub epss_percentile: Option<f32>,
        /// SSVC exploitation: none, poc, active.
        pub ssvc: Option<String>,
        /// disputed, exclusively-hosted-service, unsupported-when-assigned.
        pub tags: Vec<String>,
    }
}

shape! {
    /// A piece of the list.
    struct VulnerabilityPage {
        /// In the order in which they were first seen.
        items: Vec<Vulnerability>,
        /// What to give as `after` for the next piece; null at the end.
        next: Option<String>,
    }
}

shape! {
    /// A vulnerability with the records about it and what was found.
    struct VulnerabilityDetail {
        /// The vulnerability.
        vulnerability: Vulnerability,
        /// The records about it.
        records: Vec<Record>,
        /// What was found in each channel; /explain has the reasons.
        verdicts: Vec<PackageVerdict>,
    }
}

shape! {
    /// A record of a source.
    struct Record {
        /// cve, nvd or osv.
        source: String,
        /// The record's own id.
        key: String,
        /// published or rejected.
        state: String,
        /// As the record states it.
        modified: Option<String>,
        /// File or address it came from.
        url: String,
        /// When: seconds since 1970.
        fetched_at: i64,
        /// Digest of the raw document, hexadecimal.
        sha256: String,
    }
}

shape! {
    /// The verdict about a package of a channel.
    struct PackageVerdict {
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
        /// The first revision with the package as it is; null where that was before history was kept.
        since: Option<String>,
    }
}

shape! {
    /// The reasons of every verdict about a vulnerability, and what came close.
    struct Explanation {
        /// The vulnerability.
        id: String,
        /// Verdicts with their reasons.
        verdicts: Vec<ExplainedVerdict>,
        /// What became of it in each channel.
        dispositions: Vec<ChannelDisposition>,
    }
}

shape! {
    /// A verdict with its reasons.
    struct ExplainedVerdict {
        /// The verdict.
        about: PackageVerdict,
        /// The package's attributes, at most twelve.
        attrs: Vec<String>,
        /// How many it has.
        attr_count: u64,
        /// Most important first.
        evidence: Vec<Evidence>,
    }
}

shape! {
    /// What became of a vulnerability in a channel.
    struct ChannelDisposition {
        /// The channel.
        channel: String,
        /// The answer.
        disposition: Disposition,
        /// Packages that were close, and were not taken.
        near_misses: Vec<NearMiss>,
    }
}

shape! {
    /// A package that was close.
    struct NearMiss {
        /// The package's most plain attribute.
        package: String,
        /// Package name.
        pname: String,
        /// Version.
        version: String,
        /// How sure it is that it is the software, in 0 to 1.
        confidence: f32,
        /// Why it was close, and what was missing.
        evidence: Vec<Evidence>,
    }
}

shape! {
    /// What changed since a moment.
    struct Changes {
        /// Vulnerabilities that are new or have changed, the oldest change first.
        vulnerabilities: Vec<Vulnerability>,
        /// Channels whose packages or verdicts are others than at that moment: read their suggestions again.
        channels: Vec<String>,
        /// What to give as `after` the next time.
        next: String,
        /// Whether there is more already.
        more: bool,
    }
}

impl From<Listed> for Vulnerability {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.name,
            aliases: listed.aliases,
            title: listed.title,
            description: listed.description,
            state: listed.state,
            published: listed.published,
            modified: listed.modified,
            severity: listed.severity,
            score: listed.score,
            exploited_since: listed.kev_date,
            epss: listed.epss,
            epss_percentile: listed.epss_percentile,
            ssvc: listed.ssvc,
            tags: listed.tags,
        }
    }
}

impl From<RecordRow> for Record {
    fn from(row: RecordRow) -> Self {
        Self {
            source: row.source,
            key: row.key,
            state: row.state,
            modified: row.modified,
            url: row.url,
            fetched_at: row.fetched_at,
            sha256: row.sha256,
        }
    }
}

impl From<VerdictRow> for PackageVerdict {
    fn from(row: VerdictRow) -> Self {
        Self {
            channel: row.channel,
            package: row.package,
            pname: row.pname,
            version: row.version,
            verdict: row.verdict,
            confidence: row.confidence,
            fixed_in: row.fixed_in,
            since: row.since.map(|revision| revision.revision),
        }
    }
}

impl From<DispositionRow> for ChannelDisposition {
    fn from(row: DispositionRow) -> Self {
        let near = |miss: crate::store::result::NearMissLine| NearMiss {
            package: miss.name,
            pname: miss.pname,
            version: miss.version,
            confidence: miss.confidence,
            evidence: miss.evidence,
        };
        Self {
            channel: row.channel,
            disposition: row.disposition,
            near_misses: row.near_misses.into_iter().map(near).collect(),
        }
    }
}

/// `GET /api/v1/vulnerabilities`
pub fn list() -> Route {
    let parameters = || vec![ask::after_key(), ask::limit()];
    let operation = Operation {
        method: "get",
        path: "/api/v1/vulnerabilities",
        id: "listVulnerabilities",
        group: "Vulnerabilities",
        summary: "List vulnerabilities",
        words: "All that are known, in the order in which they were first seen. The order does not change: what is new comes at the end.",
        parameters: parameters(),
        body: None,
        answer: Answer::json::<VulnerabilityPage>("A piece of the list."),
        problems: &[],
    };
    Route::get(operation, move |State(site): State<Arc<Site>>, asked: Asked| async move {
        let query = Query::of(asked.uri(), &parameters())?;
        let (after, limit) = (query.after_key()?, query.limit()?);
        let (items, next) = blocking(move || piece(&site, after, limit)).await?;
        answer::json(&VulnerabilityPage {
            items,
            next: next.map(|key| key.to_string()),
        })
    })
}

fn piece(site: &Site, after: i64, limit: usize) -> Result<(Vec<Vulnerability>, Option<i64>), Error> {
    let listed = site.store().listed(After::Key(after), limit)?;
    let next = listed.last().map(|last| last.key).filter(|_| listed.len() == limit);
    Ok((listed.into_iter().map(Vulnerability::from).collect(), next))
}

/// Entries that bulk answers read at a time.
pub const PIECE: usize = 500;

/// `GET /api/v1/bulk/vulnerabilities`
pub fn bulk() -> Route {
    let parameters = || vec![ask::after_key()];
    let operation = Operation {
        method: "get",
        path: "/api/v1/bulk/vulnerabilities",
        id: "allVulnerabilities",
        group: "Bulk",
        summary: "All vulnerabilities",
        words: "One line each, in the order of the list. An answer that breaks off is taken up again with /vulnerabilities, or begun anew.",
        parameters: parameters(),
        body: None,
        answer: Answer::lines::<Vulnerability>("All that are behind the place."),
        problems: &[],
    };
    Route::get(operation, move |State(site): State<Arc<Site>>, asked: Asked| async move {
        let after = Query::of(asked.uri(), &parameters())?.after_key()?;
        let state = Arc::clone(&site);
        let mark = blocking(move || Ok(state.store().mark()?)).await?;
        let tag = format!("W/\"v{mark}-{after}\"");
        answer::lines(&tag, after, move |at| piece(&site, at, PIECE))
    })
}

/// `GET /api/v1/vulnerabilities/{id}`
pub fn one() -> Route {
    let operation = Operation {
        method: "get",
        path: "/api/v1/vulnerabilities/{id}",
        id: "getVulnerability",
        group: "Vulnerabilities",
        summary: "One vulnerability",
        words: "By its id or by one of its aliases, in any case.",
        parameters: vec![Parameter::segment("id", "CVE-2024-3094, or an id of another source.")],
        body: None,
        answer: Answer::json::<VulnerabilityDetail>("The vulnerability."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        |State(site): State<Arc<Site>>, Segments(id): Segments<String>, asked: Asked| async move {
            Query::of(asked.uri(), &[])?;
            let found = blocking(move || find(&site, &id)).await?;
            let listed = Listed {
                key: 0,
                touched: 0,
                name: found.name,
                title: found.title,
                description: found.description,
                state: found.state,
                published: found.published,
                modified: found.modified,
                score: found.score,
                severity: found.severity,
                kev_date: found.kev.map(|kev| kev.date_added),
                epss: found.epss,
                epss_percentile: found.epss_percentile,
                ssvc: found.ssvc,
                tags: found.tags,
                aliases: found.aliases,
            };
            answer::json(&VulnerabilityDetail {
                vulnerability: listed.into(),
                records: found.records.into_iter().map(Record::from).collect(),
                verdicts: found.verdicts.into_iter().map(PackageVerdict::from).collect(),
            })
        },
    )
}

fn find(site: &Site, id: &str) -> Result<crate::store::read::Vulnerability, Error> {
    let missing = || Error::NotFound {
        what: format!("there is no vulnerability {:?} here", id.chars().take(60).collect::<String>()),
    };
    let name = site.store().resolve(id)?.ok_or_else(missing)?.name;
    site.store().vulnerability(&name)?.ok_or_else(missing)
}

/// `GET /api/v1/explain/{id}`
pub fn explain() -> Route {
    let parameters = || {
        vec![
            Parameter::segment("id", "CVE-2024-3094, or an id of another source."),
            ask::name("channel", "Only this channel."),
            ask::name("package", "Only the package with this attribute."),
        ]
    };
    let operation = Operation {
        method: "get",
        path: "/api/v1/explain/{id}",
        id: "explain",
        group: "Vulnerabilities",
        summary: "The reasons",
        words: "Every verdict about a vulnerability with its evidence, and in each channel the packages that came close.",
        parameters: parameters(),
        body: None,
        answer: Answer::json::<Explanation>("The reasons."),
        problems: &[Kind::NotFound],
    };
    Route::get(
        operation,
        move |State(site): State<Arc<Site>>, Segments(id): Segments<String>, asked: Asked| async move {
            let query = Query::of(asked.uri(), &parameters())?;
            let (channel, package) = (query.name("channel")?, query.name("package")?);
            let explanation = blocking(move || {
                super::channels::known(&site, channel.as_deref())?;
                let mut clusters = None;
                if let Some(attr) = &package {
                    clusters = Some(super::packages::clusters(&site, attr)?);
                }
                let found = find(&site, &id)?;
                let in_channel = |name: &str| channel.as_deref().is_none_or(|channel| channel == name);
                let of_package = |row: &VerdictRow| {
                    let own = |clusters: &Vec<(String, String)>| clusters.iter().any(|(c, name)| *c == row.channel && *name == row.package);
                    clusters.as_ref().is_none_or(own)
                };
                let explained = |row: VerdictRow| ExplainedVerdict {
                    attrs: row.attrs.clone(),
                    attr_count: row.attr_count,
                    evidence: row.evidence.clone(),
                    about: row.into(),
                };
                let verdicts = found.verdicts.into_iter().filter(|row| in_channel(&row.channel) && of_package(row));
                let dispositions = found.dispositions.into_iter().filter(|row| in_channel(&row.channel));
                Ok(Explanation {
                    id: found.name,
                    verdicts: verdicts.map(explained).collect(),
                    dispositions: dispositions.map(ChannelDisposition::from).collect(),
                })
            });
            answer::json(&explanation.await?)
        },
    )
}

/// `GET /api/v1/changes`
pub fn changes() -> Route {
    let parameters = || {
        let schema = json!({"type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}-[0-9a-f]{0,512}$"});
        vec![
            Parameter::query(
                "after",
                "The moment: `next` of an earlier answer. Without it everything is new.",
                schema,
            ),
            ask::limit(),
        ]
    };
    let operation = Operation {
        method: "get",
        path: "/api/v1/changes",
        id: "changes",
        group: "Bulk",
        summary: "What changed",
        words: "Keeps a copy up to date: read everything once, then ask what changed since.",
        parameters: parameters(),
        body: None,
        answer: Answer::json::<Changes>("What changed since the moment."),
        problems: &[],
    };
    Route::get(operation, move |State(site): State<Arc<Site>>, asked: Asked| async move {
        let query = Query::of(asked.uri(), &parameters())?;
        let (after, limit) = (query.text("after", 600)?, query.limit()?);
        let moment = match &after {
            None => Moment::default(),
            Some(text) => {
                Moment::read(text).ok_or_else(|| Error::parameter("after", text, "expected what `next` of an earlier answer holds"))?
            }
        };
        answer::json(&blocking(move || moment.changes(&site, limit)).await?)
    })
}

/// A moment as it is written again; `None` where the text is none.
pub fn rewritten(text: &str) -> Option<String> {
    Moment::read(text).map(|moment| moment.write())
}

/// A moment in the life of the database.
#[derive(Debug, Default, PartialEq, Eq)]
struct Moment {
    /// The last change that was seen, and the key of what changed.
    change: (i64, i64),
    /// Eight digits of a digest for each channel: of its name, and of its mark.
    channels: Vec<[u8; 8]>,
}

impl Moment {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let change = (ask::key(parts.next()?)?, ask::key(parts.next()?)?);
        let hex = parts.next()?;
        let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let digits: Vec<u8> = hex
            .bytes()
            .map(|byte| digit(byte).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        Some(Self {
            change,
            // What is cut off belongs to no channel that there is.
            channels: bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok()).collect(),
        })
    }

    fn write(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("{}-{}-", self.change.0, self.change.1);
        for byte in self.channels.iter().flatten() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn of(mark: &Mark) -> [u8; 8] {
        use sha2::{Digest, Sha256};
        let (name, stamp) = (
            Sha256::digest(&mark.channel),
            Sha256::digest(format!("{} {}", mark.stamp, mark.packages)),
        );
        let mut bytes = [0; 8];
        bytes
            .iter_mut()
            .zip(name.iter().take(4).chain(stamp.iter().take(4)))
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    fn changes(self, site: &Site, limit: usize) -> Result<Changes, Error> {
        let marks = site.store().marks()?;
        let (mark, key) = self.change;
        let listed = site.store().listed(After::Change(mark, key), limit)?;
        let change = listed.last().map_or(self.change, |last| (last.touched, last.key));
        let changed = marks.iter().filter(|mark| !self.channels.contains(&Self::of(mark)));
        let next = Self {
            change,
            // As many channels as a moment has room for; more are read again each time.
            channels: marks.iter().take(32).map(Self::of).collect(),
        };
        Ok(Changes {
            channels: changed.map(|mark| mark.channel.clone()).collect(),
            more: listed.len() == limit,
            vulnerabilities: listed.into_iter().map(Vulnerability::from).collect(),
            next: next.write(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_back() {
        let moment = Moment {
            change: (12, 345),
            channels: vec![[0, 1, 2, 3, 4, 5, 6, 255], [9; 8]],
        };
        assert_eq!(moment.write(), "12-345-00010203040506ff0909090909090909");
        assert_eq!(Moment::read(&moment.write()), Some(moment));
        assert_eq!(Moment::read("0-0-"), Some(Moment::default()));
        for bad in ["", "1", "1-2", "x-1-", "1-2-zz", "1-2-AB", "-1-2-"] {
            assert_eq!(Moment::read(bad), None, "{bad}");
        }
    }
}
