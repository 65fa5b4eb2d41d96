use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::step::Step;
use crate::store::Record;

/// A pin that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinChange {
    /// The step.
    pub step: String,
    /// The output.
    pub path: String,
    /// What was pinned; empty if nothing was.
    pub from: String,
    /// What is pinned now.
    pub to: String,
}

/// Writes what came out into the step's file. Only the lines of the pins change.
pub fn update_pins(folder: &Path, step: &Step, record: &Record) -> io::Result<Vec<PinChange>> {
    let path = folder.join("steps").join(format!("{}.toml", step.name));
    let text = fs::read_to_string(&path)?;
    let mut changes = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    let mut output = 0;
    let mut within = false;
    for line in text.lines() {
        if line.starts_with('[') {
            within = line.trim_end() == "[[output]]";
            output += usize::from(within);
        }
        let pinned = output
            .checked_sub(1)
            .and_then(|at| Some((step.output.get(at)?, record.outputs.get(at)?)));
        match pinned {
            Some((old, new)) if within && line.starts_with("sha256 = ") => {
                if old.sha256 != new.sha256 {
                    changes.push(PinChange {
                        step: step.name.clone(),
                        path: new.path.clone(),
                        from: old.sha256.clone(),
                        to: new.sha256.clone(),
                    });
                }
                lines.push(format!("sha256 = \"{}\"", new.sha256));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    if !changes.is_empty() {
        let text = lines.join("\n") + "\n";
        hold(&text, step, record)?;
        replace(&path, &text)?;
    }
    Ok(changes)
}

/// Lines were changed, not values: what they mean now must be the same step with the new pins, whatever its prose looks like.
fn hold(text: &str, step: &Step, record: &Record) -> io::Result<()> {
    let now: Step = toml::from_str(text).map_err(io::Error::other)?;
    let mut wanted = step.clone();
    for (output, made) in wanted.output.iter_mut().zip(&record.outputs) {
        output.sha256.clone_from(&made.sha256);
    }
    if now == wanted {
        Ok(())
    } else {
        Err(io::Error::other(
            "its lines [[output]] and sha256 = are not where they are expected; change the pins by hand",
        ))
    }
}

/// The whole new file or the whole old one, even if the machine stops here.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Made;

    fn record(digests: &[&str]) -> Record {
        let outputs = digests.iter().map(|d| Made {
            path: "x".into(),
            sha256: (*d).to_owned(),
            bytes: 0,
        });
        Record {
            step: "a".into(),
            key: String::new(),
            nar_sha256: String::new(),
            bytes: 0,
            finished: 0,
            seconds: 0.0,
            cpu_seconds: 0.0,
            max_rss: 0,
            disk: 0,
            outputs: outputs.collect(),
        }
    }

    #[test]
    fn only_the_pins_change_or_nothing_does() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("steps")).unwrap();
        let path = dir.path().join("steps/a.toml");
        let text = "name = 'a' # a comment\ntitle = 't'\nwhy = 'w'\norder = 1\n[[output]]\npath = 'x'\nsha256 = ''\n\n[[output]]\npath = 'y'\nsha256 = \"old\"\n";
        fs::write(&path, text).unwrap();
        let step: Step = toml::from_str(text).unwrap();
        let changes = update_pins(dir.path(), &step, &record(&["one", "old"])).unwrap();
        assert_eq!((changes.len(), changes[0].to.as_str()), (1, "one"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text.replace("sha256 = ''", "sha256 = \"one\""));
        assert_eq!(fs::read_dir(dir.path().join("steps")).unwrap().count(), 1);
        // Prose that looks like an output: nothing is written.
        let text =
            "name = 'a'\ntitle = 't'\norder = 1\nwhy = \"\"\"\n[[output]]\nsha256 = 'prose'\n\"\"\"\n[[output]]\npath = 'x'\nsha256 = ''\n";
        fs::write(&path, text).unwrap();
        let step: Step = toml::from_str(text).unwrap();
        let said = update_pins(dir.path(), &step, &record(&["two"])).unwrap_err().to_string();
        assert!(said.contains("change the pins by hand"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
