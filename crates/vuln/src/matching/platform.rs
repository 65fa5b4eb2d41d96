//! Conditions in descriptions: "a Windows-only issue" is not Nixpkgs' issue, "when using OpenSSL" not OpenSSL's.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::subject::Subject;
use crate::advisory::Advisory;

/// Systems that Nixpkgs' Linux packages do not run on, as descriptions write them.
const ELSEWHERE: &[&str] = &[
    "windows",
    "microsoft windows",
    "mac os x",
    "os x",
    "macos",
    "mac os",
    "darwin",
    "android",
    "ios",
    "iphone",
    "solaris",
    "aix",
    "hp-ux",
    "openvms",
    "netware",
    "os/2",
    "cygwin",
    "openbsd",
    "freebsd",
    "netbsd",
    "irix",
    "sco unixware",
    "qnx",
    "symbian",
    "blackberry",
    "sunos",
    "windows nt",
    "windows xp",
    "win32",
    "chrome os",
];

/// Most descriptions name none of them.
static FINDERS: LazyLock<Vec<(&str, Finder<'_>)>> = LazyLock::new(|| ELSEWHERE.iter().map(|p| (*p, Finder::new(p))).collect());

/// Words that make a platform one of several.
const HERE: &[&str] = &[
    "linux",
    "unix",
    "posix",
    "gtk",
    "x11",
    "all platforms",
    "other platforms",
    "multiple platforms",
    "any platform",
    "cross-platform",
];

/// Words before a platform's name, and after it, that limit the issue to it.
const BEFORE: &[&str] = &[
    "only on ",
    "only affects ",
    "only affected ",
    "only impacts ",
    "only impacted ",
    "specifically affecting ",
    "affects only ",
    "affected only ",
    "limited to ",
    "only ",
    "specific to ",
    "on ",
    "for ",
    "under ",
    "running on ",
];
const AFTER: &[&str] = &["-only", " only", " specific", "-specific", " users are affected", " users of"];

/// The platform, where the description limits the issue to one that is not Linux.
pub(super) fn only_elsewhere(description: &str) -> Option<&'static str> {
    let text = description.to_lowercase();
    let limited = |platform: &str| {
        words(&text, platform).any(|at| {
            let before = text.get(..at).unwrap_or("");
            let after = text.get(at + platform.len()..).unwrap_or("");
            AFTER.iter().any(|w| after.starts_with(w))
                || BEFORE
                    .iter()
                    .any(|w| before.strip_suffix(w).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric)))
        })
    };
    let named = FINDERS.iter().filter(|(_, finder)| finder.find(text.as_bytes()).is_some());
    let platform = named.map(|(platform, _)| *platform).find(|p| limited(p))?;
    HERE.iter().all(|w| words(&text, w).next().is_none()).then_some(platform)
}

/// Processors that no channel of Nixpkgs is built for, as descriptions write them. Longer names come before those that they contain.
const PROCESSORS: &[&str] = &[
    "32-bit arm",
    "armv7-a",
    "armv7",
    "powerpc",
    "ppc64le",
    "ppc64",
    "s390x",
    "mips",
    "sparc",
    "32-bit x86",
    "32-bit",
];
/// Most descriptions name none of them.
static PROCESSOR_FINDERS: LazyLock<Vec<(&str, Finder<'_>)>> = LazyLock::new(|| PROCESSORS.iter().map(|p| (*p, Finder::new(p))).collect());
/// Words between which a processor's name limits the issue to it.
const ONLY: &[(&str, &[&str])] = &[
    ("only affects ", &[" "]),
    ("only affected ", &[" "]),
    ("only on ", &[" "]),
    ("on ", &[" platforms", " versions"]),
    ("for ", &[" platforms"]),
];
/// Words before that take it back.
const ALSO: &[&str] = &[
    "demonstrated",
    "especially",
    "particularly",
    "e.g.",
    "such as",
    "including",
    "at least",
    "64-bit",
];

/// The processor, where the description limits the issue to one that no channel is built for.
pub(super) fn only_on_processor(description: &str) -> Option<&'static str> {
    let mut text = String::new();
    let limited = |text: &str, processor: &str| {
        words(text, processor).any(|at| {
            let (before, after) = (text.get(..at).unwrap_or(""), text.get(at + processor.len()..).unwrap_or(""));
            ONLY.iter()
                .any(|(start, ends)| before.ends_with(start) && ends.iter().any(|end| after.starts_with(end)))
        })
    };
    for (processor, finder) in PROCESSOR_FINDERS.iter() {
        if text.is_empty() {
            text = description.to_lowercase();
        }
        if finder.find(text.as_bytes()).is_some() && limited(&text, processor) {
            return ALSO.iter().all(|w| !text.contains(w)).then_some(*processor);
        }
    }
    None
}

/// Whether the description names the product's enterprise edition and no other: `in GitLab EE affecting all versions`.
pub(super) fn only_enterprise(description: &str, product: &str) -> bool {
    let (text, product) = (description.to_lowercase(), product.to_lowercase());
    let names = |edition: &str| words(&text, &format!("{product} {edition}")).next().is_some();
    let enterprise = ["ee", "enterprise", "enterprise edition"].iter().any(|e| names(e));
    enterprise && !names_free_edition(&text)
}

/// Whether the description names an edition that everybody has: `GitLab CE/EE`.
pub(super) fn names_free_edition(description: &str) -> bool {
    let text = description.to_lowercase();
    ["ce", "community", "free"].iter().any(|w| words(&text, w).next().is_some())
}

/// How a description says that a program is only what another one runs with.
const WITH: &[&str] = &[
    "when using",
    "when used with",
    "when running with",
    "when linked with",
    "when linked against",
    "when built with",
    "when compiled with",
    "in combination with",
    "if used with",
];

/// The same, to be looked for in each description: few have any of them.
static WITH_FINDERS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| WITH.iter().map(Finder::new).collect());

/// What says that another program uses the product.
const USED_IN: &str = "as used in";

/// The same.
static USED_IN_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(USED_IN));

/// The words that make the subject the environment of another program's fault: `when using OpenSSL`.
pub(super) fn environment(record: &Advisory, subject: &Subject) -> Option<String> {
    let text = record.description.to_lowercase();
    let product = subject.product_written.to_lowercase().replace('_', " ");
    // What runs on a kernel, or below one, does not ship it.
    if USED_IN_FINDER.find(text.as_bytes()).is_some()
        && let Some(used) = words(&text, &format!("{USED_IN} {product}")).next()
        && words(&text, "in the linux kernel").next().is_some_and(|kernel| kernel < used)
    {
        return Some(format!("in the Linux kernel, as used in {product}"));
    }
    let said = WITH.iter().zip(&*WITH_FINDERS);
    let mut said = said.filter(|(_, finder)| finder.find(text.as_bytes()).is_some());
    let at = said.find_map(|(with, _)| {
        let phrase = format!("{with} {product}");
        words(&text, &phrase).next().map(|at| (at, phrase.clone()))
    });
    let (at, phrase) = at?;
    // Named before that, it is the subject after all.
    words(text.get(..at)?, &product).next().is_none().then_some(phrase)
}

/// Where a phrase stands between word boundaries.
pub(super) fn words<'t>(text: &'t str, phrase: &'t str) -> impl Iterator<Item = usize> + 't {
    memchr::memmem::find_iter(text.as_bytes(), phrase.as_bytes()).filter(move |at| {
        let before = text.get(..*at).and_then(|t| t.chars().next_back());
        let after = text.get(at + phrase.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_are_read_from_descriptions() {
        assert!(only_enterprise(
            "An issue in GitLab EE affecting all versions starting from 11.3",
            "GitLab"
        ));
        assert!(!only_enterprise("In all versions of GitLab CE/EE since version 11.11", "GitLab"));
        assert!(!only_enterprise("An issue in GitLab EE and GitLab CE", "GitLab"));
        assert!(!only_enterprise("An issue in Java EE", "GitLab"));
    }

    #[test]
    fn processors_are_read_from_descriptions() {
        let only = only_on_processor;
        assert_eq!(
            only("*Note:* This issue only affected Armv7-A systems. Other systems are unaffected."),
            Some("armv7-a")
        );
        assert_eq!(only("*Note:* This issue only affects 32-bit ARM devices."), Some("32-bit arm"));
        assert_eq!(only("can have an integer overflow on 32-bit platforms (where"), Some("32-bit"));
        assert_eq!(only("as demonstrated on 32-bit platforms compiled by Clang"), None);
        assert_eq!(only("over 7MB on 64-bit platforms, or over 4MB on 32-bit platforms"), None);
        assert_eq!(only("when targeting ARM targets that spill the address"), None);
        assert_eq!(only("Arm systems are not affected. Only x86 systems are affected."), None);
    }

    #[test]
    fn platforms_are_read_from_descriptions() {
        assert_eq!(
            only_elsewhere("Curl before 7.68.0 lacks proper validation (Windows-only issue)."),
            Some("windows")
        );
        assert_eq!(only_elsewhere("Mozilla Firefox before 46.0 on Android does not"), Some("android"));
        assert_eq!(only_elsewhere("Google Chrome before 45 on Linux and Windows allows"), None);
        assert_eq!(
            only_elsewhere("This issue only affected Windows operating systems. Other operating systems are unaffected."),
            Some("windows")
        );
        assert_eq!(only_elsewhere("a buffer overflow in foo before 1.2"), None);
        assert_eq!(
            only_elsewhere("scrolling windows onion"),
            None,
            "words inside other words are no platform"
        );
    }
}
