//! Channels: one is taken where its head moved; the small files beside its list come with it.

use super::{Got, Remote, Trouble, count};
use crate::feeds::RemoteFile;
use crate::ingest::{IngestError, Report};

/// Takes the channels that have something new.
pub fn follow(remote: &Remote<'_>, files: Vec<RemoteFile>) -> Result<Report, IngestError> {
    let mut report = Report::default();
    for list in files.iter().filter(|file| is_list(file)) {
        let name = channel(list);
        let source = format!("nixpkgs/{name}");
        let beside: Vec<&RemoteFile> = files.iter().filter(|other| channel(other) == name && !is_list(other)).collect();
        let head = head(remote, &beside)?;
        let current = || remote.ingest.store.revisions(name).map_err(IngestError::Store);
        let one = if head.is_some() && current()?.first().map(|set| set.revision.as_str()) == head.as_deref() {
            Got::Same
        } else {
            remote.get(list, &source, &format!("channels/{name}"))?
        };
        match one {
            Got::File { tag, .. } => {
                let mut one = Report::default();
                let folder = remote.dir.join("channels").join(name);
                match &head {
                    Some(revision) => std::fs::write(folder.join("git-revision"), revision).map_err(|source| IngestError::Read {
                        path: folder.display().to_string(),
                        source,
                    })?,
                    None => {
                        for file in &beside {
                            count(&mut one, remote.get(file, &source, "")?);
                        }
                    }
                }
                if head.is_some() && self::head(remote, &beside)? != head {
                    // What came of it is of two revisions. The next try finds it whole.
                    let why = format!("take {name} at one revision: it moved while it was fetched");
                    let moved = Trouble {
                        why,
                        is_final: false,
                        wait: None,
                    };
                    count(&mut one, Got::Failed(moved));
                }
                if one.failures.is_empty() {
                    report.merge(remote.ingest.nixpkgs(&folder, Some(name), tag)?);
                } else {
                    noted(remote, &source, &one)?;
                    report.merge(one);
                }
                std::fs::remove_dir_all(&folder).map_err(|source| IngestError::Read {
                    path: folder.display().to_string(),
                    source,
                })?;
            }
            Got::Missing => {}
            other => {
                let mut one = Report::default();
                let is_final = count(&mut one, other);
                noted(remote, &source, &one)?;
                report.merge(one);
                if is_final {
                    break;
                }
            }
        }
    }
    if report == Report::default() {
        return Err(IngestError::NoFiles {
            path: "the server's channels".into(),
            wanted: "packages.json.br",
        });
    }
    Ok(report)
}

/// The revision that a channel has now, where its server says so.
fn head(remote: &Remote<'_>, beside: &[&RemoteFile]) -> Result<Option<String>, IngestError> {
    let Some(file) = beside.iter().find(|file| file.name.ends_with("/git-revision")) else {
        return Ok(None);
    };
    match remote.fetcher.page(&file.url) {
        Ok(text) => {
            let text = text.trim();
            let is_revision = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
            Ok(is_revision.then(|| text.to_owned()))
        }
        // Asked for the list, the server says the same in a moment.
        Err(_) => Ok(None),
    }
}

fn noted(remote: &Remote<'_>, source: &str, report: &Report) -> Result<(), IngestError> {
    remote.ingest.begins(source)?;
    remote.ingest.ends(source, report)
}

fn channel(file: &RemoteFile) -> &str {
    file.name.split('/').nth(1).unwrap_or_default()
}

fn is_list(file: &RemoteFile) -> bool {
    file.name.rsplit('/').next().is_some_and(|name| name.starts_with("packages.json"))
}
