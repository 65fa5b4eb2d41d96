//! `explain`

mod claims;

use std::time::Duration;

use cli_kit::{Exit, Failure, Format, Output, escape, escape_lines, human};
use vuln::advisory::Source;
use vuln::verdict::Evidence;

use super::{Context, known_channel};
use crate::config::now;
use crate::document;
use crate::store::read::{DispositionRow, Mentions, Naming, Read, RecordRow, VerdictRow, Vulnerability};
use crate::timestamp;
use crate::web::Stats;

/// Prints everything that is known and concluded about one vulnerability.
pub fn run(context: &Context, id: &str, package: Option<&str>, channel: Option<&str>) -> Result<Exit, Failure> {
    known_channel(context, channel)?;
    let store = &context.store;
    let found = match store.resolve(id)? {
        Some(resolved) => store.vulnerability(&resolved.name)?,
        None => None,
    };
    let Some(mut vulnerability) = found else {
        return unseen(context, id);
    };
    let clusters = match package {
        Some(attr) => Some(clusters(context, attr)?),
        None => None,
    };
    let in_channel = |name: &str| channel.is_none_or(|channel| channel == name);
    let is_asked = |of: &str, name: &str| {
        clusters
            .as_ref()
            .is_none_or(|c| c.iter().any(|(channel, cluster)| channel == of && cluster == name))
    };
    vulnerability
        .verdicts
        .retain(|v| in_channel(&v.channel) && is_asked(&v.channel, &v.package));
    vulnerability.dispositions.retain(|d| in_channel(&d.channel));
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Json => out.json(&vulnerability)?,
        Format::Jsonl => out.json_line(&vulnerability)?,
        Format::Table => {
            let text = Text {
                context,
                out: &mut out,
                vulnerability: &vulnerability,
            };
            text.write(package, clusters.as_deref())?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// The clusters that an attribute belongs to, by channel.
fn clusters(context: &Context, attr: &str) -> Result<Vec<(String, String)>, Failure> {
    let found: Vec<(String, String)> = context.store.package(attr)?.into_iter().map(|p| (p.channel, p.name)).collect();
    if found.is_empty() {
        return Err(Failure::usage(format!("find the attribute {attr:?} in any matched package set"))
            .hint("name it as in python312Packages.requests; a package set is known once `match` ran"));
    }
    Ok(found)
}

/// An id that no record is about: that is an answer too, with what else speaks of it, and it has a date.
fn unseen(context: &Context, id: &str) -> Result<Exit, Failure> {
    let store = &context.store;
    let sources = store.sources()?;
    let stats = Stats::new(&sources, &Read::channels(&**store)?, &store.counts()?, now());
    let mentions = store.mentions(id)?;
    let date = |name: &str| sources.iter().find(|source| source.name == name)?.data_date.as_deref().map(day);
    let records = ["cve", "nvd", "osv"];
    let newest = records.into_iter().filter_map(date).max();
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Table => {
            let of = newest.map_or_else(|| "has no date yet".to_owned(), |day| format!("is from {day}"));
            out.line(format!("{}: no record about it was taken in; our data {of}", escape(id)))?;
            for line in lines(&mentions) {
                out.line(escape(&line))?;
            }
            for (name, feed) in stats.feeds().into_iter().filter(|(name, _)| records.contains(name)) {
                let age = match (date(name), feed.age_s.and_then(|s| u64::try_from(s).ok())) {
                    (day, Some(age)) => format!(
                        "{} records{}, {} old",
                        human::count(feed.records),
                        day.map_or_else(String::new, |day| format!(" of {day}")),
                        human::duration(Duration::from_secs(age))
                    ),
                    (_, None) => "never taken".to_owned(),
                };
                out.line(format!("  {name}: {}", escape(&age)))?;
            }
        }
        Format::Json | Format::Jsonl => out.json_line(&serde_json::json!({
            "id": id, "seen": !mentions.is_empty(), "record": false, "data_date": newest, "kev": mentions.kev, "epss": mentions.epss,
            "packages": mentions.packages, "data": stats
        }))?,
    }
    out.finish()?;
    Ok(if mentions.is_empty() { Exit::NothingToDo } else { Exit::Clean })
}

fn lines(mentions: &Mentions) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(kev) = &mentions.kev {
        lines.push(format!("  known to be exploited since {} (CISA): {}", kev.date_added, kev.action));
    }
    if let Some(epss) = mentions.epss {
        lines.push(format!("  EPSS {:.1} %", epss * 100.0));
    }
    for naming in &mentions.packages {
        let Naming {
            channel,
            attr,
            version,
            says,
            text,
        } = naming;
        lines.push(format!(
            "  {channel}: {attr} {version} names it ({}): {text}",
            says.replace('_', " ")
        ));
    }
    lines
}

/// `YYYY-MM-DD` of a time as data states it.
fn day(text: &str) -> String {
    let text = timestamp::unix(text).map_or_else(|| text.to_owned(), timestamp::format);
    text.chars().take(10).collect()
}

struct Text<'a> {
    context: &'a Context,
    out: &'a mut Output,
    vulnerability: &'a Vulnerability,
}

impl Text<'_> {
    fn write(mut self, package: Option<&str>, clusters: Option<&[(String, String)]>) -> Result<(), Failure> {
        self.head()?;
        self.records()?;
        for disposition in &self.vulnerability.dispositions {
            let asked = clusters.map(|c| c.iter().any(|(channel, _)| *channel == disposition.channel));
            if asked != Some(false) {
                self.channel(disposition, package)?;
            }
        }
        if self.vulnerability.dispositions.is_empty() {
            self.line("")?;
            self.line("not matched with any package set yet: run `firn-tracker match`")?;
        }
        Ok(())
    }

    fn head(&mut self) -> Result<(), Failure> {
        let v = self.vulnerability;
        let score = v.score.map_or_else(String::new, |score| format!(" {score:.1}"));
        self.line(&format!("{}: {}, {}{score}", v.name, v.state, v.severity.name()))?;
        for text in [&v.title, &v.description].into_iter().filter(|text| !text.is_empty()) {
            for line in escape_lines(text).lines().filter(|line| !line.trim().is_empty()) {
                self.out.line(format!("  {line}"))?;
            }
        }
        let mut facts = Vec::new();
        if let Some(kev) = &v.kev {
            facts.push(format!("known to be exploited since {}", kev.date_added));
        }
        if let Some(ssvc) = &v.ssvc {
            facts.push(format!("SSVC exploitation: {ssvc}"));
        }
        if let (Some(epss), Some(percentile)) = (v.epss, v.epss_percentile) {
            facts.push(format!(
                "EPSS {:.1} %, higher than {:.0} % of all",
                epss * 100.0,
                percentile * 100.0
            ));
        }
        if !v.tags.is_empty() {
            facts.push(format!("tags: {}", v.tags.join(", ")));
        }
        if !v.aliases.is_empty() {
            facts.push(format!("also {}", v.aliases.join(", ")));
        }
        for fact in facts {
            self.line(&format!("  {fact}"))?;
        }
        Ok(())
    }

    fn records(&mut self) -> Result<(), Failure> {
        self.line("")?;
        self.line("records")?;
        let documents = self.context.store.documents(&self.vulnerability.name)?;
        for record in &self.vulnerability.records {
            self.record(record)?;
            let bytes = documents
                .iter()
                .find(|d| d.source == record.source && d.key == record.key)
                .map(|d| d.bytes.as_slice());
            let source = [Source::Cve, Source::Nvd, Source::Osv]
                .into_iter()
                .find(|s| s.name() == record.source);
            if let Some((advisory, _)) = bytes.zip(source).and_then(|(bytes, source)| document::parse(source, bytes).ok()) {
                for line in claims::lines(&advisory) {
                    self.line(&format!("      {line}"))?;
                }
            }
        }
        for problem in &self.vulnerability.problems {
            self.line(&format!(
                "  problem in {} {}{}: {}",
                problem.source, problem.key, problem.pointer, problem.message
            ))?;
        }
        Ok(())
    }

    fn record(&mut self, record: &RecordRow) -> Result<(), Failure> {
        let modified = record.modified.as_deref().unwrap_or("at a time it does not state");
        self.line(&format!("  {} {}: {}, changed {modified}", record.source, record.key, record.state))?;
        self.line(&format!("      from {}, sha256 {}", record.url, record.sha256))
    }

    fn channel(&mut self, disposition: &DispositionRow, package: Option<&str>) -> Result<(), Failure> {
        self.line("")?;
        self.line(&format!(
            "{}: {}",
            disposition.channel,
            disposition.disposition.name().replace('_', " ")
        ))?;
        let verdicts: Vec<&VerdictRow> = self
            .vulnerability
            .verdicts
            .iter()
            .filter(|v| v.channel == disposition.channel)
            .collect();
        for verdict in &verdicts {
            let fixed = verdict
                .fixed_in
                .as_deref()
                .map_or_else(String::new, |version| format!(", fixed in {version}"));
            let sure = format!(
                "{} (confidence {:.2}){fixed}",
                verdict.verdict.name().replace('_', " "),
                verdict.confidence
            );
            self.line(&format!("  {} {}: {sure}", verdict.package, verdict.version))?;
            if verdict.attr_count > 1 {
                let more = verdict.attr_count.saturating_sub(verdict.attrs.len() as u64);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                self.line(&format!("      attributes: {}{more}", verdict.attrs.join(", ")))?;
            }
            self.evidence(&verdict.evidence)?;
        }
        if let Some(attr) = package
            && verdicts.is_empty()
        {
            self.line(&format!("  {attr}: no rule says that it is the software of these records"))?;
        }
        if !disposition.near_misses.is_empty() {
            self.line("  close, but not taken")?;
        }
        for miss in &disposition.near_misses {
            self.line(&format!("  {} {}: identity {:.2}", miss.name, miss.version, miss.confidence))?;
            self.evidence(&miss.evidence)?;
        }
        Ok(())
    }

    fn evidence(&mut self, evidence: &[Evidence]) -> Result<(), Failure> {
        for one in evidence {
            self.line(&format!("      {}: {}", one.rule, one.detail))?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.out.line(escape(text))
    }
}
