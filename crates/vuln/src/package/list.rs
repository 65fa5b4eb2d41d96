//! Package lists: a channel's `packages.json` (version 2), and what `nix-env -qaP --json` prints.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Package, meta};
use crate::Problem;

/// The largest single package that is read; the largest real ones are about 20 kB.
const MAX_ENTRY: usize = 1 << 20;
/// The most packages of one list.
const MAX_PACKAGES: usize = 2_000_000;
/// The most problems that are kept; the last one says how many more there were.
const MAX_PROBLEMS: usize = 1000;

/// Reads a package list and hands over its packages one by one, in file order. Whatever cannot be read is a problem and does not
/// stop the rest; only broken JSON ends the reading where it breaks, and the last problem says so.
///
/// An attribute's name stays as it is (`_0x0`, `_1password`: names of attributes cannot begin with a digit).
pub fn read(json: &[u8], mut each: impl FnMut(Package)) -> Vec<Problem> {
    let text = String::from_utf8_lossy(json);
    let mut reader = Reader {
        each: &mut each,
        seen: HashSet::new(),
        problems: Vec::new(),
        more_problems: 0,
    };
    if matches!(text, std::borrow::Cow::Owned(_)) {
        reader.problem("", "not UTF-8: the bytes that are not were replaced");
    }
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let result = Entries {
        reader: &mut reader,
        inside: false,
    }
    .deserialize(&mut deserializer)
    .and_then(|()| deserializer.end());
    if let Err(error) = result {
        reader.problem("", format!("read ended after {} packages: {error}", reader.seen.len()));
    }
    reader.into_problems()
}

struct Reader<'e, F> {
    each: &'e mut F,
    seen: HashSet<String>,
    problems: Vec<Problem>,
    more_problems: usize,
}

impl<F: FnMut(Package)> Reader<'_, F> {
    fn problem(&mut self, at: &str, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::new(at, message));
        } else {
            self.more_problems += 1;
        }
    }

    fn entry(&mut self, attr: String, raw: &RawValue) {
        let at = format!("/packages/{}", attr.replace('~', "~0").replace('/', "~1"));
        if raw.get().len() > MAX_ENTRY {
            return self.problem(&at, format!("longer than {MAX_ENTRY} bytes"));
        }
        if self.seen.contains(&attr) {
            return self.problem(&at, "attribute given twice, the first one is kept");
        }
        let mut problems = Vec::new();
        match package(attr.clone(), raw, &at, &mut problems) {
            Ok(package) => {
                self.seen.insert(attr);
                (self.each)(package);
            }
            Err(problem) => problems.push(problem),
        }
        for problem in problems {
            self.problem(&problem.at, problem.message);
        }
    }

    fn into_problems(mut self) -> Vec<Problem> {
        if self.more_problems > 0 {
            self.problems
                .push(Problem::new("", format!("{} more problems", self.more_problems)));
        }
        self.problems
    }
}

/// Goes through the outer object, or the one of the packages.
struct Entries<'r, 'e, F> {
    reader: &'r mut Reader<'e, F>,
    inside: bool,
}

impl<'de, F: FnMut(Package)> DeserializeSeed<'de> for Entries<'_, '_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Package)> Visitor<'de> for Entries<'_, '_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.reader.seen.len() >= MAX_PACKAGES {
                return Err(serde::de::Error::custom(format!("more than {MAX_PACKAGES} packages")));
            }
            // No attribute of a package set is called `packages`: it is what a channel's list keeps its packages in.
            if !self.inside && key == "packages" {
                map.next_value_seed(Entries {
                    reader: &mut *self.reader,
                    inside: true,
                })?;
                continue;
            }
            let raw: &RawValue = map.next_value()?;
            if self.inside || raw.get().starts_with('{') {
                self.reader.entry(key, raw);
            } else if key == "version" && raw.get() != "2" {
                self.reader
                    .problem("/version", format!("version {} is not known, read as version 2", raw.get()));
            }
        }
        Ok(())
    }
}

/// One package, as channels since 2020 and `nix-env` write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: Option<String>,
    pname: Option<String>,
    version: Option<String>,
    system: Option<String>,
    drv_path: Option<String>,
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

fn package(attr: String, raw: &RawValue, at: &str, problems: &mut Vec<Problem>) -> Result<Package, Problem> {
    let entry: Entry<'_> = serde_json::from_str(raw.get()).map_err(|error| Problem::new(at, format!("not a package: {error}")))?;
    let (pname, version) =
        names(entry.name.as_deref(), entry.pname, entry.version).ok_or_else(|| Problem::new(at, "neither name nor pname"))?;
    let mut package = Package {
        attr,
        pname,
        version,
        system: entry.system.unwrap_or_default(),
        drv_path: entry.drv_path,
        ..Package::default()
    };
    if let Some(raw) = entry.outputs {
        package.outputs = outputs(raw, at, problems);
    }
    if let Some(raw) = entry.meta {
        meta::apply(raw, &mut package, &format!("{at}/meta"), problems);
    }
    Ok(package)
}

/// `pname` and `version`, where they are not given split from the name as Nix does.
pub(super) fn names(name: Option<&str>, pname: Option<String>, version: Option<String>) -> Option<(String, String)> {
    let name = name.unwrap_or_default();
    match (pname.filter(|pname| !pname.is_empty()), version) {
        (Some(pname), version) => {
            // With only a pname the version is what follows it.
            let rest = || name.strip_prefix(pname.as_str())?.strip_prefix('-').map(str::to_owned);
            let version = version.or_else(rest).unwrap_or_default();
            Some((pname, version))
        }
        (None, version) if !name.is_empty() => {
            let (pname, split) = nix_model::name::split(name);
            let version = version.filter(|version| !version.is_empty()).unwrap_or_else(|| split.to_owned());
            Some((pname.to_owned(), version))
        }
        _ => None,
    }
}

/// Outputs with their paths; an output whose path is not known (`null`) has an empty one.
pub(super) fn outputs(raw: &RawValue, at: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    match serde_json::from_str(raw.get()) {
        Ok(Value::Object(members)) => {
            for (name, path) in members {
                match path {
                    Value::String(path) => outputs.push((name, path)),
                    Value::Null => outputs.push((name, String::new())),
                    _ => problems.push(Problem::new(format!("{at}/outputs/{name}"), "expected a path")),
                }
            }
        }
        Ok(Value::Null) => {}
        Ok(_) => problems.push(Problem::new(format!("{at}/outputs"), "expected an object of outputs")),
        Err(error) => problems.push(Problem::new(format!("{at}/outputs"), error.to_string())),
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(json: &str) -> (Vec<Package>, Vec<Problem>) {
        let mut packages = Vec::new();
        let problems = read(json.as_bytes(), |package| packages.push(package));
        (packages, problems)
    }

    const CURL: &str = r#"{"name":"curl-7.71.1","pname":"curl","version":"7.71.1","system":"x86_64-linux","outputName":"bin",
        "outputs":{"bin":"/nix/store/b","out":null},"meta":{"homepage":"https://curl.haxx.se/"}}"#;

    #[test]
    fn reads_a_channels_list_and_nix_envs_output() {
        let (channel, problems) = all(&format!(
            r#"{{"version":2,"packages":{{"curl":{CURL},"_0x0":{{"name":"0x0-2018-06-24"}}}}}}"#
        ));
        assert_eq!(problems, []);
        assert_eq!(channel.len(), 2);
        assert_eq!(
            (channel[0].attr.as_str(), channel[0].pname.as_str(), channel[0].version.as_str()),
            ("curl", "curl", "7.71.1")
        );
        assert_eq!(
            channel[0].outputs,
            [("bin".to_owned(), "/nix/store/b".to_owned()), ("out".to_owned(), String::new())]
        );
        assert_eq!(channel[0].homepages, ["https://curl.haxx.se/"]);
        assert_eq!(
            (channel[1].attr.as_str(), channel[1].pname.as_str(), channel[1].version.as_str()),
            ("_0x0", "0x0", "2018-06-24")
        );
        let (nix_env, problems) = all(&format!(r#"{{"curl":{CURL},"version":{{"name":"version-1"}}}}"#));
        assert_eq!(problems, []);
        assert_eq!(nix_env[0], channel[0]);
        assert_eq!(nix_env[1].attr, "version");
    }

    #[test]
    fn splits_names_as_nix_does_where_they_are_not_split() {
        let names = |name: Option<&str>, pname: Option<&str>, version: Option<&str>| {
            names(name, pname.map(str::to_owned), version.map(str::to_owned)).unwrap()
        };
        let pair = |pname: &str, version: &str| (pname.to_owned(), version.to_owned());
        assert_eq!(
            names(Some("foo-unstable-2020-01-01"), None, None),
            pair("foo-unstable", "2020-01-01")
        );
        assert_eq!(names(Some("foo-1-2"), Some("foo-1"), None), pair("foo-1", "2"));
        assert_eq!(names(Some("foo-1-2"), Some("foo"), Some("")), pair("foo", ""));
        assert_eq!(names(Some("hook"), None, Some("")), pair("hook", ""));
        assert_eq!(names(None, Some("foo"), Some("1")), pair("foo", "1"));
    }

    #[test]
    fn a_bad_entry_does_not_stop_the_rest() {
        let json = format!(
            r#"{{"version":3,"packages":{{"a":7,"b":{{"system":"x"}},"c":{{"name":"c-1","name":"c-2"}},"d/e":{{"name":["x"]}},"curl":{CURL},"curl":{CURL},
               "f":{{"name":"f-1","outputs":{{"out":3}},"meta":{{"license":"x","homepage":{{}}}}}},"g":{{"name":"g-1"#
        );
        let (packages, problems) = all(&json);
        let attrs: Vec<_> = packages.iter().map(|package| package.attr.as_str()).collect();
        assert_eq!(attrs, ["curl", "f"]);
        let places: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(
            places,
            [
                "/version",
                "/packages/a",
                "/packages/b",
                "/packages/c",
                "/packages/d~1e",
                "/packages/curl",
                "/packages/f/outputs/out",
                "/packages/f/meta/homepage",
                ""
            ]
        );
        assert_eq!(problems[2].message, "neither name nor pname");
        assert!(
            problems[3].message.starts_with("not a package: duplicate field `name`"),
            "{}",
            problems[3].message
        );
        assert!(
            problems[8].message.starts_with("read ended after 2 packages: EOF"),
            "{}",
            problems[8].message
        );
    }

    #[test]
    fn security_hostile_lists_end_with_problems() {
        let deep = "[".repeat(500_000);
        assert_eq!(all(&deep).1.len(), 1);
        let (packages, problems) = all(&format!(
            r#"{{"a":{{"name":"a-1","meta":{{"license":{deep}{}}}}},"curl":{CURL}}}"#,
            "]".repeat(500_000)
        ));
        assert_eq!((packages.len(), problems.len()), (2, 1));
        let long = format!(r#"{{"a":{{"name":"{}"}},"curl":{CURL}}}"#, "x".repeat(MAX_ENTRY));
        assert_eq!(all(&long).0.len(), 1);
        let many: String = (0..3000).map(|n| format!("\"a{n}\":{{}},")).collect();
        let (_, problems) = all(&format!("{{{many}\"curl\":{CURL}}}"));
        assert_eq!((problems.len(), problems[1000].message.as_str()), (1001, "2000 more problems"));
        let mut packages = 0;
        let problems = read(b"{\"a\":{\"name\":\"a\xff-1\"}}", |_| packages += 1);
        assert_eq!((packages, problems.len()), (1, 1));
        for json in ["", "null", "[]", "{}", "{\"packages\":[]}", "{\"packages\":null,\"x\":1}"] {
            assert_eq!(all(json).0.len(), 0, "{json}");
        }
    }
}
