use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use boot_formats::certificate::OwnedCertificate;

use super::{Signer, SignerError};

/// A command that gets what is to be signed on its input and prints the raw signature.
pub struct CommandSigner {
    command: String,
    certificate: OwnedCertificate,
}

impl CommandSigner {
    /// A command line for `sh`.
    #[must_use]
    pub const fn new(command: String, certificate: OwnedCertificate) -> Self {
        Self { command, certificate }
    }
}

impl Signer for CommandSigner {
    fn certificate(&self) -> &OwnedCertificate {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let failed = |source| SignerError::Start {
            command: self.command.clone(),
            source,
        };
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(message) {
                // Its exit code says more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                other => other.map_err(failed)?,
            }
        }
        let done = child.wait_with_output().map_err(failed)?;
        if !done.status.success() {
            return Err(SignerError::Ended {
                command: self.command.clone(),
                status: done.status,
            });
        }
        Ok(done.stdout)
    }
}
