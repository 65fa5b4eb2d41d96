//! Which files to take, and in which order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vuln::advisory::Source;

use super::compression::plain_name;

/// A file, or a folder of loose documents, that is taken as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in our books, the same wherever the files lie: `nvd/nvdcve-2.0-2020.json.gz`.
    pub url: String,
    /// `YYYY-MM-DD` at the start of the name.
    pub date: Option<String>,
    /// The loose documents below `path`, where it is a folder.
    pub documents: Option<Vec<PathBuf>>,
}

/// What a path holds.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is taken, in this order.
    pub units: Vec<Unit>,
    /// What is left aside, and why.
    pub refused: Vec<(PathBuf, String)>,
}

/// Folders deeper than any checkout has.
const MAX_DEPTH: u32 = 24;

/// Files that are left aside, named one by one up to this many: somebody may name the wrong folder.
const MAX_REFUSED: usize = 1000;

/// Why a file is left aside whose name says that it is none of ours.
pub const NO_RECORDS: &str = "is no file of records: these are .json, .jsonl and .ndjson (also .gz, .zst, .xz, .br) and .zip";

/// The files of a source of records below a path.
pub fn plan(source: Source, path: &Path) -> io::Result<Plan> {
    let mut found = Found::default();
    // A link that the user names is followed, one that is met inside a folder is not.
    if fs::metadata(path)?.is_dir() {
        found.walk(path, 0)?;
    } else {
        found.files.push(path.to_owned());
    }
    let is_dir = fs::metadata(path)?.is_dir();
    let (mut units, mut loose) = (Vec::new(), Vec::new());
    for file in std::mem::take(&mut found.files) {
        let name = file_name(&file);
        let plain = plain_name(&name);
        // Loose documents are records, but NVD's are feeds of their own.
        if is_dir && source != Source::Nvd && plain.ends_with(".json") {
            if !is_beside(&name) {
                loose.push(file);
            }
        } else if !is_dir || is_feed(source, &plain) {
            units.push(Unit {
                url: url(path, &file),
                date: date(&name),
                path: file,
                documents: None,
            });
        } else if !is_beside(&name) {
            found.refused.push((file, NO_RECORDS.to_owned()));
        }
    }
    if let Some(more) = found.refused.len().checked_sub(MAX_REFUSED).filter(|more| *more > 0) {
        found.refused.truncate(MAX_REFUSED);
        found.refused.push((path.to_owned(), format!("{more} more files cannot be taken")));
    }
    if !loose.is_empty() {
        loose.sort();
        units.push(Unit {
            url: file_name(path),
            date: None,
            path: path.to_owned(),
            documents: Some(loose),
        });
    }
    units.sort_by_key(|unit| {
        let name = file_name(&unit.path);
        let order = if unit.documents.is_some() { String::new() } else { name.clone() };
        (rank(&name), unit.date.clone(), order, unit.url.clone())
    });
    Ok(Plan {
        units,
        refused: found.refused,
    })
}

/// Whole collections come before what changed since.
fn rank(name: &str) -> u8 {
    let name = name.to_ascii_lowercase();
    u8::from(["delta", "modified", "recent"].iter().any(|word| name.contains(word)))
}

fn is_feed(source: Source, plain: &str) -> bool {
    plain.ends_with(".zip") || is_lines(plain) || source == Source::Nvd && plain.ends_with(".json")
}

/// Whether a file has one document a line. The name is in lower case, without what says how it is compressed.
pub fn is_lines(plain: &str) -> bool {
    [".jsonl", ".ndjson"].iter().any(|ending| plain.ends_with(ending))
}

/// Files beside records that are known to hold none: lists that upstream keeps of its own files, checksums, words for people.
pub fn is_beside(path: &str) -> bool {
    let is_hidden = path.split(['/', '!']).any(|part| part.starts_with('.'));
    let name = path.rsplit(['/', '!']).next().unwrap_or(path).to_ascii_lowercase();
    let lists = ["delta.json", "deltalog.json", "recent_activities.json", "modified_id.csv"];
    let words = ["readme", "license", "copying", "notice"];
    let endings = [".md", ".meta", ".sha256"];
    is_hidden
        || lists.contains(&name.as_str())
        || words.iter().any(|word| name.starts_with(word))
        || endings.iter().any(|ending| name.ends_with(ending))
}

/// `YYYY-MM-DD` at the start of a name.
fn date(name: &str) -> Option<String> {
    let date = name.get(..10)?;
    let digits = |range| date.get(range).is_some_and(|part: &str| part.bytes().all(|b| b.is_ascii_digit()));
    let dashes = date.as_bytes().get(4) == Some(&b'-') && date.as_bytes().get(7) == Some(&b'-');
    (digits(0..4) && digits(5..7) && digits(8..10) && dashes).then(|| date.to_owned())
}

/// The path from the folder that was named on, with that folder's name; of a file that was named, with the name of its folder.
fn url(root: &Path, file: &Path) -> String {
    match file.strip_prefix(root) {
        Ok(rest) if !rest.as_os_str().is_empty() => format!("{}/{}", file_name(root), rest.to_string_lossy()),
        _ => match fs::canonicalize(file).ok().as_deref().and_then(Path::parent).map(file_name) {
            Some(folder) if !folder.is_empty() => format!("{folder}/{}", file_name(file)),
            _ => file_name(file),
        },
    }
}

/// The last part of a path, made whole first where it ends in dots.
pub fn file_name(path: &Path) -> String {
    match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => fs::canonicalize(path)
            .ok()
            .and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_default(),
    }
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    refused: Vec<(PathBuf, String)>,
}

impl Found {
    fn walk(&mut self, dir: &Path, depth: u32) -> io::Result<()> {
        if depth > MAX_DEPTH {
            self.refused.push((dir.to_owned(), "folders are nested too deep".to_owned()));
            return Ok(());
        }
        let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type()?);
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                self.walk(&path, depth + 1)?;
            } else if kind.is_symlink() {
                self.refused.push((path, "is a symbolic link".to_owned()));
            } else if kind.is_file() {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join("feed").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        dir
    }

    fn urls(source: Source, dir: &tempfile::TempDir) -> Vec<String> {
        plan(source, &dir.path().join("feed"))
            .unwrap()
            .units
            .into_iter()
            .map(|u| u.url)
            .collect()
    }

    #[test]
    fn deltas_come_after_the_whole_by_date() {
        let dir = folder(&[
            "2024-10-26_delta_CVEs_at_end_of_day.zip",
            "2024-10-26_delta_CVEs_at_1500Z.zip",
            "2024-10-25_delta_CVEs_at_end_of_day.zip",
            "2024-10-27_all_CVEs_at_midnight.zip.zip",
            "README.md",
        ]);
        assert_eq!(
            urls(Source::Cve, &dir),
            [
                "feed/2024-10-27_all_CVEs_at_midnight.zip.zip",
                "feed/2024-10-25_delta_CVEs_at_end_of_day.zip",
                "feed/2024-10-26_delta_CVEs_at_1500Z.zip",
                "feed/2024-10-26_delta_CVEs_at_end_of_day.zip",
            ]
        );
    }

    #[test]
    fn years_come_before_what_was_modified() {
        let dir = folder(&[
            "nvdcve-2.0-modified.json.gz",
            "nvdcve-2.0-2003.json.gz",
            "nvdcve-2.0-2002.json.gz",
            "page-1.json",
            "x.txt",
        ]);
        assert_eq!(
            urls(Source::Nvd, &dir),
            [
                "feed/nvdcve-2.0-2002.json.gz",
                "feed/nvdcve-2.0-2003.json.gz",
                "feed/page-1.json",
                "feed/nvdcve-2.0-modified.json.gz"
            ]
        );
    }

    #[test]
    fn loose_documents_are_one_unit_and_links_are_left_aside() {
        let dir = folder(&[
            "cves/2024/3xxx/CVE-2024-3094.json",
            "cves/delta.json",
            ".git/x.json",
            "cves/2024/3xxx/CVE-2024-3095.json.xz",
            "cves/2024/3xxx/CVE-2024-3096.JSON.gz",
            "README.md",
            "notes.txt",
            "Go/all.zip",
        ]);
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("feed/CVE-2024-1.json")).unwrap();
        let Plan { units, refused } = plan(Source::Cve, &dir.path().join("feed")).unwrap();
        assert_eq!(
            units.iter().map(|u| u.url.as_str()).collect::<Vec<_>>(),
            ["feed", "feed/Go/all.zip"]
        );
        assert_eq!(units[0].documents.as_ref().unwrap().len(), 3);
        let refused: Vec<(String, &str)> = refused.iter().map(|(path, why)| (file_name(path), why.as_str())).collect();
        assert_eq!(
            refused,
            [
                ("CVE-2024-1.json".to_owned(), "is a symbolic link"),
                ("notes.txt".to_owned(), NO_RECORDS)
            ]
        );
    }

    #[test]
    fn a_file_is_named_with_its_folder() {
        let dir = folder(&["Go/all.zip"]);
        let units = plan(Source::Osv, &dir.path().join("feed/Go/all.zip")).unwrap().units;
        assert_eq!(units[0].url, "Go/all.zip");
    }

    #[test]
    fn dates_of_names() {
        assert_eq!(date("2024-10-26_delta.zip").as_deref(), Some("2024-10-26"));
        for none in ["nvdcve-2.0-2020", "2024-10-2x_", "2024", "", "é024-10-26_"] {
            assert_eq!(date(none), None, "{none}");
        }
    }
}
