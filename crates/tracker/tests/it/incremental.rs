//! Whatever came in whatever order: what the tracker says is what it would say had it seen only what holds now, all at once.
//!
//! Real records and packages where a mirror is at hand. `FIRN_LONG` runs longer sequences, `FIRN_SEED` one that failed again.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracker::Progress;
use tracker::config::Database;
use tracker::document::{Digest, Packer, parse};
use tracker::store::result::Derived;
use tracker::store::sqlite::Sqlite;
use tracker::store::taking::{Document, Incoming, PackageSet};
use tracker::store::{self, Store};
use vuln::advisory::Source;
use vuln::package::Package;

use crate::backend::{self, Backend, on_both};
use crate::cluster;

on_both! {
    any_sequence_ends_where_a_fresh_run_ends,
}

/// How long the short run may take.
const ENOUGH: Duration = Duration::from_secs(60);

/// Random numbers that a seed makes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.roll(list.len())]
    }
}

/// What sequences are made of.
struct Stock {
    records: Vec<serde_json::Value>,
    packages: Vec<Package>,
}

fn stock() -> Option<Stock> {
    let mirror = std::env::var_os("FIRN_MIRROR")
        .map(PathBuf::from)
        .filter(|dir| dir.join("nvd").is_dir());
    let Some(mirror) = mirror else {
        eprintln!("SKIPPED any_sequence_ends_where_a_fresh_run_ends: set FIRN_MIRROR to a mirror of the feeds");
        return None;
    };
    let file = std::fs::File::open(mirror.join("cvelistV5/2024-10-25_delta_CVEs_at_end_of_day.zip")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let mut records = Vec::new();
    for n in 0..zip.len() {
        let mut text = String::new();
        zip.by_index(n).unwrap().read_to_string(&mut text).unwrap();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        if record["cveMetadata"]["cveId"].is_string() {
            records.push(record);
        }
    }
    // Every fourth of them is plenty for a short run.
    let records: Vec<serde_json::Value> = records.into_iter().step_by(4).collect();
    let packages = packages_of(&records);
    assert!(records.len() > 100 && packages.len() > 60, "{} {}", records.len(), packages.len());
    Some(Stock { records, packages })
}

/// Packages that records speak of: named after their products, at one of the versions they mention.
fn packages_of(records: &[serde_json::Value]) -> Vec<Package> {
    let mut packages = BTreeMap::new();
    for (n, record) in records.iter().enumerate() {
        for affected in record["containers"]["cna"]["affected"].as_array().into_iter().flatten() {
            let Some(product) = affected["product"].as_str() else { continue };
            let attr: String = product
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            let version = affected["versions"][0]["lessThan"]
                .as_str()
                .or(affected["versions"][0]["version"].as_str());
            let package = Package {
                pname: attr.clone(),
                version: version
                    .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))
                    .unwrap_or("1.0")
                    .into(),
                // Some say where they are at home.
                homepages: affected["repo"]
                    .as_str()
                    .filter(|_| n % 2 == 0)
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                attr,
                ..Package::default()
            };
            packages.insert(package.attr.clone(), package);
        }
    }
    packages.into_values().collect()
}

fn record(value: &serde_json::Value) -> Incoming {
    let text = value.to_string();
    let (advisory, problems) = parse(Source::Cve, text.as_bytes()).unwrap();
    Incoming::Record {
        document: Document {
            source: "cve",
            key: advisory.id.clone(),
            url: "made".into(),
            sha256: Digest::of(text.as_bytes()),
            size: text.len() as u64,
            packed: Packer::new().unwrap().pack(text.as_bytes()).unwrap(),
        },
        advisory: Box::new(advisory),
        problems,
    }
}

/// The world as it is after some steps, and the store that saw the steps.
struct World<'a> {
    stock: &'a Stock,
    dice: Dice,
    store: Arc<dyn Store>,
    /// Records by id, as they are now.
    records: BTreeMap<String, serde_json::Value>,
    /// The sets of each channel that were not taken out again.
    sets: BTreeMap<&'static str, Vec<(i64, PackageSet)>>,
    step: u32,
    log: Vec<String>,
}

const CHANNELS: [&str; 2] = ["stable", "unstable"];

impl World<'_> {
    fn take(&mut self, records: Vec<serde_json::Value>) {
        let batch: Vec<Incoming> = records.iter().map(record).collect();
        self.store.take(&batch, i64::from(self.step)).unwrap();
        for record in records {
            self.records
                .insert(record["cveMetadata"]["cveId"].as_str().unwrap().to_owned(), record);
        }
    }

    /// A record that we have, dated later than everything before.
    fn later(&mut self) -> Option<serde_json::Value> {
        let ids: Vec<&String> = self.records.keys().collect();
        if ids.is_empty() {
            return None;
        }
        let id = self.dice.pick(&ids).as_str().to_owned();
        let mut record = self.records[&id].clone();
        record["cveMetadata"]["dateUpdated"] = format!("2030-01-01T{:02}:{:02}:00.000Z", self.step / 60, self.step % 60).into();
        Some(record)
    }

    fn step(&mut self) {
        self.step += 1;
        let what = self.dice.roll(12);
        self.log.push(format!("{what}"));
        match what {
            0..=3 => {
                let count = 1 + self.dice.roll(30);
                let new: Vec<serde_json::Value> = (0..count).map(|_| self.dice.pick(&self.stock.records).clone()).collect();
                // What is there already stays as it is: a later date of ours.
                let new = new
                    .into_iter()
                    .filter(|r| !self.records.contains_key(r["cveMetadata"]["cveId"].as_str().unwrap()));
                let new = new.collect();
                self.take(new);
            }
            4 | 5 => {
                let Some(mut record) = self.later() else { return };
                let other = self.dice.pick(&self.stock.records)["containers"]["cna"]["affected"].clone();
                record["cveMetadata"]["state"] = "PUBLISHED".into();
                record["containers"]["cna"]["affected"] = other;
                self.take(vec![record]);
            }
            6 => {
                let Some(mut record) = self.later() else { return };
                record["cveMetadata"]["state"] = "REJECTED".into();
                self.take(vec![record]);
            }
            7..=9 => self.revision(),
            10 => {
                let channel = *self.dice.pick(&CHANNELS);
                let Some(sets) = self.sets.get_mut(channel).filter(|sets| !sets.is_empty()) else {
                    return;
                };
                let (set, _) = sets.remove(self.dice.roll(sets.len()));
                assert!(self.store.forget_set(set).unwrap());
            }
            _ => {
                // What a program with other rules left behind.
                for name in ["profiles", "facts"] {
                    let left = Derived {
                        basis: "other rules".into(),
                        bytes: b"{}".to_vec(),
                    };
                    self.store.put_derived(name, &left, 1).unwrap();
                }
            }
        }
    }

    fn revision(&mut self) {
        let channel = *self.dice.pick(&CHANNELS);
        let mut packages = match self.sets.get(channel).and_then(|sets| sets.last()) {
            Some((_, set)) => set.packages.clone(),
            None => self.stock.packages.clone(),
        };
        for _ in 0..self.dice.roll(20) {
            let n = self.dice.roll(packages.len());
            match self.dice.roll(3) {
                0 if packages.len() > 50 => drop(packages.remove(n)),
                1 => packages[n].version = format!("{}.{}", self.dice.roll(12), self.dice.roll(30)),
                _ => {
                    let back = self.dice.pick(&self.stock.packages).clone();
                    packages.retain(|p| p.attr != back.attr);
                    packages.push(back);
                }
            }
        }
        let set = PackageSet {
            channel: channel.into(),
            revision: format!("r{}", self.step),
            with_derivation: 0,
            packages,
        };
        if self.store.take_package_set(&set, i64::from(self.step)).unwrap().changed {
            let states = self.store.channel_states().unwrap();
            let id = states.iter().find(|s| s.name == channel).unwrap().set.clone().unwrap().0;
            self.sets.entry(channel).or_default().push((id, set));
        }
    }

    /// What somebody knows who came just now.
    fn fresh(&self, dir: &std::path::Path) -> Sqlite {
        let store = Sqlite::open(&dir.join(format!("fresh{}.sqlite", self.step))).unwrap();
        let batch: Vec<Incoming> = self.records.values().rev().map(record).collect();
        store.take(&batch, 1).unwrap();
        for (_, set) in self.sets.values().filter_map(|sets| sets.last()) {
            store.take_package_set(set, 1).unwrap();
        }
        tracker::matching::run(&store, &Progress::default(), true).unwrap();
        store
    }

    /// Everything that pages say, but how long it has been so.
    fn said(&self, store: &dyn Store) -> BTreeMap<String, String> {
        let said = |name: &String| {
            let mut v = store.vulnerability(name).unwrap().unwrap();
            v.past.clear();
            v.verdicts.iter_mut().for_each(|row| row.since = None);
            v.records.iter_mut().for_each(|row| row.fetched_at = 0);
            v.problems.iter_mut().for_each(|row| (row.id, row.seen_at) = (0, 0));
            (name.clone(), format!("{v:#?}"))
        };
        self.records.keys().map(said).collect()
    }
}

fn any_sequence_ends_where_a_fresh_run_ends() {
    let Some(stock) = stock() else { return };
    let long = std::env::var_os("FIRN_LONG").is_some();
    let seed = std::env::var("FIRN_SEED").ok().and_then(|seed| seed.parse().ok());
    let (sequences, steps) = if long { (40, 60) } else { (1, 24) };
    let (mut verdicts, started) = (0, Instant::now());
    for n in 0..sequences {
        let seed: u64 = seed.unwrap_or(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n + 7));
        let dir = tempfile::tempdir().unwrap();
        let database = match backend::chosen() {
            Backend::Sqlite => Database::Sqlite(dir.path().join("t.sqlite")),
            Backend::Postgres => Database::from_url(&cluster::fresh().unwrap()).unwrap(),
        };
        let mut world = World {
            stock: &stock,
            dice: Dice(seed),
            store: store::open(&database).unwrap(),
            records: BTreeMap::new(),
            sets: BTreeMap::new(),
            step: 0,
            log: Vec::new(),
        };
        for step in 0..steps {
            // On a slow day fewer steps are enough, once some were compared.
            if !long && verdicts > 10 && started.elapsed() > ENOUGH {
                break;
            }
            world.step();
            // Several changes may meet in one match.
            if world.dice.roll(3) > 0 {
                tracker::matching::run(&*world.store, &Progress::default(), false).unwrap();
            }
            if step % 8 == 7 {
                tracker::matching::run(&*world.store, &Progress::default(), false).unwrap();
                let fresh = world.fresh(dir.path());
                let (found, expected) = (world.said(&*world.store), world.said(&fresh));
                for (name, expected) in &expected {
                    let log = world.log.join(" ");
                    assert_eq!(&found[name], expected, "{name}, seed {seed}, steps {log}");
                }
                fresh
                    .suggestions(None, &mut |_| {
                        verdicts += 1;
                        Ok(())
                    })
                    .unwrap();
                assert!(
                    tracker::matching::preview(&*world.store, &Progress::default(), true)
                        .unwrap()
                        .changes
                        .is_empty()
                );
            }
        }
        assert_eq!(world.store.check(&|_| {}).unwrap(), Vec::<String>::new());
    }
    assert!(verdicts > 10, "{verdicts}");
    eprintln!(
        "MEASURED {:?}: {verdicts} verdicts compared in {:.1} s",
        backend::chosen(),
        started.elapsed().as_secs_f32()
    );
}
