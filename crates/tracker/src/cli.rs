//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Finds what is vulnerable in Nixpkgs.
#[derive(Debug, Parser)]
#[command(name = "firn-tracker", version, about, long_about = None)]
pub struct Cli {
    /// Database address, `sqlite:///path/to/file`; by default `tracker.sqlite` in the data folder.
    #[arg(long, global = true, value_name = "URL", env = "FIRN_DATABASE")]
    pub database: Option<String>,
    /// No talk on stderr.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages; take in what is new and match it in the background.
    Serve {
        /// Address to listen on.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// Where feeds come from.
        #[command(flatten)]
        feeds: Feeds,
    },
    /// Take in what is new in all sources, and match.
    Sync {
        /// Where feeds come from.
        #[command(flatten)]
        feeds: Feeds,
    },
    /// Take in one file, folder or URL of one source.
    Ingest {
        /// The source.
        source: SourceName,
        /// File, folder of files, or URL.
        #[arg(value_name = "PATH|URL")]
        from: String,
        /// The channel that a package set belongs to.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Match vulnerabilities with the package sets.
    Match {
        /// Everything, not only what changed.
        #[arg(long)]
        full: bool,
    },
    /// Print the whole reasoning about one vulnerability.
    Explain {
        /// `CVE-2024-3094`, or another source's id.
        id: String,
        /// Only this attribute.
        #[arg(long, value_name = "ATTR")]
        package: Option<String>,
        /// Only this channel.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Print what the database holds.
    Stats {
        /// How.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Write data for other programs.
    Export {
        /// What to write.
        #[command(subcommand)]
        what: Export,
    },
    /// Check the database: consistency, and the hashes of the raw documents.
    Check,
}

/// Where feeds come from.
#[derive(Debug, clap::Args)]
pub struct Feeds {
    /// Folder or URL that holds the upstream files, a folder a source; else the upstream servers.
    #[arg(long, value_name = "DIR|URL", env = "FIRN_MIRROR")]
    pub mirror: Option<String>,
}

/// The sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "named as the sources are")]
pub enum SourceName {
    Cve,
    Nvd,
    Osv,
    Kev,
    Epss,
    Nixpkgs,
}

/// Shapes of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Every (vulnerability, package, version, channel) that was matched, all verdicts, as JSON Lines.
    Suggestions {
        /// The file to write; `-` is stdout.
        #[arg(long, value_name = "P")]
        out: PathBuf,
        /// Only this channel.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
}
