//! An id that we have never seen: what that means depends on how old our data is.

use maud::{Markup, html};
use serde::Serialize;

use crate::store::read::Mentions;
use crate::web::address;
use crate::web::error::Error;
use crate::web::layout::{Frame, search_link};
use crate::web::page::overview::{FeedRow, feed_table, feeds};
use crate::web::part;
use crate::web::site::Site;
use crate::web::stats::Stats;

/// The answer about an id that no record is about.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// What was asked for.
    pub id: String,
    /// Always there: tells this answer from one about a vulnerability. `false` where something other than a record speaks of it.
    pub never_seen: bool,
    /// Whether it looks like an id of a vulnerability at all.
    pub valid: bool,
    /// What speaks of it without being a record.
    pub mentions: Mentions,
    /// Date of the newest vulnerability data that we have.
    pub data_date: Option<String>,
    /// The feeds and their dates.
    pub feeds: Vec<FeedRow>,
}

impl Unseen {
    /// Loads the answer.
    pub fn load(site: &Site, frame: &Frame, id: &str) -> Result<Self, Error> {
        let sources = site.store().sources()?;
        let counts = site.counts(&sources)?;
        let stats = Stats::new(&sources, &[], &counts, frame.now());
        let feeds: Vec<FeedRow> = feeds(&stats, &sources, frame.now())
            .into_iter()
            .filter(|feed| ["cve", "nvd", "osv"].contains(&feed.name))
            .collect();
        let mentions = site.store().mentions(id)?;
        let upper = id.to_uppercase();
        let valid = upper.parse::<vuln::id::CveId>().is_ok();
        Ok(Self {
            id: if valid { upper } else { id.to_owned() },
            never_seen: mentions.is_empty(),
            mentions,
            valid: valid || looks_like_an_id(id),
            data_date: feeds.iter().filter_map(|feed| feed.data_date.clone()).max(),
            feeds,
        })
    }

    /// Title of the page.
    pub fn title(&self) -> String {
        if self.never_seen {
            format!("{}: never seen", self.id)
        } else {
            format!("{}: no record", self.id)
        }
    }

    /// The content.
    pub fn body(&self, frame: &Frame) -> Markup {
        html! {
            div.wrap {
                p.eyebrow { "404" }
                h1 { (self.id) }
                @if !self.never_seen {
                    p.lede {
                        @match &self.data_date {
                            Some(date) => { "No record about this id was taken in; our data is from " strong { (part::day(date)) } "." },
                            None => "No record about this id was taken in, and we have no data yet that states its date.",
                        }
                    }
                    (self.known())
                } @else if self.valid {
                    p.lede {
                        @match &self.data_date {
                            Some(date) => { "We have never seen this id; our data is from " strong { (part::day(date)) } "." },
                            None => "We have never seen this id, and have no data yet that states its date.",
                        }
                    }
                    p { "That does not mean that nothing is vulnerable. The id may be newer than our data, reserved but not published, or mistyped." }
                } @else {
                    p.lede { "This does not look like the id of a vulnerability." }
                    p { a href=(search_link(&self.id)) { "Search for it" } }
                }
                h2 { "Our data" }
                (feed_table(&self.feeds, frame))
            }
        }
    }
}

impl Unseen {
    /// What is known all the same.
    fn known(&self) -> Markup {
        let Mentions { kev, epss, packages } = &self.mentions;
        html! {
            h2 { "What is known" }
            ul {
                @if let Some(kev) = kev {
                    li { "Known to be exploited since " (part::day(&kev.date_added)) " (CISA): " (kev.action) }
                }
                @if let Some(epss) = epss {
                    li { (format!("EPSS {:.1} %", epss * 100.0)) }
                }
                @for naming in packages {
                    li {
                        a href=(address::package(&naming.attr)) { (naming.attr) } " " (naming.version) " in " (naming.channel) " names it ("
                        (naming.says.replace('_', " ")) "): " (naming.text)
                    }
                }
            }
        }
    }
}

/// `PREFIX-...` with a number somewhere: GHSA-, GO-, BIT-, RUSTSEC-, ...
fn looks_like_an_id(id: &str) -> bool {
    let prefix = id.split('-').next().unwrap_or_default();
    let rest = id.get(prefix.len() + 1..).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (2..=12).contains(&prefix.len()) && rest.bytes().any(|b| b.is_ascii_digit()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_databases() {
        for id in [
            "GHSA-c3h9-896r-86jm",
            "GO-2020-0007",
            "BIT-activemq-2021-21341",
            "RUSTSEC-2021-0001",
        ] {
            assert!(looks_like_an_id(id), "{id}");
        }
        for text in ["", "curl", "CVE-", "a-1", "CVE 2024-1", "x-ä1", "ä-1"] {
            assert!(!looks_like_an_id(text), "{text}");
        }
    }
}
