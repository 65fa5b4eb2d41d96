//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cli_kit::Talk;
use time::Date;
use vuln::score::Severity;

use crate::input::source::Extent;
use crate::report::ReportFormat;

/// Finds what is vulnerable in a Nix closure, offline or by asking a tracker.
#[derive(Debug, Parser)]
#[command(name = "firn-scan", version, about, long_about = None)]
#[command(after_help = "Examples:
  firn-scan system                                     what of the running system is vulnerable
  firn-scan closure ./result --fail-on high            exit code 1 if anything high or critical is open
  nix path-info --json -r /run/current-system | firn-scan closure --from -
  firn-scan diff /run/current-system ./result          what an update fixes, brings and leaves
  firn-scan why CVE-2023-38545                         how the package got into the system
  firn-scan system --tracker https://tracker.example.org
  firn-scan sbom app.cdx.json --format sarif > app.sarif")]
pub struct Cli {
    /// How to talk.
    #[command(flatten)]
    pub manners: Manners,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The options every command has.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Manners")]
pub struct Manners {
    /// How to print data on stdout; what is no report knows table, json and jsonl
    #[arg(long, global = true, value_enum, default_value_t = ReportFormat::Table, value_name = "FORMAT")]
    pub format: ReportFormat,
    /// Print data and errors only: no progress, no notes
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

impl Manners {
    /// The talk that fits these options and the terminal.
    pub fn talk(self) -> Talk {
        Talk::new(self.quiet)
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scan the closure of store paths, or one that was written down elsewhere
    #[command(after_help = "Examples:
  firn-scan closure ./result
  firn-scan closure --buildtime /nix/store/...-curl-7.71.1
  ssh host nix path-info --json -r /run/current-system | firn-scan closure --from -")]
    Closure {
        /// Store paths, or symlinks that lead to them
        #[arg(value_name = "PATH", required_unless_present = "from")]
        paths: Vec<PathBuf>,
        /// Read what `nix path-info --json -r` printed, or a list of paths, from a file; - is standard input
        #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "buildtime"])]
        from: Option<PathBuf>,
        /// Which closure.
        #[command(flatten)]
        extent: WhichClosure,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Scan the running NixOS system
    System {
        /// A generation of the system instead of what runs
        #[arg(long, value_name = "NUMBER")]
        generation: Option<u32>,
        /// Which closure.
        #[command(flatten)]
        extent: WhichClosure,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Scan derivations and what they are built from
    #[command(after_help = "Examples:
  firn-scan drv /nix/store/...-nixos-system-host.drv
  nix derivation show -r nixpkgs#curl > curl.json && firn-scan drv curl.json")]
    Drv {
        /// .drv files, or what `nix derivation show --recursive` printed
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Scan SBOM documents: CycloneDX 1.4 to 1.7, SPDX 2.2 and 2.3
    Sbom {
        /// JSON documents
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Scan a channel, as the snapshot knows it
    #[command(after_help = "Examples:
  firn-scan channel nixos-25.11 --only-exploited
  firn-scan channel nixos-unstable@25ad9efeb061")]
    Channel {
        /// The channel, with a revision if it has to be that one
        #[arg(value_name = "NAME[@REVISION]")]
        name: String,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Compare two closures: what is fixed, introduced, unchanged
    #[command(
        after_help = "A and B are generations of the system (numbers), store paths, symlinks, or files that this program reads.

Examples:
  firn-scan diff 41 42
  firn-scan diff /run/current-system ./result --fail-on high      exit code 1 if the update brings something high"
    )]
    Diff {
        /// What there is now
        #[arg(value_name = "A")]
        before: String,
        /// What there will be
        #[arg(value_name = "B")]
        after: String,
        /// The channel that is asked for what neither fixes [default: the snapshot's unstable ones, else all]
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// Which closure.
        #[command(flatten)]
        extent: WhichClosure,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Show how something got into a closure: the shortest ways from what was asked for
    #[command(after_help = "Examples:
  firn-scan why /nix/store/...-openssl-1.1.1g
  firn-scan why openssl --in ./result
  firn-scan why CVE-2023-38545")]
    Why {
        /// A store path, the name of a package, or the id of a vulnerability
        #[arg(value_name = "PATH")]
        what: String,
        /// The closure to look into: a generation, a path, a file
        #[arg(long = "in", value_name = "TARGET", default_value = crate::input::source::CURRENT_SYSTEM)]
        target: String,
        /// How many ways to show
        #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
        most: u16,
        /// Which closure.
        #[command(flatten)]
        extent: WhichClosure,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Scan again whenever the snapshot or the system changes, and say only what is new
    Watch {
        /// What to watch: a generation, a path, a symlink
        #[arg(value_name = "TARGET", default_value = crate::input::source::CURRENT_SYSTEM)]
        target: String,
        /// Seconds between looks
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
        interval: u32,
        /// Look once, and end: for timers
        #[arg(long)]
        once: bool,
        /// Where to keep what was said already [default: watch.json in the state folder]
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
        /// Which closure.
        #[command(flatten)]
        extent: WhichClosure,
        /// How to scan.
        #[command(flatten)]
        scan: Scan,
    },
    /// Look at the snapshot that scans rely on
    Snapshot {
        /// What to do with it.
        #[command(subcommand)]
        command: Snapshot,
    },
}

/// `snapshot`.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Fetch the newest one, as far as it differs from the one that is here
    #[command(after_help = "Examples:
  firn-scan snapshot update --tracker https://tracker.example.org
  firn-scan snapshot update --from https://mirror.example.org/firn/firn.snapshot")]
    Update {
        /// A tracker
        #[arg(
            long,
            value_name = "URL",
            required_unless_present = "from",
            conflicts_with = "from",
            env = "FIRN_TRACKER"
        )]
        tracker: Option<String>,
        /// The file itself, on any server
        #[arg(long, value_name = "URL")]
        from: Option<String>,
        /// Which one.
        #[command(flatten)]
        knowledge: Knowledge,
    },
    /// Check every block against the signature
    Verify {
        /// Which one.
        #[command(flatten)]
        knowledge: Knowledge,
    },
    /// Say who made it, when, from what
    Info {
        /// Which one.
        #[command(flatten)]
        knowledge: Knowledge,
    },
}

/// Which closure of a store path is scanned.
#[derive(Debug, Clone, Copy, Args)]
pub struct WhichClosure {
    /// What it needs when it runs; this is the default
    #[arg(long, conflicts_with = "buildtime")]
    pub runtime: bool,
    /// What it was built from: needs its derivation in the store
    #[arg(long)]
    pub buildtime: bool,
}

impl WhichClosure {
    /// As inputs want it.
    pub fn extent(self) -> Extent {
        if self.buildtime { Extent::BuildTime } else { Extent::Runtime }
    }
}

/// What answers come from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Knowledge")]
pub struct Knowledge {
    /// The snapshot [default: firn.snapshot in the data folder]
    #[arg(long, value_name = "FILE", env = "FIRN_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// A public key whose snapshots are believed [default: those in the configuration folder]
    #[arg(long, value_name = "KEY.pub")]
    pub trust: Vec<PathBuf>,
    /// Take a snapshot, or the answer of a tracker, that is older than 30 days
    #[arg(long)]
    pub allow_stale: bool,
    /// Take a snapshot that is older than one seen before
    #[arg(long)]
    pub allow_rollback: bool,
}

/// How to scan.
#[derive(Debug, Clone, Args)]
pub struct Scan {
    /// Folder that holds nix/store and nix/var, as nix --store has it
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub store: PathBuf,
    /// Ask a tracker instead of a snapshot: names, versions, patches, addresses and store paths of packages go there
    #[arg(long, value_name = "URL", help_heading = "Knowledge")]
    pub tracker: Option<String>,
    /// Ask it without TLS, even if it is not on this machine
    #[arg(long, requires = "tracker", help_heading = "Knowledge")]
    pub plain_http: bool,
    /// What answers come from.
    #[command(flatten)]
    pub knowledge: Knowledge,
    /// What to make of them.
    #[command(flatten)]
    pub choice: Choice,
}

/// Which findings are shown, and which of them matter.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Findings")]
pub struct Choice {
    /// Exit with 1 if an open finding is at least this severe: low, medium, high, critical; unknown takes those without a score too
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
    /// Only what is known to be exploited
    #[arg(long)]
    pub only_exploited: bool,
    /// Only what was published or changed since a day, as 2026-01-31
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub since: Option<Date>,
    /// Also what is patched, fixed or not affected, in table and Markdown
    #[arg(long)]
    pub all: bool,
    /// Decisions: our TOML, a vulnix whitelist, OpenVEX, CSAF; later files go before
    #[arg(long, value_name = "FILE")]
    pub decisions: Vec<PathBuf>,
    /// Who publishes, in OpenVEX and CSAF
    #[arg(long, value_name = "NAME", requires = "namespace")]
    pub author: Option<String>,
    /// An address that stands for the publisher.
    #[arg(
        long,
        value_name = "URL",
        requires = "author",
        help = "An address that stands for the publisher, as https://example.org"
    )]
    pub namespace: Option<String>,
}

fn severity(text: &str) -> Result<Severity, String> {
    let known = [
        Severity::Unknown,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];
    let found = known.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("choose {}", known.map(Severity::name).join(", ")))
}

fn day(text: &str) -> Result<Date, String> {
    Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).map_err(|_| "give a day as 2026-01-31".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(severity("HIGH"), Ok(Severity::High));
        assert_eq!(severity("severe"), Err("choose unknown, low, medium, high, critical".into()));
        assert!(day("2026-02-30").is_err() && day("2026-02-28").is_ok());
        assert!(Cli::try_parse_from(["firn-scan", "closure"]).is_err());
        assert!(Cli::try_parse_from(["firn-scan", "closure", "--from", "-", "x"]).is_err());
        assert!(Cli::try_parse_from(["firn-scan", "system", "--runtime", "--buildtime"]).is_err());
    }
}
