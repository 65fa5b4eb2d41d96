//! What stands around the content of every page.

use std::cell::Cell;
use std::sync::Arc;

use maud::{DOCTYPE, Markup, html};

use super::address::{self, Format};
use super::{asset, part};
use crate::progress::{Phase, Snapshot};

/// What every page knows.
#[derive(Debug)]
pub struct Frame {
    /// Whether the database holds the sample set.
    pub sample: bool,
    /// What the background work is doing.
    pub progress: Snapshot,
    /// Under which address readers find us, where that is known.
    pub base: Option<Arc<str>>,
    now: i64,
    is_timely: Cell<bool>,
}

impl Frame {
    /// A frame at a time in unix seconds.
    pub fn new(sample: bool, progress: Snapshot, base: Option<Arc<str>>, now: i64) -> Self {
        let is_timely = Cell::new(progress.phase != Phase::Idle);
        Self {
            sample,
            progress,
            base,
            now,
            is_timely,
        }
    }

    /// Unix seconds. A page that asks is out of date soon.
    pub fn now(&self) -> i64 {
        self.is_timely.set(true);
        self.now
    }

    /// Whether the page shows how old something is, or how far something has come.
    pub fn is_timely(&self) -> bool {
        self.is_timely.get()
    }
}

/// The parts of the site that the navigation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `/`
    Overview,
    /// `/queue`
    Queue,
    /// `/channels` and each channel.
    Channels,
    /// `/maintainers`, `/teams` and each of them.
    People,
    /// `/trends`
    Trends,
    /// `/problems`
    Problems,
    /// `/about`
    About,
    /// Pages that the navigation does not name.
    None,
}

const NAVIGATION: [(Section, &str, &str); 7] = [
    (Section::Overview, "/", "Overview"),
    (Section::Queue, "/queue", "Queue"),
    (Section::Channels, "/channels", "Channels"),
    (Section::People, "/maintainers", "Maintainers"),
    (Section::Trends, "/trends", "Trends"),
    (Section::Problems, "/problems", "Problems"),
    (Section::About, "/about", "About"),
];

/// One page to be laid out.
pub struct Layout<'a> {
    /// Title without the name of the site.
    pub title: &'a str,
    /// Where it belongs.
    pub section: Section,
    /// What was searched for, shown in the search field.
    pub asked: &'a str,
    /// The formats that it has beside this one, with their addresses.
    pub twins: &'a [(Format, String)],
    /// Its own address, a path of ours, where it is to be found under it.
    pub own: Option<&'a str>,
}

impl Layout<'_> {
    /// The whole document.
    pub fn document(&self, frame: &Frame, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (self.title) " · Firn tracker" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="stylesheet" href=(asset::STYLE_ADDRESS.as_str());
                    link rel="icon" type="image/svg+xml" href="/favicon.svg";
                    @if let (Some(base), Some(own)) = (&frame.base, self.own) { link rel="canonical" href={ (base) (own) }; }
                    @for (format, href) in self.twins {
                        link rel="alternate" type=(format.media_type().split(';').next().unwrap_or_default()) title=[(*format == Format::Atom).then_some(self.title)] href=(href);
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.header())
                    (notices(frame))
                    main #main tabindex="-1" { (body) }
                    (self.footer())
                }
            }
        }
    }

    fn header(&self) -> Markup {
        html! {
            header.top {
                div.wrap {
                    a.brand href="/" { (crystal()) span { "Firn" } " " span.soft { "tracker" } }
                    nav aria-label="Main" {
                        ul {
                            @for (section, href, name) in NAVIGATION {
                                li { a href=(href) aria-current=[(section == self.section).then_some("page")] { (name) } }
                            }
                        }
                    }
                    form.find role="search" aria-label="From every page" action="/search" method="get" {
                        label.hidden for="find" { "Search CVE ids, packages and descriptions" }
                        input #find type="search" name="q" value=(self.asked) maxlength="200" placeholder="CVE id, package or words" autocomplete="off";
                        button type="submit" { "Search" }
                    }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer.bottom {
                div.wrap {
                    p { "A verdict here is a computed suggestion with its evidence, not a statement by Nixpkgs. " a href="/legend" { "How to read it" } ", " a href="/about" { "what it is worth" } "." }
                    @if !self.twins.is_empty() {
                        p {
                            "This page as "
                            @for (index, (format, href)) in self.twins.iter().enumerate() {
                                @if index > 0 { @if index + 1 == self.twins.len() { " or " } @else { ", " } }
                                a href=(href) { (twin_word(*format)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn twin_word(format: Format) -> &'static str {
    match format {
        Format::Html => "page",
        Format::Json => "JSON",
        Format::Csv => "CSV",
        Format::Atom => "Atom feed",
    }
}

fn notices(frame: &Frame) -> Markup {
    html! {
        @if frame.sample {
            div.notice.sample role="note" {
                div.wrap {
                    p {
                        strong { "Sample data." }
                        " This database holds a small excerpt that comes with the program: real ids, but shortened words, invented scores and package versions of no channel. Do not act on it: take in the feeds for real data."
                    }
                }
            }
        }
        @if frame.progress.phase != Phase::Idle { (loading(&frame.progress)) }
    }
}

fn loading(progress: &Snapshot) -> Markup {
    let what = match progress.phase {
        Phase::Idle => "",
        Phase::Fetching => "Fetching",
        Phase::Ingesting => "Taking in",
        Phase::Matching => "Matching",
    };
    html! {
        div.notice.loading role="status" {
            div.wrap {
                p {
                    strong { (what) @if !progress.subject.is_empty() { " " (progress.subject) } }
                    ": "
                    @match progress.total {
                        Some(total) => { (part::number(progress.done)) " of " (part::number(total)) " done. " }
                        None => { (part::number(progress.done)) " done. " }
                    }
                    "Pages show what is there so far."
                }
                @if let Some(total) = progress.total.filter(|&total| total > 0) {
                    progress max=(total) value=(progress.done.min(total)) aria-label="Progress" { (progress.done * 100 / total) " %" }
                }
            }
        }
    }
}

/// The mark: a crystal of old snow.
fn crystal() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" {
            path d="M12 2v20M3.34 7l17.32 10M3.34 17L20.66 7M12 6l-2.5-2.2M12 6l2.5-2.2M12 18l-2.5 2.2M12 18l2.5 2.2M6.8 9l-3.1.9M6.8 9L6.2 5.9M17.2 15l3.1-.9M17.2 15l.6 3.1M6.8 15l-3.1-.9M6.8 15l-.6 3.1M17.2 9l3.1.9M17.2 9l.6-3.1" {}
        }
    }
}

/// A page about an error.
pub fn error(frame: &Frame, status: u16, message: &str) -> Markup {
    let title = match status {
        404 => "Not found",
        400 | 414 => "That address cannot be read",
        405 => "Pages can only be read",
        429 => "Too many requests",
        503 => "The database does not answer",
        _ => "Something is broken",
    };
    let body = html! {
        div.wrap.narrow {
            p.eyebrow { (status) }
            h1 { (title) }
            p.lede { (sentence(message)) }
            p { a href="/" { "Back to the overview" } }
        }
    };
    Layout {
        title,
        section: Section::None,
        asked: "",
        twins: &[],
        own: None,
    }
    .document(frame, &body)
}

/// Error texts are fragments; people get a sentence.
fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let mut text: String = chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// A link to the search for a text.
pub fn search_link(text: &str) -> String {
    address::query("/search", &[("q", Some(text))])
}
