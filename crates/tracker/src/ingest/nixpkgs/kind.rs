//! What a file of packages is, from how it begins: its name is anybody's choice.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read as _};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::BOUNDS;
use crate::ingest::open::{Opened, open};

/// The forms of a package set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One object: a channel's `packages.json`, or what `nix-env -qaP --json` prints.
    List,
    /// A line for each attribute, from `nix-eval-jobs`.
    Evaluation,
}

/// Bytes that are looked at.
const HEAD: u64 = 64 << 10;

/// What a file is; `None` where it is neither.
pub fn of_file(path: &Path) -> io::Result<Option<Kind>> {
    let Opened::Plain(reader) = open(path, BOUNDS)? else {
        return Ok(None);
    };
    let mut head = Vec::new();
    reader.take(HEAD).read_to_end(&mut head)?;
    Ok(of(&head))
}

/// What begins like this; it may be cut off anywhere.
fn of(head: &[u8]) -> Option<Kind> {
    let found = Cell::new(None);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // Reading ends where it is decided, or where the bytes end or break: what was seen until then counts.
    let _ = Members {
        found: &found,
        place: Place::Whole,
    }
    .deserialize(&mut serde_json::Deserializer::from_slice(head));
    found.get()
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the whole.
    Whole,
    /// Under a key that lines of an evaluation have. Packages may be called so too: `attr` is one.
    OfLine,
    /// Under any other key.
    OfOther,
}

/// Goes through an object and the objects in it, until a key decides.
#[derive(Clone, Copy)]
struct Members<'a> {
    found: &'a Cell<Option<Kind>>,
    place: Place,
}

impl Members<'_> {
    fn decide<T, E: Error>(self, kind: Kind) -> Result<T, E> {
        self.found.set(Some(kind));
        Err(E::custom("decided"))
    }
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let inside = |place| Members { place, ..self };
            match (self.place, key.as_str()) {
                (Place::Whole, "packages") => return self.decide(Kind::List),
                (Place::Whole, "attr" | "attrPath" | "drvPath") => map.next_value_seed(inside(Place::OfLine))?,
                (Place::Whole, _) => map.next_value_seed(inside(Place::OfOther))?,
                (_, "pname" | "name" | "outputName" | "system" | "meta") => return self.decide(Kind::List),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.place == Place::OfLine {
            return self.decide(Kind::Evaluation);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        if self.place == Place::OfLine {
            return self.decide(Kind::Evaluation);
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        for (head, kind) in [
            (r#"{"attr":"hello","attrPath":["hello"],"drvPath":"/nix"#, Some(Kind::Evaluation)),
            (r#"{"cacheStatus":"local","attrPath":["a"#, Some(Kind::Evaluation)),
            ("\n {\"extra\": {\"x\": 1}, \"attr\": \"a\"}\n{", Some(Kind::Evaluation)),
            (r#"{"version":2,"packages":{"hello":{"#, Some(Kind::List)),
            (r#"{"packages":{}}"#, Some(Kind::List)),
            ("{\n  \"hello\": {\n    \"meta\": {\n      \"avail", Some(Kind::List)),
            (r#"{"_0x0":{"name":"0x0-1"#, Some(Kind::List)),
            ("\u{feff}{\"a\":{\"system\":\"x\"", Some(Kind::List)),
            (r#"{"a":{},"b":{"pname":"x"}}"#, Some(Kind::List)),
            (r#"{"attr":{"name":"attr-2.4.48"#, Some(Kind::List)),
            (r#"{"title":"x","catalogVersion":"1","vulnerabilities":[{"name":"x"}]}"#, None),
            (r#"["attr"]"#, None),
            ("attr", None),
            ("", None),
            ("{\"a\"", None),
        ] {
            assert_eq!(of(head.as_bytes()), kind, "{head}");
        }
        let deep = "{\"a\":".repeat(100_000);
        assert_eq!(of(deep.as_bytes()), None);
    }
}
