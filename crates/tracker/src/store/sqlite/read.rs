//! The questions of the pages, in SQLite's SQL.
//!
//! Statements are written so that SQLite needs no statistics to choose the right index (`+column` keeps it from the wrong one);
//! a test reads the plan of each.

mod channel;
mod column;
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

use rusqlite::Connection;

use super::{Sqlite, lock};
use crate::store::StoreError;
use crate::store::read::{
    After, Channel, ClusterHead, Counts, Document, Facts, FindingThen, Findings, Fix, Kept, Listed, ListedPackage, Mark, Mentions,
    OpenHistory, PackageIn, PairDetail, Place, ProblemRow, Published, Read, Resolved, Source, Taken, TextHits, Vulnerability,
};

impl Read for Sqlite {
    fn last_change(&self) -> Result<String, StoreError> {
        let version = lock(&self.watch).query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        version
            .map(|version| version.to_string())
            .map_err(|e| StoreError::new("look for changes of the database", e))
    }

    fn is_sample(&self) -> Result<bool, StoreError> {
        self.read("read the settings", source::is_sample)
    }

    fn sources(&self) -> Result<Vec<Source>, StoreError> {
        self.read("read the sources", source::all)
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        self.read("count the records", source::counts)
    }

    fn channels(&self) -> Result<Vec<Channel>, StoreError> {
        self.read_one_state("read the channels", channel::all)
    }

    fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.read("read the marks of the channels", channel::marks)
    }

    fn findings(&self, channel: &str) -> Result<Findings, StoreError> {
        self.read_one_state(&format!("read the findings of {channel}"), |db| finding::all(db, channel))
    }

    fn facts(&self, keys: &[i64]) -> Result<Vec<Facts>, StoreError> {
        self.read_one_state("read what lists show of vulnerabilities", |db| finding::facts(db, keys))
    }

    fn facts_named(&self, names: &[String]) -> Result<Vec<Facts>, StoreError> {
        self.read_one_state("read what lists show of vulnerabilities", |db| finding::facts_named(db, names))
    }

    fn places(&self, channel: &str, attrs: &[String]) -> Result<Vec<Option<Place>>, StoreError> {
        self.read_one_state(&format!("look up packages of {channel}"), |db| listed::places(db, channel, attrs))
    }

    fn pair_details(&self, channel: &str, pairs: &[(i64, i64)]) -> Result<Vec<PairDetail>, StoreError> {
        self.read_one_state(&format!("read findings of {channel}"), |db| finding::details(db, channel, pairs))
    }

    fn vulnerability(&self, name: &str) -> Result<Option<Vulnerability>, StoreError> {
        self.read_one_state(&format!("read vulnerability {name}"), |db| vulnerability::one(db, name))
    }

    fn documents(&self, name: &str) -> Result<Vec<Document>, StoreError> {
        self.read(&format!("read the documents about {name}"), |db| vulnerability::documents(db, name))
    }

    fn resolve(&self, id: &str) -> Result<Option<Resolved>, StoreError> {
        self.read_one_state(&format!("look up {id}"), |db| search::resolve(db, id))
    }

    fn mentions(&self, id: &str) -> Result<Mentions, StoreError> {
        self.read_one_state(&format!("look for {id} beside the records"), |db| {
            mention::of(db, &Mentions::spelling(id))
        })
    }

    fn package(&self, attr: &str) -> Result<Vec<PackageIn>, StoreError> {
        self.read_one_state(&format!("read package {attr}"), |db| package::with_attr(db, attr))
    }

    fn packages_named(&self, pname: &str, limit: usize) -> Result<Vec<ClusterHead>, StoreError> {
        self.read(&format!("read the packages named {pname}"), |db| package::named(db, pname, limit))
    }

    fn heads(&self, names: &[String]) -> Result<Vec<ClusterHead>, StoreError> {
        self.read_one_state("read packages", |db| package::heads(db, names))
    }

    fn open_history(&self, channel: &str) -> Result<OpenHistory, StoreError> {
        self.read_one_state(&format!("read what was open in {channel}"), |db| open::history(db, channel))
    }

    fn findings_then(&self, channel: &str, set: i64) -> Result<Vec<FindingThen>, StoreError> {
        self.read_one_state(&format!("read the earlier findings of {channel}"), |db| {
            open::findings(db, channel, set)
        })
    }

    fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        self.read("read who looks after packages", keeper::all)
    }

    fn published(&self) -> Result<Vec<Published>, StoreError> {
        self.read("count the vulnerabilities of each month", vulnerability::published)
    }

    fn fixes(&self) -> Result<Vec<Fix>, StoreError> {
        self.read("read what is not open any more", fix::fixes)
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.read("read the names of all packages", package::names)
    }

    fn search_text(&self, words: &[String], limit: usize) -> Result<TextHits, StoreError> {
        self.read_one_state("search the descriptions", |db| search::text(db, words, limit))
    }

    fn listed(&self, after: After, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.read_one_state("list vulnerabilities", |db| listed::vulnerabilities(db, after, limit))
    }

    fn listed_packages(&self, channel: &str, after: &str, limit: usize) -> Result<Vec<ListedPackage>, StoreError> {
        self.read_one_state(&format!("list the packages of {channel}"), |db| {
            listed::packages(db, channel, after, limit)
        })
    }

    fn problems(&self, source: Option<&str>, before: Option<i64>, limit: usize) -> Result<Vec<ProblemRow>, StoreError> {
        self.read("read the problems", |db| problem::page(db, source, before, limit))
    }

    fn taken(&self, source: Option<&str>, limit: usize) -> Result<Vec<Taken>, StoreError> {
        self.read("read what was taken", |db| problem::taken(db, source, limit))
    }
}

impl Sqlite {
    /// Several statements that see one state of the database.
    pub(in crate::store::sqlite) fn read_one_state<T>(
        &self,
        what: &str,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.read(what, |db| {
            let tx = db.unchecked_transaction()?;
            let answer = work(&tx)?;
            tx.commit()?;
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests;
