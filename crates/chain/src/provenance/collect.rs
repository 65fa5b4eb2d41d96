//! Reads what builders said from a folder, and counts only what a trusted key signed, whole, and not too long ago.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use attest::dsse::{Envelope, MAX_ENVELOPE};
use attest::intoto::{PAYLOAD_TYPE, Statement};
use attest::signature::PublicKey;
use serde::Serialize;

use super::{STEP, WHOLE};
use crate::dates::{from_rfc3339, rfc3339};

/// Files of a folder that are read.
pub const ENDING: &str = ".intoto.jsonl";
/// Most lines of one file.
const MOST: usize = 100_000;
/// A clock may be wrong by this much.
const AHEAD: u64 = 86_400;

/// Whom to believe, and how long.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The keys of builders.
    pub trusted: Vec<PublicKey>,
    /// The current time, in seconds after the epoch.
    pub now: u64,
    /// Older statements do not count, in seconds.
    pub max_age: Option<u64>,
}

/// What one builder says of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Whose key signed it.
    pub builder: PublicKey,
    /// The step; `None` for the whole.
    pub step: Option<String>,
    /// When it was built.
    pub finished: u64,
    /// All of it.
    pub statement: Statement,
}

/// A line that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file.
    pub file: PathBuf,
    /// Its line.
    pub line: usize,
    /// Why not, as a lowercase fragment. May quote the file.
    pub why: String,
}

/// All that builders said.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// What counts: one a builder and step, the newest.
    pub said: Vec<Said>,
    /// What does not.
    pub refused: Vec<Refused>,
}

/// Reads every `*.intoto.jsonl` of a folder: an envelope a line.
pub fn collect(folder: &Path, rules: &Rules) -> io::Result<Collected> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    // Neither a folder nor a pipe says anything.
    files.retain(|f| f.to_string_lossy().ends_with(ENDING) && f.is_file());
    files.sort();
    let mut collected = Collected::default();
    let mut newest: BTreeMap<(PublicKey, Option<String>), (Said, PathBuf, usize)> = BTreeMap::new();
    for file in files {
        let mut reader = BufReader::new(File::open(&file)?);
        for number in 1.. {
            let mut line = Vec::new();
            let limit = MAX_ENVELOPE as u64 + 2;
            if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let refuse = |why: String| Refused {
                file: file.clone(),
                line: number,
                why,
            };
            if number > MOST || line.len() as u64 == limit {
                collected
                    .refused
                    .push(refuse("too much: this and the rest of the file are left out".into()));
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let all = match read(&line, rules) {
                Ok(all) => all,
                Err(why) => {
                    collected.refused.push(refuse(why));
                    continue;
                }
            };
            for said in all {
                let place = (said.builder, said.step.clone());
                match newest.get(&place) {
                    // The same file twice, under two names.
                    Some((known, ..)) if known.statement == said.statement => {}
                    Some((known, ..)) if known.finished >= said.finished => {
                        collected.refused.push(refuse(older(&said)));
                    }
                    other => {
                        if let Some((known, file, line)) = other {
                            collected.refused.push(Refused {
                                file: file.clone(),
                                line: *line,
                                why: older(known),
                            });
                        }
                        newest.insert(place, (said, file.clone(), number));
                    }
                }
            }
        }
    }
    collected.said = newest.into_values().map(|(said, ..)| said).collect();
    Ok(collected)
}

fn older(said: &Said) -> String {
    let step = said.step.as_deref().unwrap_or("the whole");
    format!("the same builder says something newer about {step}")
}

/// What a line says, for each trusted key that signed it.
fn read(line: &[u8], rules: &Rules) -> Result<Vec<Said>, String> {
    let envelope = Envelope::parse(line).map_err(whole)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(format!("its payload is {:?}, no in-toto statement", envelope.payload_type));
    }
    let signers = envelope.signers(&rules.trusted);
    if signers.is_empty() {
        let claims = envelope.signatures.iter().map(|c| c.keyid.as_str());
        let known = claims.clone().find(|id| rules.trusted.iter().any(|key| key.to_string() == **id));
        return Err(match known {
            Some(id) => format!("it was changed, or {id} never signed it"),
            None => format!("no key that is trusted signed it; it names {:?}", claims.collect::<Vec<_>>()),
        });
    }
    let statement = Statement::parse(&envelope.payload).map_err(whole)?;
    let definition = &statement.predicate.build_definition;
    let step = match definition.build_type.as_str() {
        STEP => match definition.external_parameters.get("step").and_then(|s| s.as_str()) {
            Some(step) => Some(step.to_owned()),
            None => return Err("it names no step".into()),
        },
        WHOLE => None,
        other => return Err(format!("it is about something else: {other:?}")),
    };
    let finished = statement
        .predicate
        .run_details
        .metadata
        .finished_on
        .as_deref()
        .and_then(from_rfc3339);
    let finished = finished.ok_or("it does not say when it was built")?;
    if finished > rules.now.saturating_add(AHEAD) {
        return Err(format!("it was built in the future, {}", rfc3339(finished)));
    }
    if rules.max_age.is_some_and(|age| finished.saturating_add(age) < rules.now) {
        return Err(format!("it has expired: it was built {}", rfc3339(finished)));
    }
    Ok(signers
        .into_iter()
        .map(|builder| Said {
            builder,
            step: step.clone(),
            finished,
            statement: statement.clone(),
        })
        .collect())
}

/// An error with its causes.
fn whole(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
