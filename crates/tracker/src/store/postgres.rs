//! PostgreSQL: a server, any number of processes on any number of machines.
//!
//! Reads see one state of the database (`READ`). Writes queue at the start of their transaction, as SQLite's do: marks of changes must be
//! seen in the order in which they were given, or a match would pass over a change that a slower transaction made visible later.

mod books;
mod client;
mod feeds;
mod matched;
mod migrate;
mod packages;
mod queue;
mod read;
mod records;
mod transfer;
mod whole;
mod words;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::result::{ChannelState, Derived, Exploitation, KeptRevision, MatchResult, StoredPackage, StoredVulnerability, Suggestion};
use super::sqlite::Sqlite;
use super::taking::{BatchReport, CurrentDocument, Document, EpssLine, Incoming, KevLine, PackageSet, SetReport, TakenFile};
use super::transfer::{Rows, Sender};
use super::{Store, StoreError, hidden};
use crate::document::{Digest, Packer, unpack};
use crate::parallel;
pub use client::{Address, AddressError};
use client::{Client, Error};
pub(crate) use client::{log_in, messages};
use vuln::verdict::Verdict;

type Result<T> = std::result::Result<T, Error>;

/// Begins a read.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Begins a write, once no other one is under way. The number is the lock's name.
const WRITE: &str = "BEGIN; SELECT pg_advisory_xact_lock(7165873220)";

/// Idle connections kept for the next one: more than threads that answer pages. A new one makes its views first, which is a change of the
/// database that no kept page outlives.
const IDLE: usize = 32;

/// A database on a server.
#[derive(Debug)]
pub struct Postgres {
    address: Address,
    idle: Mutex<Vec<Client>>,
    /// What each connection begins with.
    views: Option<String>,
}

impl Postgres {
    /// Connects, and brings the schema up to date where needed.
    pub fn open(address: &Address) -> std::result::Result<Self, StoreError> {
        let store = Self {
            address: address.clone(),
            idle: Mutex::default(),
            views: None,
        };
        let tried = || format!("open the database {address}");
        let mut client = store.connect().map_err(|e| StoreError::new(tried(), e))?;
        migrate::run(&mut client).map_err(|e| StoreError::new(tried(), e))?;
        lock(&store.idle).push(client);
        Ok(store)
    }

    /// The same without private channels: those there are, and those that another process brings later.
    pub fn public(mut self) -> std::result::Result<Self, StoreError> {
        let schema: String = self.read("look for the schema", |db| db.one("SELECT current_schema()::text", &[])?.get(0))?;
        self.views = Some(hidden::views(&schema));
        lock(&self.idle).clear();
        Ok(self)
    }

    /// Runs a read: all of it sees one state of the database.
    pub(crate) fn read<T>(&self, what: &str, work: impl FnOnce(&mut Client) -> Result<T>) -> std::result::Result<T, StoreError> {
        self.transaction(READ, work).map_err(|e| StoreError::new(what, e))
    }

    /// Runs one write transaction: all of `work` happens or nothing.
    pub(crate) fn write<T>(&self, what: &str, work: impl FnOnce(&mut Client) -> Result<T>) -> std::result::Result<T, StoreError> {
        self.transaction(WRITE, work).map_err(|e| StoreError::new(what, e))
    }

    fn transaction<T>(&self, begin: &str, work: impl FnOnce(&mut Client) -> Result<T>) -> Result<T> {
        let mut client = self.begin(begin)?;
        let answer = match work(&mut client) {
            Ok(answer) => client.run("COMMIT").map(|()| answer),
            Err(error) => {
                // A connection that cannot even do this is closed, which has the same effect.
                let _ = client.run("ROLLBACK");
                Err(error)
            }
        };
        let mut idle = lock(&self.idle);
        if client.is_usable() && idle.len() < IDLE {
            idle.push(client);
        }
        answer
    }

    /// A connection with a transaction begun. Kept ones that died since, because the server was restarted, are let go.
    fn begin(&self, begin: &str) -> Result<Client> {
        loop {
            let kept = lock(&self.idle).pop();
            let Some(mut client) = kept else { break };
            match client.run(begin) {
                Ok(()) => return Ok(client),
                // 57P01: the server was told to end while the connection was idle.
                Err(Error::Io { .. }) => {}
                Err(Error::Server { code, .. }) if code.starts_with("57P") => {}
                Err(error) => return Err(error),
            }
        }
        let mut client = self.connect()?;
        client.run(begin)?;
        Ok(client)
    }

    fn connect(&self) -> Result<Client> {
        let mut client = Client::connect(&self.address)?;
        // How long a process waits for another one's transaction, as on SQLite; warnings have no reader.
        client.run("SET lock_timeout = '600s'; SET client_min_messages = error")?;
        let encoding: String = client.one("SELECT current_setting('server_encoding')", &[])?.get(0)?;
        if let Some(views) = &self.views {
            client.run(views)?;
        }
        if encoding != "UTF8" {
            return Err(Error::Protocol(format!(
                "the database holds text as {encoding}; make one with ENCODING 'UTF8'"
            )));
        }
        Ok(client)
    }
}

impl Store for Postgres {
    fn was_taken(&self, source: &str, sha256: Digest) -> std::result::Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM taken WHERE source = $1 AND sha256 = $2)";
        self.read("look whether a file was taken", |db| {
            db.one(sql, &[source.into(), (&sha256.0).into()])?.get(0)
        })
    }

    fn taken_file(&self, source: &str, url: &str) -> std::result::Result<Option<TakenFile>, StoreError> {
        self.read("look for a taken file", |db| books::taken_file(db, source, url))
    }

    fn data_date(&self, name: &str) -> std::result::Result<Option<String>, StoreError> {
        self.read("read the date of a source", |db| {
            let row = db.optional("SELECT data_date FROM source WHERE name = $1", &[name.into()])?;
            row.map_or(Ok(None), |row| row.get(0))
        })
    }

    fn source_begins(&self, name: &str, at: i64) -> std::result::Result<(), StoreError> {
        self.write("note that a source is looked at", |tx| books::source_begins(tx, name, at))
    }

    fn source_failed(&self, name: &str, at: i64, error: &str) -> std::result::Result<(), StoreError> {
        self.write("note that a source failed", |tx| books::source_failed(tx, name, at, error))
    }

    fn source_succeeded(&self, name: &str, at: i64) -> std::result::Result<(), StoreError> {
        self.write("note that a source was looked at", |tx| books::source_succeeded(tx, name, at))
    }

    fn file_taken(&self, file: &TakenFile, at: i64) -> std::result::Result<(), StoreError> {
        self.write("note that a file was taken", |tx| books::file_taken(tx, file, at))
    }

    fn forget_problems(&self, source: &str, url: &str) -> std::result::Result<(), StoreError> {
        self.write("forget the problems of a file", |tx| books::forget_problems(tx, source, url))
    }

    fn current_documents(&self, source: &str, keys: &[&str]) -> std::result::Result<Vec<Option<CurrentDocument>>, StoreError> {
        self.read("look for current documents", |db| records::current_documents(db, source, keys))
    }

    fn take(&self, batch: &[Incoming], at: i64) -> std::result::Result<BatchReport, StoreError> {
        self.write("write records", |tx| records::take(tx, batch, at))
    }

    fn take_kev(&self, document: &Document, lines: &[KevLine], at: i64) -> std::result::Result<u64, StoreError> {
        self.write("write the list of exploited vulnerabilities", |tx| {
            feeds::take_kev(tx, document, lines, at)
        })
    }

    fn take_epss(&self, document: &Document, lines: &[EpssLine], at: i64) -> std::result::Result<u64, StoreError> {
        self.write("write exploit prediction scores", |tx| feeds::take_epss(tx, document, lines, at))
    }

    fn take_package_set(&self, set: &PackageSet, at: i64) -> std::result::Result<SetReport, StoreError> {
        self.write("write a package set", |tx| packages::take_package_set(tx, set, at))
    }

    fn revisions(&self, channel: &str) -> std::result::Result<Vec<KeptRevision>, StoreError> {
        self.read("read the revisions of a channel", |db| packages::revisions(db, channel))
    }

    fn forget_set(&self, set: i64) -> std::result::Result<bool, StoreError> {
        self.write("forget a package set", |tx| packages::forget_set(tx, set))
    }

    fn channel_states(&self) -> std::result::Result<Vec<ChannelState>, StoreError> {
        self.read("read the channels", matched::channel_states)
    }

    fn package_set(&self, set: i64) -> std::result::Result<Vec<StoredPackage>, StoreError> {
        self.read("read a package set", |db| packages::package_set(db, set))
    }

    fn mark(&self) -> std::result::Result<i64, StoreError> {
        self.read("read the mark of the newest change", mark)
    }

    fn touched_after(&self, mark: i64) -> std::result::Result<u64, StoreError> {
        self.read("count changed vulnerabilities", |db| {
            db.one("SELECT count(*) FROM vulnerability WHERE touched > $1", &[mark.into()])?
                .get(0)
        })
    }

    fn vulnerabilities(&self, mark: i64, after: i64, limit: usize) -> std::result::Result<Vec<StoredVulnerability>, StoreError> {
        self.read("read vulnerabilities", |db| matched::vulnerabilities(db, mark, after, limit))
    }

    fn derived_basis(&self, name: &str) -> std::result::Result<Option<String>, StoreError> {
        self.read("read what something was derived from", |db| {
            let row = db.optional("SELECT basis FROM derived WHERE name = $1", &[name.into()])?;
            row.map(|row| row.get(0)).transpose()
        })
    }

    fn derived(&self, name: &str) -> std::result::Result<Option<Derived>, StoreError> {
        let what = "read what was derived";
        let sql = "SELECT basis, bytes FROM derived WHERE name = $1";
        let Some(row) = self.read(what, |db| db.optional(sql, &[name.into()]))? else {
            return Ok(None);
        };
        let part = || Ok::<_, Error>((row.get::<String>(0)?, row.get::<&[u8]>(1)?));
        let (basis, packed) = part().map_err(|e| StoreError::new(what, e))?;
        let (size, packed) = packed.split_at_checked(8).unwrap_or_default();
        let size = size.try_into().map_or(0, u64::from_le_bytes);
        let bytes = unpack(packed, usize::try_from(size).unwrap_or(0)).map_err(|e| StoreError::new(what, e))?;
        Ok(Some(Derived { basis, bytes }))
    }

    fn put_derived(&self, name: &str, derived: &Derived, at: i64) -> std::result::Result<(), StoreError> {
        let what = "keep what was derived";
        let mut bytes = (derived.bytes.len() as u64).to_le_bytes().to_vec();
        bytes.extend(
            Packer::new()
                .and_then(|mut packer| packer.pack(&derived.bytes))
                .map_err(|e| StoreError::new(what, e))?,
        );
        let sql = "INSERT INTO derived (name, basis, made_at, bytes) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (name) DO UPDATE SET basis = $2, made_at = $3, bytes = $4";
        self.write(what, |tx| {
            tx.execute(sql, &[name.into(), (&derived.basis).into(), at.into(), (&bytes).into()])
        })
        .map(drop)
    }

    fn take_match(&self, result: MatchResult<'_>, at: i64) -> std::result::Result<u64, StoreError> {
        let is_any_full = result.channels.iter().any(|channel| channel.clusters.is_some());
        let verdicts = self.write("write the verdicts", |tx| matched::take_match(tx, result, at))?;
        if is_any_full {
            // The match stands, whatever becomes of this.
            let clear_away = |mut client: Client| {
                if parallel::is_in_the_background() {
                    client.run(matched::PACED)?;
                }
                client.run(matched::CLEAR_AWAY)
            };
            if let Err(error) = self.connect().and_then(clear_away) {
                tracing::warn!(error = %error, "rows that were replaced are left to the database to clear away");
            }
        }
        Ok(verdicts)
    }

    fn suggestions(
        &self,
        channel: Option<&str>,
        each: &mut dyn FnMut(Suggestion) -> std::io::Result<()>,
    ) -> std::result::Result<(), StoreError> {
        self.read("read the verdicts", |db| matched::suggestions(db, channel, each))?
            .map_err(|e| StoreError::new("write a suggestion", e))
    }

    fn package_paths(&self, set: i64, each: &mut dyn FnMut(i64, &str, &str)) -> std::result::Result<(), StoreError> {
        self.read("read store paths", |db| whole::package_paths(db, set, each))
    }

    fn cluster_names(&self, channel: i64) -> std::result::Result<Vec<(i64, String)>, StoreError> {
        self.read("read the packages of a match", |db| whole::cluster_names(db, channel))
    }

    fn verdict_rows(&self, each: &mut dyn FnMut(i64, i64, Verdict)) -> std::result::Result<(), StoreError> {
        self.read("read the verdicts", |db| whole::verdict_rows(db, each))
    }

    fn exploitation(&self) -> std::result::Result<Vec<Exploitation>, StoreError> {
        self.read("read what is known of exploits", whole::exploitation)
    }

    fn setting(&self, name: &str) -> std::result::Result<Option<String>, StoreError> {
        self.read("read a setting", |db| {
            let row = db.optional("SELECT value FROM setting WHERE name = $1", &[name.into()])?;
            row.map(|row| row.get(0)).transpose()
        })
    }

    fn put_setting(&self, name: &str, value: Option<&str>) -> std::result::Result<(), StoreError> {
        let put = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        self.write("write a setting", |tx| match value {
            Some(value) => tx.execute(put, &[name.into(), value.into()]),
            None => tx.execute("DELETE FROM setting WHERE name = $1", &[name.into()]),
        })
        .map(drop)
    }

    fn clear(&self) -> std::result::Result<(), StoreError> {
        self.write("empty the database", books::clear)
    }

    fn export(&self, to: &mut Sender<'_>) -> std::result::Result<(), StoreError> {
        self.read("read all rows", |db| transfer::export(db, to))
    }

    fn import(&self, rows: &mut Rows, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> std::result::Result<(), StoreError> {
        self.write("write all rows", |tx| transfer::import(tx, rows, replace, seen))
    }

    fn backup(&self, file: &Path) -> std::result::Result<(), StoreError> {
        super::transfer::copy(self, &Sqlite::open(file)?, false, &|_| {})
    }

    fn check(&self, seen: &(dyn Fn(u64) + Sync)) -> std::result::Result<Vec<String>, StoreError> {
        self.read("check the database", |db| books::check(db, seen))
    }
}

/// Adds a line to the append-only book of events, in the transaction of the change itself.
fn event(tx: &mut Client, at: i64, kind: &str, subject: &str, data: &serde_json::Value) -> Result<()> {
    tx.execute(
        "INSERT INTO event (at, actor, kind, subject, data) VALUES ($1, 'tracker', $2, $3, $4)",
        &[at.into(), kind.into(), subject.into(), data.to_string().into()],
    )
    .map(drop)
}

/// The mark of the newest change to any vulnerability, by its records or by a list.
fn mark(db: &mut Client) -> Result<i64> {
    let sql = "SELECT greatest((SELECT coalesce(max(touched), 0) FROM vulnerability),
                               (SELECT coalesce(max(value::bigint), 0) FROM setting WHERE name = 'told'))";
    db.one(sql, &[])?.get(0)
}

/// Row numbers for `count` new rows of a table, in order.
fn new_ids(tx: &mut Client, table: &str, count: usize) -> Result<std::vec::IntoIter<i64>> {
    if count == 0 {
        return Ok(Vec::new().into_iter());
    }
    let sql = "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2::bigint)";
    let rows = tx.query(sql, &[table.into(), count.into()])?;
    let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    Ok(ids.into_iter())
}

/// The next of them; running out would be our own mistake.
fn next_id(ids: &mut std::vec::IntoIter<i64>) -> Result<i64> {
    ids.next().ok_or_else(|| Error::decode("ran out of row numbers"))
}

/// A number with the digits it was written with: 0.1, not 0.10000000149.
fn clean(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
