//! Names made comparable: `Apache HTTP Server`, `http_server` and `http-server` are one text.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Lower-case letters, digits and `+`; everything else is dropped. Non-ASCII letters stay as they are.
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name
            .bytes()
            .filter(|b| b.is_ascii_alphanumeric() || *b == b'+')
            .map(|b| char::from(b.to_ascii_lowercase()))
            .take(128)
            .collect();
    }
    name.chars()
        .filter(|c| c.is_alphanumeric() || *c == '+')
        .flat_map(char::to_lowercase)
        .take(128)
        .collect()
}

/// Words of a vendor's name that tell nothing: legal forms, and the `_project` that NVD appends where a product has no vendor.
const VENDOR_FILLERS: &[&str] = &[
    "project",
    "team",
    "group",
    "inc",
    "ltd",
    "llc",
    "gmbh",
    "corporation",
    "corp",
    "foundation",
    "software",
    "community",
    "developers",
    "developer",
    "development",
    "org",
    "com",
    "net",
    "the",
    "labs",
    "systems",
    "technologies",
    "technology",
    "company",
    "dev",
    "authors",
    "maintainers",
    "open",
    "source",
    "www",
];

/// A vendor's name folded, without filler words: `libexpat_project` → `libexpat`, `Apache Software Foundation` → `apache`.
pub fn fold_vendor(vendor: &str) -> String {
    let lower = vendor.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let kept: String = words.iter().filter(|w| !VENDOR_FILLERS.contains(w)).copied().collect();
    if kept.is_empty() { words.concat() } else { kept }
}

/// How a name was made from what is written; later ones are weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// As written.
    Exact,
    /// The attribute instead of the pname, or without a build variant (`-unwrapped`, `-bin`).
    Variant,
    /// Without the vendor in front, a generic word at the end, or the version digits; with or without `lib`.
    Loose,
}

/// Endings of package names that only tell how it was built or wrapped.
const BUILD_VARIANTS: &[&str] = &[
    "-unwrapped",
    "-wrapped",
    "-wrapper",
    "-with-plugins",
    "-with-extensions",
    "-release-bin",
    "-bin",
    "-minimal",
    "-full",
    "-light",
    "-headless",
    "-nox",
    "-x11",
    "-min",
    "-esr",
    "-lts",
    "-stable",
    "-unstable",
    "-git",
    "-dev",
    "-beta",
    "-static",
    "-devedition",
    "-standalone",
    "-hotspot",
    "-oss",
    "-slim",
    "-host-cpu-only",
    "-for-vm-tests",
    "-utils-only",
    "-ng-static",
    "-hardened",
    "-small",
    "-nogui",
    "-jdk",
    "-jre",
    "-sandbox-shell",
    "-interactive",
    "_light",
    "_headless",
    "_unwrapped",
    "Minimal",
    "Full",
    "Big",
    "Unwrapped",
    "Wrapper",
];

/// A package name without its build variants and trailing version digits.
pub fn base(pname: &str) -> &str {
    let mut rest = pname;
    while let Some(shorter) = BUILD_VARIANTS.iter().find_map(|v| rest.strip_suffix(v)).filter(|s| s.len() >= 2) {
        rest = shorter;
    }
    rest
}

/// The names under which a plain package can be asked for.
pub fn package_names(attr: &str, pname: &str) -> Vec<(String, Form)> {
    // Inside a set (`unixODBCDrivers.mysql`) the attribute is named after what it serves.
    let leaf = if attr.contains('.') { pname } else { attr.trim_start_matches('_') };
    let mut names = vec![(fold(pname), Form::Exact)];
    for (name, form) in [(base(pname), Form::Variant), (leaf, Form::Variant), (base(leaf), Form::Variant)] {
        names.push((fold(name), form));
        // `mysql57`, `postgresql_11`, `gtk+3`: a version in the name; never for names that are little else.
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | '.'));
        if bare.len() >= 3 {
            names.push((fold(bare), Form::Loose));
        }
    }
    dedup(names)
}

/// Whether an attribute and a package's name have anything in common: the beginning, or a word of three letters.
pub fn are_akin(attr: &str, pname: &str) -> bool {
    let (one, other) = (fold(attr), fold(pname));
    let begins = |a: &str, b: &str| b.contains(a.get(..3).unwrap_or(a));
    let words = |text: &str| -> Vec<String> {
        let split = text.split(|c: char| !c.is_ascii_alphabetic());
        split.filter(|w| w.len() >= 3).map(str::to_ascii_lowercase).collect()
    };
    begins(&one, &other) || begins(&other, &one) || words(attr).iter().any(|word| words(pname).contains(word))
}

/// Words at the end of a product's name that packages leave out.
const PRODUCT_FILLERS: &[&str] = &[
    "server",
    "browser",
    "media_player",
    "mediaplayer",
    "player",
    "client",
    "library",
    "framework",
    "software",
    "cms",
    "desktop",
    "project",
    "web_server",
    "webserver",
    "database",
    "image_library",
    "tool",
    "tools",
    "toolkit",
    "utility",
    "utilities",
    "suite",
    "editor",
    "viewer",
    "daemon",
    "engine",
    "community",
    "open_source",
    "programming_language",
];

/// The names under which a record's product may be known in a package set.
pub fn product_names(vendor: Option<&str>, product: &str) -> Vec<(String, Form)> {
    let lower = product.to_lowercase();
    let folded = fold(&lower);
    let mut names = vec![(folded.clone(), Form::Exact)];
    if let Some(vendor) = vendor.map(fold_vendor).filter(|v| v.len() >= 2)
        && let Some(rest) = folded.strip_prefix(vendor.as_str()).filter(|r| r.len() >= 2)
    {
        names.push((rest.to_string(), Form::Loose));
    }
    let words = lower.replace([' ', '-'], "_");
    for filler in PRODUCT_FILLERS {
        if let Some(rest) = words.strip_suffix(filler).map(|r| r.trim_end_matches('_')).filter(|r| r.len() >= 3) {
            names.push((fold(rest), Form::Loose));
        }
    }
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare.len() >= 4 {
        names.push((bare.to_string(), Form::Loose));
    }
    match folded.strip_prefix("lib") {
        Some(rest) if rest.len() >= 3 => names.push((rest.to_string(), Form::Loose)),
        None if folded.len() >= 3 => names.push((format!("lib{folded}"), Form::Loose)),
        _ => {}
    }
    dedup(names)
}

/// Each name once, under its strongest form, in the order given.
fn dedup(names: Vec<(String, Form)>) -> Vec<(String, Form)> {
    let mut kept: Vec<(String, Form)> = Vec::with_capacity(names.len());
    for (name, form) in names {
        if name.is_empty() {
            continue;
        }
        match kept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = form.min(*known),
            None => kept.push((name, form)),
        }
    }
    kept
}

/// Words of descriptions that tell nothing about a piece of software.
const STOP_WORDS: &[&str] = &[
    "the",
    "and",
    "for",
    "with",
    "that",
    "this",
    "from",
    "are",
    "was",
    "has",
    "have",
    "not",
    "can",
    "which",
    "when",
    "via",
    "before",
    "earlier",
    "through",
    "versions",
    "version",
    "prior",
    "allows",
    "allow",
    "attackers",
    "attacker",
    "remote",
    "local",
    "user",
    "users",
    "arbitrary",
    "code",
    "execute",
    "execution",
    "denial",
    "service",
    "cause",
    "crash",
    "memory",
    "buffer",
    "overflow",
    "vulnerability",
    "vulnerabilities",
    "issue",
    "issues",
    "crafted",
    "file",
    "files",
    "function",
    "could",
    "may",
    "use",
    "used",
    "using",
    "other",
    "aka",
    "related",
    "possibly",
    "have",
    "unspecified",
    "impact",
    "vectors",
    "information",
    "sensitive",
    "access",
    "application",
    "software",
    "library",
    "program",
    "tool",
    "tools",
    "simple",
    "free",
    "fast",
    "based",
    "written",
    "into",
    "your",
    "you",
    "all",
    "any",
    "its",
    "also",
    "does",
    "properly",
    "certain",
    "different",
    "than",
    "read",
    "write",
    "bypass",
    "privileges",
    "gain",
    "obtain",
    "inject",
    "script",
    "web",
    "html",
    "request",
    "requests",
    "data",
    "open",
    "source",
    "linux",
    "unix",
    "support",
    "implementation",
    "libraries",
    "programs",
    "small",
    "lightweight",
    "new",
    "set",
    "multiple",
    "long",
    "names",
    "name",
    "value",
    "field",
    "parameter",
    "command",
    "commands",
    "heap",
    "stack",
    "out",
    "bounds",
    "integer",
    "null",
    "pointer",
    "dereference",
    "after",
    "system",
    "systems",
    "interface",
    "provides",
    "package",
    "affected",
    "exploit",
    "component",
    "found",
    "discovered",
    "leads",
    "lead",
    "within",
    "been",
    "there",
    "where",
    "such",
    "but",
    "security",
    "default",
    "check",
    "validation",
    "input",
    "leading",
    "line",
    "context",
    "utility",
    "collection",
    "network",
    "server",
    "client",
    "project",
    "manager",
    "management",
];

/// The same, to be asked for each word of each description.
static STOPPED: LazyLock<HashSet<&str, foldhash::fast::RandomState>> = LazyLock::new(|| STOP_WORDS.iter().copied().collect());

/// The words of a description that may tell one piece of software from another, folded to their stem's beginning.
pub fn topic_words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| {
        let mut topic = String::new();
        make_topic(word, &mut topic).then_some(topic)
    })
}

/// The same, without a text of its own for each.
pub fn each_topic_word(text: &str, mut each: impl FnMut(&str)) {
    let mut topic = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if make_topic(word, &mut topic) {
            each(&topic);
        }
    }
}

fn make_topic(word: &str, topic: &mut String) -> bool {
    if !(3..=24).contains(&word.len()) || word.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    topic.clear();
    if word.is_ascii() {
        topic.push_str(word);
        topic.make_ascii_lowercase();
    } else {
        topic.push_str(&word.to_lowercase());
    }
    if STOPPED.contains(topic.as_str()) {
        return false;
    }
    // Plural and singular are one word.
    if topic.len() > 4 && topic.ends_with('s') && !topic.ends_with("ss") {
        topic.pop();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(names: &[(String, Form)], name: &str, form: Form) -> bool {
        names.iter().any(|(n, f)| n == name && *f == form)
    }

    #[test]
    fn package_names_cover_variants() {
        let names = package_names("firefox-unwrapped", "firefox-unwrapped");
        assert!(has(&names, "firefox", Form::Variant));
        assert!(has(&package_names("mysql57", "mysql"), "mysql", Form::Exact));
        assert!(
            !has(&package_names("libgit2-glib", "libgit2-glib"), "libgit2", Form::Variant),
            "a binding is not what it binds"
        );
        assert!(has(&package_names("_7zz", "7zz"), "7zz", Form::Exact));
    }

    #[test]
    fn product_names_cover_the_vendor_and_fillers() {
        assert!(has(&product_names(Some("gnu"), "gnu_screen"), "screen", Form::Loose));
        assert!(has(
            &product_names(Some("Apache Software Foundation"), "Apache Tomcat"),
            "tomcat",
            Form::Loose
        ));
        assert!(has(&product_names(Some("freetype"), "freetype2"), "freetype", Form::Loose));
        assert!(has(&product_names(Some("haxx"), "libcurl"), "curl", Form::Loose));
        assert!(has(&product_names(Some("videolan"), "vlc_media_player"), "vlc", Form::Loose));
    }

    #[test]
    fn vendors_lose_their_fillers() {
        assert_eq!(fold_vendor("libexpat_project"), "libexpat");
        assert_eq!(fold_vendor("Apache Software Foundation"), "apache");
        assert_eq!(fold_vendor("f-secure"), "fsecure");
        assert_eq!(fold_vendor("The Software Project"), "thesoftwareproject");
    }
}
