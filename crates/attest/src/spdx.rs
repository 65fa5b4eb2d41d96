//! SPDX 2.3 (ISO/IEC 5962 with the changes of 2.3), JSON.

mod read;

pub use read::parse;
