//! Asking web servers, as all programs do it: with the certificates that the system trusts, with patience that ends, and with one way to say
//! what went wrong. What is done with the answers is the programs' own.

mod address;
mod agent;
mod error;
mod range;
mod roots;
mod wait;

pub use address::{AddressError, Plain, base};
pub use agent::{Patience, Timely, agent, ask, condition, good, header, sent};
pub use error::FetchError;
pub use range::content_range;
pub use roots::RootsError;
pub use wait::asked;
