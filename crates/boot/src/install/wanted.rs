//! The files that should be on a partition.

use std::path::PathBuf;

use boot_formats::Sha256Digest;
use boot_formats::authenticode;
use boot_formats::pe::Pe;
use boot_formats::uki::{Kind, Policy};

use super::source::Prepared;
use crate::assemble::{BuildError, NewProfile, Parts, beside, build, build_thin};
use crate::esp::EntryId;
use crate::files::{self, FileError};
use crate::signer::{Signer, SignerError, sign_image, signed_len};

/// A file that should be there.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where.
    pub target: Target,
    /// Its size.
    pub size: u64,
    /// How to know it.
    pub expect: Expect,
    /// Where its bytes come from.
    pub supply: Supply,
    /// Paths of files that it needs there.
    pub needs: Vec<String>,
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// There.
    Path(String),
    /// Among the entries; its name says how often it may be tried.
    Entry(EntryId),
}

/// How to know a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// By its SHA-256.
    Content(Sha256Digest),
    /// By its Authenticode digest, with a signature of the key that signs now.
    Signed {
        /// The digest.
        digest: Sha256Digest,
        /// Of an entry, the command line: it names the system.
        command_line: Option<String>,
    },
}

/// Where bytes come from.
#[derive(Debug, Clone)]
pub enum Supply {
    /// They are here.
    Bytes(Vec<u8>),
    /// Another file's.
    File(PathBuf),
    /// These, to be signed.
    ToSign(Vec<u8>),
    /// An image that is built when it is its turn, because all of them would not fit into memory.
    ToBuild(Box<Prepared>),
}

/// Why an image was not made.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// Putting it together.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Signing it.
    #[error(transparent)]
    Sign(#[from] SignerError),
    /// Reading what goes in.
    #[error(transparent)]
    File(#[from] FileError),
    /// A kernel or an initrd is not what it was a moment ago.
    #[error("{0} was changed while it was read")]
    Changed(PathBuf),
    /// It would have to be signed.
    #[error("there is no key to sign with")]
    NoKey,
}

impl cli_kit::Explained for ForgeError {
    fn exit(&self) -> cli_kit::Exit {
        match self {
            Self::Build(error) => error.exit(),
            Self::Sign(error) => error.exit(),
            Self::File(error) => error.exit(),
            Self::Changed(_) | Self::NoKey => cli_kit::Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Changed(_) => Some("run this again".into()),
            Self::NoKey => None,
        }
    }
}

/// Makes images: with this stub, and in this way.
pub struct Forge<'a> {
    /// The stub.
    pub stub: Vec<u8>,
    /// Who signs.
    pub signer: &'a dyn Signer,
    /// Kernels and initrds in the images rather than beside them.
    pub fat: bool,
    /// Rules for our stub.
    pub policy: Option<Policy>,
}

impl Forge<'_> {
    /// The files for an entry: its image, and what lies beside it.
    pub fn wanted(&self, prepared: &Prepared) -> Result<Vec<Wanted>, ForgeError> {
        let image = self.unsigned(prepared)?;
        let size = signed_len(&image, self.signer.certificate())?;
        let mut all = Vec::new();
        if !self.fat {
            let initrd = prepared.initrd.iter().map(|i| (Kind::Initrd, i));
            for (kind, file) in [(Kind::Linux, &prepared.kernel)].into_iter().chain(initrd) {
                all.push(Wanted {
                    target: Target::Path(beside(kind, &file.digest)),
                    size: file.size,
                    expect: Expect::Content(file.digest),
                    supply: Supply::File(file.path.clone()),
                    needs: Vec::new(),
                });
            }
        }
        let needs = all.iter().filter_map(|w| match &w.target {
            Target::Path(path) => Some(path.clone()),
            Target::Entry(_) => None,
        });
        let needs = needs.collect();
        all.push(Wanted {
            target: Target::Entry(prepared.entry.id.clone()),
            size,
            expect: Expect::Signed {
                digest: digest_of(&image)?,
                command_line: Some(prepared.entry.command_line.clone()),
            },
            supply: if self.fat {
                Supply::ToBuild(Box::new(prepared.clone()))
            } else {
                Supply::ToSign(image)
            },
            needs,
        });
        Ok(all)
    }

    /// Another program, to be signed.
    pub fn program(&self, path: &str, bytes: &[u8]) -> Result<Wanted, ForgeError> {
        let pe = Pe::parse(bytes).map_err(SignerError::Image)?;
        // Signatures of others stay out: what is there must be known by the key that signs now.
        let bare = authenticode::without_signatures(&pe);
        Ok(Wanted {
            target: Target::Path(path.into()),
            size: signed_len(&bare, self.signer.certificate())?,
            expect: Expect::Signed {
                digest: digest_of(&bare)?,
                command_line: None,
            },
            supply: Supply::ToSign(bare),
            needs: Vec::new(),
        })
    }

    fn unsigned(&self, prepared: &Prepared) -> Result<Vec<u8>, ForgeError> {
        let others = vec![
            (Kind::OsRelease, prepared.entry.os_release.clone().into_bytes()),
            (Kind::CommandLine, prepared.entry.command_line.clone().into_bytes()),
        ];
        if self.fat {
            return self.unsigned_fat(prepared, others);
        }
        let mut others = others;
        others.extend(self.policy.map(|p| (Kind::Policy, p.to_text().into_bytes())));
        let initrd = prepared.initrd.as_ref().map(|i| &i.digest);
        Ok(build_thin(&self.stub, prepared.machine, &prepared.kernel.digest, initrd, &others)?)
    }

    fn unsigned_fat(&self, prepared: &Prepared, others: Vec<(Kind, Vec<u8>)>) -> Result<Vec<u8>, ForgeError> {
        let read = |file: &super::source::SourceFile| {
            let bytes = files::read(&file.path)?;
            if boot_formats::sha256(&bytes) != file.digest {
                return Err(ForgeError::Changed(file.path.clone()));
            }
            Ok(bytes)
        };
        let parts = Parts {
            linux: Some(read(&prepared.kernel)?),
            initrds: prepared.initrd.iter().map(read).collect::<Result<_, _>>()?,
            others,
            profiles: Vec::<NewProfile>::new(),
            policy: self.policy,
            thin: false,
        };
        Ok(build(&self.stub, parts)?.image)
    }

    /// The bytes of a file that has to be made.
    pub fn make(&self, supply: &Supply) -> Result<Vec<u8>, ForgeError> {
        match supply {
            Supply::Bytes(bytes) => Ok(bytes.clone()),
            Supply::File(path) => Ok(files::read(path)?),
            Supply::ToSign(bytes) => Ok(sign_image(bytes, self.signer)?),
            Supply::ToBuild(prepared) => Ok(sign_image(&self.unsigned(prepared)?, self.signer)?),
        }
    }
}

fn digest_of(image: &[u8]) -> Result<Sha256Digest, SignerError> {
    Ok(authenticode::digest(&Pe::parse(image).map_err(SignerError::Image)?))
}

/// A file whose content is known.
#[must_use]
pub fn text(path: &str, text: String) -> Wanted {
    let bytes = text.into_bytes();
    Wanted {
        target: Target::Path(path.into()),
        size: bytes.len() as u64,
        expect: Expect::Content(boot_formats::sha256(&bytes)),
        supply: Supply::Bytes(bytes),
        needs: Vec::new(),
    }
}
