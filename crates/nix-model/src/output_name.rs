//! The names of outputs in the store, split into package, version and output.
//!
//! An output's name is its derivation's, and a dash and the output's name unless that is `out`: `curl-7.71.1-dev`. Where the
//! derivation is known the split is exact; from the name alone it is a guess, good because few words are names of outputs.

use crate::name;

/// The parts of an output's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputName<'a> {
    /// `curl`, `python3.8-Django`.
    pub pname: &'a str,
    /// `7.71.1`; empty where the name has none.
    pub version: &'a str,
    /// `out`, `dev`.
    pub output: &'a str,
}

impl<'a> OutputName<'a> {
    /// Splits a name of which nothing else is known.
    ///
    /// ```
    /// use nix_model::output_name::OutputName;
    /// let name = OutputName::guess("python3.8-Django-2.2-dev");
    /// assert_eq!((name.pname, name.version, name.output), ("python3.8-Django", "2.2", "dev"));
    /// ```
    pub fn guess(name: &'a str) -> Self {
        let (stem, output) = split_output(name);
        let (pname, version) = split_version(stem);
        if version.is_empty() && !output.is_empty() {
            // Without a version before it the last word may as well belong to the name: `nix-bin`, `texlive-doc`.
            let (pname, version) = split_version(name);
            return Self {
                pname,
                version,
                output: OUT,
            };
        }
        Self {
            pname,
            version,
            output: if output.is_empty() { OUT } else { output },
        }
    }

    /// Splits the name of an output of the derivation called `derivation` (without `.drv`). `None` if it is no such output.
    pub fn of(name: &'a str, derivation: &str) -> Option<Self> {
        let output = match name.strip_prefix(derivation)? {
            "" => OUT,
            rest => rest.strip_prefix('-').filter(|output| !output.is_empty())?,
        };
        let (stem, _) = name.split_at(derivation.len());
        let (pname, version) = split_version(stem);
        Some(Self { pname, version, output })
    }
}

/// The output that adds nothing to a name.
const OUT: &str = "out";

/// Names of outputs that Nixpkgs uses, but those that are as likely the end of a version (`qt`, `py3`, `test`).
const OUTPUTS: [&str; 47] = [
    "bin",
    "browser",
    "cli",
    "common",
    "contrib",
    "data",
    "debug",
    "dev",
    "devdoc",
    "devman",
    "dist",
    "dnsutils",
    "doc",
    "drivers",
    "emacs",
    "examples",
    "fonts",
    "ga",
    "getent",
    "gimpPlugin",
    "headers",
    "host",
    "info",
    "installedTests",
    "jre",
    "kmod",
    "lib",
    "lib32",
    "libgcc",
    "login",
    "man",
    "modules",
    "modsrc",
    "mount",
    "osmesa",
    "pam",
    "py",
    "python",
    "sandbox",
    "scripts",
    "server",
    "static",
    "su",
    "swap",
    "terminfo",
    "tools",
    "unbundled",
];

/// Cuts the output off a name; the second part is empty where there is none.
fn split_output(name: &str) -> (&str, &str) {
    match name.rsplit_once('-') {
        Some((stem, word)) if OUTPUTS.contains(&word) => (stem, word),
        _ => (name, ""),
    }
}

/// Splits as authors mean it, where Nix's rule is known to take a part of the name for the version or the other way round.
fn split_version(stem: &str) -> (&str, &str) {
    let skip = prefix(stem);
    let at = |pname: &str| (&stem[..skip + pname.len()], &stem[(skip + pname.len() + 1).min(stem.len())..]);
    let rest = &stem[skip..];
    let (pname, version) = name::split(rest);
    // `unstable`, `git` and `nightly` before a date or commit are what their authors begin the version with.
    let shorter = ["-unstable", "-git", "-nightly"].iter().find_map(|word| pname.strip_suffix(word));
    if let Some(shorter) = shorter.filter(|_| !version.is_empty()) {
        return at(shorter);
    }
    if version.is_empty()
        && let Some((pname, last)) = rest.rsplit_once('-')
        && let Some(digits) = last.strip_prefix('v')
        && digits.starts_with(|c: char| c.is_ascii_digit())
    {
        return at(pname);
    }
    at(pname)
}

/// The bytes of what stands before a package of a language's own set: `python3.8-`, `perl5.30.3-`, `octave-7.3.0-`. A package
/// there may begin with a digit (`python3.8-3to2-1.1.1`), which Nix's rule takes for a version.
fn prefix(stem: &str) -> usize {
    const LANGUAGES: [&str; 8] = ["python", "pypy", "perl", "ruby", "lua", "luajit-", "ocaml", "octave-"];
    let Some((language, digits)) = LANGUAGES.iter().find_map(|language| {
        let digits = stem.strip_prefix(language)?;
        digits.starts_with(|c: char| c.is_ascii_digit()).then_some((language, digits))
    }) else {
        return 0;
    };
    // `luajit-2.1.0-2020-03-20-basexx-0.4.1-1`: a version with dashes goes on to the first letter.
    let dashes = language.ends_with('-');
    let end = digits
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || (dashes && c == '-')))
        .unwrap_or(digits.len());
    let package = match digits.split_at(end) {
        (version, package) if dashes && version.ends_with('-') => package,
        (_, rest) => rest.strip_prefix('-').unwrap_or_default(),
    };
    // `python3-3.8.3` and `octave-7.3.0` are the language itself: what follows must have a version of its own.
    match name::split(package).1 {
        "" => 0,
        _ => stem.len() - package.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guess(name: &str) -> (&str, &str, &str) {
        let split = OutputName::guess(name);
        (split.pname, split.version, split.output)
    }

    #[test]
    fn guesses_what_people_see() {
        let cases = [
            ("curl-7.71.1", ("curl", "7.71.1", "out")),
            ("curl-7.71.1-dev", ("curl", "7.71.1", "dev")),
            ("gcc-9.3.0-lib", ("gcc", "9.3.0", "lib")),
            ("util-linux-2.35.2-bin", ("util-linux", "2.35.2", "bin")),
            ("python3.8-Django-2.2", ("python3.8-Django", "2.2", "out")),
            ("python3.8-3to2-1.1.1", ("python3.8-3to2", "1.1.1", "out")),
            ("python3-3.8.3", ("python3", "3.8.3", "out")),
            ("perl5.32.0-URI-1.76-devdoc", ("perl5.32.0-URI", "1.76", "devdoc")),
            ("perl-5.32.0-man", ("perl", "5.32.0", "man")),
            ("linux-5.4.52-modules", ("linux", "5.4.52", "modules")),
            ("octave-7.3.0-io-2.6.4", ("octave-7.3.0-io", "2.6.4", "out")),
            ("octave-7.3.0", ("octave", "7.3.0", "out")),
            ("tremor-unstable-2018-03-16", ("tremor", "unstable-2018-03-16", "out")),
            (
                "luajit-2.1.0-2020-03-20-basexx-0.4.1-1",
                ("luajit-2.1.0-2020-03-20-basexx", "0.4.1-1", "out"),
            ),
            ("lv2bm-git-2015-11-29", ("lv2bm", "git-2015-11-29", "out")),
            ("lisp-drakma-v2.0.8", ("lisp-drakma", "v2.0.8", "out")),
            ("bash-interactive-4.4-p23-doc", ("bash-interactive", "4.4-p23", "doc")),
            ("openssl-1.1.1g-bin", ("openssl", "1.1.1g", "bin")),
            ("luajit-2.1.0-2020-03-20", ("luajit", "2.1.0-2020-03-20", "out")),
            ("nix-bin", ("nix-bin", "", "out")),
            ("texlive-doc", ("texlive-doc", "", "out")),
            ("source", ("source", "", "out")),
            ("x-é", ("x", "é", "out")),
            ("", ("", "", "out")),
        ];
        for (name, expected) in cases {
            assert_eq!(guess(name), expected, "{name}");
        }
    }

    #[test]
    fn a_derivation_makes_the_split_exact() {
        let of = |name, drv| OutputName::of(name, drv).map(|n| (n.pname, n.version, n.output));
        assert_eq!(of("vim-8.2-py3", "vim-8.2"), Some(("vim", "8.2", "py3")));
        assert_eq!(of("nix-bin", "nix"), Some(("nix", "", "bin")));
        assert_eq!(of("curl-7.71.1", "curl-7.71.1"), Some(("curl", "7.71.1", "out")));
        assert_eq!(of("curl-7.71.10", "curl-7.71.1"), None);
        assert_eq!(of("curl-7.71.1-", "curl-7.71.1"), None);
        assert_eq!(of("wget-1", "curl-7.71.1"), None);
    }

    proptest! {
        #[test]
        fn the_parts_stand_in_the_name(name: String) {
            let split = OutputName::guess(&name);
            prop_assert!(name.starts_with(split.pname));
            let mut whole = split.pname.to_owned();
            for part in [split.version, if split.output == "out" { "" } else { split.output }] {
                if !part.is_empty() {
                    whole = format!("{whole}-{part}");
                }
            }
            prop_assert!(whole == name || format!("{whole}-out") == name || format!("{whole}-") == name, "{} from {}", whole, name);
        }

        #[test]
        fn exact_where_the_derivation_is_known(pname in "[a-z][a-z-]{0,10}[a-z]", version in "[0-9][0-9.]{0,8}", output in "[a-z]{1,8}") {
            prop_assume!(output != "out" && !["unstable", "git", "nightly"].iter().any(|word| pname.contains(word)));
            let drv = format!("{pname}-{version}");
            let name = format!("{drv}-{output}");
            let split = OutputName::of(&name, &drv).unwrap();
            prop_assert_eq!(split.output, output.as_str());
            prop_assert_eq!(format!("{}-{}", split.pname, split.version), drv);
        }
    }
}
