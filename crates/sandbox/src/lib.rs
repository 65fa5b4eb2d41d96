//! Runs one program where it sees only what it is given.
//!
//! A [`Job`] gets its own user, mount, process, network, IPC and UTS namespaces, a root of its own with the declared [`Mount`]s
//! (read-only, but for its output), an empty `/tmp`, no network, no `/etc`, `/proc` or `/dev`, a fixed environment, a list of
//! allowed system calls, and [`Limits`]. When it takes too long, or when the caller dies, everything in it is killed.
//!
//! It needs no rights: Linux lets users make namespaces. Where that is switched off, [`run`] says so and runs nothing; there is
//! no weaker fallback. It is the one host crate with `unsafe` code, all of it in [`child`](self) and below, each block with
//! the reason why it is sound. Nothing here knows what is run or why.

mod child;
mod error;
mod job;
mod run;
mod seccomp;

pub use error::SandboxError;
pub use job::{Access, Job, Limits, Mount};
pub use run::{Ending, Outcome, run};
