//! Platform configuration registers: what a TPM holds after measurements.

use sha2::{Digest as _, Sha256};

use crate::{Sha256Digest, sha256};

/// Register of what the stub starts: the sections of the image.
pub const KERNEL_BOOT: u32 = 11;
/// Register of what may differ between machines: command lines and credentials from outside of the image.
pub const KERNEL_CONFIG: u32 = 12;
/// Register of system extensions.
pub const SYSEXTS: u32 = 13;

/// One register of the SHA-256 bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pcr(pub Sha256Digest);

impl Pcr {
    /// Measures some bytes.
    pub fn measure(&mut self, bytes: &[u8]) {
        self.extend(&sha256(bytes));
    }

    /// Extends with a digest.
    pub fn extend(&mut self, digest: &Sha256Digest) {
        self.0 = Sha256::new().chain_update(self.0).chain_update(digest).finalize().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extended_register() {
        let mut pcr = Pcr::default();
        pcr.measure(b"");
        // Computed with python3 -c 'import hashlib as h; print(h.sha256(bytes(32)+h.sha256(b"").digest()).hexdigest())'
        assert_eq!(
            alloc::format!("{:02x}{:02x}{:02x}{:02x}", pcr.0[0], pcr.0[1], pcr.0[2], pcr.0[3]),
            "1c9ecec9"
        );
    }
}
