//! The stub that images are built with.

use std::path::Path;

use cli_kit::Failure;

use crate::files;

/// The stub in this program, if it was built with one.
const EMBEDDED: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/stub.rs"));

/// The stub from a file, or the one in this program.
pub fn stub(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    match (file, EMBEDDED) {
        (Some(file), _) => Ok(files::read(file)?),
        (None, Some(stub)) => Ok(stub.to_vec()),
        (None, None) => Err(Failure::usage("this program was built without a stub inside")
            .hint("name one with --stub FILE")
            .hint("in a checkout, run `cargo xtask stub` and build this program again")),
    }
}
