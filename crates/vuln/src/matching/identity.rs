//! Is this package the software that the record means? Each answer has a rule's name, a weight and a sentence.

use std::rc::Rc;

use super::coordinate::Coordinate;
use super::index::{Details, PackageIndex};
use super::memo::{Memo, Names};
use super::name::{Form, fold, product_names};
use super::profile::{Profile, Profiles};
use super::rules::{PartRule, RULES, Target};
use super::subject::Subject;
use crate::package::Ecosystem;
use crate::verdict::Evidence;

/// From here on two things are taken to be the same software.
pub(super) const THRESHOLD: f32 = 0.5;

/// How sure we are that a subject is a package, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identity {
    pub cluster: u32,
    pub confidence: f32,
    pub evidence: Evidence,
}

/// What an identity is judged with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub index: &'a PackageIndex,
    pub profiles: &'a Profiles,
    /// Coordinates of this vulnerability's own references.
    pub references: &'a [Coordinate],
    /// What the first record that has a description says.
    pub description: &'a str,
    /// The description names PHP or ASP files: a web application.
    pub is_web_script: bool,
    /// The place of the subject among the vulnerability's.
    pub number: usize,
    pub memo: &'a Memo,
}

/// Every cluster that the subject may be, with the strongest reason for each; those below the threshold are near misses.
pub(super) fn identify(subject: &Subject, context: Context<'_>) -> Vec<Identity> {
    if let Some(part) = RULES.part(&subject.vendor, &subject.product, context.description) {
        return parts(subject, part, context.index);
    }
    let mut found = identify_whole(subject, context);
    if let Some(reason) = RULES.is_bundled(&subject.product, context.description) {
        for identity in &mut found {
            identity.confidence = identity.confidence.min(0.3);
            identity.evidence = Evidence {
                rule: "bundled".to_string(),
                detail: format!("{} is only what ships it: {reason}", subject.written),
            };
        }
    }
    found
}

/// The packages of one part of a product.
fn parts(subject: &Subject, part: &PartRule, index: &PackageIndex) -> Vec<Identity> {
    let mut found = Vec::new();
    for (cluster, form) in part.packages.iter().flat_map(|package| spelled(index, &fold(package), package)) {
        if form <= Form::Variant {
            let detail = format!("{} is {} here: {}", subject.written, name_of(index, cluster), part.reason);
            keep(&mut found, cluster, 0.93, "part-of-product", detail);
        }
    }
    found
}

/// What the subject's own names come to, whatever the package set.
fn names_of(subject: &Subject, context: Context<'_>) -> Rc<Names> {
    let mut known = context.memo.names.borrow_mut();
    let names = known.entry(context.number).or_insert_with(|| {
        let vendor = subject.vendor_written.as_deref();
        let usual = context.profiles.usual_vendor(subject);
        Rc::new(Names {
            product: product_names(Some(&subject.vendor), &subject.product_written),
            repository: vendor.map(|vendor| format!("repo:{vendor}/{}", subject.product_written).to_lowercase()),
            usual: usual.map(|vendor| Subject { vendor, ..subject.clone() }),
        })
    });
    Rc::clone(names)
}

fn identify_whole(subject: &Subject, context: Context<'_>) -> Vec<Identity> {
    let mut found: Vec<Identity> = Vec::new();
    let index = context.index;
    let names = names_of(subject, context);
    if let Some(vendor) = &subject.vendor_written {
        let product = &subject.product_written;
        for &cluster in index.with_cpe(vendor, product) {
            let detail = format!("the package's metadata states CPE {vendor}:{product}, the record names the same");
            keep(&mut found, cluster, 0.99, "cpe-metadata", detail);
        }
        for &cluster in index.with_possible_cpe(vendor, product) {
            let detail = format!("the package's metadata takes CPE {vendor}:{product} to be possible, the record names the same");
            keep(&mut found, cluster, 0.7, "possible-cpe", detail);
        }
    }
    for purl in &subject.purls {
        for &cluster in index.with_purl(purl) {
            keep(
                &mut found,
                cluster,
                0.99,
                "purl",
                format!("the package's metadata states {purl}, the record names the same"),
            );
        }
    }
    if subject.target != Some(Target::Extension) {
        for repository in &subject.repositories {
            for &cluster in index.built_from(repository) {
                keep(
                    &mut found,
                    cluster,
                    0.93,
                    "repository",
                    format!(
                        "the record names the repository {} that the package is built from",
                        plain(repository)
                    ),
                );
            }
        }
    }
    if let Some((ecosystem, name)) = &subject.language {
        for cluster in index.in_language(*ecosystem, name) {
            keep(
                &mut found,
                cluster,
                0.97,
                "ecosystem-package",
                format!("the record is about {name} of {}, the package is that one", ecosystem.title()),
            );
        }
    }
    let vendor = &names.usual.as_ref().unwrap_or(subject).vendor;
    if let Some((packages, reason)) = RULES.alias(vendor, &subject.product)
        && !matches!(subject.target, Some(Target::Extension))
        && (subject.language.is_none() || RULES.is_language_alias(&subject.product))
    {
        for package in packages {
            for (cluster, form) in spelled(index, &fold(package), package) {
                let detail = format!("{} is {} here: {reason}", subject.written, name_of(index, cluster));
                if form <= Form::Variant && never(subject, index, cluster).is_none() {
                    keep(&mut found, cluster, 0.96, "alias", detail);
                }
            }
        }
    }
    for (name, product_form) in &names.product {
        for (cluster, package_form) in spelled(index, name, &subject.product_written) {
            judge_plain(&mut found, subject, &names, cluster, (*product_form).max(package_form), context);
        }
        if *product_form == Form::Exact {
            for &(_, cluster) in index.in_languages(name) {
                judge_language(&mut found, subject, cluster, context);
            }
        }
    }
    if let Some(repository) = names.repository.as_deref().filter(|_| found.iter().all(|i| i.confidence < 0.9))
        && subject.target != Some(Target::Extension)
    {
        for &cluster in index.built_from(repository) {
            let detail = format!("the package is built from {}, which bears the record's names", plain(repository));
            keep(&mut found, cluster, 0.8, "repository-name", detail);
        }
    }
    let sure = |identity: &Identity, form| identity.confidence >= 0.9 && form_of(subject, index, identity.cluster) == Some(form);
    if found.iter().any(|i| sure(i, Form::Exact)) {
        // The thing itself is there: what has half of its name, or is its binding for a language, is something else.
        found.retain(|i| {
            !i.evidence.rule.starts_with("language-")
                && (i.confidence >= 0.96 || !matches!(form_of(subject, index, i.cluster), Some(Form::Loose)))
        });
    }
    found
}

/// How a plain package's name agrees with the subject's.
fn form_of(subject: &Subject, index: &PackageIndex, cluster: u32) -> Option<Form> {
    let names = &index.details.get(cluster as usize)?.names;
    let package = names.iter().find(|(n, _)| *n == subject.product).map(|(_, form)| *form);
    package.or(Some(Form::Loose)).filter(|_| !names.is_empty())
}

/// Plain packages of a folded name; where one is spelled as written, those that are not (`sam-ba` for `samba`) are left out.
fn spelled(index: &PackageIndex, name: &str, written: &str) -> Vec<(u32, Form)> {
    let named = index.named(name);
    let is_spelled = |cluster: u32| {
        index
            .clusters()
            .get(cluster as usize)
            .is_some_and(|c| is_spelling(&c.pname, written))
    };
    // One by itself stays, however it is spelled.
    let several = named.iter().filter(|(_, form)| *form == Form::Exact).count() > 1;
    let exact = several && named.iter().any(|(c, form)| *form == Form::Exact && is_spelled(*c));
    named
        .iter()
        .copied()
        .filter(|(c, form)| !exact || *form != Form::Exact || is_spelled(*c))
        .collect()
}

/// Whether two names are spelled alike but for case and what stands between words.
fn is_spelling(a: &str, b: &str) -> bool {
    let letters = |c: char| c.to_lowercase().map(|c| if matches!(c, '_' | ' ' | '.') { '-' } else { c });
    a.chars().flat_map(letters).eq(b.chars().flat_map(letters))
}

/// Why the subject is never this package, by its own name or by that of what it is a build of.
fn never(subject: &Subject, index: &PackageIndex, cluster: u32) -> Option<&'static str> {
    let (packages, reason) = RULES.never(&subject.vendor, &subject.product)?;
    let own = fold(&index.clusters().get(cluster as usize)?.package.pname);
    let base = &index.details.get(cluster as usize)?.base;
    (packages.contains(&own) || packages.contains(base)).then_some(reason)
}

/// A plain package with the product's name: who makes it decides.
fn judge_plain(found: &mut Vec<Identity>, subject: &Subject, names: &Names, cluster: u32, form: Form, context: Context<'_>) {
    let Some(details) = context.index.details.get(cluster as usize) else {
        return;
    };
    let package = name_of(context.index, cluster);
    if let Some(reason) = never(subject, context.index, cluster) {
        return keep(
            found,
            cluster,
            0.05,
            "never",
            format!("{} is not {package}: {reason}", subject.written),
        );
    }
    if subject.target == Some(Target::Extension) {
        return keep(
            found,
            cluster,
            0.1,
            "extension",
            format!(
                "{} is an extension of another program, {package} is a program of its own",
                subject.written
            ),
        );
    }
    // A record without a vendor means the one that everybody files the product under.
    let subject = names.usual.as_ref().unwrap_or(subject);
    let profile = context.profiles.get(&subject.vendor, &subject.product);
    let is_usual = subject.vendor_written.is_none() && !subject.vendor.is_empty();
    let support = Support::of(subject, is_usual, details, profile, context);
    let foreign_language = subject.language.is_some()
        || matches!(
            subject.target,
            Some(Target::Node | Target::Python | Target::Ruby | Target::Perl | Target::Rust | Target::Go | Target::Language)
        );
    let (confidence, rule, why) = if foreign_language {
        match support.place() {
            Some(place) => (
                0.85,
                "language-same-home",
                format!("a package of a language, and both point at {place}"),
            ),
            None => (
                0.2,
                "language-only-name",
                "the record is about a library of a language, the package is a program of the same name".to_string(),
            ),
        }
    } else {
        support.weigh(form, subject, details, profile, context)
    };
    let confidence = match form {
        Form::Exact => confidence,
        Form::Variant => confidence * 0.98,
        Form::Loose => confidence * 0.92,
    };
    keep(
        found,
        cluster,
        confidence,
        rule,
        format!("{} has the name of {package}, and {why}", subject.written),
    );
}

/// A package of a language's set: the name alone never suffices.
fn judge_language(found: &mut Vec<Identity>, subject: &Subject, cluster: u32, context: Context<'_>) {
    let Some(details) = context.index.details.get(cluster as usize) else {
        return;
    };
    let Some((ecosystem, name)) = &details.ecosystem else { return };
    let package = name_of(context.index, cluster);
    let same = matches!(
        (subject.target, ecosystem),
        (Some(Target::Python), Ecosystem::Python)
            | (Some(Target::Ruby), Ecosystem::Ruby)
            | (Some(Target::Node), Ecosystem::Node)
            | (Some(Target::Perl), Ecosystem::Perl)
    );
    if same {
        return keep(
            found,
            cluster,
            0.93,
            "ecosystem-target",
            format!(
                "the record's CPE says {} for {}, {package} is {name} of it",
                ecosystem.title(),
                subject.written
            ),
        );
    }
    if subject.target.is_some() || subject.language.is_some() {
        return;
    }
    let profile = context.profiles.get(&subject.vendor, &subject.product);
    let support = Support::of(subject, false, details, profile, context);
    let title = ecosystem.title();
    let vendor = subject.vendor_written.as_deref().unwrap_or_default();
    let own_vendor = !subject.vendor.is_empty() && subject.vendor == subject.product;
    let words = support.topics.join(", ");
    let (confidence, rule, why) = match (support.place(), support.topics.len()) {
        (Some(place), _) => (0.88, "language-same-home", format!("both point at {place}")),
        _ if support.vendor_at_home => (
            0.86,
            "language-vendor-at-home",
            format!("the package's homepage or source is {vendor}'s"),
        ),
        _ if subject.vendor == fold(title) => (0.8, "language-vendor", format!("{vendor} stands for the language")),
        (None, 1..) if own_vendor && is_reported(*ecosystem) => (
            0.75,
            "language-same-topic",
            format!("the vendor has the product's name, and both descriptions speak of {words}"),
        ),
        (None, 2..) if is_reported(*ecosystem) => (0.7, "language-same-topic", format!("both descriptions speak of {words}")),
        (None, _) => {
            let detail = format!("{package} is {name} of {title}; nothing says that the record means a package of that language");
            return keep(found, cluster, 0.3, "language-only-name", detail);
        }
    };
    keep(
        found,
        cluster,
        confidence,
        rule,
        format!("{} has the name of {package} ({title}), and {why}", subject.written),
    );
}

/// Languages whose libraries get records of their own often enough that name and subject tell something.
fn is_reported(ecosystem: Ecosystem) -> bool {
    matches!(
        ecosystem,
        Ecosystem::Python | Ecosystem::Perl | Ecosystem::Ruby | Ecosystem::Node | Ecosystem::Php
    )
}

/// What speaks for and against two things of one name being the same.
#[derive(Debug, Default)]
pub(super) struct Support {
    /// A place that the product's records and the package both point at.
    shared: Option<Coordinate>,
    /// The vendor's name stands in the package's homepage or sources.
    vendor_at_home: bool,
    /// Words that both descriptions use.
    topics: Vec<String>,
    /// Both descriptions say a good deal, and share no word.
    topics_differ: bool,
    /// Both sides say where they live or what they are, and nothing agrees.
    disagree: bool,
    /// Nothing is known of the package but its name.
    nameless: bool,
}

impl Support {
    /// `is_usual`: the subject names no vendor, and the usual one stands for it.
    fn of(subject: &Subject, is_usual: bool, details: &Details, profile: Option<&Profile>, context: Context<'_>) -> Rc<Self> {
        let mut known = context.memo.supports.borrow_mut();
        let support = known.entry((context.number, is_usual, details.known_digest));
        Rc::clone(support.or_insert_with(|| Rc::new(Self::found(subject, details, profile, context))))
    }

    fn found(subject: &Subject, details: &Details, profile: Option<&Profile>, context: Context<'_>) -> Self {
        let known = &details.known;
        let has = |place: &Coordinate| known.coordinates.binary_search(place).is_ok();
        let own = context
            .references
            .iter()
            .find(|r| has(r))
            .or_else(|| subject.repositories.iter().find(|r| has(r)));
        // One record of many may point anywhere; a place that several point at is home.
        let often = |n: u32, all: u32| n >= 2 || n * 8 >= all;
        let usual = profile
            .and_then(|p| p.coordinates.iter().find(|(place, n)| has(place) && often(*n, p.records)))
            .map(|(place, _)| place);
        let shared = own.or(usual).cloned();
        let vendor_at_home = subject.vendor.len() > 2 && details.owners.contains(&subject.vendor);
        let told: Vec<String> = [&subject.product, &subject.vendor].into_iter().cloned().collect();
        let topics: Vec<String> = profile
            .map(|p| {
                p.topics
                    .iter()
                    .filter(|t| !told.contains(t) && known.topics.binary_search(t).is_ok())
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        let homes_differ = !known.coordinates.is_empty()
            && profile.is_some_and(|p| p.coordinates.iter().any(|(c, n)| often(*n, p.records) && !c.starts_with("sub:")));
        let topics_differ = topics.is_empty() && known.topics.len() >= 3 && profile.is_some_and(|p| p.topics.len() >= 6);
        let disagree = shared.is_none() && !vendor_at_home && homes_differ && topics_differ;
        Self {
            shared,
            vendor_at_home,
            topics,
            topics_differ,
            disagree,
            nameless: known.coordinates.is_empty() && known.topics.is_empty(),
        }
    }

    fn place(&self) -> Option<&str> {
        self.shared.as_deref().map(plain)
    }

    fn weigh(
        &self,
        form: Form,
        subject: &Subject,
        details: &Details,
        profile: Option<&Profile>,
        context: Context<'_>,
    ) -> (f32, &'static str, String) {
        // Where a record names none, the usual one is meant.
        let vendor = subject.vendor_written.as_deref().unwrap_or(&subject.vendor);
        match (self.place(), self.vendor_at_home) {
            (Some(place), true) => {
                return (
                    0.98,
                    "same-home-and-vendor",
                    format!("both point at {place}, and the package comes from {vendor}"),
                );
            }
            (Some(place), false) => return (0.94, "same-home", format!("both point at {place}")),
            (None, true) => return (0.93, "vendor-at-home", format!("the package's homepage or source is {vendor}'s")),
            (None, false) => {}
        }
        let words = self.topics.join(", ");
        if form == Form::Loose {
            return match self.topics.len() {
                0 | 1 => (0.25, "loose-name", "only part of the name agrees, nothing else".to_string()),
                _ => (0.62, "loose-name-same-topic", format!("both descriptions speak of {words}")),
            };
        }
        let is_web = |topic: &String| {
            matches!(
                topic.as_str(),
                "php" | "cms" | "website" | "blog" | "wiki" | "forum" | "webmail" | "web"
            )
        };
        if context.is_web_script && !details.known.topics.iter().any(is_web) {
            let why = "the record is about a web application, which the package's description does not speak of";
            return (0.3, "web-script", why.to_string());
        }
        let own_vendor = subject.vendor.is_empty()
            || details.names.iter().any(|(n, _)| *n == subject.vendor)
            || subject.vendor == subject.product
            || is_named_after(&subject.vendor, &subject.product);
        if own_vendor && !subject.vendor.is_empty() {
            return match (self.topics.is_empty(), self.disagree) {
                (false, _) => (
                    0.9,
                    "own-vendor-same-topic",
                    format!("the vendor has the product's name, and both descriptions speak of {words}"),
                ),
                (true, true) if subject.product.len() < 6 => (
                    0.45,
                    "own-vendor-other-home",
                    "the vendor has the product's name, but home and description agree in nothing".to_string(),
                ),
                (true, true) => (
                    0.55,
                    "own-vendor-other-home",
                    "the vendor has the product's name, but home and description agree in nothing".to_string(),
                ),
                (true, false) => (0.75, "own-vendor", "the vendor has the product's name".to_string()),
            };
        }
        if self.topics.len() >= 2 {
            return (0.78, "same-topic", format!("both descriptions speak of {words}"));
        }
        let distinctive = subject.product.len() >= 6;
        if RULES.is_umbrella(&subject.vendor) && (distinctive || !self.disagree) {
            return (
                if self.disagree { 0.55 } else { 0.74 },
                "umbrella-vendor",
                format!("{vendor} publishes for many projects"),
            );
        }
        if self.topics.len() == 1 && !self.disagree {
            return (0.64, "same-topic", format!("both descriptions speak of {words}"));
        }
        let vendors = context.profiles.vendors(&subject.product);
        let all: u32 = vendors.iter().map(|(_, n)| n).sum();
        let mine = profile.map_or(0, |p| p.records);
        if self.disagree {
            return (
                0.3,
                "only-name",
                format!(
                    "{} and the package agree in nothing but the name",
                    if vendor.is_empty() { "the record" } else { vendor }
                ),
            );
        }
        if subject.vendor.is_empty() || mine * 10 >= all * 9 {
            return if distinctive && !self.topics_differ {
                (0.6, "distinctive-name", "no other product has this name".to_string())
            } else {
                (
                    0.4,
                    "weak-name",
                    "the name is short, or the descriptions speak of other things, and nothing else is known".to_string(),
                )
            };
        }
        if self.nameless && mine * 10 >= all * 6 {
            return (
                0.55,
                "usual-vendor",
                format!("most records of this name are {vendor}'s, and the channel lists names only"),
            );
        }
        (0.3, "only-name", "products of several vendors have this name".to_string())
    }
}

/// What organisations put behind their product's name where the name alone was taken: `envoyproxy`, `denoland`.
const MAKER_ENDINGS: &[&str] = &[
    "app", "db", "edu", "hq", "io", "js", "land", "lang", "os", "proxy", "sh", "soft", "sql", "web",
];

/// Whether a vendor's name is the product's with an ending. Short names are too often the beginning of something else.
fn is_named_after(vendor: &str, product: &str) -> bool {
    product.len() >= 4 && vendor.strip_prefix(product).is_some_and(|ending| MAKER_ENDINGS.contains(&ending))
}

/// A package that is known by the words in front of a version in a description, for records that name no product.
pub(super) fn identify_by_description(words: &[String], context: Context<'_>, description_topics: &[String]) -> Vec<Identity> {
    let mut found = Vec::new();
    for length in (1..=words.len().min(3)).rev() {
        let Some(name) = words.get(words.len() - length..).map(|w| fold(&w.concat())) else {
            continue;
        };
        if name.len() < 2 {
            continue;
        }
        for &(cluster, form) in context.index.named(&name) {
            let Some(details) = context.index.details.get(cluster as usize) else {
                continue;
            };
            if form == Form::Loose {
                continue;
            }
            let shared = context
                .references
                .iter()
                .find(|r| details.known.coordinates.binary_search(r).is_ok());
            let topics: Vec<&String> = description_topics
                .iter()
                .filter(|t| **t != name && details.known.topics.binary_search(t).is_ok())
                .collect();
            let package = name_of(context.index, cluster);
            match (shared, topics.as_slice()) {
                (Some(place), _) => keep(
                    &mut found,
                    cluster,
                    0.88,
                    "description-same-home",
                    format!(
                        "the description speaks of {name}, and a reference and {package} point at {}",
                        plain(place)
                    ),
                ),
                (None, [one, two, ..]) => keep(
                    &mut found,
                    cluster,
                    0.65,
                    "description-same-topic",
                    format!("the description speaks of {name}, {one} and {two}, as {package}'s does"),
                ),
                _ => keep(
                    &mut found,
                    cluster,
                    0.35,
                    "description-only-name",
                    format!("the description speaks of {name}; nothing else agrees with {package}"),
                ),
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// Keeps the strongest identity of each cluster.
fn keep(found: &mut Vec<Identity>, cluster: u32, confidence: f32, rule: &'static str, detail: String) {
    let evidence = Evidence {
        rule: rule.to_string(),
        detail,
    };
    match found.iter_mut().find(|i| i.cluster == cluster) {
        // A stated "never" outweighs what the name alone suggests, not what metadata or an alias states.
        Some(known) if known.evidence.rule == "never" && confidence < 0.9 => {}
        Some(known) if known.confidence >= confidence && !(rule == "never" && known.confidence < 0.9) => {}
        Some(known) => {
            *known = Identity {
                cluster,
                confidence,
                evidence,
            }
        }
        None => found.push(Identity {
            cluster,
            confidence,
            evidence,
        }),
    }
}

fn name_of(index: &PackageIndex, cluster: u32) -> &str {
    index.clusters().get(cluster as usize).map_or("", |c| c.name.as_str())
}

/// A coordinate as a person writes it.
fn plain(coordinate: &str) -> &str {
    coordinate.split_once(':').map_or(coordinate, |(_, rest)| rest)
}
