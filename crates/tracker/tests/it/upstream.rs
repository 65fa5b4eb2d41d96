//! The upstream servers, played by one of our own: the first time, what is new, what is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracker::Progress;
use tracker::config::{Config, Given, now};
use tracker::ingest::{Ingest, Report};
use tracker::store::sqlite::Sqlite;
use tracker::store::{Read as _, Store};
use tracker::sync::Supply;
use tracker::timestamp;

use crate::fake::{Fake, Reply, Request, Site};
use crate::made;
use crate::program::Home;

/// Configuration whose upstream servers are all this one. NVD's key is a secret that no log shows.
pub fn given(home: &Home, url: &str) -> Given {
    let mut given = Given::default();
    let downloads = home.path("downloads").display().to_string();
    let urls = [
        ("feeds.cve_url", "releases"),
        ("feeds.nvd_url", "nvd"),
        ("feeds.nvd_api_url", "api"),
        ("feeds.osv_url", "osv"),
        ("feeds.kev_url", "kev.json"),
        ("feeds.epss_url", "epss.csv.gz"),
        ("feeds.channels_url", "channels"),
    ];
    for (key, path) in urls {
        given.flag("--set", key, &format!("{url}/{path}")).unwrap();
    }
    for (key, value) in [
        ("database.url", home.address().as_str()),
        ("feeds.downloads", &downloads),
        ("feeds.nvd_key", "hunter2"),
        ("feeds.ecosystems", "Go, npm"),
        ("feeds.channels", "nixos-unstable"),
    ] {
        given.flag("--set", key, value).unwrap();
    }
    given
}

/// Feeds from these servers.
pub fn supply(home: &Home, url: &str) -> Supply {
    Supply::new(&Config::read(&given(home, url)).unwrap().feeds).unwrap()
}

/// A world with one tracker in it.
struct World {
    home: Home,
    site: Site,
    fake: Fake,
    store: Sqlite,
    is_restless: Arc<AtomicBool>,
    old: String,
}

/// Of a time so many seconds ago.
fn ago(seconds: i64) -> String {
    timestamp::format(now() - seconds)
}

const DAY: i64 = 86_400;

fn day(days_ago: i64) -> String {
    ago(days_ago * DAY)[..10].to_owned()
}

impl World {
    fn new() -> Self {
        let (home, site, is_restless) = (Home::new(), Site::default(), Arc::new(AtomicBool::new(false)));
        let (answers, restless) = (site.clone(), Arc::clone(&is_restless));
        let fake = Fake::start(move |request| {
            // NVD's API: two pages of what was modified, each about one record.
            if request.path.starts_with("/api?") {
                return api(&answers, request, restless.load(Ordering::SeqCst));
            }
            answers.answer(request)
        });
        let store = Sqlite::open(&home.database()).unwrap();
        let world = Self {
            home,
            site,
            fake,
            store,
            is_restless,
            old: ago(3 * DAY),
        };
        world.fill();
        world
    }

    /// Everything as of two days ago.
    fn fill(&self) {
        let old = self.old.clone();
        let cve = made::cve("CVE-2024-0001", &old, "frobnicate", "1.2");
        self.release(
            &format!("{}_all_CVEs_at_midnight.zip.zip", day(2)),
            &made::zip(&[("cves.zip", &made::zip(&[("CVE-2024-0001.json", cve.as_bytes())]))]),
        );
        self.delta(2, "end_of_day", "CVE-2024-0002");
        self.delta(1, "end_of_day", "CVE-2024-0003");
        self.delta(0, "0100Z", "CVE-2024-0004");
        for year in 2002..=2100 {
            let feed = made::nvd_feed(&[made::nvd(&format!("CVE-{year}-7777"), &old, "a", "b", "1")]);
            self.site
                .put(&format!("/nvd/nvdcve-2.0-{year}.json.gz"), made::gzip(feed.as_bytes()));
        }
        let modified =
            made::nvd_feed(&[made::nvd("CVE-2024-0001", &old, "frobnicate", "frobnicate", "1.2")]).replace("2024-03-01T00:00:00.000", &old);
        self.site.put("/nvd/nvdcve-2.0-modified.json.gz", made::gzip(modified.as_bytes()));
        self.osv(&[("GO-2024-0001", old.clone())]);
        let go = made::osv("GO-2024-0001", &["CVE-2024-0001"], &old, "example.org/frobnicate");
        self.site.put("/osv/Go/all.zip", made::zip(&[("GO-2024-0001.json", go.as_bytes())]));
        self.site.put("/kev.json", made::kev(&old, &["CVE-2024-0001"]));
        self.site.put(
            "/epss.csv.gz",
            made::gzip(made::epss(&day(1), &[("CVE-2024-0001", "0.25")]).as_bytes()),
        );
        self.channel("1111111111111111111111111111111111111111", "1.0");
    }

    fn release(&self, name: &str, bytes: &[u8]) {
        self.site.put(&format!("/cve/{name}"), bytes);
        self.list();
    }

    fn delta(&self, days_ago: i64, at: &str, id: &str) {
        let record = made::cve(id, &ago(days_ago * DAY), "frobnicate", "2.0");
        let name = format!("{}_delta_CVEs_at_{at}.zip", day(days_ago));
        self.release(&name, &made::zip(&[(&format!("deltaCves/{id}.json"), record.as_bytes())]));
    }

    /// The list of releases names what is there; its second page is empty.
    fn list(&self) {
        let names = self.site.names("/cve/");
        let url = &self.fake.url;
        let assets: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"name":"{name}","browser_download_url":"{url}/cve/{name}"}}"#))
            .collect();
        self.site.put("/releases", format!(r#"[{{"assets":[{}]}}]"#, assets.join(",")));
    }

    fn osv(&self, ids: &[(&str, String)]) {
        let lines: Vec<String> = ids.iter().map(|(id, at)| format!("{at},{id}\n")).collect();
        self.site.put("/osv/Go/modified_id.csv", lines.concat());
        for (id, at) in ids {
            let record = made::osv(id, &["CVE-2024-0001"], at, "example.org/frobnicate");
            self.site.put(&format!("/osv/Go/{id}.json"), record);
        }
    }

    fn channel(&self, revision: &str, version: &str) {
        let list = made::packages(&[("frobnicate", "frobnicate", version, "https://frobnicate.example/")]);
        self.site.put("/channels/nixos-unstable/packages.json.br", brotli(list.as_bytes()));
        self.site.put("/channels/nixos-unstable/git-revision", revision);
    }

    fn sync(&self) -> Report {
        let ingest = Ingest {
            store: &self.store,
            progress: &Progress::default(),
            is_sample: false,
        };
        tracker::sync::run(ingest, &supply(&self.home, &self.fake.url)).unwrap()
    }

    fn has(&self, id: &str) -> bool {
        tracker::store::Read::vulnerability(&self.store, id).unwrap().is_some()
    }
}

fn api(site: &Site, request: &Request, is_restless: bool) -> Reply {
    assert_eq!(request.header("apikey"), Some("hunter2"));
    let start: usize = request.path.rsplit("startIndex=").next().unwrap().parse().unwrap();
    let total = if is_restless { 2 + start } else { 2 };
    let id = format!("CVE-2024-800{start}");
    let entry = made::nvd(&id, &ago(60), "frobnicate", "frobnicate", "3");
    site.put(&format!("/seen/{start}"), request.path.clone());
    Reply::ok(format!(
        r#"{{"resultsPerPage":1,"startIndex":{start},"totalResults":{total},"format":"NVD_CVE","version":"2.0","timestamp":"{}","vulnerabilities":[{entry}]}}"#,
        ago(0)
    ))
}

#[test]
fn first_everything_then_what_is_new() {
    let world = World::new();
    let report = world.sync();
    assert_eq!(report.failures, Vec::<String>::new());
    for id in ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003", "CVE-2024-0004", "CVE-2002-7777"] {
        assert!(world.has(id), "{id}");
    }
    world.fake.asked();

    // Nothing is new: little is asked, and that by condition.
    let report = world.sync();
    assert_eq!(
        (report.failures, report.files),
        (Vec::<String>::new(), 2),
        "NVD's answer states its time"
    );
    let asked = world.fake.asked();
    let conditional = |path: &str| asked.iter().any(|r| r.path == path && r.header("if-none-match").is_some());
    assert!(conditional("/kev.json") && conditional("/epss.csv.gz"), "{asked:?}");
    let paths: Vec<&str> = asked.iter().map(|r| r.path.as_str()).collect();
    for unwanted in ["/osv/Go/all.zip", "/cve/", "/nvd/", "packages.json", "/osv/Go/GO-"] {
        assert!(!paths.iter().any(|path| path.contains(unwanted)), "{unwanted} {paths:?}");
    }
    assert!(world.has("CVE-2024-8000") && world.has("CVE-2024-8001"), "both pages of NVD's API");

    // Then each source has something.
    world.delta(0, "0200Z", "CVE-2024-0005");
    world.osv(&[("GO-2024-0009", ago(10)), ("GO-2024-0001", world.old.clone())]);
    world.channel("2222222222222222222222222222222222222222", "1.1");
    let report = world.sync();
    assert_eq!(report.failures, Vec::<String>::new());
    let paths = world.fake.paths();
    assert!(paths.contains(&"/osv/Go/GO-2024-0009.json".to_owned()), "{paths:?}");
    assert!(!paths.contains(&"/osv/Go/GO-2024-0001.json".to_owned()), "{paths:?}");
    assert!(world.has("CVE-2024-0005"));
    let revision = world.store.revisions("nixos-unstable").unwrap().remove(0).revision;
    assert_eq!(revision, "2222222222222222222222222222222222222222");
    // NVD is asked from where the last answer ended, an hour earlier for servers that lag.
    let path = paths.iter().find(|path| path.starts_with("/api?")).unwrap();
    let from = path.split("lastModStartDate=").nth(1).unwrap().split('&').next().unwrap();
    let from = now() - timestamp::unix(from).unwrap();
    assert!((3600..3700).contains(&from), "{from}");
    assert!(!world.home.path("downloads/osv/osv/Go/modified").exists());
}

#[test]
fn a_listed_record_that_is_not_there_is_a_problem_that_is_shown() {
    let world = World::new();
    assert_eq!(world.sync().failures, Vec::<String>::new());
    world.osv(&[("GO-2024-0008", ago(20)), ("GO-2024-0009", ago(10))]);
    world.site.drop("/osv/Go/GO-2024-0008.json");
    let report = world.sync();
    // The source goes on: one record that is gone does not hold up the others.
    assert_eq!(report.failures, Vec::<String>::new());
    let problems = world.store.problems(Some("osv"), None, 10).unwrap();
    let told: Vec<(&str, bool)> = problems
        .iter()
        .map(|p| (p.key.as_str(), p.message.contains("the server has no")))
        .collect();
    assert_eq!(told, [("GO-2024-0008", true)]);
    // It is no problem any more once it is there.
    world.osv(&[("GO-2024-0008", ago(5))]);
    world.sync();
    assert_eq!(world.store.problems(Some("osv"), None, 10).unwrap(), []);
}

#[test]
fn a_time_of_the_future_hides_nothing_that_comes_until_then() {
    let world = World::new();
    world.sync();
    world.osv(&[("GO-2024-0009", ago(-400 * DAY))]);
    world.sync();
    let reached = world.store.setting("cursor.osv/Go").unwrap().unwrap();
    let reached = timestamp::unix(&reached).unwrap();
    assert!((now() - reached).abs() < 60, "{reached}");
    // What comes after it is taken, as everything is.
    world.osv(&[("GO-2024-0010", ago(-100))]);
    world.fake.asked();
    world.sync();
    assert!(world.fake.paths().contains(&"/osv/Go/GO-2024-0010.json".to_owned()));
}

#[test]
fn a_day_that_failed_is_found_and_filled() {
    let world = World::new();
    let broken = format!("/cve/{}_delta_CVEs_at_end_of_day.zip", day(1));
    world.site.put(&broken, "this is no archive");
    let report = world.sync();
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
    assert!(world.has("CVE-2024-0004") && !world.has("CVE-2024-0003"));
    world.delta(1, "end_of_day", "CVE-2024-0003");
    assert_eq!(world.sync().failures, Vec::<String>::new());
    assert!(world.has("CVE-2024-0003"));
    world.fake.asked();
    world.sync();
    assert!(!world.fake.paths().iter().any(|path| path.starts_with("/cve/")));
}

#[test]
fn nvd_begins_again_where_it_did_not_come_to_an_end() {
    let world = World::new();
    world.site.drop("/nvd/nvdcve-2.0-2010.json.gz");
    let report = world.sync();
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
    world.fake.asked();
    world.sync();
    let paths = world.fake.paths();
    assert!(
        paths.iter().any(|path| path.contains("2010")) && !paths.iter().any(|path| path.starts_with("/api")),
        "a year is missing: the API would pass over it. {paths:?}"
    );
    let feed = made::nvd_feed(&[made::nvd("CVE-2010-7777", &ago(3 * DAY), "a", "b", "1")]);
    world.site.put("/nvd/nvdcve-2.0-2010.json.gz", made::gzip(feed.as_bytes()));
    assert_eq!(world.sync().failures, Vec::<String>::new());
    // Records that are modified while they are listed move those behind them: such a list is not believed.
    world.is_restless.store(true, Ordering::SeqCst);
    let before = world.store.setting("cursor.nvd").unwrap();
    let report = world.sync();
    assert_eq!(report.failures, ["read what NVD modified: it went on being modified"]);
    assert_eq!(world.store.setting("cursor.nvd").unwrap(), before);
}

#[test]
fn a_channel_that_moves_while_it_is_fetched_is_left_for_the_next_time() {
    let world = World::new();
    world.sync();
    let (home, site) = (&world.home, world.site.clone());
    let moving = Fake::start(move |request| {
        let reply = site.answer(request);
        if request.path.ends_with("packages.json.br") {
            site.put("/channels/nixos-unstable/git-revision", "3333333333333333333333333333333333333333");
        }
        reply
    });
    world.channel("2222222222222222222222222222222222222222", "1.1");
    let ingest = Ingest {
        store: &world.store,
        progress: &Progress::default(),
        is_sample: false,
    };
    let report = tracker::sync::run(ingest, &supply(home, &moving.url)).unwrap();
    let moved = "take nixos-unstable at one revision: it moved while it was fetched";
    assert!(report.failures.iter().any(|why| why == moved), "{:?}", report.failures);
    let revision = || world.store.revisions("nixos-unstable").unwrap().remove(0).revision;
    assert_eq!(revision(), "1111111111111111111111111111111111111111");
    world.sync();
    assert_eq!(revision(), "3333333333333333333333333333333333333333");
}

/// Bytes as brotli, without compressing them.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() <= 1 << 16);
    let len = bytes.len() - 1;
    // Window of 16 bits: one bit 0. Not the last block: 0. Four nibbles of length: 00. Length: 16 bits. Uncompressed: 1. Then whole bytes.
    let bits = (len << 4) | (1 << 20);
    let mut out = vec![bits as u8, (bits >> 8) as u8, (bits >> 16) as u8];
    out.extend(bytes);
    out.push(3);
    out
}
