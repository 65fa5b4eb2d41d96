//! OpenVEX 0.2.0.

mod read;

pub use read::parse;
