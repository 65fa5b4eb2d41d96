//! Evaluates a package set with Nix, in a store of its own, and takes in the facts of its derivations.
//!
//! The attributes of the set are evaluated in portions. What a portion gave is written before the next one begins, so that a process that was
//! killed goes on there. When all is taken in, the store is removed: its files would be the largest thing on the disk.

mod process;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::Evaluation;
use crate::config::evaluation::SourceSet;
use crate::document::Digest;
use crate::ingest::{Ingest, IngestError, Report};
use process::ProcessError;

/// The largest list of attributes, in bytes.
const MAX_NAMES: u64 = 256 << 20;

/// The largest result of one portion, in bytes.
const MAX_LINES: u64 = 4 << 30;

/// Why a set could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// There is nowhere to do it.
    #[error("find a folder for evaluations: set evaluation.folder")]
    NoFolder,
    /// A file of ours.
    #[error("work in {}", path.display())]
    Work {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The attributes cannot be listed.
    #[error("list the attributes of {}", path.display())]
    Names {
        /// Of what.
        path: PathBuf,
        /// Why.
        source: ProcessError,
    },
    /// The list of attributes is none.
    #[error("read the attributes of {}", path.display())]
    NamesShape {
        /// Of what.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A portion.
    #[error("evaluate {} from {first} on", path.display())]
    Portion {
        /// Of what.
        path: PathBuf,
        /// The first attribute of the portion.
        first: String,
        /// Why.
        source: ProcessError,
    },
    /// What came of it.
    #[error("take in what was evaluated")]
    Ingest(#[source] IngestError),
}

/// Evaluates a set and takes it in as a channel.
pub fn run(ingest: Ingest<'_>, config: &Evaluation, set: &SourceSet) -> Result<Report, EvaluateError> {
    let root = config.folder.as_ref().ok_or(EvaluateError::NoFolder)?.join(&set.name);
    let bench = Bench { config, set, root };
    bench.prepare()?;
    let names = bench.names()?;
    bench.begin_anew_unless(&names)?;
    for (number, portion) in names.chunks(config.portion).enumerate() {
        bench.portion(number, portion)?;
    }
    let folder = bench.gather(names.len().div_ceil(config.portion))?;
    let report = ingest.nixpkgs(&folder, Some(&set.name), None).map_err(EvaluateError::Ingest)?;
    if report.failures.is_empty() {
        bench.give_back()?;
    }
    Ok(report)
}

/// Where one set is evaluated.
struct Bench<'a> {
    config: &'a Evaluation,
    set: &'a SourceSet,
    root: PathBuf,
}

impl Bench<'_> {
    fn work(&self, source: io::Error) -> EvaluateError {
        EvaluateError::Work {
            path: self.root.clone(),
            source,
        }
    }

    /// Folders and the expression of the whole set.
    fn prepare(&self) -> Result<(), EvaluateError> {
        let make = || {
            for folder in ["home", "store"] {
                fs::create_dir_all(self.root.join(folder))?;
            }
            // Sets are functions of their configuration, or sets. Nothing is left out because of what its licence or its author says.
            let expression = format!(
                "let\n  source = import {};\n  arguments = {{\n    config = {{ allowUnfree = true; allowBroken = true; allowUnsupportedSystem = true; allowInsecurePredicate = _: true; allowAliases = false; }};\n    overlays = [ ];\n  }};\nin\nif builtins.isFunction source then source (builtins.intersectAttrs (builtins.functionArgs source) arguments) else source\n",
                quoted(&self.set.path)
            );
            fs::write(self.root.join("set.nix"), expression)
        };
        make().map_err(|e| self.work(e))
    }

    /// The attributes of the set.
    fn names(&self) -> Result<Vec<String>, EvaluateError> {
        let mut command = self.command(&self.config.names_program);
        command.args(["--eval", "--strict", "--json", "-E"]);
        command.arg(format!("builtins.attrNames (import {})", quoted(&self.root.join("set.nix"))));
        let path = || self.set.path.clone();
        let text = process::output(command, self.config.time, MAX_NAMES).map_err(|source| EvaluateError::Names { path: path(), source })?;
        serde_json::from_slice(&text).map_err(|source| EvaluateError::NamesShape { path: path(), source })
    }

    /// Forgets portions of another state of the source: they would not fit.
    fn begin_anew_unless(&self, names: &[String]) -> Result<(), EvaluateError> {
        let list = serde_json::json!([names, self.revision(), self.config.portion]).to_string();
        let state = Digest::of(list.as_bytes()).to_string();
        let note = self.root.join("state");
        if fs::read_to_string(&note).is_ok_and(|known| known == state) {
            return Ok(());
        }
        let forget = || {
            for entry in fs::read_dir(&self.root)? {
                let path = entry?.path();
                if path.extension().is_some_and(|ending| ending == "jsonl") {
                    fs::remove_file(path)?;
                }
            }
            fs::write(&note, &state)
        };
        forget().map_err(|e| self.work(e))
    }

    /// Evaluates a portion, unless an earlier run did.
    fn portion(&self, number: usize, names: &[String]) -> Result<(), EvaluateError> {
        let done = self.root.join(format!("{number}.jsonl"));
        if done.exists() {
            return Ok(());
        }
        let file = self.root.join(format!("{number}.nix"));
        let listed: Vec<String> = names.iter().map(|name| quoted_text(name)).collect();
        let expression = format!(
            "let\n  all = import ./set.nix;\n  names = [ {} ];\nin\nbuiltins.listToAttrs (map (name: {{ inherit name; value = all.${{name}}; }}) names)\n",
            listed.join(" ")
        );
        fs::write(&file, expression).map_err(|e| self.work(e))?;
        let mut command = self.command(&self.config.program);
        command
            .args(["--meta", "--workers"])
            .arg(self.config.workers.to_string())
            .arg("--max-memory-size")
            .arg((self.config.memory >> 20).to_string())
            .arg(&file);
        let lines = process::output(command, self.config.time, MAX_LINES).map_err(|source| EvaluateError::Portion {
            path: self.set.path.clone(),
            first: names.first().cloned().unwrap_or_default(),
            source,
        })?;
        let beside = self.root.join(format!("{number}.part"));
        let kept = fs::write(&beside, lines)
            .and_then(|()| fs::File::open(&beside)?.sync_all())
            .and_then(|()| fs::rename(&beside, &done));
        kept.map_err(|e| self.work(e))
    }

    /// A program with a limit of memory, a store and a home of its own, and nothing of our environment but where programs are.
    fn command(&self, program: &Path) -> Command {
        let mut command = process::limited(program, self.config.memory);
        command
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.join("home"))
            .env("NIX_REMOTE", format!("local?root={}", self.root.join("store").display()))
            .env("NIX_CONF_DIR", self.root.join("home"))
            .env("NIX_PATH", "");
        command
    }

    /// One folder as it is taken in: lines, derivations, revision.
    fn gather(&self, portions: usize) -> Result<PathBuf, EvaluateError> {
        let folder = self.root.join("taken").join(&self.set.name);
        let gather = || {
            fs::create_dir_all(&folder)?;
            let mut lines = fs::File::create(folder.join("eval-jobs.jsonl"))?;
            for number in 0..portions {
                io::copy(&mut fs::File::open(self.root.join(format!("{number}.jsonl")))?, &mut lines)?;
                // Whatever the last line of a portion ends with.
                lines.write_all(b"\n")?;
            }
            let drvs = folder.join("drvs");
            if fs::symlink_metadata(&drvs).is_err() {
                std::os::unix::fs::symlink(self.root.join("store/nix/store"), &drvs)?;
            }
            if let Some(revision) = self.revision() {
                fs::write(folder.join("git-revision"), revision)?;
            }
            Ok(())
        };
        gather().map_err(|e| self.work(e))?;
        Ok(folder)
    }

    /// The commit of the source, where a file in it says so: channels and tarballs of Nixpkgs have one.
    fn revision(&self) -> Option<String> {
        let folder = if self.set.path.is_dir() {
            Some(self.set.path.as_path())
        } else {
            self.set.path.parent()
        };
        let found = [".git-revision", "git-revision"]
            .iter()
            .find_map(|name| fs::read_to_string(folder?.join(name)).ok());
        found.map(|text| text.trim().to_owned())
    }

    /// Removes everything. A store's folders may not be written to: that is changed first.
    fn give_back(&self) -> Result<(), EvaluateError> {
        let remove = || {
            unlock(&self.root)?;
            fs::remove_dir_all(&self.root)
        };
        remove().map_err(|e| self.work(e))
    }
}

/// Lets the owner write to a folder and those below.
fn unlock(folder: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(folder)?.permissions();
    permissions.set_mode(permissions.mode() | 0o700);
    fs::set_permissions(folder, permissions)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

/// A path as Nix reads it, whatever characters it has.
fn quoted(path: &Path) -> String {
    format!("(/. + {})", quoted_text(&path.to_string_lossy()))
}

/// A text as Nix reads it.
fn quoted_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_say_anything_to_nix() {
        assert_eq!(quoted_text("a\"b\\${c}"), r#""a\"b\\\${c}""#);
        assert_eq!(quoted(Path::new("/a b")), "(/. + \"/a b\")");
    }
}
