//! Diverse double compiling: the same tcc, whichever compiler compiled it first.
//!
//! A compiler can hide a change that it puts into every compiler it compiles, and leave no trace in any source. But two
//! compilers that have nothing in common do not hide the same thing. So tcc is compiled with a compiler of the host, that
//! tcc compiles tcc in the place of the chain's own, and the result must be the pinned one to the last byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{BuildError, Builder, Built, build_all};
use crate::explain;
use crate::step::{Step, StepError};
use crate::tree;

/// Step whose program is replaced, the step that compiles tcc with it, and what must come out.
const FIRST: &str = "tcc-by-cc1";
const SECOND: &str = "tcc-by-tcc";

/// Options for the host's compilers: no libraries, headers or habits of the host.
const OPTIONS: [&str; 13] = [
    "-w",
    "-O1",
    "-nostdlib",
    "-nostdinc",
    "-static",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-strict-aliasing",
    "-fno-stack-protector",
    "-fno-pic",
    "-no-pie",
    "-Wl,-z,noexecstack",
    "-Wl,--build-id=none",
];

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DdcError {
    /// Building failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The steps are not those that this is about.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The host's compiler cannot be run or fails.
    #[error("compile tcc with {compiler}: {why}")]
    Host {
        /// The compiler.
        compiler: String,
        /// What went wrong.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("use {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What came of one first compiler.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// The compiler, or the file given as tcc.
    pub first: String,
    /// Digest of the tcc that it made.
    pub first_sha256: String,
    /// Digest of the tcc that that one made.
    pub second_sha256: String,
    /// Whether that is the pinned one.
    pub same: bool,
    /// Where it differs.
    pub difference: Option<String>,
}

/// What compiles tcc first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First {
    /// A C compiler of the host.
    Compiler(String),
    /// A tcc that is there already.
    Tcc(PathBuf),
}

/// Compares with one first compiler.
pub fn compare(builder: &Builder, first: &First) -> Result<Verdict, DdcError> {
    let steps = builder.chain.up_to(SECOND)?;
    let built = build_all(builder, &steps, 2, false, &|_, _| {})?;
    let second = builder.chain.step(SECOND)?;
    let scratch = tempfile::tempdir().map_err(io(Path::new("/tmp")))?;
    let mut inputs: BTreeMap<String, Built> = BTreeMap::new();
    for input in &second.inputs {
        if let Some(built) = built.get(input) {
            inputs.insert(input.clone(), built.clone());
        }
    }
    let (name, tcc) = match first {
        First::Compiler(compiler) => (compiler.clone(), compile(builder, second, compiler, &inputs, scratch.path())?),
        First::Tcc(path) => (path.display().to_string(), path.clone()),
    };
    // The chain's first tcc is replaced by the other one, in a store of its own: no pins, no trace in the real one.
    let out = scratch.path().join("first");
    fs::create_dir_all(&out).map_err(io(&out))?;
    fs::copy(&tcc, out.join("tcc")).map_err(io(&tcc))?;
    tree::normalise(&out).map_err(|source| BuildError::Tree {
        step: FIRST.into(),
        source,
    })?;
    let first_sha256 = tree::sha256_file(&out.join("tcc")).map_err(io(&out))?;
    if let Some(replaced) = inputs.get_mut(FIRST) {
        replaced.record.nar_sha256 = tree::nar_sha256(&out).map_err(|source| BuildError::Tree {
            step: FIRST.into(),
            source,
        })?;
        replaced.out = out;
    }
    let other = Builder {
        store: crate::store::Store::open(&scratch.path().join("store")).map_err(BuildError::Store)?,
        any_output: true,
        ..builder.clone()
    };
    let result = other.build(second, &inputs)?;
    let made = result.out.join("tcc");
    let second_sha256 = tree::sha256_file(&made).map_err(io(&made))?;
    let same = second.output.first().is_some_and(|o| o.sha256 == second_sha256);
    let difference = built
        .get(SECOND)
        .filter(|_| !same)
        .map(|real| explain::difference(&real.out.join("tcc"), &made));
    Ok(Verdict {
        first: name,
        first_sha256,
        second_sha256,
        same,
        difference,
    })
}

/// The same command line that the chain's tcc gets, for a compiler of the host.
fn compile(
    builder: &Builder,
    second: &Step,
    compiler: &str,
    inputs: &BTreeMap<String, Built>,
    scratch: &Path,
) -> Result<PathBuf, DdcError> {
    let to = scratch.join("tcc");
    let failed = |why: String| DdcError::Host {
        compiler: compiler.to_owned(),
        why,
    };
    let mut command = Command::new(compiler);
    command.args(OPTIONS).arg("-o").arg(&to);
    let run = second.run.first().ok_or_else(|| failed(format!("step {SECOND} runs nothing")))?;
    for argument in run.argv.iter().skip(1) {
        // libtcc1 and va_list replace what these compilers have themselves.
        let own = argument.starts_with("-nostd") || argument == "-static" || argument.contains("/tcc/lib/");
        let output = argument == "-o" || argument.starts_with("/out/");
        if (own && !argument.starts_with("-D")) || output {
            continue;
        }
        command.arg(outside(builder, argument, inputs));
    }
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr)
                .lines()
                .take(5)
                .collect::<Vec<_>>()
                .join(" "),
        ));
    }
    Ok(to)
}

/// An argument with the paths inside it turned into those outside.
fn outside(builder: &Builder, argument: &str, inputs: &BTreeMap<String, Built>) -> String {
    let (head, path) = match argument.strip_prefix("-I") {
        Some(path) => ("-I", path),
        None => ("", argument),
    };
    if let Some(rest) = path.strip_prefix("/src/") {
        return format!("{head}{}", builder.chain.folder.join(rest).display());
    }
    if let Some((step, rest)) = path.strip_prefix("/in/").and_then(|p| p.split_once('/'))
        && let Some(built) = inputs.get(step)
    {
        return format!("{head}{}", built.out.join(rest).display());
    }
    argument.to_owned()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DdcError + use<> {
    let path = path.to_owned();
    move |source| DdcError::Io { path, source }
}
