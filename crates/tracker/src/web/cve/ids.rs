//! CVE ids in free text.

use vuln::id::CveId;

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Anything else.
    Text(&'a str),
    /// An id as written, and as we write it.
    Id(&'a str, String),
}

/// Cuts a text into ids and what is between them. The pieces put together are the text.
pub fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(at) = find(rest, from) {
        let (before, tail) = rest.split_at(at);
        let digits = tail
            .get(PREFIX..)
            .map_or(0, |digits| digits.bytes().take_while(u8::is_ascii_digit).count());
        let (written, after) = tail.split_at(PREFIX + digits);
        match written.parse::<CveId>() {
            Ok(id) => {
                if !before.is_empty() {
                    pieces.push(Piece::Text(before));
                }
                pieces.push(Piece::Id(written, id.to_string()));
                (rest, from) = (after, 0);
            }
            Err(_) => from = at + 1,
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The ids in a text, in order, each once.
pub fn all(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for piece in split(text) {
        if let Piece::Id(_, id) = piece
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}

/// Length of `CVE-2024-`.
const PREFIX: usize = 9;

/// Where, from `from` on, the shape of an id's start stands: `CVE-`, four digits, `-`. It is ASCII, so a cut there is between characters.
fn find(text: &str, from: usize) -> Option<usize> {
    let shape = |w: &[u8]| match w {
        [c, v, e, b'-', year @ .., b'-'] => {
            [*c, *v, *e].eq_ignore_ascii_case(b"cve") && year.len() == 4 && year.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let bytes = text.as_bytes().get(from..)?;
    bytes.windows(PREFIX).position(shape).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_out() {
        assert_eq!(
            split("fix-cve-2020-8927_and CVE-2021-12345.patch"),
            [
                Piece::Text("fix-"),
                Piece::Id("cve-2020-8927", "CVE-2020-8927".to_owned()),
                Piece::Text("_and "),
                Piece::Id("CVE-2021-12345", "CVE-2021-12345".to_owned()),
                Piece::Text(".patch")
            ]
        );
        assert_eq!(all("CVE-2020-8927-1.patch CVE-2020-8927-2.patch"), ["CVE-2020-8927"]);
    }

    #[test]
    fn what_is_no_id_stays_text() {
        for text in [
            "",
            "CVE-",
            "CVE-2020-",
            "CVE-2020-12",
            "ä CVE-20ä0-1234",
            "CVE-2020-12345678901234567890123",
        ] {
            assert_eq!(all(text), [""; 0], "{text}");
            let joined: String = split(text)
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Id(text, _) => *text,
                })
                .collect();
            assert_eq!(joined, text);
        }
        assert_eq!(all("CVE-2020-12 then CVE-2020-1234"), ["CVE-2020-1234"]);
        assert_eq!(all("äCVE-2020-1234ä"), ["CVE-2020-1234"]);
    }
}
