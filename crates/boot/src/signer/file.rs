use std::path::Path;

use boot_formats::certificate::{Certificate, OwnedCertificate};
use boot_formats::sha256;
use rsa::pkcs8::spki::Error as SpkiError;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument};
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
    let wrong = |why: &str| SignerError::Key {
        path: path.into(),
        why: why.into(),
    };
    let document = std::str::from_utf8(pem)
        .ok()
        .and_then(|text| SecretDocument::from_pem(text.trim_start()).ok());
    let (label, document) = document.ok_or_else(|| SignerError::NotPkcs8 { path: path.into() })?;
    let document = match label {
        "PRIVATE KEY" => document,
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase = passphrase.ok_or_else(|| SignerError::Encrypted { path: path.into() })?;
            let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
                .map_err(|_| wrong("its encryption is not supported; AES is, as of openssl pkcs8 -topk8 -v2 aes-256-cbc"))?;
            let opened = encrypted.decrypt(passphrase).ok();
            // What is opened with a wrong passphrase is noise, if it is anything.
            let is_key = |d: &SecretDocument| PrivateKeyInfo::try_from(d.as_bytes()).is_ok();
            opened.filter(is_key).ok_or_else(|| wrong("the passphrase does not open it"))?
        }
        _ => return Err(SignerError::NotPkcs8 { path: path.into() }),
    };
    RsaPrivateKey::from_pkcs8_der(document.as_bytes()).map_err(|error| match error {
        rsa::pkcs8::Error::PublicKey(SpkiError::OidUnknown { .. }) => wrong("it is no RSA key"),
        other => wrong(&other.to_string()),
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
