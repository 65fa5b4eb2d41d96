//! SBAT: generations of boot programs, and which of them are revoked. After shim's SBAT.md.

use alloc::string::String;
use alloc::vec::Vec;

/// More components than any image has.
const MOST: usize = 256;

/// One line: a component and the generation of its security fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// As `grub`.
    pub name: String,
    /// Grows when a hole was closed.
    pub generation: u32,
}

/// Text that is no SBAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SbatError {
    /// It does not begin with the line `sbat,N`.
    #[error("sbat does not begin with the line of sbat itself")]
    NoHeader,
    /// A line without name or generation.
    #[error("sbat has no component and generation in line {0}")]
    Line(usize),
    /// Too many lines.
    #[error("sbat has more than {MOST} lines")]
    TooMany,
}

/// Reads the components of a `.sbat` section or of the variable `SbatLevel`.
pub fn parse(bytes: &[u8]) -> Result<Vec<Component>, SbatError> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = bytes.get(..end).unwrap_or_default();
    let mut components = Vec::new();
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if components.len() == MOST {
            return Err(SbatError::TooMany);
        }
        let mut fields = line.split(|b| *b == b',').map(|f| core::str::from_utf8(f).ok());
        let (name, generation) = (fields.next().flatten(), fields.next().flatten());
        let generation = generation.and_then(|g| g.parse().ok()).ok_or(SbatError::Line(number + 1))?;
        let name = name.filter(|n| !n.is_empty()).ok_or(SbatError::Line(number + 1))?;
        components.push(Component {
            name: name.into(),
            generation,
        });
    }
    if components.first().is_none_or(|c| c.name != "sbat") {
        return Err(SbatError::NoHeader);
    }
    Ok(components)
}

/// The first component of an image whose generation is below what the level asks for, with the generation asked for.
#[must_use]
pub fn revoked<'a>(image: &'a [Component], level: &[Component]) -> Option<(&'a Component, u32)> {
    image.iter().find_map(|component| {
        let asked = level.iter().find(|l| l.name == component.name)?.generation;
        (component.generation < asked).then_some((component, asked))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &[u8] =
        b"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\nfirn-stub,2,Firn,firn-stub,0.1.0,https://x\n\0\0";

    #[test]
    fn lines_are_read() {
        let components = parse(IMAGE).unwrap();
        assert_eq!(
            components[1],
            Component {
                name: "firn-stub".into(),
                generation: 2
            }
        );
        assert_eq!(components.len(), 2);
        for (bad, error) in [
            (b"".as_slice(), SbatError::NoHeader),
            (b"grub,1\n", SbatError::NoHeader),
            (b"sbat,1\ngrub", SbatError::Line(2)),
            (b"sbat,1\n,4", SbatError::Line(2)),
            (b"sbat,-1", SbatError::Line(1)),
        ] {
            assert_eq!(parse(bad), Err(error));
        }
    }

    #[test]
    fn older_generations_are_revoked() {
        let image = parse(IMAGE).unwrap();
        assert_eq!(revoked(&image, &parse(b"sbat,1,2024\nfirn-stub,2\ngrub,9").unwrap()), None);
        assert_eq!(revoked(&image, &parse(b"sbat,1,2024\nfirn-stub,3").unwrap()), Some((&image[1], 3)));
    }
}
