//! The tracker's own books: what was taken when, settings, whether the database is whole.

use super::client::{Client, Value};
use super::{Result, words};
use crate::document::{self, Digest};
use crate::store::hidden::PRIVATE;
use crate::store::taking::TakenFile;
use crate::store::transfer::tables;

/// The file taken last under this name.
pub fn taken_file(db: &mut Client, source: &str, url: &str) -> Result<Option<TakenFile>> {
    let sql =
        "SELECT source, url, sha256, size, data_date, etag, records, changed, problems, took_ms FROM taken WHERE source = $1 AND url = $2";
    let row = db.optional(sql, &[source.into(), url.into()])?;
    row.map(|row| {
        Ok(TakenFile {
            source: row.get(0)?,
            url: row.get(1)?,
            sha256: digest(row.get(2)?)?,
            size: row.get(3)?,
            data_date: row.get(4)?,
            etag: row.get(5)?,
            records: row.get(6)?,
            changed: row.get(7)?,
            problems: row.get(8)?,
            took_ms: row.get(9)?,
        })
    })
    .transpose()
}

/// A digest as stored.
pub fn digest(bytes: &[u8]) -> Result<Digest> {
    Digest::from_slice(bytes).ok_or_else(|| super::Error::decode("a digest has not 32 bytes"))
}

/// A file was taken to its end.
pub fn file_taken(tx: &mut Client, file: &TakenFile, at: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO taken (source, url, sha256, size, data_date, etag, taken_at, records, changed, problems, took_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (source, url) DO UPDATE SET sha256 = $3, size = $4, data_date = $5, etag = $6, taken_at = $7, records = $8,
                                                 changed = $9, problems = $10, took_ms = $11",
        &[
            (&file.source).into(),
            (&file.url).into(),
            (&file.sha256.0).into(),
            file.size.into(),
            file.data_date.as_ref().into(),
            file.etag.as_ref().into(),
            at.into(),
            file.records.into(),
            file.changed.into(),
            file.problems.into(),
            file.took_ms.into(),
        ],
    )?;
    let data = serde_json::json!({
        "file": file.url, "sha256": file.sha256.to_string(), "records": file.records, "changed": file.changed, "problems": file.problems,
    });
    super::event(tx, at, "taken", &file.source, &data)?;
    if let Some(date) = &file.data_date {
        // Dates in one spelling for each source: the text order is theirs.
        tx.execute(
            "UPDATE source SET data_date = $2 WHERE name = $1 AND coalesce(data_date, '') < $2",
            &[(&file.source).into(), date.into()],
        )?;
    }
    Ok(())
}

/// Forgets the problems of a file and of what is inside it.
pub fn forget_problems(tx: &mut Client, source: &str, url: &str) -> Result<()> {
    // '"' follows '!' in order: all keys that begin with "url!".
    let sql = "DELETE FROM problem WHERE source = $1 AND (key = $2 OR key >= $2 || '!' AND key < $2 || '\"')";
    tx.execute(sql, &[source.into(), url.into()]).map(drop)
}

/// A source is looked at.
pub fn source_begins(tx: &mut Client, name: &str, at: i64) -> Result<()> {
    let sql = "INSERT INTO source (name, last_attempt) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET last_attempt = $2";
    tx.execute(sql, &[name.into(), at.into()]).map(drop)
}

/// A source could not be taken.
pub fn source_failed(tx: &mut Client, name: &str, at: i64, error: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO source (name, last_attempt, last_error) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET last_attempt = $2, last_error = $3",
        &[name.into(), at.into(), error.into()],
    )?;
    super::event(tx, at, "failed", name, &serde_json::json!({ "error": error }))
}

/// A source was looked at to the end.
pub fn source_succeeded(tx: &mut Client, name: &str, at: i64) -> Result<()> {
    let sql = "INSERT INTO source (name, last_attempt, last_success) VALUES ($1, $2, $2)
               ON CONFLICT (name) DO UPDATE SET last_success = $2, last_error = NULL";
    tx.execute(sql, &[name.into(), at.into()]).map(drop)
}

/// Empties all tables. Not by `TRUNCATE`: who reads meanwhile would see nothing, or wait.
pub fn clear(tx: &mut Client) -> Result<()> {
    // Channels and their sets come in one order, go in the other.
    tx.execute("DELETE FROM vulnerability_text", &[])?;
    for table in tables().rev() {
        // What is private stays so, whatever else goes.
        let kept = if table.name == "setting" {
            format!(" WHERE name NOT LIKE '{PRIVATE}%'")
        } else {
            String::new()
        };
        tx.execute(&format!("DELETE FROM {}{kept}", table.name), &[])?;
    }
    Ok(())
}

/// Rows whose parents are gone: `(table, column, parent)` of every column that points at another table and names no foreign key.
const POINTERS: [(&str, &str, &str); 10] = [
    ("cluster_attr", "cluster_id", "cluster"),
    ("verdict", "vulnerability_id", "vulnerability"),
    ("verdict", "cluster_id", "cluster"),
    ("verdict", "channel_id", "channel"),
    ("verdict", "evidence_id", "evidence"),
    ("disposition", "vulnerability_id", "vulnerability"),
    ("disposition", "channel_id", "channel"),
    ("channel", "set_id", "package_set"),
    ("package_in", "package_id", "package"),
    ("package_in", "from_set", "package_set"),
];

/// What is wrong with the database. That its files are whole is the server's business (`initdb --data-checksums`, `pg_amcheck`).
pub fn check(db: &mut Client, seen: &(dyn Fn(u64) + Sync)) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (table, column, parent) in POINTERS {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {table} t LEFT JOIN {parent} p ON p.id = t.{column} WHERE t.{column} IS NOT NULL AND p.id IS NULL)"
        );
        if db.one(&sql, &[])?.get(0)? {
            findings.push(format!("table {table}: a row points at a row of {parent} that is not there"));
        }
    }
    let orphans = "SELECT count(*) FROM record WHERE NOT EXISTS (SELECT 1 FROM record_vulnerability l WHERE l.record_id = record.id)";
    let orphans: i64 = db.one(orphans, &[])?.get(0)?;
    if orphans > 0 {
        findings.push(format!("{orphans} records belong to no vulnerability"));
    }
    documents(db, seen, &mut findings)?;
    text_index(db, &mut findings)?;
    Ok(findings)
}

fn documents(db: &mut Client, seen: &(dyn Fn(u64) + Sync), findings: &mut Vec<String>) -> Result<()> {
    db.stream("SELECT source, key, sha256, size, bytes FROM document ORDER BY id", &[], |row| {
        let size = usize::try_from(row.get::<i64>(3)?).unwrap_or(0);
        let stored = Digest::from_slice(row.get(2)?);
        let wrong = match document::unpack(row.get(4)?, size) {
            Ok(bytes) if bytes.len() == size && Some(Digest::of(&bytes)) == stored => None,
            Ok(_) => Some("its bytes do not have its digest".to_owned()),
            Err(e) => Some(format!("its bytes cannot be unpacked: {e}")),
        };
        if let Some(wrong) = wrong {
            findings.push(format!("document {} {}: {wrong}", row.get::<&str>(0)?, row.get::<&str>(1)?));
        }
        seen(1);
        Ok(())
    })?
}

/// Compares the words that are indexed with the texts they were made of.
fn text_index(db: &mut Client, findings: &mut Vec<String>) -> Result<()> {
    /// Vulnerabilities compared at a time.
    const PAGE: i64 = 1000;
    let (mut after, mut wrong) = (0_i64, 0);
    loop {
        let page = db.query(
            "SELECT id, name, title, description FROM vulnerability WHERE id > $1 ORDER BY id LIMIT $2",
            &[after.into(), PAGE.into()],
        )?;
        let Some(last) = page.last() else { break };
        after = last.get(0)?;
        let (mut ids, mut vectors) = (Vec::new(), Vec::new());
        for row in &page {
            ids.push(row.get::<i64>(0)?);
            vectors.push(words::vector(&[row.get(1)?, row.get(2)?, row.get(3)?]).into());
        }
        let sql = "SELECT count(*) FROM unnest($1::bigint[], $2::text[]) v (id, words) LEFT JOIN vulnerability_text t ON t.id = v.id
                   WHERE t.words IS DISTINCT FROM v.words::tsvector";
        wrong += db.one(sql, &[ids.into(), Value::Texts(vectors)])?.get::<i64>(0)?;
    }
    if wrong > 0 {
        findings.push(format!(
            "text index: the words of {wrong} vulnerabilities are not those of their texts"
        ));
    }
    Ok(())
}
