//! One vulnerability against one package set: identities first, then what the records say about each version, then the verdict.

mod library;

pub use library::Library;

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::applicability::{Around, Claim, Judged, Record, Side, Statement, holds, mended, older_line, statement, years_apart};
use super::coordinate::{Coordinate, coordinates};
use super::history::Between;
use super::identity::{Context, Identity, THRESHOLD, identify, identify_by_description};
use super::index::PackageIndex;
use super::key::Key;
use super::memo::{ClaimKey, Claimed, Memo};
use super::name::{base, fold, topic_words};
use super::platform::{environment, only_elsewhere, only_on_processor};
use super::profile::{Profiles, day};
use super::rules::{RULES, Target};
use super::subject::Subjects;
use crate::advisory::{Advisory, CpeMatch, End, Source, State, Tag};
use crate::package::Ecosystem;
use crate::range::{LineClause, line_statement};
use crate::verdict::{Disposition, Evidence, Match, NearMiss, Outcome, Verdict};
use crate::version::{Components, Scheme, compare, components};

/// Near misses that are kept, and the confidence below which nobody would look at one.
const MAX_NEAR_MISSES: usize = 5;
const NEAR: f32 = 0.2;
/// A description is read for release lines up to here.
const MAX_DESCRIPTION: usize = 4096;

/// Rules by which a package is only what the program with the fault runs with.
const ENVIRONMENT: &[&str] = &["environment-only", "environment-in-description", "condition-absent"];

/// Endings of packages that are previews of the next release.
const PREVIEWS: &[&str] = &[
    "beta",
    "dev",
    "devedition",
    "nightly",
    "unstable",
    "testing",
    "preview",
    "canary",
    "alpha",
    "edge",
    "git",
];

/// Everything that the sources say about one vulnerability.
#[derive(Debug, Clone, Copy)]
pub struct Vulnerability<'a> {
    /// `CVE-2024-3094`, or the record's own id where it has no CVE.
    pub id: &'a str,
    /// One or more advisories.
    pub advisories: &'a [Advisory],
}

/// Matches one vulnerability with a package set. Pure: the same answer for the same input, whatever was asked before.
pub fn candidates(vulnerability: Vulnerability<'_>, index: &PackageIndex, profiles: &Profiles) -> Outcome {
    Prepared::new(vulnerability).candidates(index, profiles)
}

/// A vulnerability made ready to be asked against several package sets.
#[derive(Debug)]
pub struct Prepared<'a> {
    vulnerability: Vulnerability<'a>,
    /// Those that stand.
    records: Vec<&'a Advisory>,
    subjects: Subjects,
    /// Sorted coordinates of all references.
    references: Vec<Coordinate>,
    /// By record: what its description says about release lines. Read when that decides about a version: few records come that far.
    clauses: Vec<OnceCell<Vec<LineClause>>>,
    /// By record: the platform that its description limits it to, and whether it is a processor that channels are not built for.
    platforms: OnceCell<Vec<Option<(&'static str, bool)>>>,
    /// By record, and for each of them by subject: the words that make the subject only the environment of another program's fault.
    environments: OnceCell<Vec<Vec<Option<String>>>>,
    /// By record: the file of code for a processor that no channel is built for, and for one that few are.
    processors: OnceCell<Vec<[Option<String>; 2]>>,
    /// The description names scripts of a web application.
    is_web_script: bool,
    /// Some configuration has several parts: it may want another product beside the one with the fault.
    is_conditional: bool,
    /// Set where the answer is the same for every package set.
    settled: Option<Disposition>,
}

impl<'a> Prepared<'a> {
    /// Reads everything that does not depend on a package set.
    pub fn new(vulnerability: Vulnerability<'a>) -> Self {
        let records: Vec<&Advisory> = vulnerability.advisories.iter().filter(|a| a.state == State::Published).collect();
        let settled = if records.is_empty() {
            Some(Disposition::Rejected)
        } else {
            records
                .iter()
                .any(|a| a.tags.contains(&Tag::ExclusivelyHostedService))
                .then_some(Disposition::HostedService)
        };
        let mut references: Vec<Coordinate> = records
            .iter()
            .flat_map(|a| a.references.iter().take(64))
            .flat_map(|r| coordinates(&r.url))
            .collect();
        references.sort_unstable();
        references.dedup();
        let subjects = Subjects::of(&records);
        let is_web_script = records
            .iter()
            .any(|a| [".php", ".asp", ".cfm", ".jsp"].iter().any(|e| head(&a.description).contains(e)));
        let is_conditional = records.iter().flat_map(|a| &a.configurations).any(|c| c.nodes.len() > 1);
        Self {
            is_web_script,
            is_conditional,
            vulnerability,
            clauses: records.iter().map(|_| OnceCell::new()).collect(),
            records,
            subjects,
            references,
            platforms: OnceCell::new(),
            environments: OnceCell::new(),
            processors: OnceCell::new(),
            settled,
        }
    }

    /// What the description of the record with this number says about release lines.
    fn clauses(&self, record: usize) -> &[LineClause] {
        let read = || {
            self.records
                .get(record)
                .map_or_else(Vec::new, |a| line_statement(head(&a.description)))
        };
        self.clauses.get(record).map_or(&[], |clauses| clauses.get_or_init(read))
    }

    fn platforms(&self) -> &[Option<(&'static str, bool)>] {
        let of = |record: &Advisory| {
            let title = record.title.as_deref().unwrap_or_default();
            let system =
                only_elsewhere(head(&record.description)).or_else(|| only_elsewhere(title).filter(|_| record.source == Source::Osv));
            let processor = || only_on_processor(head(&record.description));
            system
                .map(|system| (system, false))
                .or_else(|| processor().map(|processor| (processor, true)))
        };
        let read = || self.records.iter().map(|a| of(a)).collect();
        self.platforms.get_or_init(read)
    }

    /// The words of a record that make a subject only what another program, which has the fault, runs with.
    fn environment(&self, record: usize, subject: usize) -> Option<&str> {
        let of = |record: &Advisory| self.subjects.list.iter().map(|s| environment(record, s)).collect();
        let all = self.environments.get_or_init(|| self.records.iter().map(|r| of(r)).collect());
        all.get(record)?.get(subject)?.as_deref()
    }

    /// The file of code for other processors than a kernel is built for, where a record names no other.
    fn other_processor(&self, record: usize, is_usual: bool) -> Option<&str> {
        let of = |record: &Advisory| {
            [false, true].map(|is_usual| RULES.other_processor_in(head(&record.description), is_usual).map(str::to_owned))
        };
        let all = self.processors.get_or_init(|| self.records.iter().map(|r| of(r)).collect());
        all.get(record)?.get(usize::from(is_usual))?.as_deref()
    }

    /// Every key that the answer for any package set depends on: packages that are filed under none of them change nothing.
    pub fn keys(&self, profiles: &Profiles) -> HashSet<Key> {
        let index = PackageIndex::noting();
        self.candidates(&index, profiles);
        // Only asked once there is a package to judge: what a configuration wants beside it.
        for node in self
            .records
            .iter()
            .flat_map(|a| &a.configurations)
            .filter(|c| c.nodes.len() > 1)
            .flat_map(|c| &c.nodes)
        {
            for product in node.matches.iter().filter_map(|m| m.cpe.product.as_deref()) {
                index.named(&fold(product));
            }
        }
        let mut keys = index.into_asked();
        keys.extend(self.libraries());
        keys
    }

    /// The first product (folded) that the records name; empty where they name none.
    pub fn product(&self) -> &str {
        self.subjects.list.first().map_or("", |s| s.product.as_str())
    }

    /// Whether no package set can have anything to do with it: the records were withdrawn, or are about a service.
    pub fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// The products (folded) whose profiles the answer depends on; some may come several times.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        let subjects = self.subjects.list.iter();
        subjects.flat_map(|s| {
            RULES
                .siblings(&s.vendor, &s.product)
                .iter()
                .map(|(_, p)| p.as_str())
                .chain([s.product.as_str()])
        })
    }

    /// The answer for one package set.
    pub fn candidates(&self, index: &PackageIndex, profiles: &Profiles) -> Outcome {
        self.candidates_again(index, profiles, &Memo::default())
    }

    /// The same for one of several package sets, with what was found out for those before it.
    pub fn candidates_again(&self, index: &PackageIndex, profiles: &Profiles, memo: &Memo) -> Outcome {
        self.judged(index, profiles, memo, &|_| true)
    }

    /// The matches alone, of some clusters of a package set: the same that [`candidates`](Self::candidates) has for them. What a version
    /// means is only asked of these; a kernel's record would else be judged for every kernel that a channel has.
    pub fn matches(&self, index: &PackageIndex, profiles: &Profiles, wanted: &dyn Fn(usize) -> bool) -> Vec<Match> {
        self.judged(index, profiles, &Memo::default(), wanted).matches
    }

    fn judged(&self, index: &PackageIndex, profiles: &Profiles, memo: &Memo, wanted: &dyn Fn(usize) -> bool) -> Outcome {
        if let Some(disposition) = self.settled {
            return Outcome {
                disposition,
                matches: Vec::new(),
                near_misses: Vec::new(),
            };
        }
        let context = Context {
            index,
            profiles,
            references: &self.references,
            description: self
                .records
                .iter()
                .map(|a| head(&a.description))
                .find(|d| !d.is_empty())
                .unwrap_or_default(),
            is_web_script: self.is_web_script,
            number: 0,
            memo,
        };
        if self.is_conditional {
            // Whether a condition holds depends on what else is in the set.
            memo.claims.borrow_mut().clear();
        }
        let subjects = &self.subjects.list;
        let mut case = Case {
            prepared: self,
            context,
            identities: BTreeMap::new(),
            patched: BTreeMap::new(),
            marked: BTreeMap::new(),
            majors: Vec::new(),
        };
        for (n, subject) in subjects.iter().enumerate().filter(|(_, s)| !s.hardware) {
            for identity in identify(subject, Context { number: n, ..context }) {
                case.add(identity, Some(n));
            }
        }
        if subjects.is_empty() {
            case.add_described();
        }
        case.add_named_by_nixpkgs();
        let outcome = case.judge(wanted);
        let disposition = if !outcome.matches.is_empty() {
            Disposition::Matched
        } else if subjects.is_empty() && outcome.near_misses.is_empty() {
            Disposition::NoProduct
        } else if !subjects.is_empty() && subjects.iter().all(|s| s.hardware) {
            Disposition::HardwareOnly
        } else if !subjects.is_empty() && subjects.iter().all(|s| s.hardware || s.target == Some(Target::Platform)) {
            Disposition::OtherPlatform
        } else {
            Disposition::NothingInNixpkgs
        };
        Outcome { disposition, ..outcome }
    }
}

/// What is gathered while one vulnerability is judged for one package set.
struct Case<'a> {
    prepared: &'a Prepared<'a>,
    context: Context<'a>,
    /// By cluster: identities with the subject they hold for.
    identities: BTreeMap<u32, Vec<(Identity, Option<usize>)>>,
    patched: BTreeMap<u32, String>,
    marked: BTreeMap<u32, String>,
    /// First numbers of the versions of all packages that are the software, sorted.
    majors: Vec<u64>,
}

impl Case<'_> {
    fn add(&mut self, identity: Identity, subject: Option<usize>) {
        self.identities.entry(identity.cluster).or_default().push((identity, subject));
    }

    /// A record that names no product may name it in its description, in front of a version.
    fn add_described(&mut self) {
        let mut found = Vec::new();
        for (n, record) in self.prepared.records.iter().enumerate() {
            let topics: Vec<String> = topic_words(head(&record.description)).collect();
            for clause in self.prepared.clauses(n).iter().take(8) {
                found.extend(identify_by_description(&clause.product_words, self.context, &topics));
            }
        }
        for identity in found {
            self.add(identity, None);
        }
    }

    /// A patch or a mark that names the vulnerability is an identity stated by Nixpkgs itself.
    fn add_named_by_nixpkgs(&mut self) {
        let mut ids: Vec<&str> = vec![self.prepared.vulnerability.id];
        ids.extend(
            self.prepared
                .records
                .iter()
                .flat_map(|a| std::iter::once(a.id.as_str()).chain(a.aliases.iter().map(String::as_str))),
        );
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            for &cluster in self.context.index.patched(id) {
                self.patched.entry(cluster).or_insert_with(|| id.to_string());
            }
            for &cluster in self.context.index.marked(id) {
                self.marked.entry(cluster).or_insert_with(|| id.to_string());
            }
        }
        let named: Vec<u32> = self.patched.keys().chain(self.marked.keys()).copied().collect();
        for cluster in named {
            self.identities.entry(cluster).or_default();
        }
    }

    fn judge(mut self, wanted: &dyn Fn(usize) -> bool) -> Outcome {
        self.majors = self.majors();
        let mut matches = Vec::new();
        let mut near_misses = Vec::new();
        for (&cluster, identities) in self.identities.iter().filter(|(cluster, _)| wanted(**cluster as usize)) {
            let best = identities.iter().map(|(i, _)| i.confidence).fold(0.0, f32::max);
            let named = self.patched.contains_key(&cluster) || self.marked.contains_key(&cluster);
            if best < THRESHOLD && !named {
                let is_refused = identities
                    .iter()
                    .any(|(i, _)| matches!(i.evidence.rule.as_str(), "never" | "extension"));
                if best >= NEAR || is_refused {
                    let mut evidence: Vec<Evidence> = identities.iter().map(|(i, _)| i.evidence.clone()).collect();
                    evidence.dedup();
                    near_misses.push(NearMiss {
                        cluster: cluster as usize,
                        confidence: best,
                        evidence,
                    });
                }
                continue;
            }
            let found = self.verdict(cluster, identities);
            let settled = matches!(found.verdict, Verdict::Fixed | Verdict::NotAffected | Verdict::Unknown);
            if settled
                && self
                    .context
                    .index
                    .details
                    .get(cluster as usize)
                    .is_some_and(|d| RULES.is_open_only(&d.base))
            {
                near_misses.push(NearMiss {
                    cluster: cluster as usize,
                    confidence: found.confidence,
                    evidence: found.evidence,
                });
                continue;
            }
            if found.verdict == Verdict::NotAffected && is_about(&found.evidence, ENVIRONMENT) {
                // Only what the program with the fault runs with.
                near_misses.push(NearMiss {
                    cluster: cluster as usize,
                    confidence: found.confidence,
                    evidence: found.evidence,
                });
                continue;
            }
            matches.push(found);
        }
        let order = |a: f32, b: f32| b.total_cmp(&a);
        matches.sort_by(|a, b| {
            a.verdict
                .cmp(&b.verdict)
                .then(order(a.confidence, b.confidence))
                .then(a.cluster.cmp(&b.cluster))
        });
        if matches.is_empty() {
            near_misses.sort_by(|a, b| order(a.confidence, b.confidence).then(a.cluster.cmp(&b.cluster)));
            near_misses.truncate(MAX_NEAR_MISSES);
        } else {
            near_misses.clear();
        }
        Outcome {
            disposition: Disposition::NothingInNixpkgs,
            matches,
            near_misses,
        }
    }

    /// The lines in which the package set has the software, by the first number of a version. Previews of the next release are no lines.
    fn majors(&self) -> Vec<u64> {
        let is_preview = |name: &str| {
            let name = fold(base(name));
            PREVIEWS.iter().any(|end| name.ends_with(end))
        };
        let own = self.identities.iter().filter(|(c, _)| **c < self.context.index.natives);
        let accepted = own.filter(|(_, of)| of.iter().any(|(i, _)| i.confidence >= THRESHOLD));
        let mut majors: Vec<u64> = accepted
            .filter(|(c, _)| self.context.index.details.get(**c as usize).is_some_and(|d| d.ecosystem.is_none()))
            .filter_map(|(c, _)| self.context.index.clusters().get(*c as usize))
            .filter(|c| !is_preview(&c.name) && !is_preview(&c.package.pname))
            .filter_map(|c| components(&c.package.version).first().copied())
            .collect();
        majors.sort_unstable();
        majors.dedup();
        majors
    }

    fn verdict(&self, cluster: u32, identities: &[(Identity, Option<usize>)]) -> Match {
        let mut accepted: Vec<&(Identity, Option<usize>)> = identities.iter().filter(|(i, _)| i.confidence >= THRESHOLD).collect();
        accepted.sort_by(|a, b| b.0.confidence.total_cmp(&a.0.confidence));
        let identity = accepted.first().map_or(0.97, |(i, _)| i.confidence);
        let mut evidence: Vec<Evidence> = Vec::new();
        for (i, _) in accepted.iter().take(3) {
            if !evidence.iter().any(|e| e.rule == i.evidence.rule) {
                evidence.push(i.evidence.clone());
            }
        }
        let claimed = self.claim(cluster, &accepted);
        let (claim, said) = &*claimed;
        let (verdict, confidence) = if let Some(id) = self.marked.get(&cluster) {
            evidence.insert(
                0,
                Evidence {
                    rule: "known-vulnerability".into(),
                    detail: format!("the package's meta.knownVulnerabilities names {id}"),
                },
            );
            (Verdict::KnownVulnerable, 0.97)
        } else if let Some(id) = self.patched.get(&cluster) {
            let patch = self.patch_of(cluster, id);
            evidence.insert(
                0,
                Evidence {
                    rule: "patch-names-id".into(),
                    detail: format!("the package applies {patch}, which names {id}"),
                },
            );
            (Verdict::Patched, 0.97)
        } else {
            let verdict = match claim.claim {
                Claim::Affected => Verdict::Affected,
                Claim::Fixed => Verdict::Fixed,
                Claim::NotAffected => Verdict::NotAffected,
                Claim::Unknown => Verdict::Unknown,
            };
            (verdict, identity * claim.confidence)
        };
        evidence.extend_from_slice(said);
        Match {
            cluster: cluster as usize,
            verdict,
            confidence,
            evidence,
            fixed_in: claim.fixed_in.clone(),
        }
    }

    /// What all records together say about the cluster's version, with the evidence of each.
    fn claim(&self, cluster: u32, accepted: &[&(Identity, Option<usize>)]) -> Rc<Claimed> {
        let unknown = |rule, detail: &str| Statement {
            claim: Claim::Unknown,
            confidence: 0.5,
            rule,
            detail: detail.to_string(),
            ..Statement::NONE
        };
        let Some(package) = self.context.index.clusters().get(cluster as usize).map(|c| &c.package) else {
            return Rc::new((unknown("no-package", "no such package"), Vec::new()));
        };
        let details = self.context.index.details.get(cluster as usize);
        let scheme = match details.and_then(|d| d.ecosystem.as_ref()).map(|(e, _)| *e) {
            Some(Ecosystem::Python) => Scheme::Python,
            Some(Ecosystem::Perl) => Scheme::Perl,
            Some(_) => Scheme::Generic,
            None => details.and_then(|d| RULES.scheme(&d.program)).unwrap_or(Scheme::Generic),
        };
        let is_usual = ["x86_64", "aarch64"].iter().any(|processor| package.system.starts_with(processor));
        let judged = Judged {
            version: RULES.own_version(&package.attr, &package.version),
            scheme,
            is_esr: details.is_some_and(|d| d.is_esr),
            is_enterprise: details.is_some_and(|d| d.is_enterprise),
            is_usual,
            long_term: details.and_then(|d| RULES.long_term(&d.program)),
            prefix: None,
        };
        let ended = |record: &Advisory| {
            let published = record.published.as_deref().map_or(0, day);
            details.and_then(|d| RULES.ended(&d.base, &package.version, published))
        };
        // A guest is not kept beside anything: it is what a machine has instead.
        let majors = if cluster < self.context.index.natives {
            self.majors.as_slice()
        } else {
            &[]
        };
        let key = ClaimKey {
            subjects: accepted.iter().map(|(_, n)| *n).collect(),
            version: judged.version.to_string(),
            majors: majors.to_vec(),
            editions: (judged.is_esr, judged.is_enterprise, is_usual),
            scheme,
            names: details.map_or(0, |d| d.names_digest),
        };
        if let Some(known) = self.context.memo.claims.borrow().get(&key) {
            return Rc::clone(known);
        }
        let other_products = |matched: &CpeMatch| {
            let name = matched.cpe.product.as_deref().map(fold).unwrap_or_default();
            self.context
                .index
                .named(&name)
                .iter()
                .filter_map(|(c, _)| self.context.index.clusters().get(*c as usize))
                .any(|c| holds(matched, &c.package.version))
        };
        let mut statements: Vec<Statement> = Vec::new();
        let prepared = self.prepared;
        let program = details.map_or("", |d| d.program.as_str());
        let known_by = |version: &Components| {
            let profiles = self.context.profiles;
            let subjects = accepted.iter().filter_map(|(_, n)| prepared.subjects.list.get((*n)?));
            let around = subjects.map(|s| profiles.around(&s.vendor, &s.product, version));
            // A record that names no product is about the program that its description names.
            let usual = || {
                let vendor = profiles.vendors(program).first();
                vendor.map_or_else(Between::default, |(vendor, _)| profiles.around(vendor, program, version))
            };
            around.reduce(Between::and).unwrap_or_else(usual).known_by(version)
        };
        let lines = accepted.iter().filter_map(|(_, n)| prepared.subjects.list.get((*n)?));
        // Some records name a product by half a name only: what others told of its lines holds for them as well.
        let lines = lines
            .filter_map(|s| self.context.profiles.lines(&s.vendor, &s.product))
            .max_by_key(|lines| lines.len());
        for (r, record) in prepared.records.iter().enumerate() {
            let clauses = || prepared.clauses(r);
            let mut own: Vec<Statement> = Vec::new();
            for (_, n) in accepted {
                let subject = n.and_then(|n| Some((n, prepared.subjects.list.get(n)?)));
                let Some((n, subject)) = subject.filter(|(_, s)| !s.rebuilt) else {
                    let older = |end: &str| {
                        older_line(end, "the description", judged.version, majors)
                            .or_else(|| years_apart(Some(end), mended(record), "the description", judged.version, &known_by))
                    };
                    own.extend(described(clauses(), judged, &older));
                    continue;
                };
                if subject.target == Some(Target::Platform) {
                    own.push(Statement {
                        claim: Claim::NotAffected,
                        confidence: 0.9,
                        rule: "other-platform",
                        detail: format!("{} is named for another operating system", subject.written),
                        is_added: true,
                        ..Statement::NONE
                    });
                    continue;
                }
                let (criteria, entries) = (prepared.subjects.criteria.get(r), prepared.subjects.entries.get(r));
                let record = Record {
                    advisory: record,
                    criteria: criteria.map_or(&[], Vec::as_slice),
                    entries: entries.map_or(&[], Vec::as_slice),
                };
                let judged = Judged {
                    prefix: RULES.version_prefix(&subject.vendor, &subject.product),
                    ..judged
                };
                own.extend(statement(
                    record,
                    n,
                    subject,
                    judged,
                    Around {
                        lines,
                        clauses: &clauses,
                        majors,
                        known_by: Some(&known_by),
                        other_products: &other_products,
                    },
                ));
            }
            if own.iter().any(Statement::outranks_added) {
                own.retain(|s| !s.is_added);
            }
            let Some(mut best) = own
                .into_iter()
                .max_by(|a, b| a.claim.cmp(&b.claim).then(a.confidence.total_cmp(&b.confidence)))
            else {
                continue;
            };
            if let Some(other) = accepted.iter().find_map(|(_, n)| prepared.environment(r, (*n)?)) {
                best = Statement {
                    claim: Claim::NotAffected,
                    confidence: 0.7,
                    rule: "environment-in-description",
                    detail: format!(
                        "{}: the fault shows {other}, it is in another program",
                        record.source.name().to_uppercase()
                    ),
                    ..Statement::NONE
                };
            }
            if let Some(reason) = ended(record) {
                best = Statement {
                    claim: Claim::NotAffected,
                    confidence: 0.7,
                    rule: "ended",
                    detail: format!("{}: {reason}", record.source.name().to_uppercase()),
                    ..Statement::NONE
                };
            }
            if judged.scheme == Scheme::Kernel
                && let Some(file) = prepared.other_processor(r, is_usual)
            {
                best = Statement {
                    claim: Claim::NotAffected,
                    confidence: 0.85,
                    rule: "other-processor",
                    detail: format!("{}: {file} is code for another processor", record.source.name().to_uppercase()),
                    ..Statement::NONE
                };
            }
            if let Some(words) = details.and_then(|d| RULES.foreign_processor(&d.program, head(&record.description))) {
                best = Statement {
                    claim: Claim::NotAffected,
                    confidence: 0.8,
                    rule: "other-processor",
                    detail: format!(
                        "{}: the description speaks of {words}, and the program is not packaged for that processor",
                        record.source.name().to_uppercase()
                    ),
                    ..Statement::NONE
                };
            }
            if (best.claim > Claim::NotAffected || best.claim == Claim::Unknown)
                && let Some((platform, _)) = prepared
                    .platforms()
                    .get(r)
                    .copied()
                    .flatten()
                    .filter(|(_, is_processor)| is_usual || !is_processor)
            {
                best = Statement {
                    claim: Claim::NotAffected,
                    confidence: 0.8,
                    rule: "platform-in-description",
                    detail: format!("{}: the description speaks of {platform} only", record.source.name().to_uppercase()),
                    ..Statement::NONE
                };
            }
            statements.push(best);
        }
        let joined = join(&statements).unwrap_or_else(|| unknown("no-version", "no record says which versions are affected"));
        let mut said: Vec<Evidence> = Vec::new();
        for s in statements.iter().chain(std::iter::once(&joined)) {
            let evidence = Evidence {
                rule: s.rule.to_string(),
                detail: s.detail.clone(),
            };
            if !said.contains(&evidence) {
                said.push(evidence);
            }
        }
        said.sort_by_key(|e| (e.rule != joined.rule, e.detail != joined.detail));
        let claimed = Rc::new((joined, said));
        self.context.memo.claims.borrow_mut().insert(key, Rc::clone(&claimed));
        claimed
    }

    fn patch_of(&self, cluster: u32, id: &str) -> &str {
        let package = self.context.index.clusters().get(cluster as usize).map(|c| &c.package);
        package
            .and_then(|p| p.patches.iter().find(|p| crate::package::ids_in(p).iter().any(|i| i == id)))
            .map_or("a patch", String::as_str)
    }
}

/// Joins what several records say: those that know beat those that do not, one that tells where the fault began beats those that name no
/// start, and disagreement costs confidence.
fn join(statements: &[Statement]) -> Option<Statement> {
    let all_open = statements.iter().all(|s| s.claim != Claim::Affected || s.side == Side::OpenRange);
    if let Some(before) = statements
        .iter()
        .find(|s| s.claim == Claim::NotAffected && s.side == Side::BeforeStart)
        && all_open
        && statements.iter().any(|s| s.claim == Claim::Affected)
    {
        return Some(Statement {
            confidence: before.confidence * 0.75,
            detail: format!("{} (other sources name no start)", before.detail),
            ..before.clone()
        });
    }
    let mut best = statements
        .iter()
        .max_by(|a, b| a.claim.cmp(&b.claim).then(a.confidence.total_cmp(&b.confidence)))?
        .clone();
    let against = statements
        .iter()
        .filter(|s| s.claim != Claim::Unknown && (s.claim == Claim::Affected) != (best.claim == Claim::Affected))
        .max_by(|a, b| a.confidence.total_cmp(&b.confidence));
    if let Some(other) = against {
        if best.confidence + 0.2 < other.confidence {
            best = other.clone();
        }
        best.confidence *= 0.75;
        best.detail = format!("{} (sources disagree)", best.detail);
    }
    Some(best)
}

/// What a description alone says about a version. `older` tells whether an end that it names for all before it can be about the version.
fn described(clauses: &[LineClause], judged: Judged<'_>, older: &dyn Fn(&str) -> Option<Statement>) -> Option<Statement> {
    let version = judged.version;
    let mut best: Option<Statement> = None;
    for clause in clauses {
        let on_line = clause.line.as_ref().is_none_or(|l| components(version).is_on_line(l));
        let after_start = clause
            .start
            .as_ref()
            .map(|s| compare(judged.scheme, version, s).map(Ordering::is_ge));
        let end = clause
            .end
            .as_ref()
            .map(|e| compare(judged.scheme, version, &e.version).map(|o| o == Ordering::Less || (e.inclusive && o == Ordering::Equal)));
        let Some(End { version: bound, inclusive }) = &clause.end else {
            continue;
        };
        let claim = match (on_line, after_start, end) {
            (_, Some(None), _) | (_, _, Some(None) | None) => Claim::Unknown,
            (true, None | Some(Some(true)), Some(Some(true))) => Claim::Affected,
            (true, _, Some(Some(false))) => Claim::Fixed,
            _ => Claim::NotAffected,
        };
        let detail = format!("the description says {} {bound}", if *inclusive { "up to" } else { "before" });
        let next = Statement {
            claim,
            confidence: 0.75,
            rule: "range-in-description",
            detail,
            fixed_in: (!inclusive).then(|| bound.clone()),
            ..Statement::NONE
        };
        let is_open = claim == Claim::Affected && clause.line.is_none() && clause.start.is_none();
        let next = is_open.then(|| older(bound)).flatten().unwrap_or(next);
        if best.as_ref().is_none_or(|b| next.claim > b.claim) {
            best = Some(next);
        }
    }
    best
}

fn is_about(evidence: &[Evidence], rules: &[&str]) -> bool {
    evidence.iter().any(|e| rules.contains(&e.rule.as_str()))
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(MAX_DESCRIPTION);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
