//! CSAF 2.0 (OASIS Standard, Errata 01), profile `csaf_vex`.

mod read;

pub use read::parse;
