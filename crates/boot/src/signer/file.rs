use std::path::Path;

use boot_formats::certificate::{Certificate, OwnedCertificate};
use boot_formats::sha256;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::pkcs8::pkcs5::Error as EncryptionError;
use rsa::pkcs8::spki::Error as SpkiError;
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

use super::{Signer, SignerError};

/// A private key from a file.
pub struct FileSigner {
    key: RsaPrivateKey,
    certificate: OwnedCertificate,
}

impl FileSigner {
    /// A key as PKCS#8 in PEM, encrypted or not; `path` is for messages.
    pub fn new(path: &Path, pem: &[u8], passphrase: Option<&[u8]>, certificate: OwnedCertificate) -> Result<Self, SignerError> {
        let key = read_key(path, pem, passphrase)?;
        let info = key.to_public_key().to_public_key_der().map_err(|e| SignerError::Key {
            path: path.into(),
            why: e.to_string(),
        })?;
        let parts: Certificate<'_> = certificate.parts().map_err(SignerError::Certificate)?;
        if parts.public_key_info != info.as_bytes() {
            return Err(SignerError::Key {
                path: path.into(),
                why: format!("it is not the key of certificate {}", parts.common_name()),
            });
        }
        Ok(Self { key, certificate })
    }
}

/// Reads a private key: PKCS#8 in PEM.
pub fn read_key(path: &Path, pem: &[u8], passphrase: Option<&[u8]>) -> Result<RsaPrivateKey, SignerError> {
    let wrong = |why: String| SignerError::Key { path: path.into(), why };
    let text = std::str::from_utf8(pem).map_err(|e| wrong(e.to_string()))?;
    let key = if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let passphrase = passphrase.ok_or_else(|| SignerError::Encrypted { path: path.into() })?;
        RsaPrivateKey::from_pkcs8_encrypted_pem(text, passphrase)
    } else if text.contains("-----BEGIN PRIVATE KEY-----") {
        RsaPrivateKey::from_pkcs8_pem(text)
    } else {
        return Err(SignerError::NotPkcs8 { path: path.into() });
    };
    key.map_err(|error| {
        wrong(match error {
            rsa::pkcs8::Error::PublicKey(SpkiError::OidUnknown { .. }) => "it is no RSA key".into(),
            rsa::pkcs8::Error::EncryptedPrivateKey(EncryptionError::DecryptFailed) => "the passphrase does not open it".into(),
            other => other.to_string(),
        })
    })
}

impl Signer for FileSigner {
    fn certificate(&self) -> &OwnedCertificate {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        // Blinded, so that the time it takes says nothing about the key; the result is the same.
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        self.key
            .sign_with_rng(&mut OsRng, scheme, &sha256(message))
            .map_err(SignerError::Rsa)
    }
}
