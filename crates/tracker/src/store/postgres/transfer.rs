//! All rows, out and in.

use super::client::{Client, Error, Row, Value};
use super::{Result, books, words};
use crate::store::transfer::{Cell, FULL, Rows, Sender, Table, tables};

/// Hands over all rows.
pub fn export(db: &mut Client, to: &mut Sender<'_>) -> Result<()> {
    for table in tables() {
        let kinds = kinds(db, table)?;
        let streamed = db.stream(&table.select(), &[], |row| {
            let cells = kinds.iter().enumerate().map(|(column, kind)| cell(&row, column, kind));
            let cells = cells.collect::<Result<_>>().map_err(Some)?;
            if to.push(table, cells) { Ok(()) } else { Err(None) }
        })?;
        match streamed {
            Ok(()) => {}
            Err(None) => return Ok(()),
            Err(Some(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Takes all rows.
pub fn import(tx: &mut Client, rows: &mut Rows, replace: bool, seen: &(dyn Fn(u64) + Sync)) -> Result<()> {
    if replace {
        books::clear(tx)?;
    }
    for table in tables() {
        if tx.one(&format!("SELECT EXISTS (SELECT 1 FROM {})", table.name), &[])?.get(0)? {
            return Err(Error::decode(FULL));
        }
    }
    while let Some(batch) = rows.batch().map_err(Error::decode)? {
        let columns = format!("{} ({})", batch.table.name, batch.table.columns.join(", "));
        tx.copy(&columns, batch.rows.iter().map(|row| row.iter().map(value).collect()))?;
        if batch.table.name == "vulnerability" {
            index_words(tx, &batch.rows)?;
        }
        seen(batch.rows.len() as u64);
    }
    for table in tables().filter(|table| table.is_numbered()) {
        let name = table.name;
        tx.one(
            &format!("SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {name}), false)"),
            &[],
        )?;
    }
    tx.run("ANALYZE")
}

/// The words of rows of `vulnerability`: id, name, .., title, description.
fn index_words(tx: &mut Client, rows: &[Vec<Cell>]) -> Result<()> {
    let mut vectors = Vec::with_capacity(rows.len());
    for row in rows {
        let [
            Cell::Int(id),
            Cell::Text(name),
            _,
            _,
            Cell::Text(title),
            Cell::Text(description),
            ..,
        ] = row.as_slice()
        else {
            return Err(Error::decode("a vulnerability has columns of other types"));
        };
        vectors.push(vec![(*id).into(), words::vector(&[name, title, description]).into()]);
    }
    tx.each(
        "INSERT INTO vulnerability_text (id, words) VALUES ($1, $2::text::tsvector)",
        vectors,
    )
    .map(drop)
}

/// The names of the types of a table's columns.
fn kinds(db: &mut Client, table: &Table) -> Result<Vec<String>> {
    let sql = "SELECT t.typname::text FROM unnest($2::text[]) WITH ORDINALITY c (name, n)
               JOIN pg_attribute a ON a.attrelid = $1::text::regclass AND a.attname = c.name JOIN pg_type t ON t.oid = a.atttypid ORDER BY c.n";
    let rows = db.query(sql, &[table.name.into(), table.columns.iter().copied().collect()])?;
    rows.iter().map(|row| row.get(0)).collect()
}

fn cell(row: &Row, column: usize, kind: &str) -> Result<Cell> {
    Ok(match kind {
        "int8" => row.get::<Option<i64>>(column)?.map(Cell::Int),
        "float8" => row.get::<Option<f64>>(column)?.map(Cell::Real),
        "bytea" => row.get::<Option<Vec<u8>>>(column)?.map(Cell::Bytes),
        _ => row.get::<Option<String>>(column)?.map(Cell::Text),
    }
    .unwrap_or(Cell::Null))
}

fn value(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(v) => (*v).into(),
        Cell::Real(v) => (*v).into(),
        Cell::Text(v) => v.into(),
        Cell::Bytes(v) => v.into(),
    }
}
