//! OSV schema 1.x.

/// Databases that copy CVE records keep those that were rejected, whose text says so and nothing else.
fn is_rejection(description: &str) -> bool {
    ["Rejected reason:", "** REJECT **"]
        .iter()
        .any(|mark| description.starts_with(mark))
}

#[cfg(test)]
mod tests;

use super::RecordError;
use super::field::{Link, add_once, add_references, add_scores, cpes, cwe, named, package_url, plain_id, reference_tag, score};
use super::json::{Reader, Result};
use crate::advisory::{Advisory, Affected, Event, EventRange, RangeKind, Source, State, Status, VersionEntry};
use crate::cpe::Cpe;
use crate::id::CveId;
use crate::problem::Problem;
use crate::score::{CvssVersion, Score};

/// Ids longer than this are refused; OSV's are below 40 bytes.
const MAX_ID: usize = 128;

/// Reads one record.
pub fn parse(bytes: &[u8]) -> std::result::Result<(Advisory, Vec<Problem>), RecordError> {
    let mut r = Reader::new(bytes)?;
    let mut fields = Fields::default();
    r.object(|r, key| fields.member(r, key))?;
    let advisory = fields.assemble(&mut r)?;
    Ok((advisory, r.finish()?))
}

#[derive(Default)]
struct Fields<'a> {
    id: Option<String>,
    summary: Option<String>,
    details: Option<String>,
    published: Option<String>,
    modified: Option<String>,
    withdrawn: Option<String>,
    aliases: Vec<String>,
    upstream: Vec<String>,
    scores: Vec<Score>,
    affected: Vec<Package>,
    references: Vec<Link<'a>>,
    database: DatabaseSpecific,
}

/// One `affected` item.
#[derive(Default)]
struct Package {
    affected: Affected,
    scores: Vec<Score>,
    database: DatabaseSpecific,
}

/// What databases put into their own corner, at the record or at a package.
#[derive(Default)]
struct DatabaseSpecific {
    cpes: Vec<Cpe>,
    cwes: Vec<String>,
}

impl<'a> Fields<'a> {
    fn member(&mut self, r: &mut Reader<'a>, key: &str) -> Result<()> {
        match key {
            "id" => self.id = r.string()?.map(plain_id),
            "summary" => self.summary = r.owned()?,
            "details" => self.details = r.owned()?,
            "published" => self.published = date(r)?,
            "modified" => self.modified = date(r)?,
            "withdrawn" => self.withdrawn = r.owned()?,
            "aliases" => self.aliases = ids(r)?,
            "upstream" => self.upstream = ids(r)?,
            "severity" => self.scores = severities(r)?,
            "affected" => self.affected = r.list(package)?,
            "references" => self.references = links(r)?,
            "database_specific" => self.database = database_specific(r)?,
            _ => r.skip()?,
        }
        Ok(())
    }

    fn assemble(self, r: &mut Reader<'_>) -> Result<Advisory> {
        let id = self
            .id
            .filter(|id| (1..=MAX_ID).contains(&id.len()))
            .ok_or_else(|| Box::new(RecordError::NoId { path: "/id" }))?;
        let provider = id.split_once('-').map_or(id.as_str(), |(database, _)| database).to_owned();
        let mut advisory = Advisory {
            source: Source::Osv,
            title: self.summary.filter(|summary| !summary.is_empty()),
            description: self.details.unwrap_or_default(),
            published: self.published,
            modified: self.modified,
            ..Advisory::default()
        };
        if let Some(date) = self.withdrawn {
            advisory.state = State::Rejected {
                reason: format!("withdrawn {date}"),
                replaced_by: Vec::new(),
            };
        } else if is_rejection(&advisory.description) {
            advisory.state = State::Rejected {
                reason: advisory.description.clone(),
                replaced_by: Vec::new(),
            };
        }
        // What a distribution's record follows upstream may be several CVEs and other distributions' records; only a CVE is the vulnerability itself.
        let upstream = self.upstream.into_iter().filter(|id| id.parse::<CveId>().is_ok());
        for alias in self.aliases.into_iter().chain(upstream) {
            if alias != id {
                add_once(&mut advisory.aliases, alias);
            }
        }
        let mut scores = self.scores;
        let mut cwes = self.database.cwes;
        for mut package in self.affected {
            package.affected.provider.clone_from(&provider);
            package.affected.cpes = package.database.cpes;
            for cpe in &self.database.cpes {
                add_once(&mut package.affected.cpes, cpe.clone());
            }
            scores.append(&mut package.scores);
            cwes.append(&mut package.database.cwes);
            advisory.affected.push(package.affected);
        }
        for score in &mut scores {
            score.provider.clone_from(&provider);
        }
        add_scores(&mut advisory.scores, scores);
        for cwe in cwes {
            add_once(&mut advisory.cwes, cwe);
        }
        add_references(&mut advisory.references, self.references, r);
        advisory.id = id;
        Ok(advisory)
    }
}

/// A time. Go's zero, which its vulnerability database writes where it knows none, is none.
fn date(r: &mut Reader<'_>) -> Result<Option<String>> {
    Ok(r.owned()?.filter(|date| !date.is_empty() && !date.starts_with("0001-01-01")))
}

fn ids(r: &mut Reader<'_>) -> Result<Vec<String>> {
    r.list(|r| Ok(r.string()?.filter(|id| !id.is_empty()).map(plain_id)))
}

/// `[{"type": "CVSS_V3", "score": "CVSS:3.1/..."}]`; types that are not CVSS (`Ubuntu`) have words instead of vectors.
fn severities(r: &mut Reader<'_>) -> Result<Vec<Score>> {
    r.list(|r| {
        let (mut kind, mut vector, mut at) = (None, None, 0);
        r.object(|r, key| {
            match key {
                "type" => kind = r.string()?,
                "score" => {
                    at = r.value_start();
                    vector = r.owned()?;
                }
                _ => r.skip()?,
            }
            Ok(())
        })?;
        let version = match kind.as_deref() {
            Some("CVSS_V2") => CvssVersion::V2,
            Some("CVSS_V3") => CvssVersion::V31,
            Some("CVSS_V4") => CvssVersion::V4,
            _ => return Ok(None),
        };
        Ok(vector.map(|vector| score(r, at, version, vector, None)))
    })
}

fn package(r: &mut Reader<'_>) -> Result<Option<Package>> {
    let mut this = Package::default();
    // OSV: what no range and no version names is not affected.
    this.affected.default_status = Status::Unaffected;
    let (mut imports, mut repo): (Vec<Import>, _) = (Vec::new(), None);
    let is_object = r.object(|r, key| {
        match key {
            "package" => {
                r.object(|r, key| {
                    match key {
                        "name" => this.affected.package_name = named(r)?,
                        "ecosystem" => this.affected.ecosystem = named(r)?,
                        "purl" => this.affected.package_url = package_url(r)?,
                        _ => r.skip()?,
                    }
                    Ok(())
                })?;
            }
            "severity" => this.scores = severities(r)?,
            "ranges" => {
                repo = None;
                this.affected.ranges = r.list(|r| range(r, &mut repo))?;
            }
            "versions" => this.affected.versions = r.list(version)?,
            "ecosystem_specific" => imports = self::imports(r)?,
            "database_specific" => this.database = database_specific(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    this.affected.repo = repo;
    if imports.iter().all(|import| !import.systems.is_empty()) {
        this.affected.platforms = imports.iter().flat_map(|import| import.systems.iter().cloned()).collect();
    }
    this.affected.components = imports.into_iter().map(|import| import.path).collect();
    Ok(Some(this).filter(|_| is_object))
}

fn version(r: &mut Reader<'_>) -> Result<Option<VersionEntry>> {
    let version = r.owned()?;
    Ok(version.map(|version| VersionEntry {
        version,
        status: Status::Affected,
        scheme: None,
        bound: None,
        changes: Vec::new(),
    }))
}

fn range(r: &mut Reader<'_>, repo: &mut Option<String>) -> Result<Option<EventRange>> {
    let start = r.value_start();
    let (mut kind, mut has_kind, mut events) = (None, false, Vec::new());
    let is_object = r.object(|r, key| {
        match key {
            "type" => {
                let at = r.value_start();
                has_kind = true;
                kind = match r.string()?.as_deref() {
                    Some("SEMVER") => Some(RangeKind::Semver),
                    Some("ECOSYSTEM") => Some(RangeKind::Ecosystem),
                    Some("GIT") => Some(RangeKind::Git),
                    _ => {
                        r.note_at(at, "unknown type of range, left out");
                        None
                    }
                };
            }
            "repo" => *repo = named(r)?.or_else(|| repo.take()),
            "events" => events = r.list(event)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if is_object && !has_kind {
        r.note_at(start, "no type of range, left out");
    }
    Ok(kind.map(|kind| EventRange { kind, events }))
}

/// An event object has one member; of several only the last is kept.
fn event(r: &mut Reader<'_>) -> Result<Option<Event>> {
    let mut event = None;
    r.object(|r, key| {
        let kind = match key {
            "introduced" => Event::Introduced,
            "fixed" => Event::Fixed,
            "last_affected" => Event::LastAffected,
            "limit" => Event::Limit,
            _ => return r.skip(),
        };
        event = r.owned()?.map(kind).or(event.take());
        Ok(())
    })?;
    Ok(event)
}

/// A package inside a Go module, and the systems that it is limited to.
struct Import {
    path: String,
    systems: Vec<String>,
}

/// Go's `imports[]`.
fn imports(r: &mut Reader<'_>) -> Result<Vec<Import>> {
    let imports = r.member("imports", |r| {
        let list = r.list(|r| {
            let (mut path, mut systems) = (None, Vec::new());
            r.object(|r, key| {
                match key {
                    "path" => path = r.owned()?,
                    "goos" => systems = r.list(Reader::owned)?,
                    _ => r.skip()?,
                }
                Ok(())
            })?;
            Ok(path.map(|path| Import { path, systems }))
        })?;
        Ok(Some(list))
    })?;
    Ok(imports.unwrap_or_default())
}

/// `cpes` (Bitnami) and `cwe_ids` (GitHub).
fn database_specific(r: &mut Reader<'_>) -> Result<DatabaseSpecific> {
    let mut this = DatabaseSpecific::default();
    r.object(|r, key| {
        match key {
            "cpes" => this.cpes = cpes(r)?,
            "cwe_ids" => this.cwes = r.list(|r| Ok(r.string()?.as_deref().and_then(cwe)))?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(this)
}

/// `[{"type": "FIX", "url"}]`
fn links<'a>(r: &mut Reader<'a>) -> Result<Vec<Link<'a>>> {
    r.list(|r| {
        let (mut url, mut tags) = (None, Vec::new());
        r.object(|r, key| {
            match key {
                "url" => url = r.string()?,
                "type" => tags = r.string()?.map(|kind| reference_tag(&kind)).into_iter().collect(),
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(Link::new(url, tags))
    })
}
