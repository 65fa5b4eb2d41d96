//! Reports for tests and benches: a small one that a person could read, one made of hostile names, and large ones.

use scan::finding::{Decision, Finding, Knowledge, Report, Status};
use scan::inventory::{Inventory, Part, Scanned, Seen};
use vuln::package::Package;
use vuln::score::{CvssVersion, Score};
use vuln::verdict::{Evidence, Verdict};

/// 2026-11-22 14:30 UTC.
const NOW: i64 = 1_795_357_800;

/// A system with a few packages, one of each verdict and one of each decision.
pub fn small() -> Report {
    let mut report = empty("/run/current-system");
    let parts = &mut report.inventory.parts;
    *parts = vec![
        part("nixos-system-host-25.11", &[1, 2, 3, 6, 9]),
        part("system-path", &[4, 5, 7, 8, 9]),
        part("etc", &[3]),
        part("unit-nginx.service", &[6]),
        of(0, part("curl-7.71.1-bin", &[5, 7])),
        of(0, part("curl-7.71.1", &[7, 8])),
        of(1, part("nginx-1.18.0", &[7, 8])),
        of(2, part("openssl-1.1.1f", &[10])),
        of(3, part("zlib-1.2.11", &[10])),
        of(4, part("xz-5.6.0", &[10])),
        of(5, part("glibc-2.31", &[])),
        of(6, part("mystery-unstable-2020-01-01", &[10])),
    ];
    if let Some(path) = parts.get_mut(1) {
        path.references.push(11);
    }
    report.inventory.packages = vec![
        package("curl", "7.71.1", &["CVE-2020-8169.patch"]),
        package("nginx", "1.18.0", &[]),
        package("openssl", "1.1.1f", &["nix-ssl-cert-file.patch"]),
        package("zlib", "1.2.11", &["CVE-2018-25032.patch"]),
        package("xz", "5.6.0", &[]),
        package("glibc", "2.31", &[]),
        package("mystery", "unstable-2020-01-01", &[]),
    ];
    report.inventory.packages[6].seen = Seen::StorePath;
    report.inventory.packages[1].vendored = vec!["pkg:cargo/serde@1.0.100".into(), "pkg:npm/%40babel/core@7.0.0".into()];
    report.inventory.packages[1].sealed = vec!["nginx-1.18.0-vendor".into()];
    report.inventory.unfold();
    report.inventory.problems = vec!["/nix/store/00000000000000000000000000000000-broken.drv: byte 7 is not a derivation".into()];

    let mut xz = finding(4, "CVE-2024-3094", Verdict::Affected);
    xz.title = Some("Xz: malicious code in distributed source".into());
    xz.description =
        "Malicious code was discovered in the upstream tarballs of xz, starting with version 5.6.0.\nIt modifies functions of liblzma."
            .into();
    xz.aliases = vec!["GHSA-rxwq-x6h5-x525".into()];
    xz.scores = vec![
        score("CISA-ADP", CvssVersion::V2, "(AV:N/AC:L/Au:N/C:C/I:C/A:C)"),
        score("cna", CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
    ];
    xz.leading_score = Some(1);
    xz.epss = Some((0.860_52, 0.997));
    xz.exploited_since = Some("2024-04-02".into());
    xz.fixed_in = Some("5.6.2".into());
    xz.fixed_channels = vec![("nixos-25.11".into(), "5.8.1".into()), ("nixos-unstable".into(), "5.8.2".into())];
    xz.cwes = vec!["CWE-506".into()];
    xz.published = Some("2024-03-29T16:51:12.588Z".into());
    xz.modified = Some("2024-08-20T10:00:00.123".into());
    xz.references = vec![
        "https://www.openwall.com/lists/oss-security/2024/03/29/4".into(),
        "javascript:alert(1)".into(),
    ];

    let mut openssl = scored(
        2,
        "CVE-2020-1967",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
    );
    openssl.title = Some("Segmentation fault in SSL_check_chain".into());
    openssl.fixed_in = Some("1.1.1g".into());
    openssl.epss = Some((0.742, 0.98));

    let mut curl = scored(
        0,
        "CVE-2020-8177",
        Verdict::Affected,
        "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
    );
    curl.fixed_channels = vec![("nixos-25.11".into(), "8.11.0".into())];
    curl.confidence = 0.55;

    let glibc = scored(
        5,
        "CVE-2021-33574",
        Verdict::KnownVulnerable,
        "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    );
    let mystery = finding(6, "GHSA-jfh8-c2jp-5v3q", Verdict::Unknown);

    // Inside of nginx.
    let mut library = scored(
        7,
        "CVE-2023-45133",
        Verdict::Affected,
        "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
    );
    library.fixed_in = Some("7.23.2".into());
    library.confidence = 0.55;

    let mut patched = scored(
        3,
        "CVE-2018-25032",
        Verdict::Patched,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
    );
    patched
        .evidence
        .push(evidence("patch-names-id", "the patch CVE-2018-25032.patch names it"));
    let fixed = scored(0, "CVE-2020-8169", Verdict::Fixed, "AV:N/AC:L/Au:N/C:P/I:N/A:N");
    let never = scored(
        1,
        "CVE-2022-41741",
        Verdict::NotAffected,
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    );
    // The same vulnerability in another package, with another outcome.
    let elsewhere = scored(
        6,
        "CVE-2022-41741",
        Verdict::Affected,
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    );

    let mut unreachable = scored(
        1,
        "CVE-2021-23017",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:L",
    );
    unreachable.decision = Some(decision(
        Status::NotAffected,
        Some("vulnerable_code_not_in_execute_path"),
        "no resolver is configured",
    ));
    let mut in_words = scored(
        2,
        "CVE-2020-1971",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H",
    );
    in_words.decision = Some(decision(Status::NotAffected, None, "no certificate lists are loaded"));
    let mut accepted = scored(
        5,
        "CVE-2020-29562",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:H/PR:L/UI:R/S:U/C:N/I:N/A:H",
    );
    accepted.decision = Some(decision(Status::Accepted, None, "no conversion of foreign text"));
    let mut mended = scored(
        5,
        "CVE-2021-3326",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
    );
    mended.decision = Some(decision(Status::Fixed, None, "patched by our overlay"));
    let mut looking = scored(
        3,
        "CVE-2022-37434",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    );
    looking.decision = Some(decision(Status::UnderInvestigation, None, "asked upstream"));
    let mut known = scored(
        2,
        "CVE-2021-3711",
        Verdict::Affected,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    );
    known.decision = Some(decision(Status::Affected, None, "update is planned"));

    report.findings = vec![
        xz,
        openssl,
        curl,
        glibc,
        mystery,
        library,
        patched,
        fixed,
        never,
        elsewhere,
        unreachable,
        in_words,
        accepted,
        mended,
        looking,
        known,
    ];
    report
}

/// What every name of [`hostile`] holds: what acts on a terminal, on a reader's eyes, in HTML, in Markdown, in a formula.
pub const HOSTILE: &str =
    "=x\u{202e}\u{200b}\x1b[31m\u{9b}1m\0\r\n\"'</script><img src=x onerror=alert(1)>&amp;|`*_[a](javascript:b)#@-->]]>\u{e0041}";

/// Every text that comes from outside is hostile.
pub fn hostile() -> Report {
    let mut report = empty(HOSTILE);
    report.inventory.parts = vec![part("root", &[1, 0]), of(0, part("x", &[0, 1]))];
    for part in &mut report.inventory.parts {
        part.name = format!("{}{HOSTILE}", part.name);
    }
    let mut package = package(HOSTILE, HOSTILE, &[HOSTILE]);
    let facts = &mut package.package;
    let text = || HOSTILE.to_owned();
    facts.attr = text();
    facts.drv_path = Some(text());
    facts.description = Some(text());
    facts.homepages = vec![text(), format!("https://evil.example/{HOSTILE}")];
    facts.source_urls = vec![text()];
    facts.licenses = vec![text()];
    facts.cpes = vec![text()];
    package.vendored = vec![text(), format!("pkg:npm/{}", "x%3Cb%3E")];
    report.inventory.packages = vec![package];
    report.inventory.unfold();
    report.inventory.problems = vec![text()];
    report.knowledge.digest = text();
    report.knowledge.sources = vec![(text(), NOW)];
    report.knowledge.channels = vec![text()];
    for verdict in Verdict::ALL {
        let mut finding = finding(0, &format!("{verdict}{HOSTILE}"), verdict);
        finding.title = Some(text());
        finding.description = text();
        finding.aliases = vec![text()];
        finding.scores = vec![score(HOSTILE, CvssVersion::V31, HOSTILE)];
        finding.leading_score = Some(0);
        finding.evidence = vec![evidence(HOSTILE, HOSTILE)];
        finding.fixed_in = Some(text());
        finding.fixed_channels = vec![(text(), text())];
        finding.exploited_since = Some(text());
        finding.published = Some(text());
        finding.modified = Some(text());
        finding.cwes = vec![text(), format!("CWE-{HOSTILE}")];
        finding.references = vec![text(), format!("https://evil.example/{HOSTILE}")];
        if verdict == Verdict::Unknown {
            finding.decision = Some(Decision {
                until: Some(text()),
                source: text(),
                ..decision(Status::Accepted, Some(HOSTILE), HOSTILE)
            });
        }
        report.findings.push(finding);
    }
    report
}

/// So many findings in a tenth as many packages, of a closure that is a tree with some more references.
pub fn large(findings: usize) -> Report {
    let mut report = empty("/run/current-system");
    let packages = findings / 10 + 1;
    for index in 0..packages {
        let children = [2 * index + 1, 2 * index + 2, 3 * index + 5].into_iter().filter(|c| *c < packages);
        let references: Vec<u32> = children.map(|c| u32::try_from(c).unwrap()).collect();
        report.inventory.parts.push(of(
            u32::try_from(index).unwrap(),
            part(&format!("package-{index}-1.{index}"), &references),
        ));
        report
            .inventory
            .packages
            .push(package(&format!("package-{index}"), &format!("1.{index}"), &[]));
    }
    for index in 0..findings {
        let verdict = Verdict::ALL[index % Verdict::ALL.len()];
        let id = format!("CVE-2024-{}", 10_000 + index);
        let mut finding = scored(
            u32::try_from(index % packages).unwrap(),
            &id,
            verdict,
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
        );
        finding.title = Some("Out-of-bounds write in the parser".into());
        finding.description = "A crafted file makes the parser write behind a buffer. ".repeat(6);
        finding.references = (0..4).map(|n| format!("https://example.org/{index}/{n}")).collect();
        finding.epss = Some((0.01, 0.5));
        finding.fixed_in = Some("2.0".into());
        report.findings.push(finding);
    }
    report
}

/// Nothing in it.
pub fn empty(target: &str) -> Report {
    Report {
        time: NOW,
        inventory: Inventory {
            targets: vec![target.into()],
            roots: vec![0],
            ..Inventory::default()
        },
        knowledge: Knowledge {
            digest: "ab".repeat(32),
            created: NOW - 2 * 86_400 - 3600,
            serial: 42,
            sources: vec![("cve".into(), NOW - 3 * 86_400), ("nvd".into(), NOW - 4 * 86_400)],
            channels: vec!["nixos-25.11".into(), "nixos-unstable".into()],
            context: None,
        },
        findings: Vec::new(),
    }
}

fn part(name: &str, references: &[u32]) -> Part {
    // Any 32 digits of the alphabet will do: those of its length and letters.
    let digit = |seed: usize| b"0123456789abcdfghijklmnpqrsvwxyz"[seed % 32];
    let hash: Vec<u8> = (0..32)
        .map(|i| digit(name.bytes().map(usize::from).sum::<usize>() * (i + 1) + i))
        .collect();
    Part {
        name: format!("/nix/store/{}-{name}", String::from_utf8_lossy(&hash)),
        references: references.to_vec(),
        ..Part::default()
    }
}

fn of(package: u32, part: Part) -> Part {
    Part {
        package: Some(package),
        ..part
    }
}

fn package(pname: &str, version: &str, patches: &[&str]) -> Scanned {
    Scanned {
        package: Package {
            attr: pname.into(),
            pname: pname.into(),
            version: version.into(),
            homepages: vec![format!("https://example.org/{pname}")],
            source_urls: vec![format!("https://example.org/{pname}-{version}.tar.gz")],
            licenses: vec!["MIT".into()],
            patches: patches.iter().map(|&p| p.to_owned()).collect(),
            drv_path: Some(format!("{}.drv", part(&format!("{pname}-{version}"), &[]).name)),
            ..Package::default()
        },
        seen: Seen::Derivation,
        ..Scanned::default()
    }
}

fn finding(package: u32, id: &str, verdict: Verdict) -> Finding {
    Finding {
        package,
        id: id.into(),
        aliases: Vec::new(),
        title: None,
        description: String::new(),
        verdict,
        confidence: 0.92,
        evidence: vec![evidence(
            "cpe-vendor-homepage",
            "the record names the product by CPE, and its vendor is the host of the home page",
        )],
        fixed_in: None,
        fixed_channels: Vec::new(),
        scores: Vec::new(),
        leading_score: None,
        epss: None,
        exploited_since: None,
        published: None,
        modified: None,
        cwes: Vec::new(),
        references: Vec::new(),
        decision: None,
    }
}

fn scored(package: u32, id: &str, verdict: Verdict, vector: &str) -> Finding {
    let version = CvssVersion::of_vector(vector).unwrap_or(CvssVersion::V2);
    Finding {
        scores: vec![score("nvd@nist.gov", version, vector)],
        leading_score: Some(0),
        ..finding(package, id, verdict)
    }
}

fn score(provider: &str, version: CvssVersion, vector: &str) -> Score {
    Score::new(provider.into(), version, vector.into(), None).0
}

fn evidence(rule: &str, detail: &str) -> Evidence {
    Evidence {
        rule: rule.into(),
        detail: detail.into(),
    }
}

fn decision(status: Status, justification: Option<&str>, reason: &str) -> Decision {
    Decision {
        status,
        reason: reason.into(),
        justification: justification.map(str::to_owned),
        until: Some("2027-01-31".into()),
        source: "decisions.toml, entry 3".into(),
    }
}
