//! What only a package's derivation knows: the patches it applies, where its sources come from, how its author splits its name.

use std::borrow::Cow;
use std::collections::HashSet;

use nix_model::derivation::Attributes;
use nix_model::{Derivation, STORE_DIR, StorePath};

use super::{Package, ScriptId, ids_in};
use crate::Problem;

/// Adds to a package what its derivation says. `input` is asked for derivations that this one needs (those of its sources and
/// patches); where it has none, names are all that is known of them. Doing it twice adds nothing.
pub fn enrich(
    package: &mut Package,
    drv: &Derivation<'_>,
    input: &mut dyn FnMut(&StorePath) -> Option<Derivation<'static>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let attributes = drv.attributes().unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        problems.push(Problem::new("/drv/env/__json", format!("{error}: {cause}")));
        drv.env_attributes()
    });
    add_name(package, &attributes);
    if package.system.is_empty() {
        package.system = drv.system.to_string();
    }
    if package.outputs.is_empty() {
        let path = |path: &Option<StorePath>| path.as_ref().map(ToString::to_string).unwrap_or_default();
        package.outputs = drv
            .outputs
            .iter()
            .map(|output| (output.name.to_string(), path(&output.path)))
            .collect();
    }
    let outputs = drv.outputs.iter().map(|output| output.name.to_str()).collect();
    let mut inputs = Inputs { drv, outputs, input };
    add_patches(package, &attributes, &mut inputs);
    add_sources(package, &attributes, &mut inputs);
    problems
}

/// Splits the name where its author does. Lists split it as Nix does, which takes `foo-unstable-2020-03-13` for version
/// `2020-03-13` of `foo-unstable`, and `octave-7.3.0-io-2.6.4` for version `7.3.0-io-2.6.4` of `octave`. What stands before the
/// author's pname (`python3.8-`) stays, since it tells the ecosystem.
fn add_name(package: &mut Package, attributes: &Attributes<'_>) {
    let text = |name: &str| attributes.text(name).unwrap_or_default();
    let (name, pname, version) = (text("name"), text("pname"), text("version"));
    // A list may show another name than the derivation's: `python3Packages.toPythonApplication` drops the prefix. It stays so.
    let shown = match package.version.as_str() {
        "" => package.pname.clone(),
        version => format!("{}-{version}", package.pname),
    };
    let before_version = name
        .strip_suffix(version.as_ref())
        .and_then(|rest| rest.strip_suffix('-'))
        .filter(|_| !version.is_empty() && (shown.is_empty() || shown == name));
    let same = |rest: &&str| {
        let before = rest.strip_suffix(pname.as_ref());
        !pname.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('-'))
    };
    if let Some(rest) = before_version.filter(|rest| same(rest) || package.version.is_empty()) {
        package.pname = rest.to_owned();
        package.version = version.into_owned();
        return;
    }
    let (split_pname, split_version) = nix_model::name::split(&name);
    for (known, given, split) in [
        (&mut package.pname, &pname, split_pname),
        (&mut package.version, &version, split_version),
    ] {
        if known.is_empty() {
            *known = if given.is_empty() { split.to_owned() } else { given.to_string() };
        }
    }
}

/// Patches are: what `patches` lists; what other attributes called so list (`cargoPatches`, `upstreamPatches`, `extraPatches`);
/// and patch files that a phase of the build names, since it applies them by hand. Beside them, ids that a phase names.
fn add_patches(package: &mut Package, attributes: &Attributes<'_>, inputs: &mut Inputs<'_, '_>) {
    for word in attributes.list("patches") {
        add_patch(package, &word, inputs);
    }
    for (key, values) in attributes.iter() {
        let about = About::of(&key);
        if about == About::Nothing || inputs.outputs.contains(&key) {
            continue;
        }
        for value in &values {
            for word in store_words(value) {
                if about == About::Patches || is_patch_file(word) {
                    add_patch(package, word, inputs);
                }
            }
        }
        if about == About::Script {
            for id in values.iter().flat_map(|value| ids_in(&without_store_words(value))) {
                if package.script_ids.len() < MAX_ITEMS && !package.script_ids.iter().any(|known| known.id == id) {
                    package.script_ids.push(ScriptId {
                        id,
                        phase: key.to_string(),
                    });
                }
            }
        }
    }
}

/// What an attribute is about, told by its name.
#[derive(Debug, PartialEq, Eq)]
enum About {
    /// A list of patches besides `patches` itself.
    Patches,
    /// Something with patches in it, among other things.
    PatchFiles,
    /// A part of the build script, except its checks: those name vulnerabilities in tests that they run or skip.
    Script,
    Nothing,
}

impl About {
    fn of(key: &str) -> Self {
        let lower = key.to_ascii_lowercase();
        let hook = ["pre", "post"].iter().any(|prefix| {
            key.strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        });
        if key == "patches" || lower.contains("check") {
            About::Nothing
        } else if key.ends_with("Phase") || key.ends_with("Command") || hook {
            About::Script
        } else if lower.ends_with("patches") {
            About::Patches
        } else if lower.contains("patch") {
            About::PatchFiles
        } else {
            About::Nothing
        }
    }
}

fn add_patch(package: &mut Package, word: &str, inputs: &mut Inputs<'_, '_>) {
    let Ok((path, rest)) = StorePath::split_prefix(word) else {
        // Relative to the source, or to its unpacked folder.
        push(&mut package.patches, file_name(word).to_owned());
        return;
    };
    let whole = format!("{}{rest}", path.name());
    let last = file_name(&whole);
    // In `.../CVE-2020-1234-fixes/0001.patch` the folder says what the file is for.
    let named = ids_in(last);
    let label = if ids_in(&whole).len() > named.len() {
        whole.clone()
    } else {
        last.to_owned()
    };
    push(&mut package.patches, label);
    if named.is_empty() {
        for url in inputs.fetched_from(&path) {
            if !ids_in(&url).is_empty() {
                push(&mut package.patches, url);
            }
        }
    }
}

fn add_sources(package: &mut Package, attributes: &Attributes<'_>, inputs: &mut Inputs<'_, '_>) {
    for word in attributes.list("src").into_iter().chain(attributes.list("srcs")) {
        let Ok((path, _)) = StorePath::split_prefix(&word) else { continue };
        push(&mut package.source_names, path.name().to_owned());
        for url in inputs.fetched_from(&path) {
            push(&mut package.source_urls, url);
        }
    }
}

/// The derivations that a package's derivation needs.
struct Inputs<'d, 'i> {
    drv: &'d Derivation<'d>,
    /// Names of the derivation's own outputs, which are variables of its environment.
    outputs: HashSet<Cow<'d, str>>,
    input: &'i mut dyn FnMut(&StorePath) -> Option<Derivation<'static>>,
}

impl Inputs<'_, '_> {
    /// Where a path that is needed was fetched from: the addresses of the fixed-output derivation that makes it.
    fn fetched_from(&mut self, path: &StorePath) -> Vec<String> {
        let makes = |name: &str| name.strip_suffix(".drv") == Some(path.name());
        for candidate in self.drv.input_drvs.iter().filter(|input| makes(input.path.name())) {
            let Some(fetch) = (self.input)(&candidate.path) else { continue };
            let fixed = fetch
                .outputs
                .iter()
                .any(|output| output.is_fixed() && output.path.as_ref().is_none_or(|made| made == path));
            if !fixed {
                continue;
            }
            let Ok(attributes) = fetch.attributes() else { continue };
            let words = attributes.list("urls").into_iter().chain(attributes.list("url"));
            let mut urls = Vec::new();
            words.for_each(|url| push(&mut urls, url.into_owned()));
            return urls;
        }
        Vec::new()
    }
}

/// The most patches, sources or ids that are kept of one package.
const MAX_ITEMS: usize = 2000;

/// Adds what is not there yet.
fn push(list: &mut Vec<String>, item: String) {
    if list.len() < MAX_ITEMS && !item.is_empty() && !list.contains(&item) {
        list.push(item);
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_patch_file(word: &str) -> bool {
    let plain = [".gz", ".xz", ".bz2", ".zst"]
        .iter()
        .find_map(|packed| word.strip_suffix(packed))
        .unwrap_or(word);
    plain.ends_with(".patch") || plain.ends_with(".diff")
}

/// The store paths in a text, with what follows them in it.
fn store_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, found) = rest.split_at(rest.find(STORE_DIR)?);
        let (word, after) = found.split_at(found.find(|c: char| !is_path_character(c)).unwrap_or(found.len()));
        rest = after;
        Some(word)
    })
}

/// A text without the store paths in it, so that an id in a name of a file that is only handled is not taken for a remark.
fn without_store_words(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    for word in store_words(text) {
        if let Some((before, after)) = rest.split_once(word) {
            kept.push_str(before);
            kept.push(' ');
            rest = after;
        }
    }
    kept.push_str(rest);
    kept
}

fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-._?=/".contains(c)
}

#[cfg(test)]
mod tests {
    use nix_model::derivation::{InputDrv, Output, Wanted};

    use super::*;

    const HASH: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4";

    fn with_env(env: &[(&'static str, &str)]) -> Derivation<'static> {
        let env = env
            .iter()
            .map(|(key, value)| ((*key).into(), value.replace("STORE", &format!("/nix/store/{HASH}")).into()))
            .collect();
        let outputs = vec![Output {
            name: "out".into(),
            path: None,
            hash_algo: "".into(),
            hash: "".into(),
        }];
        Derivation {
            outputs,
            env,
            system: "x86_64-linux".into(),
            ..Derivation::default()
        }
    }

    fn enriched(env: &[(&'static str, &str)]) -> Package {
        let mut package = Package {
            pname: "x".into(),
            version: "1".into(),
            ..Package::default()
        };
        assert_eq!(enrich(&mut package, &with_env(env), &mut |_| None), []);
        let once = package.clone();
        enrich(&mut package, &with_env(env), &mut |_| None);
        assert_eq!(package, once, "doing it twice adds nothing");
        package
    }

    #[test]
    fn reads_patches_of_the_environment() {
        let package = enriched(&[(
            "patches",
            "STORE-CVE-2020-1234.patch STORE-7f82da7eb2f5 STORE-source/debian/patches/cve-2019-1.patch\nSTORE-CVE-2018-1000-fixes/0001.patch ./debian/patches/x.diff STORE-7f82da7eb2f5",
        )]);
        assert_eq!(
            package.patches,
            [
                "CVE-2020-1234.patch",
                "7f82da7eb2f5",
                "cve-2019-1.patch",
                "CVE-2018-1000-fixes/0001.patch",
                "x.diff"
            ]
        );
        assert_eq!(package.system, "x86_64-linux");
        assert_eq!(package.outputs, [("out".to_owned(), String::new())]);
    }

    #[test]
    fn reads_patches_of_structured_attributes() {
        let package = enriched(&[("__json", r#"{"patches":["STORE-CVE-2020-1234.patch"],"src":"STORE-curl-1.tar.gz"}"#)]);
        assert_eq!(package.patches, ["CVE-2020-1234.patch"]);
        assert_eq!(package.source_names, ["curl-1.tar.gz"]);
        let mut unnamed = Package::default();
        enrich(
            &mut unnamed,
            &with_env(&[("__json", r#"{"pname":"a-b","version":"git-2","name":"a-b-git-2"}"#)]),
            &mut |_| None,
        );
        assert_eq!((unnamed.pname.as_str(), unnamed.version.as_str()), ("a-b", "git-2"));
    }

    #[test]
    fn reads_patches_that_are_applied_in_other_ways() {
        let package = enriched(&[
            ("cargoPatches", "STORE-cargo-lock.patch"),
            ("upstreamPatches", "STORE-readline80-001"),
            ("patchsrc", "STORE-jade_1.2.1-47.3.diff.gz"),
            ("postPatch", "patch -p1 < STORE-CVE-2016-1.patch\ncp STORE-other.h ."),
            ("checkPhase", "patch < STORE-test.patch"),
            ("buildInputs", "STORE-no.patch"),
            ("out", "STORE-self.patch"),
        ]);
        assert_eq!(
            package.patches,
            ["cargo-lock.patch", "readline80-001", "jade_1.2.1-47.3.diff.gz", "CVE-2016-1.patch"]
        );
        assert_eq!(package.script_ids, []);
    }

    #[test]
    fn reads_ids_that_build_scripts_name() {
        let package = enriched(&[
            ("postInstall", "# Fixes CVE-2016-9447\nrm $out/lib/libgstnsf.so"),
            ("installPhase", "cp STORE-CVE-2019-1111.txt $out # CVE-2016-9447"),
            ("preCheck", "# disabled: test_cve_2018_1234"),
            ("disabledTests", "test_CVE_2018_1235"),
        ]);
        assert_eq!(
            package.script_ids,
            [ScriptId {
                id: "CVE-2016-9447".into(),
                phase: "postInstall".into()
            }]
        );
        assert_eq!(package.patches, [""; 0]);
    }

    #[test]
    fn splits_the_name_as_its_author_does() {
        let split = |env: &[(&'static str, &str)], pname: &str, version: &str| {
            let mut package = Package {
                pname: pname.into(),
                version: version.into(),
                ..Package::default()
            };
            enrich(&mut package, &with_env(env), &mut |_| None);
            (package.pname, package.version)
        };
        let pair = |pname: &str, version: &str| (pname.to_owned(), version.to_owned());
        let unstable = [
            ("name", "python3.8-foo-unstable-2020-01-01"),
            ("pname", "foo"),
            ("version", "unstable-2020-01-01"),
        ];
        assert_eq!(
            split(&unstable, "python3.8-foo-unstable", "2020-01-01"),
            pair("python3.8-foo", "unstable-2020-01-01")
        );
        let octave = [("name", "octave-7.3.0-io-2.6.4"), ("pname", "io"), ("version", "2.6.4")];
        assert_eq!(split(&octave, "octave", "7.3.0-io-2.6.4"), pair("octave-7.3.0-io", "2.6.4"));
        // `pname` is not what stands before the version: nothing is learnt.
        let other = [
            ("name", "ati-drivers-15.12-4.14.189"),
            ("pname", "ati-drivers"),
            ("version", "15.12"),
        ];
        assert_eq!(
            split(&other, "ati-drivers", "15.12-4.14.189"),
            pair("ati-drivers", "15.12-4.14.189")
        );
        let part = [("name", "foo-1.2-1"), ("version", "1")];
        assert_eq!(split(&part, "foo", "1.2-1"), pair("foo", "1.2-1"));
        let letters = [("name", "lisp-drakma-v2.0.8"), ("version", "v2.0.8")];
        assert_eq!(split(&letters, "lisp-drakma-v2.0.8", ""), pair("lisp-drakma", "v2.0.8"));
        assert_eq!(split(&[("name", "foo-1.2")], "", ""), pair("foo", "1.2"));
        let application = [
            ("name", "python3.8-speedtest-cli-2.1.2"),
            ("pname", "speedtest-cli"),
            ("version", "2.1.2"),
        ];
        assert_eq!(split(&application, "speedtest-cli", "2.1.2"), pair("speedtest-cli", "2.1.2"));
        assert_eq!(split(&application, "", ""), pair("python3.8-speedtest-cli", "2.1.2"));
        assert_eq!(split(&[], "foo", ""), pair("foo", ""));
    }

    fn fetch(out: &str, env: &[(&'static str, &str)]) -> Derivation<'static> {
        let mut drv = with_env(env);
        drv.outputs[0].path = Some(out.parse().unwrap());
        drv.outputs[0].hash = "00".to_owned().into();
        drv
    }

    #[test]
    fn asks_for_the_derivations_of_sources_and_patches() {
        let (a, b) = ("23yc9dd7fzj8n9ffsfap71gv06s0dp0g", "7vn1m2c7gwdxrbnkn11rnp0bq467jp59");
        let mut drv = with_env(&[("src", "STORE-source"), ("patches", "STORE-0001.patch STORE-CVE-2020-1.patch")]);
        for name in [
            format!("{a}-source.drv"),
            format!("{b}-source.drv"),
            format!("{a}-0001.patch.drv"),
            format!("{a}-other.drv"),
        ] {
            drv.input_drvs.push(InputDrv {
                path: name.parse().unwrap(),
                wanted: Wanted::default(),
            });
        }
        let mut asked = Vec::new();
        let mut package = Package::default();
        enrich(&mut package, &drv, &mut |path| {
            asked.push(path.base().to_owned());
            match path.base().split_once('-').unwrap() {
                (hash, "source.drv") if hash == a => Some(fetch(&format!("{b}-source"), &[("url", "https://wrong")])),
                (_, "source.drv") => Some(fetch(
                    &format!("{HASH}-source"),
                    &[
                        ("urls", "https://github.com/a/b/archive/1.tar.gz https://mirror"),
                        ("url", "https://mirror"),
                    ],
                )),
                _ => Some(fetch(
                    &format!("{HASH}-0001.patch"),
                    &[("url", "https://salsa.debian.org/x/CVE-2019-1234.patch")],
                )),
            }
        });
        assert_eq!(
            asked,
            [format!("{a}-0001.patch.drv"), format!("{a}-source.drv"), format!("{b}-source.drv")]
        );
        assert_eq!(package.source_urls, ["https://github.com/a/b/archive/1.tar.gz", "https://mirror"]);
        assert_eq!(package.source_names, ["source"]);
        assert_eq!(
            package.patches,
            ["0001.patch", "https://salsa.debian.org/x/CVE-2019-1234.patch", "CVE-2020-1.patch"]
        );
    }

    #[test]
    fn broken_structured_attributes_are_a_problem_and_the_environment_is_read() {
        let mut package = Package::default();
        let drv = with_env(&[("__json", "{"), ("patches", "STORE-CVE-2020-1234.patch")]);
        let problems = enrich(&mut package, &drv, &mut |_| None);
        assert_eq!(problems[0].at, "/drv/env/__json");
        assert!(
            problems[0].message.starts_with("parse structured attributes (__json): EOF"),
            "{}",
            problems[0].message
        );
        assert_eq!(package.patches, ["CVE-2020-1234.patch"]);
    }
}
