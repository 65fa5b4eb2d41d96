//! Command-line manners shared by Firn's programs.
//!
//! Data goes to stdout ([`Output`], [`Table`]), talk and progress to stderr ([`Talk`]); a program
//! ends with a documented [`Exit`] code, and an error travels as a [`Failure`] with its causes and
//! its hints. Everything foreign passes [`escape`] on its way to a terminal.
//!
//! A program's `main` is one call of [`run`]. Nothing here knows what the program is about.

mod escape;
mod exit;
mod failure;
pub mod human;
mod logging;
mod manners;
mod output;
pub mod pages;
mod progress;
mod run;
mod secret;
mod table;

pub use escape::{escape, escape_bytes, escape_lines};
pub use exit::Exit;
pub use failure::{Explained, Failure};
pub use logging::{LogFormat, start_logging, start_logging_as};
pub use manners::{Format, Manners};
pub use output::Output;
pub use progress::{Talk, Task};
pub use run::run;
pub use secret::write_secret;
pub use table::{Align, Table};
