//! `stats`

use std::time::Duration;

use cli_kit::{Exit, Failure, Format, Output, Table, human};

use super::Context;
use crate::config::now;
use crate::store::Read;
use crate::web::Stats;

/// Prints how much there is and how old it is.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let store = &context.store;
    let (sources, channels) = (store.sources()?, Read::channels(&**store)?);
    let stats = Stats::new(&sources, &channels, &store.counts()?, now()).with_jobs(&sources, &store.jobs()?, now());
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Json => out.json(&stats)?,
        Format::Jsonl => out.json_line(&stats)?,
        Format::Table => {
            let mut table = Table::new(&["what", "records", "age of the data"]).right(&["records"]);
            let age = |seconds: Option<i64>| match seconds.and_then(|s| u64::try_from(s).ok()) {
                Some(seconds) => human::duration(Duration::from_secs(seconds)),
                None => "never taken".to_owned(),
            };
            for (name, feed) in stats.feeds() {
                table.row([name, &human::count(feed.records), &age(feed.age_s)]);
            }
            for channel in &channels {
                let since = channel.taken_at.map(|at| now() - at);
                table.row([format!("packages of {}", channel.name), human::count(channel.packages), age(since)]);
            }
            table.row(["vulnerabilities", &human::count(stats.vulnerabilities), ""]);
            table.row(["suggestions", &human::count(stats.suggestions), ""]);
            out.table(&table)?;
            out.line("")?;
            out.table(&table_of_sources(&stats))?;
        }
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// When each source was looked at, how fast, what failed, and when it is looked at next.
fn table_of_sources(stats: &Stats) -> Table {
    let span = |seconds: i64| human::duration(Duration::from_secs(seconds.unsigned_abs()));
    let mut table = Table::new(&["source", "last success", "records/s", "next look", "what failed"]).right(&["records/s"]);
    for source in &stats.sources {
        let next = match source.next_at {
            _ if source.is_running => "under way".to_owned(),
            Some(at) if at <= now() => "now".to_owned(),
            Some(at) => format!("in {}", span(at - now())),
            None => String::new(),
        };
        table.row([
            source.name.clone(),
            source
                .last_success
                .map_or_else(|| "never".to_owned(), |at| format!("{} ago", span(now() - at))),
            source.rate.map_or_else(String::new, |rate| human::count(rate as u64)),
            next,
            source.last_error.clone().unwrap_or_default(),
        ]);
    }
    table
}
