//! What several builders said, step by step. Pure: nothing here reads a file.

use std::collections::BTreeMap;

use attest::intoto::{Resource, Statement};
use attest::signature::PublicKey;
use serde::Serialize;

use super::collect::Said;
use crate::step::Step;

/// What builders say of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// The step.
    pub step: String,
    /// Builders that got what is pinned.
    pub agree: Vec<String>,
    /// Builders that got something else.
    pub differ: Vec<Dissent>,
    /// Trusted builders that say nothing about it.
    pub silent: Vec<String>,
    /// Whether enough agree.
    pub enough: bool,
}

/// A builder that got something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dissent {
    /// Its key.
    pub builder: String,
    /// The first output that is not the same.
    pub output: String,
    /// Its digest there; empty if it was not made.
    pub sha256: String,
    /// The digest that is pinned; empty if there is none.
    pub pinned: String,
    /// Why, as far as the statements say.
    pub why: String,
}

/// Goes through the steps in building order.
pub fn compare(steps: &[&Step], said: &[Said], trusted: &[PublicKey], threshold: usize) -> Vec<Agreement> {
    steps.iter().map(|step| one(step, said, trusted, threshold)).collect()
}

/// The first step that somebody got otherwise.
pub fn first_difference(steps: &[Agreement]) -> Option<&Agreement> {
    steps.iter().find(|s| !s.differ.is_empty())
}

fn one(step: &Step, said: &[Said], trusted: &[PublicKey], threshold: usize) -> Agreement {
    let about: Vec<&Said> = said.iter().filter(|s| s.step.as_ref() == Some(&step.name)).collect();
    let pinned: BTreeMap<String, &str> = step
        .output
        .iter()
        .map(|o| (format!("{}/{}", step.name, o.path), o.sha256.as_str()))
        .collect();
    let mut agreement = Agreement {
        step: step.name.clone(),
        agree: Vec::new(),
        differ: Vec::new(),
        silent: Vec::new(),
        enough: false,
    };
    let differs = |statement: &Statement| -> Option<(String, String, String)> {
        let made: BTreeMap<String, &str> = statement.subject.iter().map(|s| (s.name.clone(), s.sha256())).collect();
        let names = pinned.keys().chain(made.keys());
        let mut differing = names.filter(|n| pinned.get(*n).is_none_or(|p| p.is_empty()) || pinned.get(*n) != made.get(*n));
        let digest = |digests: &BTreeMap<String, &str>, name: &str| digests.get(name).copied().unwrap_or_default().to_owned();
        differing
            .next()
            .map(|name| (name.clone(), digest(&made, name), digest(&pinned, name)))
    };
    let agreeing = about.iter().find(|s| differs(&s.statement).is_none());
    for key in trusted {
        let Some(said) = about.iter().find(|s| s.builder == *key) else {
            agreement.silent.push(key.to_string());
            continue;
        };
        match differs(&said.statement) {
            None => agreement.agree.push(key.to_string()),
            Some((output, sha256, pinned)) => agreement.differ.push(Dissent {
                builder: key.to_string(),
                output,
                sha256,
                pinned,
                why: agreeing.map_or_else(
                    || "nobody got what is pinned here, so that there is nothing to compare with".to_owned(),
                    |other| why(&said.statement, &other.statement),
                ),
            }),
        }
    }
    agreement.enough = agreement.agree.len() >= threshold;
    agreement
}

/// What went in otherwise for the one than for the other.
fn why(one: &Statement, other: &Statement) -> String {
    let inputs = |s: &Statement| -> BTreeMap<String, String> {
        let dependencies = &s.predicate.build_definition.resolved_dependencies;
        dependencies
            .iter()
            .map(|r: &Resource| (r.name.clone(), r.sha256().to_owned()))
            .collect()
    };
    let (ones, others) = (inputs(one), inputs(other));
    let mut differing = ones.keys().chain(others.keys()).filter(|n| ones.get(*n) != others.get(*n));
    if let Some(name) = differing.next() {
        return format!("{name} went in as another one");
    }
    let parameters = |s: &Statement| s.predicate.build_definition.external_parameters.clone();
    if parameters(one) != parameters(other) {
        return "other commands were run".into();
    }
    "the same went in: one of the builders is wrong, or the step does not make the same each time".into()
}

#[cfg(test)]
mod tests {
    use attest::intoto::{BuildDefinition, Provenance};

    use super::*;

    fn step() -> Step {
        toml::from_str(
            "name = 'a'\ntitle = 't'\nwhy = 'w'\norder = 1\n[[output]]\npath = 'x'\nsha256 = '11'\n[[output]]\npath = 'y'\nsha256 = '22'\n",
        )
        .unwrap()
    }

    fn said(builder: u8, outputs: &[(&str, &str)], inputs: &[(&str, &str)]) -> Said {
        let resources = |all: &[(&str, &str)]| all.iter().map(|(n, d)| Resource::new(*n, *d)).collect::<Vec<_>>();
        Said {
            builder: PublicKey::from_bytes([builder; 32]),
            step: Some("a".into()),
            finished: 1,
            statement: Statement::new(
                resources(outputs),
                Provenance {
                    build_definition: BuildDefinition {
                        resolved_dependencies: resources(inputs),
                        ..BuildDefinition::default()
                    },
                    ..Provenance::default()
                },
            ),
        }
    }

    #[test]
    fn who_agrees_who_differs_and_why() {
        let step = step();
        let good = [("a/x", "11"), ("a/y", "22")];
        let said = [
            said(1, &good, &[("s.c", "5")]),
            said(2, &[("a/x", "11"), ("a/y", "33")], &[("s.c", "5")]),
            said(3, &[("a/x", "44"), ("a/y", "22")], &[("s.c", "6")]),
            said(4, &good[..1], &[("s.c", "5")]),
            said(5, &[("a/x", "11"), ("a/y", "22"), ("a/z", "1")], &[("s.c", "5")]),
        ];
        let keys: Vec<PublicKey> = (1..=6).map(|n| PublicKey::from_bytes([n; 32])).collect();
        let found = compare(&[&step], &said, &keys, 1).remove(0);
        assert_eq!(found.agree, [keys[0].to_string()]);
        assert_eq!(found.silent, [keys[5].to_string()]);
        assert!(found.enough);
        let differ: Vec<(&str, &str, &str, &str)> = found
            .differ
            .iter()
            .map(|d| (d.output.as_str(), d.sha256.as_str(), d.pinned.as_str(), d.why.as_str()))
            .collect();
        let same = "the same went in: one of the builders is wrong, or the step does not make the same each time";
        assert_eq!(
            differ,
            [
                ("a/y", "33", "22", same),
                ("a/x", "44", "11", "s.c went in as another one"),
                ("a/y", "", "22", same),
                ("a/z", "1", "", same),
            ]
        );
        assert!(!compare(&[&step], &said, &keys, 2)[0].enough);
        assert_eq!(first_difference(&compare(&[&step], &said[..1], &keys, 1)), None);
    }

    #[test]
    fn a_step_without_pins_is_agreed_on_by_nobody() {
        let mut step = step();
        step.output[1].sha256.clear();
        let said = [said(1, &[("a/x", "11"), ("a/y", "")], &[])];
        let found = compare(&[&step], &said, &[PublicKey::from_bytes([1; 32])], 1).remove(0);
        assert_eq!((found.agree.len(), found.enough), (0, false));
    }
}
