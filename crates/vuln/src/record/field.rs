//! Members that several record formats share.

use std::borrow::Cow;

use super::RecordError;
use super::json::{Reader, Result};
use crate::advisory::{Reference, Tag};
use crate::cpe::Cpe;
use crate::id::CveId;
use crate::purl::Purl;
use crate::score::{CvssVersion, Score};

/// References kept for one record: the CVE format allows 512 a container.
const MAX_REFERENCES: usize = 2048;

/// An id that must be a CVE id, in upper case.
pub(super) fn cve_id(id: Option<Cow<'_, str>>, path: &'static str) -> Result<String> {
    let id = id.ok_or_else(|| Box::new(RecordError::NoId { path }))?;
    match id.parse::<CveId>() {
        Ok(_) => Ok(upper(id)),
        Err(source) => {
            let id = id.chars().take(64).collect();
            Err(Box::new(RecordError::BadId { path, id, source }))
        }
    }
}

/// An id in the spelling that ids are compared in: CVE ids in upper case, others as they are.
pub(super) fn plain_id(id: Cow<'_, str>) -> String {
    if id.parse::<CveId>().is_ok() { upper(id) } else { id.into_owned() }
}

fn upper(id: Cow<'_, str>) -> String {
    let mut id = id.into_owned();
    id.make_ascii_uppercase();
    id
}

/// Reads text in which nothing (`""`, `n/a`, `-`) is written out.
pub(super) fn named(r: &mut Reader<'_>) -> Result<Option<String>> {
    let text = r.string()?;
    Ok(text
        .filter(|t| !matches!(t.trim(), "" | "-") && !t.trim().eq_ignore_ascii_case("n/a"))
        .map(Cow::into_owned))
}

/// Reads a CPE name.
pub(super) fn cpe(r: &mut Reader<'_>) -> Result<Option<Cpe>> {
    let at = r.value_start();
    let Some(text) = r.string()? else { return Ok(None) };
    match text.parse() {
        Ok(cpe) => Ok(Some(cpe)),
        Err(error) => {
            r.note_at(at, error.to_string());
            Ok(None)
        }
    }
}

/// Reads a package URL; one that cannot be taken apart is kept as written, with a problem.
pub(super) fn package_url(r: &mut Reader<'_>) -> Result<Option<String>> {
    let at = r.value_start();
    let url = named(r)?;
    if let Some(Err(error)) = url.as_deref().map(str::parse::<Purl>) {
        r.note_at(at, error.to_string());
    }
    Ok(url)
}

/// Reads a list of CPE names.
pub(super) fn cpes(r: &mut Reader<'_>) -> Result<Vec<Cpe>> {
    r.list(cpe)
}

/// Reads CVSS data: `vectorString` and `baseScore`; `None` where it has no vector. The provider is still to be filled in.
pub(super) fn cvss(r: &mut Reader<'_>, version: CvssVersion) -> Result<Option<Score>> {
    let start = r.value_start();
    let mut at = start;
    let (mut vector, mut published) = (None, None);
    let is_object = r.object(|r, key| {
        match key {
            "vectorString" => {
                at = r.value_start();
                vector = r.owned()?;
            }
            "baseScore" => published = r.number()?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    match vector {
        Some(vector) => Ok(Some(score(r, at, version, vector, published.map(|p| p as f32)))),
        None => {
            if is_object {
                r.note_at(start, "no vectorString");
            }
            Ok(None)
        }
    }
}

/// A score from a vector that stands at `at`. The provider is still to be filled in.
pub(super) fn score(r: &mut Reader<'_>, at: usize, version: CvssVersion, vector: String, published: Option<f32>) -> Score {
    let (score, error) = Score::new(String::new(), version, vector, published);
    if let Some(error) = error {
        r.note_at(at, error.to_string());
    }
    score
}

/// Adds scores, leaving out one that the same provider gave already.
pub(super) fn add_scores(scores: &mut Vec<Score>, more: Vec<Score>) {
    for score in more {
        if !scores.contains(&score) {
            scores.push(score);
        }
    }
}

/// Reads `[{"lang", "value"}]`: the first English text, else the first.
pub(super) fn text_in_english(r: &mut Reader<'_>) -> Result<Option<String>> {
    let mut best: Option<(bool, Cow<'_, str>)> = None;
    r.array(|r| {
        let (mut english, mut value) = (true, None);
        r.object(|r, key| {
            match key {
                "lang" => english = r.string()?.is_none_or(|lang| is_english(&lang)),
                "value" => value = r.string()?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        if let Some(value) = value
            && best.as_ref().is_none_or(|(best_is_english, _)| english && !best_is_english)
        {
            best = Some((english, value));
        }
        Ok(())
    })?;
    Ok(best.map(|(_, text)| text.into_owned()))
}

fn is_english(lang: &str) -> bool {
    let bytes = lang.as_bytes();
    lang == "eng" || matches!(bytes, [b'e' | b'E', b'n' | b'N'] | [b'e' | b'E', b'n' | b'N', b'-' | b'_', ..])
}

/// A reference that is not yet known to be the first with its URL: containers repeat each other's.
pub(super) struct Link<'a> {
    url: Cow<'a, str>,
    tags: Vec<String>,
}

impl<'a> Link<'a> {
    /// A link, where it has a URL.
    pub(super) fn new(url: Option<Cow<'a, str>>, tags: Vec<String>) -> Option<Self> {
        url.filter(|url| !url.is_empty()).map(|url| Self { url, tags })
    }
}

/// Reads `[{"url", "tags"}]`.
pub(super) fn links<'a>(r: &mut Reader<'a>) -> Result<Vec<Link<'a>>> {
    r.list(|r| {
        let (mut url, mut tags) = (None, Vec::new());
        r.object(|r, key| {
            match key {
                "url" => url = r.string()?,
                "tags" => tags = reference_tags(r)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(Link::new(url, tags))
    })
}

/// Tags in the spelling of the CVE format (`vendor-advisory`), without a source's private ones (`x_refsource_...`).
fn reference_tags(r: &mut Reader<'_>) -> Result<Vec<String>> {
    r.list(|r| {
        let tag = r.string()?;
        Ok(tag
            .filter(|tag| !tag.starts_with("x_") && !tag.is_empty())
            .map(|tag| reference_tag(&tag)))
    })
}

/// A tag in lower case, words joined with hyphens.
pub(super) fn reference_tag(tag: &str) -> String {
    let mut tag = tag.replace([' ', '_'], "-");
    tag.make_ascii_lowercase();
    tag
}

/// Adds links as references; one whose URL is there already only adds its tags.
pub(super) fn add_references(list: &mut Vec<Reference>, more: Vec<Link<'_>>, r: &mut Reader<'_>) {
    if list.is_empty() {
        list.reserve_exact(more.len().min(MAX_REFERENCES));
    }
    for Link { url, tags } in more {
        if let Some(known) = list.iter_mut().find(|known| known.url == url) {
            for tag in tags {
                add_once(&mut known.tags, tag);
            }
        } else if list.len() == MAX_REFERENCES {
            r.note_at(0, "more than 2048 references, the rest is left out");
            return;
        } else {
            list.push(Reference {
                url: url.into_owned(),
                tags,
            });
        }
    }
}

/// The CWE id that a text starts with: `CWE-79`, `CWE-79: Cross-site Scripting`.
pub(super) fn cwe(text: &str) -> Option<String> {
    let digits = text
        .trim_start()
        .strip_prefix("CWE-")
        .or_else(|| text.trim_start().strip_prefix("cwe-"))?;
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let digits = digits.get(..len).filter(|_| (1..=6).contains(&len))?;
    Some(format!("CWE-{digits}"))
}

/// Adds the items of another list.
pub(super) fn join<T>(list: &mut Vec<T>, mut more: Vec<T>) {
    if list.is_empty() {
        *list = more;
    } else {
        list.append(&mut more);
    }
}

/// The items of all lists, each once.
pub(super) fn each_once<T: PartialEq>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut all = Vec::new();
    for item in lists.into_iter().flatten() {
        add_once(&mut all, item);
    }
    all
}

/// Adds an item that is not there yet.
pub(super) fn add_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Reads a list of tags, leaving out those that are not the CVE format's own.
pub(super) fn tags(r: &mut Reader<'_>) -> Result<Vec<Tag>> {
    r.list(|r| Ok(r.string()?.as_deref().and_then(tag)))
}

fn tag(name: &str) -> Option<Tag> {
    match name {
        "disputed" => Some(Tag::Disputed),
        "exclusively-hosted-service" => Some(Tag::ExclusivelyHostedService),
        "unsupported-when-assigned" => Some(Tag::UnsupportedWhenAssigned),
        _ => None,
    }
}

/// Tags that older records write at the start of the description: `** DISPUTED ** In ...`.
pub(super) fn add_description_tags(tags: &mut Vec<Tag>, description: &str) {
    let mut rest = description;
    while let Some((mark, after)) = rest.strip_prefix("** ").and_then(|rest| rest.split_once(" **")) {
        let name = mark.to_ascii_lowercase().replace([' ', '_'], "-");
        if let Some(tag) = tag(&name) {
            add_once(tags, tag);
        }
        rest = after.trim_start();
    }
}
