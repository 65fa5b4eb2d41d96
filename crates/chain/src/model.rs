//! The assemblers of the chain a second time, written from their description and not from their code.
//!
//! `verify` uses them to make hex1, masm and cc0 out of their sources without running anything, and compares.

use std::collections::HashMap;

/// Where programs of the chain are loaded.
const BASE: i64 = 0x40_0000;

/// What is wrong with a source, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SourceError {
    /// Counted from 1, in all inputs together.
    pub line: usize,
    /// What.
    pub what: String,
}

/// What hex1 makes of a text.
pub fn hex1(text: &str) -> Result<Vec<u8>, SourceError> {
    let mut words = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        words.extend(code.split_whitespace().map(|w| (at + 1, w)));
    }
    let mut items = Vec::new();
    for (line, word) in words {
        let mut rest = word.chars();
        let first = rest.next();
        let name = rest.as_str();
        let named = |make: fn(String) -> Item| {
            if name.is_empty() || name.len() > 8 {
                Err(wrong(line, format!("{word}: a name has one to eight characters")))
            } else {
                Ok(make(name.to_owned()))
            }
        };
        items.push((
            line,
            match first {
                Some(':') => named(Item::Label)?,
                Some('@') => named(Item::Distance)?,
                Some('$') => named(Item::Address)?,
                Some('~') => named(Item::Offset)?,
                _ => Item::Bytes(digits(word).ok_or_else(|| wrong(line, format!("{word}: not pairs of digits")))?),
            },
        ));
    }
    link(&items)
}

/// What masm makes of a text.
pub fn masm(text: &str) -> Result<Vec<u8>, SourceError> {
    let mut macros: HashMap<&str, &str> = HashMap::new();
    let mut items = Vec::new();
    for (at, line) in text.lines().enumerate() {
        assemble(line, at + 1, &mut macros, &mut items, 0)?;
    }
    link(&items)
}

enum Item {
    Bytes(Vec<u8>),
    Label(String),
    Distance(String),
    Address(String),
    Offset(String),
}

impl Item {
    fn size(&self) -> i64 {
        match self {
            Self::Bytes(bytes) => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            Self::Label(_) => 0,
            Self::Distance(_) | Self::Address(_) | Self::Offset(_) => 4,
        }
    }
}

fn link(items: &[(usize, Item)]) -> Result<Vec<u8>, SourceError> {
    let mut labels = HashMap::new();
    let mut at = BASE;
    for (line, item) in items {
        if let Item::Label(name) = item
            && labels.insert(name.as_str(), at).is_some()
        {
            return Err(wrong(*line, format!("{name} is defined twice")));
        }
        at += item.size();
    }
    let mut out = Vec::new();
    let mut at = BASE;
    for (line, item) in items {
        at += item.size();
        let find = |name: &String| {
            let found = labels.get(name.as_str()).copied();
            found.ok_or_else(|| wrong(*line, format!("{name} is not defined")))
        };
        let value = match item {
            Item::Bytes(bytes) => {
                out.extend(bytes);
                continue;
            }
            Item::Label(_) => continue,
            Item::Distance(name) => find(name)? - at,
            Item::Address(name) => find(name)?,
            Item::Offset(name) => find(name)? - BASE,
        };
        let value = i32::try_from(value).map_err(|_| wrong(*line, "a program of this size".into()))?;
        out.extend(value.to_le_bytes());
    }
    Ok(out)
}

/// Macros that stand for macros, at most this deep.
const DEEPEST: usize = 32;

fn assemble<'a>(
    text: &'a str,
    line: usize,
    macros: &mut HashMap<&'a str, &'a str>,
    items: &mut Vec<(usize, Item)>,
    depth: usize,
) -> Result<(), SourceError> {
    if depth > DEEPEST {
        return Err(wrong(line, "macros within macros without end".into()));
    }
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            return Ok(());
        }
        if first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            let (content, after) = inner.split_once('"').ok_or_else(|| wrong(line, "text without end".into()))?;
            items.push((line, Item::Bytes(content.as_bytes().to_vec())));
            rest = after.trim_start();
            continue;
        }
        // A character between quotes may be white space or start a comment.
        let quoted = matches!(first, '=' | '.') && rest.get(1..2) == Some("'") && rest.get(3..4) == Some("'");
        let end = if quoted {
            4
        } else {
            rest.find(char::is_whitespace).unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        let name = word.get(1..).unwrap_or_default();
        match first {
            '%' => {
                if macros.insert(name, after).is_some() {
                    return Err(wrong(line, format!("{name} is defined twice")));
                }
                return Ok(());
            }
            ':' => items.push((line, Item::Label(name.to_owned()))),
            '@' => items.push((line, Item::Distance(name.to_owned()))),
            '$' => items.push((line, Item::Address(name.to_owned()))),
            '~' => items.push((line, Item::Offset(name.to_owned()))),
            '=' | '.' => {
                let value = if quoted {
                    rest.as_bytes().get(2).copied().map(i64::from)
                } else {
                    name.parse().ok()
                };
                let bytes = value.and_then(|v| encode(v, first == '='));
                items.push((
                    line,
                    Item::Bytes(bytes.ok_or_else(|| wrong(line, format!("{word}: no number that fits")))?),
                ));
            }
            _ => match macros.get(word).copied() {
                Some(body) => assemble(body, line, macros, items, depth + 1)?,
                None => {
                    let bytes = digits(word).ok_or_else(|| wrong(line, format!("{word}: neither a macro nor digits")))?;
                    items.push((line, Item::Bytes(bytes)));
                }
            },
        }
        rest = after.trim_start();
    }
    Ok(())
}

fn encode(value: i64, four: bool) -> Option<Vec<u8>> {
    if four {
        let as_unsigned = u32::try_from(value).ok();
        let bytes = as_unsigned.or_else(|| i32::try_from(value).ok().map(i32::cast_unsigned))?;
        Some(bytes.to_le_bytes().to_vec())
    } else {
        let byte = u8::try_from(value)
            .ok()
            .or_else(|| i8::try_from(value).ok().map(i8::cast_unsigned))?;
        Some(vec![byte])
    }
}

fn digits(word: &str) -> Option<Vec<u8>> {
    let bytes = word.as_bytes();
    let value = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    if bytes.is_empty() || !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks(2)
        .map(|p| Some(value(*p.first()?)? << 4 | value(*p.get(1)?)?))
        .collect()
}

fn wrong(line: usize, what: String) -> SourceError {
    SourceError { line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_distances() {
        assert_eq!(
            hex1("E8 @f # call\n$f ~f :f 90").unwrap(),
            [0xe8, 8, 0, 0, 0, 13, 0, 0x40, 0, 13, 0, 0, 0, 0x90]
        );
        assert_eq!(hex1("90\n:toolonglabel").unwrap_err().line, 2);
        assert_eq!(hex1("@f").unwrap_err().to_string(), "line 1: f is not defined");
    }

    #[test]
    fn macros_numbers_and_text() {
        let text = "%two 01 02 # twice\n%four two two\nfour =-1 .' ' .'#' \"a # b\" .255 # end\n";
        assert_eq!(
            masm(text).unwrap(),
            [b"\x01\x02\x01\x02\xff\xff\xff\xff ".as_slice(), b"#a # b\xff"].concat()
        );
        for bad in ["four", ".256", "=4294967296", "\"a", "4"] {
            assert!(masm(bad).is_err(), "{bad}");
        }
    }
}
