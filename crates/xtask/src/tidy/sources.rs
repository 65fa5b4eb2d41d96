//! What Rust sources look like.

use anyhow::Result;

use super::Files;

/// Above this a file says in its header why it is long: `//! Long because ...`.
const LONG: usize = 800;

/// Words that must not be in any source, and what to write instead. Split, so that this file passes.
const FORBIDDEN: [(&str, &str, &str); 6] = [
    (
        "#[al",
        "low(",
        "use #[expect(lint, reason = \"..\")], which tells when it is no longer needed",
    ),
    (
        "#![al",
        "low(",
        "use #![expect(lint, reason = \"..\")], which tells when it is no longer needed",
    ),
    ("to", "do!(", "do it, or leave it out and say so on the issue"),
    ("unimplem", "ented!(", "do it, or leave it out and say so on the issue"),
    ("TO", "DO", "open ends belong on the issue, not into the source"),
    ("FIX", "ME", "open ends belong on the issue, not into the source"),
];

/// What pure crates must not call: files, network, processes, environment, clocks.
const PURE: [&str; 3] = ["crates/boot-formats/src/", "crates/nix-model/src/", "crates/vuln/src/"];
const EFFECTS: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "OffsetDateTime::now",
];

pub fn check(files: &Files<'_>) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for name in files.ending(".rs") {
        complaints.extend(source(name, &files.read(name)?));
    }
    Ok(complaints)
}

fn source(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    let explained = text.lines().take_while(|l| l.starts_with("//")).any(|l| l.contains("Long because"));
    if lines > LONG && !explained {
        complaints.push(format!(
            "{name}: {lines} lines; split it, or say `//! Long because ...` in its header"
        ));
    }
    if name.ends_with("/mod.rs") {
        complaints.push(format!("{name}: write foo.rs beside foo/ instead"));
    }
    if is_test_binary(name) {
        complaints.push(format!(
            "{name}: a crate has one integration test binary, tests/it/main.rs; make this a module of it"
        ));
    }
    let is_pure = PURE.iter().any(|p| name.starts_with(p));
    // By convention the tests are the last item of a file; they may read and print what they like.
    let mut in_tests = false;
    for (number, line) in text.lines().enumerate() {
        in_tests |= line.starts_with("#[cfg(test)]");
        for (head, tail, instead) in FORBIDDEN {
            if line.match_indices(head).any(|(at, _)| is_word(line, at, head, tail)) {
                complaints.push(format!("{name}:{}: {head}{tail}: {instead}", number + 1));
            }
        }
        for effect in EFFECTS.iter().filter(|e| is_pure && !in_tests && line.contains(**e)) {
            complaints.push(format!(
                "{name}:{}: {effect}: this crate is pure, effects belong to the programs",
                number + 1
            ));
        }
    }
    complaints
}

/// Whether `head` + `tail` stand at `at` and are no part of a longer word.
fn is_word(line: &str, at: usize, head: &str, tail: &str) -> bool {
    let (before, rest) = line.split_at(at);
    let after = rest.strip_prefix(head).and_then(|r| r.strip_prefix(tail));
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    after.is_some_and(|a| tail.ends_with('(') || !a.starts_with(is_letter)) && !before.ends_with(is_letter)
}

fn is_test_binary(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("tests") && parts.count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_words_are_found_with_their_line() {
        let text = format!("fn a() {{\n    {}{}) // {}{}: later\n}}\n", "to", "do!(", "FIX", "ME");
        let found = source("crates/x/src/a.rs", &text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("crates/x/src/a.rs:2: to") && found[1].starts_with("crates/x/src/a.rs:2: FIX"),
            "{found:?}"
        );
        assert_eq!(source("a.rs", "let mastodon = TODOS; // autodo!(x)"), [""; 0]);
    }

    #[test]
    fn long_files_say_why() {
        let long = "//! Rules.\n".to_owned() + &"\n".repeat(800);
        assert_eq!(source("a.rs", &long).len(), 1);
        let explained = "//! Rules.\n//! Long because one table.\n".to_owned() + &"\n".repeat(800);
        assert_eq!(source("a.rs", &explained), [""; 0]);
    }

    #[test]
    fn pure_crates_have_no_effects_outside_tests() {
        let text = "use std::fs;\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(source("crates/vuln/src/a.rs", text).len(), 1);
        assert_eq!(source("crates/tracker/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn shapes() {
        assert_eq!(source("crates/x/src/a/mod.rs", "").len(), 1);
        assert_eq!(source("crates/x/tests/a.rs", "").len(), 1);
        assert_eq!(source("crates/x/tests/it/a.rs", ""), [""; 0]);
    }
}
