//! Diverse double compiling: the same compilers, whichever compiler compiled the first one.
//!
//! A compiler can hide a change that it puts into every compiler it compiles, and leave no trace in any source. But two
//! compilers that have nothing in common do not hide the same thing. So tcc is compiled with a compiler of the host and put
//! in the place of the chain's own, and what is built with it, up to a step that is asked for, must be what is pinned, to the
//! last byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{BuildError, Builder, Built, build_all};
use crate::explain;
use crate::step::{Chain, Step, StepError};
use crate::tree;

/// Where another tcc takes the place of the chain's.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The step whose program is replaced.
    replaced: &'static str,
    /// The step whose command says how to compile it.
    like: &'static str,
}

/// The first tcc there is.
const FIRST: Place = Place {
    replaced: "tcc-by-cc1",
    like: "tcc-by-tcc",
};
/// The tcc that all further programs are compiled with. If the first one were replaced instead, this one would come out the same,
/// and nothing behind it would be built at all.
const LAST: Place = Place {
    replaced: "tcc-musl",
    like: "tcc-musl-by-tcc",
};

/// The step that is compared if none is asked for: tcc, compiled by tcc.
pub const DEFAULT: &str = "tcc-by-tcc";

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
    /// Nothing would be compared.
    #[error("compare {step}: it is not built with {replaced}, which another compiler takes the place of")]
    NotBehind {
        /// The step that was asked for.
        step: String,
        /// The step whose program is replaced.
        replaced: &'static str,
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
    /// The step that was built with it.
    pub step: String,
    /// Digest of the tcc that it made.
    pub first_sha256: String,
    /// Digest of what the step came out as: of its only output, else of all as a NAR.
    pub second_sha256: String,
    /// Whether that is what is pinned.
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

/// Compares a step with one first compiler.
pub fn compare(builder: &Builder, first: &First, to: &str) -> Result<Verdict, DdcError> {
    let steps = builder.chain.up_to(to)?;
    let place = if steps.iter().any(|s| s.name == LAST.replaced) {
        LAST
    } else {
        FIRST
    };
    let last = builder.chain.step(to)?;
    let behind = behind(&steps, place.replaced);
    if !behind.contains(&to) {
        return Err(DdcError::NotBehind {
            step: to.to_owned(),
            replaced: place.replaced,
        });
    }
    // What no tcc had a part in, and what shows how to compile one, is the chain's own.
    let mut own: Vec<&Step> = steps.iter().filter(|s| !behind.contains(&s.name.as_str())).copied().collect();
    let like = builder.chain.step(place.like)?;
    own.retain(|s| s.name != place.replaced);
    own.extend(with_inputs(&builder.chain, place, &own)?);
    let mut given = build_all(builder, &own, 2, false, &|_, _| {})?;

    let scratch = tempfile::tempdir().map_err(io(Path::new("/tmp")))?;
    let (name, tcc) = match first {
        First::Compiler(compiler) => (compiler.clone(), compile(builder, like, compiler, &given, scratch.path())?),
        First::Tcc(path) => (path.display().to_string(), path.clone()),
    };
    let replaced = given
        .get_mut(place.replaced)
        .ok_or_else(|| StepError::Unknown(place.replaced.into()))?;
    let first_sha256 = replace(replaced, &tcc, &scratch.path().join("first"))?;
    // A store of its own: no pins, no trace in the real one.
    let other = Builder {
        store: crate::store::Store::open(&scratch.path().join("store")).map_err(BuildError::Store)?,
        any_output: true,
        given,
        ..builder.clone()
    };
    let mut all = build_all(&other, &steps, 2, false, &|_, _| {})?;
    let made = all.remove(to).ok_or_else(|| StepError::Unknown(to.into()))?;
    let differs = last.output.iter().zip(&made.record.outputs).find(|(o, m)| o.sha256 != m.sha256);
    let difference = differs.map(|(output, _)| {
        let pinned = builder.store.outputs_of(to).into_iter().find_map(|(entry, record)| {
            let held = record.outputs.iter().any(|o| o.path == output.path && o.sha256 == output.sha256);
            held.then(|| entry.join("out").join(&output.path))
        });
        let how = pinned.map(|p| explain::difference(&p, &made.out.join(&output.path)));
        format!("{}: {}", output.path, how.unwrap_or_else(|| "it is not what is pinned".into()))
    });
    let second_sha256 = match made.record.outputs.as_slice() {
        [only] => only.sha256.clone(),
        _ => made.record.nar_sha256.clone(),
    };
    Ok(Verdict {
        first: name,
        step: to.to_owned(),
        first_sha256,
        second_sha256,
        same: difference.is_none(),
        difference,
    })
}

/// The names of the steps that need this one, directly or not.
fn behind<'a>(steps: &[&'a Step], name: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for step in steps {
        if step.inputs.iter().any(|i| i == name || found.contains(&i.as_str())) {
            found.push(&step.name);
        }
    }
    found
}

/// The step that is replaced, the inputs of the one that it is compiled like, and what these need, but for what is there.
fn with_inputs<'a>(chain: &'a Chain, place: Place, there: &[&Step]) -> Result<Vec<&'a Step>, StepError> {
    let mut needed = chain.up_to(place.replaced)?;
    for input in &chain.step(place.like)?.inputs {
        for step in chain.up_to(input)? {
            if !needed.iter().any(|n| n.name == step.name) {
                needed.push(step);
            }
        }
    }
    needed.retain(|n| !there.iter().any(|t| t.name == n.name));
    Ok(needed)
}

/// Puts another tcc where the output of a step has its own; its digest.
fn replace(built: &mut Built, tcc: &Path, out: &Path) -> Result<String, DdcError> {
    let step = built.record.step.clone();
    let tree = |source| BuildError::Tree {
        step: step.clone(),
        source,
    };
    crate::files::copy(&built.out, out).map_err(io(out))?;
    let program = out.join("tcc");
    fs::remove_file(&program).and_then(|()| fs::copy(tcc, &program)).map_err(io(tcc))?;
    tree::normalise(out).map_err(tree)?;
    built.record.nar_sha256 = tree::nar_sha256(out).map_err(tree)?;
    built.out = out.to_owned();
    tree::sha256_file(&program).map_err(io(&program))
}

/// The same command line that the chain's tcc gets, for a compiler of the host.
fn compile(builder: &Builder, like: &Step, compiler: &str, inputs: &BTreeMap<String, Built>, scratch: &Path) -> Result<PathBuf, DdcError> {
    let to = scratch.join("tcc");
    let failed = |why: String| DdcError::Host {
        compiler: compiler.to_owned(),
        why,
    };
    let mut command = Command::new(compiler);
    command.args(OPTIONS).arg("-o").arg(&to);
    let run = like.run.first().ok_or_else(|| failed(format!("step {} runs nothing", like.name)))?;
    for argument in run.argv.iter().skip(1) {
        // libtcc1 and va_list replace what these compilers have themselves; but a C library that tcc compiled calls them.
        let replaces = argument.contains("/tcc/lib/") && !argument.ends_with(".a");
        let own = argument.starts_with("-nostd") || argument == "-static" || replaces;
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
