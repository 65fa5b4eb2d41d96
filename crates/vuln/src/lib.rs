//! The vulnerability domain: what a record says, what a package is, and whether one concerns the other.
//!
//! Everything here is pure: bytes and values in, values out. No I/O, no clock, no SQL, no HTTP.
//!
//! - [`record`] turns upstream bytes into an [`Advisory`] and a list of [`Problem`]s;
//! - [`package`] turns package lists and derivations into [`package::Package`]s;
//! - [`version`] orders versions under a scheme, [`range`] decides whether a version is affected;
//! - [`matching`] joins advisories with packages into verdicts with their evidence;
//! - [`snapshot`] keeps all of that in one signed file, from which a scanner reads only what it needs.

pub mod advisory;
pub mod cpe;
pub mod id;
pub mod matching;
pub mod package;
pub mod problem;
pub mod purl;
pub mod range;
pub mod record;
pub mod score;
pub mod snapshot;
pub mod verdict;
pub mod version;

pub use advisory::Advisory;
pub use problem::Problem;
