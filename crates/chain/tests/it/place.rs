//! What the tests share: one fetched archive, one built store, and copies of `bootstrap/` to break.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use chain::step::Chain;
use serde_json::Value;
use tempfile::TempDir;

/// The program with a search path that holds nothing.
pub fn firn_chain(store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn-chain"));
    command
        .env_clear()
        .env("PATH", "/none")
        .env("HOME", "/none")
        .env("FIRN_BOOTSTRAP", bootstrap())
        .arg("--store")
        .arg(store);
    command
}

pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub talk: String,
}

pub fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Said {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        talk: String::from_utf8(stderr).unwrap(),
    }
}

/// The folder `bootstrap/` of this checkout.
pub fn whole() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../bootstrap")
        .canonicalize()
        .unwrap()
}

/// A copy of it with the steps up to tcc. What follows takes longer, and most tests are not about it.
pub fn bootstrap() -> &'static Path {
    static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = FOLDER.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("bootstrap");
        copy(&whole(), &folder);
        let chain = Chain::load(&folder).unwrap();
        let kept: Vec<&str> = chain.up_to("tcc").unwrap().iter().map(|s| s.name.as_str()).collect();
        for step in chain.ordered().unwrap() {
            if !kept.contains(&step.name.as_str()) {
                fs::remove_file(folder.join("steps").join(format!("{}.toml", step.name))).unwrap();
            }
        }
        (dir, folder)
    });
    folder
}

pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// A folder of archives as a mirror has them, got from Debian once for all tests.
pub fn mirror() -> &'static Path {
    static MIRROR: OnceLock<TempDir> = OnceLock::new();
    MIRROR
        .get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let said = run(firn_chain(&dir.path().join("store"))
                .arg("fetch")
                .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"));
            assert_eq!(said.code, Some(0), "the source of tcc cannot be had from Debian: {}", said.talk);
            for entry in fs::read_dir(dir.path().join("store/fetched")).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().split_once('-').unwrap().1.to_owned();
                fs::copy(&path, dir.path().join(name)).unwrap();
            }
            dir
        })
        .path()
}

/// An empty store with the archives in it.
pub fn store() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let said = run(firn_chain(dir.path()).arg("fetch").arg("--mirror").arg(mirror()));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    dir
}

/// A store in which everything is built, for tests that only add to it.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let dir = store();
            let said = run(firn_chain(dir.path()).arg("build"));
            assert_eq!(said.code, Some(0), "{}", said.talk);
            dir
        })
        .path()
}

/// The output of a built step.
pub fn output(step: &str) -> PathBuf {
    let said = run(firn_chain(built()).args(["build", step, "--format", "json"]));
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let steps = value["steps"].as_array().unwrap();
    let found = steps.iter().find(|s| s["record"]["step"] == step).unwrap();
    PathBuf::from(found["out"].as_str().unwrap())
}

/// A copy of `bootstrap/` with one more step, which compiles and runs a program of the test with the chain's tcc.
pub fn with_program(name: &str, source: &str, more: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(bootstrap(), dir.path());
    fs::write(dir.path().join(format!("{name}.c")), source).unwrap();
    let libc = ["amd64.S", "string.c", "system.c", "memory.c", "number.c", "stdio.c"]
        .map(|f| format!("'/src/libc/{f}'"))
        .join(", ");
    let text = format!(
        "name = '{name}'\ntitle = 'a test'\nwhy = 'a test'\norder = 99\ninputs = ['tcc', 'tcc-source']\nsources = ['libc', '{name}.c']\n\
         [[run]]\nargv = ['/in/tcc/tcc', '-nostdlib', '-nostdinc', '-static', '-I/src/libc/include', '-o', '/out/program', {libc}, \
         '/in/tcc-source/tcc/lib/libtcc1.c', '/in/tcc-source/tcc/lib/va_list.c', '/src/{name}.c']\n\
         [[run]]\nargv = ['/out/program']\nstdout = '/out/said'\n\
         [[output]]\npath = 'program'\nsha256 = ''\n[[output]]\npath = 'said'\nsha256 = ''\n{more}\n"
    );
    fs::write(dir.path().join("steps").join(format!("{name}.toml")), text).unwrap();
    dir
}

/// Builds the step that [`with_program`] added.
pub fn build_program(name: &str, source: &str, more: &str) -> Said {
    let dir = with_program(name, source, more);
    run(firn_chain(built())
        .arg("--bootstrap")
        .arg(dir.path())
        .args(["build", "--update-pins", name]))
}

/// All of the chain, in a copy of `bootstrap/` to add steps to, with its sources in the store of [`built`].
pub fn all_of_it() -> TempDir {
    static FETCHED: OnceLock<()> = OnceLock::new();
    let folder = tempfile::tempdir().unwrap();
    copy(&whole(), folder.path());
    FETCHED.get_or_init(|| {
        let said = run(firn_chain(built())
            .arg("--bootstrap")
            .arg(folder.path())
            .arg("fetch")
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"));
        assert_eq!(said.code, Some(0), "sources cannot be had from Debian: {}", said.talk);
    });
    folder
}

/// Runs a command on such a folder, in the store of [`built`].
pub fn build_in(folder: &Path, words: &[&str]) -> Said {
    run(firn_chain(built()).arg("--bootstrap").arg(folder).args(words))
}

/// Builds a step of such a folder, whatever comes out; its output.
pub fn output_in(folder: &Path, step: &str) -> PathBuf {
    let said = build_in(folder, &["build", "--update-pins", step]);
    assert!(matches!(said.code, Some(0 | 4)), "{}", said.talk);
    let said = build_in(folder, &["build", step, "--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let steps = value["steps"].as_array().unwrap();
    let found = steps.iter().find(|s| s["record"]["step"] == step).unwrap();
    PathBuf::from(found["out"].as_str().unwrap())
}
