//! Readers and validators of others look at what we write: `cargo xtask test` installs them and says where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use scan::report::{Author, Options, ReportFormat};

use crate::reports::written;
use crate::samples;

/// Where the validators are: a Python with libraries, and `node_modules`.
fn tools() -> Option<PathBuf> {
    let tools = std::env::var_os("FIRN_TEST_SCAN").map(PathBuf::from).filter(|p| p.exists());
    if tools.is_none() {
        println!("SKIPPED: validators of reports, because FIRN_TEST_SCAN is not set");
    }
    tools
}

/// Writes a report to a file, and gives back its path.
fn file(name: &str, report: &scan::finding::Report, format: ReportFormat) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let options = Options {
        all: true,
        author: Author {
            name: "Example's operations".into(),
            namespace: "https://example.org".into(),
        },
        ..Options::default()
    };
    std::fs::write(&path, written(report, format, &options)).unwrap();
    path
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    text.into_owned()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracles").join(name)
}

fn python(tools: &Path, name: &str, file: &Path) -> String {
    said(Command::new(tools.join("venv/bin/python3")).arg("-I").arg(script(name)).arg(file))
}

#[test]
fn cyclonedx_is_valid_and_read_by_its_own_library() {
    let Some(tools) = tools() else { return };
    let text = python(
        &tools,
        "cyclonedx.py",
        &file("small.cdx.json", &samples::small(), ReportFormat::CycloneDx),
    );
    assert_eq!(
        text,
        "components 13 dependencies 23\n\
         states exploitable exploitable exploitable exploitable exploitable exploitable exploitable exploitable in_triage in_triage \
         not_affected not_affected not_affected resolved resolved resolved_with_pedigree\n\
         resolved by patches CVE-2018-25032 CVE-2020-8169\n"
    );
    let hostile = python(
        &tools,
        "cyclonedx.py",
        &file("hostile.cdx.json", &samples::hostile(), ReportFormat::CycloneDx),
    );
    assert!(!hostile.contains("invalid"), "{hostile}");
}

#[test]
fn spdx_is_valid_for_its_own_library() {
    let Some(tools) = tools() else { return };
    let text = python(&tools, "spdx.py", &file("small.spdx.json", &samples::small(), ReportFormat::Spdx));
    assert_eq!(
        text,
        "packages 17 DEPENDS_ON 23 DESCRIBES 1 PATCH_FOR 3\npurl 9\nadvisory 10\nfix 3\n"
    );
    let hostile = python(
        &tools,
        "spdx.py",
        &file("hostile.spdx.json", &samples::hostile(), ReportFormat::Spdx),
    );
    assert!(!hostile.contains("invalid"), "{hostile}");
}

#[test]
fn openvex_is_valid_and_read_by_another() {
    let Some(tools) = tools() else { return };
    let text = python(
        &tools,
        "openvex.py",
        &file("small.openvex.json", &samples::small(), ReportFormat::OpenVex),
    );
    assert_eq!(
        text,
        "statements 16\nstates affected affected affected affected affected affected affected affected fixed fixed fixed \
         not_affected not_affected not_affected under_investigation under_investigation\n"
    );
    let hostile = python(
        &tools,
        "openvex.py",
        &file("hostile.openvex.json", &samples::hostile(), ReportFormat::OpenVex),
    );
    assert!(!hostile.contains("invalid"), "{hostile}");
    // The schema says no where it must.
    let good = file("good.openvex.json", &samples::small(), ReportFormat::OpenVex);
    let text = std::fs::read_to_string(&good).unwrap();
    for (from, to, said) in [
        ("\"action_statement\"", "\"action\"", "'action_statement' is a required property"),
        ("\"status\": \"fixed\"", "\"status\": \"mended\"", "'mended' is not one of"),
        ("\"timestamp\": \"", "\"timestamp\": \"on ", "is not a 'date-time'"),
        ("\"purl\"", "\"url\"", "'url' was unexpected"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(&good, text.replacen(from, to, 1)).unwrap();
        let broken = python(&tools, "openvex.py", &good);
        assert!(broken.contains("invalid") && broken.contains(said), "{broken}");
    }
}

#[test]
fn csaf_passes_the_tests_of_the_standard() {
    let Some(tools) = tools() else { return };
    let small = file("small.csaf.json", &samples::small(), ReportFormat::Csaf);
    let hostile = file("hostile.csaf.json", &samples::hostile(), ReportFormat::Csaf);
    let text = said(Command::new("node").arg(script("csaf.mjs")).arg(&tools).args([&small, &hostile]));
    assert!(!text.contains("invalid") && text.matches("tests true").count() == 2, "{text}");
    // A label for distribution (10) and an address of the document (11) are the publisher's; a vulnerability with a CVSS 4 score alone,
    // and one without any, have none that the format knows (3).
    let first = text.split("tests true").next().unwrap();
    let advice: Vec<&str> = first.lines().filter_map(|l| l.strip_prefix("advice ")?.split(' ').next()).collect();
    assert_eq!(
        advice,
        ["optionalTest_6_2_10", "optionalTest_6_2_11", "optionalTest_6_2_3"],
        "{text}"
    );
}

#[test]
fn sarif_is_valid_for_its_own_tool() {
    let Some(tools) = tools() else { return };
    for (name, report) in [("small", samples::small()), ("hostile", samples::hostile())] {
        let path = file(&format!("{name}.sarif"), &report, ReportFormat::Sarif);
        let result = path.with_extension("checked.sarif");
        let program = tools.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
        let mut command = Command::new(program);
        command.args(["validate", "--level", "Error;Warning", "--log", "ForceOverwrite", "-o"]);
        // The tool is a .NET program, which looks for a library of languages that need not be there.
        command.arg(&result).arg(&path).env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
        let text = said(&mut command);
        let checked: serde_json::Value = serde_json::from_slice(&std::fs::read(&result).unwrap()).unwrap();
        let complaints: Vec<String> = checked["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| format!("{} {} {}", r["level"], r["ruleId"], r["message"]))
            .collect();
        assert!(complaints.is_empty(), "{name}: {text}{}", complaints.join("\n"));
    }
}

#[test]
fn html_is_valid() {
    let Some(tools) = tools() else { return };
    let jar = tools.join("node_modules/vnu-jar/build/dist/vnu.jar");
    let reports = [
        ("small", samples::small()),
        ("hostile", samples::hostile()),
        ("large", samples::large(300)),
    ];
    let files = reports.map(|(name, report)| file(&format!("{name}.html"), &report, ReportFormat::Html));
    // It ends with a failure where it finds an error, and tells warnings otherwise.
    let text = said(Command::new("java").arg("-jar").arg(&jar).arg("--stdout").args(files));
    assert_eq!(text, "");
}

/// Names of packages and texts of records make no markup.
#[test]
fn markdown_holds_what_was_meant() {
    let Some(tools) = tools() else { return };
    let small = python(&tools, "markdown.py", &file("small.md", &samples::small(), ReportFormat::Markdown));
    assert!(small.contains("table 3") && small.contains("td 80"), "{small}");
    let hostile = python(
        &tools,
        "markdown.py",
        &file("hostile.md", &samples::hostile(), ReportFormat::Markdown),
    );
    assert!(hostile.ends_with("addresses\n") && !hostile.contains("attribute"), "{hostile}");
    assert!(
        !hostile.contains("img") && !hostile.contains("script") && !hostile.contains("code"),
        "{hostile}"
    );
}

/// What other libraries write, in every version that we read.
#[test]
fn documents_of_others_are_read() {
    let Some(tools) = tools() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("others");
    std::fs::create_dir_all(&folder).unwrap();
    python(&tools, "others.py", &folder);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for name in ["1.4.cdx.json", "1.5.cdx.json", "1.6.cdx.json", "1.7.cdx.json", "other.spdx.json"] {
        let sbom = attest::sbom::read(&read(name)).unwrap();
        assert_eq!((&sbom.problems[..], sbom.components.len()), (&[][..], 2), "{name}");
        let curl = sbom.components.iter().find(|c| c.name == "curl").unwrap();
        let zlib = sbom.components.iter().find(|c| c.name == "zlib").unwrap();
        assert_eq!(
            (curl.version.as_str(), sbom.components[sbom.roots[0] as usize].name.as_str()),
            ("7.71.1", "curl"),
            "{name}"
        );
        assert_eq!(sbom.components[curl.depends_on[0] as usize].name, "zlib", "{name}");
        assert_eq!(zlib.purls, ["pkg:nix/zlib@1.2.11"], "{name}");
        assert_eq!(
            zlib.store_paths,
            ["/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-zlib-1.2.11"],
            "{name}"
        );
        if name.ends_with(".cdx.json") {
            assert_eq!(zlib.patches.as_ref().unwrap()[0].resolves, ["CVE-2018-25032"], "{name}");
            let vex = attest::vex::read(&read(name)).unwrap();
            assert_eq!(
                (vex.statements.len(), vex.statements[0].status.name()),
                (1, "not_affected"),
                "{name}"
            );
            assert_eq!(vex.statements[0].products[0].purls, ["pkg:nix/zlib@1.2.11"], "{name}");
        }
    }
    let vex = attest::vex::read(&read("other.openvex.json")).unwrap();
    let statement = &vex.statements[0];
    assert_eq!(
        (statement.vulnerability.as_str(), statement.status.name()),
        ("CVE-2022-37434", "fixed")
    );
    assert_eq!(statement.products[0].cpes, ["cpe:2.3:a:zlib:zlib:1.2.11:*:*:*:*:*:*:*"]);
}

/// The standard's own examples, those that are meant to fail its tests too: all are CSAF, and none makes the reader stumble.
#[test]
fn examples_of_the_csaf_standard_are_read() {
    let Some(tools) = tools() else { return };
    let mut waiting = vec![tools.join("node_modules/@secvisogram/csaf-validator-lib/tests")];
    let (mut documents, mut nameless) = (0, 0);
    while let Some(at) = waiting.pop() {
        if at.is_dir() {
            waiting.extend(std::fs::read_dir(at).unwrap().map(|e| e.unwrap().path()));
        } else if at.extension().is_some_and(|e| e == "json") {
            let bytes = std::fs::read(&at).unwrap();
            if let Ok(vex) = attest::vex::read(&bytes) {
                documents += 1;
                nameless += vex.problems.len();
            }
        }
    }
    // Most hold what their test is about and no id, which is told.
    assert!(documents >= 50 && nameless > 10, "{documents} documents, {nameless} problems");
}
