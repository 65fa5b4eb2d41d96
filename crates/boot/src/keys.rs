//! A folder of keys.
//!
//! `PK`, `KEK` and `db` each as `.key` (PKCS#8) and `.pem` (certificate), and `owner` with the GUID that our entries bear.
//! During a rotation the certificates that still count lie in `previous/`; certificates and lists of others that firmware
//! keeps lie in `vendor/KEK`, `vendor/db` and `vendor/dbx`.

mod create;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use boot_formats::Guid;
use boot_formats::authvar::{KeyVariable, SignedValue};
use boot_formats::certificate::{CertificateError, OwnedCertificate};
use boot_formats::pem::certificates;
use boot_formats::siglist::{self, ListError, SignatureList};
use cli_kit::{Exit, Explained};

use crate::files::{self, FileError};
use crate::signer::{FileSigner, SignerError};

pub use create::{NewKeys, adopt, at, create, rotate};

/// Variables that have a key in the folder; dbx has none.
pub const OWN: [KeyVariable; 3] = [KeyVariable::Pk, KeyVariable::Kek, KeyVariable::Db];

/// A folder of keys that exists.
#[derive(Clone)]
pub struct KeyFolder {
    path: PathBuf,
    passphrase: Option<Vec<u8>>,
    ask: Option<Ask>,
    /// What was answered, once somebody was asked.
    answer: Arc<OnceLock<Option<Vec<u8>>>>,
}

/// Asks somebody for the passphrase of a key; `None` if there is nobody.
pub type Ask = fn(&Path) -> Option<Vec<u8>>;

impl fmt::Debug for KeyFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passphrase = self.passphrase.as_ref().map(|_| "(secret)");
        f.debug_struct("KeyFolder")
            .field("path", &self.path)
            .field("passphrase", &passphrase)
            .finish()
    }
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
    /// A private key where a certificate should be.
    #[error("{path} is a private key, not a certificate")]
    PrivateKey {
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
            Self::PrivateKey { path } => Some(format!(
                "to make it our own key, give its certificate, and --key {}",
                path.display()
            )),
            Self::Signer(error) => error.hint(),
            _ => None,
        }
    }
}

impl KeyFolder {
    /// The folder, whatever is in it.
    #[must_use]
    pub fn new(path: PathBuf, passphrase: Option<Vec<u8>>) -> Self {
        Self {
            path,
            passphrase,
            ask: None,
            answer: Arc::new(OnceLock::new()),
        }
    }

    /// The same, asking for the passphrase once an encrypted key is to be opened and none was given.
    #[must_use]
    pub fn asking(self, ask: Ask) -> Self {
        Self { ask: Some(ask), ..self }
    }

    /// Opens a key with what is known, or else with what somebody answers.
    fn open<T>(&self, path: &Path, open: impl Fn(Option<&[u8]>) -> Result<T, SignerError>) -> Result<T, SignerError> {
        let outcome = open(self.passphrase.as_deref());
        if !matches!(outcome, Err(SignerError::Encrypted { .. })) {
            return outcome;
        }
        match self.answer.get_or_init(|| self.ask.and_then(|ask| ask(path))) {
            Some(answer) => open(Some(answer)),
            None => outcome,
        }
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
        Ok(self.open(&path, |passphrase| FileSigner::new(&path, &pem, passphrase, certificate.clone()))?)
    }

    /// What the variable has to hold: our certificate, the one before it during a rotation, and what vendors have there.
    pub fn lists(&self, variable: KeyVariable) -> Result<Vec<SignatureList>, KeyError> {
        let owner = self.owner()?;
        let mut lists = Vec::new();
        if OWN.contains(&variable) {
            let mut own = self.own_certificates(variable)?;
            if variable == KeyVariable::Pk {
                // Firmware takes one platform key only.
                own.truncate(1);
            }
            for der in own {
                siglist::merge(&mut lists, vec![SignatureList::of_certificate(owner, &der)]);
            }
        }
        for path in files::list(&self.at("vendor").join(variable.name()))? {
            siglist::merge(&mut lists, read_lists(&path, owner)?);
        }
        Ok(lists)
    }

    /// Our certificates for a variable, in DER: the one that signs now and, during a rotation, the one before.
    pub fn own_certificates(&self, variable: KeyVariable) -> Result<Vec<Vec<u8>>, KeyError> {
        let mut own = vec![self.certificate(variable)?.der().to_vec()];
        own.extend(self.previous_certificate(variable)?.map(|c| c.der().to_vec()));
        Ok(own)
    }

    /// The certificate that is being replaced, if a rotation is under way.
    pub fn previous_certificate(&self, variable: KeyVariable) -> Result<Option<OwnedCertificate>, KeyError> {
        let folder = self.at("previous");
        if !folder.join(format!("{}.pem", variable.name())).exists() {
            return Ok(None);
        }
        Self::new(folder, None).certificate(variable).map(Some)
    }

    /// Keeps lists or certificates of somebody else for a variable, beside those that are kept under this name already.
    pub fn keep(&self, variable: KeyVariable, name: &str, lists: &[SignatureList]) -> Result<PathBuf, KeyError> {
        let folder = self.at("vendor").join(variable.name());
        files::create_folder(&folder)?;
        let path = folder.join(format!("{name}.esl"));
        let mut all = match files::read_if_there(&path)? {
            Some(bytes) => siglist::parse(&bytes).map_err(|source| KeyError::Lists {
                path: path.clone(),
                source,
            })?,
            None => Vec::new(),
        };
        siglist::merge(&mut all, lists.to_vec());
        files::write(&path, &siglist::write(&all))?;
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
    let text = std::str::from_utf8(&bytes);
    if text.is_ok_and(|t| t.contains("PRIVATE KEY-----")) {
        return Err(KeyError::PrivateKey { path: path.into() });
    }
    let value = SignedValue::parse(&bytes).map_or(bytes.as_slice(), |signed| signed.value);
    if text.is_ok() || value.len() < 28 {
        return Err(KeyError::Unknown { path: path.into() });
    }
    siglist::parse(value).map_err(|source| KeyError::Lists { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_not_printed() {
        let folder = KeyFolder::new("/keys".into(), Some(b"correct horse".to_vec()));
        let printed = format!("{folder:?}");
        assert!(printed.contains("/keys") && printed.contains("(secret)"), "{printed}");
        assert!(!printed.contains("99") && !printed.contains("horse"), "{printed}");
    }
}
