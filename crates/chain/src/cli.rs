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
  firn-chain audit --drv /nix/store/...-nixos-system.drv
                                           which binaries a whole system is rooted in
  firn-chain verify --with DIR --trust keys --threshold 2
                                           whether two builders at least got what is pinned
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
    /// Print what each step took in the build that was recorded last: time, memory, room
    Profile,
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
        /// Note what the steps took in profile.toml beside them, for the book and for the next build's estimates
        #[arg(long)]
        record: bool,
        /// Steps at a time
        #[arg(long, default_value_t = 2, value_name = "N")]
        jobs: usize,
    },
    /// Check what is in the store, and the first stages against their commented sources; or what other builders say
    Verify {
        /// Compare what builders said: folder with their provenance, files *.intoto.jsonl
        #[arg(long, value_name = "DIR")]
        with: Option<PathBuf>,
        /// File with the keys of builders that count, a line each
        #[arg(long, value_name = "FILE", requires = "with")]
        trust: Vec<PathBuf>,
        /// How many of them must have got what is pinned [default: all]
        #[arg(long, value_name = "K", requires = "with")]
        threshold: Option<usize>,
        /// Do not count what was built longer ago
        #[arg(long, value_name = "DAYS", requires = "with")]
        max_age: Option<u64>,
    },
    /// Say what was built from what, as signed in-toto statements with SLSA provenance: one a step, one for the whole
    Provenance {
        /// Up to this step
        step: Option<String>,
        /// Folder to write the statements and the public key into [default: statements to standard output]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Private key to sign with, ed25519 as PKCS#8 PEM [default: chain.key in the data folder, made when there is none]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Who builds, as a URI [default: urn: and the public key]
        #[arg(long, value_name = "URI")]
        builder: Option<String>,
    },
    /// Print what has to be trusted: of this chain, or of any closure of derivations
    Audit {
        /// Say what a closure of derivations is rooted in: a .drv file, or a folder of them
        #[arg(long, value_name = "PATH")]
        drv: Option<PathBuf>,
        /// Sizes of store paths: what `nix path-info --json` writes, or a folder of a binary cache's .narinfo files
        #[arg(long, value_name = "FILE|DIR", requires = "drv")]
        path_info: Option<PathBuf>,
    },
    /// Compile tcc first with another compiler: what is built with it must be the same
    Ddc {
        /// A C compiler of this system
        #[arg(long, value_name = "COMPILER")]
        first: Vec<String>,
        /// A tcc that is there already
        #[arg(long, value_name = "FILE")]
        tcc: Vec<PathBuf>,
        /// The step that is built with it and compared
        #[arg(long, value_name = "STEP", default_value = crate::ddc::DEFAULT)]
        to: String,
    },
    /// Write a folder that repeats the stages up to tcc without this program
    Export {
        /// What is to repeat them
        #[arg(value_enum)]
        what: Export,
        /// Folder to write into, empty or not there
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write the book's pages about the steps
    Book {
        /// Folder to write into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Export {
    /// Scripts for a POSIX shell and for the runner that the seed makes
    Script,
}
