use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use attest::dsse::Envelope;
use attest::intoto::PAYLOAD_TYPE;
use attest::signature::{PublicKey, SecretKey};
use cli_kit::{Exit, Failure, Format, Output, Table, escape};
use serde_json::json;

use super::{Context, data_dir};
use crate::audit;
use crate::provenance::collect::{self, Rules};
use crate::provenance::{Sayer, compare, statements};
use crate::tree;

/// What `verify --with` is told.
pub struct Question<'a> {
    /// The folder with what builders said.
    pub with: &'a Path,
    /// Files of keys.
    pub trust: &'a [PathBuf],
    /// How many must agree; all that are trusted if it does not say.
    pub threshold: Option<usize>,
    /// Days after which a statement no longer counts.
    pub max_age: Option<u64>,
}

/// Writes and signs a statement about each step that is in the store, and about all of them.
pub fn write(
    context: &Context,
    step: Option<&str>,
    out: Option<&Path>,
    key: Option<&Path>,
    builder: Option<&str>,
) -> Result<Exit, Failure> {
    let steps = match step {
        Some(name) => context.chain.up_to(name)?,
        None => context.chain.ordered()?,
    };
    let built = context.pinned(&steps)?;
    let key = match key {
        Some(path) => read_key(path)?,
        None => own_key(context)?,
    };
    let engine = std::env::current_exe().and_then(|path| tree::sha256_file(&path));
    let sayer = Sayer {
        id: builder.map_or_else(|| format!("urn:{}", key.public()), str::to_owned),
        engine_sha256: engine.map_err(|e| Failure::incomplete("look at this program itself").because(e))?,
        kernel: audit::kernel_release(),
    };
    let mut lines = String::new();
    for statement in statements(&context.chain, &steps, &built, &sayer)? {
        lines += &Envelope::sign(PAYLOAD_TYPE, statement.to_json().as_bytes(), &key).to_json();
        lines.push('\n');
    }
    let mut stdout = Output::stdout();
    match out {
        None => stdout.sink().write_all(lines.as_bytes()).map_err(Failure::output)?,
        Some(folder) => {
            let name: String = key.public().as_bytes().iter().take(8).map(|b| format!("{b:02x}")).collect();
            let failed = |path: &Path| {
                let what = format!("write {}", path.display());
                move |e: std::io::Error| Failure::incomplete(what).because(e)
            };
            fs::create_dir_all(folder).map_err(failed(folder))?;
            for (ending, text) in [(collect::ENDING, lines), (".pub", format!("{}\n", key.public()))] {
                let path = folder.join(format!("{name}{ending}"));
                beside(&path, &text).map_err(failed(&path))?;
                stdout.line(escape(&path.display().to_string()))?;
            }
        }
    }
    stdout.finish()?;
    Ok(Exit::Clean)
}

/// Written whole or not at all.
fn beside(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    let public = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(public)?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Compares what builders said with the pins and with each other.
pub fn verify(context: &Context, question: &Question<'_>) -> Result<Exit, Failure> {
    let trusted = trusted(question.trust)?;
    let threshold = question.threshold.unwrap_or(trusted.len());
    if threshold == 0 || threshold > trusted.len() {
        return Err(
            Failure::usage(format!("{threshold} of {} trusted builders can never agree", trusted.len()))
                .hint("--trust FILE names a file with the keys of builders, a line each; --threshold K says how many of them must agree"),
        );
    }
    let rules = Rules {
        trusted,
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        max_age: question.max_age.map(|days| days.saturating_mul(86_400)),
    };
    let collected = collect::collect(question.with, &rules)
        .map_err(|e| Failure::incomplete(format!("read what builders said from {}", question.with.display())).because(e))?;
    let steps = context.chain.ordered()?;
    let agreements = compare::compare(&steps, &collected.said, &rules.trusted, threshold);
    let first = compare::first_difference(&agreements);
    let mut out = Output::stdout();
    if context.manners.format == Format::Table {
        let mut table = Table::new(&["step", "agree", "differ", "silent", "verdict"]).right(&["agree", "differ", "silent"]);
        for a in &agreements {
            let counts = [a.agree.len(), a.differ.len(), a.silent.len()].map(|n| n.to_string());
            let verdict = match (a.enough, a.differ.is_empty()) {
                (true, true) => "agreed",
                (true, false) => "agreed, but not by all",
                (false, true) => "too few",
                (false, false) => "DIFFERS",
            };
            table.row([&a.step, &counts[0], &counts[1], &counts[2], verdict]);
        }
        out.table(&table)?;
        out.line(format!("\n{threshold} of {} trusted builders must agree", rules.trusted.len()))?;
        if let Some(first) = first {
            out.line(format!("the first step that differs: {}", first.step))?;
            for d in &first.differ {
                let sha256 = if d.sha256.is_empty() { "nothing" } else { &d.sha256 };
                out.line(format!(
                    "  {}: {} came out as {}: {}",
                    d.builder,
                    escape(&d.output),
                    escape(sha256),
                    escape(&d.why)
                ))?;
            }
        }
        for refused in &collected.refused {
            let file = escape(&refused.file.display().to_string()).into_owned();
            out.line(format!("not counted: {file}, line {}: {}", refused.line, escape(&refused.why)))?;
        }
    } else {
        out.json(&json!({
            "format": 1, "threshold": threshold, "trusted": rules.trusted.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "steps": agreements, "first_difference": first.map(|a| &a.step), "refused": collected.refused,
        }))?;
    }
    out.finish()?;
    Ok(if agreements.iter().all(|a| a.enough) {
        Exit::Clean
    } else {
        Exit::Findings
    })
}

/// Keys from files: a key a line, with anything behind it; lines that begin with `#` are for people.
fn trusted(files: &[PathBuf]) -> Result<Vec<PublicKey>, Failure> {
    let mut keys = Vec::new();
    for file in files {
        let failed = || format!("read the keys in {}", file.display());
        let text = fs::read_to_string(file).map_err(|e| Failure::usage(failed()).because(e))?;
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let key = line.split_whitespace().next().unwrap_or_default();
            keys.push(key.parse().map_err(|e| Failure::usage(failed()).because(e))?);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

fn read_key(path: &Path) -> Result<SecretKey, Failure> {
    let failed = || format!("read the key {}", path.display());
    let text = fs::read_to_string(path).map_err(|e| Failure::usage(failed()).because(e))?;
    SecretKey::from_pem(&text).map_err(|e| {
        Failure::usage(failed())
            .because(e)
            .hint("`openssl genpkey -algorithm ed25519 -out K` makes one")
    })
}

/// The key in the data folder; made when there is none yet.
fn own_key(context: &Context) -> Result<SecretKey, Failure> {
    let path = data_dir()?.join("chain.key");
    if path.exists() {
        return read_key(&path);
    }
    let failed = || format!("make the key {}", path.display());
    let (key, text) = SecretKey::generate().map_err(|e| Failure::incomplete(failed()).because(e))?;
    if !cli_kit::write_secret(&path, &text).map_err(|e| Failure::incomplete(failed()).because(e))? {
        return read_key(&path);
    }
    context.talk.say(&format!(
        "{}: made a key to sign provenance with; others know it as {}",
        escape(&path.display().to_string()),
        key.public()
    ));
    Ok(key)
}
