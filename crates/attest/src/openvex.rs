//! OpenVEX 0.2.0.

mod read;
pub mod write;

pub use read::parse;
