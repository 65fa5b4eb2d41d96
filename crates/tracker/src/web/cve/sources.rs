//! The records about a vulnerability, read anew from their raw documents.

use serde::Serialize;
use vuln::Advisory;
use vuln::advisory::Source;

use crate::document;
use crate::store::read::{Document, RecordRow};

/// A record and what it says.
#[derive(Debug, Serialize)]
pub struct SourceView {
    /// Where it came from.
    #[serde(flatten)]
    pub record: RecordRow,
    /// What it says; `None` where it cannot be read any more.
    pub advisory: Option<Advisory>,
}

/// A link that some sources name.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// As written.
    pub url: String,
    /// Tags of all sources, each once.
    pub tags: Vec<String>,
    /// The sources that name it.
    pub sources: Vec<&'static str>,
}

/// Joins records with what their documents say.
pub fn read(records: Vec<RecordRow>, documents: &[Document]) -> Vec<SourceView> {
    let view = |record: RecordRow| {
        let document = documents.iter().find(|d| d.source == record.source && d.key == record.key);
        let parsed = document.and_then(|d| document::parse(source_of(&d.source)?, &d.bytes).ok());
        SourceView {
            record,
            advisory: parsed.map(|(advisory, _)| advisory),
        }
    };
    records.into_iter().map(view).collect()
}

/// The links of all sources, in the order of the first source that names each.
pub fn links(sources: &[SourceView]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for advisory in sources.iter().filter_map(|source| source.advisory.as_ref()) {
        for reference in &advisory.references {
            let index = links.iter().position(|link| link.url == reference.url).unwrap_or_else(|| {
                links.push(Link {
                    url: reference.url.clone(),
                    tags: Vec::new(),
                    sources: Vec::new(),
                });
                links.len() - 1
            });
            let Some(link) = links.get_mut(index) else { continue };
            for tag in &reference.tags {
                if !link.tags.contains(tag) {
                    link.tags.push(tag.clone());
                }
            }
            if !link.sources.contains(&advisory.source.name()) {
                link.sources.push(advisory.source.name());
            }
        }
    }
    links
}

fn source_of(name: &str) -> Option<Source> {
    [Source::Cve, Source::Nvd, Source::Osv]
        .into_iter()
        .find(|source| source.name() == name)
}
