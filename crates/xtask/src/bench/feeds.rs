//! Taking in all feeds, matching them, and a day's changes on top.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Tracker;
use super::measure::{Cost, measure};
use super::report::{Figure, Report};

/// Times each step from an empty database to the verdicts of the last day.
///
/// The largest daily delta is kept back until everything else is matched: it stands for a day in the tracker's life.
pub fn measure_all(tracker: &Tracker, mirror: &Path, report: &mut Report) -> Result<()> {
    tracker.forget()?;
    let (day, earlier) = cve_files(mirror)?;
    let ingest = |source: &str, from: &Path, channel: Option<&str>| {
        let mut command = tracker.command(&["ingest", source]);
        command.arg(from);
        if let Some(channel) = channel {
            command.args(["--channel", channel]);
        }
        measure(&mut command)
    };
    let mut all = Cost::default();
    let mut cve = Cost::default();
    for file in &earlier {
        cve = cve.then(ingest("cve", file, None)?);
    }
    report.show("take in cve", Figure::Time(cve.time));
    all = all.then(cve);
    for source in ["nvd", "osv", "kev", "epss"] {
        let cost = ingest(source, &mirror.join(source), None)?;
        report.show(format!("take in {source}"), Figure::Time(cost.time));
        all = all.then(cost);
    }
    for (channel, folder) in channels(mirror)? {
        let cost = ingest("nixpkgs", &folder, Some(&channel))?;
        report.show(format!("take in {channel}"), Figure::Time(cost.time));
        all = all.then(cost);
    }
    let full = measure(&mut tracker.command(&["match", "--full"]))?;
    let delta = ingest("cve", &day, None)?;
    let after = measure(&mut tracker.command(&["match"]))?;
    all = all.then(delta);
    report.against("take in everything", Figure::Time(all.time), Figure::Time(Duration::from_secs(180)));
    report.against("  most memory", Figure::Memory(all.peak), Figure::Memory(2_000_000_000));
    report.against("match all channels", Figure::Time(full.time), Figure::Time(Duration::from_secs(20)));
    report.against("  most memory", Figure::Memory(full.peak), Figure::Memory(1_000_000_000));
    let visible = delta.then(after);
    report.against(
        "a day's delta to visible verdicts",
        Figure::Time(visible.time),
        Figure::Time(Duration::from_secs(3)),
    );
    let size = fs::metadata(&tracker.database).map_or(0, |m| m.len());
    report.show("database", Figure::Memory(size));
    Ok(())
}

/// The delta that is kept back, and the other CVE files in the order of their days.
fn cve_files(mirror: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
    let mut files = listing(&mirror.join("cvelistV5"))?;
    let size = |file: &Path| fs::metadata(file).map_or(0, |m| m.len());
    let is_delta = |file: &Path| file.to_string_lossy().contains("_delta_");
    let largest = files.iter().filter(|f| is_delta(f)).max_by_key(|f| size(f)).cloned();
    let day = largest.context("find a daily delta among the CVE files of the mirror")?;
    files.retain(|f| *f != day);
    Ok((day, files))
}

pub fn channels(mirror: &Path) -> Result<Vec<(String, PathBuf)>> {
    let folders = listing(&mirror.join("channels"))?;
    Ok(folders
        .into_iter()
        .filter_map(|f| Some((f.file_name()?.to_str()?.to_owned(), f)))
        .collect())
}

fn listing(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    let mut files = entries
        .map(|e| Ok(e?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()
        .with_context(|| format!("list {}", dir.display()))?;
    files.sort();
    Ok(files)
}
