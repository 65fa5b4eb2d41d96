//! Search: an id leads to its page, anything else to packages and descriptions.

use axum::http::StatusCode;
use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::parameters::Parameters;
use crate::store::read::{ClusterHead, Hit, TextHits};
use crate::web::address::{self, Format};
use crate::web::error::Error;
use crate::web::feed::Entry;
use crate::web::layout::{Frame, Section};
use crate::web::part;
use crate::web::respond::Loaded;
use crate::web::sheet::{self, Sheet};
use crate::web::site::Site;

/// Characters that a search may have.
const LIMIT: usize = 200;

/// Words that a search may have: more make the question slow and the answer empty.
const WORDS: usize = 12;

/// Names of packages that are looked up; several may be one package.
const NAMES: usize = 40;

/// Packages shown.
const PACKAGES: usize = 20;

/// Vulnerabilities shown.
const HITS: usize = 25;

/// The answer to a search.
#[derive(Debug, Serialize)]
pub struct Search {
    /// What was searched for.
    pub query: String,
    /// Why it was not searched for.
    pub refused: Option<&'static str>,
    /// The vulnerability that the text names exactly. Browsers are led there at once.
    pub exact: Option<String>,
    /// Packages whose name holds the text.
    pub packages: Vec<ClusterHead>,
    /// Whether there are more packages.
    pub more_packages: bool,
    /// Vulnerabilities that hold all of the words.
    #[serde(flatten)]
    pub text: TextHits,
}

impl Search {
    /// Searches.
    pub fn load(site: &Site, parameters: &Parameters, format: Format) -> Result<Loaded<Self>, Error> {
        // One more than allowed: a longer one is refused with a page, not with an error.
        let query = parameters.text("q", usize::MAX)?.unwrap_or_default();
        let mut page = Self {
            query,
            refused: None,
            exact: None,
            packages: Vec::new(),
            more_packages: false,
            text: TextHits::default(),
        };
        if page.query.chars().count() > LIMIT {
            page.query = page.query.chars().take(LIMIT).collect();
            page.refused = Some("It is longer than 200 characters.");
            return Ok(Loaded::Page(page));
        }
        let words: Vec<String> = page.query.split_whitespace().map(str::to_owned).collect();
        let [first, ..] = words.as_slice() else {
            return Ok(Loaded::Page(page));
        };
        if words.len() > WORDS {
            page.refused = Some("It has more than 12 words.");
            return Ok(Loaded::Page(page));
        }
        let store = site.store();
        if words.len() == 1 {
            if let Some(found) = store.resolve(first)? {
                if format == Format::Html {
                    return Ok(Loaded::Elsewhere(address::cve(&found.name)));
                }
                page.exact = Some(found.name);
            }
            // An id that we have never seen deserves the page that says so.
            if page.exact.is_none() && format == Format::Html && first.parse::<vuln::id::CveId>().is_ok() {
                return Ok(Loaded::Elsewhere(address::cve(&first.to_uppercase())));
            }
            let names: Vec<String> = site.names()?.search(first, NAMES).into_iter().map(str::to_owned).collect();
            page.more_packages = names.len() == NAMES;
            let mut seen = std::collections::BTreeSet::new();
            page.packages = store
                .heads(&names)?
                .into_iter()
                .filter(|head| seen.insert(head.name.clone()))
                .collect();
            page.more_packages |= page.packages.len() > PACKAGES;
            page.packages.truncate(PACKAGES);
        }
        page.text = store.search_text(&words, HITS)?;
        Ok(Loaded::Page(page))
    }

    fn packages(&self) -> Markup {
        html! {
            ul.packages {
                @for head in &self.packages {
                    li {
                        a href=(address::package(&head.name)) { (head.name) }
                        @if head.asked != head.name { " " span.soft { "has " (head.asked) } }
                        @if head.pname != head.name { " " span.soft { (head.pname) } }
                        span.versions { (versions(head)) }
                    }
                }
            }
            @if self.more_packages { p.soft { "There are more: a longer part of the name finds them." } }
        }
    }

    fn hits(&self) -> Markup {
        html! {
            ol.hits {
                @for hit in &self.text.hits { (hit_item(hit)) }
            }
            @match self.text.total {
                Some(total) if total > self.text.hits.len() => p.soft { "The " (self.text.hits.len()) " newest of " (part::number(total as u64)) ". More words narrow it down." },
                None if self.text.broad => p.soft { "More than " (part::number(TextHits::BROAD as u64)) " match; these were taken in last. More words narrow it down." },
                _ => {},
            }
        }
    }
}

/// The versions of a package, each once.
pub fn versions(head: &ClusterHead) -> String {
    let mut versions: Vec<&str> = Vec::new();
    for (_, version) in &head.versions {
        if !version.is_empty() && !versions.contains(&version.as_str()) {
            versions.push(version);
        }
    }
    versions.join(", ")
}

fn hit_item(hit: &Hit) -> Markup {
    html! {
        li {
            div.line {
                a.id href=(address::cve(&hit.name)) { (hit.name) }
                @if hit.state == "rejected" { span.tag { "Rejected" } }
                (part::severity(hit.severity, hit.score))
                @if let Some(date) = &hit.kev_date { (part::exploited(date)) }
                @if let Some(epss) = hit.epss { span.epss { "EPSS " (part::percent(epss)) } }
                @if let Some(date) = &hit.published { span.soft { (part::day(date)) } }
            }
            @if !hit.title.is_empty() { p.title { (hit.title) } }
            @if !hit.excerpt.is_empty() && hit.excerpt != hit.title { p.soft.clip { (hit.excerpt) } }
        }
    }
}

impl Page for Search {
    fn title(&self) -> String {
        if self.query.is_empty() {
            "Search".to_owned()
        } else {
            format!("Search for {}", self.query)
        }
    }

    fn section(&self) -> Section {
        Section::None
    }

    fn asked(&self) -> &str {
        &self.query
    }

    fn status(&self) -> StatusCode {
        if self.refused.is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        }
    }

    fn formats(&self) -> &'static [Format] {
        super::LIST
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "kind",
            "id",
            "title",
            "severity",
            "cvss",
            "epss",
            "exploited_since",
            "published",
            "versions",
        ]);
        for head in &self.packages {
            let empty = String::new;
            let cells = [
                "package".to_owned(),
                head.name.clone(),
                head.pname.clone(),
                empty(),
                empty(),
                empty(),
                empty(),
                empty(),
                versions(head),
            ];
            sheet.row(cells);
        }
        for hit in &self.text.hits {
            sheet.row([
                "vulnerability".to_owned(),
                hit.name.clone(),
                hit.title.clone(),
                part::severity_name(hit.severity).to_owned(),
                sheet::number(hit.score),
                sheet::number(hit.epss),
                hit.kev_date.clone().unwrap_or_default(),
                hit.published.clone().unwrap_or_default(),
                String::new(),
            ]);
        }
        sheet
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |hit: &Hit| Entry {
            id: format!("cve/{}", hit.name),
            title: if hit.title.is_empty() {
                hit.name.clone()
            } else {
                format!("{}: {}", hit.name, hit.title)
            },
            link: address::cve(&hit.name),
            date: hit.published.clone(),
            text: hit.excerpt.clone(),
        };
        self.text.hits.iter().map(entry).collect()
    }

    fn body(&self, _: &Frame) -> Markup {
        html! {
            div.wrap {
                h1 { "Search" }
                form.search role="search" action="/search" method="get" {
                    label for="ask" { "A CVE id, a package, or words of a description" }
                    div.line {
                        input #ask type="search" name="q" maxlength="200" value=(self.query) autocomplete="off";
                        button.primary type="submit" { "Search" }
                    }
                }
                @if let Some(why) = self.refused {
                    p.empty role="alert" { "This was not searched for. " (why) }
                } @else if !self.query.is_empty() {
                    section aria-labelledby="packages" {
                        (part::heading("packages", "Packages"))
                        @if self.packages.is_empty() { p.empty { "No package has a name like this." } } @else { (self.packages()) }
                    }
                    section aria-labelledby="vulnerabilities" {
                        (part::heading("vulnerabilities", "Vulnerabilities"))
                        @if self.text.hits.is_empty() { p.empty { "No description has all of these words." } } @else { (self.hits()) }
                    }
                }
            }
        }
    }
}
