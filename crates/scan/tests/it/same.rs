//! The scanner's answers are the tracker's: for every package of a real NixOS system that the channel has too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cli_kit::Talk;
use fetch::Plain;
use scan::finding::{Finding, Report};
use scan::input::derivations;
use scan::input::store::Store;
use scan::judge::{Depth, judge_to};
use scan::snapshot::{Folders, Wanted, open};
use scan::tracker::Tracker;
use vuln::verdict::Verdict;

use crate::asking;

/// Years of NVD that are small and have much about the system; `FIRN_LONG` takes all that the mirror has, which takes long in a
/// test build.
const YEARS: [u32; 3] = [2003, 2009, 2020];
const CHANNEL: &str = "nixos-20.09pre";

#[test]
fn verdicts_are_the_trackers() {
    let Some(mirror) = std::env::var_os("FIRN_MIRROR")
        .map(PathBuf::from)
        .filter(|dir| dir.join("store").is_dir())
    else {
        println!("SKIPPED: verdicts_are_the_trackers, because FIRN_MIRROR does not name a mirror with store/");
        return;
    };
    let Some(tracker) = asking::tracker("verdicts_are_the_trackers") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = asking::command(&tracker, dir.path());
        command.args(arguments);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let path = |below: &str| mirror.join(below).display().to_string();
    let is_long = std::env::var_os("FIRN_LONG").is_some();
    for year in if is_long { 2002..=2030 } else { 2003..=2020 } {
        let file = path(&format!("nvd/nvdcve-2.0-{year}.json.gz"));
        if (is_long && Path::new(&file).exists()) || YEARS.contains(&year) {
            run(&["ingest", "nvd", &file]);
        }
    }
    run(&["ingest", "nixpkgs", "--channel", CHANNEL, &path(&format!("channels/{CHANNEL}"))]);
    run(&["match"]);
    run(&["export", "suggestions", "--out", "suggestions.jsonl"]);
    run(&["export", "snapshot", "--out", "snapshot"]);

    let folders = Folders {
        data: dir.path().join("d"),
        config: dir.path().join("c"),
        state: dir.path().join("s"),
    };
    let wanted = Wanted {
        file: Some(dir.path().join("snapshot")),
        trust: vec![dir.path().join("snapshot.pub")],
        ..Wanted::default()
    };
    let (snapshot, warnings) = open(&wanted, &folders, now()).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    let mut files = Vec::new();
    find_drvs(&mirror.join("store/nixos-20.09pre/drvs"), &mut files);
    assert_eq!(files.len(), 2560);
    let inventory = derivations::from_files(&files, &Store::below(dir.path())).unwrap();
    let of_channel = mirror.join("channels").join(CHANNEL).join("drvs");
    let mut known = Vec::new();
    find_drvs(&of_channel, &mut known);
    let known: BTreeSet<String> = known.iter().map(|path| name_of(path)).collect();

    let all = judge_to(Depth::All, inventory.clone(), &snapshot, now()).unwrap();
    let ours = of_packages(&all, &known);
    let theirs = suggestions(&dir.path().join("suggestions.jsonl"), &ours.keys().cloned().collect());
    let pairs: usize = ours.values().map(BTreeMap::len).sum();
    let patched = ours.values().flat_map(BTreeMap::values).filter(|v| **v == Verdict::Patched).count();
    println!("{} packages, {pairs} pairs, {patched} of them patched", ours.len());
    assert!(pairs >= 500 && patched >= 4, "{pairs} pairs, {patched} patched");
    for (attr, verdicts) in &ours {
        assert_eq!(Some(verdicts), theirs.get(attr), "{attr}");
    }
    // The answer that leaves out what nobody asks for has the same verdicts.
    let open = judge_to(Depth::Open, inventory.clone(), &snapshot, now()).unwrap();
    assert_eq!(of_packages(&open, &known), ours);
    // And so has that of a tracker that is asked.
    let running = asking::Running::start(&tracker, dir.path());
    let asked = Tracker::at(&running.url(), Plain::Loopback, false).unwrap();
    let told = asked.judge(Depth::All, None, inventory, &Talk::new(true), now()).unwrap();
    assert_eq!(of_packages(&told, &known), ours);
    let sides = |report: &Report| {
        let side = |f: &Finding| format!("{} {:?} {} {:?} {:?}", f.id, f.verdict, f.confidence, f.fixed_in, f.fixed_channels);
        report.findings.iter().map(side).collect::<Vec<_>>()
    };
    let (told, all) = (sides(&told), sides(&all));
    let differs = told.iter().zip(&all).find(|(told, here)| told != here);
    assert_eq!((differs, told.len()), (None, all.len()));
}

/// Verdicts by attribute and id, of the packages that the channel has itself; those without any are there with none.
fn of_packages(report: &Report, known: &BTreeSet<String>) -> BTreeMap<String, BTreeMap<String, Verdict>> {
    let is_known = |package: u32| {
        let package = &report.inventory.packages[package as usize].package;
        package
            .drv_path
            .as_deref()
            .is_some_and(|drv| known.contains(&name_of(Path::new(drv))))
    };
    let mut found: BTreeMap<String, BTreeMap<String, Verdict>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|f| is_known(f.package)) {
        let attr = &report.inventory.packages[finding.package as usize].package.attr;
        let before = found.entry(attr.clone()).or_default().insert(finding.id.clone(), finding.verdict);
        assert!(before.is_none_or(|before| before == finding.verdict), "{attr} {}", finding.id);
    }
    found
}

fn suggestions(file: &Path, attrs: &BTreeSet<String>) -> BTreeMap<String, BTreeMap<String, Verdict>> {
    let mut found: BTreeMap<String, BTreeMap<String, Verdict>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        if attrs.contains(&text("package")) {
            found
                .entry(text("package"))
                .or_default()
                .insert(text("cve"), text("verdict").parse().unwrap());
        }
    }
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn find_drvs(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_drvs(&path, out);
        } else if path.extension().is_some_and(|e| e == "drv") {
            out.push(path);
        }
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() as i64
}
