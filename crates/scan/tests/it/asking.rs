//! A tracker that is asked: a real one, whose answers are those of its own snapshot.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running tracker; killed when dropped.
pub struct Running {
    child: Child,
    at: String,
}

/// The program; `None`, said loudly, where it is not built. Programs do not depend on one another; the whole workspace's tests are built
/// with all of them.
pub fn tracker(test: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap();
    let tracker = own.ancestors().nth(2).unwrap().join("firn-tracker");
    if !tracker.exists() {
        println!("SKIPPED: {test}, because {} is not built", tracker.display());
        return None;
    }
    Some(tracker)
}

/// A command of the program with its database and everything else in a folder.
pub fn command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    fs::create_dir_all(dir.join("no-mirror")).unwrap();
    command
        .env_clear()
        .env("HOME", dir)
        .env("XDG_DATA_HOME", dir)
        .env("FIRN_MIRROR", dir.join("no-mirror"))
        .current_dir(dir)
        .args(["--database", "sqlite://t.sqlite", "--quiet"])
        .stdin(Stdio::null());
    command
}

impl Running {
    /// Serves the database of a folder, and waits until its snapshot is there; writes that and its key into the folder.
    pub fn start(program: &Path, dir: &Path) -> Self {
        let mut child = command(program, dir)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("Firn tracker: http://").unwrap().to_owned();
        let running = Self { child, at };
        let started = Instant::now();
        while !running.get("/snapshot/firn.snapshot").0.contains(" 200 ") {
            assert!(started.elapsed() < Duration::from_secs(120), "no snapshot");
            thread::sleep(Duration::from_millis(200));
        }
        for (path, name) in [("firn.snapshot", "served"), ("firn.snapshot.pub", "served.pub")] {
            fs::write(dir.join(name), running.get(&format!("/snapshot/{path}")).1).unwrap();
        }
        running
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which tests see by its answers.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SBOM: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[
 {"type":"application","bom-ref":"a","name":"curl","version":"8.3.0"},
 {"type":"application","bom-ref":"b","name":"curl","version":"8.2.0","pedigree":{"patches":[{"type":"backport",
   "diff":{"url":"https://example.org/CVE-2023-38545.patch"},"resolves":[{"type":"security","id":"CVE-2023-38545"}]}]}},
 {"type":"library","bom-ref":"c","name":"libwebp","version":"1.3.1"},
 {"type":"application","bom-ref":"d","name":"hello","version":"2.12.1"},
 {"type":"application","bom-ref":"e","name":"nothing-of-that-name","version":"1"}]}"#;

const LIST: &str = "/nix/store/5a0dsc7lajmw35blswvy37zd3nzh7a30-curl-8.3.0\n/nix/store/9hwapmz8jlrll9ll00wr5wp79zpqh0wn-linux-5.15.20\n/nix/store/kbj2yl9j370mj1nwcwsi0m5s2jma8x9f-openssl-1.1.1w\n";

const DRV: &str = r#"{"/nix/store/kbj2yl9j370mj1nwcwsi0m5s2jma8x9f-curl-8.3.0.drv":{"name":"curl-8.3.0","system":"x86_64-linux","builder":"/bin/sh","args":[],
 "outputs":{"out":{"path":"/nix/store/5a0dsc7lajmw35blswvy37zd3nzh7a30-curl-8.3.0"}},"inputSrcs":["/nix/store/9hwapmz8jlrll9ll00wr5wp79zpqh0wn-CVE-2023-38545.patch"],"inputDrvs":{},
 "env":{"name":"curl-8.3.0","pname":"curl","version":"8.3.0","patches":"/nix/store/9hwapmz8jlrll9ll00wr5wp79zpqh0wn-CVE-2023-38545.patch","out":"/nix/store/5a0dsc7lajmw35blswvy37zd3nzh7a30-curl-8.3.0"}}}"#;

/// A record about 32-bit processors: what is built for another one does not have the fault.
const LIMITED: &str = r#"{"vulnerabilities":[{"cve":{"id":"CVE-2024-99932","published":"2024-05-01T00:00:00.000","lastModified":"2024-05-02T00:00:00.000",
 "vulnStatus":"Analyzed","descriptions":[{"lang":"en","value":"An integer overflow in curl before 8.4.0 on 32-bit platforms."}],
 "references":[{"url":"https://curl.se/docs/advisory.html"}],"metrics":{},
 "configurations":[{"nodes":[{"operator":"OR","negate":false,"cpeMatch":[{"vulnerable":true,
  "criteria":"cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*","versionEndExcluding":"8.4.0","matchCriteriaId":"00000000-0000-0000-0000-000000000000"}]}]}]}}]}"#;

#[test]
fn a_tracker_answers_as_its_snapshot_does() {
    let Some(program) = tracker("a_tracker_answers_as_its_snapshot_does") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tracker/sample");
    let sample = |name: &str| sample.join(name).display().to_string();
    fs::write(dir.path().join("limited.json"), LIMITED).unwrap();
    for arguments in [
        vec!["ingest", "cve", &sample("cve.jsonl")],
        vec!["ingest", "nvd", &sample("nvd.json")],
        vec!["ingest", "nvd", "limited.json"],
        vec!["ingest", "kev", &sample("known_exploited_vulnerabilities.json")],
        vec!["ingest", "nixpkgs", "--channel", "sample", &sample("packages.json")],
        vec!["match"],
    ] {
        let output = command(&program, dir.path()).args(&arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let running = Running::start(&program, dir.path());
    for (name, text) in [("app.cdx.json", SBOM), ("paths", LIST), ("drv.json", DRV)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let url = running.url();
    let scan = |input: &[&str], format: &str, source: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_firn-scan"))
            .args(input)
            .args(source)
            .args(["--format", format])
            .env_clear()
            .env("HOME", dir.path())
            .current_dir(dir.path())
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(matches!(output.status.code(), Some(0 | 4)), "{input:?} {source:?}: {err}");
        out
    };
    let (asked, offline) = (["--tracker", &url], ["--snapshot", "served", "--trust", "served.pub"]);
    let inputs: [&[&str]; 4] = [
        &["sbom", "app.cdx.json"],
        &["closure", "--from", "paths"],
        &["drv", "drv.json"],
        &["channel", "sample"],
    ];
    for input in inputs {
        let there = report(&scan(input, "json", &asked));
        let here = report(&scan(input, "json", &offline));
        for name in ["packages", "findings"] {
            let list = |report: &Value| report[name].as_array().unwrap().clone();
            let (there, here) = (list(&there), list(&here));
            let differs = there.iter().zip(&here).find(|(there, here)| there != here);
            assert_eq!((differs, there.len()), (None, here.len()), "{input:?}");
        }
        assert_eq!(there, here, "{input:?}");
        assert!(
            there["findings"].as_array().is_some_and(|findings| !findings.is_empty()),
            "{input:?}"
        );
        for format in [
            "table",
            "jsonl",
            "markdown",
            "html",
            "sarif",
            "cyclonedx",
            "spdx",
            "openvex",
            "csaf",
        ] {
            let (there, here) = (scan(input, format, &asked), scan(input, format, &offline));
            // Times and what is made of them differ.
            assert_eq!(there.lines().count(), here.lines().count(), "{input:?} {format}\n{there}\n{here}");
        }
    }
    // What something is built for goes to the tracker too.
    for system in ["x86_64-linux", "i686-linux"] {
        fs::write(dir.path().join("other.json"), DRV.replace("x86_64-linux", system)).unwrap();
        let report = report(&scan(&["drv", "other.json"], "json", &asked));
        let found = report["findings"].as_array().unwrap().iter().find(|f| f["id"] == "CVE-2024-99932");
        let verdict = if system == "i686-linux" { "affected" } else { "not_affected" };
        assert_eq!(found.unwrap()["verdict"], verdict, "{system}");
    }
    // What carries a patch stays patched, and what is known by its name alone does not become so.
    let verdict = |input: &[&str], version: &str| {
        let report = report(&scan(input, "json", &asked));
        let is_it = |finding: &&Value| {
            let package = &report["packages"][usize::try_from(finding["package"].as_u64().unwrap()).unwrap()];
            finding["id"] == "CVE-2023-38545" && package["version"] == version
        };
        let found = report["findings"].as_array().unwrap().iter().find(is_it);
        found.map(|found| found["verdict"].clone())
    };
    assert_eq!(verdict(&["sbom", "app.cdx.json"], "8.2.0"), Some("patched".into()));
    assert_eq!(verdict(&["drv", "drv.json"], "8.3.0"), Some("patched".into()));
    assert_eq!(verdict(&["closure", "--from", "paths"], "8.3.0"), Some("affected".into()));
    // The other commands.
    let why = scan(&["why", "CVE-2023-38545", "--in", "paths"], "table", &asked);
    assert!(why.contains("curl-8.3.0"), "{why}");
    let diff = scan(&["diff", "paths", "app.cdx.json"], "table", &asked);
    assert!(diff.contains("introduced"), "{diff}");
    let watch = ["watch", "paths", "--once", "--state", "w.json"];
    assert!(scan(&watch, "jsonl", &asked).contains("CVE-2023-38545"));
    assert_eq!(scan(&watch, "jsonl", &asked), "", "nothing new");
    // Errors are of use.
    let failing = |source: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn-scan"));
        let command = command
            .args(["sbom", "app.cdx.json"])
            .args(source)
            .env_clear()
            .env("HOME", dir.path());
        let output = command.current_dir(dir.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = failing(&["--tracker", "http://tracker.example"]);
    assert!(
        code == Some(2) && err.contains("without TLS") && err.contains("--plain-http"),
        "{err}"
    );
    drop(running);
    let (code, err) = failing(&asked);
    assert!(code == Some(3) && err.contains(&url) && err.contains("hint:"), "{err}");
}

/// A report without what depends on the moment.
fn report(text: &str) -> Value {
    let mut report: Value = serde_json::from_str(text).unwrap();
    for name in ["time", "id"] {
        report.as_object_mut().unwrap().remove(name);
    }
    report["snapshot"].as_object_mut().unwrap().remove("age_s").unwrap();
    report
}
