//! CVE Record Format 5.0, 5.1 and 5.2: the CNA's container and every ADP's.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::RecordError;
use super::applicability::configurations;
use super::field::{
    Link, add_description_tags, add_once, add_references, add_scores, cpes, cve_id, cvss, cwe, each_once, join, links, named, package_url,
    plain_id, tags, text_in_english,
};
use super::json::{Reader, Result};
use crate::advisory::{Advisory, Affected, Change, Configuration, Source, Ssvc, State, Status, Tag, UpperBound, VersionEntry};
use crate::problem::Problem;
use crate::score::{CvssVersion, Score};

/// Reads one record.
pub fn parse(bytes: &[u8]) -> std::result::Result<(Advisory, Vec<Problem>), RecordError> {
    let mut r = Reader::new(bytes)?;
    let mut metadata = Metadata::default();
    let mut containers = Containers::default();
    let is_object = r.object(|r, key| {
        match key {
            "cveMetadata" => metadata = Metadata::read(r)?,
            "containers" => containers = Containers::read(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let id = cve_id(metadata.id.take().filter(|_| is_object), "/cveMetadata/cveId")?;
    let advisory = assemble(id, metadata, containers, &mut r);
    Ok((advisory, r.finish()?))
}

#[derive(Default)]
struct Metadata<'a> {
    id: Option<Cow<'a, str>>,
    rejected: bool,
    published: Option<String>,
    modified: Option<String>,
}

impl<'a> Metadata<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self> {
        let mut this = Self::default();
        r.object(|r, key| {
            match key {
                "cveId" => this.id = r.string()?,
                "state" => {
                    let at = r.value_start();
                    let state = r.string()?;
                    this.rejected = state.as_deref() == Some("REJECTED");
                    if !matches!(state.as_deref(), Some("PUBLISHED" | "REJECTED")) {
                        r.note_at(at, "neither PUBLISHED nor REJECTED, read as published");
                    }
                }
                "datePublished" => this.published = r.owned()?,
                "dateUpdated" => this.modified = r.owned()?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

#[derive(Default)]
struct Containers<'a> {
    cna: Option<Container<'a>>,
    adp: Vec<Container<'a>>,
}

impl<'a> Containers<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self> {
        let mut this = Self::default();
        r.object(|r, key| {
            match key {
                "cna" => this.cna = Some(Container::read(r)?),
                "adp" => this.adp = r.list(|r| Container::read(r).map(Some))?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// What one provider says.
#[derive(Default)]
struct Container<'a> {
    provider: Option<Cow<'a, str>>,
    title: Option<String>,
    description: Option<String>,
    date_public: Option<String>,
    affected: Vec<Affected>,
    configurations: Vec<Configuration>,
    references: Vec<Link<'a>>,
    cwes: Vec<String>,
    metrics: Metrics,
    tags: Vec<Tag>,
    rejected_reason: Option<String>,
    replaced_by: Vec<String>,
}

impl<'a> Container<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self> {
        let mut this = Self::default();
        r.object(|r, key| {
            match key {
                "providerMetadata" => this.provider = provider(r)?,
                "title" => this.title = r.owned()?,
                "descriptions" => this.description = text_in_english(r)?,
                "datePublic" => this.date_public = r.owned()?,
                "affected" => this.affected = r.list(affected)?,
                "cpeApplicability" => this.configurations = configurations(r)?,
                "references" => this.references = links(r)?,
                "problemTypes" => this.cwes = problem_types(r)?,
                "metrics" => this.metrics = Metrics::read(r)?,
                "tags" => this.tags = tags(r)?,
                "rejectedReasons" => this.rejected_reason = text_in_english(r)?,
                "replacedBy" => this.replaced_by = replaced_by(r)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// Scores and what CISA puts beside them.
#[derive(Default)]
struct Metrics {
    scores: Vec<Score>,
    ssvc: Option<Ssvc>,
    kev_date: Option<String>,
}

impl Metrics {
    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let mut this = Self::default();
        r.array(|r| {
            let (mut v2, mut v30, mut v31, mut v4) = (None, None, None, None);
            r.object(|r, key| {
                match key {
                    "cvssV3_1" => v31 = cvss(r, CvssVersion::V31)?,
                    "cvssV3_0" => v30 = cvss(r, CvssVersion::V30)?,
                    "cvssV4_0" => v4 = cvss(r, CvssVersion::V4)?,
                    "cvssV2_0" => v2 = cvss(r, CvssVersion::V2)?,
                    "other" => this.read_other(r)?,
                    _ => r.skip()?,
                }
                Ok(())
            })?;
            this.scores.extend([v4, v31, v30, v2].into_iter().flatten());
            Ok(())
        })?;
        Ok(this)
    }

    /// `{"type", "content"}`; the type says what the content is, and may stand behind it.
    fn read_other(&mut self, r: &mut Reader<'_>) -> Result<()> {
        let (mut kind, mut content) = (None, None);
        r.object(|r, key| {
            match key {
                "type" => kind = r.string()?,
                "content" => content = Some(r.mark()?),
                _ => r.skip()?,
            }
            Ok(())
        })?;
        let Some(content) = content else { return Ok(()) };
        match kind.as_deref() {
            Some("ssvc") => {
                if let Some(ssvc) = r.revisit(content, ssvc)? {
                    self.ssvc = Some(ssvc);
                }
            }
            Some("kev") => {
                if let Some(date) = r.revisit(content, |r| r.member("dateAdded", Reader::owned))? {
                    self.kev_date = Some(date);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn ssvc(r: &mut Reader<'_>) -> Result<Option<Ssvc>> {
    let points = r.member("options", |r| {
        let (mut exploitation, mut automatable, mut technical_impact) = (None, None, None);
        r.array(|r| {
            r.object(|r, key| {
                match key {
                    "Exploitation" => exploitation = r.owned()?,
                    "Automatable" => automatable = r.owned()?,
                    "Technical Impact" => technical_impact = r.owned()?,
                    _ => r.skip()?,
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(Some((exploitation, automatable, technical_impact)))
    })?;
    Ok(match points {
        None | Some((None, None, None)) => None,
        Some((exploitation, automatable, technical_impact)) => Some(Ssvc {
            exploitation: exploitation.unwrap_or_default(),
            automatable: automatable.unwrap_or_default(),
            technical_impact: technical_impact.unwrap_or_default(),
        }),
    })
}

fn affected(r: &mut Reader<'_>) -> Result<Option<Affected>> {
    let mut this = Affected::default();
    let (mut modules, mut files, mut routines) = (Vec::new(), Vec::new(), Vec::new());
    let is_object = r.object(|r, key| {
        match key {
            "vendor" => this.vendor = named(r)?,
            "product" => this.product = named(r)?,
            "packageName" => this.package_name = named(r)?,
            "collectionURL" => this.collection_url = named(r)?,
            "packageURL" => this.package_url = package_url(r)?,
            "repo" => this.repo = named(r)?,
            "cpes" => this.cpes = cpes(r)?,
            "platforms" => this.platforms = r.strings()?,
            "modules" => modules = r.strings()?,
            "programFiles" => files = r.strings()?,
            "programRoutines" => routines = r.list(|r| r.member("name", Reader::owned))?,
            "defaultStatus" => this.default_status = status(r)?,
            "versions" => this.versions = r.list(version)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    this.components = modules;
    this.components.append(&mut files);
    this.components.append(&mut routines);
    Ok(Some(this).filter(|_| is_object))
}

fn version(r: &mut Reader<'_>) -> Result<Option<VersionEntry>> {
    let start = r.value_start();
    let mut entry = VersionEntry {
        version: String::new(),
        status: Status::Unknown,
        scheme: None,
        bound: None,
        changes: Vec::new(),
    };
    let (mut has_version, mut has_status) = (false, false);
    let (mut less_than, mut less_than_or_equal) = (None, None);
    let is_object = r.object(|r, key| {
        match key {
            "version" => {
                if let Some(version) = r.owned()? {
                    entry.version = version;
                    has_version = true;
                }
            }
            "status" => {
                entry.status = status(r)?;
                has_status = true;
            }
            "versionType" => {
                entry.scheme = r.owned()?;
                if let Some(scheme) = &mut entry.scheme {
                    scheme.make_ascii_lowercase();
                }
            }
            "lessThan" => less_than = r.owned()?,
            "lessThanOrEqual" => less_than_or_equal = r.owned()?,
            "changes" => entry.changes = r.list(change)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if !is_object {
        return Ok(None);
    }
    if less_than.is_some() && less_than_or_equal.is_some() {
        r.note_at(start, "both lessThan and lessThanOrEqual, the first is used");
    }
    entry.bound = less_than
        .map(UpperBound::LessThan)
        .or(less_than_or_equal.map(UpperBound::LessThanOrEqual));
    if !has_status {
        r.note_at(start, "no status, read as unknown");
    }
    if !has_version {
        if entry.bound.is_none() {
            r.note_at(start, "no version, left out");
            return Ok(None);
        }
        r.note_at(start, "no version, read as a range from 0");
        entry.version = "0".to_owned();
    }
    Ok(Some(entry))
}

fn change(r: &mut Reader<'_>) -> Result<Option<Change>> {
    let start = r.value_start();
    let (mut at, mut to) = (None, Status::Unknown);
    let is_object = r.object(|r, key| {
        match key {
            "at" => at = r.owned()?,
            "status" => to = status(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if is_object && at.is_none() {
        r.note_at(start, "no version at which the status changes, left out");
    }
    Ok(at.map(|at| Change { at, status: to }))
}

fn status(r: &mut Reader<'_>) -> Result<Status> {
    let at = r.value_start();
    Ok(match r.string()?.as_deref() {
        Some("affected") => Status::Affected,
        Some("unaffected") => Status::Unaffected,
        Some("unknown") | None => Status::Unknown,
        Some(_) => {
            r.note_at(at, "neither affected, unaffected nor unknown, read as unknown");
            Status::Unknown
        }
    })
}

fn provider<'a>(r: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>> {
    Ok(r.member("shortName", Reader::string)?.filter(|name| !name.is_empty()))
}

/// CWE ids, from `cweId` or, where that is missing, from the start of the description.
fn problem_types(r: &mut Reader<'_>) -> Result<Vec<String>> {
    let types = r.list(|r| r.member("descriptions", |r| r.list(problem_type).map(Some)))?;
    Ok(each_once(types))
}

fn problem_type(r: &mut Reader<'_>) -> Result<Option<String>> {
    let (mut id, mut text) = (None, None);
    r.object(|r, key| {
        match key {
            "cweId" => id = r.string()?,
            "description" => text = r.string()?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(id.as_deref().and_then(cwe).or_else(|| text.as_deref().and_then(cwe)))
}

fn replaced_by(r: &mut Reader<'_>) -> Result<Vec<String>> {
    r.list(|r| Ok(r.string()?.map(plain_id)))
}

/// Puts the containers together, the CNA's first.
fn assemble(id: String, metadata: Metadata<'_>, containers: Containers<'_>, r: &mut Reader<'_>) -> Advisory {
    let mut advisory = Advisory {
        id,
        source: Source::Cve,
        published: metadata.published,
        modified: metadata.modified,
        ..Advisory::default()
    };
    let (mut reason, mut replaced_by) = (None, Vec::new());
    if containers.cna.is_none() {
        r.note_at(0, "no CNA container");
    }
    let cna = containers.cna.map(|container| (true, container));
    for (is_cna, container) in cna
        .into_iter()
        .chain(containers.adp.into_iter().map(|container| (false, container)))
    {
        let provider = if is_cna {
            "cna"
        } else {
            container.provider.as_deref().unwrap_or("adp")
        };
        if is_cna {
            advisory.title = container.title.filter(|title| !title.is_empty());
            advisory.published = advisory.published.or(container.date_public);
        }
        if advisory.description.is_empty() {
            advisory.description = container.description.unwrap_or_default();
        }
        let mut affected = container.affected;
        for product in &mut affected {
            product.provider = provider.to_owned();
        }
        join(&mut advisory.affected, affected);
        let mut scores = container.metrics.scores;
        for score in &mut scores {
            score.provider = provider.to_owned();
        }
        add_scores(&mut advisory.scores, scores);
        advisory.ssvc = container.metrics.ssvc.or(advisory.ssvc);
        advisory.kev_date = container.metrics.kev_date.or(advisory.kev_date);
        join(&mut advisory.configurations, container.configurations);
        add_references(&mut advisory.references, container.references, r);
        for cwe in container.cwes {
            add_once(&mut advisory.cwes, cwe);
        }
        for tag in container.tags {
            add_once(&mut advisory.tags, tag);
        }
        reason = reason.or(container.rejected_reason);
        join(&mut replaced_by, container.replaced_by);
    }
    add_description_tags(&mut advisory.tags, &advisory.description);
    if metadata.rejected {
        advisory.state = State::Rejected {
            reason: reason.unwrap_or_default(),
            replaced_by,
        };
    }
    advisory
}
