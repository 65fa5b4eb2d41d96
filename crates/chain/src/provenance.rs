//! What was built, said and signed: one statement a step and one about the whole ([`statements`]), and what several builders said,
//! compared ([`compare`]).

pub mod collect;
pub mod compare;

use std::collections::{BTreeMap, BTreeSet};

use attest::intoto::{BuildDefinition, Builder, Metadata, Provenance, Resource, RunDetails, Statement};
use serde_json::{Map, Value, json};

use crate::audit::{self, AuditError};
use crate::build::Built;
use crate::dates::rfc3339;
use crate::step::{Chain, Step};
use crate::tree;

/// What a statement about one step is about, and what its parameters mean: see the book's chapter on provenance.
pub const STEP: &str = "https://github.com/firn-nix/firn/chain/step/v1";
/// The same for the whole.
pub const WHOLE: &str = "https://github.com/firn-nix/firn/chain/whole/v1";
/// What folders have their digest of: the archive that Nix makes of one.
const NAR: &str = "application/x-nix-archive";

/// Who says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sayer {
    /// A URI for who builds.
    pub id: String,
    /// The engine's digest.
    pub engine_sha256: String,
    /// The kernel's release.
    pub kernel: String,
}

/// A statement for each of the steps, all of which are built, and one about all of them.
pub fn statements(chain: &Chain, steps: &[&Step], built: &BTreeMap<String, Built>, sayer: &Sayer) -> Result<Vec<Statement>, AuditError> {
    let mut all = Vec::new();
    let mut everything: BTreeMap<String, Resource> = BTreeMap::new();
    for step in steps {
        let Some(made) = built.get(&step.name) else { continue };
        let own = own_and_foreign(chain, step)?;
        everything.extend(own.iter().map(|r| (r.name.clone(), r.clone())));
        let inputs = step.inputs.iter().filter_map(|i| {
            let mut input = Resource::new(i.clone(), built.get(i)?.record.nar_sha256.clone());
            input.media_type = NAR.into();
            Some(input)
        });
        let definition = BuildDefinition {
            build_type: STEP.into(),
            external_parameters: parameters(json!({"step": step.name, "key": made.record.key, "runs": step.run, "edits": step.edit.len()})),
            internal_parameters: Map::new(),
            resolved_dependencies: own.into_iter().chain(inputs).collect(),
        };
        let (end, took) = (
            made.record.finished,
            std::time::Duration::from_secs_f64(made.record.seconds.max(0.0)),
        );
        let metadata = Metadata {
            started_on: (end > 0).then(|| rfc3339(end.saturating_sub(took.as_secs()))),
            finished_on: (end > 0).then(|| rfc3339(end)),
        };
        all.push(Statement::new(subjects(made), provenance(definition, sayer, metadata)));
    }
    all.push(whole(steps, built, sayer, everything));
    Ok(all)
}

/// About all steps: what came out at the ends, from every file that went in.
fn whole(steps: &[&Step], built: &BTreeMap<String, Built>, sayer: &Sayer, everything: BTreeMap<String, Resource>) -> Statement {
    let used: BTreeSet<&String> = steps.iter().flat_map(|s| &s.inputs).collect();
    let of = |step: &&Step| built.get(&step.name).map(subjects).unwrap_or_default();
    let ends = steps.iter().filter(|s| !used.contains(&s.name)).flat_map(of).collect();
    let names: Vec<&String> = steps.iter().map(|s| &s.name).collect();
    let finished = built.values().map(|b| b.record.finished).max().filter(|t| *t > 0);
    let definition = BuildDefinition {
        build_type: WHOLE.into(),
        external_parameters: parameters(json!({"steps": names})),
        internal_parameters: Map::new(),
        resolved_dependencies: everything.into_values().collect(),
    };
    let metadata = Metadata {
        started_on: None,
        finished_on: finished.map(rfc3339),
    };
    let mut provenance = provenance(definition, sayer, metadata);
    provenance.run_details.byproducts = steps.iter().filter(|s| used.contains(&s.name)).flat_map(of).collect();
    Statement::new(ends, provenance)
}

fn provenance(build_definition: BuildDefinition, sayer: &Sayer, metadata: Metadata) -> Provenance {
    Provenance {
        build_definition,
        run_details: RunDetails {
            builder: Builder {
                id: sayer.id.clone(),
                version: BTreeMap::from([
                    ("firn-chain".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
                    ("linux".to_owned(), sayer.kernel.clone()),
                ]),
                builder_dependencies: vec![Resource::new("firn-chain", sayer.engine_sha256.clone())],
            },
            metadata,
            byproducts: Vec::new(),
        },
    }
}

/// What a step made, by the names `STEP/PATH`.
fn subjects(built: &Built) -> Vec<Resource> {
    let outputs = built.record.outputs.iter();
    outputs
        .map(|made| {
            let mut subject = Resource::new(format!("{}/{}", built.record.step, made.path), made.sha256.clone());
            if built.out.join(&made.path).is_dir() {
                subject.media_type = NAR.into();
            }
            subject
        })
        .collect()
}

/// The files of ours that a step reads, and its archive.
fn own_and_foreign(chain: &Chain, step: &Step) -> Result<Vec<Resource>, AuditError> {
    let mut all = Vec::new();
    for source in &step.sources {
        for path in audit::files_below(chain, source)? {
            let name = path.strip_prefix(&chain.folder).unwrap_or(&path).display().to_string();
            let sha256 = tree::sha256_file(&path).map_err(|source| AuditError::Read { path, source })?;
            all.push(Resource::new(format!("bootstrap/{name}"), sha256));
        }
    }
    if let Some(source) = &step.source {
        let mut archive = Resource::new(source.file.clone(), source.sha256.clone());
        archive.uri = format!(
            "pkg:deb/debian/{}@{}?arch=source&distro={}",
            source.package, source.version, source.suite
        );
        all.push(archive);
    }
    Ok(all)
}

fn parameters(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
