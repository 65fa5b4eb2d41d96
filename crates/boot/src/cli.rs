//! The command line.

use std::path::PathBuf;

use boot_formats::Guid;
use boot_formats::authvar::KeyVariable;
use boot_formats::uki::Measure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use cli_kit::Manners;

/// Keeps Secure Boot keys, signs images, installs NixOS generations so that they boot with Secure Boot.
#[derive(Debug, Parser)]
#[command(name = "firn-boot", version, about, long_about = None)]
#[command(after_help = "Examples:
  firn-boot keys create --dir /etc/firn/keys
  firn-boot keys enroll --dir /etc/firn/keys --keep-firmware
  firn-boot uki build --linux bzImage --initrd initrd --cmdline 'init=/nix/store/...' --keys /etc/firn/keys --out nixos.efi
  firn-boot install --esp /boot --keys /etc/firn/keys --limit 20
  firn-boot sign --keys /etc/firn/keys --out systemd-bootx64.efi.signed systemd-bootx64.efi
  firn-boot verify --keys /etc/firn/keys nixos.efi")]
pub struct Cli {
    /// How to talk.
    #[command(flatten)]
    pub manners: Manners,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make, keep, replace and enrol keys
    Keys {
        /// What to do with keys.
        #[command(subcommand)]
        command: Keys,
    },
    /// Sign an image (Authenticode, RSA with SHA-256)
    #[command(after_help = "Examples:
  firn-boot sign --keys keys --out signed.efi plain.efi
  firn-boot sign --certificate db.pem --pkcs11 'pkcs11:token=boot;object=db?module-path=/usr/lib/softhsm/libsofthsm2.so' --out signed.efi plain.efi
  firn-boot sign --certificate db.pem --to-sign plain.tbs plain.efi       and where the key is:
    openssl dgst -sha256 -sign db.key -out plain.sig plain.tbs            and back here:
  firn-boot sign --certificate db.pem --signature plain.sig --out signed.efi plain.efi")]
    Sign(Sign),
    /// Say whether firmware with these keys would start an image
    Verify {
        /// Folder of keys: what its db and dbx would hold
        #[arg(long, value_name = "DIR", conflicts_with_all = ["db", "dbx", "firmware"])]
        keys: Option<PathBuf>,
        /// File with certificates or signature lists to trust
        #[arg(long, value_name = "FILE")]
        db: Vec<PathBuf>,
        /// File with certificates or signature lists that are revoked
        #[arg(long, value_name = "FILE")]
        dbx: Vec<PathBuf>,
        /// Trust what this machine's firmware trusts
        #[arg(long)]
        firmware: bool,
        /// Where the firmware's variables are
        #[arg(long, value_name = "DIR", default_value = crate::firmware::EFIVARS)]
        efivars: PathBuf,
        /// The images
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the Authenticode digests of images
    Hash {
        /// The images
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Build unified kernel images, and look into them
    Uki {
        /// What to do with images.
        #[command(subcommand)]
        command: Uki,
    },
    /// Put NixOS generations on the EFI system partition, signed: all of it or nothing
    #[command(after_help = "Examples:
  firn-boot install --esp /boot --keys /etc/firn/keys --limit 20 --plan
  firn-boot install --esp /boot --esp /boot2 --keys /etc/firn/keys --tries 3 --pin 41 --program memtest=/run/current-system/sw/share/memtest86plus/memtest.efi

What is listed in the menu boots at any moment, also if this is stopped half-way; the next run completes it.")]
    Install {
        /// What, where and how.
        #[command(flatten)]
        installing: Box<Installing>,
        /// Say what would be written and removed, and how many bytes that takes at most; change nothing
        #[arg(long)]
        plan: bool,
    },
    /// Say what is wrong with which file of the partition, and what to do; exit code 1 if something is
    Check {
        /// What should be there.
        #[command(flatten)]
        installing: Box<Installing>,
    },
    /// Write again what is missing or damaged; nothing that is whole is removed
    Repair {
        /// What should be there.
        #[command(flatten)]
        installing: Box<Installing>,
    },
    /// Show the entries, what they take, what was booted and what is booted next
    Status {
        /// Where.
        #[command(flatten)]
        place: Place,
        /// Whose signatures count.
        #[command(flatten)]
        key: Key,
    },
    /// Keep the entry that was booted: it is good, and is not counted any more
    Bless {
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Go back to plain systemd-boot: entries in text, kernels without signature, the loader as its vendor made it
    Uninstall {
        /// Where.
        #[command(flatten)]
        place: Place,
        /// systemd-boot as its vendor made it
        #[arg(long, value_name = "FILE")]
        systemd_boot: PathBuf,
        /// Say what would be written and removed; change nothing
        #[arg(long)]
        plan: bool,
    },
}

/// Partitions, and what the firmware says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Partitions")]
pub struct Place {
    /// Where EFI system partitions are mounted; each gets the same
    #[arg(long, value_name = "DIR", num_args = 1.., default_value = "/boot")]
    pub esp: Vec<PathBuf>,
    /// Where an extended boot partition is mounted: entries go there, and the loader alone to the others
    #[arg(long, value_name = "DIR")]
    pub xbootldr: Option<PathBuf>,
    /// Where the firmware's variables are
    #[arg(long, value_name = "DIR", default_value = crate::firmware::EFIVARS)]
    pub efivars: PathBuf,
}

/// What is to be on the partitions.
#[derive(Debug, Clone, Args)]
pub struct Installing {
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// Who signs.
    #[command(flatten)]
    pub key: Key,
    /// What.
    #[command(flatten)]
    pub content: Contents,
}

/// What the menu offers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Content")]
pub struct Contents {
    /// Folder of the profiles
    #[arg(long, value_name = "DIR", default_value = "/nix/var/nix/profiles")]
    pub profiles: PathBuf,
    /// System that is booted by default, a generation or a specialisation of one [default: what the profile says]
    #[arg(long, value_name = "PATH")]
    pub system: Option<PathBuf>,
    /// How many generations of each profile at most; the booted one and the last good one are not counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Generation that stays whatever the limit
    #[arg(long, value_name = "[PROFILE:]N", value_parser = pin)]
    pub pin: Vec<crate::esp::EntryId>,
    /// How often a new entry is tried before it counts as bad; without, entries are not counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub tries: Option<u32>,
    /// Kernels and initrds inside of the images rather than shared beside them
    #[arg(long)]
    pub fat: bool,
    /// The stub [default: the one in this program]
    #[arg(long, value_name = "FILE")]
    pub stub: Option<PathBuf>,
    /// When the stub goes on although something was not measured
    #[arg(long, value_name = "POLICY", value_parser = measure)]
    pub measure: Option<Measure>,
    /// systemd-boot as its vendor made it [default: that of the system]
    #[arg(long, value_name = "FILE")]
    pub systemd_boot: Option<PathBuf>,
    /// Another program in the menu; it gets a signature
    #[arg(long, value_name = "NAME=FILE", value_parser = program)]
    pub program: Vec<(String, PathBuf)>,
    /// Seconds that the menu is shown
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    /// Let command lines be edited in the menu, where Secure Boot is off
    #[arg(long)]
    pub editor: bool,
    /// One more line for loader.conf
    #[arg(long, value_name = "LINE", value_parser = loader_line)]
    pub loader_line: Vec<String>,
    /// Remove what NixOS's other installers (systemd-boot, lanzaboote) left
    #[arg(long)]
    pub take_over: bool,
}

fn pin(text: &str) -> Result<crate::esp::EntryId, String> {
    let (profile, number) = match text.split_once(':') {
        Some((profile, number)) => (Some(profile), number),
        None => (None, text),
    };
    let number: u32 = number
        .parse()
        .map_err(|_| "give the number of a generation, as 41 or test:41".to_owned())?;
    Ok(crate::esp::EntryId::new(profile.filter(|p| *p != "system"), number.into(), None))
}

fn program(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("give NAME=FILE")?;
    let is_tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_tame) {
        return Err("the name is of small letters, digits and dashes".into());
    }
    Ok((name.into(), file.into()))
}

fn loader_line(text: &str) -> Result<String, String> {
    let is_ours = ["default", "editor", "timeout"]
        .iter()
        .any(|word| text.split_whitespace().next() == Some(*word));
    if is_ours || text.chars().any(char::is_control) {
        return Err("give one line; default, editor and timeout have options of their own".into());
    }
    Ok(text.into())
}

/// Who signs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Key")]
pub struct Key {
    /// Folder of keys, of which db.key signs
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// File with the passphrase of the keys
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Certificate of a key that is not in a folder
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub certificate: Option<PathBuf>,
    /// Key file of that certificate (PKCS#8)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Address of the key in a security module
    #[arg(long, value_name = "URI", requires = "certificate", conflicts_with = "key")]
    pub pkcs11: Option<String>,
    /// Command that gets the bytes to sign and prints the raw signature
    #[arg(long, value_name = "COMMAND", requires = "certificate", conflicts_with_all = ["key", "pkcs11"])]
    pub signer_command: Option<String>,
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// Who signs.
    #[command(flatten)]
    pub key: Key,
    /// Write the bytes that a key elsewhere has to sign, and nothing else
    #[arg(long, value_name = "FILE", requires = "certificate", conflicts_with_all = ["signature", "out"])]
    pub to_sign: Option<PathBuf>,
    /// Attach a signature made elsewhere over these bytes
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub signature: Option<PathBuf>,
    /// Drop the signatures that the image has
    #[arg(long)]
    pub replace: bool,
    /// Drop the signatures that the image has, and do not sign
    #[arg(long, conflicts_with_all = ["to_sign", "signature", "replace"])]
    pub remove: bool,
    /// Where the signed image goes
    #[arg(long, value_name = "FILE", required_unless_present = "to_sign")]
    pub out: Option<PathBuf>,
    /// The image
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// A variable that holds keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
#[expect(missing_docs, reason = "the names are those of the firmware's variables")]
#[expect(non_camel_case_types, reason = "the names are those of the firmware's variables")]
pub enum Variable {
    PK,
    KEK,
    db,
    dbx,
}

impl From<Variable> for KeyVariable {
    fn from(variable: Variable) -> Self {
        match variable {
            Variable::PK => Self::Pk,
            Variable::KEK => Self::Kek,
            Variable::db => Self::Db,
            Variable::dbx => Self::Dbx,
        }
    }
}

/// What the certificates of new keys say.
#[derive(Debug, Clone, Args)]
pub struct Fields {
    /// Bits of each RSA key; firmware is sure to know 2048
    #[arg(long, default_value_t = 2048, value_parser = bits)]
    pub bits: usize,
    /// Common name in the certificates; the variable's name is added
    #[arg(long, value_name = "NAME", default_value = "Firn Secure Boot")]
    pub common_name: String,
    /// Organization in the certificates
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// Years that the certificates are valid; firmware does not look
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub years: u16,
}

fn bits(text: &str) -> Result<usize, String> {
    match text {
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        _ => Err("choose 2048, 3072 or 4096".into()),
    }
}

/// A folder of keys.
#[derive(Debug, Clone, Args)]
pub struct Folder {
    /// Folder of keys
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// File with the passphrase of the keys
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make PK, KEK and db keys
    Create {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// GUID that our entries bear [default: a random one]
        #[arg(long, value_name = "GUID")]
        owner: Option<Guid>,
        /// Certificates.
        #[command(flatten)]
        fields: Fields,
    },
    /// Keep certificates or signature lists of others (vendors, Microsoft) for a variable; with --key, make a key our own
    #[command(after_help = "Examples:
  firn-boot keys import --dir keys --into db MicCorUEFCA2011.crt
  firn-boot keys import --dir keys --into PK --key /var/lib/sbctl/keys/PK/PK.key /var/lib/sbctl/keys/PK/PK.pem")]
    Import {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Which variable
        #[arg(long, value_enum)]
        into: Variable,
        /// Private key (PKCS#8 in PEM) of the certificate: both become the folder's own, which must not have one yet
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Owner of certificates that come without, and of a folder that is made [default: ours, or a random one]
        #[arg(long, value_name = "GUID")]
        owner: Option<Guid>,
        /// Certificates (PEM, DER) or lists (ESL, auth)
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Replace a key; the old one stays valid until the rotation is finished
    #[command(after_help = "A rotation:
  firn-boot keys rotate --dir keys db             new key; db.auth holds both certificates
  firn-boot keys enroll --dir keys                tell the firmware
  (sign the images again, boot one of them)
  firn-boot keys rotate --dir keys db --finish    the old certificate is dropped
  firn-boot keys enroll --dir keys")]
    Rotate {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Which key
        #[arg(value_enum)]
        variable: Variable,
        /// End the rotation: drop the old key
        #[arg(long)]
        finish: bool,
        /// Where the firmware's variables are: a rotation is not finished before the firmware knows the new key
        #[arg(long, value_name = "DIR", default_value = crate::firmware::EFIVARS)]
        efivars: PathBuf,
        /// Certificates.
        #[command(flatten)]
        fields: Fields,
    },
    /// Show what the folder and the firmware hold, and where they differ
    Status {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Where the firmware's variables are
        #[arg(long, value_name = "DIR", default_value = crate::firmware::EFIVARS)]
        efivars: PathBuf,
        /// Images whose signatures to hold against both
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Write PK, KEK, db and dbx for firmware menus (esl) or for systemd-boot's auto-enrolment (auth)
    Export {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Folder to write into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Seconds since 1970 that the signed values bear [default: SOURCE_DATE_EPOCH, or now]
        #[arg(long, value_name = "SECONDS")]
        timestamp: Option<i64>,
    },
    /// Set the firmware's variables: in setup mode all, later what the enrolled keys allow
    Enroll {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Where the firmware's variables are
        #[arg(long, value_name = "DIR", default_value = crate::firmware::EFIVARS)]
        efivars: PathBuf,
        /// Keep what others have in the firmware, and its defaults: vendor's and Microsoft's certificates; the folder
        /// remembers them
        #[arg(long)]
        keep_firmware: bool,
        /// Enrol what the folder holds and nothing else: without certificates of others option ROMs may not run, and the
        /// machine may show no picture
        #[arg(long, conflicts_with = "keep_firmware")]
        only_ours: bool,
        /// Say what would be set, and set nothing
        #[arg(long)]
        plan: bool,
    },
    /// Revoke images or certificates: keep them for dbx, and write a signed value that adds them
    Revoke {
        /// Where.
        #[command(flatten)]
        folder: Folder,
        /// Image to revoke by its digest
        #[arg(long, value_name = "FILE")]
        image: Vec<PathBuf>,
        /// Certificate to revoke, with everything it signed
        #[arg(long, value_name = "FILE")]
        certificate: Vec<PathBuf>,
        /// The same by the digest of its signed part (X509_SHA256): a small entry, which firmware before UEFI 2.4 does not know
        #[arg(long, value_name = "FILE")]
        certificate_digest: Vec<PathBuf>,
        /// Where the signed value goes, to be appended to dbx
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// `uki`.
#[derive(Debug, Subcommand)]
pub enum Uki {
    /// Build an image; without --linux, an addon
    Build(Box<Build>),
    /// Show what an image is made of, what of it is measured, and who signed it
    Inspect {
        /// The image
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Files of a thin image are sought below this folder
        #[arg(long, value_name = "DIR")]
        esp: Option<PathBuf>,
    },
}

/// Arguments of `uki build`. TEXT may be `@FILE`.
#[derive(Debug, Args)]
#[command(after_help = "TEXT is taken as it is, or from a file if written @FILE.

Examples:
  firn-boot uki build --linux bzImage --initrd initrd --cmdline @cmdline --os-release @/etc/os-release --keys keys --out nixos.efi
  firn-boot uki build --thin /boot --linux bzImage --initrd initrd --cmdline quiet --keys keys --out /boot/EFI/Linux/nixos.efi
  firn-boot uki build --cmdline debug --keys keys --out debug.addon.efi")]
pub struct Build {
    /// The stub [default: the one in this program]
    #[arg(long, value_name = "FILE")]
    pub stub: Option<PathBuf>,
    /// The kernel
    #[arg(long, value_name = "FILE")]
    pub linux: Option<PathBuf>,
    /// An initrd; several are joined
    #[arg(long, value_name = "FILE")]
    pub initrd: Vec<PathBuf>,
    /// Kernel command line
    #[arg(long, value_name = "TEXT")]
    pub cmdline: Option<String>,
    /// os-release of the system
    #[arg(long, value_name = "TEXT")]
    pub os_release: Option<String>,
    /// Kernel release, as uname -r prints it
    #[arg(long, value_name = "TEXT")]
    pub uname: Option<String>,
    /// Picture (BMP)
    #[arg(long, value_name = "FILE")]
    pub splash: Option<PathBuf>,
    /// Device tree
    #[arg(long, value_name = "FILE")]
    pub dtb: Option<PathBuf>,
    /// Microcode, as an initrd
    #[arg(long, value_name = "FILE")]
    pub ucode: Option<PathBuf>,
    /// Signatures over PCR values (JSON)
    #[arg(long, value_name = "FILE")]
    pub pcrsig: Option<PathBuf>,
    /// Public key of these signatures (PEM)
    #[arg(long, value_name = "FILE")]
    pub pcrpkey: Option<PathBuf>,
    /// A profile, as `ID=name` lines; those after the first need a --profile-cmdline each
    #[arg(long, value_name = "TEXT")]
    pub profile: Vec<String>,
    /// Command line of the second profile, of the third ...
    #[arg(long, value_name = "TEXT")]
    pub profile_cmdline: Vec<String>,
    /// When the stub goes on although something was not measured
    #[arg(long, value_name = "POLICY", value_parser = measure)]
    pub measure: Option<Measure>,
    /// Leave kernel and initrd as files below this folder (the ESP); the image holds their SHA-256
    #[arg(long, value_name = "DIR")]
    pub thin: Option<PathBuf>,
    /// Who signs; not signed without.
    #[command(flatten)]
    pub key: Key,
    /// Where the image goes
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

fn measure(text: &str) -> Result<Measure, String> {
    let known = Measure::ALL.iter().find(|(_, word)| *word == text);
    known
        .map(|(m, _)| *m)
        .ok_or_else(|| format!("choose {}", Measure::ALL.map(|(_, word)| word).join(", ")))
}
