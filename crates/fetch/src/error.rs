//! What can go wrong.

use std::io;
use std::time::Duration;

use cli_kit::{Exit, Explained};
use rustls::CertificateError;

use crate::RootsError;

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error("fetch {url}")]
    Ask {
        /// What was asked for.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// An answer that is no file.
    #[error("fetch {url}: the server answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
        /// How long the server asks to be left alone.
        wait: Option<Duration>,
    },
    /// The answer broke off, or could not be written.
    #[error("fetch {url} to its end")]
    Copy {
        /// What was asked for.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The answer has another length than the server said.
    #[error("fetch {url} to its end: {came} of {said} bytes came")]
    Short {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        came: u64,
        /// Bytes that the server announced.
        said: u64,
    },
    /// Larger than it may be.
    #[error("fetch {url}: the server announces {said} bytes, at most {limit} are taken")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Bytes that the server announced.
        said: u64,
        /// Bytes that are taken.
        limit: u64,
    },
    /// The server goes on somewhere else than it was asked to.
    #[error("fetch {url}: the server goes on with another part of the file than was asked for")]
    WrongPart {
        /// What was asked for.
        url: String,
    },
    /// An answer that says something impossible.
    #[error("fetch {url}: the server's answer makes no sense: {what}")]
    Nonsense {
        /// What was asked for.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// The certificates to trust.
    #[error("read the certificates of this system")]
    Roots(#[source] RootsError),
}

impl FetchError {
    /// Whether there was no answer at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Ask { .. })
    }

    /// Whether the server has no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 410, .. })
    }

    /// How long the server asks to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status { wait, .. } => *wait,
            _ => None,
        }
    }
}

/// Whether nobody who is trusted signed the other side's certificate. What is said while both agree on keys comes as a failure of the connection, with the reason
/// inside.
fn is_about_certificates(error: &(dyn std::error::Error + 'static)) -> bool {
    match error.downcast_ref() {
        Some(ureq::Error::Rustls(error)) => return is_about_certificates(error),
        Some(ureq::Error::Io(error)) => return is_about_certificates(error),
        _ => {}
    }
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    matches!(
        error.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        ))
    ) || inner.is_some_and(|inner| is_about_certificates(inner))
}

impl Explained for FetchError {
    fn exit(&self) -> Exit {
        match self {
            Self::Roots(_) => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Roots(_) => Some("SSL_CERT_FILE and NIX_SSL_CERT_FILE name a file of certificates in PEM".into()),
            Self::Status {
                status: 429 | 503,
                wait: Some(wait),
                ..
            } => Some(format!("the server asks to wait {} s", wait.as_secs())),
            Self::Ask { source, .. } if is_about_certificates(&**source) => {
                Some("a server with a certificate of your own: SSL_CERT_FILE names the file of certificates to trust".into())
            }
            _ => None,
        }
    }
}
