//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use cli_kit::Manners;

/// Finds what is vulnerable in Nixpkgs.
#[derive(Debug, Parser)]
#[command(name = "firn-tracker", version, about, long_about = None)]
#[command(after_help = "Examples:
  firn-tracker serve                                    take in all feeds, match, serve pages on 127.0.0.1:8080
  firn-tracker ingest cve 2026-11-21_all_CVEs_at_midnight.zip.zip
  firn-tracker ingest nixpkgs --channel nixos-unstable packages.json.br
  firn-tracker match && firn-tracker explain CVE-2024-3094")]
pub struct Cli {
    /// Database address, sqlite:///path/to/file or postgres://user@host/database [default: tracker.sqlite in the data folder] [env: FIRN_DATABASE]
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Configuration file [default: firn/tracker.toml in the configuration folder, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "FIRN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set a key of the configuration, whatever file and environment say; `config` prints the keys
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub assignments: Vec<String>,
    /// How log lines look: text or json [default: text] [env: FIRN_LOG_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// How to talk.
    #[command(flatten)]
    pub manners: Manners,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// `jobs`.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// Print all jobs, those given up first
    List,
    /// Have jobs done again that were given up
    #[command(after_help = "Examples:
  firn-tracker jobs retry                all that were given up
  firn-tracker jobs retry sync nvd       this one, also if it only waits after a failure")]
    Retry {
        /// Only jobs of this kind, as `jobs list` prints it
        #[arg(value_name = "KIND")]
        kind: Option<String>,
        /// Only the one about this
        #[arg(value_name = "SUBJECT")]
        subject: Option<String>,
    },
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages, and take in and match what is new in the background
    Serve {
        /// Address to listen on [default: 127.0.0.1:8080] [env: FIRN_SERVER_LISTEN]
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// Where feeds come from.
        #[command(flatten)]
        feeds: Feeds,
    },
    /// Take in what is new in all sources, and match
    Sync {
        /// Where feeds come from.
        #[command(flatten)]
        feeds: Feeds,
    },
    /// Take in files of one source
    #[command(after_help = "Examples:
  firn-tracker ingest nvd mirror/nvd
  firn-tracker ingest osv https://osv-vulnerabilities.storage.googleapis.com/Go/all.zip
  firn-tracker ingest nixpkgs mirror/channels/nixos-unstable")]
    Ingest {
        /// The source
        source: SourceName,
        /// A file, a folder of files, or a URL
        #[arg(value_name = "PATH|URL")]
        from: String,
        /// The channel that a package set belongs to [default: the name of its folder]
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Match vulnerabilities with the package sets
    Match {
        /// Match everything, not only what changed
        #[arg(long)]
        full: bool,
        /// Only say what a match would change, for example after an update of the rules
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the whole reasoning about one vulnerability
    #[command(after_help = "Examples:
  firn-tracker explain CVE-2023-38545 --package curl
  firn-tracker explain CVE-2024-3094 --channel nixos-unstable")]
    Explain {
        /// CVE-2024-3094, or an id of another source
        id: String,
        /// Only this attribute
        #[arg(long, value_name = "ATTR")]
        package: Option<String>,
        /// Only this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Print what the database holds, and how old it is
    Stats,
    /// Write data for other programs
    Export {
        /// With the channels that the configuration calls private
        #[arg(long, global = true)]
        private: bool,
        /// What to write.
        #[command(subcommand)]
        what: Export,
    },
    /// Take revisions out of a channel's history
    #[command(after_help = "Examples:
  firn-tracker forget nixos-unstable --revision 3b090d6aceccb418007f7062c4625f527b6b8e9c
  firn-tracker forget nixos-22.11                       all of it: the channel is gone")]
    Forget {
        /// The channel
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// Only this revision [default: all of them]
        #[arg(long, value_name = "REV")]
        revision: Option<String>,
    },
    /// Write the whole database to a file, while others work on it
    Backup {
        /// The file to write: a SQLite database, whatever the database is
        #[arg(value_name = "FILE")]
        out: PathBuf,
    },
    /// Put a backup in the place of the database, while others work on it
    Restore {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Empty the database first, if it holds something
        #[arg(long)]
        replace: bool,
    },
    /// Copy everything from one database into another
    #[command(after_help = "Examples:
  firn-tracker copy --from sqlite:///var/lib/firn/tracker.sqlite --to 'postgres:///firn?host=/run/postgresql'")]
    Copy {
        /// Where it comes from
        #[arg(long, value_name = "URL")]
        from: String,
        /// Where it goes
        #[arg(long, value_name = "URL")]
        to: String,
        /// Empty the database that it goes into first, if it holds something
        #[arg(long)]
        replace: bool,
    },
    /// Look at the jobs of the database, and have those done again that were given up
    Jobs {
        /// What to do with them.
        #[command(subcommand)]
        what: Jobs,
    },
    /// Check the database: its consistency, and the digests of the raw documents
    Check,
    /// Print the configuration that holds, and where each value was set
    Config,
    /// Print the page of the book about the configuration
    #[command(hide = true)]
    ConfigMarkdown,
}

/// Where feeds come from.
#[derive(Debug, Clone, clap::Args)]
pub struct Feeds {
    /// Folder or URL that holds the upstream files, one folder a source [default: the upstream servers] [env: FIRN_MIRROR]
    #[arg(long, value_name = "DIR|URL")]
    pub mirror: Option<String>,
}

/// The sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceName {
    /// CVE records, as cvelistV5 publishes them
    Cve,
    /// NVD feeds and API pages
    Nvd,
    /// OSV records
    Osv,
    /// CISA's known exploited vulnerabilities
    Kev,
    /// FIRST's exploit prediction scores
    Epss,
    /// Package sets: packages.json, nix-env -qaP --json, nix-eval-jobs
    Nixpkgs,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Every package that was matched with a vulnerability, all verdicts, as JSON Lines
    Suggestions {
        /// The file to write; - is stdout
        #[arg(long, value_name = "P")]
        out: PathBuf,
        /// Only this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Everything that firn-scan needs, as one signed file; its public key is written beside it
    #[command(after_help = "Examples:
  firn-tracker export snapshot --out firn.snapshot
  firn-scan closure /run/current-system --snapshot firn.snapshot --trust firn.snapshot.pub")]
    Snapshot {
        /// The file to write; the public key goes to F.pub
        #[arg(long, value_name = "F")]
        out: PathBuf,
        /// The private key to sign with (ed25519, PKCS#8 PEM) [default: snapshot.key in the data folder, made at first use]
        #[arg(long, value_name = "K")]
        key: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
