//! What builders say about what they built, and whether it is the same.

use chain::dates::{from_rfc3339, rfc3339};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::dsse::Envelope;
use attest::intoto::{PAYLOAD_TYPE, Statement};
use attest::signature::SecretKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::place::{Said, built, firn_chain, run};

/// A builder that built the chain of the tests and says so.
struct Builder {
    dir: TempDir,
    key: SecretKey,
}

impl Builder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (key, text) = SecretKey::generate().unwrap();
        fs::write(dir.path().join("key"), text).unwrap();
        let said = run(firn_chain(built())
            .arg("provenance")
            .arg("--key")
            .arg(dir.path().join("key"))
            .arg("--out")
            .arg(dir.path()));
        assert_eq!(said.code, Some(0), "{}", said.talk);
        Self { dir, key }
    }

    fn name(&self, ending: &str) -> String {
        let digits = self.key.public().to_string();
        format!("{}{ending}", &digits["firn-key-1:".len()..][..16])
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join(self.name(".intoto.jsonl"))).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The line about a step with something changed, signed again.
    fn other(&self, step: &str, change: impl Fn(&mut Statement)) -> String {
        let statements = self
            .lines()
            .into_iter()
            .map(|l| Statement::parse(&Envelope::parse(l.as_bytes()).unwrap().payload).unwrap());
        let about = |s: &Statement| s.predicate.build_definition.external_parameters.get("step") == Some(&step.into());
        let mut statement = statements.into_iter().find(about).unwrap();
        change(&mut statement);
        Envelope::sign(PAYLOAD_TYPE, statement.to_json().as_bytes(), &self.key).to_json()
    }
}

/// Compares what is in a folder of these files, by those builders, with the pins.
fn verify(files: &[(&str, Vec<String>)], trusted: &[&Builder], words: &[&str]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    for (name, lines) in files {
        fs::write(dir.path().join(name), lines.iter().map(|l| format!("{l}\n")).collect::<String>()).unwrap();
    }
    let keys: String = trusted.iter().map(|b| format!("{} somebody\n", b.key.public())).collect();
    let trust = dir.path().join("keys");
    fs::write(&trust, format!("# builders\n\n{keys}")).unwrap();
    run(firn_chain(Path::new("/nowhere"))
        .arg("verify")
        .arg("--with")
        .arg(dir.path())
        .arg("--trust")
        .arg(trust)
        .args(words))
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}{}", said.out, said.talk))
}

#[test]
fn builders_that_got_the_same_agree_on_every_step() {
    let (one, two, stranger) = (Builder::new(), Builder::new(), Builder::new());
    let files = [
        ("1.intoto.jsonl", one.lines()),
        ("2.intoto.jsonl", two.lines()),
        ("3.intoto.jsonl", stranger.lines()),
        ("notes.txt", vec!["not read".into()]),
    ];
    let said = verify(&files, &[&one, &two], &["--format", "json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    let value = json(&said);
    assert_eq!(value["threshold"], 2);
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 10);
    assert!(
        steps
            .iter()
            .all(|s| s["agree"].as_array().unwrap().len() == 2 && s["enough"] == true)
    );
    assert_eq!(value["first_difference"], Value::Null);
    // One line for each step and one for the whole, of somebody whom nobody trusts.
    let refused = value["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 11);
    assert!(
        refused
            .iter()
            .all(|r| r["why"].as_str().unwrap().starts_with("no key that is trusted signed it"))
    );
    // Nobody can be two builders.
    let twice = [("1.intoto.jsonl", one.lines()), ("2.intoto.jsonl", one.lines())];
    assert_eq!(verify(&twice, &[&one, &two], &[]).code, Some(1));
    assert_eq!(verify(&twice, &[&one, &two], &["--threshold", "1"]).code, Some(0));
    let said = verify(&twice, &[&one, &one], &["--threshold", "2"]);
    assert_eq!(said.code, Some(2), "{}", said.talk);
    assert!(said.talk.contains("2 of 1 trusted builders can never agree"), "{}", said.talk);
    assert_eq!(verify(&files, &[&one], &["--threshold", "0"]).code, Some(2));
    assert_eq!(verify(&files, &[], &[]).code, Some(2));
}

#[test]
fn the_first_step_that_differs_is_named_with_its_reason() {
    let (one, two) = (Builder::new(), Builder::new());
    let mut lines = two.lines();
    for step in ["tcc", "cc1"] {
        lines.push(two.other(step, |s| {
            s.subject[0].digest.insert("sha256".into(), "00ff".into());
            let before = s.predicate.run_details.metadata.finished_on.as_deref().and_then(from_rfc3339);
            s.predicate.run_details.metadata.finished_on = before.map(|seconds| rfc3339(seconds + 1));
            if step == "cc1" {
                let source = &mut s.predicate.build_definition.resolved_dependencies;
                let source = source.iter_mut().find(|r| r.name == "bootstrap/cc1/6-code.c").unwrap();
                source.digest.insert("sha256".into(), "1234".into());
            }
        }));
    }
    let now = lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(now.lines().count() > 11);
    let files = [("1.intoto.jsonl", one.lines()), ("2.intoto.jsonl", lines)];
    let said = verify(&files, &[&one, &two], &[]);
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(said.out.contains("the first step that differs: cc1\n"), "{}", said.out);
    assert!(
        said.out
            .contains("cc1/cc1 came out as 00ff: bootstrap/cc1/6-code.c went in as another one"),
        "{}",
        said.out
    );
    assert!(said.out.contains("the same builder says something newer about cc1"), "{}", said.out);
    let few = verify(&files, &[&one, &two], &["--threshold", "1", "--format", "json"]);
    assert_eq!(few.code, Some(0));
    let value = json(&few);
    assert_eq!(value["first_difference"], "cc1");
    let tcc = value["steps"].as_array().unwrap().iter().find(|s| s["step"] == "tcc").unwrap();
    assert!(tcc["differ"][0]["why"].as_str().unwrap().starts_with("the same went in"), "{tcc}");
}

#[test]
fn what_was_changed_expired_cut_or_meant_otherwise_does_not_count() {
    let (one, two) = (Builder::new(), Builder::new());
    let good = one.lines();
    let with = |line: String| {
        let mut lines: Vec<String> = good.clone();
        lines[5] = line;
        let files = [("1.intoto.jsonl", lines)];
        let said = verify(&files, &[&one, &two], &["--threshold", "1", "--max-age", "30", "--format", "json"]);
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.talk);
        let value = json(&said);
        let few: Vec<&Value> = value["steps"].as_array().unwrap().iter().filter(|s| s["enough"] == false).collect();
        assert_eq!((few.len(), &few[0]["step"]), (1, &"cc1".into()));
        let refused = value["refused"].as_array().unwrap();
        assert_eq!((refused.len(), &refused[0]["line"]), (1, &6.into()));
        refused[0]["why"].as_str().unwrap().to_owned()
    };
    let mut tampered = Envelope::parse(good[5].as_bytes()).unwrap();
    let text = String::from_utf8(tampered.payload).unwrap().replace("cc1/cc1", "cc1/cc2");
    tampered.payload = text.into_bytes();
    assert!(with(tampered.to_json()).starts_with("it was changed, or firn-key-1:"));
    // The name of a trusted key on somebody else's signature.
    let mut foreign = Envelope::parse(two.lines()[5].as_bytes()).unwrap();
    foreign.payload.push(b' ');
    foreign.signatures[0].keyid = one.key.public().to_string();
    assert!(with(foreign.to_json()).contains("never signed it"));
    let time = |when: Option<&'static str>| {
        one.other("cc1", move |s| {
            s.predicate.run_details.metadata.finished_on = when.map(str::to_owned)
        })
    };
    assert_eq!(
        with(time(Some("2020-01-01T00:00:00Z"))),
        "it has expired: it was built 2020-01-01T00:00:00Z"
    );
    assert_eq!(
        with(time(Some("2999-01-01T00:00:00Z"))),
        "it was built in the future, 2999-01-01T00:00:00Z"
    );
    assert_eq!(with(time(Some("yesterday"))), "it does not say when it was built");
    assert_eq!(with(time(None)), "it does not say when it was built");
    assert_eq!(
        with(one.other("cc1", |s| s.predicate.build_definition.build_type = "https://example.org/x".into())),
        "it is about something else: \"https://example.org/x\""
    );
    assert!(with(one.other("cc1", |s| s.predicate_type = "x".into())).contains("its predicateType is \"x\""));
    let payload = Envelope::parse(good[5].as_bytes()).unwrap().payload;
    let as_text = Envelope::sign("text/plain", &payload, &one.key).to_json();
    assert_eq!(with(as_text), "its payload is \"text/plain\", no in-toto statement");
    assert!(with(good[5][..good[5].len() / 2].to_owned()).starts_with("parse DSSE envelope"));
    assert!(with("[]".into()).contains("does not begin as a JSON object"));
}

#[test]
fn nothing_is_signed_that_is_not_there_or_not_what_is_pinned() {
    let empty = tempfile::tempdir().unwrap();
    let said = run(firn_chain(empty.path()).arg("provenance"));
    assert_eq!(said.code, Some(3), "{}", said.talk);
    assert!(said.talk.contains("step seed is not in the store"), "{}", said.talk);
    // A key is made once, for its owner's eyes alone.
    let home = tempfile::tempdir().unwrap();
    let first = run(firn_chain(built()).args(["provenance", "hex1"]).env("XDG_DATA_HOME", home.path()));
    assert_eq!((first.code, first.out.lines().count()), (Some(0), 4), "{}", first.talk);
    assert!(first.talk.contains("made a key to sign provenance with"), "{}", first.talk);
    let again = run(firn_chain(built()).args(["provenance", "hex1"]).env("XDG_DATA_HOME", home.path()));
    assert_eq!((again.out, again.talk.as_str()), (first.out, ""));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(home.path().join("firn/chain.key")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn libraries_of_in_toto_and_of_its_signatures_read_what_is_written() {
    let Some(tools) = std::env::var_os("FIRN_TEST_CHAIN").map(PathBuf::from).filter(|p| p.exists()) else {
        eprintln!("SKIPPED: libraries that read provenance, because FIRN_TEST_CHAIN is not set");
        return;
    };
    let one = Builder::new();
    let check = |bundle: &Path| {
        Command::new(tools.join("venv/bin/python3"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/check_provenance.py"))
            .arg(bundle)
            .arg(one.dir.path().join(one.name(".pub")))
            .output()
            .unwrap()
    };
    let bundle = one.dir.path().join(one.name(".intoto.jsonl"));
    let good = check(&bundle);
    assert_eq!(
        String::from_utf8_lossy(&good.stdout),
        "11\n",
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    // They can say no.
    let mut envelope = Envelope::parse(one.lines()[0].as_bytes()).unwrap();
    envelope.payload[10] ^= 1;
    fs::write(&bundle, envelope.to_json() + "\n").unwrap();
    assert!(!check(&bundle).status.success());
}
