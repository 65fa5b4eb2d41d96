//! Platforms in descriptions: "a Windows-only issue" is not Nixpkgs' issue.

/// Systems that Nixpkgs' Linux packages do not run on, as descriptions write them.
const ELSEWHERE: &[&str] = &[
    "windows", "microsoft windows", "mac os x", "os x", "macos", "mac os", "android", "ios", "iphone", "solaris", "aix", "hp-ux", "openvms", "netware", "os/2", "cygwin", "openbsd",
    "freebsd", "netbsd", "irix", "sco unixware", "qnx", "symbian", "blackberry", "sunos", "windows nt", "windows xp", "win32",
];

/// Words that make a platform one of several.
const HERE: &[&str] = &["linux", "unix", "posix", "gtk", "x11", "all platforms", "other platforms", "multiple platforms", "any platform", "cross-platform"];

/// The platform, where the description limits the issue to one that is not Linux.
pub(super) fn only_elsewhere(description: &str) -> Option<&'static str> {
    let text = description.to_lowercase();
    if HERE.iter().any(|w| contains_word(&text, w)) {
        return None;
    }
    ELSEWHERE.iter().copied().find(|platform| {
        [format!("{platform}-only"), format!("{platform} only"), format!("only on {platform}"), format!("only affects {platform}"), format!("only {platform}"), format!("specific to {platform}"), format!("{platform} specific"), format!("{platform}-specific")]
            .iter()
            .chain(&[format!("on {platform}"), format!("for {platform}"), format!("under {platform}"), format!("running on {platform}"), format!("{platform} users are affected")])
            .any(|phrase| contains_word(&text, phrase))
    })
}

/// Whether the phrase occurs between word boundaries.
fn contains_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + phrase.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_from_descriptions() {
        assert_eq!(only_elsewhere("Curl before 7.68.0 lacks proper validation (Windows-only issue)."), Some("windows"));
        assert_eq!(only_elsewhere("Mozilla Firefox before 46.0 on Android does not"), Some("android"));
        assert_eq!(only_elsewhere("Google Chrome before 45 on Linux and Windows allows"), None);
        assert_eq!(only_elsewhere("a buffer overflow in foo before 1.2"), None);
        assert_eq!(only_elsewhere("scrolling windows onion"), None, "words inside other words are no platform");
    }
}
