//! Records in, vulnerabilities out: what several sources say about one id becomes one row.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction, params};
use vuln::advisory::{Advisory, Source, State};
use vuln::problem::Problem;

use super::{clean, decode};
use crate::document::{self, Digest};
use crate::store::taking::{BatchReport, Document, Incoming, Names};
use crate::summary::{self, Summary};
use crate::timestamp;

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Takes a batch in one transaction.
pub fn take(tx: &Transaction<'_>, batch: &[Incoming], at: i64) -> Result<BatchReport> {
    let mut taking = Taking {
        tx,
        at,
        mark: super::mark(tx)? + 1,
        fresh: HashMap::new(),
        names: Names::default(),
        report: BatchReport::default(),
    };
    for incoming in batch {
        match incoming {
            Incoming::Record {
                document,
                advisory,
                problems,
            } => taking.record(document, advisory, problems)?,
            Incoming::Unreadable { document, problem } => {
                let id = keep(tx, document, at)?;
                taking.problems(document.source, &document.key, Some(id), std::slice::from_ref(problem))?;
            }
            Incoming::Refused { source, key, problem } => taking.problems(source, key, None, std::slice::from_ref(problem))?,
        }
    }
    taking.vulnerabilities()?;
    Ok(taking.report)
}

/// Recomputes vulnerabilities because something beside their records changed. Those without a row are left out.
pub fn refresh(tx: &Transaction<'_>, names: &[String]) -> Result<()> {
    for name in names {
        if let Some(row) = Row::find(tx, name)? {
            // What a list of scores or of exploited ids adds has no say in matching: the mark stays.
            let touched = row.touched;
            write_vulnerability(tx, name, Some(row), &[], &HashMap::new(), touched)?;
        }
    }
    Ok(())
}

/// Keeps a raw document.
pub fn keep(tx: &Transaction<'_>, document: &Document, at: i64) -> Result<i64> {
    let find = "SELECT id FROM document WHERE source = ?1 AND key = ?2 AND sha256 = ?3";
    let found = tx
        .prepare_cached(find)?
        .query_row(params![document.source, document.key, document.sha256.0], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO document (source, key, url, fetched_at, sha256, size, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .insert(params![
            document.source,
            document.key,
            document.url,
            at,
            document.sha256.0,
            document.size as i64,
            document.packed
        ])
}

/// Replaces what was wrong with one thing.
pub fn note_problems(tx: &Transaction<'_>, source: &str, key: &str, document: Option<i64>, problems: &[Problem], at: i64) -> Result<()> {
    tx.prepare_cached("DELETE FROM problem WHERE source = ?1 AND key = ?2")?
        .execute(params![source, key])?;
    let mut insert =
        tx.prepare_cached("INSERT INTO problem (source, key, document_id, pointer, message, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for problem in problems {
        insert.execute(params![source, key, document, problem.at, problem.message, at])?;
    }
    Ok(())
}

/// A batch on its way.
struct Taking<'a> {
    tx: &'a Transaction<'a>,
    at: i64,
    mark: i64,
    /// Records of this batch: they need no parsing again.
    fresh: HashMap<i64, &'a Advisory>,
    names: Names,
    report: BatchReport,
}

impl<'a> Taking<'a> {
    fn record(&mut self, document: &Document, advisory: &'a Advisory, problems: &[Problem]) -> Result<()> {
        let tx = self.tx;
        let find = "SELECT record.id, record.modified, document.sha256 FROM record JOIN document ON document.id = record.document_id
                    WHERE record.source = ?1 AND record.key = ?2";
        let current = tx.prepare_cached(find)?.query_row(params![document.source, advisory.id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, Digest(row.get(2)?)))
        });
        let current = current.optional()?;
        if current.as_ref().is_some_and(|(_, _, sha256)| *sha256 == document.sha256) {
            return Ok(());
        }
        let document_id = keep(tx, document, self.at)?;
        if current
            .as_ref()
            .is_some_and(|(_, modified, sha256)| order(modified.as_deref(), *sha256, advisory, document).is_gt())
        {
            self.report.older += 1;
            return Ok(());
        }
        let state = match advisory.state {
            State::Published => "published",
            State::Rejected { .. } => "rejected",
        };
        let names = summary::names(advisory);
        let record = match current {
            None => tx
                .prepare_cached("INSERT INTO record (source, key, document_id, state, modified) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .insert(params![document.source, advisory.id, document_id, state, advisory.modified])?,
            Some((id, ..)) => {
                tx.prepare_cached("UPDATE record SET document_id = ?2, state = ?3, modified = ?4 WHERE id = ?1")?
                    .execute(params![id, document_id, state, advisory.modified])?;
                self.unlink_others(id, &names)?;
                id
            }
        };
        for name in &names {
            self.names.touch(name).push(record);
        }
        self.fresh.insert(record, advisory);
        self.report.changed += 1;
        self.problems(document.source, &advisory.id, Some(document_id), problems)
    }

    /// A record that changed its aliases lets go of vulnerabilities; these are computed anew without it.
    fn unlink_others(&mut self, record: i64, names: &[String]) -> Result<()> {
        if self.fresh.contains_key(&record) {
            self.names.release(record, names);
        }
        let find =
            "SELECT v.id, v.name FROM record_vulnerability l JOIN vulnerability v ON v.id = l.vulnerability_id WHERE l.record_id = ?1";
        let mut find = self.tx.prepare_cached(find)?;
        let linked: Vec<(i64, String)> = find
            .query_map([record], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?;
        for (vulnerability, name) in linked {
            if !names.contains(&name) {
                self.tx
                    .prepare_cached("DELETE FROM record_vulnerability WHERE vulnerability_id = ?1 AND record_id = ?2")?
                    .execute(params![vulnerability, record])?;
                self.names.touch(&name);
            }
        }
        Ok(())
    }

    fn problems(&mut self, source: &str, key: &str, document: Option<i64>, problems: &[Problem]) -> Result<()> {
        self.report.problems += problems.len() as u64;
        note_problems(self.tx, source, key, document, problems, self.at)
    }

    fn vulnerabilities(&mut self) -> Result<()> {
        for name in &self.names.order {
            let records = self.names.records.get(name).map(Vec::as_slice).unwrap_or_default();
            write_vulnerability(self.tx, name, Row::find(self.tx, name)?, records, &self.fresh, self.mark)?;
        }
        Ok(())
    }
}

/// How the record we have stands to one that comes in: by its time of change, which none is before any, then by its digest. Two records
/// of one time must have one winner whichever is taken first, or the same files make two different databases.
fn order(modified: Option<&str>, sha256: Digest, advisory: &Advisory, document: &Document) -> Ordering {
    let by_time = match (modified, &advisory.modified) {
        (Some(ours), Some(theirs)) => timestamp::compare(ours, theirs),
        (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
    };
    by_time.then_with(|| sha256.0.cmp(&document.sha256.0))
}

/// The row of a vulnerability as it is now.
struct Row {
    id: i64,
    title: String,
    description: String,
    touched: i64,
}

impl Row {
    fn find(tx: &Transaction<'_>, name: &str) -> Result<Option<Self>> {
        tx.prepare_cached("SELECT id, title, description, touched FROM vulnerability WHERE name = ?1")?
            .query_row([name], |row| {
                Ok(Row {
                    id: row.get(0)?,
                    title: row.get(1)?,
                    description: row.get(2)?,
                    touched: row.get(3)?,
                })
            })
            .optional()
    }
}

/// Computes one vulnerability from all its current records, with `new` records linked to it first.
fn write_vulnerability(
    tx: &Transaction<'_>,
    name: &str,
    row: Option<Row>,
    new: &[i64],
    fresh: &HashMap<i64, &Advisory>,
    touched: i64,
) -> Result<()> {
    let mut records: Vec<i64> = match &row {
        None => Vec::new(),
        Some(row) => tx
            .prepare_cached("SELECT record_id FROM record_vulnerability WHERE vulnerability_id = ?1")?
            .query_map([row.id], |row| row.get(0))?
            .collect::<Result<_>>()?,
    };
    let linked: HashSet<i64> = records.iter().copied().collect();
    records.extend(new.iter().filter(|id| !linked.contains(id)));
    records.sort_unstable();
    records.dedup();
    if records.is_empty() {
        return row.map_or(Ok(()), |row| forget_vulnerability(tx, name, &row));
    }
    let mut advisories = Vec::with_capacity(records.len());
    for record in &records {
        advisories.push(match fresh.get(record) {
            Some(advisory) => std::borrow::Cow::Borrowed(*advisory),
            None => std::borrow::Cow::Owned(stored_advisory(tx, *record)?),
        });
    }
    let summary = Summary::of(name, &advisories.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let id = put_row(tx, name, row, &summary, touched)?;
    let mut link = tx.prepare_cached("INSERT OR IGNORE INTO record_vulnerability (vulnerability_id, record_id) VALUES (?1, ?2)")?;
    for record in new.iter().filter(|record| !linked.contains(record)) {
        link.execute(params![id, record])?;
    }
    put_aliases(tx, id, &summary.aliases)
}

fn put_row(tx: &Transaction<'_>, name: &str, row: Option<Row>, summary: &Summary, touched: i64) -> Result<i64> {
    let kev: Option<String> = tx
        .prepare_cached("SELECT date_added FROM kev WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let epss: Option<(f64, f64)> = tx
        .prepare_cached("SELECT score, percentile FROM epss WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (year, number) = summary::year_and_number(name);
    let values = params![
        row.as_ref().map(|row| row.id),
        name,
        year,
        number as i64,
        summary.title,
        summary.description,
        if summary.rejected { "rejected" } else { "published" },
        summary.published,
        summary.modified,
        summary.score.map(clean),
        summary.severity.name(),
        kev.as_ref().or(summary.kev_date.as_ref()),
        epss.map(|e| e.0),
        epss.map(|e| e.1),
        summary.ssvc,
        summary.tags,
        touched,
    ];
    let sql = match row {
        None => {
            "INSERT INTO vulnerability (id, name, year, number, title, description, state, published, modified, score, severity, kev_date,
                                        epss, epss_percentile, ssvc, tags, touched)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        }
        Some(_) => {
            "UPDATE vulnerability SET name = ?2, year = ?3, number = ?4, title = ?5, description = ?6, state = ?7, published = ?8,
                    modified = ?9, score = ?10, severity = ?11, kev_date = ?12, epss = ?13, epss_percentile = ?14, ssvc = ?15, tags = ?16,
                    touched = ?17
             WHERE id = ?1"
        }
    };
    tx.prepare_cached(sql)?.execute(values)?;
    let id = match &row {
        None => tx.last_insert_rowid(),
        Some(row) => row.id,
    };
    if row
        .as_ref()
        .is_none_or(|row| row.title != summary.title || row.description != summary.description)
    {
        if let Some(row) = &row {
            forget_text(tx, name, row)?;
        }
        tx.prepare_cached("INSERT INTO vulnerability_text (rowid, name, title, description) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id, name, summary.title, summary.description])?;
    }
    Ok(id)
}

fn put_aliases(tx: &Transaction<'_>, vulnerability: i64, aliases: &[String]) -> Result<()> {
    let mut old: HashSet<String> = tx
        .prepare_cached("SELECT alias FROM alias WHERE vulnerability_id = ?1")?
        .query_map([vulnerability], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO alias (alias, vulnerability_id) VALUES (?1, ?2)")?;
    for alias in aliases {
        if !old.remove(alias) {
            insert.execute(params![alias, vulnerability])?;
        }
    }
    for gone in old {
        tx.prepare_cached("DELETE FROM alias WHERE alias = ?1 AND vulnerability_id = ?2")?
            .execute(params![gone, vulnerability])?;
    }
    Ok(())
}

/// The full-text index keeps no text of its own: to forget a row it must be told what it was.
fn forget_text(tx: &Transaction<'_>, name: &str, row: &Row) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO vulnerability_text (vulnerability_text, rowid, name, title, description) VALUES ('delete', ?1, ?2, ?3, ?4)",
    )?
    .execute(params![row.id, name, row.title, row.description])?;
    Ok(())
}

/// A vulnerability that no record is about any more: its records turned out to be about another one.
fn forget_vulnerability(tx: &Transaction<'_>, name: &str, row: &Row) -> Result<()> {
    forget_text(tx, name, row)?;
    for sql in [
        "DELETE FROM verdict WHERE vulnerability_id = ?1",
        "DELETE FROM verdict_past WHERE vulnerability_id = ?1",
        "DELETE FROM disposition WHERE vulnerability_id = ?1",
        "DELETE FROM alias WHERE vulnerability_id = ?1",
        "DELETE FROM told WHERE vulnerability_id = ?1",
        "DELETE FROM vulnerability WHERE id = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([row.id])?;
    }
    Ok(())
}

fn stored_advisory(tx: &Transaction<'_>, record: i64) -> Result<Advisory> {
    let sql = "SELECT record.source, document.bytes, document.size FROM record JOIN document ON document.id = record.document_id
               WHERE record.id = ?1";
    let (source, packed, size): (String, Vec<u8>, i64) = tx
        .prepare_cached(sql)?
        .query_row([record], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let source = source_of(&source)?;
    let bytes = document::unpack(&packed, usize::try_from(size).unwrap_or(0)).map_err(decode)?;
    // It was parsed when it was taken: only a parser that became stricter can refuse it now, and then it says nothing.
    Ok(document::parse(source, &bytes).map(|(advisory, _)| advisory).unwrap_or_default())
}

/// A source by its name in the tables.
pub fn source_of(name: &str) -> Result<Source> {
    [Source::Cve, Source::Nvd, Source::Osv]
        .into_iter()
        .find(|source| source.name() == name)
        .ok_or_else(|| decode(format!("no source of records named {name:?}")))
}
