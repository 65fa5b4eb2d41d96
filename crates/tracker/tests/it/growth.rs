//! What a channel's history costs: as much as changes, not as much as there is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracker::Progress;
use tracker::config::Database;
use tracker::ingest::Ingest;
use tracker::store::taking::PackageSet;
use tracker::store::{self, Store};
use vuln::package::Package;

use crate::backend::{self, Backend, on_both};
use crate::cluster;

on_both! {
    a_set_that_differs_little_costs_little,
    a_year_of_revisions_costs_less_than_four_sets,
    two_real_sets_of_one_channel,
}

/// A database that can be weighed.
struct Weighed {
    store: Arc<dyn Store>,
    database: Database,
}

impl Weighed {
    fn new(dir: &Path) -> Self {
        let (database, store) = match backend::chosen() {
            Backend::Sqlite => {
                let database = Database::Sqlite(dir.join("t.sqlite"));
                (database.clone(), store::open(&database).unwrap())
            }
            Backend::Postgres => {
                let database = Database::from_url(&cluster::fresh().unwrap()).unwrap();
                (database.clone(), store::open(&database).unwrap())
            }
        };
        Self { store, database }
    }

    /// Bytes of all tables and indexes, free room left out.
    fn weigh(&self) -> u64 {
        match &self.database {
            Database::Sqlite(path) => {
                let db = rusqlite::Connection::open(path).unwrap();
                let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).unwrap();
                ((number("page_count") - number("freelist_count")) * number("page_size")) as u64
            }
            Database::Postgres(address) => {
                let cluster = cluster::shared().unwrap();
                cluster.sql(address.database(), "VACUUM");
                let size = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                            WHERE n.nspname = 'public' AND c.relkind = 'r'";
                cluster.sql(address.database(), size).parse().unwrap()
            }
        }
    }
}

/// As large as packages of a channel with descriptions are.
fn package(n: usize, version: usize) -> Package {
    Package {
        attr: format!("collection{}.package-{n}", n % 40),
        pname: format!("package-{n}"),
        version: format!("{}.{}.{version}", n % 7, n % 13),
        description: Some(format!(
            "The program number {n}, which does what it was made for in version {version} and before"
        )),
        homepages: vec![format!("https://package-{n}.example.org/a/home/page")],
        position: Some(format!("pkgs/by-name/pa/package-{n}/package.nix:12")),
        ..Package::default()
    }
}

fn take(store: &dyn Store, packages: Vec<Package>, revision: usize) {
    let set = PackageSet {
        channel: "made".into(),
        revision: format!("{revision:040}"),
        with_derivation: 0,
        packages,
    };
    assert!(store.take_package_set(&set, revision as i64).unwrap().changed);
}

fn a_set_that_differs_little_costs_little() {
    const PACKAGES: usize = 8000;
    let dir = tempfile::tempdir().unwrap();
    let weighed = Weighed::new(dir.path());
    let empty = weighed.weigh();
    take(&*weighed.store, (0..PACKAGES).map(|n| package(n, 0)).collect(), 1);
    let first = weighed.weigh();
    take(
        &*weighed.store,
        (0..PACKAGES).map(|n| package(n, usize::from(n % 20 == 0))).collect(),
        2,
    );
    let second = weighed.weigh();
    let share = (second - first) as f64 / (first - empty) as f64;
    eprintln!(
        "MEASURED {:?}: first set {} B, second {} B: {share:.3}",
        backend::chosen(),
        first - empty,
        second - first
    );
    assert!(share < 0.1, "{share}");
}

fn a_year_of_revisions_costs_less_than_four_sets() {
    const PACKAGES: usize = 800;
    let dir = tempfile::tempdir().unwrap();
    let weighed = Weighed::new(dir.path());
    let empty = weighed.weigh();
    let mut versions = vec![0_usize; PACKAGES];
    let set = |versions: &[usize]| versions.iter().enumerate().map(|(n, version)| package(n, *version)).collect();
    take(&*weighed.store, set(&versions), 0);
    let first = weighed.weigh();
    for day in 1..=365 {
        // One in two hundred.
        for n in 0..PACKAGES / 200 {
            versions[(day * 7919 + n * 997) % PACKAGES] += 1;
        }
        take(&*weighed.store, set(&versions), day);
    }
    let year = weighed.weigh();
    let times = (year - empty) as f64 / (first - empty) as f64;
    eprintln!(
        "MEASURED {:?}: one set {} B, a year {} B: {times:.2} times",
        backend::chosen(),
        first - empty,
        year - empty
    );
    assert!(times < 4.0, "{times}");
    assert_eq!(weighed.store.revisions("made").unwrap().len(), 366);
    // Any revision can still be seen whole.
    let middle = weighed.store.revisions("made").unwrap()[200].set;
    assert_eq!(weighed.store.package_set(middle).unwrap().len(), PACKAGES);
}

fn two_real_sets_of_one_channel() {
    let mirror = std::env::var_os("FIRN_MIRROR")
        .map(PathBuf::from)
        .filter(|dir| dir.join("nvd").is_dir());
    let Some(mirror) = mirror else {
        eprintln!("SKIPPED two_real_sets_of_one_channel: set FIRN_MIRROR to a mirror of the feeds");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let weighed = Weighed::new(dir.path());
    let ingest = Ingest {
        store: &*weighed.store,
        progress: &Progress::default(),
        is_sample: false,
    };
    let mut weights = vec![weighed.weigh()];
    for name in ["nixos-unstable-2026-01", "nixos-unstable-2026-05"] {
        let from = mirror.join("channels").join(name);
        ingest
            .nixpkgs(&from.join("packages.json.br"), Some("nixos-unstable"), None)
            .unwrap();
        weights.push(weighed.weigh());
    }
    let sets = weighed.store.revisions("nixos-unstable").unwrap();
    let key = |set: i64| -> std::collections::HashSet<i64> { weighed.store.package_set(set).unwrap().into_iter().map(|p| p.id).collect() };
    let (new, old) = (key(sets[0].set), key(sets[1].set));
    let changed = new.difference(&old).count() as f64 / new.len() as f64;
    let (first, second) = ((weights[1] - weights[0]) as f64, (weights[2] - weights[1]) as f64);
    eprintln!(
        "MEASURED {:?}: {} and {} packages, {changed:.3} of them changed; first set {first} B, second {second} B: {:.3}",
        backend::chosen(),
        old.len(),
        new.len(),
        second / first
    );
    // It grows with what changed: what is new, and the ends of what went, which PostgreSQL writes as new rows.
    assert!(second / first < changed * 1.75, "{}", second / first);
}
