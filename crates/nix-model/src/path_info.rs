//! What a store knows of its paths: the JSON of `nix path-info --json`, `.narinfo` files, and plain lists of paths.
//!
//! Up to Nix 2.18 the JSON is an array of objects, in which a path that is not valid has `"valid": false`; from 2.19 it is an
//! object from full store paths to objects, `null` for a path that is not valid; format 2 and later (`--json-format`, Nix 2.33)
//! put that object under `info` beside `version` and `storeDir`, with base names for paths and objects for hashes. All are read.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::store_path::{STORE_DIR, StorePath, StorePathError};

/// The newest format of the JSON that is known; a newer one may mean anything.
pub const NEWEST_FORMAT: u64 = 3;

/// One path of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathInfo {
    /// The path.
    pub path: StorePath,
    /// What it refers to, in the order given; itself may be among them.
    pub references: Vec<StorePath>,
    /// The derivation that made it, where known; the file may be gone.
    pub deriver: Option<StorePath>,
    /// Bytes of its NAR.
    pub nar_size: Option<u64>,
    /// `sha256-<base 64>` or `sha256:<base 16 or 32>`, as given.
    pub nar_hash: Option<String>,
}

/// What is said of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The store has it.
    Valid(PathInfo),
    /// The store was asked for it and does not have it.
    Invalid(StorePath),
}

/// Why the information about paths cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PathInfoError {
    /// Not JSON, cut short, or neither an array nor an object: nothing after this point was read.
    #[error("parse path-info JSON")]
    Syntax {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// One entry that has another shape.
    #[error("parse path-info JSON, entry {entry}")]
    Entry {
        /// Its path, or its number counted from 1.
        entry: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A text that should be a store path.
    #[error("parse path-info JSON, entry {entry}: {text:?} is no store path")]
    Path {
        /// The entry's path, or its number counted from 1.
        entry: String,
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
    /// A line of a list that is no store path.
    #[error("parse list of store paths, line {line}: {text:?} is no store path")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The line, at most 120 characters of it.
        text: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
    /// A store elsewhere.
    #[error("the paths are of the store {0:?}, not of {STORE_DIR}")]
    ForeignStore(String),
    /// A format that came after this program.
    #[error("path-info JSON format {0} is newer than {NEWEST_FORMAT}, the newest that is known")]
    NewerFormat(u64),
}

/// Reads path-info JSON and hands every entry, or what is wrong with it, to `each`. A bad entry does not stop the rest; the
/// result is an error only where the whole cannot be trusted: the JSON ends early or breaks, the store or the format is another.
pub fn read_json(json: &[u8], mut each: impl FnMut(Result<Entry, PathInfoError>)) -> Result<(), PathInfoError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let mut refusal = None;
    let entries = Entries {
        each: &mut each,
        refusal: &mut refusal,
        nested: false,
    };
    let read = entries.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (refusal, read) {
        (Some(refusal), _) => Err(refusal),
        (None, read) => read.map_err(|source| PathInfoError::Syntax { source }),
    }
}

/// Reads a plain list, one path a line: full paths, base names, or files below a path, which stand for the path. Empty lines
/// and lines that begin with `#` are passed over.
pub fn read_list(text: &str, mut each: impl FnMut(Result<StorePath, PathInfoError>)) {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = match StorePath::split_prefix(line) {
            Ok((path, _)) => Ok(path),
            Err(error) if line.starts_with('/') => Err(error),
            Err(_) => line.parse(),
        };
        each(parsed.map_err(|source| PathInfoError::Line {
            line: index + 1,
            text: line.chars().take(120).collect(),
            source,
        }));
    }
}

/// A path and the bytes of its NAR, from a `.narinfo` file, as binary caches have them: lines of a key, a colon and a value, of which
/// the first of its key counts. None if either is missing or no such value.
pub fn read_narinfo(text: &str) -> Option<(StorePath, u64)> {
    let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": "));
    Some((value("StorePath")?.trim().parse().ok()?, value("NarSize")?.trim().parse().ok()?))
}

/// Goes through an array or object of entries, one at a time.
struct Entries<'e, F> {
    each: &'e mut F,
    refusal: &'e mut Option<PathInfoError>,
    nested: bool,
}

impl<'de, F: FnMut(Result<Entry, PathInfoError>)> DeserializeSeed<'de> for Entries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Result<Entry, PathInfoError>)> Visitor<'de> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object of store paths")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0_usize;
        while let Some(value) = seq.next_element::<&RawValue>()? {
            number += 1;
            (self.each)(entry(None, &number.to_string(), value));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "info" if !self.nested => map.next_value_seed(Entries {
                    each: &mut *self.each,
                    refusal: &mut *self.refusal,
                    nested: true,
                })?,
                "version" if !self.nested => {
                    let version: u64 = map.next_value()?;
                    if version > NEWEST_FORMAT {
                        *self.refusal = Some(PathInfoError::NewerFormat(version));
                    }
                }
                "storeDir" if !self.nested => {
                    let store: String = map.next_value()?;
                    if store != STORE_DIR {
                        *self.refusal = Some(PathInfoError::ForeignStore(store));
                    }
                }
                _ if !self.nested && !key.contains('-') => {
                    // A field of the whole that a later format may add: no store path is without a dash.
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value: &RawValue = map.next_value()?;
                    (self.each)(entry(Some(&key), &key, value));
                }
            }
        }
        Ok(())
    }
}

/// What is read of an entry; everything else that Nix writes is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    path: Option<String>,
    valid: Option<bool>,
    nar_hash: Option<Hash>,
    nar_size: Option<u64>,
    references: Option<Vec<String>>,
    deriver: Option<String>,
}

fn entry(key: Option<&str>, name: &str, value: &RawValue) -> Result<Entry, PathInfoError> {
    let path = |text: String| {
        text.parse::<StorePath>().map_err(|source| PathInfoError::Path {
            entry: name.to_owned(),
            text,
            source,
        })
    };
    let raw: Option<Raw> = serde_json::from_str(value.get()).map_err(|source| PathInfoError::Entry {
        entry: name.to_owned(),
        source,
    })?;
    let Some(raw) = raw else {
        return path(key.unwrap_or_default().to_owned()).map(Entry::Invalid);
    };
    // In an object the key is the path; a `path` beside it is the same one, perhaps as a base name.
    let own = path(key.map(str::to_owned).or(raw.path).unwrap_or_default())?;
    if raw.valid == Some(false) {
        return Ok(Entry::Invalid(own));
    }
    let references = raw.references.unwrap_or_default().into_iter().map(path).collect::<Result<_, _>>()?;
    // Old stores write `unknown-deriver`, or leave the text empty.
    let deriver = match raw.deriver.filter(|text| !text.is_empty() && text != "unknown-deriver") {
        Some(text) => Some(path(text)?),
        None => None,
    };
    Ok(Entry::Valid(PathInfo {
        path: own,
        references,
        deriver,
        nar_size: raw.nar_size,
        nar_hash: raw.nar_hash.map(|hash| hash.0),
    }))
}

/// A hash: a text, or since format 2 an object of algorithm, format and digits.
struct Hash(String);

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct HashVisitor;

        impl<'de> Visitor<'de> for HashVisitor {
            type Value = Hash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a hash as a text or an object")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hash, E> {
                Ok(Hash(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hash, A::Error> {
                let (mut algorithm, mut format, mut digits) = (String::new(), String::new(), String::new());
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "algorithm" => algorithm = map.next_value()?,
                        "format" => format = map.next_value()?,
                        "hash" => digits = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let between = if format == "base64" { '-' } else { ':' };
                Ok(Hash(format!("{algorithm}{between}{digits}")))
            }
        }

        d.deserialize_any(HashVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1";
    const B: &str = "23yc9dd7fzj8n9ffsfap71gv06s0dp0g-zlib-1.2.11";
    const D: &str = "7vn1m2c7gwdxrbnkn11rnp0bq467jp59-curl-7.71.1.drv";

    #[test]
    fn a_narinfo_has_a_path_and_a_size_or_is_none() {
        let text = format!("StorePath: /nix/store/{A}\nURL: nar/x.nar.xz\nFileSize: 100\nNarSize: 213\nNarSize: 7\n");
        let (path, size) = read_narinfo(&text).unwrap();
        assert_eq!((path.base(), size), (A, 213));
        for bad in [
            "",
            "StorePath: /nix/store/x\nNarSize: 1\n",
            &format!("StorePath: /nix/store/{A}\nNarSize: many\n"),
            &format!("StorePath: /nix/store/{A}\nNarSize: 18446744073709551616\n"),
            &format!("XStorePath: /nix/store/{A}\nNarSize: 1\n"),
        ] {
            assert_eq!(read_narinfo(bad), None, "{bad}");
        }
    }

    fn read(json: &str) -> (Vec<Result<Entry, String>>, Option<String>) {
        let mut entries = Vec::new();
        let end = read_json(json.as_bytes(), |entry| entries.push(entry.map_err(|e| e.to_string())));
        (entries, end.err().map(|e| e.to_string()))
    }

    fn curl(hash: &str) -> Entry {
        Entry::Valid(PathInfo {
            path: A.parse().unwrap(),
            references: vec![B.parse().unwrap(), A.parse().unwrap()],
            deriver: Some(D.parse().unwrap()),
            nar_size: Some(648),
            nar_hash: Some(hash.to_owned()),
        })
    }

    #[test]
    fn reads_the_array_of_old_versions() {
        let json = format!(
            r#"[{{"path":"/nix/store/{A}","narHash":"sha256:0abc","narSize":648,"references":["/nix/store/{B}","/nix/store/{A}"],"deriver":"/nix/store/{D}","registrationTime":1,"ultimate":true,"signatures":["k:s"]}},
               {{"path":"/nix/store/{B}","valid":false}}]"#
        );
        let expected = vec![Ok(curl("sha256:0abc")), Ok(Entry::Invalid(B.parse().unwrap()))];
        assert_eq!(read(&json), (expected, None));
    }

    #[test]
    fn reads_the_object_of_full_paths() {
        let json = format!(
            r#"{{"/nix/store/{A}":{{"ca":null,"deriver":"/nix/store/{D}","narHash":"sha256-hFdo=","narSize":648,"references":["/nix/store/{B}","/nix/store/{A}"]}},"/nix/store/{B}":null}}"#
        );
        let expected = vec![Ok(curl("sha256-hFdo=")), Ok(Entry::Invalid(B.parse().unwrap()))];
        assert_eq!(read(&json), (expected, None));
    }

    #[test]
    fn reads_base_names_and_structured_hashes_of_formats_2_and_3() {
        for version in [2, 3] {
            let json = format!(
                r#"{{"info":{{"{A}":{{"version":{version},"storeDir":"/nix/store","ca":{{"method":"nar"}},"deriver":"{D}","narHash":{{"algorithm":"sha256","format":"base64","hash":"hFdo="}},"narSize":648,"references":["{B}","{A}"],"signatures":[{{"keyName":"k","sig":"s"}}]}},"{B}":null}},"storeDir":"/nix/store","version":{version},"later":[1]}}"#
            );
            let expected = vec![Ok(curl("sha256-hFdo=")), Ok(Entry::Invalid(B.parse().unwrap()))];
            assert_eq!(read(&json), (expected, None));
        }
    }

    #[test]
    fn one_bad_entry_does_not_stop_the_rest() {
        let json = format!(r#"[{{"path":"/etc/passwd"}},{{"path":"/nix/store/{A}","narSize":-1}},7,{{"path":"{B}"}}]"#);
        let (entries, end) = read(&json);
        assert_eq!(
            entries[0],
            Err(r#"parse path-info JSON, entry 1: "/etc/passwd" is no store path"#.to_owned())
        );
        assert_eq!(entries[1], Err("parse path-info JSON, entry 2".to_owned()));
        assert_eq!(entries[2], Err("parse path-info JSON, entry 3".to_owned()));
        assert!(matches!(&entries[3], Ok(Entry::Valid(info)) if info.references.is_empty() && info.nar_size.is_none()));
        assert_eq!((entries.len(), end), (4, None));
    }

    #[test]
    fn what_cannot_be_trusted_as_a_whole_is_refused() {
        assert_eq!(read("[{\"path\":").1, Some("parse path-info JSON".into()));
        assert_eq!(read("\"x\"").1, Some("parse path-info JSON".into()));
        assert_eq!(read("[] x").1, Some("parse path-info JSON".into()));
        assert_eq!(
            read(r#"{"info":{},"storeDir":"/gnu/store","version":2}"#).1,
            Some("the paths are of the store \"/gnu/store\", not of /nix/store".into())
        );
        assert_eq!(
            read(r#"{"info":{},"version":4}"#).1,
            Some("path-info JSON format 4 is newer than 3, the newest that is known".into())
        );
        let nested = "[".repeat(10_000);
        assert_eq!(read(&nested).1, Some("parse path-info JSON".into()));
    }

    #[test]
    fn reads_lists() {
        let mut lines = Vec::new();
        read_list(
            &format!("# closure\n/nix/store/{A}\n\n  {B} \n/nix/store/{A}/bin/curl\n/etc/x\nü\n"),
            |line| lines.push(line.map(|path| path.base().to_owned()).map_err(|e| e.to_string())),
        );
        assert_eq!(
            lines,
            [
                Ok(A.to_owned()),
                Ok(B.to_owned()),
                Ok(A.to_owned()),
                Err("parse list of store paths, line 6: \"/etc/x\" is no store path".to_owned()),
                Err("parse list of store paths, line 7: \"ü\" is no store path".to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn a_list_written_is_the_list_read(names in proptest::collection::vec("[a-z][a-z0-9.+-]{0,20}", 0..20)) {
            let paths: Vec<StorePath> = names.iter().map(|n| format!("q7z9hp2zsg4id778s4ai1i1yld6zjvq4-{n}").parse().unwrap()).collect();
            let text: String = paths.iter().map(|path| format!("{path}\n")).collect();
            let mut read = Vec::new();
            read_list(&text, |line| read.push(line.unwrap()));
            prop_assert_eq!(read, paths);
        }

        #[test]
        fn all_formats_say_the_same(size in any::<u64>(), references in 0..4_usize) {
            let names: Vec<String> = (0..references).map(|n| format!("q7z9hp2zsg4id778s4ai1i1yld6zjvq4-r-{n}")).collect();
            let list = |prefix: &str| names.iter().map(|n| format!("\"{prefix}{n}\"")).collect::<Vec<_>>().join(",");
            let full = list("/nix/store/");
            let array = format!(r#"[{{"path":"/nix/store/{A}","narSize":{size},"references":[{full}]}}]"#);
            let object = format!(r#"{{"/nix/store/{A}":{{"narSize":{size},"references":[{full}]}}}}"#);
            let nested = format!(r#"{{"info":{{"{A}":{{"narSize":{size},"references":[{}]}}}},"version":2}}"#, list(""));
            prop_assert_eq!(read(&array), read(&object));
            prop_assert_eq!(read(&object), read(&nested));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_json(&bytes, |_| ());
            read_list(&String::from_utf8_lossy(&bytes), |_| ());
        }
    }
}
