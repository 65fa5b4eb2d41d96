//! What goes to a tracker and comes back: `POST /api/v1/check/details`, as its `/api/v1/openapi.json` has it.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use judging::finding::{Finding, Knowledge};
use judging::inventory::{Inventory, Scanned, Seen};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use vuln::matching::patched_ids;
use vuln::package::Package;
use vuln::score::Score;
use vuln::verdict::{Evidence, Verdict};

/// Texts of one list that a tracker takes, and characters of one.
const TEXTS: usize = 1000;
const TEXT: usize = 2000;
/// Characters of a name or a version.
const NAME: usize = 500;

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    attr: &'a str,
    pname: String,
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    seen: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inside: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patches: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    script_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_urls: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    homepages: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cpes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible_cpes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    purls: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_vulnerabilities: Vec<&'a str>,
}

/// The store paths of each package, as the join with a channel looks for them.
pub fn paths(inventory: &Inventory) -> HashMap<u32, Vec<&str>> {
    let mut paths: HashMap<u32, Vec<&str>> = HashMap::new();
    for part in &inventory.parts {
        if let Some(package) = part.package.filter(|_| part.name.starts_with(nix_model::STORE_DIR)) {
            paths.entry(package).or_default().push(&part.name);
        }
    }
    paths
}

/// Findings in one answer: as many as a tracker gives.
const FINDINGS: usize = 50_000;

/// Packages in one answer: as many as a tracker takes in one request.
const PACKAGES: usize = 10_000;

/// Bytes that the findings of one answer hold, all together.
const TOLD: usize = 512 << 20;

/// One package, as JSON.
pub fn entry(number: usize, paths: &HashMap<u32, Vec<&str>>, inventory: &Inventory) -> String {
    let none = Scanned::default();
    let scanned = inventory.packages.get(number).unwrap_or(&none);
    let package = &scanned.package;
    let own = u32::try_from(number).ok().and_then(|number| paths.get(&number));
    let own = own.into_iter().flatten().copied();
    let known = package
        .drv_path
        .as_deref()
        .into_iter()
        .chain(package.outputs.iter().map(|(_, path)| path.as_str()));
    // A patch of all that carry a library may mend it there: what they name goes for a patch of its own.
    let mended = mended_by_carriers(scanned, inventory);
    let mut patches = texts(&package.patches);
    patches.extend(mended.iter().map(String::as_str));
    let entry = Entry {
        attr: &package.attr,
        pname: package.pname.chars().take(NAME).collect(),
        version: package.version.chars().take(NAME).collect(),
        system: package.system.chars().take(NAME).collect(),
        seen: scanned.seen.name(),
        inside: !scanned.inside.is_empty(),
        paths: known.chain(own).take(TEXTS).collect(),
        patches: patches.into_iter().take(TEXTS).collect(),
        script_ids: package
            .script_ids
            .iter()
            .map(|s| format!("{} {}", s.id, s.phase))
            .take(TEXTS)
            .collect(),
        source_urls: addresses(&package.source_urls),
        source_names: texts(&package.source_names),
        homepages: addresses(&package.homepages),
        cpes: texts(&package.cpes),
        possible_cpes: texts(&package.possible_cpes),
        purls: texts(&package.purls),
        known_vulnerabilities: texts(&package.known_vulnerabilities),
    };
    // Texts, lists and a word: nothing in it can fail to be written.
    serde_json::to_string(&entry).unwrap_or_default()
}

/// Addresses without what may be a secret: names and passwords, and what is asked for behind the path.
fn addresses(all: &[String]) -> Vec<&str> {
    let plain = texts(all).into_iter().filter(|url| {
        let rest = url.split_once("://").map_or(*url, |(_, rest)| rest);
        !rest.split('/').next().unwrap_or_default().contains('@')
    });
    plain.map(|url| url.split(['?', '#']).next().unwrap_or_default()).collect()
}

/// As many as a tracker takes.
fn texts(all: &[String]) -> Vec<&str> {
    let short = all.iter().filter(|text| text.chars().count() <= TEXT);
    short.map(String::as_str).take(TEXTS).collect()
}

fn mended_by_carriers(scanned: &Scanned, inventory: &Inventory) -> Vec<String> {
    let mut carriers = scanned
        .inside
        .iter()
        .filter_map(|carrier| inventory.packages.get(*carrier as usize));
    let Some(first) = carriers.next() else { return Vec::new() };
    let mut ids = patched_ids(&first.package);
    carriers.for_each(|carrier| ids = &ids & &patched_ids(&carrier.package));
    ids.into_iter().collect()
}

/// A request about these packages.
pub fn request(channel: Option<&str>, all: bool, entries: &[&str]) -> String {
    let channel = channel.map_or_else(String::new, |name| format!("\"channel\":{},", serde_json::Value::from(name)));
    format!("{{{channel}\"all\":{all},\"packages\":[{}]}}", entries.join(","))
}

/// A failure (RFC 9457).
#[derive(Deserialize)]
pub struct Problem {
    pub detail: String,
}

/// A channel, as much of it as is of use.
#[derive(Deserialize)]
pub struct Revision {
    pub revision: Option<String>,
}

/// A line of the packages of a channel.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Line")]
pub struct Listed {
    pub package: String,
    pub pname: String,
    pub version: String,
}

#[derive(Deserialize)]
struct Line {
    package: String,
    pname: String,
    version: String,
}

impl TryFrom<Line> for Listed {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let Line { package, pname, version } = line;
        for (what, text) in [("package", &package), ("pname", &pname), ("version", &version)] {
            if text.chars().count() > TEXT {
                return Err(format!("{what}: more than {TEXT} characters"));
            }
        }
        Ok(Self { package, pname, version })
    }
}

/// A list that is refused where it gets too long, before the rest of it takes memory.
fn at_most<'de, T: Deserialize<'de>, const MOST: usize, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct Members<T, const MOST: usize>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Members<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = list.next_element()? {
                if members.len() == MOST {
                    return Err(serde::de::Error::custom(format_args!("a list of more than {MOST}")));
                }
                members.push(member);
            }
            Ok(members)
        }
    }
    from.deserialize_seq(Members::<T, MOST>(PhantomData))
}

/// What is known of the packages that were asked about.
#[derive(Deserialize)]
pub struct Answer {
    channel: Option<String>,
    snapshot: Snapshot,
    #[serde(deserialize_with = "at_most::<_, PACKAGES, _>")]
    pub packages: Vec<Known>,
    #[serde(deserialize_with = "at_most::<_, FINDINGS, _>")]
    vulnerabilities: Vec<About>,
    #[serde(deserialize_with = "at_most::<_, FINDINGS, _>")]
    findings: Vec<Found>,
}

#[derive(Deserialize)]
struct Snapshot {
    serial: u64,
    digest: String,
    created: i64,
    sources: Vec<SourceTime>,
    channels: Vec<String>,
}

#[derive(Deserialize)]
struct SourceTime {
    name: String,
    date: i64,
}

/// A package, with the word for where it is known from beside its facts.
pub struct Known {
    seen: String,
    facts: Package,
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Word {
            seen: String,
        }
        let text = <&RawValue>::deserialize(from)?.get();
        let word: Word = serde_json::from_str(text).map_err(serde::de::Error::custom)?;
        Ok(Self {
            seen: word.seen,
            facts: serde_json::from_str(text).map_err(serde::de::Error::custom)?,
        })
    }
}

#[derive(Deserialize)]
struct About {
    id: String,
    aliases: Vec<String>,
    title: Option<String>,
    description: String,
    scores: Vec<Score>,
    leading_score: Option<usize>,
    epss: Option<(f32, f32)>,
    exploited_since: Option<String>,
    published: Option<String>,
    modified: Option<String>,
    cwes: Vec<String>,
    references: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    package: usize,
    vulnerability: usize,
    verdict: Verdict,
    confidence: f32,
    evidence: Vec<Evidence>,
    fixed_in: Option<String>,
    fixed_channels: Vec<Fixed>,
}

#[derive(Deserialize)]
struct Fixed {
    channel: String,
    version: String,
}

impl Answer {
    /// What the tracker judged with.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge {
            digest: self.snapshot.digest.clone(),
            created: self.snapshot.created,
            serial: self.snapshot.serial,
            sources: self.snapshot.sources.iter().map(|s| (s.name.clone(), s.date)).collect(),
            channels: self.snapshot.channels.clone(),
            context: self.channel.clone(),
        }
    }

    /// Puts what is known of packages into the inventory, and answers the findings about them. `asked` has the number of each package.
    pub fn take(self, asked: &[usize], inventory: &mut Inventory) -> Result<Vec<Finding>, &'static str> {
        for (known, number) in self.packages.into_iter().zip(asked) {
            let scanned = inventory
                .packages
                .get_mut(*number)
                .ok_or("it is about packages that were not asked about")?;
            let seen = Seen::ALL.into_iter().find(|seen| seen.name() == known.seen);
            scanned.seen = seen.ok_or("it knows packages from where nothing is known from")?;
            let own = std::mem::replace(&mut scanned.package, known.facts);
            // What was not sent in full, or not as it is.
            scanned.package.system = own.system;
            scanned.package.outputs = own.outputs;
            scanned.package.drv_path = own.drv_path;
            if !scanned.inside.is_empty() {
                scanned.package.patches = own.patches;
            }
        }
        let (vulnerabilities, findings) = (self.vulnerabilities, self.findings);
        let size = |about: &About| {
            let lists = about.aliases.iter().chain(&about.cwes).chain(&about.references);
            about.description.len() + lists.map(|text| text.len() + size_of::<String>()).sum::<usize>()
        };
        // Each finding holds all of its vulnerability: a few bytes may ask for many.
        let sizes: Vec<usize> = vulnerabilities.iter().map(size).collect();
        let all = findings.iter().filter_map(|found| sizes.get(found.vulnerability));
        if all.fold(0_usize, |sum, size| sum.saturating_add(*size)) > TOLD {
            return Err("it tells more than a tracker does");
        }
        let finding = |found: Found| {
            let number = asked.get(found.package).and_then(|number| u32::try_from(*number).ok());
            let package = number.ok_or("it has findings about packages that were not asked about")?;
            let about = vulnerabilities
                .get(found.vulnerability)
                .ok_or("it has findings about vulnerabilities that it does not tell of")?;
            if !(0.0..=1.0).contains(&found.confidence) {
                return Err("it is surer than sure");
            }
            Ok(Finding {
                package,
                id: about.id.clone(),
                aliases: about.aliases.clone(),
                title: about.title.clone(),
                description: about.description.clone(),
                verdict: found.verdict,
                confidence: found.confidence,
                evidence: found.evidence,
                fixed_in: found.fixed_in,
                fixed_channels: found
                    .fixed_channels
                    .into_iter()
                    .map(|fixed| (fixed.channel, fixed.version))
                    .collect(),
                scores: about.scores.clone(),
                leading_score: about.leading_score,
                epss: about.epss,
                exploited_since: about.exploited_since.clone(),
                published: about.published.clone(),
                modified: about.modified.clone(),
                cwes: about.cwes.clone(),
                references: about.references.clone(),
                decision: None,
            })
        };
        findings.into_iter().map(finding).collect()
    }
}
