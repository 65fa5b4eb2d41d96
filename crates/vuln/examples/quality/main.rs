//! DEV.
#![allow(
    missing_docs,
    clippy::all,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::allow_attributes
)]
use std::collections::*;
use std::io::*;
use vuln::Advisory;
use vuln::matching::*;
use vuln::package::Package;
use vuln::verdict::*;
fn main() {
    let mirror = std::path::PathBuf::from(std::env::var("FIRN_MIRROR").unwrap());
    let t = std::time::Instant::now();
    let mut by: BTreeMap<String, Vec<Advisory>> = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir(mirror.join("nvd")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for f in files {
        let r = flate2::read::GzDecoder::new(std::fs::File::open(f).unwrap());
        vuln::record::nvd::split::<_, ()>(r, |e| {
            if let Ok((a, _)) = vuln::record::nvd::parse_entry(e.raw) {
                by.entry(a.id.clone()).or_default().push(a);
            }
            Ok(())
        })
        .unwrap();
    }
    let mut z =
        zip::ZipArchive::new(std::fs::File::open(mirror.join("cvelistV5/2024-10-24_all_CVEs_at_midnight.zip.zip")).unwrap()).unwrap();
    let mut b = Vec::new();
    z.by_index(0).unwrap().read_to_end(&mut b).unwrap();
    let mut z = zip::ZipArchive::new(Cursor::new(b)).unwrap();
    for i in 0..z.len() {
        let mut b = Vec::new();
        z.by_index(i).unwrap().read_to_end(&mut b).unwrap();
        if let Ok((a, _)) = vuln::record::cve::parse(&b) {
            by.entry(a.id.clone()).or_default().push(a);
        }
    }
    eprintln!("{} vulnerabilities {:?}", by.len(), t.elapsed());
    let packages: Vec<Package> = std::io::BufReader::new(std::fs::File::open("/work/tmp/py/pk.jsonl").unwrap())
        .lines()
        .map(|l| serde_json::from_str(&l.unwrap()).unwrap())
        .collect();
    let t = std::time::Instant::now();
    let mut pb = ProfilesBuilder::default();
    for a in by.values().flatten() {
        pb.add(a);
    }
    let profiles = pb.finish();
    eprintln!("profiles {} {:?}", profiles.len(), t.elapsed());
    let t = std::time::Instant::now();
    let mut fb = FactsBuilder::default();
    for p in &packages {
        fb.add(p);
    }
    let facts = fb.finish();
    let index = PackageIndex::new(packages, &facts);
    eprintln!("index {} clusters {:?}", index.clusters().len(), t.elapsed());
    let t = std::time::Instant::now();
    let mut out = std::io::BufWriter::new(std::fs::File::create("/work/tmp/py/out.jsonl").unwrap());
    let mut n = 0;
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut disp: HashMap<&str, usize> = HashMap::new();
    let mut pairs: HashSet<(String, String)> = HashSet::new();
    for (id, advisories) in &by {
        let o = candidates(Vulnerability { id, advisories }, &index, &profiles);
        *disp.entry(o.disposition.name()).or_default() += 1;
        for m in &o.matches {
            n += 1;
            *verdicts.entry(m.verdict).or_default() += 1;
            let c = &index.clusters()[m.cluster];
            if id[4..8].parse::<u32>().unwrap_or(0) <= 2020 {
                pairs.insert((id.clone(), c.package.pname.clone()));
            }
            writeln!(out, "{}", serde_json::json!({"cve": id, "name": c.name, "attrs": c.attrs, "pname": c.package.pname, "version": c.package.version, "verdict": m.verdict, "confidence": m.confidence, "evidence": m.evidence, "fixed_in": m.fixed_in})).unwrap();
        }
        if !o.near_misses.is_empty() {
            writeln!(out, "{}", serde_json::json!({"cve": id, "near": o.near_misses.iter().map(|m| serde_json::json!({"name": index.clusters()[m.cluster].name, "attrs": index.clusters()[m.cluster].attrs, "confidence": m.confidence, "evidence": m.evidence})).collect::<Vec<_>>()})).unwrap();
        }
    }
    eprintln!("match {n} {:?}\n{verdicts:?}\n{disp:?}\npairs<=2020 {}", t.elapsed(), pairs.len());
}
