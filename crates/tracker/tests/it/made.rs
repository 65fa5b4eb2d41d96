//! Made-up records, packages, archives and feeds.

use std::io::Write;
use std::path::Path;

use zip::write::SimpleFileOptions;

/// A CVE record about versions of a product below `fixed`.
pub fn cve(id: &str, updated: &str, product: &str, fixed: &str) -> String {
    format!(
        r#"{{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{{"cveId":"{id}","state":"PUBLISHED","datePublished":"2024-01-01T00:00:00.000Z","dateUpdated":"{updated}"}},"containers":{{"cna":{{"title":"{product} has a flaw","descriptions":[{{"lang":"en","value":"A flaw in {product} before {fixed}."}}],"affected":[{{"vendor":"{product}","product":"{product}","defaultStatus":"unaffected","versions":[{{"version":"0","lessThan":"{fixed}","status":"affected","versionType":"semver"}}]}}],"metrics":[{{"cvssV3_1":{{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}}}],"references":[{{"url":"https://{product}.example/advisory"}}]}}}}}}"#
    )
}

/// A CVE record that was taken back.
pub fn rejected(id: &str, updated: &str) -> String {
    format!(
        r#"{{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{{"cveId":"{id}","state":"REJECTED","dateUpdated":"{updated}"}},"containers":{{"cna":{{"rejectedReasons":[{{"lang":"en","value":"Not a flaw."}}]}}}}}}"#
    )
}

/// An entry of an NVD feed.
pub fn nvd(id: &str, modified: &str, vendor: &str, product: &str, fixed: &str) -> String {
    format!(
        r#"{{"cve":{{"id":"{id}","published":"2024-01-02T00:00:00.000","lastModified":"{modified}","vulnStatus":"Analyzed","descriptions":[{{"lang":"en","value":"NVD on {product}."}}],"metrics":{{"cvssMetricV31":[{{"source":"nvd@nist.gov","type":"Primary","cvssData":{{"version":"3.1","vectorString":"CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}}}}]}},"configurations":[{{"nodes":[{{"operator":"OR","negate":false,"cpeMatch":[{{"vulnerable":true,"criteria":"cpe:2.3:a:{vendor}:{product}:*:*:*:*:*:*:*:*","versionEndExcluding":"{fixed}"}}]}}]}}],"references":[]}}}}"#
    )
}

/// An NVD feed file.
pub fn nvd_feed(entries: &[String]) -> String {
    let n = entries.len();
    let entries = entries.join(",");
    format!(
        r#"{{"resultsPerPage":{n},"startIndex":0,"totalResults":{n},"format":"NVD_CVE","version":"2.0","timestamp":"2024-03-01T00:00:00.000","vulnerabilities":[{entries}]}}"#
    )
}

/// An OSV record.
pub fn osv(id: &str, aliases: &[&str], modified: &str, package: &str) -> String {
    let aliases: Vec<String> = aliases.iter().map(|alias| format!("\"{alias}\"")).collect();
    format!(
        r#"{{"schema_version":"1.7.0","id":"{id}","modified":"{modified}","published":"2024-01-03T00:00:00Z","aliases":[{}],"summary":"OSV on {package}","details":"More on {package}.","affected":[{{"package":{{"ecosystem":"Go","name":"{package}"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"1.2.3"}}]}}]}}]}}"#,
        aliases.join(",")
    )
}

/// A channel's package list of `(attr, pname, version, homepage)`.
pub fn packages(list: &[(&str, &str, &str, &str)]) -> String {
    let entries: Vec<String> = list
        .iter()
        .map(|(attr, pname, version, homepage)| {
            format!(
                r#""{attr}":{{"name":"{pname}-{version}","pname":"{pname}","version":"{version}","system":"x86_64-linux","meta":{{"homepage":"{homepage}","description":"The {pname} program"}}}}"#
            )
        })
        .collect();
    format!(r#"{{"version":2,"packages":{{{}}}}}"#, entries.join(","))
}

/// A list of exploited vulnerabilities.
pub fn kev(released: &str, ids: &[&str]) -> String {
    let entries: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"cveID":"{id}","vendorProject":"v","product":"p","vulnerabilityName":"n","dateAdded":"2024-02-03","shortDescription":"d","requiredAction":"update","dueDate":"2024-02-24","knownRansomwareCampaignUse":"Known","notes":""}}"#
            )
        })
        .collect();
    format!(
        r#"{{"title":"t","catalogVersion":"1","dateReleased":"{released}","count":{},"vulnerabilities":[{}]}}"#,
        ids.len(),
        entries.join(",")
    )
}

/// Exploit prediction scores.
pub fn epss(date: &str, scores: &[(&str, &str)]) -> String {
    let mut csv = format!("#model_version:v2025.03.14,score_date:{date}T00:00:00+0000\ncve,epss,percentile\n");
    for (id, score) in scores {
        csv.push_str(&format!("{id},{score},0.5\n"));
    }
    csv
}

/// A zip archive.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// .xz
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(bytes).unwrap();
    xz.finish().unwrap()
}

/// Zstandard.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

/// Writes a file, with the folders above it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A small mirror with every feed in it.
pub fn mirror(root: &Path) {
    let old = "2024-05-01T00:00:00.000Z";
    let records: Vec<(String, String)> = (1..=40)
        .map(|n| {
            let id = format!("CVE-2024-{:04}", 1000 + n);
            (
                format!("cves/2024/1xxx/{id}.json"),
                cve(&id, old, if n % 2 == 0 { "frobnicate" } else { "quuxd" }, &format!("1.{n}.0")),
            )
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = records.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let outer = zip(&[("cves.zip", &zip(&entries))]);
    write(&root.join("cvelistV5/2024-05-02_all_CVEs_at_midnight.zip.zip"), outer);
    let changed = cve("CVE-2024-1001", "2024-05-03T00:00:00.000Z", "quuxd", "9.0.0");
    let new = cve("CVE-2024-2001", "2024-05-03T00:00:00.000Z", "frobnicate", "1.8.0");
    let delta = zip(&[
        ("deltaCves/CVE-2024-1001.json", changed.as_bytes()),
        ("deltaCves/CVE-2024-2001.json", new.as_bytes()),
    ]);
    write(&root.join("cvelistV5/2024-05-03_delta_CVEs_at_end_of_day.zip"), delta);
    let feed = nvd_feed(&[
        nvd("CVE-2024-1002", old, "frobnicate", "frobnicate", "1.2.0"),
        nvd("CVE-2023-0001", old, "other", "thing", "2"),
    ]);
    write(&root.join("nvd/nvdcve-2.0-2024.json.gz"), gzip(feed.as_bytes()));
    let go = osv("GO-2024-0001", &["CVE-2024-1003"], "2024-05-01T00:00:00Z", "example.org/quuxd");
    write(&root.join("osv/Go/all.zip"), zip(&[("GO-2024-0001.json", go.as_bytes())]));
    write(
        &root.join("kev/known_exploited_vulnerabilities.json"),
        kev("2024-05-01T00:00:00Z", &["CVE-2024-1002"]),
    );
    write(
        &root.join("epss/epss_scores-2024-05-01.csv.gz"),
        gzip(epss("2024-05-01", &[("CVE-2024-1001", "0.25"), ("CVE-2024-1002", "0.75")]).as_bytes()),
    );
    let list = packages(&[
        ("frobnicate", "frobnicate", "1.5.0", "https://frobnicate.example/"),
        ("quuxd", "quuxd", "1.9.0", "https://quuxd.example/"),
        ("hello", "hello", "2.12", "https://hello.example/"),
    ]);
    write(&root.join("channels/nixos-test/packages.json"), list);
    write(
        &root.join("channels/nixos-test/git-revision"),
        "0123456789abcdef0123456789abcdef01234567\n",
    );
}
