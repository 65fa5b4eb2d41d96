//! The stages as a folder that needs no engine: sources, empty places for what comes out, and one script in two spellings, for a POSIX
//! shell and for the chain's own runner (`bootstrap/amd64/runner.hex0`).
//!
//! What the engine does in a step (unpack, edit, copy, set run bits) is done when the folder is written; what is left to do in it is to
//! start programs. The only program in it is the seed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::build::Built;
use crate::files;
use crate::step::{Chain, Run, Step, StepError};
use crate::tree::{self, Kind, TreeError};

/// The last step that can be repeated so: what comes behind it needs more than starting programs.
pub const LAST: &str = "tcc";
/// Sources of ours beside those of steps.
const MORE: [&str; 2] = ["amd64/runner.hex0", "export/sha256.c"];
/// How the chain's tcc makes the program that compares digests.
const CHECKER: &str = "/in/tcc/tcc -nostdlib -nostdinc -static -o /check -I/src/libc/include /src/libc/amd64.S /src/libc/string.c /src/libc/system.c \
                       /src/libc/memory.c /src/libc/number.c /src/libc/stdio.c /in/tcc-source/tcc/lib/libtcc1.c /in/tcc-source/tcc/lib/va_list.c \
                       /src/export/sha256.c";

const README: &str = "\
This folder repeats the first stages of Firn's chain, from a seed of a few hundred
bytes to a C compiler, with nothing but what is in it. It is the root of a file
system of its own: programs look for their files in /src and /in.

in/seed/seed        the seed: the one program that is here at the beginning
src                 the sources that were written for the chain
in/tcc-source       the sources of tcc, unpacked and edited
run.sh              the commands, for a POSIX shell that needs no other program
script              the same commands, for the runner of the chain
SHA256SUMS          what must come out

With a shell: put a static one here (as sh), then, as root,

    chroot . /sh /run.sh

Without: the seed makes the runner, the runner does the rest.

    chroot . /in/seed/seed < src/amd64/runner.hex0 > runner
    chroot . /runner < script

Who is not root writes `unshare -r --root=.` instead of `chroot .`.

At the end a program that the new compiler has compiled (src/export/sha256.c)
compares what came out with SHA256SUMS. `sha256sum -c SHA256SUMS` does the same
from outside. The digests are those that `firn-chain build` pins.
";

/// Why there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The steps are wrong.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A step does what neither a shell alone nor the runner can.
    #[error("step {step} cannot be repeated without the engine: {what}")]
    Unfit {
        /// Which.
        step: String,
        /// What it does.
        what: String,
    },
    /// The folder is there.
    #[error("{0} is not empty")]
    There(PathBuf),
    /// A file cannot be read or written.
    #[error("write {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An output cannot be looked through.
    #[error("look through what was built")]
    Tree(#[from] TreeError),
}

/// Writes the folder. Every step up to [`LAST`] is in `built`.
pub fn script(chain: &Chain, built: &BTreeMap<String, Built>, out: &Path) -> Result<(), ExportError> {
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ExportError::There(out.to_owned()));
    }
    let (mut lines, mut sums): (Vec<String>, String) = (Vec::new(), String::new());
    for step in chain.up_to(LAST)? {
        let Some(made) = built.get(&step.name) else {
            return Err(StepError::Unknown(step.name.clone()).into());
        };
        for source in &step.sources {
            copy(&chain.folder.join(source), &out.join("src").join(source))?;
        }
        if step.source.is_some() || step.hex.is_some() {
            if !step.run.is_empty() {
                return Err(unfit(step, "it unpacks and runs programs in one step".into()));
            }
            copy(&made.out, &out.join("in").join(&step.name))?;
            continue;
        }
        places(step, chain, built, out)?;
        lines.push(format!("# {}: {}", step.name, step.title));
        for run in &step.run {
            lines.push(line(step, run)?);
        }
        for entry in tree::list(&made.out)? {
            if let Kind::File { sha256, .. } = entry.kind {
                sums += &format!("{sha256}  in/{}/{}\n", step.name, entry.path.display());
            }
        }
    }
    for source in MORE {
        copy(&chain.folder.join(source), &out.join("src").join(source))?;
    }
    lines.push("# is it what it must be?".into());
    lines.push(CHECKER.into());
    lines.push("/check /SHA256SUMS".into());
    let plain: String = lines.iter().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    let shell: String = lines.iter().map(|l| shell(l)).collect();
    for (name, text) in [
        ("README", README),
        ("script", &plain),
        ("run.sh", &format!("#!/sh\nset -e\n{shell}")),
        ("SHA256SUMS", &sums),
        ("runner", ""),
    ] {
        let path = out.join(name);
        fs::write(&path, text).map_err(|e| io_error(&path, e))?;
    }
    let runner = out.join("runner");
    fs::set_permissions(&runner, Permissions::from_mode(0o755)).map_err(|e| io_error(&runner, e))
}

/// Empty files that can be run where programs will be written, folders, and what the engine would copy.
fn places(step: &Step, chain: &Chain, built: &BTreeMap<String, Built>, out: &Path) -> Result<(), ExportError> {
    let own = out.join("in").join(&step.name);
    let work = out.join("work").join(&step.name);
    for folder in step.folders.iter().map(|f| own.join(f)).chain([own.clone(), work]) {
        fs::create_dir_all(&folder).map_err(|e| io_error(&folder, e))?;
    }
    for output in step.output.iter().filter(|o| o.run) {
        let path = own.join(&output.path);
        let made = fs::write(&path, "").and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)));
        made.map_err(|e| io_error(&path, e))?;
    }
    for wanted in &step.copy {
        let from = wanted.from.strip_prefix("/in/").and_then(|p| p.split_once('/'));
        let Some((source, rest)) = from.filter(|(s, _)| chain.step(s).is_ok_and(|s| s.source.is_some())) else {
            return Err(unfit(step, format!("it copies {}, which a step makes", wanted.from)));
        };
        if let Some(source) = built.get(source) {
            copy(&source.out.join(rest), &own.join(&wanted.to))?;
        }
    }
    Ok(())
}

/// A command as the runner reads it: paths of this step's output and work are those that later steps see.
fn line(step: &Step, run: &Run) -> Result<String, ExportError> {
    if run.directory.is_some() {
        return Err(unfit(step, "it starts a program in a folder of its own".into()));
    }
    let place = |word: &str| {
        let word = word.replace("/out/", &format!("/in/{}/", step.name));
        word.replace("/work/", &format!("/work/{}/", step.name))
    };
    let mut words: Vec<String> = run.argv.iter().map(|w| place(w)).collect();
    words.extend(run.stdin.iter().map(|p| format!("<{}", place(p))));
    words.extend(run.stdout.iter().map(|p| format!(">{}", place(p))));
    let plain = words
        .iter()
        .take(run.argv.len())
        .all(|w| !w.is_empty() && !w.starts_with(['<', '>']) && !w.contains(char::is_whitespace));
    if plain {
        Ok(words.join(" "))
    } else {
        Err(unfit(
            step,
            "a word of a command is empty, has white space in it, or begins with < or >".into(),
        ))
    }
}

/// The same for a shell: what it would read otherwise stands in quotes.
fn shell(line: &str) -> String {
    if let Some(comment) = line.strip_prefix("# ") {
        return format!("\necho '{}'\n", comment.replace('\'', "'\\''"));
    }
    let words = line.split(' ').filter(|w| !w.is_empty()).map(|word| {
        let safe = |c: char| c.is_ascii_alphanumeric() || "/.-_=+,:@%".contains(c);
        let (sign, rest) = match word.strip_prefix(['<', '>']) {
            Some(rest) => (word.get(..1).unwrap_or_default(), rest),
            None => ("", word),
        };
        if rest.chars().all(safe) {
            format!("{sign}{rest}")
        } else {
            format!("{sign}'{}'", rest.replace('\'', "'\\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ") + "\n"
}

fn copy(from: &Path, to: &Path) -> Result<(), ExportError> {
    if to.exists() && to.is_file() {
        // Another step's source, too.
        return Ok(());
    }
    if from.is_dir() {
        let entries = fs::read_dir(from).map_err(|e| io_error(from, e))?;
        for entry in entries {
            let name = entry.map_err(|e| io_error(from, e))?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    let made = fs::create_dir_all(to.parent().unwrap_or(to)).and_then(|()| files::copy(from, to));
    made.map_err(|e| io_error(to, e))
}

fn unfit(step: &Step, what: String) -> ExportError {
    ExportError::Unfit {
        step: step.name.clone(),
        what,
    }
}

fn io_error(path: &Path, source: io::Error) -> ExportError {
    ExportError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_read_the_words_that_the_runner_reads() {
        assert_eq!(shell("/a -DX=\"1\" -D{B} <in >out"), "/a '-DX=\"1\"' '-D{B}' <in >out\n");
        assert_eq!(shell("/a it's"), "/a 'it'\\''s'\n");
        assert_eq!(shell("# tcc: it's there"), "\necho 'tcc: it'\\''s there'\n");
    }
}
