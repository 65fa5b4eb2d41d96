//! The questions of the pages, in PostgreSQL's SQL.

mod channel;
mod finding;
mod fix;
mod keeper;
mod listed;
mod mention;
mod open;
mod package;
mod problem;
mod search;
mod source;
mod vulnerability;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::{Deserialize, de::DeserializeOwned};

use super::client::{Error, Row, Value};
use super::{Postgres, Result};
use crate::store::StoreError;
use crate::store::read::{
    After, Channel, ClusterHead, Counts, Document, Facts, FindingThen, Findings, Fix, Kept, Listed, ListedPackage, Mark, Mentions,
    OpenHistory, PackageIn, PairDetail, Place, ProblemRow, Published, Read, Resolved, Source, Taken, TextHits, Vulnerability,
};

type Answer<T> = std::result::Result<T, StoreError>;

impl Read for Postgres {
    fn last_change(&self) -> Answer<String> {
        // Which transactions are over: each that writes has a number. Those of the server's other databases count too.
        self.read("look for changes of the database", |db| {
            db.one("SELECT txid_current_snapshot()::text", &[])?.get(0)
        })
    }

    fn is_sample(&self) -> Answer<bool> {
        self.read("read the settings", source::is_sample)
    }

    fn sources(&self) -> Answer<Vec<Source>> {
        self.read("read the sources", source::all)
    }

    fn counts(&self) -> Answer<Counts> {
        self.read("count the records", source::counts)
    }

    fn channels(&self) -> Answer<Vec<Channel>> {
        self.read("read the channels", channel::all)
    }

    fn marks(&self) -> Answer<Vec<Mark>> {
        self.read("read the marks of the channels", channel::marks)
    }

    fn findings(&self, channel: &str) -> Answer<Findings> {
        self.read(&format!("read the findings of {channel}"), |db| finding::all(db, channel))
    }

    fn facts(&self, keys: &[i64]) -> Answer<Vec<Facts>> {
        self.read("read what lists show of vulnerabilities", |db| finding::facts(db, keys))
    }

    fn facts_named(&self, names: &[String]) -> Answer<Vec<Facts>> {
        self.read("read what lists show of vulnerabilities", |db| finding::facts_named(db, names))
    }

    fn places(&self, channel: &str, attrs: &[String]) -> Answer<Vec<Option<Place>>> {
        self.read(&format!("look up packages of {channel}"), |db| listed::places(db, channel, attrs))
    }

    fn pair_details(&self, channel: &str, pairs: &[(i64, i64)]) -> Answer<Vec<PairDetail>> {
        self.read(&format!("read findings of {channel}"), |db| finding::details(db, channel, pairs))
    }

    fn vulnerability(&self, name: &str) -> Answer<Option<Vulnerability>> {
        self.read(&format!("read vulnerability {name}"), |db| vulnerability::one(db, name))
    }

    fn documents(&self, name: &str) -> Answer<Vec<Document>> {
        self.read(&format!("read the documents about {name}"), |db| vulnerability::documents(db, name))
    }

    fn resolve(&self, id: &str) -> Answer<Option<Resolved>> {
        self.read(&format!("look up {id}"), |db| search::resolve(db, id))
    }

    fn mentions(&self, id: &str) -> Answer<Mentions> {
        self.read(&format!("look for {id} beside the records"), |db| {
            mention::of(db, &Mentions::spelling(id))
        })
    }

    fn package(&self, attr: &str) -> Answer<Vec<PackageIn>> {
        self.read(&format!("read package {attr}"), |db| package::with_attr(db, attr))
    }

    fn packages_named(&self, pname: &str, limit: usize) -> Answer<Vec<ClusterHead>> {
        self.read(&format!("read the packages named {pname}"), |db| package::named(db, pname, limit))
    }

    fn heads(&self, names: &[String]) -> Answer<Vec<ClusterHead>> {
        self.read("read packages", |db| package::heads(db, names))
    }

    fn open_history(&self, channel: &str) -> Answer<OpenHistory> {
        self.read(&format!("read what was open in {channel}"), |db| open::history(db, channel))
    }

    fn findings_then(&self, channel: &str, set: i64) -> Answer<Vec<FindingThen>> {
        self.read(&format!("read the earlier findings of {channel}"), |db| {
            open::findings(db, channel, set)
        })
    }

    fn kept(&self) -> Answer<Vec<Kept>> {
        self.read("read who looks after packages", keeper::all)
    }

    fn published(&self) -> Answer<Vec<Published>> {
        self.read("count the vulnerabilities of each month", vulnerability::published)
    }

    fn fixes(&self) -> Answer<Vec<Fix>> {
        self.read("read what is not open any more", fix::fixes)
    }

    fn names(&self) -> Answer<Vec<String>> {
        self.read("read the names of all packages", package::names)
    }

    fn search_text(&self, words: &[String], limit: usize) -> Answer<TextHits> {
        self.read("search the descriptions", |db| search::text(db, words, limit))
    }

    fn listed(&self, after: After, limit: usize) -> Answer<Vec<Listed>> {
        self.read("list vulnerabilities", |db| listed::vulnerabilities(db, after, limit))
    }

    fn listed_packages(&self, channel: &str, after: &str, limit: usize) -> Answer<Vec<ListedPackage>> {
        self.read(&format!("list the packages of {channel}"), |db| {
            listed::packages(db, channel, after, limit)
        })
    }

    fn problems(&self, source: Option<&str>, before: Option<i64>, limit: usize) -> Answer<Vec<ProblemRow>> {
        self.read("read the problems", |db| problem::page(db, source, before, limit))
    }

    fn taken(&self, source: Option<&str>, limit: usize) -> Answer<Vec<Taken>> {
        self.read("read what was taken", |db| problem::taken(db, source, limit))
    }
}

/// A column that holds the name of one of our enums.
fn named<'de, T: Deserialize<'de>>(row: &Row, column: usize) -> Result<T> {
    let text: &str = row.get(column)?;
    let text = text.to_owned();
    let name: StrDeserializer<'_, NameError> = text.as_str().into_deserializer();
    T::deserialize(name).map_err(Error::decode)
}

/// A column that holds JSON; `None` where it is NULL.
fn json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<Option<T>> {
    let text: Option<&str> = row.get(column)?;
    text.map(|text| serde_json::from_str(text).map_err(Error::decode)).transpose()
}

/// A list of texts as a parameter.
fn texts(texts: &[String]) -> Value<'_> {
    texts.iter().map(String::as_str).collect()
}
