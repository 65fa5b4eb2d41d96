//! What builds are made with: ar, the shell, and what a step with a shell sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::place::{all_of_it, build_in, built, firn_chain, output_in};

/// A step that runs a script of the test with the chain's shell.
fn script(folder: &Path, name: &str, script: &str, more: &str) {
    fs::write(folder.join(name), script).unwrap();
    let step = format!(
        "name = '{name}'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['busybox']\nshell = 'busybox'\nsources = ['{name}']\n\
         [[run]]\nargv = ['/bin/sh', '/src/{name}']\nstdout = '/out/said'\n[[output]]\npath = 'said'\nsha256 = ''\n[limits]\nprocesses = 16\n{more}"
    );
    fs::write(folder.join("steps").join(format!("{name}.toml")), step).unwrap();
}

#[test]
fn security_a_step_with_a_shell_sees_the_chain_and_nothing_of_the_host() {
    let folder = all_of_it();
    let look = "PATH=/bin\nfind / -path /in/busybox -prune -o -path /bin -prune -o -print | sort\n\
        for f in /bin/sh /bin/evil /in/busybox/bin/sh /dev/null /dev/zero /evil; do { echo > $f; } 2> /tmp/e && echo \"wrote $f\"; done\n\
        rm -f /dev/null /bin/sh 2> /tmp/e || echo kept\ntest -c /dev/null && echo device\nuname -n\nid -u\nenv | sort\n";
    script(folder.path(), "look", look, "");
    let said = fs::read_to_string(output_in(folder.path(), "look").join("said")).unwrap();
    let seen: Vec<&str> = said.lines().collect();
    assert_eq!(
        seen,
        [
            "/",
            "/dev",
            "/dev/null",
            "/in",
            "/out",
            "/out/said",
            "/src",
            "/src/look",
            "/tmp",
            "/work",
            "wrote /dev/null",
            "kept",
            "device",
            "firn",
            "1000",
            "HOME=/tmp",
            "LC_ALL=C",
            "PATH=/bin",
            "PWD=/out",
            "SHLVL=1",
            "SOURCE_DATE_EPOCH=1",
            "TZ=UTC",
        ]
    );
}

#[test]
fn a_step_without_a_shell_has_neither_bin_nor_devices() {
    let folder = all_of_it();
    script(folder.path(), "bare", "PATH=/in/busybox/bin\nls /\n", "");
    let file = folder.path().join("steps/bare.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("shell = 'busybox'\n", "").replace("'/bin/sh'", "'/in/busybox/bin/sh'"),
    )
    .unwrap();
    let said = fs::read_to_string(output_in(folder.path(), "bare").join("said")).unwrap();
    assert_eq!(said, "in\nout\nsrc\ntmp\nwork\n");
    fs::write(&file, text.replace("inputs = ['busybox']", "inputs = ['ar']")).unwrap();
    let said = build_in(folder.path(), &["build", "bare"]);
    assert_eq!(said.code, Some(2), "{}", said.talk);
    assert!(
        said.talk.contains("takes its shell from a step that is none of its inputs"),
        "{}",
        said.talk
    );
}

#[test]
fn what_a_failed_step_said_is_kept_and_its_end_is_told() {
    let folder = all_of_it();
    let text = "i=0\nwhile [ $i -lt 1000 ]; do echo line $i >&2; i=$((i + 1)); done\necho the reason >&2\nexit 5\n";
    script(folder.path(), "fails", text, "");
    let said = build_in(folder.path(), &["build", "fails"]);
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(
        said.talk.contains("/bin/sh ended with code 5 and said, in the end: "),
        "{}",
        said.talk
    );
    assert!(said.talk.contains("the reason") && !said.talk.contains("line 0\n"), "{}", said.talk);
    let log = fs::read_to_string(built().canonicalize().unwrap().join("failed/fails.log")).unwrap();
    assert!(log.starts_with("line 0\n") && log.ends_with("the reason\n"));
}

#[test]
fn a_build_killed_within_a_step_of_many_processes_takes_them_along_and_is_made_again() {
    let folder = all_of_it();
    // Children that note when they start and would note when they end.
    let text = "PATH=/bin\nfor i in 1 2 3; do { echo start >> /out/said; sleep 6; echo end >> /out/said; } & done\nwait\n";
    script(folder.path(), "slow", text, "");
    let said = build_in(folder.path(), &["build", "busybox"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let work = built().join("work");
    let mut child = firn_chain(built())
        .arg("--bootstrap")
        .arg(folder.path())
        .args(["build", "--update-pins", "slow"])
        .spawn()
        .unwrap();
    let started = Instant::now();
    let file = loop {
        let found = fs::read_dir(&work).unwrap().flatten().find_map(|e| {
            let file = e.path().join("out/said");
            let name = e.file_name().to_string_lossy().into_owned();
            (name.starts_with("slow-") && fs::read_to_string(&file).is_ok_and(|t| t.lines().count() == 3)).then_some(file)
        });
        match found {
            Some(file) => break file,
            None => assert!(started.elapsed() < Duration::from_secs(60), "it did not start"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default().matches("end").count(),
        0,
        "children lived on"
    );
    let said = fs::read_to_string(output_in(folder.path(), "slow").join("said")).unwrap();
    assert_eq!((said.matches("start").count(), said.matches("end").count()), (3, 3));
}

/// ar of the chain beside the host's.
struct Archiver {
    dir: tempfile::TempDir,
    own: PathBuf,
}

impl Archiver {
    fn new() -> Self {
        let folder = all_of_it();
        let own = output_in(folder.path(), "ar").join("bin/ar");
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a", "int a; int __attribute__((weak)) weak(void) { return 1; } static int hidden;"),
            ("b", "int common; extern int other; int b(void) { return other; }"),
            ("a_name_of_more_than_fifteen_bytes", "int long_name(void) { return 3; }"),
        ] {
            let source = dir.path().join(format!("{name}.c"));
            fs::write(&source, text).unwrap();
            let object = dir.path().join(format!("{name}.o"));
            let made = Command::new("gcc").args(["-fcommon", "-c", "-o"]).arg(object).arg(source).status();
            assert!(made.unwrap().success());
        }
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::copy(dir.path().join("b.o"), dir.path().join("sub/a.o")).unwrap();
        Self { dir, own }
    }

    fn run(&self, program: &Path, words: &[&str]) -> Output {
        Command::new(program).args(words).current_dir(self.dir.path()).output().unwrap()
    }

    fn own(&self, words: &[&str]) -> String {
        let said = self.run(&self.own, words);
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap()
    }

    fn host(&self, program: &str, words: &[&str]) -> String {
        let said = self.run(Path::new(program), words);
        assert!(
            said.status.success(),
            "{program} {words:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8(said.stdout).unwrap()
    }
}

const LONG: &str = "a_name_of_more_than_fifteen_bytes.o";

#[test]
fn archives_of_our_ar_are_those_of_the_hosts() {
    let ar = Archiver::new();
    ar.own(&["cru", "own.a", "a.o", LONG, "b.o"]);
    ar.host("ar", &["rcsD", "host.a", "a.o", LONG, "b.o"]);
    let index = ar.host("nm", &["-s", "own.a"]);
    assert_eq!(index, ar.host("nm", &["-s", "host.a"]));
    for name in ["weak in a.o", "common in b.o", "long_name in a_name_of_more_than_fifteen_bytes.o"] {
        assert!(index.contains(name), "{index}");
    }
    assert_eq!(ar.own(&["t", "host.a"]), format!("a.o\n{LONG}\nb.o\n"));
    assert_eq!(ar.host("ar", &["t", "own.a"]), format!("a.o\n{LONG}\nb.o\n"));
    // Taken out, put in again, replaced in its place, taken away.
    fs::rename(ar.dir.path().join(LONG), ar.dir.path().join("kept")).unwrap();
    ar.own(&["x", "own.a", LONG]);
    let bytes = |name: &str| fs::read(ar.dir.path().join(name)).unwrap();
    assert_eq!(bytes(LONG), bytes("kept"));
    let before = bytes("own.a");
    ar.own(&["r", "own.a", "a.o"]);
    assert_eq!(bytes("own.a"), before);
    ar.own(&["d", "own.a", "a.o"]);
    assert_eq!(ar.host("ar", &["t", "own.a"]), format!("{LONG}\nb.o\n"));
    // ranlib, by its name; a second index is not added.
    let ranlib = ar.own.with_file_name("ranlib");
    assert!(ar.run(&ranlib, &["own.a"]).status.success());
    assert_eq!(ar.host("nm", &["-s", "own.a"]).matches("long_name").count(), 2);
}

#[test]
fn files_of_one_name_are_several_members_as_musl_needs() {
    // src/malloc/free.c and src/malloc/mallocng/free.c: the second once took the place of the first.
    let ar = Archiver::new();
    ar.own(&["rc", "two.a", "a.o", "sub/a.o"]);
    assert_eq!(ar.host("ar", &["t", "two.a"]), "a.o\na.o\n");
    let index = ar.host("nm", &["-s", "two.a"]);
    assert!(index.contains("weak in a.o") && index.contains("common in a.o"), "{index}");
}

#[test]
fn damaged_archives_are_refused_by_our_ar() {
    let ar = Archiver::new();
    ar.own(&["rc", "good.a", "a.o", LONG]);
    let good = fs::read(ar.dir.path().join("good.a")).unwrap();
    for at in [0, 8 + 48, 8 + 58, good.len() - 700] {
        for value in [0u8, b'9', 0xFF] {
            let mut bad = good.clone();
            bad[at] = value;
            fs::write(ar.dir.path().join("bad.a"), &bad).unwrap();
            let said = ar.run(&ar.own, &["t", "bad.a"]);
            assert!(said.status.code().is_some(), "{at} {value}: ended by a signal");
        }
    }
    for cut in [4, 20, good.len() / 2] {
        fs::write(ar.dir.path().join("bad.a"), &good[..cut]).unwrap();
        let said = ar.run(&ar.own, &["x", "bad.a"]);
        assert!(said.status.code().is_some(), "{cut}");
    }
    assert_eq!(ar.run(&ar.own, &["t", "nothing.a"]).status.code(), Some(1));
    assert_eq!(ar.run(&ar.own, &["r", "new.a", "nothing.o"]).status.code(), Some(1));
}
