//! Who signs. The key may be a file, in a security module, behind a command, or with somebody who signs later.

mod command;
mod file;
mod pkcs11;

use std::io;
use std::path::PathBuf;

use boot_formats::certificate::{CertificateError, OwnedCertificate};
use boot_formats::pe::{Pe, PeError};
use boot_formats::pkcs7::{Draft, SignatureError};
use boot_formats::{authenticode, authenticode::TableError};
use cli_kit::{Exit, Explained};

pub use command::CommandSigner;
pub use file::FileSigner;
pub use pkcs11::{Pkcs11Signer, Pkcs11Uri};

/// A key that signs, and the certificate that vouches for it. Several threads may ask at once.
pub trait Signer: Sync {
    /// The certificate.
    fn certificate(&self) -> &OwnedCertificate;

    /// The RSA signature (PKCS #1 v1.5) over the SHA-256 digest of a message.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key file.
    #[error("read private key {path}: {why}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file that is no key, or one in another wrapping.
    #[error("{path} holds no private key in PKCS#8 (PEM)")]
    NotPkcs8 {
        /// Which file.
        path: PathBuf,
    },
    /// A key that needs a passphrase.
    #[error("private key {path} is encrypted")]
    Encrypted {
        /// Which file.
        path: PathBuf,
    },
    /// The certificate.
    #[error("certificate is refused")]
    Certificate(#[source] CertificateError),
    /// RSA itself.
    #[error("sign with the key")]
    Rsa(#[source] rsa::Error),
    /// The command was not started.
    #[error("run signing command {command}")]
    Start {
        /// What was run.
        command: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The command failed.
    #[error("signing command {command} ended with {status}")]
    Ended {
        /// What was run.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The security module.
    #[error("{what} of the security module")]
    Module {
        /// What was tried.
        what: String,
        /// Why not.
        #[source]
        source: Box<cryptoki::error::Error>,
    },
    /// Its address.
    #[error("PKCS #11 address is wrong: {0}")]
    Address(String),
    /// The signature does not fit.
    #[error("signature does not fit the certificate")]
    Signature(#[source] SignatureError),
    /// The image.
    #[error("image is refused")]
    Image(#[source] PeError),
    /// Its table of signatures.
    #[error("certificate table of the image is refused")]
    Table(#[source] TableError),
}

impl Explained for SignerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Key { .. } | Self::NotPkcs8 { .. } | Self::Encrypted { .. } | Self::Address(_) | Self::Certificate(_) => Exit::Usage,
            Self::Image(_) | Self::Table(_) => Exit::Findings,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotPkcs8 { .. } => Some("convert it: openssl pkcs8 -topk8 -nodes -in KEY -out KEY.pkcs8".into()),
            Self::Encrypted { .. } => Some("give the file with its passphrase: --passphrase-file FILE".into()),
            Self::Signature(_) => Some("check that key and certificate belong together".into()),
            Self::Ended { .. } => {
                Some("the command gets the bytes to sign on its input and prints the raw RSA signature (PKCS #1 v1.5, SHA-256)".into())
            }
            _ => None,
        }
    }
}

/// What an image needs to be signed by this certificate: the bytes that the key signs.
pub fn image_to_sign(image: &[u8], certificate: &OwnedCertificate) -> Result<Vec<u8>, SignerError> {
    let pe = Pe::parse(image).map_err(SignerError::Image)?;
    Ok(draft(&pe, certificate)?.to_sign().to_vec())
}

/// The image with a signature that was made over [`image_to_sign`].
pub fn attach(image: &[u8], certificate: &OwnedCertificate, signature: &[u8]) -> Result<Vec<u8>, SignerError> {
    let pe = Pe::parse(image).map_err(SignerError::Image)?;
    finish(&pe, &draft(&pe, certificate)?, signature)
}

/// The image with one more signature.
pub fn sign_image(image: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignerError> {
    let pe = Pe::parse(image).map_err(SignerError::Image)?;
    let draft = draft(&pe, signer.certificate())?;
    finish(&pe, &draft, &signer.sign(draft.to_sign())?)
}

/// How many bytes an image without signatures will have once this certificate's key has signed it.
pub fn signed_len(image: &[u8], certificate: &OwnedCertificate) -> Result<u64, SignerError> {
    // As long whatever the digest is.
    let draft = Draft::of_image(certificate.parts().map_err(SignerError::Certificate)?, &[0; 32]);
    Ok((image.len().next_multiple_of(8) + (draft.finished_len() + 8).next_multiple_of(8)) as u64)
}

fn draft<'a>(pe: &Pe<'_>, certificate: &'a OwnedCertificate) -> Result<Draft<'a>, SignerError> {
    let parts = certificate.parts().map_err(SignerError::Certificate)?;
    Ok(Draft::of_image(parts, &authenticode::digest(pe)))
}

fn finish(pe: &Pe<'_>, draft: &Draft<'_>, signature: &[u8]) -> Result<Vec<u8>, SignerError> {
    let der = draft.finish(signature).map_err(SignerError::Signature)?;
    authenticode::with_signature(pe, &der).map_err(SignerError::Table)
}
