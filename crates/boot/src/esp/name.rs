//! Names of our files: which generation an entry is of, and how often it may still be tried.
//!
//! Characters and counters after UAPI.1 (boot loader specification): `name+LEFT-DONE.efi`.

use std::fmt;

use boot_formats::trust::Hex;
use boot_formats::{Sha256Digest, sha256};

/// Which system an entry of the menu starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Name of the profile; `None` is the usual one.
    pub profile: Option<String>,
    /// Number of the generation in it.
    pub generation: u64,
    /// Name of the specialisation, as it stands in file names.
    pub specialisation: Option<String>,
}

/// File name of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName {
    /// Which entry.
    pub id: EntryId,
    /// How often it may still be tried, and how often it was; `None` once it is known to be good.
    pub tries: Option<(u32, u32)>,
}

impl EntryId {
    /// Names that FAT or the loader could take for another, or not take at all, get a part of their digest instead.
    pub fn new(profile: Option<&str>, generation: u64, specialisation: Option<&str>) -> Self {
        Self {
            profile: profile.map(tame),
            generation,
            specialisation: specialisation.map(tame),
        }
    }
}

/// A name that is the same on FAT as here, and holds no character with a meaning in [`EntryName`].
pub fn tame(name: &str) -> String {
    let is_tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_tame) && !name.contains("-generation-") {
        return name.into();
    }
    let kept: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
    let digest = Hex(&sha256(name.as_bytes())).to_string();
    format!("{}_{}", kept.to_ascii_lowercase(), digest.get(..12).unwrap_or_default())
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.profile {
            Some(profile) => write!(f, "nixos-{profile}-generation-{}", self.generation)?,
            None => write!(f, "nixos-generation-{}", self.generation)?,
        }
        self.specialisation.as_ref().map_or(Ok(()), |name| write!(f, ".{name}"))
    }
}

impl EntryName {
    /// Reads a file name; `None` if it is not one of ours. Case is passed over, as FAT does.
    pub fn parse(file: &str) -> Option<Self> {
        let file = file.to_ascii_lowercase();
        let stem = file.strip_suffix(".efi")?;
        let (stem, tries) = match stem.rsplit_once('+') {
            None => (stem, None),
            Some((stem, counter)) => {
                let (left, done) = counter.split_once('-').unwrap_or((counter, "0"));
                (stem, Some((number(left)?, number(done)?)))
            }
        };
        let rest = stem.strip_prefix("nixos-")?;
        let (profile, rest) = match rest.strip_prefix("generation-") {
            Some(rest) => (None, rest),
            None => {
                let (profile, rest) = rest.split_once("-generation-")?;
                (Some(profile), rest)
            }
        };
        let (generation, specialisation) = match rest.split_once('.') {
            None => (rest, None),
            Some((generation, name)) => (generation, Some(name)),
        };
        if generation.len() > 1 && generation.starts_with('0') {
            return None;
        }
        let id = EntryId {
            profile: profile.map(str::to_owned),
            generation: number(generation)?.into(),
            specialisation: specialisation.map(str::to_owned),
        };
        let all_tame = [&id.profile, &id.specialisation].into_iter().flatten().all(|n| tame(n) == *n);
        all_tame.then_some(Self { id, tries })
    }

    /// Whether the loader starts it only if it has nothing else.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        matches!(self.tries, Some((0, _)))
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)?;
        match self.tries {
            None => {}
            Some((left, 0)) => write!(f, "+{left}")?,
            Some((left, done)) => write!(f, "+{left}-{done}")?,
        }
        f.write_str(".efi")
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Digest in the name of a kernel or an initrd of ours, as `kernel-<64 digits>.efi`.
#[must_use]
pub fn shared_digest(file: &str) -> Option<Sha256Digest> {
    let file = file.to_ascii_lowercase();
    let stem = file.strip_suffix(".efi")?;
    let hex = stem.strip_prefix("kernel-").or_else(|| stem.strip_prefix("initrd-"))?;
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (place, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Whether a file bears the short name that FAT gives to what begins with `prefix` and ends with `extension`, both at most six
/// and three capitals. A long name stands beside the short one, in parts; where the power failed while these were written or
/// removed, the short one may be all that is left.
#[must_use]
pub fn is_short_for(file: &str, prefix: &str, extension: &str) -> bool {
    let file = file.to_ascii_uppercase();
    let Some((stem, end)) = file.split_once('.') else { return false };
    let Some((kept, number)) = stem.split_once('~') else { return false };
    // Six characters of the name, or two and four digits once nine names are taken.
    let begins = |count: usize| {
        let (kept, prefix) = (kept.get(..count), prefix.get(..count.min(prefix.len())));
        kept.zip(prefix).is_some_and(|(kept, prefix)| kept.starts_with(prefix))
    };
    let is_hashed = kept.len() == 6 && kept.bytes().skip(2).all(|b| b.is_ascii_hexdigit());
    let is_number = number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit());
    is_number && end == extension && kept.len() == 6 && (begins(6) || is_hashed && begins(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (profile, specialisation, tries, text) in [
            (None, None, None, "nixos-generation-12.efi"),
            (None, None, Some((3, 0)), "nixos-generation-12+3.efi"),
            (None, Some("safe-mode"), Some((0, 3)), "nixos-generation-12.safe-mode+0-3.efi"),
            (Some("test"), Some("x"), None, "nixos-test-generation-12.x.efi"),
        ] {
            let name = EntryName {
                id: EntryId::new(profile, 12, specialisation),
                tries,
            };
            assert_eq!(name.to_string(), text);
            assert_eq!(EntryName::parse(text), Some(name.clone()));
            assert_eq!(EntryName::parse(&text.to_ascii_uppercase()), Some(name));
        }
    }

    #[test]
    fn short_names_say_what_they_are_short_for() {
        for (file, is_short) in [
            ("INITRD~4.EFI", true),
            ("initrd~1.efi", true),
            ("IN3FA0~2.EFI", true),
            ("INXFA0~2.EFI", false),
            ("KERNEL~1.EFI", false),
            ("INITRD~1.FIR", false),
            ("INITRD~.EFI", false),
            ("INIT~1.EFI", false),
            ("initrd.efi", false),
            ("~1.EFI", false),
            ("", false),
        ] {
            assert_eq!(is_short_for(file, "INITRD", "EFI"), is_short, "{file}");
        }
        assert!(is_short_for("FIRN-M~1.CON", "FIRN-", "CON"));
        assert!(is_short_for("BOOTX6~1.FIR", "", "FIR"));
    }

    #[test]
    fn files_of_others_are_not_ours() {
        for foreign in [
            "arch-linux.efi",
            "nixos.efi",
            "nixos-generation-.efi",
            "nixos-generation-12.efi.firn-new",
            "nixos-generation-012.efi",
            "nixos-generation-12+.efi",
            "nixos-generation-12+1-x.efi",
            "nixos-generation-99999999999.efi",
            // lanzaboote's
            "nixos-generation-12-g3kzqbbcn4ucyvlbnr6ahpqrv6yaxbpz6nzrz2qf4bkuzrrzm2zq.efi",
            "nixos-generation-12-specialisation-safe-g3kzqbbcn4ucyvlbnr6ahpqrv6yaxbpz6nzrz2qf4bkuzrrzm2zq.efi",
            // A type 1 entry.
            "nixos-generation-12.conf",
        ] {
            assert_eq!(EntryName::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn wild_names_are_tamed_and_stay_apart() {
        let names = ["Safe", "safe", "s\u{e4}fe", "a.b", "a+b", "", "x-generation-1", &"l".repeat(300)];
        let tamed: Vec<String> = names.iter().map(|n| tame(n)).collect();
        for (at, name) in tamed.iter().enumerate() {
            assert!(name.len() <= 64 && !tamed[..at].contains(name), "{tamed:?}");
            assert_eq!(&tame(name), name);
            let id = EntryId::new(Some(names[at]), 1, Some(names[at]));
            assert_eq!(EntryName::parse(&format!("{id}.efi")).map(|n| n.id), Some(id));
        }
    }

    #[test]
    fn shared_files_bear_their_digest() {
        let hex = "ab".repeat(32);
        assert_eq!(shared_digest(&format!("initrd-{hex}.efi")), Some([0xab; 32]));
        assert_eq!(shared_digest(&format!("kernel-{hex}.EFI")), Some([0xab; 32]));
        assert_eq!(shared_digest("kernel-6.1-abc.efi"), None);
        assert_eq!(shared_digest(&format!("kernel-{}.efi", "+a".repeat(32))), None);
    }
}
