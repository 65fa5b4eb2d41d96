//! Package sets: a channel's list, an evaluation, the derivations it names, joined by attribute.

mod kind;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::thread;

use nix_model::{Derivation, StorePath};
use sha2::{Digest as _, Sha256};
use vuln::package::{self, Package};
use vuln::problem::Problem;

use super::bounds::{Bounds, Exceeded};
use super::compression::plain_name;
use super::open::{self, Opened};
use super::plan::{file_name, is_lines};
use super::records::chain;
use super::{Ingest, IngestError, Report};
use crate::config::now;
use crate::document::{Digest, Packer};
use crate::progress::Phase;
use crate::store::taking::{Document, Incoming, PackageSet, TakenFile};
use kind::Kind;

/// A list is one document; the largest has 50 MB.
const BOUNDS: Bounds = Bounds {
    entries: 1,
    document: 1 << 30,
    total: 8 << 30,
    ratio: 200,
};

/// The longest line of an evaluation.
const MAX_LINE: u64 = 16 << 20;

/// The largest derivation. Real ones stay below 1 MB.
const MAX_DERIVATION: u64 = 16 << 20;

const STORE: &str = "/nix/store";

/// The files of one package set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Parts {
    /// Named like the channel, where it is a folder.
    root: PathBuf,
    list: Option<PathBuf>,
    evaluation: Option<PathBuf>,
    derivations: Option<PathBuf>,
    revision: Option<PathBuf>,
}

impl Ingest<'_> {
    /// Takes one package set, or a folder of them. `etag` is what its server calls this version of it.
    pub fn nixpkgs(self, path: &Path, channel: Option<&str>, etag: Option<String>) -> Result<Report, IngestError> {
        let shown = || path.display().to_string();
        let sets = sets(path).map_err(|source| IngestError::Read { path: shown(), source })?;
        if sets.is_empty() {
            return Err(IngestError::NoFiles {
                path: shown(),
                wanted: "a package list (packages.json[.br], nix-env -qaP --json) or lines of nix-eval-jobs",
            });
        }
        if channel.is_some() && sets.len() > 1 {
            return Err(IngestError::ManyChannels {
                path: shown(),
                count: sets.len(),
            });
        }
        let mut report = Report::default();
        for parts in &sets {
            let name = match channel {
                Some(name) => name.to_owned(),
                None if fs::metadata(path).is_ok_and(|m| m.is_dir()) => file_name(&parts.root),
                None => return Err(IngestError::NoChannel { path: shown() }),
            };
            check_name(&name)?;
            report.merge(self.package_set(parts, &name, etag.clone())?);
        }
        Ok(report)
    }

    fn package_set(self, parts: &Parts, channel: &str, etag: Option<String>) -> Result<Report, IngestError> {
        let source = format!("nixpkgs/{channel}");
        self.begins(&source)?;
        self.progress.begin(Phase::Ingesting, &source, None);
        let report = match self.package_set_files(parts, channel, &source, etag) {
            Ok(report) => report,
            Err(Failed::Store(e)) => {
                self.progress.abandon();
                return Err(IngestError::Store(e));
            }
            Err(Failed::Read(why)) => {
                self.progress.say(&why);
                Report {
                    failures: vec![why],
                    ..Report::default()
                }
            }
        };
        if report.files > 0 {
            self.progress.finish()
        } else {
            self.progress.abandon()
        }
        self.ends(&source, &report)?;
        Ok(report)
    }

    fn package_set_files(self, parts: &Parts, channel: &str, source: &str, etag: Option<String>) -> Result<Report, Failed> {
        // One name whatever the folder is called: a channel has one current set.
        let url = format!("channels/{channel}");
        let (sha256, size) = parts.digest()?;
        if self.store.was_taken(source, sha256)? {
            return Ok(Report {
                known: 1,
                ..Report::default()
            });
        }
        self.make_room()?;
        let mut trouble = Trouble {
            url: url.clone(),
            incoming: Vec::new(),
        };
        let mut packages = parts.read(&mut trouble)?;
        if packages.is_empty() {
            return Err(Failed::Read(format!("find any package in {}", parts.root.display())));
        }
        let with_derivation = parts.enrich(&mut packages, &mut trouble);
        self.store.forget_problems("nixpkgs", &url)?;
        for batch in trouble.incoming.chunks(4000) {
            self.store.take(batch, now())?;
        }
        let revision = parts.revision(&sha256);
        let set = PackageSet {
            channel: channel.to_owned(),
            revision,
            packages,
            with_derivation,
        };
        let stored = self.store.take_package_set(&set, now())?;
        self.progress.add(stored.packages);
        let report = Report {
            files: 1,
            seen: stored.packages,
            changed: stored.new_packages,
            problems: trouble.incoming.len() as u64,
            ..Report::default()
        };
        let taken = TakenFile {
            source: source.to_owned(),
            url,
            sha256,
            size,
            data_date: None,
            etag,
            records: report.seen,
            changed: report.changed,
            problems: report.problems,
            took_ms: Some(self.progress.elapsed_ms()),
        };
        self.store.file_taken(&taken, now())?;
        Ok(report)
    }
}

impl Parts {
    /// Of all files; derivations are named by a hash of their contents, so that their names will do.
    fn digest(&self) -> Result<(Digest, u64), Failed> {
        let (mut hash, mut size) = (Sha256::new(), 0);
        for path in [&self.list, &self.evaluation, &self.revision].into_iter().flatten() {
            let (digest, len) = fs::File::open(path)
                .and_then(|mut f| Digest::of_reader(&mut f))
                .map_err(|e| unreadable(path, &e))?;
            hash.update(digest.0);
            size += len;
        }
        if let Some(dir) = &self.derivations {
            let names = fs::read_dir(dir).and_then(|entries| entries.map(|e| Ok(e?.file_name())).collect::<io::Result<Vec<_>>>());
            let mut names = names.map_err(|e| unreadable(dir, &e))?;
            names.sort();
            for name in names {
                hash.update(name.as_encoded_bytes());
                hash.update([0]);
            }
        }
        Ok((Digest(hash.finalize().into()), size))
    }

    /// The packages by attribute, from the list, the evaluation, or both.
    fn read(&self, trouble: &mut Trouble) -> Result<Vec<Package>, Failed> {
        let mut packages = BTreeMap::new();
        if let Some(path) = &self.list {
            let bytes = open::read(path, BOUNDS).map_err(|e| unreadable(path, &e))?;
            let problems = package::list::read(&bytes, |package| {
                packages.insert(package.attr.clone(), package);
            });
            trouble.list(&file_name(path), &bytes, problems)?;
        }
        if let Some(path) = &self.evaluation {
            let reader = match open::open(path, BOUNDS).map_err(|e| unreadable(path, &e))? {
                Opened::Plain(reader) => reader,
                Opened::Archive(_) => return Err(Failed::Read(format!("read {}: an archive, not lines of JSON", path.display()))),
            };
            let name = file_name(path);
            lines(reader, |number, line| match line {
                Err(exceeded) => trouble.refuse(format!("{name}!{number}"), Problem::new("", exceeded.to_string())),
                Ok(line) => match package::eval::read(line) {
                    Ok((evaluated, problems)) => {
                        for problem in problems {
                            trouble.refuse(format!("{name}!{}", problem.at), problem);
                        }
                        let attr = evaluated.attr.clone();
                        let joined = match packages.remove(&attr) {
                            Some(listed) => package::join(listed, evaluated),
                            None => evaluated,
                        };
                        packages.insert(attr, joined);
                    }
                    Err(problem) => trouble.unreadable(format!("{name}!{number}"), line.as_bytes(), problem),
                },
            })
            .map_err(|e| unreadable(path, &e))?;
        }
        Ok(packages.into_values().collect())
    }

    /// Adds what only derivations know; answers how many were read.
    fn enrich(&self, packages: &mut [Package], trouble: &mut Trouble) -> u64 {
        let folders: Vec<PathBuf> = self
            .derivations
            .iter()
            .cloned()
            .chain(Path::new(STORE).is_dir().then(|| STORE.into()))
            .collect();
        // Without a folder of them, derivations are looked for only where an evaluation names them: lists name those of a build farm.
        if folders.is_empty() || (self.derivations.is_none() && self.evaluation.is_none()) {
            return 0;
        }
        let share = packages
            .len()
            .div_ceil(thread::available_parallelism().map_or(2, usize::from).clamp(1, 8))
            .max(1);
        let parts = thread::scope(|scope| {
            let threads: Vec<_> = packages
                .chunks_mut(share)
                .map(|part| scope.spawn(|| enrich(part, &folders)))
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        let mut read = 0;
        for (count, problems) in parts {
            read += count;
            for (key, problem) in problems {
                trouble.refuse(key, problem);
            }
        }
        read
    }

    /// The commit, where a file beside the list names it.
    fn revision(&self, sha256: &Digest) -> String {
        let text = self
            .revision
            .as_ref()
            .and_then(|path| fs::read_to_string(path).ok())
            .unwrap_or_default();
        let text = text.trim();
        let is_commit = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_commit {
            text.to_owned()
        } else {
            format!("sha256:{}", sha256.to_string().get(..16).unwrap_or_default())
        }
    }
}

/// What was wrong with a package set, on its way to the store.
struct Trouble {
    url: String,
    incoming: Vec<Incoming>,
}

impl Trouble {
    fn refuse(&mut self, key: String, problem: Problem) {
        self.incoming.push(Incoming::Refused {
            source: "nixpkgs",
            key: format!("{}!{key}", self.url),
            problem,
        });
    }

    fn unreadable(&mut self, key: String, bytes: &[u8], problem: Problem) {
        match self.document(&key, bytes) {
            Ok(document) => self.incoming.push(Incoming::Unreadable { document, problem }),
            Err(_) => self.refuse(key, problem),
        }
    }

    /// A list with problems is kept as it came, each problem beside it.
    fn list(&mut self, name: &str, bytes: &[u8], problems: Vec<Problem>) -> Result<(), Failed> {
        let mut problems = problems.into_iter();
        if let Some(first) = problems.next() {
            self.unreadable(name.to_owned(), bytes, first);
        }
        for problem in problems {
            self.refuse(format!("{name}!{}", problem.at), problem);
        }
        Ok(())
    }

    fn document(&self, key: &str, bytes: &[u8]) -> io::Result<Document> {
        let url = format!("{}!{key}", self.url);
        Ok(Document {
            source: "nixpkgs",
            key: url.clone(),
            url,
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
            packed: Packer::new()?.pack(bytes)?,
        })
    }
}

enum Failed {
    Read(String),
    Store(crate::store::StoreError),
}

impl From<crate::store::StoreError> for Failed {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error)
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Failed {
    Failed::Read(format!("read {}: {}", path.display(), chain(error)))
}

fn enrich(packages: &mut [Package], folders: &[PathBuf]) -> (u64, Vec<(String, Problem)>) {
    let (mut read, mut problems) = (0, Vec::new());
    let mut bytes = Vec::new();
    for package in packages {
        let Some(path) = package.drv_path.as_deref().and_then(|path| path.parse::<StorePath>().ok()) else {
            continue;
        };
        if !derivation_bytes(&path, folders, &mut bytes) {
            continue;
        }
        match Derivation::parse(&bytes) {
            Ok(derivation) => {
                let mut input = |path: &StorePath| input(path, folders);
                let found = package::derivation::enrich(package, &derivation, &mut input);
                problems.extend(
                    found
                        .into_iter()
                        .map(|problem| (format!("{}!{}", package.attr, problem.at), problem)),
                );
                read += 1;
            }
            Err(e) => problems.push((format!("{}!drv", package.attr), Problem::new("", chain(&e)))),
        }
    }
    (read, problems)
}

fn input(path: &StorePath, folders: &[PathBuf]) -> Option<Derivation<'static>> {
    let mut bytes = Vec::new();
    derivation_bytes(path, folders, &mut bytes).then_some(())?;
    Some(Derivation::parse(&bytes).ok()?.into_owned())
}

/// Reads a derivation from the first folder that has it.
fn derivation_bytes(path: &StorePath, folders: &[PathBuf], bytes: &mut Vec<u8>) -> bool {
    let base = path.to_string();
    let Some(base) = base.rsplit('/').next() else { return false };
    folders.iter().any(|folder| {
        bytes.clear();
        let Ok(file) = fs::File::open(folder.join(base)) else {
            return false;
        };
        file.take(MAX_DERIVATION).read_to_end(bytes).is_ok()
    })
}

/// Hands over the lines of a file with their numbers; lines that are too long are stepped over.
fn lines(reader: impl Read, mut each: impl FnMut(u64, Result<&str, Exceeded>)) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, reader);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if (&mut reader).take(MAX_LINE + 1).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE && line.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
            each(number, Err(Exceeded::Size { limit: MAX_LINE }));
        } else if !line.trim_ascii().is_empty() {
            each(number, Ok(&String::from_utf8_lossy(line.trim_ascii())));
        }
    }
    Ok(())
}

/// The package sets that a path holds.
fn sets(path: &Path) -> io::Result<Vec<Parts>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![file_parts(path)?]);
    }
    if let Some(parts) = named_parts(path) {
        return Ok(vec![parts]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            let dir = entry.path();
            found.extend(match named_parts(&dir) {
                None => sniffed_parts(&dir)?,
                named => named,
            });
        }
    }
    // A folder of sets may have a file of its own that looks like one.
    if found.is_empty() {
        found.extend(sniffed_parts(path)?);
    }
    found.sort_by(|a, b| a.root.cmp(&b.root));
    Ok(found)
}

/// A folder with files named as channels and mirrors name them.
fn named_parts(dir: &Path) -> Option<Parts> {
    let file = |stem: &str| {
        ["", ".br", ".gz", ".zst", ".xz"]
            .into_iter()
            .map(|ending| dir.join(format!("{stem}{ending}")))
            .find(|path| path.is_file())
    };
    // Channels have it in brotli, and what is unpacked beside it may be older.
    let list = file("packages.json.br").or_else(|| file("packages.json"));
    let evaluation = file("eval-jobs.jsonl");
    (list.is_some() || evaluation.is_some()).then(|| folder_parts(dir, list, evaluation))
}

/// A folder with files of any other name, of each form the first by name.
fn sniffed_parts(dir: &Path) -> io::Result<Option<Parts>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let plain = plain_name(&entry.file_name().to_string_lossy());
        if entry.file_type()?.is_file() && (plain.ends_with(".json") || is_lines(&plain)) {
            files.push(entry.path());
        }
    }
    files.sort();
    let (mut list, mut evaluation) = (None, None);
    for file in files {
        // One that cannot be read is none of ours here: the others may be.
        match kind::of_file(&file) {
            Ok(Some(Kind::List)) if list.is_none() => list = Some(file),
            Ok(Some(Kind::Evaluation)) if evaluation.is_none() => evaluation = Some(file),
            _ => {}
        }
    }
    Ok((list.is_some() || evaluation.is_some()).then(|| folder_parts(dir, list, evaluation)))
}

fn folder_parts(dir: &Path, list: Option<PathBuf>, evaluation: Option<PathBuf>) -> Parts {
    Parts {
        root: dir.to_owned(),
        list,
        evaluation,
        derivations: Some(dir.join("drvs")).filter(|path| path.is_dir()),
        revision: Some(dir.join("git-revision")).filter(|path| path.is_file()),
    }
}

/// A file alone: an evaluation has its derivations beside it; what is neither is read as a list, which says what is wrong with it.
fn file_parts(path: &Path) -> io::Result<Parts> {
    let beside = |name: &str| path.parent().map(|dir| dir.join(name));
    let parts = Parts {
        root: path.to_owned(),
        revision: beside("git-revision").filter(|path| path.is_file()),
        ..Parts::default()
    };
    let kind = match kind::of_file(path) {
        // It is read again, and then the error says of which file it is.
        Err(e) if e.kind() != io::ErrorKind::NotFound => None,
        kind => kind?,
    };
    let is_evaluation = kind == Some(Kind::Evaluation) || kind.is_none() && is_lines(&plain_name(&file_name(path)));
    Ok(if is_evaluation {
        Parts {
            evaluation: Some(path.to_owned()),
            derivations: beside("drvs").filter(|path| path.is_dir()),
            ..parts
        }
    } else {
        Parts {
            list: Some(path.to_owned()),
            ..parts
        }
    })
}

/// Whether a text can be the name of a channel: names are parts of addresses and file names.
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= 100 && name.bytes().all(plain) && !name.starts_with('.')
}

fn check_name(name: &str) -> Result<(), IngestError> {
    if is_name(name) {
        return Ok(());
    }
    Err(IngestError::ChannelName { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_channels() {
        for good in ["nixos-unstable", "nixos-20.09pre", "my_overlay"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".x", "a/b", "a b", "ä", "a\n"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn long_lines_are_stepped_over() {
        let text = format!("one\n{}\n\nthree", "x".repeat(MAX_LINE as usize + 10));
        let mut seen = Vec::new();
        lines(text.as_bytes(), |number, line| seen.push((number, line.map(str::to_owned).ok()))).unwrap();
        assert_eq!(seen, [(1, Some("one".to_owned())), (2, None), (4, Some("three".to_owned()))]);
    }
}
