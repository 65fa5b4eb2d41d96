//! NVD API 2.0: one entry, or the entries of a feed file or API page as a stream.

mod split;
#[cfg(test)]
mod tests;

pub use split::{Entry, Feed, MAX_ENTRY, SplitError, split};

use std::borrow::Cow;

use super::RecordError;
use super::applicability::configurations;
use super::field::{
    self, Link, add_description_tags, add_references, add_scores, cve_id, cvss, cwe, each_once, join, links, text_in_english,
};
use super::json::{Reader, Result};
use crate::advisory::{Advisory, Source, State, Tag};
use crate::problem::Problem;
use crate::score::{CvssVersion, Score};

/// Reads one entry: `{"cve": {...}}` as in a feed, or the object inside alone.
pub fn parse_entry(bytes: &[u8]) -> std::result::Result<(Advisory, Vec<Problem>), RecordError> {
    let mut r = Reader::new(bytes)?;
    let mut fields = Fields::default();
    r.object(|r, key| {
        if key == "cve" {
            fields = Fields::default();
            r.object(|r, key| fields.member(r, key))?;
            return Ok(());
        }
        fields.member(r, key)
    })?;
    let advisory = fields.assemble(&mut r)?;
    Ok((advisory, r.finish()?))
}

/// The members of an entry.
#[derive(Default)]
struct Fields<'a> {
    id: Option<Cow<'a, str>>,
    rejected: bool,
    advisory: Advisory,
    references: Vec<Link<'a>>,
    scores: Vec<Score>,
}

impl<'a> Fields<'a> {
    fn member(&mut self, r: &mut Reader<'a>, key: &str) -> Result<()> {
        let advisory = &mut self.advisory;
        match key {
            "id" => self.id = r.string()?,
            "published" => advisory.published = r.owned()?,
            "lastModified" => advisory.modified = r.owned()?,
            "vulnStatus" => self.rejected = r.string()?.as_deref() == Some("Rejected"),
            "cisaExploitAdd" => advisory.kev_date = r.owned()?,
            "cisaVulnerabilityName" => advisory.title = r.owned()?,
            "descriptions" => advisory.description = text_in_english(r)?.unwrap_or_default(),
            "metrics" => self.scores = metrics(r)?,
            "weaknesses" => advisory.cwes = weaknesses(r)?,
            "configurations" => advisory.configurations = configurations(r)?,
            "references" => self.references = links(r)?,
            "cveTags" => advisory.tags = tags(r)?,
            _ => r.skip()?,
        }
        Ok(())
    }

    fn assemble(self, r: &mut Reader<'_>) -> Result<Advisory> {
        let mut advisory = self.advisory;
        advisory.id = cve_id(self.id, "/cve/id")?;
        advisory.source = Source::Nvd;
        add_scores(&mut advisory.scores, self.scores);
        add_references(&mut advisory.references, self.references, r);
        add_description_tags(&mut advisory.tags, &advisory.description);
        if self.rejected {
            advisory.state = State::Rejected {
                reason: std::mem::take(&mut advisory.description),
                replaced_by: Vec::new(),
            };
        }
        Ok(advisory)
    }
}

fn metrics(r: &mut Reader<'_>) -> Result<Vec<Score>> {
    let (mut v2, mut v30, mut v31, mut v4) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    r.object(|r, key| {
        match key {
            "cvssMetricV31" => v31 = r.list(|r| metric(r, CvssVersion::V31))?,
            "cvssMetricV30" => v30 = r.list(|r| metric(r, CvssVersion::V30))?,
            "cvssMetricV40" => v4 = r.list(|r| metric(r, CvssVersion::V4))?,
            "cvssMetricV2" => v2 = r.list(|r| metric(r, CvssVersion::V2))?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    let mut scores = v4;
    for more in [v31, v30, v2] {
        join(&mut scores, more);
    }
    Ok(scores)
}

fn metric(r: &mut Reader<'_>, version: CvssVersion) -> Result<Option<Score>> {
    let (mut provider, mut score) = (None, None);
    r.object(|r, key| {
        match key {
            "source" => provider = r.owned()?,
            "cvssData" => score = cvss(r, version)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if let Some(score) = &mut score {
        score.provider = provider.unwrap_or_default();
    }
    Ok(score)
}

/// CWE ids; `NVD-CWE-Other` and `NVD-CWE-noinfo` name none.
fn weaknesses(r: &mut Reader<'_>) -> Result<Vec<String>> {
    let id = |r: &mut Reader<'_>| r.member("value", |r| Ok(r.string()?.as_deref().and_then(cwe)));
    let weaknesses = r.list(|r| r.member("description", |r| r.list(id).map(Some)))?;
    Ok(each_once(weaknesses))
}

/// `[{"sourceIdentifier", "tags": []}]`
fn tags(r: &mut Reader<'_>) -> Result<Vec<Tag>> {
    let of_sources = r.list(|r| r.member("tags", |r| field::tags(r).map(Some)))?;
    Ok(each_once(of_sources))
}
