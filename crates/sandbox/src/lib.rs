//! Runs one program where it sees only what it is given.
//!
//! A [`Job`] gets its own user, mount, process, network, IPC and UTS namespaces, a root of its own with the declared [`Mount`]s
//! (read-only, but for its output), an empty `/tmp`, no network, no `/etc`, `/proc` or `/dev`, a fixed environment, no rights and no
//! way to gain any, a list of allowed system calls, and [`Limits`]. Files that the caller inherited stay outside, and so does its
//! process group. When a job takes too long, or when the caller dies, everything in it is killed.
//!
//! It needs no rights: Linux (5.11 or later) lets users make namespaces. Where that is switched off, [`run`] says so and runs
//! nothing; there is no weaker fallback. A caller who is root has jobs run as [another user](other_user), who owns nothing but what
//! the job is to write.
//!
//! What a job can see nevertheless: the clock, the kernel's version, the processor, and how much memory there is. Memory is limited
//! for each process, not for all together, and what it writes for each file.
//!
//! It is the one host crate with `unsafe` code, each block with the reason why it is sound. Nothing here knows what is run or why.

mod call;
mod caller;
mod child;
mod error;
mod job;
mod report;
mod root;
mod run;
mod seccomp;
mod stage;
mod text;

pub use caller::other_user;
pub use error::SandboxError;
pub use job::{Access, Job, Limits, Mount};
pub use run::{Ending, Outcome, run};
