//! What words inside versions mean for their order.

/// The meaning of a word. Words that are not listed say nothing about order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Before the release; the number orders them among each other.
    Pre(u32),
    /// After the release.
    Post,
    /// A state of the repository after the release.
    Snapshot,
    /// Anything else.
    Other,
}

/// `~` before something that is no known word: before everything else of that release.
pub(super) const TILDE: u32 = 0;
pub(super) const DEV: u32 = 1;
pub(super) const ALPHA: u32 = 2;
pub(super) const BETA: u32 = 3;
pub(super) const MILESTONE: u32 = 4;
pub(super) const PREVIEW: u32 = 5;
pub(super) const CANDIDATE: u32 = 6;
/// As Maven has it: what will become the release, after its candidates.
pub(super) const SNAPSHOT: u32 = 7;

const WORDS: &[(&str, Word)] = &[
    ("rc", Word::Pre(CANDIDATE)),
    ("beta", Word::Pre(BETA)),
    ("alpha", Word::Pre(ALPHA)),
    ("pre", Word::Pre(PREVIEW)),
    ("dev", Word::Pre(DEV)),
    ("unstable", Word::Snapshot),
    ("git", Word::Snapshot),
    ("post", Word::Post),
    ("pl", Word::Post),
    ("patch", Word::Post),
    ("sp", Word::Post),
    ("alfa", Word::Pre(ALPHA)),
    ("bzr", Word::Snapshot),
    ("build", Word::Post),
    ("candidate", Word::Pre(CANDIDATE)),
    ("canary", Word::Pre(DEV)),
    ("cf", Word::Post),
    ("cr", Word::Pre(CANDIDATE)),
    ("cu", Word::Post),
    ("cvs", Word::Snapshot),
    ("darcs", Word::Snapshot),
    ("date", Word::Snapshot),
    ("devel", Word::Pre(DEV)),
    ("ea", Word::Pre(PREVIEW)),
    ("eap", Word::Pre(PREVIEW)),
    ("errata", Word::Post),
    ("fix", Word::Post),
    ("fixpack", Word::Post),
    ("fossil", Word::Snapshot),
    ("fp", Word::Post),
    ("head", Word::Snapshot),
    ("hf", Word::Post),
    ("hg", Word::Snapshot),
    ("hotfix", Word::Post),
    ("insiders", Word::Pre(DEV)),
    ("main", Word::Snapshot),
    ("master", Word::Snapshot),
    ("milestone", Word::Pre(MILESTONE)),
    ("nightly", Word::Pre(DEV)),
    ("patchlevel", Word::Post),
    ("prerelease", Word::Pre(PREVIEW)),
    ("preview", Word::Pre(PREVIEW)),
    ("rev", Word::Post),
    ("revision", Word::Post),
    ("snapshot", Word::Pre(SNAPSHOT)),
    ("staging", Word::Snapshot),
    ("svn", Word::Snapshot),
    ("test", Word::Pre(DEV)),
    ("trunk", Word::Snapshot),
    ("update", Word::Post),
];

/// Looks a word up, whatever its case.
pub(super) fn meaning(word: &[u8]) -> Word {
    if word.len() < 2 || word.len() > 10 {
        return Word::Other;
    }
    WORDS
        .iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
        .map_or(Word::Other, |&(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_listed_once_and_found_in_any_case() {
        for (i, (name, wanted)) in WORDS.iter().enumerate() {
            assert!(WORDS[..i].iter().all(|(other, _)| other != name), "{name} is listed twice");
            assert_eq!(meaning(name.to_uppercase().as_bytes()), *wanted);
            assert!((2..=10).contains(&name.len()), "{name} would never be looked up");
        }
        assert_eq!(meaning(b"wrapped"), Word::Other);
        assert_eq!(meaning(b"r"), Word::Other);
    }
}
