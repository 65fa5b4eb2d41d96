//! The certificates that this system trusts.

use std::io;
use std::path::PathBuf;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Variables that name a file of certificates, as OpenSSL and Nix know them.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"];

/// Where systems keep theirs: Debian and NixOS, Fedora, openSUSE, Alpine.
const PLACES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why the certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file.
    #[error("read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in it.
    #[error("find a certificate in {}", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

/// The system's certificates; Mozilla's, as they were when this program was built, where the system has none.
pub fn system() -> Result<RootCerts, RootsError> {
    let named = VARIABLES.iter().find_map(|name| std::env::var_os(name).filter(|v| !v.is_empty()));
    let place = || PLACES.iter().map(PathBuf::from).find(|path| path.exists());
    let Some(path) = named.map(PathBuf::from).or_else(place) else {
        tracing::warn!("no certificates on this system: using Mozilla's, as built in");
        return Ok(RootCerts::WebPki);
    };
    let text = std::fs::read(&path).map_err(|source| RootsError::Read {
        path: path.clone(),
        source,
    })?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(RootsError::Empty { path });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
