//! What a boot loader or a firmware's menu passes along to the image it starts.
//!
//! Whoever can write boot entries chooses these bytes: they are no secret and bear no signature.

use alloc::string::String;
use alloc::vec::Vec;

/// Load options, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Number after `@` at the beginning; 0 if there is none.
    pub profile: usize,
    /// The rest, if there is any.
    pub command_line: Option<String>,
}

impl LoadOptions {
    /// Reads load options. What is no text (firmware puts its own data there) counts as none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let units = bytes.as_chunks::<2>().0.iter().map(|u| u16::from_le_bytes(*u));
        let units: Vec<u16> = units.take_while(|u| *u != 0).collect();
        if units.first().is_none_or(|first| *first <= 0x1f) {
            return Self::default();
        }
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        Self::of_text(&text)
    }

    fn of_text(text: &str) -> Self {
        let mut rest = text.trim();
        // A shell passes the program's own name first.
        if let Some(program) = rest.split_whitespace().next().filter(|w| w.to_ascii_lowercase().ends_with(".efi")) {
            rest = rest.get(program.len()..).unwrap_or_default().trim_start();
        }
        let mut profile = 0;
        if let Some(word) = rest.strip_prefix('@').and_then(|r| r.split(char::is_whitespace).next())
            && let Ok(number) = word.parse()
        {
            profile = number;
            rest = rest.get(1 + word.len()..).unwrap_or_default().trim_start();
        }
        let command_line = (!rest.is_empty()).then(|| rest.into());
        Self { profile, command_line }
    }

    /// The command line that was given, if it is not the embedded one: loaders hand the signed line back to us, and only
    /// another one is somebody's edit.
    #[must_use]
    pub fn edited(&self, embedded: &str) -> Option<&str> {
        self.command_line
            .as_deref()
            .filter(|given| !given.split_whitespace().eq(embedded.split_whitespace()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (usize, Option<String>) {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let options = LoadOptions::parse(&bytes);
        (options.profile, options.command_line)
    }

    #[test]
    fn profile_and_command_line_are_taken_apart() {
        let line = |text: &str| Some(text.into());
        assert_eq!(read(""), (0, None));
        assert_eq!(read("quiet splash\0init=/behind/the/end"), (0, line("quiet splash")));
        assert_eq!(read("@2"), (2, None));
        assert_eq!(read("@2 debug"), (2, line("debug")));
        assert_eq!(read("\\EFI\\Linux\\X.EFI @1  debug "), (1, line("debug")));
        assert_eq!(read("x.efi"), (0, None));
    }

    #[test]
    fn what_is_not_a_number_is_a_command_line() {
        for text in ["@", "@x", "@-1", "@99999999999999999999999", "@ 1", "1"] {
            assert_eq!(read(text), (0, Some(text.into())), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_counts_as_none() {
        assert_eq!(LoadOptions::parse(&[1, 0, 65, 0]), LoadOptions::default());
        assert_eq!(LoadOptions::parse(b"x"), LoadOptions::default());
        let alone = LoadOptions::parse(&[0x00, 0xd8, 65]);
        assert_eq!(alone.command_line.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn attack_a_command_line_that_differs_is_an_edit() {
        let edited = |given: &str, signed: &str| {
            let bytes: Vec<u8> = given.encode_utf16().flat_map(u16::to_le_bytes).collect();
            LoadOptions::parse(&bytes).edited(signed).is_some()
        };
        assert!(!edited("quiet  loglevel=3 ", "quiet loglevel=3\n"));
        assert!(!edited("", "quiet"));
        assert!(!edited("@1", "quiet"));
        assert!(!edited("stub.efi quiet", "quiet"));
        for given in [
            "quiet loglevel=3 init=/bin/sh",
            "quiet",
            "loglevel=3 quiet",
            "Quiet loglevel=3",
            "@1 init=/bin/sh",
            "x.efi y.efi",
        ] {
            assert!(edited(given, "quiet loglevel=3"), "{given}");
        }
        assert!(edited("init=/bin/sh", ""));
    }
}
