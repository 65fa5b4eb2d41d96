//! Whole tables, for what leaves the database as one file.

use rusqlite::Connection;
use vuln::verdict::Verdict;

use super::decode;
use crate::store::result::Exploitation;

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// The store paths of a channel's current set; others have none.
pub fn package_paths(db: &Connection, set: i64, each: &mut dyn FnMut(i64, &str, &str)) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT m.package_id, m.paths FROM channel c JOIN package_in m ON m.channel_id = c.id AND m.until_set IS NULL WHERE c.set_id = ?1",
    )?;
    let mut rows = statement.query([set])?;
    while let Some(row) = rows.next()? {
        let package = row.get(0)?;
        let lines = row.get_ref(1)?.as_str()?.lines().filter_map(|line| line.split_once('='));
        lines.for_each(|(output, path)| each(package, output, path));
    }
    Ok(())
}

/// The clusters of a channel.
pub fn cluster_names(db: &Connection, channel: i64) -> Result<Vec<(i64, String)>> {
    db.prepare_cached("SELECT id, name FROM cluster WHERE channel_id = ?1")?
        .query_map([channel], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// All verdicts.
pub fn verdict_rows(db: &Connection, each: &mut dyn FnMut(i64, i64, Verdict)) -> Result<()> {
    let mut statement = db.prepare_cached("SELECT vulnerability_id, cluster_id, verdict FROM verdict")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(
            row.get(0)?,
            row.get(1)?,
            row.get_ref(2)?.as_str()?.parse().map_err(|e: String| decode(e))?,
        );
    }
    Ok(())
}

/// What is known of exploits.
pub fn exploitation(db: &Connection) -> Result<Vec<Exploitation>> {
    let sql = "SELECT id, epss, epss_percentile, kev_date FROM vulnerability WHERE epss IS NOT NULL OR kev_date IS NOT NULL";
    db.prepare_cached(sql)?
        .query_map([], |row| {
            let (score, percentile): (Option<f32>, Option<f32>) = (row.get(1)?, row.get(2)?);
            Ok(Exploitation {
                vulnerability: row.get(0)?,
                epss: score.zip(percentile),
                kev_date: row.get(3)?,
            })
        })?
        .collect()
}
