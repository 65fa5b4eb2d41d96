//! CSAF 2.0 (OASIS Standard, Errata 01): read in 2.0 and 2.1, written as profile `csaf_vex` of 2.0.

mod read;
pub mod write;

pub use read::parse;
