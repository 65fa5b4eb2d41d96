//! Unified kernel images: which sections there are, in which order, and what of them is measured.
//!
//! After UAPI.5 and UAPI.7; thin images, whose kernel and initrd lie beside them, are described at [`Reference`].

use alloc::string::String;
use alloc::vec::Vec;

use crate::Sha256Digest;
use crate::pcr::Pcr;

/// A section of a unified kernel image, in the order in which sections are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by UAPI.5")]
pub enum Kind {
    Linux,
    OsRelease,
    CommandLine,
    Initrd,
    Microcode,
    Splash,
    DeviceTree,
    DeviceTreeAuto,
    Firmware,
    HardwareIds,
    KernelRelease,
    Sbat,
    PcrSignatures,
    PcrPublicKey,
    Profile,
    /// SHA-256 of a kernel that lies beside the image (thin images; not measured, the kernel is).
    LinuxDigest,
    /// SHA-256 of an initrd that lies beside the image.
    InitrdDigest,
    /// Our stub's [`Policy`].
    Policy,
}

impl Kind {
    /// All, in their order.
    pub const ALL: [Self; 18] = [
        Self::Linux,
        Self::OsRelease,
        Self::CommandLine,
        Self::Initrd,
        Self::Microcode,
        Self::Splash,
        Self::DeviceTree,
        Self::DeviceTreeAuto,
        Self::Firmware,
        Self::HardwareIds,
        Self::KernelRelease,
        Self::Sbat,
        Self::PcrSignatures,
        Self::PcrPublicKey,
        Self::Profile,
        Self::LinuxDigest,
        Self::InitrdDigest,
        Self::Policy,
    ];

    /// Name of the section.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => ".linux",
            Self::OsRelease => ".osrel",
            Self::CommandLine => ".cmdline",
            Self::Initrd => ".initrd",
            Self::Microcode => ".ucode",
            Self::Splash => ".splash",
            Self::DeviceTree => ".dtb",
            Self::DeviceTreeAuto => ".dtbauto",
            Self::Firmware => ".efifw",
            Self::HardwareIds => ".hwids",
            Self::KernelRelease => ".uname",
            Self::Sbat => ".sbat",
            Self::PcrSignatures => ".pcrsig",
            Self::PcrPublicKey => ".pcrpkey",
            Self::Profile => ".profile",
            Self::LinuxDigest => ".linuxh",
            Self::InitrdDigest => ".initrdh",
            Self::Policy => ".firn",
        }
    }

    /// The kind of a section with this name.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// Whether the section goes into PCR 11. Signatures over the register cannot be in it.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        !matches!(self, Self::PcrSignatures | Self::LinuxDigest | Self::InitrdDigest | Self::Policy)
    }
}

/// Sections of one profile of an image: each kind at most once, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile<'a> {
    sections: Vec<(Kind, &'a [u8])>,
}

/// An image whose sections do not make up a unified kernel image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UkiError {
    /// A section twice in the same profile.
    #[error("section {0} stands twice in one profile")]
    Twice(&'static str),
    /// The profile asked for is not there.
    #[error("there is no profile {asked}, the image has {there}")]
    NoProfile {
        /// Number asked for, from 0.
        asked: usize,
        /// How many there are.
        there: usize,
    },
    /// Text that is none.
    #[error("section {0} is not UTF-8")]
    NotText(&'static str),
    /// A digest of the wrong size, or a path that is none.
    #[error("section {0} is not what a thin image has there")]
    Reference(&'static str),
    /// A policy of another version.
    #[error("policy in .firn is not understood: {0}")]
    Policy(String),
}

/// How many profiles these sections have: at least one.
#[must_use]
pub fn profiles<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let separators = names.into_iter().filter(|n| *n == Kind::Profile.name().as_bytes()).count();
    separators.max(1)
}

impl<'a> Profile<'a> {
    /// Profile `number` of an image with these sections (name and content, in the order of their table): what stands before
    /// the first `.profile` is common to all, and what follows a profile's own separator comes in its place.
    pub fn select(sections: &[(&[u8], &'a [u8])], number: usize) -> Result<Self, UkiError> {
        let there = profiles(sections.iter().map(|(name, _)| *name));
        if number >= there {
            return Err(UkiError::NoProfile { asked: number, there });
        }
        let mut chosen = Self::default();
        let (mut part, mut own) = (0, Vec::new());
        for (name, data) in sections {
            let Some(kind) = Kind::of(name) else { continue };
            if kind == Kind::Profile {
                part += 1;
            }
            if part != 0 && part != number + 1 {
                continue;
            }
            // Several device trees may be offered; the first that fits is chosen by the stub.
            let many = kind == Kind::DeviceTreeAuto;
            match chosen.sections.iter().position(|(k, _)| *k == kind) {
                _ if many => chosen.sections.push((kind, data)),
                Some(at) if part > 0 && !own.contains(&kind) => {
                    if let Some(place) = chosen.sections.get_mut(at) {
                        place.1 = data;
                    }
                }
                Some(_) => return Err(UkiError::Twice(kind.name())),
                None => chosen.sections.push((kind, data)),
            }
            if part > 0 {
                own.push(kind);
            }
        }
        chosen.sections.sort_by_key(|(kind, _)| *kind);
        Ok(chosen)
    }

    /// The first section of this kind, if there is one that is not empty.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&'a [u8]> {
        self.sections
            .iter()
            .find(|(k, data)| *k == kind && !data.is_empty())
            .map(|(_, data)| *data)
    }

    /// All sections of this kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &'a [u8]> {
        self.sections.iter().filter(move |(k, _)| *k == kind).map(|(_, data)| *data)
    }

    /// A text, without the zeros and spaces at its end.
    pub fn text(&self, kind: Kind) -> Result<Option<&'a str>, UkiError> {
        let Some(data) = self.get(kind) else { return Ok(None) };
        let text = core::str::from_utf8(data).map_err(|_| UkiError::NotText(kind.name()))?;
        Ok(Some(text.trim_end_matches(['\0', '\n', ' '])))
    }

    /// Where a kernel or an initrd lies, if it is not in the image. `kind` is [`Kind::Linux`] or [`Kind::Initrd`].
    pub fn reference(&self, kind: Kind) -> Result<Option<Reference<'a>>, UkiError> {
        let digest_kind = if kind == Kind::Linux {
            Kind::LinuxDigest
        } else {
            Kind::InitrdDigest
        };
        let Some(digest) = self.get(digest_kind) else { return Ok(None) };
        let digest = digest.try_into().map_err(|_| UkiError::Reference(digest_kind.name()))?;
        let path = self.text(kind)?.ok_or(UkiError::Reference(kind.name()))?;
        // Plain names below the root: neither firmware nor a program that looks the file up elsewhere may be led out of it.
        let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(|c: char| c.is_control() || matches!(c, '/' | ':'));
        if path.len() > 1024 || !path.strip_prefix('\\').is_some_and(|below| below.split('\\').all(plain)) {
            return Err(UkiError::Reference(kind.name()));
        }
        Ok(Some(Reference { path, digest }))
    }

    /// The policy of our stub.
    pub fn policy(&self) -> Result<Policy, UkiError> {
        self.text(Kind::Policy)?.map_or(Ok(Policy::default()), Policy::parse)
    }

    /// What is measured into PCR 11, in order: of each its [`measured_name`], then its content (of a thin image's kernel and
    /// initrd that of the file beside it). Of several device trees none is, because only the one that is used would be.
    pub fn measured<'b>(&'b self) -> impl Iterator<Item = (Kind, &'a [u8])> + 'b {
        self.sections
            .iter()
            .filter(|(kind, data)| kind.is_measured() && !data.is_empty() && *kind != Kind::DeviceTreeAuto)
            .copied()
    }

    /// PCR 11 once the stub has measured this profile. `beside` replaces kernel and initrd of thin images.
    #[must_use]
    pub fn pcr11(&self, beside: &[(Kind, Vec<u8>)]) -> Pcr {
        let mut pcr = Pcr::default();
        for (kind, data) in self.measured() {
            pcr.measure(&measured_name(kind));
            pcr.measure(beside.iter().find(|(k, _)| *k == kind).map_or(data, |(_, bytes)| bytes));
        }
        pcr
    }
}

/// A section's name as it is measured: with a zero at its end.
#[must_use]
pub fn measured_name(kind: Kind) -> Vec<u8> {
    [kind.name().as_bytes(), &[0]].concat()
}

/// A file that a thin image takes from the partition it was started from: `.linux` (or `.initrd`) holds its path with
/// backslashes, `.linuxh` (or `.initrdh`) its SHA-256, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// From the root of the partition, as `\EFI\nixos\kernel-....efi`.
    pub path: &'a str,
    /// What the file must hash to.
    pub digest: Sha256Digest,
}

/// What our stub does where it has a choice. Signed with the image, as lines of `key=value` in `.firn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// `measure=`
    pub measure: Measure,
}

/// When a boot goes on although something was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// `required`: never; a machine without a TPM does not boot.
    Required,
    /// `strict`: only if there is no TPM at all. A TPM that fails stops the boot.
    #[default]
    Strict,
    /// `lenient`: always, with a message.
    Lenient,
}

impl Measure {
    /// All with their words.
    pub const ALL: [(Self, &str); 3] = [(Self::Required, "required"), (Self::Strict, "strict"), (Self::Lenient, "lenient")];

    /// The word in the section.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(m, _)| *m == self).map_or("", |(_, word)| word)
    }
}

impl Policy {
    /// Reads `.firn`. Keys that are not known are refused: an old stub must not pass over a new rule. So are rules that stand
    /// twice: two readers could disagree about which one holds.
    pub fn parse(text: &str) -> Result<Self, UkiError> {
        let mut chosen = None;
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let measure = line
                .strip_prefix("measure=")
                .and_then(|word| Measure::ALL.iter().find(|(_, w)| *w == word));
            let (measure, _) = measure.filter(|_| chosen.is_none()).ok_or_else(|| UkiError::Policy(line.into()))?;
            chosen = Some(*measure);
        }
        Ok(Self {
            measure: chosen.unwrap_or_default(),
        })
    }

    /// The text of the section.
    #[must_use]
    pub fn to_text(self) -> String {
        alloc::format!("measure={}\n", self.measure.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn select<'a>(sections: &[(&'a str, &'a str)], number: usize) -> Result<Profile<'a>, UkiError> {
        let sections: Vec<(&[u8], &[u8])> = sections.iter().map(|(n, d)| (n.as_bytes(), d.as_bytes())).collect();
        Profile::select(&sections, number)
    }

    #[test]
    fn sections_are_measured_in_the_order_of_the_specification() {
        let profile = select(
            &[
                (".text", "code"),
                (".initrd", "I"),
                (".sbat", "S"),
                (".linux", "L"),
                (".pcrsig", "{}"),
                (".cmdline", "C"),
                (".osrel", ""),
            ],
            0,
        );
        let measured: Vec<_> = profile.as_ref().unwrap().measured().map(|(k, _)| k.name()).collect();
        assert_eq!(measured, [".linux", ".cmdline", ".initrd", ".sbat"]);
        let mut pcr = Pcr::default();
        for part in [".linux\0", "K", ".cmdline\0", "C", ".initrd\0", "I", ".sbat\0", "S"] {
            pcr.measure(part.as_bytes());
        }
        assert_eq!(profile.unwrap().pcr11(&[(Kind::Linux, b"K".to_vec())]), pcr);
    }

    #[test]
    fn profiles_overlay_the_common_part() {
        let sections = [
            (".linux", "L"),
            (".cmdline", "quiet"),
            (".profile", "ID=main"),
            (".profile", "ID=debug"),
            (".cmdline", "debug"),
        ];
        let texts = |n| {
            let profile = select(&sections, n).unwrap();
            (
                profile.text(Kind::CommandLine).unwrap(),
                profile.text(Kind::Profile).unwrap(),
                profile.get(Kind::Linux),
            )
        };
        assert_eq!(texts(0), (Some("quiet"), Some("ID=main"), Some(b"L".as_slice())));
        assert_eq!(texts(1), (Some("debug"), Some("ID=debug"), Some(b"L".as_slice())));
        assert_eq!(select(&sections, 2), Err(UkiError::NoProfile { asked: 2, there: 2 }));
        assert!(select(&[(".linux", "L")], 0).is_ok());
        assert_eq!(select(&[(".linux", "L")], 1), Err(UkiError::NoProfile { asked: 1, there: 1 }));
    }

    #[test]
    fn attack_the_same_section_twice() {
        assert_eq!(select(&[(".cmdline", "a"), (".cmdline", "b")], 0), Err(UkiError::Twice(".cmdline")));
        let in_profile = [(".cmdline", "a"), (".profile", "p"), (".cmdline", "b"), (".cmdline", "c")];
        assert_eq!(select(&in_profile, 0), Err(UkiError::Twice(".cmdline")));
    }

    #[test]
    fn thin_images_refer_to_files() {
        let digest = "0123456789abcdef0123456789abcdef";
        let profile = select(&[(".linux", "\\EFI\\nixos\\k.efi"), (".linuxh", digest), (".initrd", "inside")], 0).unwrap();
        let reference = profile.reference(Kind::Linux).unwrap().unwrap();
        assert_eq!(
            (reference.path, reference.digest.as_slice()),
            ("\\EFI\\nixos\\k.efi", digest.as_bytes())
        );
        assert_eq!(profile.reference(Kind::Initrd), Ok(None));
        for bad in [
            vec![(".linux", "\\k"), (".linuxh", "short")],
            vec![(".linux", "k"), (".linuxh", digest)],
            vec![(".linuxh", digest)],
        ] {
            assert!(matches!(
                select(&bad, 0).unwrap().reference(Kind::Linux),
                Err(UkiError::Reference(_))
            ));
        }
    }

    #[test]
    fn attack_paths_out_of_the_partition() {
        let digest = "0123456789abcdef0123456789abcdef";
        for path in [
            "\\",
            "\\..\\k",
            "\\EFI\\..\\..\\k",
            "\\/etc/shadow",
            "\\EFI/../k",
            "\\\\server\\k",
            "\\EFI\\",
            "\\.",
            "\\fs1:k",
            "\\a\nb",
            "\\a\0b",
        ] {
            let profile = select(&[(".initrd", path), (".initrdh", digest)], 0).unwrap();
            assert_eq!(profile.reference(Kind::Initrd), Err(UkiError::Reference(".initrd")), "{path:?}");
        }
    }

    #[test]
    fn policies_are_read_strictly() {
        assert_eq!(Policy::parse(""), Ok(Policy { measure: Measure::Strict }));
        for (measure, _) in Measure::ALL {
            assert_eq!(Policy::parse(&Policy { measure }.to_text()), Ok(Policy { measure }));
        }
        assert_eq!(Policy::parse("measure=maybe"), Err(UkiError::Policy("measure=maybe".into())));
        assert_eq!(Policy::parse("allow=all"), Err(UkiError::Policy("allow=all".into())));
        assert_eq!(
            Policy::parse("measure=required\nmeasure=lenient"),
            Err(UkiError::Policy("measure=lenient".into()))
        );
    }
}
