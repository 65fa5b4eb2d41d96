//! Whole tables, for what leaves the database as one file.

use vuln::verdict::Verdict;

use super::Result;
use super::client::{Client, Error};
use crate::store::result::Exploitation;

/// The store paths of a channel's current set; others have none.
pub fn package_paths(db: &mut Client, set: i64, each: &mut dyn FnMut(i64, &str, &str)) -> Result<()> {
    let sql =
        "SELECT m.package_id, m.paths FROM channel c JOIN package_in m ON m.channel_id = c.id AND m.until_set IS NULL WHERE c.set_id = $1";
    db.stream(sql, &[set.into()], |row| {
        let package = row.get(0)?;
        let lines = row.get::<&str>(1)?.lines().filter_map(|line| line.split_once('='));
        lines.for_each(|(output, path)| each(package, output, path));
        Ok(())
    })?
}

/// The clusters of a channel.
pub fn cluster_names(db: &mut Client, channel: i64) -> Result<Vec<(i64, String)>> {
    let rows = db.query("SELECT id, name FROM cluster WHERE channel_id = $1", &[channel.into()])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// All verdicts.
pub fn verdict_rows(db: &mut Client, each: &mut dyn FnMut(i64, i64, Verdict)) -> Result<()> {
    db.stream("SELECT vulnerability_id, cluster_id, verdict FROM verdict", &[], |row| {
        let verdict = row.get::<&str>(2)?.parse().map_err(|e: String| Error::decode(e))?;
        each(row.get(0)?, row.get(1)?, verdict);
        Ok(())
    })?
}

/// What is known of exploits.
pub fn exploitation(db: &mut Client) -> Result<Vec<Exploitation>> {
    let sql = "SELECT id, epss, epss_percentile, kev_date FROM vulnerability WHERE epss IS NOT NULL OR kev_date IS NOT NULL";
    let rows = db.query(sql, &[])?;
    let exploited = rows.iter().map(|row| {
        let (score, percentile): (Option<f32>, Option<f32>) = (row.get(1)?, row.get(2)?);
        Ok(Exploitation {
            vulnerability: row.get(0)?,
            epss: score.zip(percentile),
            kev_date: row.get(3)?,
        })
    });
    exploited.collect()
}
