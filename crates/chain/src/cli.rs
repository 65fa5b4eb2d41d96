//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use cli_kit::Manners;

/// Builds a C compiler from a seed of a few hundred bytes, and shows how.
#[derive(Debug, Parser)]
#[command(name = "firn-chain", version, about, long_about = None)]
#[command(after_help = "Examples:
  firn-chain fetch && firn-chain build     get the sources, build everything
  firn-chain show cc0                      what a step does, and why
  firn-chain build --twice                 build everything again a minute later, elsewhere, and compare
  firn-chain ddc --first gcc               the same tcc, whichever compiler compiled it first")]
pub struct Cli {
    /// Folder that outputs are kept in [default: chain in the data folder]
    #[arg(long, global = true, value_name = "DIR", env = "FIRN_CHAIN_STORE")]
    pub store: Option<PathBuf>,
    /// Folder with the steps and their sources [default: the one this program was compiled beside]
    #[arg(long, global = true, value_name = "DIR", env = "FIRN_BOOTSTRAP")]
    pub bootstrap: Option<PathBuf>,
    /// How to talk.
    #[command(flatten)]
    pub manners: Manners,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the steps in the order they are built, and which are there already
    Plan,
    /// Print what a step takes, does and makes, and why
    Show {
        /// The step
        step: String,
    },
    /// Get the source archives
    Fetch {
        /// Folder or URL that holds the archives [default: Debian, by this system's apt configuration]
        #[arg(long, value_name = "DIR|URL")]
        mirror: Option<String>,
    },
    /// Build a step and all it needs, or everything
    Build {
        /// The step
        step: Option<String>,
        /// Build everything again, at least 61 s later, in another order, folder and user, and compare
        #[arg(long)]
        twice: bool,
        /// Write what comes out into the steps as their pins, and print the difference
        #[arg(long, conflicts_with = "twice")]
        update_pins: bool,
        /// Steps at a time
        #[arg(long, default_value_t = 2, value_name = "N")]
        jobs: usize,
    },
    /// Check what is in the store, and the first stages against their commented sources
    Verify,
    /// Print what has to be trusted: the seed, the engine, what it does itself
    Audit,
    /// Compile tcc first with another compiler: what it compiles must be the same
    Ddc {
        /// A C compiler of this system
        #[arg(long, value_name = "COMPILER")]
        first: Vec<String>,
        /// A tcc that is there already
        #[arg(long, value_name = "FILE")]
        tcc: Vec<PathBuf>,
    },
    /// Write the book's pages about the steps
    Book {
        /// Folder to write into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}
