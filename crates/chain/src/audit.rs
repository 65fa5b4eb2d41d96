//! What has to be trusted, with bytes and digests: the seed, what runs it, what the engine does itself, whose sources they are, how much
//! of them we wrote, and which of them a program wrote ([`generated`]). Beside that, what any closure of derivations is rooted in
//! ([`closure`], read by [`drvs`]).

pub mod closure;
pub mod drvs;
pub mod generated;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;

use crate::hexadecimal;
use crate::step::{Chain, Source, Step, StepError};
use crate::store::Store;
use crate::tree;
use crate::unpack::{self, UnpackError};

use generated::recognise;

/// What cannot be checked by the chain itself.
pub const TRUSTED: [&str; 3] = [
    "the Linux kernel and the processor that run every step",
    "this program, which starts the steps and compares what they make; it was compiled with rustc",
    "the readers of the sources: those that we wrote, our edits, and the archives of others, with the files in them that a program wrote",
];

/// What the engine does in every step, whatever the step says.
pub const ALWAYS: [&str; 5] = [
    "copies the step's own sources to where nobody edits them, and mounts them, its inputs and its output folder",
    "gives every program the same five environment variables: PATH=/none, LC_ALL=C, TZ=UTC, HOME=/tmp, SOURCE_DATE_EPOCH=1",
    "makes a program that was just written runnable when the step starts it",
    "sets modes (0644, 0755), times (one second after the epoch) and owner of what came out; refuses all but files, folders and links within",
    "compares what came out with the pins",
];

/// All of it. JSON format 1 of `firn-chain audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Of this value.
    pub format: u32,
    /// The bytes that nothing made.
    pub seed: File,
    /// The running kernel's image, where it can be found and read.
    pub kernel: Kernel,
    /// This program.
    pub engine: File,
    /// Programs of the host that `build` runs.
    pub host_programs: [&'static str; 0],
    /// What the engine does in every step.
    pub always: [&'static str; 5],
    /// What it does in single steps.
    pub actions: Vec<Action>,
    /// Archives of others.
    pub sources: Vec<Upstream>,
    /// What we wrote, step by step.
    pub own: Vec<Own>,
    /// Files in the archives that a program wrote.
    pub pregenerated: Vec<Pregenerated>,
    /// What would make those again that are used and that no step makes.
    pub generators: Vec<Generator>,
    /// Programs that steps run.
    pub programs: Vec<Program>,
    /// What is left to trust.
    pub trusted: [&'static str; 3],
}

/// A file that is trusted as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Where it is; for the seed, its source.
    pub path: PathBuf,
    /// Its size; for the seed, of what the source means.
    pub bytes: u64,
    /// Its digest in lowercase digits.
    pub sha256: String,
}

/// The kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// As the kernel says it.
    pub release: String,
    /// What it was started from.
    pub image: Option<File>,
}

/// Something that the engine does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// In which step.
    pub step: String,
    /// What.
    pub action: String,
    /// Why.
    pub why: String,
}

/// An archive of a source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// The step that unpacks it.
    pub step: String,
    /// Debian's name.
    pub package: String,
    /// Debian's version.
    pub version: String,
    /// Debian's suite.
    pub suite: String,
    /// The archive.
    pub file: String,
    /// Its digest.
    pub sha256: String,
    /// Edits to what is in it.
    pub edits: usize,
    /// What is in it; `None` while it is not fetched.
    pub content: Option<Content>,
}

/// What of an archive is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Files in it.
    pub files: usize,
    /// Files of these that are unpacked.
    pub kept_files: usize,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Their lines.
    pub kept_lines: usize,
}

/// What we wrote for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Own {
    /// The step.
    pub step: String,
    /// Its files below `bootstrap/`, beside the step itself.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Their lines.
    pub lines: usize,
    /// Lines in files that no step before it uses.
    pub new_lines: usize,
    /// Lines that its edits put into the sources of others.
    pub edit_lines: usize,
    /// Digest over names and bytes of the files; empty if there are none.
    pub sha256: String,
}

/// A file that a program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pregenerated {
    /// The step whose archive has it.
    pub step: String,
    /// Its path in the archive.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
    /// What it is.
    pub kind: &'static str,
    /// What makes such a file; empty if it does not say.
    pub generator: String,
    /// How it is known.
    pub evidence: String,
    /// Whether it is unpacked at all.
    pub kept: bool,
    /// The step that makes it again from its source, if one does.
    pub regenerated: Option<String>,
}

/// What makes files that are used as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generator {
    /// Its name; empty for files that do not say.
    pub name: String,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The step whose output has a program of that name, as far as the store has outputs: its files could be made again.
    pub built_by: Option<String>,
}

/// A program that a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// The step.
    pub step: String,
    /// The program, as a path inside.
    pub program: String,
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The steps are wrong.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The seed's source is none.
    #[error("{path}: line {line} holds no pairs of digits")]
    Digits {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A file cannot be read.
    #[error("read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An archive cannot be looked through.
    #[error("look through the archive of step {step}")]
    Archive {
        /// Which.
        step: String,
        /// Why.
        #[source]
        source: UnpackError,
    },
}

impl Audit {
    /// Looks at the steps, this system, and those archives that are in the store.
    pub fn of(chain: &Chain, store: &Store) -> Result<Self, AuditError> {
        let steps = chain.ordered()?;
        let mut audit = Self {
            format: 1,
            seed: seed(chain)?,
            kernel: kernel(),
            engine: engine()?,
            host_programs: [],
            always: ALWAYS,
            actions: steps.iter().flat_map(|s| own_work(s)).collect(),
            sources: Vec::new(),
            own: own(chain, &steps)?,
            pregenerated: Vec::new(),
            generators: Vec::new(),
            programs: Vec::new(),
            trusted: TRUSTED,
        };
        for step in &steps {
            let programs = step.run.iter().filter_map(|r| r.argv.first());
            audit.programs.extend(programs.map(|program| Program {
                step: step.name.clone(),
                program: program.clone(),
            }));
            let Some(source) = &step.source else { continue };
            let archive = store.fetched(&source.sha256, &source.file);
            let content = if archive.exists() {
                Some(look_through(step, source, &archive, &steps, &mut audit.pregenerated)?)
            } else {
                None
            };
            audit.sources.push(Upstream {
                step: step.name.clone(),
                package: source.package.clone(),
                version: source.version.clone(),
                suite: source.suite.clone(),
                file: source.file.clone(),
                sha256: source.sha256.clone(),
                edits: step.edit.len(),
                content,
            });
        }
        audit.generators = generators(&audit.pregenerated, &steps, store);
        Ok(audit)
    }
}

/// The generators of what is used as it came, and whether the chain has them.
fn generators(files: &[Pregenerated], steps: &[&Step], store: &Store) -> Vec<Generator> {
    let mut all: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for file in files.iter().filter(|f| f.kept && f.regenerated.is_none()) {
        let (count, bytes) = all.entry(&file.generator).or_default();
        *count += 1;
        *bytes += file.bytes;
    }
    let built = |s: &&Step| {
        store
            .outputs_of(&s.name)
            .into_iter()
            .map(|(entry, record)| (entry.join("out"), record.step))
    };
    let built: Vec<(PathBuf, String)> = steps.iter().flat_map(built).collect();
    let built_by = |name: &str| {
        // Names come out of files of others.
        let named = !name.is_empty() && !name.contains('/');
        let found = built
            .iter()
            .find(|(out, _)| out.join(name).is_file() || out.join("bin").join(name).exists());
        found.filter(|_| named).map(|(_, step)| step.clone())
    };
    all.into_iter()
        .map(|(name, (files, bytes))| Generator {
            name: name.to_owned(),
            files,
            bytes,
            built_by: built_by(name),
        })
        .collect()
}

fn look_through(
    step: &Step,
    source: &Source,
    archive: &Path,
    steps: &[&Step],
    found: &mut Vec<Pregenerated>,
) -> Result<Content, AuditError> {
    let read = |e| AuditError::Read {
        path: archive.to_owned(),
        source: e,
    };
    let mut content = Content {
        archive_bytes: fs::metadata(archive).map_err(read)?.len(),
        ..Content::default()
    };
    let seen = unpack::members(source, archive, &mut |name, kept, bytes| {
        content.files += 1;
        if kept {
            content.kept_files += 1;
            content.kept_bytes += bytes.len() as u64;
            content.kept_lines += lines(bytes);
        }
        if let Some(generated) = recognise(bytes) {
            found.push(Pregenerated {
                step: step.name.clone(),
                file: name.to_owned(),
                bytes: bytes.len() as u64,
                sha256: tree::sha256(bytes),
                kind: generated.kind,
                generator: generated.generator,
                evidence: generated.evidence,
                kept,
                regenerated: made_by(steps, step, source, name),
            });
        }
    });
    seen.map_err(|e| AuditError::Archive {
        step: step.name.clone(),
        source: e,
    })?;
    Ok(content)
}

/// The step that makes this very file again: one of its outputs must be the same, to the last byte, as what was unpacked.
fn made_by(steps: &[&Step], step: &Step, source: &Source, file: &str) -> Option<String> {
    let unpacked = format!("{}/{}/{file}", step.name, source.to);
    let makes = |s: &&&Step| s.output.iter().any(|o| o.same_as.as_ref() == Some(&unpacked));
    steps.iter().find(makes).map(|s| s.name.clone())
}

fn seed(chain: &Chain) -> Result<File, AuditError> {
    let step = chain.step("seed")?;
    let hex = step
        .hex
        .as_ref()
        .ok_or_else(|| StepError::Unknown("seed (with its digits)".into()))?;
    let path = chain.folder.join(&hex.from);
    let source = fs::read_to_string(&path).map_err(|source| AuditError::Read {
        path: path.clone(),
        source,
    })?;
    let bytes = hexadecimal::bytes(&source).map_err(|line| AuditError::Digits { path: path.clone(), line })?;
    Ok(File {
        path,
        bytes: bytes.len() as u64,
        sha256: tree::sha256(&bytes),
    })
}

fn engine() -> Result<File, AuditError> {
    let failed = |source| AuditError::Read {
        path: "this program".into(),
        source,
    };
    file(&std::env::current_exe().map_err(failed)?)
}

fn file(path: &Path) -> Result<File, AuditError> {
    let read = |source| AuditError::Read {
        path: path.to_owned(),
        source,
    };
    Ok(File {
        path: path.to_owned(),
        bytes: fs::metadata(path).map_err(read)?.len(),
        sha256: tree::sha256_file(path).map_err(read)?,
    })
}

/// The running kernel, and its image where distributions keep it: what cannot be found or read is not known.
pub fn kernel() -> Kernel {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let places = [
        PathBuf::from("/run/booted-system/kernel"),
        Path::new("/boot").join(format!("vmlinuz-{release}")),
    ];
    let image = places.iter().find_map(|p| file(&p.canonicalize().ok()?).ok());
    Kernel { release, image }
}

/// As the running kernel says it.
pub fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// What we wrote, step by step.
pub fn own(chain: &Chain, steps: &[&Step]) -> Result<Vec<Own>, AuditError> {
    let mut known = BTreeSet::new();
    let mut all = Vec::new();
    for step in steps {
        let mut own = Own {
            step: step.name.clone(),
            files: 0,
            bytes: 0,
            lines: 0,
            new_lines: 0,
            edit_lines: step.edit.iter().map(|e| e.replace.lines().count()).sum(),
            sha256: String::new(),
        };
        let mut digests = String::new();
        for source in &step.sources {
            for path in files_below(chain, source)? {
                let read = |source| AuditError::Read {
                    path: path.clone(),
                    source,
                };
                let bytes = fs::read(&path).map_err(read)?;
                own.files += 1;
                own.bytes += bytes.len() as u64;
                own.lines += lines(&bytes);
                if known.insert(path.clone()) {
                    own.new_lines += lines(&bytes);
                }
                let name = path.strip_prefix(&chain.folder).unwrap_or(&path).display();
                digests += &format!("{}  {name}\n", tree::sha256(&bytes));
            }
        }
        if own.files > 0 {
            own.sha256 = tree::sha256(digests.as_bytes());
        }
        all.push(own);
    }
    Ok(all)
}

/// The files of a step's source, which may be a folder.
pub fn files_below(chain: &Chain, source: &str) -> Result<Vec<PathBuf>, AuditError> {
    let root = chain.folder.join(source);
    let failed = |e: tree::TreeError| AuditError::Read {
        path: root.clone(),
        source: io::Error::other(e),
    };
    let entries = tree::list(&root).map_err(failed)?;
    let files = entries.into_iter().filter(|e| matches!(e.kind, tree::Kind::File { .. }));
    Ok(files
        .map(|e| {
            if e.path.as_os_str().is_empty() {
                root.clone()
            } else {
                root.join(e.path)
            }
        })
        .collect())
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b == b'\n').count()
}

/// What the engine does in a step beside starting programs.
fn own_work(step: &Step) -> Vec<Action> {
    let mut work: Vec<(String, String)> = Vec::new();
    if let Some(hex) = &step.hex {
        work.push((format!("write {} from its digits", hex.to), hex.why.clone()));
    }
    for folder in &step.folders {
        work.push((
            format!("make the folder {folder}"),
            "No program of the chain makes folders yet.".into(),
        ));
    }
    if let Some(source) = &step.source {
        work.push((
            format!("unpack {} files and folders of {}", source.keep.len(), source.file),
            "No program of the chain reads archives yet.".into(),
        ));
    }
    for edit in &step.edit {
        work.push((format!("edit {}", edit.file), edit.why.clone()));
    }
    for run in &step.run {
        if let (Some(from), Some(to)) = (&run.stdin, &run.stdout) {
            work.push((
                format!("connect {from} and {to}"),
                "The first stages know neither files nor names.".into(),
            ));
        }
    }
    for copy in &step.copy {
        work.push((format!("copy {} to {}", copy.from, copy.to), copy.why.clone()));
    }
    for output in step.output.iter().filter(|o| o.run) {
        work.push((
            format!("set the run bit of {}", output.path),
            "A stage writes bytes; that they are a program is for the system to know.".into(),
        ));
    }
    work.into_iter()
        .map(|(action, why)| Action {
            step: step.name.clone(),
            action,
            why,
        })
        .collect()
}
