//! What the loader passed along: which profile, and perhaps a command line.

use alloc::string::String;
use alloc::vec::Vec;

use crate::image::Image;

/// Load options, taken apart.
#[derive(Default)]
pub struct Options {
    /// Number after `@` at the beginning; 0 if there is none.
    pub profile: usize,
    /// The rest, if there is any.
    pub command_line: Option<String>,
}

impl Options {
    /// Reads the load options of our image. What is no text (firmware puts its own data there) counts as none.
    pub fn read(image: &Image) -> Self {
        let units: Vec<u16> = image
            .load_options
            .as_chunks::<2>()
            .0
            .iter()
            .map(|u| u16::from_le_bytes(*u))
            .take_while(|u| *u != 0)
            .collect();
        if units.first().is_none_or(|first| *first <= 0x1f) {
            return Self::default();
        }
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let mut rest = text.trim();
        // A shell passes the program's own name first.
        if let Some(program) = rest.split_whitespace().next().filter(|w| w.to_ascii_lowercase().ends_with(".efi")) {
            rest = rest.get(program.len()..).unwrap_or_default().trim_start();
        }
        let mut profile = 0;
        if let Some(word) = rest.strip_prefix('@').and_then(|r| r.split_whitespace().next())
            && let Ok(number) = word.parse()
        {
            profile = number;
            rest = rest.get(word.len() + 1..).unwrap_or_default().trim_start();
        }
        let command_line = (!rest.is_empty()).then(|| rest.into());
        Self { profile, command_line }
    }

    /// The command line that was given, if it is not the embedded one: loaders hand the signed line back to us, and only
    /// another one is somebody's edit.
    pub fn edited(&self, embedded: &str) -> Option<&str> {
        self.command_line
            .as_deref()
            .filter(|given| !given.split_whitespace().eq(embedded.split_whitespace()))
    }
}
