//! What is wrong with which file, and what to do about it.

use boot_formats::trust::Hex;
use serde::Serialize;

use super::plan::{Step, Why};
use super::prospect::{Partition, Prospect};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The partition.
    pub partition: String,
    /// The file on it.
    pub file: String,
    /// What kind of trouble, as a word.
    pub problem: &'static str,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
    /// Whether something does not boot, or boots what it should not, because of it.
    pub serious: bool,
}

/// All that is wrong.
#[must_use]
pub fn findings(prospect: &Prospect) -> Vec<Finding> {
    let mut all = Vec::new();
    for partition in &prospect.partitions {
        of_steps(partition, &mut all);
        of_kept(partition, &mut all);
    }
    for problem in &prospect.problems {
        all.push(Finding {
            partition: String::new(),
            file: problem.id.to_string(),
            problem: "unreadable-generation",
            expected: "a generation with its boot.json, kernel and initrd".into(),
            found: problem.why.clone(),
            remedy: "remove the generation (nix-env --delete-generations) or build it again; what is there of it was left alone".into(),
            serious: false,
        });
    }
    all
}

fn of_steps(partition: &Partition, all: &mut Vec<Finding>) {
    const REPAIR: &str = "run `firn-boot repair`";
    for step in &partition.plan.steps {
        let (file, why, bytes) = match step {
            Step::Write { file, why, bytes, .. } => (file, why, *bytes),
            Step::Remove { file, why, bytes } => (file, why, *bytes),
            Step::Folder { .. } | Step::Settle { .. } => continue,
        };
        let removed = matches!(step, Step::Remove { .. });
        let (problem, expected, found, remedy, serious) = match why {
            Why::Missing => ("missing", format!("{bytes} bytes"), "nothing".to_owned(), REPAIR, true),
            Why::Damaged { expected, found } => ("damaged", expected.clone(), found.clone(), REPAIR, true),
            Why::OldKey { found } => (
                "old-key",
                "a signature of the key that signs now".into(),
                found.clone(),
                REPAIR,
                false,
            ),
            Why::Outdated if removed => (
                "outdated",
                "nothing".into(),
                "an entry of a system that had this number before".into(),
                "run `firn-boot install`",
                false,
            ),
            Why::Outdated => (
                "outdated",
                "what the generations and options of now give".into(),
                "something whole, of another state".into(),
                "run `firn-boot install`",
                false,
            ),
            Why::Unneeded => (
                "unneeded",
                "nothing".into(),
                format!("{bytes} bytes that no generation needs"),
                "run `firn-boot install`",
                false,
            ),
            Why::Unfinished => (
                "unfinished",
                "nothing".into(),
                format!("{bytes} bytes that a run which was stopped left"),
                REPAIR,
                false,
            ),
            Why::TakenOver => (
                "other-installer",
                "nothing".into(),
                format!("{bytes} bytes of another installer"),
                "run `firn-boot install`",
                false,
            ),
        };
        all.push(Finding {
            partition: partition.disk.place().display().to_string(),
            file: file.clone(),
            problem,
            expected,
            found,
            remedy: remedy.into(),
            serious,
        });
    }
}

/// Entries that no generation wants any more cannot be made again; what is wrong with them is only said.
fn of_kept(partition: &Partition, all: &mut Vec<Finding>) {
    let survey = &partition.survey;
    for path in &partition.plan.kept {
        let Some(image) = survey.images.get(path) else { continue };
        let mut add = |expected: String, found: String| {
            all.push(Finding {
                partition: partition.disk.place().display().to_string(),
                file: path.clone(),
                problem: "damaged-and-kept",
                expected,
                found,
                remedy: "boot another generation; this one cannot be made again, because it is gone from the profile or cannot be read"
                    .into(),
                serious: true,
            });
        };
        if let Some(refused) = &image.refused {
            add("an image that firmware with these keys starts".into(), refused.clone());
        }
        for (file, digest) in &image.references {
            if let Some(problem) = survey.reference_problem(file, digest) {
                add(format!("{file} with SHA-256 {}", Hex(digest)), format!("{file} {problem}"));
            }
        }
    }
}
