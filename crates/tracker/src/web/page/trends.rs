//! Plots over everything: what came when, what is open, how old the data is.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Serialize;

use super::overview::{FeedRow, feed_name, feed_table, feeds};
use super::parameters::Parameters;
use super::{Page, TABLE};
use crate::store::read::{Channel, OpenHistory, Published, Revision};
use crate::web::address::{self, Format};
use crate::web::board::ChannelBoard;
use crate::web::error::Error;
use crate::web::layout::{Frame, Section};
use crate::web::plot::{self, Bar, Bars, Length};
use crate::web::respond::Loaded;
use crate::web::sheet::Sheet;
use crate::web::site::Site;
use crate::web::stats::Stats;
use crate::web::{part, time};

/// Months drawn.
const MONTHS: usize = 24;

/// Years drawn.
const YEARS: usize = 28;

/// Revisions drawn.
const REVISIONS: usize = 60;

/// Data older than this many days is worth a look.
const OLD: u64 = 30;

/// How the first plot counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The last two years, by month.
    #[default]
    Month,
    /// All years.
    Year,
}

impl By {
    const ALL: [Self; 2] = [Self::Month, Self::Year];

    fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// The plots.
#[derive(Debug, Serialize)]
pub struct Trends {
    /// How new vulnerabilities are counted.
    pub by: By,
    /// Vulnerabilities by the month or year in which they were published, oldest first.
    pub published: Vec<Bar>,
    /// Open findings of each channel, oldest channel first.
    pub open: Vec<Bar>,
    /// Open findings of the chosen channel at each of its revisions, oldest first.
    pub history: Vec<Bar>,
    /// The channel of `history` and `ages`.
    pub channel: Option<String>,
    /// Channels to choose from.
    pub channels: Vec<String>,
    /// What is open in the channel, by the year in which it was published, oldest first.
    pub ages: Vec<Bar>,
    /// The feeds.
    pub feeds: Vec<FeedRow>,
}

impl Trends {
    /// Loads the plots.
    pub fn load(site: &Site, frame: &Frame, parameters: &Parameters) -> Result<Loaded<Self>, Error> {
        let by = parameters
            .choice("by", &By::ALL, By::name, "expected month or year")?
            .unwrap_or_default();
        let sources = site.store().sources()?;
        let counts = site.counts(&sources)?;
        let stats = Stats::new(&sources, &[], &counts, frame.now());
        let board = site.board()?;
        let channel = match parameters.text("channel", 200)? {
            Some(name) => Some(board.channel(&name).ok_or_else(|| Error::NotFound {
                what: format!("there is no matched channel named {name:?}"),
            })?),
            None => board.channels().iter().find(|channel| !channel.is_empty()),
        };
        let mut open: Vec<Bar> = super::channel::all(site)?
            .iter()
            .filter(|c| c.matched_at.is_some())
            .map(open_of)
            .collect();
        open.reverse();
        Ok(Loaded::Page(Self {
            by,
            published: published(&site.published(&sources)?, by, frame.now()),
            open,
            history: match channel {
                Some(channel) => over_time(&*site.history(&board, &channel.name)?),
                None => Vec::new(),
            },
            channel: channel.map(|channel| channel.name.clone()),
            channels: board.channels().iter().map(|channel| channel.name.clone()).collect(),
            ages: channel.map(|channel| ages(channel)).unwrap_or_default(),
            feeds: feeds(&stats, &sources, frame.now()),
        }))
    }

    fn form(&self) -> Markup {
        html! {
            form.filter action="/trends" method="get" aria-label="Choose a channel" {
                input type="hidden" name="by" value=(self.by.name());
                div.field {
                    label for="channel" { "Channel" }
                    select #channel name="channel" { @for name in &self.channels { option value=(name) selected[self.channel.as_ref() == Some(name)] { (name) } } }
                }
                div.field.act { button.primary type="submit" { "Show" } }
            }
        }
    }

    fn data_ages(&self) -> Markup {
        let length = |feed: &FeedRow| {
            let days = feed.age_s.and_then(|age| u64::try_from(age).ok()).map(|age| age / 86_400);
            (feed_name(feed.name).to_owned(), days, feed.age_s)
        };
        let rows: Vec<(String, Option<u64>, Option<i64>)> = self.feeds.iter().map(length).collect();
        let list: Vec<Length<'_>> = rows
            .iter()
            .map(|(name, days, age)| Length {
                name,
                value: *days,
                words: age.map_or_else(|| "no data yet".to_owned(), |age| format!("{} old", time::span(age))),
                long: days.is_some_and(|days| days > OLD),
            })
            .collect();
        plot::lengths("Age of the data of each source", &list)
    }
}

/// Open findings of a channel.
fn open_of(channel: &Channel) -> Bar {
    let mut bar = Bar::new(channel.name.as_str());
    for count in channel.counts.iter().filter(|count| count.verdict.is_open()) {
        bar.add(count.severity, count.count);
    }
    bar
}

/// The last revisions of a channel.
fn over_time(history: &OpenHistory) -> Vec<Bar> {
    let bar = |(revision, counts): (&Revision, Vec<_>)| Bar {
        label: time::date(revision.at),
        counts,
    };
    let bars: Vec<Bar> = history.by_set().map(bar).collect();
    bars.get(bars.len().saturating_sub(REVISIONS)..).unwrap_or_default().to_vec()
}

/// Groups months, leaving out those that lie in the future: records have mistyped dates.
fn published(months: &[Published], by: By, now: i64) -> Vec<Bar> {
    let this_month = time::rfc3339(now);
    let mut bars: BTreeMap<&str, Bar> = BTreeMap::new();
    for published in months {
        let month = published.month.as_str();
        let is_past =
            month.len() == 7 && month.starts_with(|c: char| c.is_ascii_digit()) && this_month.get(..7).is_none_or(|now| month <= now);
        let label = if by == By::Year { month.get(..4) } else { Some(month) };
        if let Some(label) = label.filter(|_| is_past) {
            bars.entry(label)
                .or_insert_with(|| Bar::new(label))
                .add(published.severity, published.count);
        }
    }
    let bars: Vec<Bar> = bars.into_values().collect();
    let most = if by == By::Year { YEARS } else { MONTHS };
    bars.get(bars.len().saturating_sub(most)..).unwrap_or_default().to_vec()
}

/// What is open in a channel, by the year in which it was published.
fn ages(channel: &ChannelBoard) -> Vec<Bar> {
    let mut bars: BTreeMap<&str, Bar> = BTreeMap::new();
    for facts in channel.open() {
        let year = facts.published.as_deref().and_then(|date| date.get(..4)).unwrap_or("none");
        bars.entry(year).or_insert_with(|| Bar::new(year)).add(facts.severity, 1);
    }
    bars.into_values().collect()
}

impl Page for Trends {
    fn title(&self) -> String {
        "Trends".to_owned()
    }

    fn section(&self) -> Section {
        Section::Trends
    }

    fn formats(&self) -> &'static [Format] {
        TABLE
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&["series", "label", "severity", "count"]);
        for (series, bars) in [
            ("published", &self.published),
            ("open", &self.open),
            ("history", &self.history),
            ("ages", &self.ages),
        ] {
            for bar in bars {
                for (severity, count) in &bar.counts {
                    sheet.row([
                        series.to_owned(),
                        bar.label.clone(),
                        part::severity_name(*severity).to_owned(),
                        count.to_string(),
                    ]);
                }
            }
        }
        sheet
    }

    fn body(&self, frame: &Frame) -> Markup {
        let other = if self.by == By::Month { By::Year } else { By::Month };
        html! {
            div.wrap {
                h1 { "Trends" }
                p.lede { "How much becomes known, how much of it is open, and how far the data reaches. Each plot has its numbers beside it." }
                section aria-labelledby="new" {
                    (part::heading("new", "New vulnerabilities"))
                    p.soft {
                        "By the date at which they were published. Where a source's data ends, the bars end too: see the "
                        a href="#data" { "age of the data" } ". "
                        a href=(address::query("/trends", &[("by", Some(other.name())), ("channel", self.channel.as_deref())])) { "Count by " (other.name()) }
                    }
                    (Bars { id: "published", title: if self.by == By::Month { "Vulnerabilities by month of publication" } else { "Vulnerabilities by year of publication" }, head: if self.by == By::Month { "Month" } else { "Year" }, bars: &self.published }.markup())
                }
                section aria-labelledby="open" {
                    (part::heading("open", "Open by severity"))
                    p.soft { "Findings with the verdict affected, known vulnerable or unknown in each channel, from the oldest channel to the newest." }
                    (Bars { id: "channels", title: "Open findings by channel", head: "Channel", bars: &self.open }.markup())
                }
                section aria-labelledby="history" {
                    (part::heading("history", "Open over time"))
                    @if let Some(channel) = &self.channel {
                        (self.form())
                        p.soft { "Open findings of " (channel) " at each revision that was taken in, as today's records and rules see it." }
                    }
                    (Bars { id: "revisions", title: "Open findings by revision of the channel", head: "Taken", bars: &self.history }.markup())
                }
                section aria-labelledby="ages" {
                    (part::heading("ages", "How long it has been known"))
                    @if let Some(channel) = &self.channel {
                        p.soft { "Vulnerabilities that are open in " (channel) ", by the year in which they were published." }
                    }
                    (Bars { id: "years", title: "Open vulnerabilities by year of publication", head: "Year", bars: &self.ages }.markup())
                }
                section aria-labelledby="downloads" {
                    (part::heading("downloads", "For research"))
                    p.soft { "The numbers behind these plots, to load and to cite with the date." }
                    ul {
                        li { "Vulnerabilities by month and severity: "
                            a href="/api/v1/statistics/published.csv" { "CSV" } ", " a href="/api/v1/statistics/published" { "JSON" } }
                        li { "From publication to fix, for each package of each channel: "
                            a href="/api/v1/statistics/fixes.csv" { "CSV" } ", " a href="/api/v1/statistics/fixes" { "JSON" } }
                    }
                }
                section aria-labelledby="data" {
                    (part::heading("data", "Age of the data"))
                    p.soft { "An answer is as old as the oldest source behind it." }
                    (self.data_ages())
                    (feed_table(&self.feeds, frame))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vuln::score::Severity;

    #[test]
    fn months_become_years_and_the_future_is_left_out() {
        let of = |month: &str, count| Published {
            month: month.to_owned(),
            severity: Severity::Low,
            count,
        };
        // 2026-11-22.
        let now = 1_795_357_800;
        let months = [
            of("2024-01", 1),
            of("2024-12", 2),
            of("2026-11", 4),
            of("2026-12", 8),
            of("2999-01", 16),
            of("soon", 32),
        ];
        let labels = |by| -> Vec<(String, u64)> {
            published(&months, by, now)
                .into_iter()
                .map(|bar| (bar.label.clone(), bar.all()))
                .collect()
        };
        assert_eq!(labels(By::Year), [("2024".to_owned(), 3), ("2026".to_owned(), 4)]);
        assert_eq!(labels(By::Month).len(), 3);
    }
}
