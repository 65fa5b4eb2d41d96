//! Records in, vulnerabilities out: what several sources say about one id becomes one row.
//!
//! A batch is worked out in memory between two sets of statements: one reads all that the batch is about, the other writes all that came of it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use vuln::advisory::{Advisory, Source, State};
use vuln::problem::Problem;

use super::books::digest;
use super::client::{Client, Error, Value};
use super::{Result, clean, new_ids, next_id, words};
use crate::document::{self, Digest};
use crate::store::taking::{BatchReport, CurrentDocument, Document, Incoming, Names};
use crate::summary::{self, Summary};
use crate::timestamp;

/// Takes a batch in one transaction.
pub fn take(tx: &mut Client, batch: &[Incoming], at: i64) -> Result<BatchReport> {
    let mark = super::mark(tx)? + 1;
    let mut taking = Taking::begin(tx, batch)?;
    for incoming in batch {
        match incoming {
            Incoming::Record {
                document,
                advisory,
                problems,
            } => taking.record(document, advisory, problems)?,
            Incoming::Unreadable { document, problem } => {
                let id = taking.keep(document)?;
                taking.problems(document.source, &document.key, Some(id), std::slice::from_ref(problem));
            }
            Incoming::Refused { source, key, problem } => taking.problems(source, key, None, std::slice::from_ref(problem)),
        }
    }
    let Taking {
        new_documents,
        new_records,
        changed_records,
        unlinked,
        fresh,
        names,
        problems,
        report,
        ..
    } = taking;
    write_documents(tx, &new_documents, at)?;
    write_records(tx, &new_records, &changed_records)?;
    write_problems(tx, &problems, at)?;
    tx.each(
        "DELETE FROM record_vulnerability WHERE vulnerability_id = $1 AND record_id = $2",
        unlinked
            .iter()
            .map(|(vulnerability, record)| vec![(*vulnerability).into(), (*record).into()]),
    )?;
    write_vulnerabilities(tx, &names, &fresh, Some(mark))?;
    Ok(report)
}

/// Recomputes vulnerabilities because something beside their records changed. Those without a row are left out.
pub fn refresh(tx: &mut Client, names: &[String]) -> Result<()> {
    let known = tx.query(
        "SELECT name FROM vulnerability WHERE name = ANY ($1::text[])",
        &[names.iter().map(String::as_str).collect()],
    )?;
    let mut all = Names::default();
    for row in &known {
        all.touch(row.get(0)?);
    }
    // What a list of scores or of exploited ids adds has no say in matching: the mark stays.
    write_vulnerabilities(tx, &all, &HashMap::new(), None)
}

/// Keeps a raw document.
pub fn keep(tx: &mut Client, document: &Document, at: i64) -> Result<()> {
    let known = "SELECT EXISTS (SELECT 1 FROM document WHERE source = $1 AND sha256 = $2 AND key = $3)";
    let values = [document.source.into(), (&document.sha256.0).into(), (&document.key).into()];
    if tx.one(known, &values)?.get(0)? {
        return Ok(());
    }
    let id = next_id(&mut new_ids(tx, "document", 1)?)?;
    write_documents(tx, &[(id, document)], at)
}

/// The current documents of these records.
pub fn current_documents(db: &mut Client, source: &str, keys: &[&str]) -> Result<Vec<Option<CurrentDocument>>> {
    let sql = "SELECT r.key, d.sha256, r.modified FROM record r JOIN document d ON d.id = r.document_id
         WHERE r.source = $1 AND r.key = ANY ($2::text[])";
    let mut found = HashMap::new();
    for row in db.query(sql, &[source.into(), keys.iter().copied().collect()])? {
        let current = CurrentDocument {
            sha256: digest(row.get(1)?)?,
            modified: row.get(2)?,
        };
        found.insert(row.get::<String>(0)?, current);
    }
    Ok(keys.iter().map(|key| found.get(*key).cloned()).collect())
}

/// A source by its name in the tables.
pub fn source_of(name: &str) -> Result<Source> {
    [Source::Cve, Source::Nvd, Source::Osv]
        .into_iter()
        .find(|source| source.name() == name)
        .ok_or_else(|| Error::decode(format!("no source of records named {name:?}")))
}

type Key<'a> = (&'a str, &'a str);

/// A record as it is now.
struct Current {
    id: i64,
    modified: Option<String>,
    sha256: Digest,
}

/// A record to write.
struct Written<'a> {
    id: i64,
    source: &'a str,
    advisory: &'a Advisory,
    document: i64,
}

/// A batch on its way.
struct Taking<'a> {
    current: HashMap<Key<'a>, Current>,
    documents: HashMap<(&'a str, &'a str, Digest), i64>,
    /// Vulnerabilities that the records were linked to before the batch.
    linked: HashMap<i64, Vec<(i64, String)>>,
    document_ids: std::vec::IntoIter<i64>,
    record_ids: std::vec::IntoIter<i64>,
    new_documents: Vec<(i64, &'a Document)>,
    new_records: Vec<Written<'a>>,
    changed_records: Vec<Written<'a>>,
    unlinked: Vec<(i64, i64)>,
    /// Records of this batch: they need no parsing again.
    fresh: HashMap<i64, &'a Advisory>,
    names: Names,
    problems: BTreeMap<Key<'a>, (Option<i64>, &'a [Problem])>,
    report: BatchReport,
}

impl<'a> Taking<'a> {
    /// Reads what there is of all that the batch is about.
    fn begin(tx: &mut Client, batch: &'a [Incoming]) -> Result<Self> {
        let (mut keys, mut documents) = (Vec::new(), Vec::new());
        for incoming in batch {
            match incoming {
                Incoming::Record { document, advisory, .. } => {
                    keys.push((document.source, advisory.id.as_str()));
                    documents.push(document);
                }
                Incoming::Unreadable { document, .. } => documents.push(document),
                Incoming::Refused { .. } => {}
            }
        }
        let mut taking = Self {
            current: HashMap::new(),
            documents: HashMap::new(),
            linked: HashMap::new(),
            document_ids: new_ids(tx, "document", documents.len())?,
            record_ids: new_ids(tx, "record", keys.len())?,
            new_documents: Vec::new(),
            new_records: Vec::new(),
            changed_records: Vec::new(),
            unlinked: Vec::new(),
            fresh: HashMap::new(),
            names: Names::default(),
            problems: BTreeMap::new(),
            report: BatchReport::default(),
        };
        taking.read_records(tx, &keys)?;
        taking.read_documents(tx, &documents)?;
        let ids: Vec<i64> = taking.current.values().map(|record| record.id).collect();
        let sql = "SELECT l.record_id, v.id, v.name FROM record_vulnerability l JOIN vulnerability v ON v.id = l.vulnerability_id
                   WHERE l.record_id = ANY ($1::bigint[])";
        for row in tx.query(sql, &[ids.into()])? {
            taking.linked.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
        }
        Ok(taking)
    }

    fn read_records(&mut self, tx: &mut Client, keys: &[Key<'a>]) -> Result<()> {
        let sql = "SELECT k.n, r.id, r.modified, d.sha256 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY k (source, key, n)
                   JOIN record r ON r.source = k.source AND r.key = k.key JOIN document d ON d.id = r.document_id";
        let rows = tx.query(
            sql,
            &[keys.iter().map(|key| key.0).collect(), keys.iter().map(|key| key.1).collect()],
        )?;
        for row in rows {
            let Some(key) = nth(keys, row.get(0)?) else { continue };
            let current = Current {
                id: row.get(1)?,
                modified: row.get(2)?,
                sha256: digest(row.get(3)?)?,
            };
            self.current.insert(*key, current);
        }
        Ok(())
    }

    fn read_documents(&mut self, tx: &mut Client, documents: &[&'a Document]) -> Result<()> {
        let sql = "SELECT k.n, d.id FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY k (source, key, sha256, n)
                   JOIN document d ON d.source = k.source AND d.sha256 = k.sha256 AND d.key = k.key";
        let values = [
            documents.iter().map(|d| d.source).collect(),
            documents.iter().map(|d| d.key.as_str()).collect(),
            Value::Blobs(documents.iter().map(|d| d.sha256.0.as_slice()).collect()),
        ];
        for row in tx.query(sql, &values)? {
            if let Some(document) = nth(documents, row.get(0)?) {
                self.documents
                    .insert((document.source, &document.key, document.sha256), row.get(1)?);
            }
        }
        Ok(())
    }

    fn keep(&mut self, document: &'a Document) -> Result<i64> {
        let key = (document.source, document.key.as_str(), document.sha256);
        if let Some(id) = self.documents.get(&key) {
            return Ok(*id);
        }
        let id = next_id(&mut self.document_ids)?;
        self.documents.insert(key, id);
        self.new_documents.push((id, document));
        Ok(id)
    }

    fn record(&mut self, document: &'a Document, advisory: &'a Advisory, problems: &'a [Problem]) -> Result<()> {
        let key = (document.source, advisory.id.as_str());
        if self.current.get(&key).is_some_and(|current| current.sha256 == document.sha256) {
            return Ok(());
        }
        let document_id = self.keep(document)?;
        if self
            .current
            .get(&key)
            .is_some_and(|current| order(current.modified.as_deref(), current.sha256, advisory, document).is_gt())
        {
            self.report.older += 1;
            return Ok(());
        }
        let names = summary::names(advisory);
        let mut written = Written {
            id: 0,
            source: document.source,
            advisory,
            document: document_id,
        };
        let id = match self.current.get(&key) {
            None => {
                written.id = next_id(&mut self.record_ids)?;
                self.new_records.push(written);
                self.new_records.last().map_or(0, |record| record.id)
            }
            Some(current) => {
                let id = current.id;
                written.id = id;
                self.changed_records.push(written);
                self.unlink_others(id, &names);
                id
            }
        };
        let current = Current {
            id,
            modified: advisory.modified.clone(),
            sha256: document.sha256,
        };
        self.current.insert(key, current);
        for name in &names {
            self.names.touch(name).push(id);
        }
        self.fresh.insert(id, advisory);
        self.report.changed += 1;
        self.problems(document.source, &advisory.id, Some(document_id), problems);
        Ok(())
    }

    /// A record that changed its aliases lets go of vulnerabilities; these are computed anew without it.
    fn unlink_others(&mut self, record: i64, names: &[String]) {
        if self.fresh.contains_key(&record) {
            self.names.release(record, names);
        }
        for (vulnerability, name) in self.linked.get(&record).into_iter().flatten() {
            if !names.contains(name) {
                self.unlinked.push((*vulnerability, record));
                self.names.touch(name);
            }
        }
    }

    fn problems(&mut self, source: &'a str, key: &'a str, document: Option<i64>, problems: &'a [Problem]) {
        self.report.problems += problems.len() as u64;
        self.problems.insert((source, key), (document, problems));
    }
}

/// By a position that SQL counts from 1.
fn nth<T>(list: &[T], position: i64) -> Option<&T> {
    list.get(usize::try_from(position).ok()?.checked_sub(1)?)
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

fn write_documents(tx: &mut Client, documents: &[(i64, &Document)], at: i64) -> Result<()> {
    tx.copy(
        "document (id, source, key, url, fetched_at, sha256, size, bytes)",
        documents.iter().map(|(id, document)| {
            vec![
                (*id).into(),
                document.source.into(),
                (&document.key).into(),
                (&document.url).into(),
                at.into(),
                (&document.sha256.0).into(),
                document.size.into(),
                (&document.packed).into(),
            ]
        }),
    )
}

fn write_records(tx: &mut Client, new: &[Written<'_>], changed: &[Written<'_>]) -> Result<()> {
    let state = |advisory: &Advisory| match advisory.state {
        State::Published => "published",
        State::Rejected { .. } => "rejected",
    };
    tx.copy(
        "record (id, source, key, document_id, state, modified)",
        new.iter().map(|record| {
            vec![
                record.id.into(),
                record.source.into(),
                (&record.advisory.id).into(),
                record.document.into(),
                state(record.advisory).into(),
                record.advisory.modified.as_ref().into(),
            ]
        }),
    )?;
    tx.each(
        "UPDATE record SET document_id = $2, state = $3, modified = $4 WHERE id = $1",
        changed.iter().map(|record| {
            vec![
                record.id.into(),
                record.document.into(),
                state(record.advisory).into(),
                record.advisory.modified.as_ref().into(),
            ]
        }),
    )
    .map(drop)
}

/// Replaces what was wrong with each thing.
fn write_problems(tx: &mut Client, problems: &BTreeMap<Key<'_>, (Option<i64>, &[Problem])>, at: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM problem p USING unnest($1::text[], $2::text[]) k (source, key)
         WHERE p.source = k.source AND md5(p.key) = md5(k.key) AND p.key = k.key",
        &[
            problems.keys().map(|key| key.0).collect(),
            problems.keys().map(|key| key.1).collect(),
        ],
    )?;
    let all = problems
        .iter()
        .flat_map(|(key, (document, problems))| problems.iter().map(move |problem| (key, document, problem)));
    tx.copy(
        "problem (source, key, document_id, pointer, message, seen_at)",
        all.map(|((source, key), document, problem)| {
            vec![
                (*source).into(),
                (*key).into(),
                (*document).into(),
                (&problem.at).into(),
                (&problem.message).into(),
                at.into(),
            ]
        }),
    )
}

/// The row of a vulnerability as it is now.
struct Row {
    id: i64,
    title: String,
    description: String,
    touched: i64,
    records: Vec<i64>,
}

/// Computes vulnerabilities from all their current records, with new records linked to them first. Without a mark they keep theirs.
fn write_vulnerabilities(tx: &mut Client, names: &Names, fresh: &HashMap<i64, &Advisory>, mark: Option<i64>) -> Result<()> {
    let mut rows = read_rows(tx, &names.order)?;
    let mut ids = new_ids(tx, "vulnerability", names.order.len())?;
    let mut plans = Vec::with_capacity(names.order.len());
    let mut wanted = Vec::new();
    for name in &names.order {
        let row = rows.remove(name);
        let linked: HashSet<i64> = row.iter().flat_map(|row| row.records.iter().copied()).collect();
        let mut new: Vec<i64> = names
            .records
            .get(name)
            .into_iter()
            .flatten()
            .copied()
            .filter(|id| !linked.contains(id))
            .collect();
        new.sort_unstable();
        new.dedup();
        let mut records: Vec<i64> = linked.into_iter().chain(new.iter().copied()).collect();
        records.sort_unstable();
        wanted.extend(records.iter().copied().filter(|id| !fresh.contains_key(id)));
        plans.push((name, row, new, records));
    }
    let stored = stored_advisories(tx, &wanted)?;
    let lists = read_lists(tx, &names.order)?;
    let mut out = Out::default();
    for (name, row, new, records) in plans {
        if records.is_empty() {
            out.forgotten.extend(row.map(|row| row.id));
            continue;
        }
        let mut advisories: Vec<Cow<'_, Advisory>> = Vec::with_capacity(records.len());
        for record in &records {
            let advisory = fresh.get(record).copied().or_else(|| stored.get(record));
            // A record whose document cannot be read any more says nothing.
            advisories.push(advisory.map_or_else(|| Cow::Owned(Advisory::default()), Cow::Borrowed));
        }
        let summary = Summary::of(name, &advisories.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        let id = match &row {
            Some(row) => row.id,
            None => next_id(&mut ids)?,
        };
        let touched = mark.or(row.as_ref().map(|row| row.touched)).unwrap_or(0);
        let has_new_text = row
            .as_ref()
            .is_none_or(|row| row.title != summary.title || row.description != summary.description);
        out.add(id, name, row.is_none(), has_new_text, touched, &summary, lists.get(name));
        out.links.extend(new.into_iter().map(|record| (id, record)));
        out.aliases.insert(id, summary.aliases);
    }
    out.write(tx)
}

fn read_rows(tx: &mut Client, names: &[String]) -> Result<HashMap<String, Row>> {
    let sql = "SELECT v.name, v.id, v.title, v.description, v.touched, l.record_id
               FROM vulnerability v LEFT JOIN record_vulnerability l ON l.vulnerability_id = v.id WHERE v.name = ANY ($1::text[])";
    let mut rows: HashMap<String, Row> = HashMap::new();
    for row in tx.query(sql, &[names.iter().map(String::as_str).collect()])? {
        let new = Row {
            id: row.get(1)?,
            title: row.get(2)?,
            description: row.get(3)?,
            touched: row.get(4)?,
            records: Vec::new(),
        };
        let records = &mut rows.entry(row.get(0)?).or_insert(new).records;
        records.extend(row.get::<Option<i64>>(5)?);
    }
    Ok(rows)
}

/// Records that are not in the batch, parsed.
fn stored_advisories(tx: &mut Client, records: &[i64]) -> Result<HashMap<i64, Advisory>> {
    let sql =
        "SELECT r.id, r.source, d.bytes, d.size FROM record r JOIN document d ON d.id = r.document_id WHERE r.id = ANY ($1::bigint[])";
    let mut advisories = HashMap::new();
    for row in tx.query(sql, &[records.into()])? {
        let source = source_of(row.get(1)?)?;
        let size = usize::try_from(row.get::<i64>(3)?).unwrap_or(0);
        let bytes = document::unpack(row.get(2)?, size).map_err(Error::decode)?;
        // It was parsed when it was taken: only a parser that became stricter can refuse it now, and then it says nothing.
        let advisory = document::parse(source, &bytes).map(|(advisory, _)| advisory).unwrap_or_default();
        advisories.insert(row.get(0)?, advisory);
    }
    Ok(advisories)
}

/// What lists say of a vulnerability.
#[derive(Default)]
struct Listed {
    kev: Option<String>,
    epss: Option<(f64, f64)>,
}

fn read_lists(tx: &mut Client, names: &[String]) -> Result<HashMap<String, Listed>> {
    let mut lists: HashMap<String, Listed> = HashMap::new();
    let asked = || [names.iter().map(String::as_str).collect::<Value<'_>>()];
    for row in tx.query("SELECT name, date_added FROM kev WHERE name = ANY ($1::text[])", &asked())? {
        lists.entry(row.get(0)?).or_default().kev = row.get(1)?;
    }
    for row in tx.query("SELECT name, score, percentile FROM epss WHERE name = ANY ($1::text[])", &asked())? {
        lists.entry(row.get(0)?).or_default().epss = Some((row.get(1)?, row.get(2)?));
    }
    Ok(lists)
}

/// Columns of [`Out::add`]'s rows.
const COLUMNS: &str = "id, name, year, number, title, description, state, published, modified, score, severity, kev_date, epss,
                       epss_percentile, ssvc, tags, touched";

/// What is written of vulnerabilities.
#[derive(Default)]
struct Out {
    new: Vec<Vec<Value<'static>>>,
    changed: Vec<Vec<Value<'static>>>,
    texts: Vec<(i64, String)>,
    links: Vec<(i64, i64)>,
    aliases: HashMap<i64, Vec<String>>,
    forgotten: Vec<i64>,
}

impl Out {
    #[expect(clippy::too_many_arguments, reason = "one call, each a column or the reason for one")]
    fn add(&mut self, id: i64, name: &str, is_new: bool, has_new_text: bool, touched: i64, summary: &Summary, listed: Option<&Listed>) {
        let (year, number) = summary::year_and_number(name);
        let kev = listed.and_then(|listed| listed.kev.clone()).or_else(|| summary.kev_date.clone());
        let epss = listed.and_then(|listed| listed.epss);
        let row = vec![
            id.into(),
            name.to_owned().into(),
            i64::from(year).into(),
            number.into(),
            summary.title.clone().into(),
            summary.description.clone().into(),
            if summary.rejected { "rejected" } else { "published" }.into(),
            summary.published.clone().into(),
            summary.modified.clone().into(),
            summary.score.map(clean).into(),
            summary.severity.name().into(),
            kev.into(),
            epss.map(|e| e.0).into(),
            epss.map(|e| e.1).into(),
            summary.ssvc.clone().into(),
            summary.tags.clone().into(),
            touched.into(),
        ];
        if is_new {
            self.new.push(row);
        } else {
            self.changed.push(row);
        }
        if has_new_text {
            self.texts.push((id, words::vector(&[name, &summary.title, &summary.description])));
        }
    }

    fn write(self, tx: &mut Client) -> Result<()> {
        tx.copy(&format!("vulnerability ({COLUMNS})"), self.new)?;
        tx.each(
            "UPDATE vulnerability SET name = $2, year = $3, number = $4, title = $5, description = $6, state = $7, published = $8,
                    modified = $9, score = $10, severity = $11, kev_date = $12, epss = $13, epss_percentile = $14, ssvc = $15, tags = $16,
                    touched = $17
             WHERE id = $1",
            self.changed,
        )?;
        tx.each(
            "INSERT INTO vulnerability_text (id, words) VALUES ($1, $2::text::tsvector) ON CONFLICT (id) DO UPDATE SET words = excluded.words",
            self.texts.into_iter().map(|(id, words)| vec![id.into(), words.into()]),
        )?;
        tx.copy(
            "record_vulnerability (vulnerability_id, record_id)",
            self.links
                .iter()
                .map(|(vulnerability, record)| vec![(*vulnerability).into(), (*record).into()]),
        )?;
        write_aliases(tx, &self.aliases)?;
        // What no record is about any more: its records turned out to be about another one.
        for (table, column) in [
            ("vulnerability_text", "id"),
            ("verdict", "vulnerability_id"),
            ("verdict_past", "vulnerability_id"),
            ("disposition", "vulnerability_id"),
            ("alias", "vulnerability_id"),
            ("told", "vulnerability_id"),
            ("vulnerability", "id"),
        ] {
            if !self.forgotten.is_empty() {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE {column} = ANY ($1::bigint[])"),
                    &[self.forgotten.as_slice().into()],
                )?;
            }
        }
        Ok(())
    }
}

fn write_aliases(tx: &mut Client, aliases: &HashMap<i64, Vec<String>>) -> Result<()> {
    let ids: Vec<i64> = aliases.keys().copied().collect();
    let mut old: HashSet<(i64, String)> = HashSet::new();
    for row in tx.query(
        "SELECT vulnerability_id, alias FROM alias WHERE vulnerability_id = ANY ($1::bigint[])",
        &[ids.into()],
    )? {
        old.insert((row.get(0)?, row.get(1)?));
    }
    let mut new = Vec::new();
    for (id, aliases) in aliases {
        for alias in aliases {
            if !old.remove(&(*id, alias.clone())) {
                new.push((*id, alias));
            }
        }
    }
    new.sort_unstable();
    new.dedup();
    tx.each(
        "DELETE FROM alias WHERE vulnerability_id = $1 AND alias = $2",
        old.iter().map(|(id, alias)| vec![(*id).into(), alias.into()]),
    )?;
    tx.copy(
        "alias (vulnerability_id, alias)",
        new.iter().map(|(id, alias)| vec![(*id).into(), (*alias).into()]),
    )
}
