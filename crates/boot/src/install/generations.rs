//! Generations of a machine, as Nix's profiles hold them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cli_kit::{Exit, Explained};
use nix_model::bootspec::{self, Bootspec, BootspecError, SystemFolder};

use crate::esp::EntryId;

/// A generation that can be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Name of the profile; `None` is the usual one, `system`.
    pub profile: Option<String>,
    /// Its number there.
    pub number: u64,
    /// When it was made, in seconds since 1970. Only shown: a clock that jumped changes nothing.
    pub made: i64,
    /// What it says of itself.
    pub spec: Bootspec,
}

/// A generation that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which one.
    pub id: EntryId,
    /// Why.
    pub why: GenerationError,
}

/// Why generations were not read.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// A file or folder.
    #[error("read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its description.
    #[error("{path} is refused")]
    Bootspec {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BootspecError,
    },
    /// There is none.
    #[error("{0} holds no generation")]
    None(PathBuf),
    /// The system to be booted is in no profile.
    #[error("{system} is no generation in {profiles}")]
    NoSuchSystem {
        /// The system.
        system: PathBuf,
        /// The profiles.
        profiles: PathBuf,
    },
    /// The generation to be booted by default cannot be.
    #[error("generation {0} is to be booted by default, and cannot be installed")]
    Default(String, #[source] Box<GenerationError>),
}

impl Explained for GenerationError {
    fn exit(&self) -> Exit {
        match self {
            Self::None(_) | Self::NoSuchSystem { .. } => Exit::Usage,
            _ => Exit::Incomplete,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::None(_) => Some("profiles hold links as system-1-link; nothing was changed".into()),
            Self::NoSuchSystem { .. } => Some("give the path of a system that is a generation, or leave it out".into()),
            Self::Default(..) => Some("nothing was changed; build that generation again, or make another one the default".into()),
            _ => None,
        }
    }
}

/// The generations in a folder of profiles, newest first in each, and those that are there but cannot be read.
pub fn read(profiles: &Path) -> Result<(Vec<Generation>, Vec<Unreadable>), GenerationError> {
    let mut links = links(profiles, None)?;
    for (_, path) in &names(&profiles.join("system-profiles"))? {
        // A named profile is a link beside the links of its generations.
        if let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| !n.ends_with("-link")) {
            links.extend(self::links(&profiles.join("system-profiles"), Some(name))?);
        }
    }
    let (mut generations, mut unreadable) = (Vec::new(), Vec::new());
    for (profile, number, link) in links {
        match generation(&link) {
            Ok(Some((spec, made))) => generations.push(Generation {
                profile,
                number,
                made,
                spec,
            }),
            // Removed since the folder was listed: that is no generation any more.
            Ok(None) => {}
            Err(why) => unreadable.push(Unreadable {
                id: EntryId::new(profile.as_deref(), number, None),
                why,
            }),
        }
    }
    if generations.is_empty() {
        return Err(match unreadable.pop() {
            Some(last) => last.why,
            None => GenerationError::None(profiles.into()),
        });
    }
    generations.sort_by(|a, b| (&a.profile, b.number).cmp(&(&b.profile, a.number)));
    Ok((generations, unreadable))
}

fn read_failed(path: &Path) -> impl FnOnce(io::Error) -> GenerationError {
    let path = path.to_owned();
    move |source| GenerationError::Read { path, source }
}

/// Names in a folder; none if it is not there.
fn names(folder: &Path) -> Result<Vec<(String, PathBuf)>, GenerationError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(read_failed(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(read_failed(folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, entry.path()));
        }
    }
    names.sort();
    Ok(names)
}

type Link = (Option<String>, u64, PathBuf);

fn links(folder: &Path, profile: Option<&str>) -> Result<Vec<Link>, GenerationError> {
    let number = |name: &str| {
        let rest = name.strip_prefix(profile.unwrap_or("system"))?;
        rest.strip_prefix('-')?.strip_suffix("-link")?.parse::<u32>().ok()
    };
    let links = names(folder)?.into_iter().filter_map(|(name, path)| Some((number(&name)?, path)));
    Ok(links.map(|(n, path)| (profile.map(str::to_owned), n.into(), path)).collect())
}

/// What a link leads to; `None` if it is gone.
fn generation(link: &Path) -> Result<Option<(Bootspec, i64)>, GenerationError> {
    let about = match fs::symlink_metadata(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(read_failed(link))?,
    };
    let made = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let made = made.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
    Ok(Some((system(link)?, made)))
}

/// What a system says of itself, or what can be seen of it if it is older than `boot.json`.
fn system(folder: &Path) -> Result<Bootspec, GenerationError> {
    let path = folder.join("boot.json");
    match fs::read(&path) {
        Ok(json) => return bootspec::parse(&json).map_err(|source| GenerationError::Bootspec { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(read_failed(&path)(error)),
    }
    let mut spec = bare(folder)?;
    for (name, path) in names(&folder.join("specialisation"))? {
        spec.specialisations.insert(name, bare(&path)?);
    }
    Ok(spec)
}

fn bare(folder: &Path) -> Result<Bootspec, GenerationError> {
    let real = |path: PathBuf| {
        let real = fs::canonicalize(&path).map_err(read_failed(&path))?;
        Ok(real.to_string_lossy().into_owned())
    };
    let optional = |name: &str| {
        let path = folder.join(name);
        path.exists().then(|| real(path)).transpose()
    };
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(read_failed(&path))
    };
    let modules = names(&folder.join("kernel-modules/lib/modules"))?;
    let spec = bootspec::synthesise(&SystemFolder {
        toplevel: real(folder.into())?,
        kernel: real(folder.join("kernel"))?,
        initrd: optional("initrd")?,
        initrd_secrets: optional("append-initrd-secrets")?,
        kernel_params: text("kernel-params")?,
        version: text("nixos-version")?,
        system: text("system")?,
        kernel_version: modules.into_iter().next().map(|(name, _)| name),
    });
    spec.map_err(|source| GenerationError::Bootspec {
        path: folder.into(),
        source,
    })
}

/// Which entry a system is: a generation's own, or that of a specialisation. Without one, what the profile `system` says, or
/// else the newest.
pub fn default_entry(profiles: &Path, generations: &[Generation], system: Option<&Path>) -> Result<EntryId, GenerationError> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let chosen = system.map(real).or_else(|| fs::canonicalize(profiles.join("system")).ok());
    let id = |g: &Generation, name: Option<&str>| EntryId::new(g.profile.as_deref(), g.number, name);
    if let Some(chosen) = chosen {
        for generation in generations {
            if real(Path::new(&generation.spec.toplevel)) == chosen {
                return Ok(id(generation, None));
            }
        }
        for generation in generations {
            let named = generation.spec.specialisations.iter();
            if let Some((name, _)) = named.into_iter().find(|(_, s)| real(Path::new(&s.toplevel)) == chosen) {
                return Ok(id(generation, Some(name)));
            }
        }
        // A link that leads to a folder with the description of another place (a copied system) still says which one.
        let link = generations.iter().find(|g| {
            let name = match &g.profile {
                Some(name) => format!("system-profiles/{name}-{}-link", g.number),
                None => format!("system-{}-link", g.number),
            };
            real(&profiles.join(name)) == chosen
        });
        if let Some(generation) = link {
            return Ok(id(generation, None));
        }
        if let Some(system) = system {
            return Err(GenerationError::NoSuchSystem {
                system: system.into(),
                profiles: profiles.into(),
            });
        }
    }
    let newest = generations.iter().max_by_key(|g| (g.profile.is_none(), g.number));
    newest.map(|g| id(g, None)).ok_or_else(|| GenerationError::None(profiles.into()))
}
