//! What each subcommand does: the only place that talks to a terminal.

mod audit;
mod book;
mod build;
mod check;
mod look;
mod profile;
mod provenance;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use cli_kit::{Exit, Explained, Failure, Manners, Output, Talk};

use crate::build::{BuildError, Builder, Built, key_of};
use crate::cli::{Cli, Command, Export};
use crate::ddc::DdcError;
use crate::export::ExportError;
use crate::fetch::{self, FetchError, Origin};
use crate::profile::ProfileError;
use crate::step::{Chain, Step, StepError};
use crate::store::{Store, StoreError};
use crate::tree::TreeError;

/// The user that steps see themselves as.
const USER: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
/// The user that steps are outside if root runs the engine: from numbers that neither people nor services nor containers get
/// (<https://systemd.io/UIDS-GIDS/>).
const OUTSIDE: u32 = 1_879_048_192;

/// What every command gets.
pub struct Context {
    /// How to talk.
    pub manners: Manners,
    /// Where to talk.
    pub talk: Talk,
    /// The steps.
    pub chain: Chain,
    store: Option<PathBuf>,
}

impl Context {
    /// Opens the store, making it if it is not there.
    pub fn store(&self) -> Result<Store, Failure> {
        let path = match &self.store {
            Some(path) => path.clone(),
            None => data_dir()?.join("chain"),
        };
        Ok(Store::open(&path)?)
    }

    /// These steps as they are in the store, each held to its pins.
    pub fn pinned(&self, steps: &[&Step]) -> Result<BTreeMap<String, Built>, Failure> {
        let store = self.store()?;
        let mut built: BTreeMap<String, Built> = BTreeMap::new();
        for step in steps {
            let found = if step.inputs.iter().all(|i| built.contains_key(i)) {
                let key = key_of(&self.chain, step, &built)?;
                let record = store.find(&key, &step.name)?;
                record.map(|record| (store.entry(&key, &step.name).join("out"), record))
            } else {
                None
            };
            let Some((out, record)) = found else {
                return Err(Failure::incomplete(format!("step {} is not in the store", step.name)).hint("firn-chain build builds it"));
            };
            for (output, made) in step.output.iter().zip(&record.outputs) {
                if output.sha256 != made.sha256 {
                    let what = format!("step {}: {} does not hold its pin", step.name, made.path);
                    return Err(Failure::new(Exit::Findings, what));
                }
            }
            built.insert(step.name.clone(), Built { record, out, cached: true });
        }
        Ok(built)
    }

    /// Carries steps out in the store.
    pub fn builder(&self) -> Result<Builder, Failure> {
        Ok(Builder {
            chain: self.chain.clone(),
            store: self.store()?,
            user: USER,
            outside: sandbox::other_user(OUTSIDE),
            any_output: false,
            given: BTreeMap::new(),
        })
    }
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let folder = match cli.bootstrap {
        Some(folder) => folder,
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bootstrap")),
    };
    let folder = folder.canonicalize().map_err(|e| {
        Failure::usage(format!("find the steps in {}", folder.display()))
            .because(e)
            .hint("--bootstrap DIR names the folder that holds steps/")
    })?;
    let context = Context {
        manners: cli.manners,
        talk: cli.manners.talk(),
        chain: Chain::load(&folder)?,
        store: cli.store,
    };
    match cli.command {
        Command::Plan => look::plan(&context),
        Command::Profile => profile::run(&context),
        Command::Show { step } => look::show(&context, &step),
        Command::Fetch { mirror } => get(&context, mirror),
        Command::Build {
            step,
            twice,
            update_pins,
            record,
            jobs,
        } => {
            let wishes = build::Wishes {
                twice,
                pins: update_pins,
                record,
                jobs,
            };
            build::run(&context, step.as_deref(), &wishes)
        }
        Command::Verify {
            with,
            trust,
            threshold,
            max_age,
        } => match &with {
            None => check::verify(&context),
            Some(with) => provenance::verify(
                &context,
                &provenance::Question {
                    with,
                    trust: &trust,
                    threshold,
                    max_age,
                },
            ),
        },
        Command::Provenance { step, out, key, builder } => {
            provenance::write(&context, step.as_deref(), out.as_deref(), key.as_deref(), builder.as_deref())
        }
        Command::Audit { drv, path_info } => match &drv {
            None => audit::run(&context),
            Some(drv) => audit::closure(&context, drv, path_info.as_deref()),
        },
        Command::Ddc { first, tcc, to } => check::ddc(&context, &first, &tcc, &to),
        Command::Export { what: Export::Script, out } => look::export(&context, &out),
        Command::Book { out } => book::run(&context, &out),
    }
}

fn get(context: &Context, mirror: Option<String>) -> Result<Exit, Failure> {
    let store = context.store()?;
    let origin = mirror.map_or(Origin::Apt, Origin::Mirror);
    let mut out = Output::stdout();
    for step in context.chain.ordered()? {
        let Some(source) = &step.source else { continue };
        let new = fetch::fetch(&store, source, &origin)?;
        let how = if new { "fetched" } else { "was there" };
        out.line(format!("{} {} {how}, sha256 {}", source.package, source.version, source.sha256))?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

/// `$XDG_DATA_HOME/firn`, else `~/.local/share/firn`.
fn data_dir() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("XDG_DATA_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("firn"));
    }
    set("HOME")
        .map(|home| home.join(".local/share/firn"))
        .ok_or_else(|| Failure::usage("find the data folder: neither XDG_DATA_HOME nor HOME is set").hint("--store DIR names the folder"))
}

impl Explained for StepError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Explained for StoreError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Shared { .. }).then(|| "--store DIR names a folder that belongs to you and that only you can write to".into())
    }
}

impl Explained for ProfileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Incomplete,
            Self::Parse { .. } => Exit::Usage,
        }
    }
}

impl Explained for TreeError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }
}

impl Explained for FetchError {
    fn exit(&self) -> Exit {
        match self {
            Self::Digest { .. } => Exit::Findings,
            Self::Io { .. } | Self::Get { .. } => Exit::Incomplete,
        }
    }
    fn hint(&self) -> Option<String> {
        Some("--mirror DIR takes a folder that holds the file".into())
    }
}

impl Explained for BuildError {
    fn exit(&self) -> Exit {
        match self {
            Self::Pin { .. }
            | Self::Output { .. }
            | Self::Damaged { .. }
            | Self::Failed { .. }
            | Self::Tree { .. }
            | Self::Digits { .. } => Exit::Findings,
            Self::Step(_) => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }
    fn hint(&self) -> Option<String> {
        self.hint()
    }
}

impl Explained for ExportError {
    fn exit(&self) -> Exit {
        match self {
            Self::Step(_) | Self::Unfit { .. } | Self::There(_) => Exit::Usage,
            Self::Io { .. } | Self::Tree(_) => Exit::Incomplete,
        }
    }
}

impl Explained for DdcError {
    fn exit(&self) -> Exit {
        match self {
            Self::Build(error) => error.exit(),
            Self::Step(error) => error.exit(),
            Self::NotBehind { .. } => Exit::Usage,
            Self::Host { .. } | Self::Io { .. } => Exit::Incomplete,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.hint(),
            Self::NotBehind { replaced, .. } => Some(format!("name a step that needs {replaced}: `firn-chain plan` lists them")),
            _ => None,
        }
    }
}
