//! The JSON forms of derivations: what `nix derivation show` prints.
//!
//! Up to Nix 2.31 it is an object from full store paths to derivations; since then paths are base names, inputs are one object
//! and all lies below `derivations` beside a `version`. Every form is read here; none is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Derivation, InputDrv, Output, Text, Wanted};
use crate::store_path::{StorePath, StorePathError};

/// Why derivation JSON cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not an object of derivations: nothing after this point was read.
    #[error("parse derivation JSON")]
    Syntax {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A key that is no store path.
    #[error("parse derivation JSON: key {key:?} is no store path")]
    Key {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
    /// One derivation that has another shape.
    #[error("parse derivation JSON of {path}")]
    Entry {
        /// Which.
        path: StorePath,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A store path inside one derivation that is none.
    #[error("parse derivation JSON of {path}: {text:?} is no store path")]
    Path {
        /// Which.
        path: StorePath,
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: StorePathError,
    },
}

/// Reads derivation JSON and hands every derivation, or what is wrong with it, to `each`. A bad derivation does not stop the
/// rest; the result is an error only where the JSON itself ends or breaks.
pub fn read_json(json: &[u8], mut each: impl FnMut(Result<(StorePath, Derivation<'static>), JsonError>)) -> Result<(), JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let entries = Entries {
        each: &mut each,
        nested: false,
    };
    entries
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|source| JsonError::Syntax { source })
}

/// Goes through an object of derivations, one at a time.
struct Entries<'e, F> {
    each: &'e mut F,
    nested: bool,
}

impl<'de, F> DeserializeSeed<'de> for Entries<'_, F>
where
    F: FnMut(Result<(StorePath, Derivation<'static>), JsonError>),
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for Entries<'_, F>
where
    F: FnMut(Result<(StorePath, Derivation<'static>), JsonError>),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of derivations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if !self.nested && key == "derivations" {
                map.next_value_seed(Entries {
                    each: &mut *self.each,
                    nested: true,
                })?;
            } else if !self.nested && key == "version" {
                map.next_value::<IgnoredAny>()?;
            } else {
                let value: &RawValue = map.next_value()?;
                (self.each)(entry(key, value));
            }
        }
        Ok(())
    }
}

fn entry(key: String, value: &RawValue) -> Result<(StorePath, Derivation<'static>), JsonError> {
    let path: StorePath = match key.parse() {
        Ok(path) => path,
        Err(source) => return Err(JsonError::Key { key, source }),
    };
    let entry: Entry = match serde_json::from_str(value.get()) {
        Ok(entry) => entry,
        Err(source) => return Err(JsonError::Entry { path, source }),
    };
    match entry.into_derivation() {
        Ok(drv) => Ok((path, drv)),
        Err((text, source)) => Err(JsonError::Path { path, text, source }),
    }
}

/// One derivation, as any version of the format writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    outputs: BTreeMap<String, JsonOutput>,
    #[serde(default)]
    input_srcs: Vec<String>,
    #[serde(default)]
    input_drvs: BTreeMap<String, JsonWanted>,
    #[serde(default)]
    inputs: JsonInputs,
    system: String,
    builder: String,
    #[serde(default)]
    args: Vec<String>,
    env: BTreeMap<String, EnvValue>,
    structured_attrs: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonInputs {
    srcs: Vec<String>,
    drvs: BTreeMap<String, JsonWanted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonOutput {
    path: Option<String>,
    method: Option<String>,
    hash_algo: Option<String>,
    hash: Option<String>,
    #[serde(default)]
    impure: bool,
}

impl Entry {
    /// Fails with the text that is no store path.
    fn into_derivation(self) -> Result<Derivation<'static>, (String, StorePathError)> {
        let path = |text: String| text.parse::<StorePath>().map_err(|error| (text, error));
        let mut input_srcs = self
            .input_srcs
            .into_iter()
            .chain(self.inputs.srcs)
            .map(path)
            .collect::<Result<Vec<_>, _>>()?;
        input_srcs.sort();
        let mut input_drvs = Vec::new();
        for (text, wanted) in self.input_drvs.into_iter().chain(self.inputs.drvs) {
            input_drvs.push(InputDrv {
                path: path(text)?,
                wanted: wanted.0,
            });
        }
        let mut outputs = Vec::new();
        for (name, output) in self.outputs {
            outputs.push(output.into_output(name)?);
        }
        let mut env: BTreeMap<String, String> = self.env.into_iter().map(|(key, value)| (key, value.0)).collect();
        if let Some(attrs) = self.structured_attrs {
            env.insert("__json".to_owned(), serde_json::Value::Object(attrs).to_string());
        }
        Ok(Derivation {
            outputs,
            input_drvs,
            input_srcs,
            system: self.system.into(),
            builder: self.builder.into(),
            args: self.args.into_iter().map(Text::from).collect(),
            env: env.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        })
    }
}

impl JsonOutput {
    fn into_output(self, name: String) -> Result<Output<'static>, (String, StorePathError)> {
        let path = match self.path.filter(|path| !path.is_empty()) {
            Some(text) => Some(text.parse().map_err(|error| (text, error))?),
            None => None,
        };
        // Version 4 writes `sha256-<base 64>`; everything before wrote base 16 beside the algorithm.
        let (algo, hash) = match (self.hash_algo, self.hash) {
            (None, Some(sri)) => match sri.split_once('-').and_then(|(algo, digits)| Some((algo, base64_to_hex(digits)?))) {
                Some((algo, hex)) => (algo.to_owned(), hex),
                None => (String::new(), sri),
            },
            (algo, hash) => (algo.unwrap_or_default(), hash.unwrap_or_default()),
        };
        let prefix = match self.method.as_deref() {
            Some("nar" | "recursive") if !algo.starts_with("r:") => "r:",
            Some("text") => "text:",
            Some("git") => "git:",
            _ => "",
        };
        let hash = if self.impure { "impure".to_owned() } else { hash };
        Ok(Output {
            name: name.into(),
            path,
            hash_algo: format!("{prefix}{algo}").into(),
            hash: hash.into(),
        })
    }
}

/// The outputs wanted of an input: a list of names, or an object that holds dynamic outputs too.
struct JsonWanted(Wanted<'static>);

impl<'de> Deserialize<'de> for JsonWanted {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct WantedVisitor;

        impl<'de> Visitor<'de> for WantedVisitor {
            type Value = JsonWanted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of output names, or an object of outputs and dynamicOutputs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonWanted, A::Error> {
                let mut wanted = Wanted::default();
                while let Some(name) = seq.next_element::<String>()? {
                    wanted.outputs.push(name.into());
                }
                Ok(JsonWanted(wanted))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonWanted, A::Error> {
                let mut wanted = Wanted::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "outputs" => wanted.outputs = map.next_value::<Vec<String>>()?.into_iter().map(Text::from).collect(),
                        "dynamicOutputs" => {
                            let dynamic = map.next_value::<BTreeMap<String, JsonWanted>>()?;
                            wanted.dynamic = dynamic.into_iter().map(|(name, wanted)| (name.into(), wanted.0)).collect();
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(JsonWanted(wanted))
            }
        }

        d.deserialize_any(WantedVisitor)
    }
}

/// The value of a variable: a text, or since version 5 an object that holds it.
struct EnvValue(String);

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct EnvVisitor;

        impl<'de> Visitor<'de> for EnvVisitor {
            type Value = EnvValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an object with a value")
            }

            fn visit_str<E>(self, text: &str) -> Result<EnvValue, E> {
                Ok(EnvValue(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<EnvValue, E> {
                Ok(EnvValue(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EnvValue, A::Error> {
                let mut value = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "value" {
                        value = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                value.map(EnvValue).ok_or_else(|| serde::de::Error::missing_field("value"))
            }
        }

        d.deserialize_any(EnvVisitor)
    }
}

/// `None` where it is not base 64.
fn base64_to_hex(text: &str) -> Option<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::new();
    let (mut bits, mut held) = (0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xfff;
        held += 6;
        while held >= 4 {
            held -= 4;
            hex.push(char::from(DIGITS[(bits >> held & 0xf) as usize]));
        }
    }
    // What is left of the last digit is padding, up to half a byte.
    hex.truncate(hex.len() / 2 * 2);
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRV: &str = "004ldcwhncm4f629h5cdaa9zyn40ak37-x-1.drv";
    const INPUT: &str = "0jsfyxzaf5p8971krsgb4av0mf6i7q9h-x-1.tar.gz.drv";
    const SRC: &str = "1i5y55x4b4m9qkx5dqbmr1r6bvrqbanw-CVE-2020-1234.patch";
    const OUT: &str = "nmvkkh4ri1zf88inrlh8qfmdnl9yjbr8-x-1";

    fn read(json: &str) -> (Vec<Derivation<'static>>, Vec<String>) {
        let (mut drvs, mut errors) = (Vec::new(), Vec::new());
        let result = read_json(json.as_bytes(), |entry| match entry {
            Ok((path, drv)) => {
                assert_eq!(path.base(), DRV);
                drvs.push(drv);
            }
            Err(error) => errors.push(error.to_string()),
        });
        errors.extend(result.err().map(|error| error.to_string()));
        (drvs, errors)
    }

    #[test]
    fn all_versions_say_the_same() {
        let old = format!(
            r#"{{"/nix/store/{DRV}":{{"outputs":{{"out":{{"path":"/nix/store/{OUT}"}}}},"inputSrcs":["/nix/store/{SRC}"],"inputDrvs":{{"/nix/store/{INPUT}":["out"]}},
               "system":"x86_64-linux","builder":"/bin/sh","args":["-e"],"env":{{"name":"x-1","__json":"{{\"patches\":[\"p\"]}}"}}}}}}"#
        );
        let middle = format!(
            r#"{{"/nix/store/{DRV}":{{"name":"x-1","outputs":{{"out":{{"path":"/nix/store/{OUT}"}}}},"inputSrcs":["/nix/store/{SRC}"],
               "inputDrvs":{{"/nix/store/{INPUT}":{{"outputs":["out"],"dynamicOutputs":{{}}}}}},"system":"x86_64-linux","builder":"/bin/sh","args":["-e"],
               "env":{{"name":"x-1"}},"structuredAttrs":{{"patches":["p"]}}}}}}"#
        );
        let new = format!(
            r#"{{"version":4,"derivations":{{"{DRV}":{{"name":"x-1","version":4,"outputs":{{"out":{{"path":"{OUT}"}}}},"inputs":{{"srcs":["{SRC}"],"drvs":{{"{INPUT}":{{"outputs":["out"],"dynamicOutputs":{{}}}}}}}},
               "system":"x86_64-linux","builder":"/bin/sh","args":["-e"],"env":{{"name":{{"value":"x-1","passAsFile":false}}}},"structuredAttrs":{{"patches":["p"]}}}}}}}}"#
        );
        let aterm = format!(
            r#"Derive([("out","/nix/store/{OUT}","","")],[("/nix/store/{INPUT}",["out"])],["/nix/store/{SRC}"],"x86_64-linux","/bin/sh",["-e"],[("__json","{{\"patches\":[\"p\"]}}"),("name","x-1")])"#
        );
        let expected = Derivation::parse(aterm.as_bytes()).unwrap();
        for json in [old, middle, new] {
            let (drvs, errors) = read(&json);
            assert_eq!(errors, [""; 0]);
            assert_eq!(drvs, std::slice::from_ref(&expected));
        }
        assert_eq!(expected.attributes().unwrap().list("patches"), ["p"]);
    }

    #[test]
    fn fixed_outputs_say_the_same_in_each_version() {
        let with = |output: &str| {
            let json = format!(r#"{{"{DRV}":{{"outputs":{{"out":{output}}},"system":"s","builder":"b","env":{{}}}}}}"#);
            let (drvs, errors) = read(&json);
            assert_eq!(errors, [""; 0]);
            let output = &drvs[0].outputs[0];
            (output.hash_algo.to_string(), output.hash.to_string(), output.is_fixed())
        };
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = ("r:sha256".to_owned(), hex.to_owned(), true);
        assert_eq!(
            with(&format!(r#"{{"path":"/nix/store/{OUT}","hashAlgo":"r:sha256","hash":"{hex}"}}"#)),
            expected
        );
        assert_eq!(with(&format!(r#"{{"method":"nar","hashAlgo":"sha256","hash":"{hex}"}}"#)), expected);
        assert_eq!(
            with(r#"{"method":"nar","hash":"sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}"#),
            expected
        );
        assert_eq!(
            with(r#"{"method":"flat","hashAlgo":"sha256"}"#),
            ("sha256".to_owned(), String::new(), false)
        );
        assert!(!with(r#"{"method":"nar","hashAlgo":"sha256","impure":true}"#).2);
    }

    #[test]
    fn a_bad_entry_does_not_stop_the_rest() {
        let good = r#"{"outputs":{},"system":"s","builder":"b","env":{}}"#;
        let bad_path = r#"{"outputs":{},"inputSrcs":["/etc/passwd"],"system":"s","builder":"b","env":{}}"#;
        let json = format!(r#"{{"nonsense":{good},"{DRV}":7,"/nix/store/{DRV}":{bad_path},"{DRV}":{good},"#);
        let (drvs, errors) = read(&json);
        assert_eq!(drvs.len(), 1);
        assert_eq!(
            errors,
            [
                "parse derivation JSON: key \"nonsense\" is no store path".to_owned(),
                format!("parse derivation JSON of /nix/store/{DRV}"),
                format!("parse derivation JSON of /nix/store/{DRV}: \"/etc/passwd\" is no store path"),
                "parse derivation JSON".to_owned(),
            ]
        );
    }

    #[test]
    fn security_deep_json_ends_with_an_error() {
        let deep = "[".repeat(200_000);
        let (drvs, errors) = read(&format!(r#"{{"{DRV}":{deep}"#));
        assert_eq!((drvs.len(), errors.len()), (0, 1));
        let closed = format!("{deep}{}", "]".repeat(200_000));
        let (drvs, errors) = read(&format!(
            r#"{{"{DRV}":{closed},"{DRV}":{{"outputs":{{}},"system":"s","builder":"b","env":{{}}}}}}"#
        ));
        assert_eq!((drvs.len(), errors.len()), (1, 1));
        let nested = r#"{"dynamicOutputs":{"a":"#.repeat(50_000);
        let (drvs, errors) = read(&format!(r#"{{"{DRV}":{{"outputs":{{}},"inputDrvs":{{"{INPUT}":{nested}"#));
        assert_eq!((drvs.len(), errors.len()), (0, 1));
    }
}
