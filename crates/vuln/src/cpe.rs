//! CPE 2.3 names (NIST IR 7695): the parts that matter for matching, unescaped and lower case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longer texts are refused; the longest name in NVD has about 250 bytes.
const MAX_LEN: usize = 1024;

/// A CPE name. `*` (any) is `None`; `-` (not applicable) is `Some("-")`. Values are unescaped and in lower case.
///
/// What the formatted string tells apart by a backslash falls together here: an unescaped `*` or `?` inside a value is a
/// wildcard there and a plain character here, and `\-` alone is read as `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cpe {
    /// Application, operating system, hardware; `*` counts as an application.
    pub part: Part,
    /// Vendor.
    pub vendor: Option<Box<str>>,
    /// Product.
    pub product: Option<Box<str>>,
    /// Version.
    pub version: Option<Box<str>>,
    /// Update (`p1`, `rc2`).
    pub update: Option<Box<str>>,
    /// Edition.
    pub edition: Option<Box<str>>,
    /// Language.
    pub language: Option<Box<str>>,
    /// Software edition (`lts`, `esr`, `community`).
    pub sw_edition: Option<Box<str>>,
    /// Target software (`node.js`, `wordpress`, `jenkins`, `python`, `windows`, `android`).
    pub target_sw: Option<Box<str>>,
    /// Target hardware.
    pub target_hw: Option<Box<str>>,
    /// Other.
    pub other: Option<Box<str>>,
}

/// First component of a CPE name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `a`
    Application,
    /// `o`
    OperatingSystem,
    /// `h`
    Hardware,
}

/// Why a text is not a CPE 2.3 name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse CPE name at byte {at}: {message}")]
pub struct CpeError {
    /// Byte position.
    pub at: usize,
    /// What was expected.
    pub message: &'static str,
}

impl Cpe {
    /// The ten values after the part, in the order of the formatted string.
    fn values(&self) -> [Option<&str>; 10] {
        let Self {
            part: _,
            vendor,
            product,
            version,
            update,
            edition,
            language,
            sw_edition,
            target_sw,
            target_hw,
            other,
        } = self;
        [
            vendor, product, version, update, edition, language, sw_edition, target_sw, target_hw, other,
        ]
        .map(|v| v.as_deref())
    }

    fn from_values(part: Part, values: [Option<Box<str>>; 10]) -> Self {
        let [
            vendor,
            product,
            version,
            update,
            edition,
            language,
            sw_edition,
            target_sw,
            target_hw,
            other,
        ] = values;
        Self {
            part,
            vendor,
            product,
            version,
            update,
            edition,
            language,
            sw_edition,
            target_sw,
            target_hw,
            other,
        }
    }
}

impl FromStr for Cpe {
    type Err = CpeError;

    /// Accepts formatted strings (`cpe:2.3:a:vendor:product:...`, missing trailing parts are "any") and 2.2 URIs (`cpe:/a:vendor:product:version`).
    fn from_str(s: &str) -> Result<Self, CpeError> {
        const TOO_LONG: CpeError = CpeError {
            at: MAX_LEN,
            message: "longer than 1024 bytes",
        };
        if s.len() > MAX_LEN {
            return Err(TOO_LONG);
        }
        let name = match s.as_bytes() {
            [b'c' | b'C', b'p' | b'P', b'e' | b'E', b':', b'2', b'.', b'3', b':', ..] => formatted_string(s),
            [b'c' | b'C', b'p' | b'P', b'e' | b'E', b':', b'/', ..] => uri(s),
            _ => Err(CpeError {
                at: 0,
                message: "expected \"cpe:2.3:\" or \"cpe:/\"",
            }),
        }?;
        // Printing adds escapes and parts, at most doubling a name: what would then be too long to be read again is refused now.
        if s.len() > MAX_LEN / 3 && name.to_string().len() > MAX_LEN {
            return Err(TOO_LONG);
        }
        Ok(name)
    }
}

impl fmt::Display for Cpe {
    /// The 2.3 formatted string with all 13 parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            Part::Application => "cpe:2.3:a",
            Part::OperatingSystem => "cpe:2.3:o",
            Part::Hardware => "cpe:2.3:h",
        })?;
        for value in self.values() {
            f.write_str(":")?;
            match value {
                None => f.write_str("*")?,
                Some(value) => write_escaped(value, f)?,
            }
        }
        Ok(())
    }
}

impl Serialize for Cpe {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpe {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn formatted_string(s: &str) -> Result<Cpe, CpeError> {
    let mut at = "cpe:2.3:".len();
    let part = part(s, &mut at, "*")?;
    let mut values = [const { None }; 10];
    for value in &mut values {
        if at >= s.len() {
            break;
        }
        // `at` is on the colon before the value.
        let start = at + 1;
        let (end, escaped) = value_end(s, start)?;
        let raw = s.get(start..end).unwrap_or_default();
        *value = match raw {
            // An empty value is not allowed, but is written where "any" is meant.
            "*" | "" => None,
            _ if escaped => Some(unescape(raw)),
            _ => Some(lower(raw)),
        };
        at = end;
    }
    if at < s.len() {
        return Err(CpeError {
            at,
            message: "more than 13 parts",
        });
    }
    Ok(Cpe::from_values(part, values))
}

fn part(s: &str, at: &mut usize, any: &str) -> Result<Part, CpeError> {
    let start = *at;
    let end = s.get(start..).and_then(|rest| rest.find(':')).map_or(s.len(), |len| start + len);
    *at = end;
    match s.get(start..end) {
        Some("a" | "A") => Ok(Part::Application),
        Some("o" | "O") => Ok(Part::OperatingSystem),
        Some("h" | "H") => Ok(Part::Hardware),
        Some(part) if part == any => Ok(Part::Application),
        _ => Err(CpeError {
            at: start,
            message: "expected part \"a\", \"o\" or \"h\"",
        }),
    }
}

/// The colon that ends the value, or the end of the text; and whether the value holds escapes.
fn value_end(s: &str, start: usize) -> Result<(usize, bool), CpeError> {
    let bytes = s.as_bytes();
    let (mut at, mut escaped) = (start, false);
    loop {
        match bytes.get(at) {
            None if at > bytes.len() => {
                return Err(CpeError {
                    at: bytes.len(),
                    message: "nothing after a backslash",
                });
            }
            None | Some(b':') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
        }
    }
}

fn unescape(raw: &str) -> Box<str> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        // `value_end` made sure that something follows a backslash.
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    lower(&out)
}

fn lower(value: &str) -> Box<str> {
    if value.is_ascii() {
        let mut value: Box<str> = value.into();
        value.make_ascii_lowercase();
        value
    } else {
        value.to_lowercase().into()
    }
}

fn write_escaped(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c.is_ascii() && !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_')) {
        let (before, after) = rest.split_at(at);
        f.write_str(before)?;
        f.write_str("\\")?;
        let (special, after) = after.split_at(1);
        f.write_str(special)?;
        rest = after;
    }
    f.write_str(rest)
}

/// `cpe:/part:vendor:product:version:update:edition:language`, where the edition may be five values packed between tildes.
fn uri(s: &str) -> Result<Cpe, CpeError> {
    let mut at = "cpe:/".len();
    let part = part(s, &mut at, "")?;
    let mut values = [const { None }; 10];
    let mut index = 0;
    while at < s.len() {
        let start = at + 1;
        let end = s.get(start..).and_then(|rest| rest.find(':')).map_or(s.len(), |len| start + len);
        let raw = s.get(start..end).unwrap_or_default();
        const EDITION: usize = 4;
        match index {
            EDITION if raw.starts_with('~') => {
                // Edition, then software edition, target software, target hardware and other, which 2.2 has no places for.
                let mut position = start + 1;
                let mut slots = [4, 6, 7, 8, 9].into_iter();
                for packed in raw.split('~').skip(1) {
                    let slot = slots.next().ok_or(CpeError {
                        at: position,
                        message: "more than five values packed into the edition",
                    })?;
                    values[slot] = uri_value(packed, position)?;
                    position += packed.len() + 1;
                }
            }
            0..=5 => values[index] = uri_value(raw, start)?,
            _ => {
                return Err(CpeError {
                    at: start,
                    message: "more than seven parts",
                });
            }
        }
        index += 1;
        at = end;
    }
    Ok(Cpe::from_values(part, values))
}

fn uri_value(raw: &str, start: usize) -> Result<Option<Box<str>>, CpeError> {
    if raw.is_empty() || raw == "*" {
        return Ok(None);
    }
    if !raw.contains('%') {
        return Ok(Some(lower(raw)));
    }
    let fail = |offset, message| CpeError {
        at: start + offset,
        message,
    };
    let hex = |at: usize| {
        raw.as_bytes()
            .get(at)
            .and_then(|&b| char::from(b).to_digit(16))
            .map(|digit| digit as u8)
    };
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.as_bytes().get(at) {
        if byte == b'%' {
            let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2)) else {
                return Err(fail(at, "expected two hexadecimal digits after %"));
            };
            out.push(match high << 4 | low {
                1 => b'?',
                2 => b'*',
                byte => byte,
            });
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    let text = String::from_utf8(out).map_err(|_| fail(0, "percent-encoded bytes are not UTF-8"))?;
    Ok(Some(lower(&text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(s: &str) -> Cpe {
        s.parse().unwrap()
    }

    fn error_of(s: &str) -> (usize, &'static str) {
        let error = s.parse::<Cpe>().unwrap_err();
        (error.at, error.message)
    }

    #[test]
    fn all_thirteen_parts() {
        let cpe = parse("cpe:2.3:a:Vendor:product:1.2:p1:ed:en:lts:node.js:x64:rest");
        assert_eq!(cpe.part, Part::Application);
        let values = ["vendor", "product", "1.2", "p1", "ed", "en", "lts", "node.js", "x64", "rest"].map(Some);
        assert_eq!(cpe.values(), values);
        assert_eq!(cpe.to_string(), "cpe:2.3:a:vendor:product:1.2:p1:ed:en:lts:node.js:x64:rest");
    }

    #[test]
    fn missing_and_empty_parts_are_any() {
        let cpe = parse("cpe:2.3:o:linux:linux_kernel");
        assert_eq!(
            (cpe.part, cpe.vendor.as_deref(), cpe.product.as_deref(), cpe.version),
            (Part::OperatingSystem, Some("linux"), Some("linux_kernel"), None)
        );
        assert_eq!(parse("cpe:2.3:h:v:p::-").update.as_deref(), Some("-"));
        assert_eq!(parse("cpe:2.3:h:v:p:").to_string(), "cpe:2.3:h:v:p:*:*:*:*:*:*:*:*");
    }

    #[test]
    fn escapes_are_taken_off_and_put_back() {
        let text = r"cpe:2.3:a:foo\\bar:big\$money\:x:2010\:sp2:*:*:*:*:ipod_touch:80gb:\*";
        let cpe = parse(text);
        assert_eq!(cpe.vendor.as_deref(), Some(r"foo\bar"));
        assert_eq!(cpe.product.as_deref(), Some("big$money:x"));
        assert_eq!(cpe.version.as_deref(), Some("2010:sp2"));
        assert_eq!(cpe.other.as_deref(), Some("*"));
        assert_eq!(cpe.to_string(), text);
        assert_eq!(parse(r"cpe:2.3:a:f\oo:b\-r:\-").to_string(), "cpe:2.3:a:foo:b-r:-:*:*:*:*:*:*:*");
    }

    #[test]
    fn uris_of_cpe_2_2() {
        let cpe = parse("cpe:/o:RedHat:enterprise_linux:9::baseos");
        assert_eq!(cpe.to_string(), "cpe:2.3:o:redhat:enterprise_linux:9:*:baseos:*:*:*:*:*");
        assert_eq!(
            parse("cpe:/a:foo%5cbar:big%24money_manager_2010:::~~special~ipod_touch~80gb~").to_string(),
            r"cpe:2.3:a:foo\\bar:big\$money_manager_2010:*:*:*:*:special:ipod_touch:80gb:*"
        );
        assert_eq!(parse("cpe:/a:v:p:8.%02:sp%01").version.as_deref(), Some("8.*"));
        assert_eq!(parse("cpe:/").to_string(), "cpe:2.3:a:*:*:*:*:*:*:*:*:*:*");
    }

    #[test]
    fn errors_name_the_byte() {
        assert_eq!(error_of("pkg:nix/curl"), (0, "expected \"cpe:2.3:\" or \"cpe:/\""));
        assert_eq!(error_of("cpe:2.3:x:v:p"), (8, "expected part \"a\", \"o\" or \"h\""));
        assert_eq!(error_of("cpe:2.3:a:1:2:3:4:5:6:7:8:9:10:11"), (30, "more than 13 parts"));
        assert_eq!(error_of("cpe:2.3:a:v:p\\"), (14, "nothing after a backslash"));
        assert_eq!(error_of("cpe:/a:v:p%4"), (10, "expected two hexadecimal digits after %"));
        assert_eq!(error_of("cpe:/a:v:p%ff"), (9, "percent-encoded bytes are not UTF-8"));
        assert_eq!(error_of("cpe:/a:1:2:3:4:5:6:7"), (19, "more than seven parts"));
        assert_eq!(
            error_of("cpe:/a:1:2:3:4:~1~2~3~4~5~6"),
            (26, "more than five values packed into the edition")
        );
        assert_eq!(
            error_of(&format!("cpe:2.3:a:{}", "v".repeat(2000))),
            (1024, "longer than 1024 bytes")
        );
        // Each space would be printed with a backslash.
        assert_eq!(error_of(&format!("cpe:/a:{}", " ".repeat(600))), (1024, "longer than 1024 bytes"));
    }

    proptest! {
        #[test]
        fn round_trip(part in 0..3_usize, values in proptest::array::uniform10(proptest::option::of("[^A-Z]{1,12}"))) {
            let part = [Part::Application, Part::OperatingSystem, Part::Hardware][part];
            let cpe = Cpe::from_values(part, values.map(|v| v.map(|v| lower(&v))));
            prop_assert_eq!(cpe.to_string().parse::<Cpe>().unwrap(), cpe);
        }

        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(tail in "\\PC{0,60}", uri in proptest::bool::ANY) {
            let text = if uri { format!("cpe:/{tail}") } else { format!("cpe:2.3:a:{tail}") };
            if let Ok(cpe) = text.parse::<Cpe>() {
                prop_assert_eq!(cpe.to_string().parse::<Cpe>().unwrap(), cpe);
            }
        }
    }
}
