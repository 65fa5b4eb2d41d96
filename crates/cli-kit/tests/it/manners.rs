use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn mannered() -> Command {
    // Cargo builds examples beside the test's own folder.
    let test = std::env::current_exe().unwrap();
    let program: PathBuf = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/mannered");
    let mut command = Command::new(program);
    command.env_remove("FIRN_LOG").env_remove("MANNERED_NAME").stdin(Stdio::null());
    command
}

/// One text with exit code, stdout and stderr; times and rates are the only thing that varies.
fn snapshot(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    let stderr: Vec<&str> = stderr.lines().map(|l| l.split("people in ").next().unwrap_or_default()).collect();
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}\n",
        done.status.code().unwrap(),
        String::from_utf8(done.stdout).unwrap(),
        stderr.join("\n")
    )
}

#[test]
fn data_on_stdout_talk_on_stderr() {
    assert_eq!(
        snapshot(mannered().args(["greet", "wor\u{202e}ld"])),
        "exit 0\n--- stdout\nhello\nwor\\u{202e}ld\n--- stderr\ngreet: 1 \n"
    );
}

#[test]
fn quiet_json() {
    assert_eq!(
        snapshot(mannered().args(["greet", "world", "--quiet", "--format", "jsonl"])),
        "exit 0\n--- stdout\n[\"world\"]\n--- stderr\n\n"
    );
}

#[test]
fn failure_with_hint() {
    assert_eq!(
        snapshot(mannered().arg("fail")),
        "exit 3\n--- stdout\n--- stderr\nerror: fetch the moon\nhint: try the sun\n"
    );
}

#[test]
fn bad_usage_is_2() {
    let text = snapshot(mannered().arg("dance"));
    assert!(
        text.starts_with("exit 2\n--- stdout\n--- stderr\nerror: unrecognized subcommand 'dance'\n"),
        "{text}"
    );
}

#[test]
fn bad_log_filter_is_2() {
    let text = snapshot(mannered().env("FIRN_LOG", "no[such").arg("fail"));
    assert!(
        text.starts_with("exit 2\n--- stdout\n--- stderr\nerror: read the log filter in FIRN_LOG\n  caused by: "),
        "{text}"
    );
}

#[test]
fn panic_is_70() {
    let text = snapshot(mannered().arg("panic"));
    assert!(
        text.starts_with("exit 70\n--- stdout\n--- stderr\nerror: this is a bug: a\\nsurprise at "),
        "{text}"
    );
    assert!(
        text.ends_with("\nhint: please report it with the command line and the lines above\n"),
        "{text}"
    );
}

#[test]
fn reader_that_goes_away_ends_it_quietly() {
    let mut child = mannered()
        .arg("forever")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(
        (done.status.code(), done.stderr.as_slice(), &first),
        (Some(0), b"".as_slice(), b"still here")
    );
}

#[test]
fn page_about_the_command_line() {
    // The reader's environment must not show in a page that is compared with the book.
    let page = mannered().env("MANNERED_NAME", "secret").arg("help-markdown").output().unwrap();
    assert_eq!(String::from_utf8(page.stdout).unwrap(), include_str!("page.md"));
}

#[test]
fn man_pages_for_every_visible_command() {
    let dir = std::env::temp_dir().join(format!("cli-kit-man-{}", std::process::id()));
    let done = mannered().arg("man").arg("--out").arg(&dir).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let mut names: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(
        names,
        [
            "mannered-fail.1",
            "mannered-forever.1",
            "mannered-greet.1",
            "mannered-panic.1",
            "mannered.1"
        ]
    );
}

#[test]
fn completions_for_bash() {
    let done = mannered().args(["completions", "bash"]).output().unwrap();
    let script = String::from_utf8(done.stdout).unwrap();
    assert!(
        script.contains("mannered__subcmd__greet") || script.contains("mannered__greet"),
        "{script}"
    );
}
