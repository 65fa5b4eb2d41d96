//! Jobs. They do not queue with the writes of data: a lease is taken while another process writes the verdicts of a match.

use super::Postgres;
use super::client::{Client, Error, Row};
use crate::store::StoreError;
use crate::store::queue::{ABANDONED, Ask, Claimed, End, JobRow, Queue, State};

type Result<T> = std::result::Result<T, Error>;

/// Begins a change of jobs.
const CHANGE: &str = "BEGIN";

impl Postgres {
    fn change<T>(&self, what: &str, work: impl FnOnce(&mut Client) -> Result<T>) -> std::result::Result<T, StoreError> {
        self.transaction(CHANGE, work).map_err(|e| StoreError::new(what, e))
    }
}

impl Queue for Postgres {
    fn ask(&self, ask: Ask<'_>, now: i64) -> std::result::Result<(), StoreError> {
        self.change("ask for a job", |tx| {
            tx.execute(
                "INSERT INTO job (kind, subject, priority, state, run_at, changed_at) VALUES ($1, $2, $3, 'waiting', $4, $5)
                 ON CONFLICT (kind, subject) DO UPDATE SET
                     asked_again = CASE job.state WHEN 'running' THEN 1 ELSE 0 END,
                     run_at = CASE job.state WHEN 'dead' THEN $4 ELSE least(job.run_at, $4) END,
                     failures = CASE job.state WHEN 'dead' THEN 0 ELSE job.failures END,
                     state = CASE job.state WHEN 'dead' THEN 'waiting' ELSE job.state END,
                     changed_at = $5",
                &[ask.kind.into(), ask.subject.into(), ask.priority.into(), ask.at.into(), now.into()],
            )
        })
        .map(drop)
    }

    fn claim(&self, kinds: &[&str], holder: &str, now: i64, until: i64) -> std::result::Result<Option<Claimed>, StoreError> {
        self.change("look for a job", |tx| take(tx, kinds, holder, now, until))
    }

    fn renew(&self, job: &Claimed, holder: &str, until: i64) -> std::result::Result<bool, StoreError> {
        let sql = "UPDATE job SET lease_until = $4 WHERE kind = $1 AND subject = $2 AND holder = $3";
        self.change("keep a job", |tx| {
            tx.execute(sql, &[(&job.kind).into(), (&job.subject).into(), holder.into(), until.into()])
        })
        .map(|rows| rows > 0)
    }

    fn finish(&self, job: &Claimed, holder: &str, end: &End, now: i64) -> std::result::Result<bool, StoreError> {
        self.change("end a job", |tx| finish(tx, job, holder, end, now))
    }

    fn give_back(&self, holder: &str, now: i64) -> std::result::Result<u64, StoreError> {
        let sql = "UPDATE job SET state = 'waiting', run_at = $2, holder = NULL, lease_until = NULL, changed_at = $2 WHERE holder = $1";
        self.change("give back jobs", |tx| tx.execute(sql, &[holder.into(), now.into()]))
    }

    fn jobs(&self) -> std::result::Result<Vec<JobRow>, StoreError> {
        self.read("read the jobs", |db| {
            db.query(
                "SELECT kind, subject, state, run_at, failures, last_error, changed_at FROM job
                 ORDER BY state <> 'dead', kind, subject",
                &[],
            )?
            .iter()
            .map(row)
            .collect()
        })
    }
}

fn take(tx: &mut Client, kinds: &[&str], holder: &str, now: i64, until: i64) -> Result<Option<Claimed>> {
    let kinds = super::client::Value::Texts(kinds.iter().map(|kind| (*kind).into()).collect());
    let found = tx.optional(
        "SELECT kind, subject, failures, state = 'running' FROM job
         WHERE kind = ANY ($1::text[]) AND (state = 'waiting' AND run_at <= $2 OR state = 'running' AND lease_until < $2)
         ORDER BY priority, run_at, kind, subject LIMIT 1 FOR UPDATE SKIP LOCKED",
        &[kinds, now.into()],
    )?;
    let Some(found) = found else { return Ok(None) };
    let failures: i64 = found.get::<i64>(2)? + i64::from(found.get::<bool>(3)?);
    let job = Claimed {
        kind: found.get(0)?,
        subject: found.get(1)?,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
    };
    tx.execute(
        "UPDATE job SET last_error = CASE state WHEN 'running' THEN $7 ELSE last_error END, failures = $3,
                        state = 'running', asked_again = 0, holder = $4, lease_until = $5, changed_at = $6
         WHERE kind = $1 AND subject = $2",
        &[
            (&job.kind).into(),
            (&job.subject).into(),
            failures.into(),
            holder.into(),
            until.into(),
            now.into(),
            ABANDONED.into(),
        ],
    )?;
    Ok(Some(job))
}

fn finish(tx: &mut Client, job: &Claimed, holder: &str, end: &End, now: i64) -> Result<bool> {
    let rows = match end.parts(now) {
        // What was asked for meanwhile is not forgotten.
        None => {
            let gone = "DELETE FROM job WHERE kind = $1 AND subject = $2 AND holder = $3 AND asked_again = 0";
            let again = "UPDATE job SET state = 'waiting', run_at = $4, failures = 0, last_error = NULL, asked_again = 0,
                                        holder = NULL, lease_until = NULL, changed_at = $4
                         WHERE kind = $1 AND subject = $2 AND holder = $3";
            tx.execute(gone, &[(&job.kind).into(), (&job.subject).into(), holder.into()])?
                + tx.execute(again, &[(&job.kind).into(), (&job.subject).into(), holder.into(), now.into()])?
        }
        Some((state, at, failures, error)) => tx.execute(
            "UPDATE job SET state = $4, run_at = CASE WHEN asked_again = 1 AND $6::bigint IS NULL THEN $5::bigint ELSE $8::bigint END,
                            failures = CASE WHEN $6::bigint IS NULL THEN 0 ELSE failures + $6 END, last_error = $7, asked_again = 0,
                            holder = NULL, lease_until = NULL, changed_at = $5
             WHERE kind = $1 AND subject = $2 AND holder = $3",
            &[
                (&job.kind).into(),
                (&job.subject).into(),
                holder.into(),
                state.name().into(),
                now.into(),
                failures.into(),
                error.into(),
                at.into(),
            ],
        )?,
    };
    Ok(rows > 0)
}

fn row(row: &Row) -> Result<JobRow> {
    let state: &str = row.get(2)?;
    let failures: i64 = row.get(4)?;
    Ok(JobRow {
        kind: row.get(0)?,
        subject: row.get(1)?,
        state: State::from_name(state).ok_or_else(|| Error::decode(format!("a job is {state}")))?,
        run_at: row.get(3)?,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        last_error: row.get(5)?,
        changed_at: row.get(6)?,
    })
}
