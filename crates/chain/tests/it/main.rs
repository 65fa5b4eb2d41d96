//! Integration tests of the chain: the real steps, the real sandbox, real compilers to compare with.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so aloud")]

mod assemblers;
mod audit;
mod chain;
mod export;
mod faults;
mod gcc;
mod hosts;
mod languages;
mod musl;
mod place;
mod provenance;
mod security_ddc;
mod security_sandbox;
mod tools;
mod traps;
