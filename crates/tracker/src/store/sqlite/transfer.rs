//! All rows, out and in.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, Transaction, params_from_iter};

use super::{books, decode};
use crate::store::transfer::{Cell, FULL, Rows, Sender, tables};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// Hands over all rows.
pub fn export(db: &Connection, to: &mut Sender<'_>) -> Result<()> {
    for table in tables() {
        let mut statement = db.prepare(&table.select())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let cells = (0..table.columns.len())
                .map(|column| row.get(column).map(cell))
                .collect::<Result<_>>()?;
            if !to.push(table, cells) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Takes all rows.
pub fn import(tx: &Transaction<'_>, rows: &mut Rows, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> Result<()> {
    if replace {
        books::clear(tx)?;
    }
    for table in tables() {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if tx.query_row(&sql, [], |row| row.get(0))? {
            return Err(decode(FULL));
        }
    }
    // Channels and their sets point at one another.
    tx.pragma_update(None, "defer_foreign_keys", true)?;
    while let Some(batch) = rows.batch().map_err(decode)? {
        let places = vec!["?"; batch.table.columns.len()].join(", ");
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({places})",
            batch.table.name,
            batch.table.columns.join(", ")
        );
        let mut insert = tx.prepare_cached(&sql)?;
        for row in &batch.rows {
            insert.execute(params_from_iter(row))?;
        }
        seen(batch.rows.len() as u64);
    }
    tx.execute("INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild')", [])?;
    Ok(())
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Integer(v) => Cell::Int(v),
        Value::Real(v) => Cell::Real(v),
        Value::Text(v) => Cell::Text(v),
        Value::Blob(v) => Cell::Bytes(v),
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Int(v) => ValueRef::Integer(*v),
            Cell::Real(v) => ValueRef::Real(*v),
            Cell::Text(v) => ValueRef::Text(v.as_bytes()),
            Cell::Bytes(v) => ValueRef::Blob(v),
        }))
    }
}
