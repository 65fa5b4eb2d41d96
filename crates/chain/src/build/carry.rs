use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sandbox::{Access, Ending, Job, Mount};
use serde_json::json;

use super::{BuildError, Mismatch};
use crate::explain;
use crate::files;
use crate::hexadecimal;
use crate::step::{Chain, Run, Step};
use crate::store::{Made, Record, Store, StoreError, Work};
use crate::tree::{self, Entry, Kind, TreeError};
use crate::unpack;

/// How steps are carried out.
#[derive(Debug, Clone)]
pub struct Builder {
    /// What is built.
    pub chain: Chain,
    /// Where it goes.
    pub store: Store,
    /// The user that steps see themselves as.
    pub user: NonZeroU32,
    /// The user that they are outside, for an engine that root runs.
    pub outside: Option<u32>,
    /// Whether outputs that differ from their pins are taken.
    pub any_output: bool,
    /// Outputs that take the place of steps, which are not carried out.
    pub given: BTreeMap<String, Built>,
}

/// An output that is there.
#[derive(Debug, Clone)]
pub struct Built {
    /// What is known about it.
    pub record: Record,
    /// The folder of the output itself.
    pub out: PathBuf,
    /// Whether it was there before.
    pub cached: bool,
}

/// The most of a program's talk that is repeated.
const SAID: u64 = 2000;

/// What the programs of a step used up.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    /// Time on processors.
    cpu: Duration,
    /// Bytes of the largest process.
    memory: u64,
}

/// Digest of everything that decides what a step makes. What stands in the step for people, its limits and its pins do not.
pub fn key_of(chain: &Chain, step: &Step, inputs: &BTreeMap<String, Built>) -> Result<String, BuildError> {
    key_from(&chain.folder, step, inputs)
}

/// The same with the step's sources below another folder.
fn key_from(folder: &Path, step: &Step, inputs: &BTreeMap<String, Built>) -> Result<String, BuildError> {
    let mut sources = Vec::new();
    for source in &step.sources {
        let path = folder.join(source);
        let digest = tree_digest(&path).map_err(|source| BuildError::Tree {
            step: step.name.clone(),
            source,
        })?;
        sources.push((source, digest));
    }
    let taken: Vec<(&String, Option<&str>)> = step
        .inputs
        .iter()
        .map(|i| (i, inputs.get(i).map(|b| b.record.nar_sha256.as_str())))
        .collect();
    let runs: Vec<_> = step.run.iter().map(|r| (&r.argv, &r.stdin, &r.stdout, &r.directory)).collect();
    let edits: Vec<_> = step.edit.iter().map(|e| (&e.file, &e.find, &e.replace)).collect();
    let copies: Vec<_> = step.copy.iter().map(|c| (&c.from, &c.to)).collect();
    let outputs: Vec<_> = step.output.iter().map(|o| (&o.path, o.run)).collect();
    let all = json!({
        "format": 2, "step": step.name, "sources": sources, "inputs": taken, "runs": runs, "edits": edits, "copies": copies,
        "outputs": outputs, "folders": step.folders,
        "hex": step.hex.as_ref().map(|h| (&h.from, &h.to)),
        "source": step.source.as_ref().map(|s| (&s.sha256, &s.to, &s.keep, &s.drop)), "shell": step.shell,
    });
    Ok(tree::sha256(all.to_string().as_bytes()))
}

/// Digest of names and bytes alone: a checkout's modes say nothing.
fn tree_digest(path: &Path) -> Result<String, TreeError> {
    let mut text = String::new();
    for Entry { path, kind } in tree::list(path)? {
        match kind {
            Kind::File { sha256, .. } => text.push_str(&format!("{} {sha256}\n", path.display())),
            Kind::Link(to) => text.push_str(&format!("{} -> {}\n", path.display(), to.display())),
            Kind::Folder => {}
        }
    }
    Ok(tree::sha256(text.as_bytes()))
}

impl Builder {
    /// Carries out one step whose inputs are there.
    pub fn build(&self, step: &Step, inputs: &BTreeMap<String, Built>) -> Result<Built, BuildError> {
        if let Some(given) = self.given.get(&step.name) {
            return Ok(given.clone());
        }
        let key = key_of(&self.chain, step, inputs)?;
        let _lock = self.store.lock(&key)?;
        let out = self.store.entry(&key, &step.name).join("out");
        if let Some(record) = self.store.find(&key, &step.name)? {
            self.hold_pins(step, &record.outputs, inputs, || Ok(out.clone()))?;
            return Ok(Built { record, out, cached: true });
        }
        let work = self.store.work(&step.name)?;
        let started = Instant::now();
        self.bring_sources(step, inputs, &key, &work)?;
        let used = self.carry_out(step, inputs, &work)?;
        let record = self.take(step, &work, key, started, used)?;
        let mut work = Some(work);
        self.hold_pins(step, &record.outputs, inputs, || match work.take() {
            Some(work) => self.store.keep_failed(work, &step.name),
            None => Ok(out.clone()),
        })?;
        if let Some(work) = work {
            self.store.commit(work, &record)?;
        }
        Ok(Built {
            record,
            out,
            cached: false,
        })
    }

    /// Copies what the step reads below `bootstrap/` to where nobody edits it. What the key was made from is what is used.
    fn bring_sources(&self, step: &Step, inputs: &BTreeMap<String, Built>, key: &str, work: &Work) -> Result<(), BuildError> {
        for source in &step.sources {
            let to = work.src().join(source);
            let copied = fs::create_dir_all(to.parent().unwrap_or(&to)).and_then(|()| files::copy(&self.chain.folder.join(source), &to));
            copied.map_err(|e| file_error(step, &to, e))?;
        }
        if key_from(&work.src(), step, inputs)? == key {
            Ok(())
        } else {
            Err(BuildError::Output {
                step: step.name.clone(),
                what: "its sources changed while it was built".into(),
            })
        }
    }

    fn carry_out(&self, step: &Step, inputs: &BTreeMap<String, Built>, work: &Work) -> Result<Used, BuildError> {
        let out = work.out();
        for folder in &step.folders {
            let path = out.join(folder);
            fs::create_dir_all(&path).map_err(|e| file_error(step, &path, e))?;
        }
        if let Some(hex) = &step.hex {
            let from = work.src().join(&hex.from);
            let text = fs::read_to_string(&from).map_err(|e| file_error(step, &from, e))?;
            let bytes = hexadecimal::bytes(&text).map_err(|line| BuildError::Digits {
                step: step.name.clone(),
                file: hex.from.clone(),
                line,
            })?;
            let to = out.join(&hex.to);
            let written = files::create(&out, &hex.to).and_then(|mut f| f.write_all(&bytes));
            written.map_err(|e| file_error(step, &to, e))?;
        }
        self.unpack(step, &out)?;
        let mut used = Used::default();
        for run in &step.run {
            let more = self.run(step, run, inputs, work)?;
            used.cpu += more.cpu;
            used.memory = used.memory.max(more.memory);
        }
        for copy in &step.copy {
            let (root, rest) = self.outside(step, &copy.from, inputs, work)?;
            let copied = files::below(&root, &rest).and_then(|from| files::copy(&from, &files::below(&out, &copy.to)?));
            copied.map_err(|e| file_error(step, &root.join(&rest), e))?;
        }
        for output in step.output.iter().filter(|o| o.run) {
            files::set_run_bit(&out, &output.path).map_err(|e| file_error(step, &out.join(&output.path), e))?;
        }
        Ok(used)
    }

    fn unpack(&self, step: &Step, out: &Path) -> Result<(), BuildError> {
        let Some(source) = &step.source else { return Ok(()) };
        let path = self.store.fetched(&source.sha256, &source.file);
        if !path.exists() {
            return Err(BuildError::Missing {
                step: step.name.clone(),
                archive: Box::new(source.clone()),
            });
        }
        let found = tree::sha256_file(&path).map_err(|e| file_error(step, &path, e))?;
        if found != source.sha256 {
            return Err(BuildError::Damaged {
                step: step.name.clone(),
                path,
                found,
                wanted: source.sha256.clone(),
            });
        }
        let failed = |source| BuildError::Unpack {
            step: step.name.clone(),
            source,
        };
        let to = out.join(&source.to);
        unpack::unpack(source, &path, &to).map_err(failed)?;
        step.edit.iter().try_for_each(|e| unpack::edit(e, &to)).map_err(failed)
    }

    fn run(&self, step: &Step, run: &Run, inputs: &BTreeMap<String, Built>, work: &Work) -> Result<Used, BuildError> {
        let out = work.out();
        let stream = |path: &Option<String>, make: fn(&Path, &str) -> io::Result<File>| -> Result<Option<File>, BuildError> {
            let Some(path) = path else { return Ok(None) };
            let (root, rest) = self.outside(step, path, inputs, work)?;
            let file = make(&root, &rest).map_err(|e| file_error(step, &root.join(&rest), e))?;
            Ok(Some(file))
        };
        let stdin = stream(&run.stdin, files::open)?;
        let stdout = stream(&run.stdout, files::create)?;
        let log = work.log();
        let stderr = File::create(&log).map_err(|e| file_error(step, &log, e))?;
        let stdout = match stdout {
            Some(file) => file,
            None => stderr.try_clone().map_err(|e| file_error(step, &log, e))?,
        };
        let program = run.argv.first().cloned().unwrap_or_default();
        for (inside, root) in [("/out/", &out), ("/work/", &work.room())] {
            if let Some(path) = program.strip_prefix(inside) {
                // A program that was just made and is used in the same step.
                files::set_run_bit(root, path).map_err(|e| file_error(step, &root.join(path), e))?;
            }
            if let Some(user) = self.outside {
                files::give(root, user).map_err(|e| file_error(step, root, e))?;
            }
        }
        let job = Job {
            argv: run.argv.clone(),
            environment: environment(),
            mounts: mounts(step, inputs, work),
            root: work.root(),
            directory: run.directory.clone().unwrap_or_else(|| "/out".into()),
            user: self.user,
            outside: self.outside,
            stdin,
            stdout: Some(stdout),
            stderr,
            limits: sandbox::Limits {
                memory: step.limits.memory_mib << 20,
                processes: step.limits.processes,
                files: step.limits.files,
                file_size: step.limits.file_mib << 20,
                scratch: step.limits.file_mib << 20,
                time: Duration::from_secs(step.limits.seconds),
            },
        };
        let outcome = sandbox::run(job).map_err(|source| BuildError::Sandbox {
            step: step.name.clone(),
            program: program.clone(),
            source,
        })?;
        let ending = match outcome.ending {
            Ending::Code(0) => {
                return Ok(Used {
                    cpu: outcome.cpu,
                    memory: outcome.memory,
                });
            }
            Ending::Code(code) => format!("ended with code {code}"),
            Ending::Signal(signal) => format!("was ended by signal {signal}"),
            Ending::TimedOut => format!("took longer than {} s and was killed", step.limits.seconds),
        };
        Err(BuildError::Failed {
            step: step.name.clone(),
            program,
            ending,
            said: self.said(step, &log),
        })
    }

    /// The end of what a program said, in words; all of it is kept if there is more. What cannot be read was not said.
    fn said(&self, step: &Step, log: &Path) -> String {
        let mut end = Vec::new();
        let mut long = false;
        let _ = File::open(log).and_then(|mut f| {
            let size = f.metadata()?.len();
            long = size > SAID;
            f.seek(SeekFrom::Start(size.saturating_sub(SAID)))?;
            f.take(SAID).read_to_end(&mut end)
        });
        let end = String::from_utf8_lossy(&end).trim().to_owned();
        match self.store.keep_log(log, &step.name) {
            Ok(kept) if long => format!(" and said, in the end: {end}\nall that it said is in {}", kept.display()),
            _ if end.is_empty() => end,
            _ => format!(" and said: {end}"),
        }
    }

    /// Where a path inside is outside: a folder, and the way from there.
    fn outside(&self, step: &Step, path: &str, inputs: &BTreeMap<String, Built>, work: &Work) -> Result<(PathBuf, String), BuildError> {
        let found = mounts(step, inputs, work).into_iter().find_map(|m| {
            let rest = path.strip_prefix(&m.inside)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (m.outside, rest.trim_start_matches('/').to_owned()))
        });
        found.ok_or_else(|| BuildError::Output {
            step: step.name.clone(),
            what: format!("{path} is neither a source nor an input nor below /out or /work"),
        })
    }

    /// Makes the output what it is everywhere, and notes what came out.
    fn take(&self, step: &Step, work: &Work, key: String, started: Instant, used: Used) -> Result<Record, BuildError> {
        let out = work.out();
        let failed = |source| BuildError::Tree {
            step: step.name.clone(),
            source,
        };
        tree::normalise(&out).map_err(failed)?;
        let disk = files::disk(work.all()).map_err(|e| file_error(step, work.all(), e))?;
        let entries = tree::list(&out).map_err(failed)?;
        for entry in entries.iter().filter(|e| e.kind != Kind::Folder) {
            if !step.output.iter().any(|o| entry.path.starts_with(&o.path)) {
                return Err(BuildError::Output {
                    step: step.name.clone(),
                    what: format!("it made {}, which is not declared as output", entry.path.display()),
                });
            }
        }
        let mut outputs = Vec::new();
        for output in &step.output {
            if !entries.iter().any(|e| e.path == Path::new(&output.path)) {
                return Err(BuildError::Output {
                    step: step.name.clone(),
                    what: format!("it did not make {}", output.path),
                });
            }
            outputs.push(Made {
                path: output.path.clone(),
                sha256: tree::pin(&out.join(&output.path)).map_err(failed)?,
                bytes: bytes_below(&entries, &output.path),
            });
        }
        Ok(Record {
            step: step.name.clone(),
            key,
            nar_sha256: tree::nar_sha256(&out).map_err(failed)?,
            bytes: bytes_below(&entries, ""),
            finished: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            seconds: started.elapsed().as_secs_f64(),
            cpu_seconds: used.cpu.as_secs_f64(),
            max_rss: used.memory,
            disk,
            outputs,
        })
    }

    /// Compares with the pins; `tree` says where the output is to be looked at if it does not hold them.
    fn hold_pins(
        &self,
        step: &Step,
        made: &[Made],
        inputs: &BTreeMap<String, Built>,
        mut tree: impl FnMut() -> Result<PathBuf, StoreError>,
    ) -> Result<(), BuildError> {
        for (output, made) in step.output.iter().zip(made) {
            if let Some(other) = &output.same_as {
                let twin = twin(other, inputs).ok_or_else(|| BuildError::Output {
                    step: step.name.clone(),
                    what: format!("{} must be the same as {other}, which is not there", output.path),
                })?;
                let digest = tree::pin(&twin).map_err(|source| BuildError::Tree {
                    step: step.name.clone(),
                    source,
                })?;
                if digest != made.sha256 {
                    let kept = tree()?;
                    return Err(BuildError::Output {
                        step: step.name.clone(),
                        what: format!(
                            "{} is not the same as {other}: {}; it is kept in {}",
                            output.path,
                            explain::difference(&twin, &kept.join(&output.path)),
                            kept.display()
                        ),
                    });
                }
            }
            if output.sha256 == made.sha256 || self.any_output {
                continue;
            }
            let kept = tree()?;
            let good = self.store.outputs_of(&step.name).into_iter().find_map(|(entry, record)| {
                let held = record.outputs.iter().any(|o| o.path == made.path && o.sha256 == output.sha256);
                held.then(|| entry.join("out").join(&made.path))
            });
            let difference = good.map(|good| format!("; from {}: {}", good.display(), explain::difference(&good, &kept.join(&made.path))));
            let nothing = || "nothing".to_owned();
            return Err(BuildError::Pin {
                step: step.name.clone(),
                mismatch: Box::new(Mismatch {
                    path: made.path.clone(),
                    found: made.sha256.clone(),
                    pinned: Some(output.sha256.clone()).filter(|p| !p.is_empty()).unwrap_or_else(nothing),
                    kept,
                    difference: difference.unwrap_or_default(),
                }),
            });
        }
        Ok(())
    }
}

/// Where what an output must equal is, if it is there.
fn twin(other: &str, inputs: &BTreeMap<String, Built>) -> Option<PathBuf> {
    let (step, path) = other.split_once('/')?;
    let path = inputs.get(step)?.out.join(path);
    fs::symlink_metadata(&path).is_ok().then_some(path)
}

/// The same everywhere: no search path, no locale, no zone, no home.
fn environment() -> Vec<(String, String)> {
    [
        ("PATH", "/none"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
        ("HOME", "/tmp"),
        ("SOURCE_DATE_EPOCH", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn bytes_below(entries: &[Entry], path: &str) -> u64 {
    entries
        .iter()
        .filter(|e| path.is_empty() || e.path.starts_with(path))
        .map(|e| if let Kind::File { size, .. } = &e.kind { *size } else { 0 })
        .sum()
}

/// What a step sees.
fn mounts(step: &Step, inputs: &BTreeMap<String, Built>, work: &Work) -> Vec<Mount> {
    let sources = step.sources.iter().map(|s| Mount {
        outside: work.src().join(s),
        inside: format!("/src/{s}"),
        access: Access::Read,
    });
    let shell = step.shell.iter().filter_map(|s| {
        Some(Mount {
            outside: inputs.get(s)?.out.join("bin"),
            inside: "/bin".into(),
            access: Access::Read,
        })
    });
    let null = step.shell.iter().map(|_| Mount {
        outside: "/dev/null".into(),
        inside: "/dev/null".into(),
        access: Access::Null,
    });
    let inputs = step.inputs.iter().filter_map(|i| {
        Some(Mount {
            outside: inputs.get(i)?.out.clone(),
            inside: format!("/in/{i}"),
            access: Access::Read,
        })
    });
    let written = [("/out", work.out()), ("/work", work.room())].map(|(inside, outside)| Mount {
        outside,
        inside: inside.into(),
        access: Access::Write,
    });
    sources.chain(inputs).chain(shell).chain(null).chain(written).collect()
}

fn file_error(step: &Step, path: &Path, source: std::io::Error) -> BuildError {
    BuildError::File {
        step: step.name.clone(),
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_is_what_is_used_or_nothing_is_built() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("steps")).unwrap();
        fs::write(dir.path().join("a.c"), "before").unwrap();
        let text = "name = 'a'\ntitle = 't'\nwhy = 'w'\norder = 1\nsources = ['a.c']\n[[output]]\npath = 'x'\nsha256 = ''\n";
        fs::write(dir.path().join("steps/a.toml"), text).unwrap();
        let builder = Builder {
            chain: Chain::load(dir.path()).unwrap(),
            store: Store::open(&dir.path().join("store")).unwrap(),
            user: NonZeroU32::MIN,
            outside: None,
            any_output: false,
            given: BTreeMap::new(),
        };
        let step = builder.chain.step("a").unwrap();
        let inputs = BTreeMap::new();
        let key = key_of(&builder.chain, step, &inputs).unwrap();
        let work = builder.store.work("a").unwrap();
        builder.bring_sources(step, &inputs, &key, &work).unwrap();
        assert_eq!(fs::read_to_string(work.src().join("a.c")).unwrap(), "before");
        // Edited between the hash and the copy.
        fs::write(dir.path().join("a.c"), "behind").unwrap();
        let work = builder.store.work("a").unwrap();
        let said = builder.bring_sources(step, &inputs, &key, &work).unwrap_err().to_string();
        assert_eq!(said, "step a: its sources changed while it was built");
    }
}
