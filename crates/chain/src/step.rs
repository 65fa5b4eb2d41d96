//! Steps are data: what they take, what is run, what must come out, and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// One step of the chain, as `bootstrap/steps/NAME.toml` says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, which is the file's.
    pub name: String,
    /// A heading for people.
    pub title: String,
    /// Why it exists and how it works, as prose.
    pub why: String,
    /// Where it stands in the book.
    pub order: u32,
    /// Files and folders below `bootstrap/` that it sees below `/src`.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Steps whose output it sees below `/in/NAME`.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// The input whose `bin/` the step sees as `/bin`, too, because scripts begin with `#!/bin/sh` and C libraries start that for
    /// `system()`. What has a shell also has `/dev/null`, which scripts throw their talk into.
    pub shell: Option<String>,
    /// Folders made in the output before anything runs.
    #[serde(default)]
    pub folders: Vec<String>,
    /// Digits that the engine turns into bytes: for the seed alone.
    pub hex: Option<Hex>,
    /// An archive of a Debian source package that the engine unpacks.
    pub source: Option<Source>,
    /// Changes to what was unpacked.
    #[serde(default)]
    pub edit: Vec<Edit>,
    /// Programs to run, in this order.
    #[serde(default)]
    pub run: Vec<Run>,
    /// What the engine copies into the output after that.
    #[serde(default)]
    pub copy: Vec<Copy>,
    /// What must come out, and nothing else.
    pub output: Vec<Output>,
    /// What its programs may use up.
    #[serde(default)]
    pub limits: Limits,
}

/// See [`Step::hex`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hex {
    /// One of the step's sources.
    pub from: String,
    /// A path in the output.
    pub to: String,
    /// Why the engine does this.
    pub why: String,
}

/// See [`Step::source`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Folder of the output that it is unpacked into.
    pub to: String,
    /// Debian's name for the source package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that has it.
    pub suite: String,
    /// The archive's file name.
    pub file: String,
    /// Its digest in lowercase digits.
    pub sha256: String,
    /// Files and folders to keep; the rest of the archive is not unpacked.
    pub keep: Vec<String>,
    /// What of these is left out again, but for what `keep` names within.
    #[serde(default)]
    pub drop: Vec<String>,
}

/// A piece of text that stands exactly once in a file, and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the folder that the archive was unpacked into.
    pub file: String,
    /// Why.
    pub why: String,
    /// What stands there.
    pub find: String,
    /// What is to stand there.
    pub replace: String,
}

/// One program run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Program and arguments, as paths inside.
    pub argv: Vec<String>,
    /// A path inside that becomes standard input.
    pub stdin: Option<String>,
    /// A path below `/out` or `/work` that standard output goes to.
    pub stdout: Option<String>,
    /// The folder inside that it starts in; `/out` if there is none.
    pub directory: Option<String>,
    /// What this run is for, if the step has several.
    #[serde(default)]
    pub why: String,
}

/// One thing the engine copies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// A path inside, below `/in` or `/src`.
    pub from: String,
    /// A path in the output.
    pub to: String,
    /// Why.
    pub why: String,
}

/// A file or folder that must come out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its path in the output.
    pub path: String,
    /// Digest of a file, or of the NAR of a folder; empty until it is first pinned.
    pub sha256: String,
    /// The engine sets the run bit, for programs that cannot do so themselves.
    #[serde(default)]
    pub run: bool,
    /// A file or folder in the output of an input, `STEP/PATH`, that it must equal.
    pub same_as: Option<String>,
}

/// What the programs of a step may use up.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// MiB of address space.
    pub memory_mib: u64,
    /// Processes at a time.
    pub processes: u64,
    /// Open files.
    pub files: u64,
    /// MiB of each file written.
    pub file_mib: u64,
    /// Seconds for each run.
    pub seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mib: 1024,
            processes: 1,
            files: 64,
            file_mib: 64,
            seconds: 60,
        }
    }
}

/// Why the steps cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A file or folder cannot be read.
    #[error("read steps from {path}")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no step.
    #[error("read step {path}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where it is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A step says something that cannot be.
    #[error("step {step}: {what}")]
    Wrong {
        /// Which.
        step: String,
        /// What.
        what: String,
    },
    /// No step has this name.
    #[error("no step {0:?}")]
    Unknown(String),
}

/// All steps of a chain, and the folder they are about.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The folder `bootstrap/`.
    pub folder: PathBuf,
    steps: BTreeMap<String, Step>,
}

impl Chain {
    /// Reads `FOLDER/steps/*.toml` and checks that they fit together.
    pub fn load(folder: &Path) -> Result<Self, StepError> {
        let dir = folder.join("steps");
        let read = |source| StepError::Read { path: dir.clone(), source };
        let mut steps = BTreeMap::new();
        for entry in fs::read_dir(&dir).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|source| StepError::Read {
                path: path.clone(),
                source,
            })?;
            let step: Step = toml::from_str(&text).map_err(|source| StepError::Parse {
                path: path.clone(),
                source: Box::new(source),
            })?;
            if path.file_stem().is_none_or(|s| s != step.name.as_str()) {
                return Err(wrong(&step, format!("stands in {}", path.display())));
            }
            steps.insert(step.name.clone(), step);
        }
        let chain = Self {
            folder: folder.to_owned(),
            steps,
        };
        for step in chain.steps.values() {
            chain.check(step)?;
        }
        chain.ordered()?;
        Ok(chain)
    }

    /// The step of this name.
    pub fn step(&self, name: &str) -> Result<&Step, StepError> {
        self.steps.get(name).ok_or_else(|| StepError::Unknown(name.to_owned()))
    }

    /// Every step, each behind those it needs, else in the order of the book.
    pub fn ordered(&self) -> Result<Vec<&Step>, StepError> {
        let mut left: Vec<&Step> = self.steps.values().collect();
        left.sort_by_key(|s| (s.order, &s.name));
        let mut done: Vec<&Step> = Vec::new();
        while !left.is_empty() {
            let ready = left.iter().position(|s| s.inputs.iter().all(|i| done.iter().any(|d| d.name == *i)));
            match (ready, left.first()) {
                (Some(at), _) => done.push(left.remove(at)),
                (None, Some(step)) => return Err(wrong(step, "needs itself, by way of its inputs".into())),
                (None, None) => break,
            }
        }
        Ok(done)
    }

    /// The step and all that it needs, in building order.
    pub fn up_to(&self, name: &str) -> Result<Vec<&Step>, StepError> {
        let mut needed = vec![self.step(name)?.name.clone()];
        let ordered = self.ordered()?;
        for step in ordered.iter().rev() {
            if needed.contains(&step.name) {
                needed.extend(step.inputs.iter().cloned());
            }
        }
        Ok(ordered.into_iter().filter(|s| needed.contains(&s.name)).collect())
    }

    fn check(&self, step: &Step) -> Result<(), StepError> {
        for input in &step.inputs {
            if !self.steps.contains_key(input) {
                return Err(wrong(step, format!("needs {input:?}, which does not exist")));
            }
        }
        if step.shell.iter().any(|s| !step.inputs.contains(s)) {
            return Err(wrong(step, "takes its shell from a step that is none of its inputs".into()));
        }
        let copies = step.copy.iter().map(|c| &c.to);
        let paths = step
            .sources
            .iter()
            .chain(&step.folders)
            .chain(step.output.iter().map(|o| &o.path))
            .chain(step.hex.iter().flat_map(|h| [&h.from, &h.to]))
            .chain(
                step.source
                    .iter()
                    .flat_map(|s| s.keep.iter().chain(&s.drop).chain([&s.to, &s.file])),
            )
            .chain(step.edit.iter().map(|e| &e.file))
            .chain(copies);
        for path in paths {
            if !is_plain(path) {
                return Err(wrong(step, format!("{path:?} is no plain relative path")));
            }
        }
        for run in &step.run {
            let streams = run.stdin.iter().chain(&run.stdout).chain(&run.directory);
            for path in run.argv.first().into_iter().chain(streams).chain(step.copy.iter().map(|c| &c.from)) {
                if !path.strip_prefix('/').is_some_and(is_plain) {
                    return Err(wrong(step, format!("{path:?} is no plain absolute path")));
                }
            }
            let writes = |p: &String| p.starts_with("/out/") || p.starts_with("/work/");
            if run.argv.is_empty() || !run.stdout.iter().all(writes) {
                return Err(wrong(step, "a run needs a program, and writes below /out or /work".into()));
            }
        }
        if step.output.is_empty() {
            return Err(wrong(step, "has no output".into()));
        }
        for other in step.output.iter().filter_map(|o| o.same_as.as_ref()) {
            let known = other
                .split_once('/')
                .is_some_and(|(s, path)| step.inputs.iter().any(|i| i == s) && is_plain(path));
            if !known {
                return Err(wrong(
                    step,
                    format!("makes what must be the same as {other:?}, which is in none of its inputs"),
                ));
            }
        }
        if !step.name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) {
            return Err(wrong(step, "has a name that is no file name".into()));
        }
        Ok(())
    }
}

/// A relative path without empty parts, `.` and `..`.
pub fn is_plain(path: &str) -> bool {
    !path.is_empty() && !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn wrong(step: &Step, what: String) -> StepError {
    StepError::Wrong {
        step: step.name.clone(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(dir: &Path, name: &str, more: &str) {
        let text = format!("name = {name:?}\ntitle = 't'\nwhy = 'w'\norder = 1\n{more}\n[[output]]\npath = 'x'\nsha256 = ''\n");
        fs::create_dir_all(dir.join("steps")).unwrap();
        fs::write(dir.join("steps").join(format!("{name}.toml")), text).unwrap();
    }

    #[test]
    fn steps_stand_behind_what_they_need() {
        let dir = tempfile::tempdir().unwrap();
        step(dir.path(), "a", "inputs = ['c']");
        step(dir.path(), "b", "");
        step(dir.path(), "c", "inputs = ['b']");
        let chain = Chain::load(dir.path()).unwrap();
        let names = |steps: Vec<&Step>| steps.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(chain.ordered().unwrap()), ["b", "c", "a"]);
        assert_eq!(names(chain.up_to("c").unwrap()), ["b", "c"]);
        assert_eq!(chain.up_to("z").unwrap_err().to_string(), "no step \"z\"");
    }

    #[test]
    fn circles_and_paths_that_lead_out_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        step(dir.path(), "a", "inputs = ['a']");
        assert!(Chain::load(dir.path()).unwrap_err().to_string().contains("needs itself"));
        step(dir.path(), "a", "sources = ['../x']");
        assert!(Chain::load(dir.path()).unwrap_err().to_string().contains("no plain relative path"));
        step(dir.path(), "a", "inputs = ['q']");
        assert!(Chain::load(dir.path()).unwrap_err().to_string().contains("does not exist"));
        for twin in ["b/y", "a", "b/../y"] {
            step(dir.path(), "b", "");
            step(
                dir.path(),
                "a",
                &format!("inputs = []\n[[output]]\npath = 'y'\nsha256 = ''\nsame_as = '{twin}'"),
            );
            assert!(
                Chain::load(dir.path()).unwrap_err().to_string().contains("in none of its inputs"),
                "{twin}"
            );
        }
        step(dir.path(), "a", "[[run]]\nargv = ['/in/x']\nstdout = '/in/y'");
        assert!(Chain::load(dir.path()).unwrap_err().to_string().contains("below /out or /work"));
    }
}
