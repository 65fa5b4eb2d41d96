//! What matching reads and writes.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};
use vuln::advisory::Source;

use super::{clean, decode};
use crate::document::Digest;
use crate::store::StoreError;
use crate::store::result::{
    ChannelState, ClusterRow, EvidenceLines, MatchResult, MatchedChannel, OutcomeRow, StoredVulnerability, Suggestion,
};
use crate::store::spans::{Before, Spans, because};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// All channels, by name.
pub fn channel_states(db: &Connection) -> Result<Vec<ChannelState>> {
    let sql = "SELECT c.id, c.name, s.id, s.digest, c.matched_set, c.matched_mark, c.matched_rules
               FROM channel c LEFT JOIN package_set s ON s.id = c.set_id ORDER BY c.name";
    db.prepare_cached(sql)?
        .query_map([], |row| {
            let digest: Option<[u8; 32]> = row.get(3)?;
            Ok(ChannelState {
                id: row.get(0)?,
                name: row.get(1)?,
                set: row.get::<_, Option<i64>>(2)?.zip(digest.map(|digest| Digest(digest).to_string())),
                matched_set: row.get(4)?,
                matched_mark: row.get(5)?,
                matched_basis: row.get(6)?,
            })
        })?
        .collect()
}

/// A page of vulnerabilities with their documents.
pub fn vulnerabilities(db: &Connection, mark: i64, after: i64, limit: usize) -> Result<Vec<StoredVulnerability>> {
    // Few changed rows are found by their mark, all of them by their row: the planner cannot know which it is.
    let sql = if mark > 0 {
        "SELECT id, name, touched FROM vulnerability WHERE touched > ?1 AND id > ?2 ORDER BY id LIMIT ?3"
    } else {
        "SELECT id, name, touched FROM vulnerability WHERE +touched > ?1 AND id > ?2 ORDER BY id LIMIT ?3"
    };
    let rows = |row: &rusqlite::Row<'_>| {
        Ok(StoredVulnerability {
            id: row.get(0)?,
            name: row.get(1)?,
            touched: row.get(2)?,
            documents: Vec::new(),
        })
    };
    let mut found: Vec<StoredVulnerability> = db
        .prepare_cached(sql)?
        .query_map(params![mark, after, limit as i64], rows)?
        .collect::<Result<_>>()?;
    let documents = "SELECT record.source, document.bytes, document.size
                     FROM record_vulnerability l JOIN record ON record.id = l.record_id JOIN document ON document.id = record.document_id
                     WHERE l.vulnerability_id = ?1 ORDER BY record.id";
    let mut documents = db.prepare_cached(documents)?;
    for vulnerability in &mut found {
        let parts = documents.query_map([vulnerability.id], |row| {
            let source: Source = super::records::source_of(row.get_ref(0)?.as_str()?)?;
            Ok((source, row.get(1)?, usize::try_from(row.get::<_, i64>(2)?).unwrap_or(0)))
        })?;
        vulnerability.documents = parts.collect::<Result<_>>()?;
    }
    Ok(found)
}

/// Writes what matching found: the rows of all channels in the order of vulnerabilities, so that most of them are appended to the tables. Where a
/// channel is matched as a whole, evidence goes that nobody points at any more.
pub fn take_match(tx: &Transaction<'_>, result: MatchResult<'_>, at: i64) -> Result<u64> {
    let is_any_full = result.channels.iter().any(|channel| channel.clusters.is_some());
    let mut channels = BTreeMap::new();
    for channel in result.channels {
        channels.insert(channel.channel, Writing::begin(tx, channel)?);
    }
    // A vulnerability may be gone since it was matched: its records turned out to be about another one.
    let alive: HashSet<i64> = if is_any_full {
        tx.prepare("SELECT id FROM vulnerability")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_>>()?
    } else {
        HashSet::new()
    };
    let mut is_alive = tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM vulnerability WHERE id = ?1)")?;
    let mut statements = Statements::new(tx)?;
    let mut evidence = EvidenceRows::new(tx)?;
    for outcome in result.outcomes {
        let outcome = outcome.map_err(decode)?;
        let is_alive = if is_any_full {
            alive.contains(&outcome.vulnerability)
        } else {
            is_alive.query_row([outcome.vulnerability], |row| row.get(0))?
        };
        if is_alive {
            let writing = channels.get_mut(&outcome.channel);
            let writing = writing.ok_or_else(|| decode(format!("no channel {} is matched", outcome.channel)))?;
            writing.write(tx, &mut statements, &mut evidence, &outcome)?;
        }
    }
    let mut verdicts = 0;
    for writing in channels.into_values() {
        verdicts += writing.verdicts;
        writing.end(tx, result.mark, &result.basis, at)?;
    }
    if is_any_full && evidence.find.is_some() {
        tx.execute("DELETE FROM evidence WHERE id NOT IN (SELECT evidence_id FROM verdict)", [])?;
    }
    Ok(verdicts)
}

/// The rows of evidence that verdicts point at.
struct EvidenceRows<'c> {
    known: HashMap<[u8; 16], i64>,
    find: Option<CachedStatement<'c>>,
    insert: CachedStatement<'c>,
}

impl<'c> EvidenceRows<'c> {
    /// Where all verdicts are written anew, so is all evidence.
    fn new(tx: &'c Transaction<'_>) -> Result<Self> {
        let is_used = tx.query_row("SELECT EXISTS (SELECT 1 FROM verdict)", [], |row| row.get(0))?;
        let find = if is_used {
            Some(tx.prepare_cached("SELECT id FROM evidence WHERE digest = ?1")?)
        } else {
            tx.execute("DELETE FROM evidence", [])?;
            None
        };
        Ok(Self {
            known: HashMap::new(),
            find,
            insert: tx.prepare_cached("INSERT INTO evidence (digest, lines) VALUES (?1, ?2)")?,
        })
    }

    fn row(&mut self, evidence: &EvidenceLines) -> Result<i64> {
        if let Some(known) = self.known.get(&evidence.digest) {
            return Ok(*known);
        }
        let find = self.find.as_mut();
        let found = find.map(|find| find.query_row([evidence.digest], |row| row.get(0)).optional());
        let row = match found.transpose()?.flatten() {
            Some(row) => row,
            None => self.insert.insert(params![evidence.digest, evidence.lines])?,
        };
        self.known.insert(evidence.digest, row);
        Ok(row)
    }
}

/// What is run for each outcome.
struct Statements<'c> {
    forget: [CachedStatement<'c>; 2],
    disposition: CachedStatement<'c>,
    cluster: CachedStatement<'c>,
    verdict: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn new(tx: &'c Transaction<'_>) -> Result<Self> {
        Ok(Self {
            forget: [
                tx.prepare_cached("DELETE FROM verdict WHERE vulnerability_id = ?1 AND channel_id = ?2")?,
                tx.prepare_cached("DELETE FROM disposition WHERE vulnerability_id = ?1 AND channel_id = ?2")?,
            ],
            disposition: tx.prepare_cached(
                "INSERT INTO disposition (vulnerability_id, channel_id, disposition, near_misses) VALUES (?1, ?2, ?3, ?4)",
            )?,
            cluster: tx.prepare_cached(&format!("{CLUSTERS} AND c.name = ?2"))?,
            verdict: tx.prepare_cached(
                "INSERT INTO verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id, since_set)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
        })
    }
}

/// A channel whose outcomes are being written.
struct Writing {
    channel: i64,
    name: String,
    matched_before: Option<i64>,
    set: i64,
    is_full: bool,
    /// Row and first set with the package as it is, by name, where all are replaced.
    clusters: HashMap<String, (i64, Option<i64>)>,
    spans: Spans,
    vulnerabilities: u64,
    verdicts: u64,
}

impl Writing {
    /// Takes out what is replaced as a whole.
    fn begin(tx: &Transaction<'_>, matched: MatchedChannel) -> Result<Self> {
        let MatchedChannel { channel, set, clusters } = matched;
        let (name, matched_before) = tx.query_row("SELECT name, matched_set FROM channel WHERE id = ?1", [channel], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let mut writing = Self {
            channel,
            name,
            matched_before,
            set,
            is_full: clusters.is_some(),
            clusters: HashMap::new(),
            spans: Spans::default(),
            vulnerabilities: 0,
            verdicts: 0,
        };
        if let Some(clusters) = clusters {
            remember(tx, channel, None, &mut writing.spans)?;
            for sql in [
                "DELETE FROM verdict WHERE channel_id = ?1",
                "DELETE FROM disposition WHERE channel_id = ?1",
                "DELETE FROM cluster_attr WHERE channel_id = ?1",
                "DELETE FROM cluster WHERE channel_id = ?1",
            ] {
                tx.execute(sql, [channel])?;
            }
            insert_clusters(tx, channel, clusters)?;
            writing.clusters = known_clusters(tx, channel)?;
        }
        Ok(writing)
    }

    fn write(
        &mut self,
        tx: &Transaction<'_>,
        statements: &mut Statements<'_>,
        evidence: &mut EvidenceRows<'_>,
        outcome: &OutcomeRow,
    ) -> Result<()> {
        if !self.is_full {
            remember(tx, self.channel, Some(outcome.vulnerability), &mut self.spans)?;
            for forget in &mut statements.forget {
                forget.execute(params![outcome.vulnerability, self.channel])?;
            }
        }
        if !outcome.is_nothing() {
            statements.disposition.execute(params![
                outcome.vulnerability,
                self.channel,
                outcome.disposition.name(),
                outcome.near_misses
            ])?;
        }
        self.vulnerabilities += 1;
        for line in &outcome.verdicts {
            let cluster = match self.clusters.get(&line.cluster) {
                Some(known) => Some(*known),
                None => statements
                    .cluster
                    .query_row(params![self.channel, line.cluster], |row| Ok((row.get(1)?, row.get(2)?)))
                    .optional()?,
            };
            let (cluster, package_since) = cluster.ok_or_else(|| decode(format!("no cluster named {:?}", line.cluster)))?;
            let since = self
                .spans
                .since(outcome.vulnerability, &line.cluster, line.verdict.name(), package_since);
            statements.verdict.execute(params![
                outcome.vulnerability,
                cluster,
                self.channel,
                line.verdict.name(),
                clean(line.confidence),
                line.fixed_in,
                evidence.row(&line.evidence)?,
                since
            ])?;
            self.verdicts += 1;
        }
        Ok(())
    }

    fn end(self, tx: &Transaction<'_>, mark: i64, basis: &str, at: i64) -> Result<()> {
        let ended = self.spans.ended();
        let mut end = tx.prepare_cached(
            "INSERT INTO verdict_past (vulnerability_id, channel_id, package, version, verdict, since_set, until_set, until_at, because)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let because = because(self.matched_before, self.set);
        for e in &ended {
            let before = &e.before;
            end.execute(params![
                e.vulnerability,
                self.channel,
                e.package,
                before.version,
                before.verdict,
                before.since,
                self.set,
                at,
                because
            ])?;
        }
        recount(tx, self.channel)?;
        tx.execute(
            "UPDATE channel SET matched_set = ?2, matched_mark = ?3, matched_rules = ?4, matched_at = ?5 WHERE id = ?1",
            params![self.channel, self.set, mark, basis, at],
        )?;
        let data = serde_json::json!({
            "full": self.is_full, "vulnerabilities": self.vulnerabilities, "verdicts": self.verdicts, "ended": ended.len(), "mark": mark,
        });
        super::event(tx, at, "matched", &self.name, &data)
    }
}

/// All verdicts, by vulnerability, then channel and package.
pub fn suggestions(
    db: &Connection,
    channel: Option<&str>,
    each: &mut dyn FnMut(Suggestion) -> std::io::Result<()>,
) -> std::result::Result<(), StoreError> {
    let what = "read the verdicts";
    let sql = |e: rusqlite::Error| StoreError::new(what, e);
    let attrs = cluster_attrs(db, channel).map_err(sql)?;
    let query = "SELECT v.name, c.id, c.name, c.pname, c.version, ch.name, d.verdict, d.confidence, e.lines
                 FROM verdict d JOIN vulnerability v ON v.id = d.vulnerability_id JOIN cluster c ON c.id = d.cluster_id
                 JOIN channel ch ON ch.id = d.channel_id JOIN evidence e ON e.id = d.evidence_id
                 WHERE ?1 IS NULL OR ch.name = ?1
                 ORDER BY v.year, v.number, v.name, ch.name, c.name";
    let mut statement = db.prepare_cached(query).map_err(sql)?;
    let mut rows = statement.query([channel]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let line = suggestion(row, &attrs).map_err(sql)?;
        each(line).map_err(|e| StoreError::new("write a suggestion", e))?;
    }
    Ok(())
}

fn suggestion(row: &rusqlite::Row<'_>, attrs: &HashMap<i64, Vec<String>>) -> Result<Suggestion> {
    Ok(Suggestion {
        cve: row.get(0)?,
        attrs: attrs.get(&row.get(1)?).cloned().unwrap_or_default(),
        package: row.get(2)?,
        pname: row.get(3)?,
        version: row.get(4)?,
        channel: row.get(5)?,
        verdict: row.get_ref(6)?.as_str()?.parse().map_err(decode)?,
        confidence: row.get(7)?,
        evidence: serde_json::from_str(row.get_ref(8)?.as_str()?).map_err(decode)?,
    })
}

fn cluster_attrs(db: &Connection, channel: Option<&str>) -> Result<HashMap<i64, Vec<String>>> {
    let sql = "SELECT a.cluster_id, a.attr FROM cluster_attr a JOIN channel ch ON ch.id = a.channel_id
               WHERE ?1 IS NULL OR ch.name = ?1 ORDER BY a.attr";
    let mut attrs: HashMap<i64, Vec<String>> = HashMap::new();
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([channel])?;
    while let Some(row) = rows.next()? {
        attrs.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(attrs)
}

/// Name, row and first set with the package as it is, of a channel's clusters.
const CLUSTERS: &str = "SELECT c.name, c.id, m.from_set FROM cluster c
     LEFT JOIN package_in m ON m.channel_id = c.channel_id AND m.package_id = c.package_id AND m.until_set IS NULL
     WHERE c.channel_id = ?1";

fn known_clusters(tx: &Transaction<'_>, channel: i64) -> Result<HashMap<String, (i64, Option<i64>)>> {
    tx.prepare(CLUSTERS)?
        .query_map([channel], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .collect()
}

/// Notes the verdicts there are, of all vulnerabilities or of one.
fn remember(tx: &Transaction<'_>, channel: i64, only: Option<i64>, spans: &mut Spans) -> Result<()> {
    let all = "SELECT t.vulnerability_id, c.name, t.verdict, c.version, t.since_set FROM verdict t JOIN cluster c ON c.id = t.cluster_id
               WHERE";
    let sql = match only {
        None => format!("{all} t.channel_id = ?1 AND ?2 IS NULL"),
        Some(_) => format!("{all} +t.channel_id = ?1 AND t.vulnerability_id = ?2"),
    };
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query(params![channel, only])?;
    while let Some(row) = rows.next()? {
        let before = Before {
            verdict: row.get(2)?,
            version: row.get(3)?,
            since: row.get(4)?,
        };
        spans.add(row.get(0)?, row.get(1)?, before);
    }
    Ok(())
}

fn insert_clusters(tx: &Transaction<'_>, channel: i64, clusters: impl Iterator<Item = ClusterRow>) -> Result<()> {
    let mut cluster =
        tx.prepare_cached("INSERT INTO cluster (channel_id, name, pname, version, package_id) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut attr = tx.prepare_cached("INSERT OR IGNORE INTO cluster_attr (channel_id, attr, cluster_id) VALUES (?1, ?2, ?3)")?;
    for row in clusters {
        let id = cluster.insert(params![channel, row.name, row.pname, row.version, row.package])?;
        for name in &row.attrs {
            attr.execute(params![channel, name, id])?;
        }
    }
    Ok(())
}

/// Counts a channel's verdicts by severity: from two indexes alone, and without the sorting that SQL's own grouping would do.
fn recount(tx: &Transaction<'_>, channel: i64) -> Result<()> {
    let pairs = "SELECT d.verdict, v.severity
                 FROM verdict d INDEXED BY verdict_channel
                 CROSS JOIN vulnerability v INDEXED BY vulnerability_key ON v.id = d.vulnerability_id
                 WHERE d.channel_id = ?1";
    let mut counts: HashMap<(String, String), i64> = HashMap::new();
    let mut pairs = tx.prepare_cached(pairs)?;
    let mut rows = pairs.query([channel])?;
    let mut last = ((String::new(), String::new()), 0);
    while let Some(row) = rows.next()? {
        let (verdict, severity) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        // Verdicts of one vulnerability follow one another: most rows are like the one before.
        if last.0.0 != verdict || last.0.1 != severity {
            let done = std::mem::replace(&mut last, ((verdict.to_owned(), severity.to_owned()), 0));
            *counts.entry(done.0).or_default() += done.1;
        }
        last.1 += 1;
    }
    *counts.entry(last.0).or_default() += last.1;
    tx.execute("DELETE FROM channel_count WHERE channel_id = ?1", [channel])?;
    let mut insert = tx.prepare_cached("INSERT INTO channel_count (channel_id, verdict, severity, count) VALUES (?1, ?2, ?3, ?4)")?;
    for ((verdict, severity), count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        insert.execute(params![channel, verdict, severity, count])?;
    }
    Ok(())
}
