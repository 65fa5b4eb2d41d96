//! A folder of keys.
//!
//! `PK`, `KEK` and `db` each as `.key` (PKCS#8) and `.pem` (certificate), and `owner` with the GUID that our entries bear.
//! During a rotation the certificates that still count lie in `previous/`; certificates and lists of others that firmware
//! keeps lie in `vendor/KEK`, `vendor/db` and `vendor/dbx`.

mod create;
mod pem;

use std::path::{Path, PathBuf};

use boot_formats::Guid;
use boot_formats::authvar::{KeyVariable, SignedValue};
use boot_formats::certificate::{CertificateError, OwnedCertificate};
use boot_formats::siglist::{self, ListError, SignatureList};
use cli_kit::{Exit, Explained};

use crate::files::{self, FileError};
use crate::signer::{FileSigner, SignerError};

pub use create::{NewKeys, create, rotate};
pub use pem::{certificates, pem};

/// Variables that have a key in the folder; dbx has none.
pub const OWN: [KeyVariable; 3] = [KeyVariable::Pk, KeyVariable::Kek, KeyVariable::Db];

/// A folder of keys that exists.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
    passphrase: Option<Vec<u8>>,
}

/// What is wrong with a folder of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that is not there.
    #[error("{folder} has no {name}")]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        name: String,
    },
    /// A file that is already there.
    #[error("{path} exists already")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate.
    #[error("read certificate {path}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: CertificateError,
    },
    /// Signature lists.
    #[error("read signature lists {path}")]
    Lists {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ListError,
    },
    /// A file that is neither certificate nor list.
    #[error("{path} is neither a certificate (PEM, DER) nor a signature list (ESL, auth)")]
    Unknown {
        /// Which file.
        path: PathBuf,
    },
    /// The GUID.
    #[error("{path} holds no GUID")]
    Owner {
        /// Which file.
        path: PathBuf,
    },
    /// Making a key.
    #[error("make an RSA key")]
    Generate(#[source] rsa::Error),
    /// Writing a key as text.
    #[error("encode key {0}")]
    Encode(String),
    /// Using a key.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl Explained for KeyError {
    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Signer(error) => error.exit(),
            Self::Generate(_) | Self::Encode(_) => Exit::Incomplete,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { folder, .. } => Some(format!("make keys with `firn-boot keys create --dir {}`", folder.display())),
            Self::Exists { .. } => Some("use `keys rotate` to replace a key so that old images keep booting meanwhile".into()),
            Self::Signer(error) => error.hint(),
            _ => None,
        }
    }
}

impl KeyFolder {
    /// The folder, whatever is in it.
    #[must_use]
    pub const fn new(path: PathBuf, passphrase: Option<Vec<u8>>) -> Self {
        Self { path, passphrase }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The GUID that entries of ours bear.
    pub fn owner(&self) -> Result<Guid, KeyError> {
        let path = self.at("owner");
        let bytes = files::read_if_there(&path)?.ok_or_else(|| self.missing("owner"))?;
        let text = String::from_utf8_lossy(&bytes);
        text.trim().parse().map_err(|_| KeyError::Owner { path })
    }

    fn missing(&self, name: &str) -> KeyError {
        KeyError::Missing {
            folder: self.path.clone(),
            name: name.into(),
        }
    }

    /// The certificate that signs now.
    pub fn certificate(&self, variable: KeyVariable) -> Result<OwnedCertificate, KeyError> {
        let name = format!("{}.pem", variable.name());
        let path = self.at(&name);
        let bytes = files::read_if_there(&path)?.ok_or_else(|| self.missing(&name))?;
        let first = certificates(&bytes)
            .into_iter()
            .next()
            .ok_or_else(|| KeyError::Unknown { path: path.clone() })?;
        OwnedCertificate::new(&first).map_err(|source| KeyError::Certificate { path, source })
    }

    /// The key that signs now.
    pub fn signer(&self, variable: KeyVariable) -> Result<FileSigner, KeyError> {
        self.signer_in(&self.path, variable)
    }

    /// The key that is being replaced, if a rotation is under way and it is still there: firmware that has not seen the new
    /// key takes changes from this one only.
    pub fn previous_signer(&self, variable: KeyVariable) -> Result<Option<FileSigner>, KeyError> {
        let folder = self.at("previous");
        if !folder.join(format!("{}.key", variable.name())).exists() {
            return Ok(None);
        }
        self.signer_in(&folder, variable).map(Some)
    }

    fn signer_in(&self, folder: &Path, variable: KeyVariable) -> Result<FileSigner, KeyError> {
        let name = format!("{}.key", variable.name());
        let path = folder.join(&name);
        let pem = files::read_if_there(&path)?.ok_or_else(|| self.missing(&name))?;
        let certificate = Self::new(folder.into(), None).certificate(variable)?;
        Ok(FileSigner::new(&path, &pem, self.passphrase.as_deref(), certificate)?)
    }

    /// What the variable has to hold: our certificate, the one before it during a rotation, and what vendors have there.
    pub fn lists(&self, variable: KeyVariable) -> Result<Vec<SignatureList>, KeyError> {
        let owner = self.owner()?;
        let mut lists = Vec::new();
        if OWN.contains(&variable) {
            lists.push(SignatureList::of_certificate(owner, self.certificate(variable)?.der()));
            let previous = self.at("previous");
            // Firmware takes one platform key only.
            if variable != KeyVariable::Pk && previous.join(format!("{}.pem", variable.name())).exists() {
                let certificate = Self::new(previous, None).certificate(variable)?;
                siglist::merge(&mut lists, vec![SignatureList::of_certificate(owner, certificate.der())]);
            }
        }
        for path in files::list(&self.at("vendor").join(variable.name()))? {
            siglist::merge(&mut lists, read_lists(&path, owner)?);
        }
        Ok(lists)
    }

    /// Keeps lists or certificates of somebody else for a variable.
    pub fn keep(&self, variable: KeyVariable, name: &str, lists: &[SignatureList]) -> Result<PathBuf, KeyError> {
        let folder = self.at("vendor").join(variable.name());
        files::create_folder(&folder)?;
        let path = folder.join(format!("{name}.esl"));
        files::write(&path, &siglist::write(lists))?;
        Ok(path)
    }
}

/// The entries of a file: certificates in PEM or DER (they get this owner), signature lists, or a signed variable's value.
pub fn read_lists(path: &Path, owner: Guid) -> Result<Vec<SignatureList>, KeyError> {
    let bytes = files::read(path)?;
    let certificates = certificates(&bytes);
    if !certificates.is_empty() {
        let checked = certificates.iter().map(|der| {
            OwnedCertificate::new(der).map_err(|source| KeyError::Certificate { path: path.into(), source })?;
            Ok(SignatureList::of_certificate(owner, der))
        });
        return checked.collect();
    }
    let value = SignedValue::parse(&bytes).map_or(bytes.as_slice(), |signed| signed.value);
    if value.len() < 28 {
        return Err(KeyError::Unknown { path: path.into() });
    }
    siglist::parse(value).map_err(|source| KeyError::Lists { path: path.into(), source })
}
