//! Reports in every format, looked at from outside.

use std::collections::BTreeSet;

use scan::finding::Report;
use scan::report::{Options, ReportFormat, WriteError, write};
use serde_json::Value;

use crate::samples;

pub fn written(report: &Report, format: ReportFormat, options: &Options) -> String {
    let mut out = Vec::new();
    write(report, format, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(report: &Report, format: ReportFormat) -> String {
    written(report, format, &Options::default())
}

#[test]
fn the_table_fits_a_terminal() {
    let text = plain(&samples::small(), ReportFormat::Table);
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    as_accepted("small.txt", &text);
    let all = written(
        &samples::small(),
        ReportFormat::Table,
        &Options {
            all: true,
            ..Options::default()
        },
    );
    assert!(
        all.contains("Patched, fixed or not affected:") && all.contains("CVE-2018-25032.patch names"),
        "{all}"
    );
}

#[test]
fn colours_mark_severities_and_nothing_else() {
    let options = Options {
        colour: true,
        ..Options::default()
    };
    let coloured = written(&samples::small(), ReportFormat::Table, &options);
    assert!(coloured.contains("\x1b[1;31mcritical\x1b[0m  CVE-2024-3094"), "{coloured}");
    let mut bare = String::new();
    for (index, piece) in coloured.split("\x1b[").enumerate() {
        bare += if index == 0 { piece } else { piece.split_once('m').unwrap().1 };
    }
    assert_eq!(bare, plain(&samples::small(), ReportFormat::Table));
}

#[test]
fn markdown_is_what_it_was() {
    as_accepted("small.md", &plain(&samples::small(), ReportFormat::Markdown));
}

#[test]
fn json_holds_everything() {
    let value: Value = serde_json::from_str(&plain(&samples::small(), ReportFormat::Json)).unwrap();
    assert_eq!((&value["format"], &value["version"]), (&"firn-scan-report".into(), &1.into()));
    assert_eq!(value["time"], "2026-11-22T14:30:00Z");
    assert_eq!(value["snapshot"]["age_s"], 176_400);
    assert_eq!(
        value["summary"],
        serde_json::json!({"parts": 12, "packages": 9, "findings": 16, "open": 9, "decided": 4, "exploited": 1,
            "open_by_severity": {"critical": 5, "high": 3, "unknown": 1},
            "by_verdict": {"affected": 11, "known_vulnerable": 1, "unknown": 1, "patched": 1, "fixed": 1, "not_affected": 1}})
    );
    let first = &value["findings"][0];
    assert_eq!(
        (&first["id"], &first["verdict"], &first["open"]),
        (&"CVE-2024-3094".into(), &"affected".into(), &true.into())
    );
    assert_eq!((&first["score"], &first["epss"]["score"]), (&10.0.into(), &0.860_52.into()));
    assert_eq!(
        first["fixed_channels"][0],
        serde_json::json!({"channel": "nixos-25.11", "version": "5.8.1"})
    );
    let why: Vec<&str> = first["why"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p.as_str()?.get(44..))
        .collect();
    assert_eq!(why, ["nixos-system-host-25.11", "xz-5.6.0"]);
    assert_eq!(value["packages"][4]["store_paths"].as_array().unwrap().len(), 1);
    let decided: Vec<&Value> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["decision"]["status"] == "accepted")
        .collect();
    assert_eq!((decided.len(), &decided[0]["decision"]["until"]), (1, &"2027-01-31".into()));
    assert_eq!(decided[0]["open"], false);
}

#[test]
fn json_lines_are_the_same_in_pieces() {
    let whole: Value = serde_json::from_str(&plain(&samples::small(), ReportFormat::Json)).unwrap();
    let lines: Vec<Value> = plain(&samples::small(), ReportFormat::Jsonl)
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 1 + 9 + 16);
    assert_eq!((&lines[0]["type"], &lines[0]["summary"]), (&"report".into(), &whole["summary"]));
    for (line, finding) in lines[10..].iter().zip(whole["findings"].as_array().unwrap()) {
        assert_eq!(line["type"], "finding");
        assert!(finding.as_object().unwrap().iter().all(|(key, value)| &line[key] == value));
    }
}

#[test]
fn the_same_report_gives_the_same_bytes_in_whatever_order_it_comes() {
    let mut shuffled = samples::small();
    shuffled.findings.reverse();
    for format in ReportFormat::ALL {
        assert_eq!(plain(&samples::small(), format), plain(&shuffled, format), "{}", format.name());
    }
}

#[test]
fn the_age_of_the_snapshot_is_in_every_output() {
    for format in ReportFormat::ALL {
        let text = plain(&samples::small(), format);
        let told = ["2 days", "176400"].iter().any(|age| text.contains(age));
        assert!(told, "{}: {text}", format.name());
    }
}

#[test]
fn without_findings_there_is_a_report_but_no_statement() {
    let report = samples::empty("./result");
    for format in ReportFormat::ALL {
        let mut out = Vec::new();
        let outcome = write(&report, format, &Options::default(), &mut out);
        if matches!(format, ReportFormat::OpenVex | ReportFormat::Csaf) {
            assert!(matches!(outcome, Err(WriteError::Nothing { .. })), "{}", format.name());
        } else {
            assert!(outcome.is_ok() && !out.is_empty(), "{}", format.name());
        }
    }
}

/// A finding of a package that does not exist, a closure that refers to nothing, roots that are not there.
#[test]
fn security_indices_that_lead_nowhere_are_left_out() {
    let mut report = samples::small();
    report.findings[0].package = 999;
    report.findings[1].leading_score = Some(999);
    report.inventory.roots = vec![999, 0];
    report.inventory.parts[0].references = vec![999, 1];
    report.inventory.parts[2].package = Some(999);
    for format in ReportFormat::ALL {
        let text = plain(&report, format);
        assert!(!text.contains("CVE-2024-3094"), "{}", format.name());
    }
}

#[test]
fn security_hostile_names_act_in_no_output() {
    let report = samples::hostile();
    for format in ReportFormat::ALL {
        let options = Options {
            all: true,
            author: scan::report::Author {
                name: samples::HOSTILE.into(),
                namespace: "https://example.org".into(),
            },
            ..Options::default()
        };
        let text = written(&report, format, &options);
        let acting: BTreeSet<char> = text
            .chars()
            .filter(|c| *c != '\n' && cli_kit::escape(&c.to_string()) != c.to_string())
            .collect();
        assert!(acting.is_empty(), "{}: {acting:?}", format.name());
        if format == ReportFormat::Html {
            let tags: BTreeSet<&str> = text.split('<').skip(1).filter_map(|t| t.split([' ', '>']).next()).collect();
            assert!(
                !tags.contains("img") && !tags.contains("script") && tags.contains("svg"),
                "{tags:?}"
            );
            assert!(!text.contains("href=\"javascript"), "{text}");
        }
        if format == ReportFormat::Markdown {
            assert!(!text.contains("<img") && !text.contains("](javascript"), "{text}");
        }
    }
}

/// One chain of many parts, each a package with a finding, and a package with very many outputs.
#[test]
fn security_long_chains_and_many_outputs_stay_small() {
    let mut report = samples::large(2_000);
    let parts = 50_000_u32;
    let model = report.inventory.parts[0].clone();
    report.inventory.parts = (0..parts)
        .map(|index| scan::inventory::Part {
            name: format!("{}-{index}", model.name),
            references: vec![index + 1],
            package: Some(if index < parts / 2 { 0 } else { index % 200 }),
            ..model.clone()
        })
        .collect();
    let started = std::time::Instant::now();
    for format in ReportFormat::ALL {
        let size = plain(&report, format).len();
        assert!(size < 60_000_000, "{}: {size} bytes", format.name());
    }
    assert!(started.elapsed().as_secs() < 120, "took {:?}", started.elapsed());
}

/// What JSON formats escape must read as what it was.
#[test]
fn hostile_names_are_read_back_as_they_were() {
    let value: Value = serde_json::from_str(&plain(&samples::hostile(), ReportFormat::Json)).unwrap();
    assert_eq!(value["packages"][0]["pname"], samples::HOSTILE);
    let sarif: Value = serde_json::from_str(&plain(&samples::hostile(), ReportFormat::Sarif)).unwrap();
    assert_eq!(
        sarif["runs"][0]["results"][0]["properties"]["evidence"][0]["detail"],
        samples::HOSTILE
    );
}

#[test]
fn what_is_written_as_cyclonedx_is_read_again() {
    let report = samples::small();
    let text = plain(&report, ReportFormat::CycloneDx);
    let bom = attest::cyclonedx::parse(text.as_bytes()).unwrap();
    assert_eq!((&bom.sbom.problems[..], &bom.vex.problems[..]), (&[][..], &[][..]));
    same_inventory(&bom.sbom, &report);
    let zlib = bom.sbom.components.iter().find(|c| c.name == "zlib").unwrap();
    assert_eq!(zlib.patches.as_ref().unwrap()[0].resolves, ["CVE-2018-25032"]);
    assert_eq!(bom.vex.statements.len(), report.findings.len());
    let of = |id: &str| {
        bom.vex
            .statements
            .iter()
            .filter(|s| s.vulnerability == id)
            .map(|s| s.status.name())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("CVE-2018-25032"), ["fixed"]);
    assert_eq!(of("CVE-2022-41741"), ["affected", "not_affected"]);
    assert_eq!(of("GHSA-jfh8-c2jp-5v3q"), ["under_investigation"]);
}

#[test]
fn what_is_written_as_spdx_is_read_again() {
    let report = samples::small();
    let sbom = attest::spdx::parse(plain(&report, ReportFormat::Spdx).as_bytes()).unwrap();
    assert_eq!(sbom.problems, []);
    same_inventory(&sbom, &report);
    let zlib = sbom.components.iter().find(|c| c.name == "zlib").unwrap();
    assert_eq!(zlib.patches.as_ref().unwrap()[0].name.as_deref(), Some("CVE-2018-25032.patch"));
}

/// Every package with its version and paths, every reference between them, reached from one root.
fn same_inventory(sbom: &attest::sbom::Sbom, report: &Report) {
    let paths = |package: usize| -> BTreeSet<&str> {
        let parts = report.inventory.parts.iter();
        parts
            .filter(|p| p.package == Some(package as u32))
            .map(|p| p.name.as_str())
            .collect()
    };
    for (index, scanned) in report.inventory.packages.iter().enumerate() {
        let facts = &scanned.package;
        let component = sbom
            .components
            .iter()
            .find(|c| c.name == facts.pname && !c.purls.is_empty())
            .unwrap();
        assert_eq!(component.version, facts.version);
        assert_eq!(component.drv_path, facts.drv_path);
        assert_eq!(
            component.store_paths.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            paths(index)
        );
    }
    let [root] = sbom.roots.as_slice() else {
        panic!("{:?}", sbom.roots)
    };
    let mut seen = BTreeSet::from([*root]);
    let mut waiting = vec![*root];
    while let Some(at) = waiting.pop() {
        waiting.extend(sbom.components[at as usize].depends_on.iter().filter(|to| seen.insert(**to)));
    }
    let reached = |name: &str| {
        sbom.components
            .iter()
            .zip(0u32..)
            .any(|(c, index)| c.name == name && seen.contains(&index))
    };
    assert!(
        report.inventory.packages.iter().all(|p| reached(&p.package.pname)),
        "not everything hangs together"
    );
}

#[test]
fn what_is_written_as_vex_is_read_again() {
    let report = samples::small();
    let openvex = attest::openvex::parse(plain(&report, ReportFormat::OpenVex).as_bytes()).unwrap();
    let csaf = attest::csaf::parse(plain(&report, ReportFormat::Csaf).as_bytes()).unwrap();
    for vex in [openvex, csaf] {
        assert_eq!(vex.problems, []);
        let said: BTreeSet<(String, String, &str, Option<&str>)> = vex
            .statements
            .iter()
            .flat_map(|s| {
                let words = s.justification.map(|j| j.name());
                s.products
                    .iter()
                    .map(move |p| (s.vulnerability.clone(), p.purls[0].clone(), s.status.name(), words))
            })
            .collect();
        assert_eq!(said.len(), report.findings.len());
        let says = |id: &str, purl: &str, status, words| said.contains(&(id.to_owned(), purl.to_owned(), status, words));
        assert!(says("CVE-2024-3094", "pkg:nix/xz@5.6.0", "affected", None), "{said:?}");
        assert!(says("CVE-2018-25032", "pkg:nix/zlib@1.2.11", "fixed", None));
        assert!(says(
            "CVE-2021-23017",
            "pkg:nix/nginx@1.18.0",
            "not_affected",
            Some("vulnerable_code_not_in_execute_path")
        ));
        assert!(says("CVE-2020-1971", "pkg:nix/openssl@1.1.1f", "not_affected", None));
        assert!(says("CVE-2020-29562", "pkg:nix/glibc@2.31", "affected", None));
        assert!(says("CVE-2022-37434", "pkg:nix/zlib@1.2.11", "under_investigation", None));
    }
}

/// Two builds of one version must not be spoken of as one.
#[test]
fn builds_of_one_version_are_told_apart() {
    let mut report = samples::small();
    let mut twin = report.inventory.packages[3].clone();
    twin.package.patches.clear();
    twin.package.drv_path = Some("/nix/store/00000000000000000000000000000001-zlib-1.2.11.drv".into());
    report.inventory.packages.push(twin);
    let mut unpatched = report.findings[6].clone();
    unpatched.package = u32::try_from(report.inventory.packages.len() - 1).unwrap();
    unpatched.verdict = vuln::verdict::Verdict::Affected;
    report.findings.push(unpatched);
    let vex = attest::openvex::parse(plain(&report, ReportFormat::OpenVex).as_bytes()).unwrap();
    let table = plain(&report, ReportFormat::Table);
    assert!(table.contains("CVE-2018-25032") && !table.contains("builds"), "{table}");
    let of: BTreeSet<(&str, &str)> = vex
        .statements
        .iter()
        .filter(|s| s.vulnerability == "CVE-2018-25032")
        .map(|s| (s.products[0].purls[0].as_str(), s.status.name()))
        .collect();
    assert_eq!(of.len(), 2);
    assert!(
        of.contains(&(
            "pkg:nix/zlib@1.2.11?build=00000000000000000000000000000001-zlib-1.2.11.drv",
            "affected"
        )),
        "{of:?}"
    );
}

/// Builds about which the same is said are told to people once, and to programs each.
#[test]
fn builds_that_share_a_finding_share_a_row() {
    let mut report = samples::small();
    report.inventory.packages.push(report.inventory.packages[4].clone());
    let mut twin = report.findings[0].clone();
    twin.package = u32::try_from(report.inventory.packages.len() - 1).unwrap();
    report.findings.push(twin);
    let table = plain(&report, ReportFormat::Table);
    assert_eq!(table.matches("CVE-2024-3094").count(), 1, "{table}");
    assert!(table.contains("xz 5.6.0 (2 builds)"), "{table}");
    let json: Value = serde_json::from_str(&plain(&report, ReportFormat::Json)).unwrap();
    let of_xz = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["id"] == "CVE-2024-3094")
        .count();
    assert_eq!(of_xz, 2);
}

#[test]
fn sarif_invents_no_places() {
    let value: Value = serde_json::from_str(&plain(&samples::small(), ReportFormat::Sarif)).unwrap();
    let run = &value["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 16);
    let fingerprints: BTreeSet<&str> = results
        .iter()
        .map(|r| r["partialFingerprints"]["firnFinding/v1"].as_str().unwrap())
        .collect();
    assert_eq!(fingerprints.len(), 16);
    for result in results {
        assert!(
            result["locations"]
                .as_array()
                .unwrap()
                .iter()
                .all(|l| l.get("physicalLocation").is_none())
        );
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["kind"] == "fail" || result["level"] == "none");
    }
    let first = &results[0];
    assert_eq!(
        (&first["ruleId"], &first["kind"], &first["level"]),
        (&"CVE-2024-3094".into(), &"fail".into(), &"error".into())
    );
    assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["security-severity"], "10.0");
    let kinds = |kind: &str| results.iter().filter(|r| r["kind"] == kind).count();
    assert_eq!((kinds("fail"), kinds("open"), kinds("pass"), kinds("notApplicable")), (12, 1, 2, 1));
    let suppressed = results.iter().filter(|r| r.get("suppressions").is_some()).count();
    assert_eq!(suppressed, 5);
}

#[test]
fn the_name_of_a_csaf_file_follows_from_its_id() {
    let report = samples::small();
    let value: Value = serde_json::from_str(&plain(&report, ReportFormat::Csaf)).unwrap();
    let id = value["document"]["tracking"]["id"].as_str().unwrap();
    assert_eq!(scan::report::csaf_file_name(&report), format!("{id}.json"));
}

/// Compares with a file beside the tests; `FIRN_ACCEPT=1` writes it anew.
fn as_accepted(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("FIRN_ACCEPT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{} differs; FIRN_ACCEPT=1 accepts", path.display());
}
