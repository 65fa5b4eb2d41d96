//! `nix-model` against the real world: Nix itself and real derivations. What is missing here is skipped loudly.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod archives;
mod closures;
mod mirror;
mod names;
mod real_derivations;
