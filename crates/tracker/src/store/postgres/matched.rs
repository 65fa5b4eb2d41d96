//! What matching reads and writes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use vuln::advisory::Source;

use super::client::{Client, Error, Row, Value};
use super::{Result, clean, new_ids, next_id};
use crate::document::Digest;
use crate::parallel::Rests;
use crate::store::StoreError;
use crate::store::result::{ChannelState, ClusterRow, MatchResult, MatchedChannel, OutcomeRow, StoredVulnerability, Suggestion};
use crate::store::spans::{Before, Spans, because};

/// Outcomes written at a time.
const CHUNK: usize = 4096;

/// All channels, by name.
pub fn channel_states(db: &mut Client) -> Result<Vec<ChannelState>> {
    let sql = "SELECT c.id, c.name, s.id, s.digest, c.matched_set, c.matched_mark, c.matched_rules
               FROM channel c LEFT JOIN package_set s ON s.id = c.set_id ORDER BY c.name";
    db.query(sql, &[])?
        .iter()
        .map(|row| {
            let digest = row.get::<Option<&[u8]>>(3)?.and_then(Digest::from_slice);
            Ok(ChannelState {
                id: row.get(0)?,
                name: row.get(1)?,
                set: row.get::<Option<i64>>(2)?.zip(digest.map(|digest| digest.to_string())),
                matched_set: row.get(4)?,
                matched_mark: row.get(5)?,
                matched_basis: row.get(6)?,
            })
        })
        .collect()
}

/// A page of vulnerabilities with their documents.
pub fn vulnerabilities(db: &mut Client, mark: i64, after: i64, limit: usize) -> Result<Vec<StoredVulnerability>> {
    // Few changed rows are found by their mark, all of them by their row: the planner cannot know which it is.
    let found = if mark > 0 {
        let sql = "WITH changed AS MATERIALIZED (SELECT id FROM vulnerability WHERE touched > $1)
                   SELECT v.id, v.name, v.touched FROM (SELECT id FROM changed WHERE id > $2 ORDER BY id LIMIT $3) c
                   JOIN vulnerability v ON v.id = c.id ORDER BY v.id";
        db.query(sql, &[mark.into(), after.into(), limit.into()])?
    } else {
        let sql = "SELECT id, name, touched FROM vulnerability WHERE id > $1 ORDER BY id LIMIT $2";
        db.query(sql, &[after.into(), limit.into()])?
    };
    let mut all = Vec::with_capacity(found.len());
    for row in &found {
        all.push(StoredVulnerability {
            id: row.get(0)?,
            name: row.get(1)?,
            touched: row.get(2)?,
            documents: Vec::new(),
        });
    }
    let ids: Vec<i64> = all.iter().map(|v| v.id).collect();
    let sql = "SELECT l.vulnerability_id, r.source, d.bytes, d.size
               FROM record_vulnerability l JOIN record r ON r.id = l.record_id JOIN document d ON d.id = r.document_id
               WHERE l.vulnerability_id = ANY ($1::bigint[]) ORDER BY l.vulnerability_id, r.id";
    let mut rest = all.iter_mut().peekable();
    for row in db.query(sql, &[ids.into()])? {
        let id: i64 = row.get(0)?;
        while rest.next_if(|v| v.id < id).is_some() {}
        let source: Source = super::records::source_of(row.get(1)?)?;
        let size = usize::try_from(row.get::<i64>(3)?).unwrap_or(0);
        if let Some(vulnerability) = rest.peek_mut().filter(|v| v.id == id) {
            vulnerability.documents.push((source, row.get(2)?, size));
        }
    }
    Ok(all)
}

/// Writes what matching found. Where a channel is matched as a whole, evidence goes that nobody points at any more.
pub fn take_match(tx: &mut Client, result: MatchResult<'_>, at: i64) -> Result<u64> {
    let is_any_full = result.channels.iter().any(|channel| channel.clusters.is_some());
    let mut rests = Rests::default();
    let mut channels = BTreeMap::new();
    for channel in result.channels {
        let begun = Instant::now();
        channels.insert(channel.channel, Writing::begin(tx, channel)?);
        rests.rest(begun.elapsed());
    }
    let mut evidence = EvidenceRows::new(tx)?;
    loop {
        let chunk: std::result::Result<Vec<OutcomeRow>, StoreError> = (&mut *result.outcomes).take(CHUNK).collect();
        let chunk = chunk.map_err(Error::decode)?;
        if chunk.is_empty() {
            break;
        }
        let begun = Instant::now();
        write(tx, &mut channels, &mut evidence, chunk)?;
        rests.rest(begun.elapsed());
    }
    let mut verdicts = 0;
    for writing in channels.into_values() {
        verdicts += writing.verdicts;
        writing.end(tx, result.mark, &result.basis, at)?;
    }
    if is_any_full && evidence.are_there_more {
        let sql = "DELETE FROM evidence e WHERE NOT EXISTS (SELECT 1 FROM verdict t WHERE t.evidence_id = e.id)";
        tx.execute(sql, &[])?;
    }
    Ok(verdicts)
}

/// How the server paces that for work in the background: as its own clearing away is paced.
pub const PACED: &str = "SET vacuum_cost_delay = '2ms'";

/// Clears away the rows that a full match replaced: until that is done every plan walks over them, to the ends of the indexes, and what the
/// server knows of these tables is about rows that are gone. The server would do it too, minutes later.
pub const CLEAR_AWAY: &str =
    "VACUUM (ANALYZE, TRUNCATE FALSE, SKIP_LOCKED) cluster, cluster_attr, verdict, evidence, disposition, channel_count";

/// The rows of evidence that verdicts point at, as far as they are known.
struct EvidenceRows {
    known: HashMap<[u8; 16], i64>,
    /// Whether there may be others.
    are_there_more: bool,
}

impl EvidenceRows {
    /// Where all verdicts are written anew, so is all evidence.
    fn new(tx: &mut Client) -> Result<Self> {
        let are_there_more: bool = tx.one("SELECT EXISTS (SELECT 1 FROM verdict)", &[])?.get(0)?;
        if !are_there_more {
            tx.execute("DELETE FROM evidence", &[])?;
        }
        Ok(Self {
            known: HashMap::new(),
            are_there_more,
        })
    }

    /// Finds or writes the evidence of some outcomes: then all of it is known.
    fn learn(&mut self, tx: &mut Client, chunk: &[OutcomeRow]) -> Result<()> {
        let lines = chunk.iter().flat_map(|outcome| &outcome.verdicts).map(|line| &line.evidence);
        let mut new: BTreeMap<[u8; 16], &str> = lines
            .filter(|evidence| !self.known.contains_key(&evidence.digest))
            .map(|evidence| (evidence.digest, evidence.lines.as_str()))
            .collect();
        if self.are_there_more {
            let sql = "SELECT e.digest, e.id FROM unnest($1::text[]) d (hex) JOIN evidence e ON e.digest = decode(d.hex, 'hex')";
            let digests: Vec<String> = new.keys().map(|digest| format!("{:032x}", u128::from_be_bytes(*digest))).collect();
            for row in tx.query(sql, &[digests.iter().map(String::as_str).collect()])? {
                let digest: [u8; 16] = row.get::<&[u8]>(0)?.try_into().map_err(Error::decode)?;
                new.remove(&digest);
                self.known.insert(digest, row.get(1)?);
            }
        }
        let mut ids = new_ids(tx, "evidence", new.len())?;
        let mut rows: Vec<Vec<Value<'_>>> = Vec::with_capacity(new.len());
        for (digest, lines) in &new {
            let id = next_id(&mut ids)?;
            self.known.insert(*digest, id);
            rows.push(vec![id.into(), digest.as_slice().into(), (*lines).into()]);
        }
        tx.copy("evidence (id, digest, lines)", rows)
    }
}

/// A cluster of the channel: its row, and the first set that held its package as it is.
struct Known {
    id: i64,
    since: Option<i64>,
}

/// A channel whose outcomes are being written.
struct Writing {
    channel: i64,
    name: String,
    matched_before: Option<i64>,
    set: i64,
    is_full: bool,
    clusters: HashMap<String, Known>,
    spans: Spans,
    vulnerabilities: u64,
    verdicts: u64,
}

impl Writing {
    /// Takes out what is replaced as a whole.
    fn begin(tx: &mut Client, matched: MatchedChannel) -> Result<Self> {
        let MatchedChannel { channel, set, clusters } = matched;
        let row = tx.one("SELECT name, matched_set FROM channel WHERE id = $1", &[channel.into()])?;
        let mut writing = Self {
            channel,
            name: row.get(0)?,
            matched_before: row.get(1)?,
            set,
            is_full: clusters.is_some(),
            clusters: HashMap::new(),
            spans: Spans::default(),
            vulnerabilities: 0,
            verdicts: 0,
        };
        if let Some(clusters) = clusters {
            writing.remember(tx, None)?;
            for table in ["verdict", "disposition", "cluster_attr", "cluster"] {
                tx.execute(&format!("DELETE FROM {table} WHERE channel_id = $1"), &[channel.into()])?;
            }
            insert_clusters(tx, channel, &clusters.collect::<Vec<_>>())?;
        }
        writing.read_clusters(tx)?;
        Ok(writing)
    }

    /// Notes the verdicts there are, of all vulnerabilities or of some.
    fn remember(&mut self, tx: &mut Client, only: Option<&[i64]>) -> Result<()> {
        let sql =
            "SELECT t.vulnerability_id, c.name, t.verdict, c.version, t.since_set FROM verdict t JOIN cluster c ON c.id = t.cluster_id
                   WHERE t.channel_id = $1 AND ($2::bigint[] IS NULL OR t.vulnerability_id = ANY ($2::bigint[]))";
        let spans = &mut self.spans;
        tx.stream(sql, &[self.channel.into(), only.into()], |row| {
            let before = Before {
                verdict: row.get(2)?,
                version: row.get(3)?,
                since: row.get(4)?,
            };
            spans.add(row.get(0)?, row.get(1)?, before);
            Ok::<_, Error>(())
        })?
    }

    fn read_clusters(&mut self, tx: &mut Client) -> Result<()> {
        let sql = "SELECT c.name, c.id, m.from_set FROM cluster c
                   LEFT JOIN package_in m ON m.channel_id = c.channel_id AND m.package_id = c.package_id AND m.until_set IS NULL
                   WHERE c.channel_id = $1";
        let clusters = &mut self.clusters;
        tx.stream(sql, &[self.channel.into()], |row| {
            let known = Known {
                id: row.get(1)?,
                since: row.get(2)?,
            };
            clusters.insert(row.get(0)?, known);
            Ok::<_, Error>(())
        })?
    }

    fn end(self, tx: &mut Client, mark: i64, basis: &str, at: i64) -> Result<()> {
        let because = because(self.matched_before, self.set);
        let ended = self.spans.ended();
        tx.copy(
            "verdict_past (vulnerability_id, channel_id, package, version, verdict, since_set, until_set, until_at, because)",
            ended.iter().map(|e| {
                vec![
                    e.vulnerability.into(),
                    self.channel.into(),
                    (&e.package).into(),
                    (&e.before.version).into(),
                    (&e.before.verdict).into(),
                    e.before.since.into(),
                    self.set.into(),
                    at.into(),
                    because.into(),
                ]
            }),
        )?;
        recount(tx, self.channel)?;
        tx.execute(
            "UPDATE channel SET matched_set = $2, matched_mark = $3, matched_rules = $4, matched_at = $5 WHERE id = $1",
            &[self.channel.into(), self.set.into(), mark.into(), basis.into(), at.into()],
        )?;
        let data = serde_json::json!({
            "full": self.is_full, "vulnerabilities": self.vulnerabilities, "verdicts": self.verdicts, "ended": ended.len(), "mark": mark,
        });
        super::event(tx, at, "matched", &self.name, &data)
    }
}

/// Writes some outcomes.
fn write(tx: &mut Client, channels: &mut BTreeMap<i64, Writing>, evidence: &mut EvidenceRows, mut chunk: Vec<OutcomeRow>) -> Result<()> {
    // A vulnerability may be gone since it was matched: its records turned out to be about another one.
    let mut ids: Vec<i64> = chunk.iter().map(|outcome| outcome.vulnerability).collect();
    ids.dedup();
    let alive = tx.query(
        "SELECT id FROM vulnerability WHERE id = ANY ($1::bigint[])",
        &[ids.as_slice().into()],
    )?;
    let alive: HashSet<i64> = alive.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    chunk.retain(|outcome| alive.contains(&outcome.vulnerability));
    for writing in channels.values_mut().filter(|writing| !writing.is_full) {
        let own = chunk.iter().filter(|outcome| outcome.channel == writing.channel);
        let ids: Vec<i64> = own.map(|outcome| outcome.vulnerability).collect();
        writing.remember(tx, Some(&ids))?;
        for table in ["verdict", "disposition"] {
            tx.execute(
                &format!("DELETE FROM {table} WHERE channel_id = $1 AND vulnerability_id = ANY ($2::bigint[])"),
                &[writing.channel.into(), ids.as_slice().into()],
            )?;
        }
    }
    evidence.learn(tx, &chunk)?;
    let mut rows: Vec<Vec<Value<'_>>> = Vec::new();
    for outcome in &chunk {
        let writing = channels.get_mut(&outcome.channel);
        let writing = writing.ok_or_else(|| Error::decode(format!("no channel {} is matched", outcome.channel)))?;
        writing.vulnerabilities += 1;
        for line in &outcome.verdicts {
            let known = writing.clusters.get(&line.cluster);
            let known = known.ok_or_else(|| Error::decode(format!("no cluster named {:?}", line.cluster)))?;
            let verdict = line.verdict.name();
            let since = writing.spans.since(outcome.vulnerability, &line.cluster, verdict, known.since);
            writing.verdicts += 1;
            rows.push(vec![
                outcome.vulnerability.into(),
                known.id.into(),
                outcome.channel.into(),
                verdict.into(),
                clean(line.confidence).into(),
                line.fixed_in.as_ref().into(),
                evidence.known.get(&line.evidence.digest).copied().into(),
                since.into(),
            ]);
        }
    }
    tx.copy(
        "verdict (vulnerability_id, cluster_id, channel_id, verdict, confidence, fixed_in, evidence_id, since_set)",
        rows,
    )?;
    tx.copy(
        "disposition (vulnerability_id, channel_id, disposition, near_misses)",
        chunk.iter().filter(|outcome| !outcome.is_nothing()).map(|outcome| {
            vec![
                outcome.vulnerability.into(),
                outcome.channel.into(),
                outcome.disposition.name().into(),
                outcome.near_misses.as_ref().into(),
            ]
        }),
    )
}

/// All verdicts, by vulnerability, then channel and package.
pub fn suggestions(
    db: &mut Client,
    channel: Option<&str>,
    each: &mut dyn FnMut(Suggestion) -> std::io::Result<()>,
) -> Result<std::io::Result<()>> {
    let attrs = cluster_attrs(db, channel)?;
    let sql = "SELECT v.name, c.id, c.name, c.pname, c.version, ch.name, d.verdict, d.confidence, e.lines
               FROM verdict d JOIN vulnerability v ON v.id = d.vulnerability_id JOIN cluster c ON c.id = d.cluster_id
               JOIN channel ch ON ch.id = d.channel_id JOIN evidence e ON e.id = d.evidence_id
               WHERE $1::text IS NULL OR ch.name = $1::text
               ORDER BY v.year, v.number, v.name, ch.name, c.name";
    let mut written = Ok(());
    let streamed = db.stream(sql, &[channel.into()], |row| {
        let line = suggestion(&row, &attrs).map_err(Some)?;
        each(line).map_err(|e| {
            written = Err(e);
            None
        })
    })?;
    match streamed {
        Err(Some(error)) => Err(error),
        Err(None) | Ok(()) => Ok(written),
    }
}

fn suggestion(row: &Row, attrs: &HashMap<i64, Vec<String>>) -> Result<Suggestion> {
    Ok(Suggestion {
        cve: row.get(0)?,
        attrs: attrs.get(&row.get(1)?).cloned().unwrap_or_default(),
        package: row.get(2)?,
        pname: row.get(3)?,
        version: row.get(4)?,
        channel: row.get(5)?,
        verdict: row.get::<&str>(6)?.parse().map_err(Error::decode)?,
        confidence: row.get(7)?,
        evidence: serde_json::from_str(row.get(8)?).map_err(Error::decode)?,
    })
}

fn cluster_attrs(db: &mut Client, channel: Option<&str>) -> Result<HashMap<i64, Vec<String>>> {
    let sql = "SELECT a.cluster_id, a.attr FROM cluster_attr a JOIN channel ch ON ch.id = a.channel_id
               WHERE $1::text IS NULL OR ch.name = $1::text ORDER BY a.attr";
    let mut attrs: HashMap<i64, Vec<String>> = HashMap::new();
    db.stream(sql, &[channel.into()], |row| {
        attrs.entry(row.get(0)?).or_default().push(row.get(1)?);
        Ok::<_, Error>(())
    })??;
    Ok(attrs)
}

fn insert_clusters(tx: &mut Client, channel: i64, clusters: &[ClusterRow]) -> Result<()> {
    let mut ids = new_ids(tx, "cluster", clusters.len())?;
    let mut rows = Vec::with_capacity(clusters.len());
    for row in clusters {
        rows.push((next_id(&mut ids)?, row));
    }
    tx.copy(
        "cluster (id, channel_id, name, pname, version, package_id)",
        rows.iter().map(|(id, row)| {
            vec![
                (*id).into(),
                channel.into(),
                (&row.name).into(),
                (&row.pname).into(),
                (&row.version).into(),
                row.package.into(),
            ]
        }),
    )?;
    // An attribute belongs to the first cluster that names it.
    let mut seen = HashSet::new();
    let attrs = rows.iter().flat_map(|(id, row)| row.attrs.iter().map(move |attr| (*id, attr)));
    tx.copy(
        "cluster_attr (channel_id, attr, cluster_id)",
        attrs
            .filter(|(_, attr)| seen.insert(attr.as_str()))
            .map(|(id, attr)| vec![channel.into(), attr.into(), id.into()]),
    )
}

/// Counts a channel's verdicts by severity.
fn recount(tx: &mut Client, channel: i64) -> Result<()> {
    tx.execute("DELETE FROM channel_count WHERE channel_id = $1", &[channel.into()])?;
    tx.execute(
        "INSERT INTO channel_count (channel_id, verdict, severity, count)
         SELECT t.channel_id, t.verdict, v.severity, count(*) FROM verdict t JOIN vulnerability v ON v.id = t.vulnerability_id
         WHERE t.channel_id = $1 GROUP BY 1, 2, 3",
        &[channel.into()],
    )
    .map(drop)
}
