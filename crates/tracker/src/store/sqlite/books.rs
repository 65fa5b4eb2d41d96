//! The tracker's own books: what was taken when, settings, whether the database is whole.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::document::{self, Digest};
use crate::store::hidden::PRIVATE;
use crate::store::taking::TakenFile;

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// The file taken last under this name.
pub fn taken_file(db: &Connection, source: &str, url: &str) -> Result<Option<TakenFile>> {
    let sql =
        "SELECT source, url, sha256, size, data_date, etag, records, changed, problems, took_ms FROM taken WHERE source = ?1 AND url = ?2";
    db.prepare_cached(sql)?
        .query_row(params![source, url], |row| {
            Ok(TakenFile {
                source: row.get(0)?,
                url: row.get(1)?,
                sha256: Digest(row.get(2)?),
                size: row.get::<_, i64>(3)? as u64,
                data_date: row.get(4)?,
                etag: row.get(5)?,
                records: row.get::<_, i64>(6)? as u64,
                changed: row.get::<_, i64>(7)? as u64,
                problems: row.get::<_, i64>(8)? as u64,
                took_ms: row.get::<_, Option<i64>>(9)?.map(|ms| ms as u64),
            })
        })
        .optional()
}

/// A file was taken to its end.
pub fn file_taken(tx: &Transaction<'_>, file: &TakenFile, at: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO taken (source, url, sha256, size, data_date, etag, taken_at, records, changed, problems, took_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        file.source,
        file.url,
        file.sha256.0,
        file.size as i64,
        file.data_date,
        file.etag,
        at,
        file.records as i64,
        file.changed as i64,
        file.problems as i64,
        file.took_ms.map(|ms| ms as i64)
    ])?;
    let data = serde_json::json!({
        "file": file.url, "sha256": file.sha256.to_string(), "records": file.records, "changed": file.changed, "problems": file.problems,
    });
    super::event(tx, at, "taken", &file.source, &data)?;
    // Dates in one spelling for each source: the text order is theirs.
    tx.prepare_cached("UPDATE source SET data_date = max(coalesce(data_date, ''), ?2) WHERE name = ?1 AND ?2 IS NOT NULL")?
        .execute(params![file.source, file.data_date])?;
    Ok(())
}

/// Forgets the problems of a file and of what is inside it.
pub fn forget_problems(tx: &Transaction<'_>, source: &str, url: &str) -> Result<()> {
    // '"' follows '!' in order: all keys that begin with "url!".
    tx.prepare_cached("DELETE FROM problem WHERE source = ?1 AND (key = ?2 OR key >= ?2 || '!' AND key < ?2 || '\"')")?
        .execute(params![source, url])?;
    Ok(())
}

/// A source is looked at.
pub fn source_begins(tx: &Transaction<'_>, name: &str, at: i64) -> Result<()> {
    tx.prepare_cached("INSERT INTO source (name, last_attempt) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last_attempt = ?2")?
        .execute(params![name, at])?;
    Ok(())
}

/// A source could not be taken.
pub fn source_failed(tx: &Transaction<'_>, name: &str, at: i64, error: &str) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO source (name, last_attempt, last_error) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET last_attempt = ?2, last_error = ?3",
    )?
    .execute(params![name, at, error])?;
    super::event(tx, at, "failed", name, &serde_json::json!({ "error": error }))
}

/// A source was looked at to the end.
pub fn source_succeeded(tx: &Transaction<'_>, name: &str, at: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO source (name, last_attempt, last_success) VALUES (?1, ?2, ?2)
         ON CONFLICT (name) DO UPDATE SET last_success = ?2, last_error = NULL",
    )?
    .execute(params![name, at])?;
    Ok(())
}

/// Empties all tables but that of the jobs: one of them may be what empties the others.
pub fn clear(tx: &Transaction<'_>) -> Result<()> {
    // The order of the foreign keys need not be minded: they are checked at the end.
    tx.pragma_update(None, "defer_foreign_keys", true)?;
    tx.execute("INSERT INTO vulnerability_text (vulnerability_text) VALUES ('delete-all')", [])?;
    let tables: Vec<String> = tx
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'vulnerability_text%' AND name NOT LIKE 'sqlite_%' AND name <> 'job'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for table in tables {
        // What is private stays so, whatever else goes.
        let kept = if table == "setting" {
            format!(" WHERE name NOT LIKE '{PRIVATE}%'")
        } else {
            String::new()
        };
        tx.execute(&format!("DELETE FROM \"{table}\"{kept}"), [])?;
    }
    Ok(())
}

/// What is wrong with the database.
pub fn check(db: &Connection, seen: &(dyn Fn(u64) + Sync)) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut integrity = db.prepare("PRAGMA integrity_check(20)")?;
    let lines: Vec<String> = integrity.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    findings.extend(
        lines
            .into_iter()
            .filter(|line| line != "ok")
            .map(|line| format!("database file: {line}")),
    );
    let mut references = db.prepare("PRAGMA foreign_key_check")?;
    let mut rows = references.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        findings.push(format!("table {table}: a row points at a row of {parent} that is not there"));
    }
    let is_unfounded = "SELECT EXISTS (SELECT 1 FROM verdict t LEFT JOIN evidence e ON e.id = t.evidence_id WHERE e.id IS NULL)";
    if db.query_row(is_unfounded, [], |row| row.get(0))? {
        findings.push("table verdict: a row points at a row of evidence that is not there".to_owned());
    }
    let orphans: i64 = db.query_row(
        "SELECT count(*) FROM record WHERE NOT EXISTS (SELECT 1 FROM record_vulnerability l WHERE l.record_id = record.id)",
        [],
        |row| row.get(0),
    )?;
    if orphans > 0 {
        findings.push(format!("{orphans} records belong to no vulnerability"));
    }
    let mut documents = db.prepare("SELECT source, key, sha256, size, bytes FROM document")?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let size = usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
        let stored = Digest::from_slice(row.get_ref(2)?.as_blob()?);
        let wrong = match document::unpack(row.get_ref(4)?.as_blob()?, size) {
            Ok(bytes) if bytes.len() == size && Some(Digest::of(&bytes)) == stored => None,
            Ok(_) => Some("its bytes do not have its digest".to_owned()),
            Err(e) => Some(format!("its bytes cannot be unpacked: {e}")),
        };
        if let Some(wrong) = wrong {
            findings.push(format!(
                "document {} {}: {wrong}",
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?
            ));
        }
        seen(1);
    }
    Ok(findings)
}
