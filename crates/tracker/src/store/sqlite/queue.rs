//! Jobs.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Sqlite, decode};
use crate::store::StoreError;
use crate::store::queue::{ABANDONED, Ask, Claimed, End, JobRow, Queue, State};

type Result<T> = std::result::Result<T, rusqlite::Error>;

impl Queue for Sqlite {
    fn ask(&self, ask: Ask<'_>, now: i64) -> std::result::Result<(), StoreError> {
        self.write("ask for a job", |tx| put(tx, ask, now))
    }

    fn claim(&self, kinds: &[&str], holder: &str, now: i64, until: i64) -> std::result::Result<Option<Claimed>, StoreError> {
        let what = "look for a job";
        // Mostly there is none: then nobody has to wait for the one writer.
        if self.read(what, |db| due(db, kinds, now))?.is_none() {
            return Ok(None);
        }
        self.write(what, |tx| take(tx, kinds, holder, now, until))
    }

    fn renew(&self, job: &Claimed, holder: &str, until: i64) -> std::result::Result<bool, StoreError> {
        let sql = "UPDATE job SET lease_until = ?4 WHERE kind = ?1 AND subject = ?2 AND holder = ?3";
        self.write("keep a job", |tx| {
            tx.prepare_cached(sql)?.execute(params![job.kind, job.subject, holder, until])
        })
        .map(|rows| rows > 0)
    }

    fn finish(&self, job: &Claimed, holder: &str, end: &End, now: i64) -> std::result::Result<bool, StoreError> {
        self.write("end a job", |tx| finish(tx, job, holder, end, now))
    }

    fn give_back(&self, holder: &str, now: i64) -> std::result::Result<u64, StoreError> {
        let sql = "UPDATE job SET state = 'waiting', run_at = ?2, holder = NULL, lease_until = NULL, changed_at = ?2 WHERE holder = ?1";
        self.write("give back jobs", |tx| tx.execute(sql, params![holder, now]))
            .map(|rows| rows as u64)
    }

    fn jobs(&self) -> std::result::Result<Vec<JobRow>, StoreError> {
        self.read("read the jobs", |db| {
            db.prepare_cached(
                "SELECT kind, subject, state, run_at, failures, last_error, changed_at FROM job ORDER BY state <> 'dead', kind, subject",
            )?
            .query_map([], row)?
            .collect()
        })
    }
}

fn put(tx: &Transaction<'_>, ask: Ask<'_>, now: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO job (kind, subject, priority, state, run_at, changed_at) VALUES (?1, ?2, ?3, 'waiting', ?4, ?5)
         ON CONFLICT (kind, subject) DO UPDATE SET
             asked_again = state = 'running',
             run_at = CASE state WHEN 'dead' THEN ?4 ELSE min(run_at, ?4) END,
             failures = CASE state WHEN 'dead' THEN 0 ELSE failures END,
             state = CASE state WHEN 'dead' THEN 'waiting' ELSE state END,
             changed_at = ?5",
    )?
    .execute(params![ask.kind, ask.subject, ask.priority, ask.at, now])?;
    Ok(())
}

/// The job that goes first.
fn due(db: &Connection, kinds: &[&str], now: i64) -> Result<Option<Claimed>> {
    db.prepare_cached(
        "SELECT kind, subject, failures, state = 'running' FROM job
         WHERE kind IN (SELECT value FROM json_each(?1))
           AND (state = 'waiting' AND run_at <= ?2 OR state = 'running' AND lease_until < ?2)
         ORDER BY priority, run_at, kind, subject LIMIT 1",
    )?
    .query_row(params![serde_json::json!(kinds).to_string(), now], |row| {
        Ok(Claimed {
            kind: row.get(0)?,
            subject: row.get(1)?,
            failures: row.get::<_, u32>(2)? + u32::from(row.get::<_, bool>(3)?),
        })
    })
    .optional()
}

fn take(tx: &Transaction<'_>, kinds: &[&str], holder: &str, now: i64, until: i64) -> Result<Option<Claimed>> {
    let Some(job) = due(tx, kinds, now)? else { return Ok(None) };
    tx.prepare_cached(
        "UPDATE job SET last_error = CASE state WHEN 'running' THEN ?7 ELSE last_error END, failures = ?3,
                        state = 'running', asked_again = 0, holder = ?4, lease_until = ?5, changed_at = ?6
         WHERE kind = ?1 AND subject = ?2",
    )?
    .execute(params![job.kind, job.subject, job.failures, holder, until, now, ABANDONED])?;
    Ok(Some(job))
}

fn finish(tx: &Transaction<'_>, job: &Claimed, holder: &str, end: &End, now: i64) -> Result<bool> {
    let rows = match end.parts(now) {
        // What was asked for meanwhile is not forgotten.
        None => {
            let gone = "DELETE FROM job WHERE kind = ?1 AND subject = ?2 AND holder = ?3 AND asked_again = 0";
            let again = "UPDATE job SET state = 'waiting', run_at = ?4, failures = 0, last_error = NULL, asked_again = 0,
                                        holder = NULL, lease_until = NULL, changed_at = ?4
                         WHERE kind = ?1 AND subject = ?2 AND holder = ?3";
            tx.prepare_cached(gone)?.execute(params![job.kind, job.subject, holder])?
                + tx.prepare_cached(again)?.execute(params![job.kind, job.subject, holder, now])?
        }
        Some((state, at, failures, error)) => tx
            .prepare_cached(
                "UPDATE job SET state = ?4, run_at = CASE WHEN asked_again = 1 AND ?6 IS NULL THEN ?5 ELSE ?8 END,
                                failures = CASE WHEN ?6 IS NULL THEN 0 ELSE failures + ?6 END, last_error = ?7, asked_again = 0,
                                holder = NULL, lease_until = NULL, changed_at = ?5
                 WHERE kind = ?1 AND subject = ?2 AND holder = ?3",
            )?
            .execute(params![job.kind, job.subject, holder, state.name(), now, failures, error, at])?,
    };
    Ok(rows > 0)
}

fn row(row: &Row<'_>) -> Result<JobRow> {
    let state: String = row.get(2)?;
    Ok(JobRow {
        kind: row.get(0)?,
        subject: row.get(1)?,
        state: State::from_name(&state).ok_or_else(|| decode(format!("a job is {state}")))?,
        run_at: row.get(3)?,
        failures: row.get(4)?,
        last_error: row.get(5)?,
        changed_at: row.get(6)?,
    })
}
