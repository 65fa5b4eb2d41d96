//! `firn-chain`: from a seed of a few hundred bytes to a C compiler, with nothing in between that is not source.
//!
//! - [`step`] reads what is to be done from `bootstrap/steps/*.toml`; nothing about single steps stands in this crate, but for [`ddc`];
//! - [`build`] carries steps out in a sandbox, [`store`] keeps what they made, [`tree`] makes it comparable, [`explain`] compares, [`dates`] looks for today;
//! - [`files`] is how it touches what steps left; [`unpack`], [`bzip2`], [`tar`] and [`hexadecimal`] are what the engine does itself; [`fetch`] gets archives;
//! - [`audit`] says what has to be trusted; [`provenance`] says and signs what was built, and compares what others say;
//! - [`export`] writes a folder that repeats the first stages without the engine;
//! - [`model`] has the chain's assemblers a second time, to check them without running them.

pub mod audit;
pub mod build;
pub mod bzip2;
pub mod cli;
pub mod commands;
pub mod dates;
pub mod ddc;
pub mod explain;
pub mod export;
pub mod fetch;
pub mod files;
pub mod hexadecimal;
pub mod model;
pub mod place;
pub mod profile;
pub mod provenance;
pub mod step;
pub mod store;
pub mod tar;
pub mod tree;
pub mod unpack;
