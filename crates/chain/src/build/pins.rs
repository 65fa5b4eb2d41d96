use std::fs;
use std::io;
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
        fs::write(&path, lines.join("\n") + "\n")?;
    }
    Ok(changes)
}
