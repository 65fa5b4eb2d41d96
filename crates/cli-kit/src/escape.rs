use std::borrow::Cow;
use std::fmt::Write as _;

/// Foreign text made safe for one line of a terminal: control, bidi, zero-width and other invisible
/// characters become visible escapes; everything else stays as it is.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_where(text, is_deceptive)
}

/// As [`escape`], but line breaks and tabs stay: for text shown over several lines.
#[must_use]
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_where(text, |c| !matches!(c, '\n' | '\t') && is_deceptive(c))
}

/// Foreign bytes that should be UTF-8: invalid ones become `\xNN`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return escape(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

fn escape_where(text: &str, deceptive: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&deceptive) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    for c in rest.chars() {
        if deceptive(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
    }
    Cow::Owned(out)
}

/// Characters that act on a terminal or hide what is written there.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // letters drawn as nothing
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "zlib 1.2.11", "Müller – Straße 東京 🦀"] {
            assert!(matches!(escape(text), Cow::Borrowed(t) if t == text));
        }
    }

    #[test]
    fn control_bidi_and_zero_width_become_visible() {
        assert_eq!(escape("a\x1b[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escape("one\ntwo\r\t"), "one\\ntwo\\r\\t");
        assert_eq!(escape("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(escape("op\u{200b}enssl\u{feff}"), "op\\u{200b}enssl\\u{feff}");
        assert_eq!(escape("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(escape("x\u{e0041}"), "x\\u{e0041}");
    }

    #[test]
    fn lines_keep_their_breaks() {
        assert_eq!(escape_lines("a\n\tb\u{7}"), "a\n\tb\\u{7}");
    }

    #[test]
    fn invalid_bytes_are_shown() {
        assert_eq!(escape_bytes(b"ok\xff\xc3(\n"), "ok\\xff\\xc3(\\n");
        assert!(matches!(escape_bytes(b"fine"), Cow::Borrowed("fine")));
    }
}
