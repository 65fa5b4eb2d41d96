//! What a step tries on purpose. Each attack is a program that the chain's own tcc compiles and the engine runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{build_program, built, firn_chain, run, store, with_program};

/// A program that ends with `code` if the expression is true, else with 0.
fn ends_if(condition: &str) -> String {
    format!("#include <libc.h>\nint main() {{ return ({condition}) ? 77 : 0; }}\n")
}

fn refused(name: &str, condition: &str) {
    let said = build_program(name, &ends_if(condition), "");
    assert_eq!(said.code, Some(1), "{name}: {}", said.talk);
    assert!(said.talk.contains("/out/program ended with code 77"), "{name}: {}", said.talk);
}

#[test]
fn the_network_is_not_there() {
    // socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, ..): not permitted
    refused("network", "firn_syscall(41, 2, 1, 0) == -1 && firn_syscall(41, 1, 1, 0) == -1");
}

#[test]
fn files_of_the_host_are_not_there() {
    refused(
        "files",
        "open(\"/etc/passwd\", 0) < 0 && open(\"/proc/self/maps\", 0) < 0 && open(\"/dev/null\", 0) < 0 && open(\"/root\", 0) < 0 \
         && open(\"/in/tcc-by-cc1/tcc\", 0) < 0 && open(\"/../etc/passwd\", 0) < 0 && open(\"/in/tcc/tcc\", 0) >= 0",
    );
}

#[test]
fn nothing_can_be_written_but_the_output() {
    refused(
        "writes",
        "open(\"/evil\", 65, 0666) < 0 && open(\"/in/tcc/evil\", 65, 0666) < 0 && open(\"/in/tcc/tcc\", 1) < 0 \
         && open(\"/src/libc/evil\", 65, 0666) < 0 && unlink(\"/src/libc/string.c\") < 0 && open(\"/tmp/fine\", 65, 0666) >= 0 \
         && open(\"/out/fine\", 65, 0666) >= 0",
    );
}

#[test]
fn no_process_can_be_made_and_no_right_gained() {
    // fork, vfork, clone, clone3 (as if it did not exist); unshare, setns; mount; ptrace; setuid; keyctl; bpf
    refused(
        "forks",
        "firn_syscall(57, 0, 0, 0) == -1 && firn_syscall(58, 0, 0, 0) == -1 && firn_syscall(56, 17, 0, 0) == -1 \
         && firn_syscall(435, 0, 0, 0) == -38 && firn_syscall(272, 0x10000000, 0, 0) == -1 && firn_syscall(308, 0, 0, 0) == -1 \
         && firn_syscall(165, 0, 0, 0) == -1 && firn_syscall(101, 0, 0, 0) == -1 && firn_syscall(105, 0, 0, 0) == -1 \
         && firn_syscall(250, 0, 0, 0) == -1 && firn_syscall(321, 0, 0, 0) == -1",
    );
}

/// Forks until it cannot, at most 64 times so that a limit that does not hold harms nobody; then waits to be killed, as its children do.
const BOMB: &str = "#include <libc.h>\nint main() { int i; long time[2]; time[0] = 100; time[1] = 0;\n\
    for (i = 0; i < 64; i++) { long p = firn_syscall(57, 0, 0, 0); if (p < 0) break; if (p == 0) firn_syscall(35, (long)time, 0, 0); }\n\
    if (i == 64) return 77; firn_syscall(35, (long)time, 0, 0); return 0; }\n";

#[test]
fn a_fork_bomb_of_a_step_that_may_fork_is_held_and_killed_whole() {
    let started = Instant::now();
    let said = build_program("bomb", BOMB, "[limits]\nprocesses = 8\nseconds = 1\n");
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(said.talk.contains("took longer than 1 s and was killed"), "{}", said.talk);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_step_has_exactly_the_processes_it_may_have_whoever_runs_the_engine() {
    // Fifteen children and itself. Root would get all 64, if steps were root outside.
    let count = BOMB.replace("firn_syscall(35, (long)time, 0, 0); return 0;", "return i;");
    assert_ne!(count, BOMB);
    let said = build_program("count", &count, "[limits]\nprocesses = 16\nseconds = 20\n");
    assert!(said.talk.contains("ended with code 15"), "{}", said.talk);
}

#[test]
fn no_way_of_calling_the_system_goes_round_the_list() {
    // x32's getpid, and open as another number; io_uring_setup, open_by_handle_at, pidfd_getfd, process_vm_readv, userfaultfd,
    // perf_event_open, personality, prctl, add_key, request_key, ioctl
    refused(
        "numbers",
        "firn_syscall(0x40000027, 0, 0, 0) == -1 && firn_syscall(0x40000002, (long)\"/out\", 0, 0) == -1 && firn_syscall(425, 1, 0, 0) == -1 \
         && firn_syscall(304, 0, 0, 0) == -1 && firn_syscall(438, 0, 0, 0) == -1 && firn_syscall(310, 0, 0, 0) == -1 \
         && firn_syscall(323, 0, 0, 0) == -1 && firn_syscall(298, 0, 0, 0) == -1 && firn_syscall(135, 0, 0, 0) == -1 \
         && firn_syscall(157, 0, 0, 0) == -1 && firn_syscall(248, 0, 0, 0) == -1 && firn_syscall(249, 0, 0, 0) == -1 \
         && firn_syscall(16, 0, 0, 0) == -1",
    );
    // The calls of 32-bit programs: 20 is getpid there, and writev, which is allowed, here.
    let old = "int main() { int r; __asm__ volatile(\"int $0x80\" : \"=a\"(r) : \"a\"(20)); return 77; }\n";
    let said = build_program("old", old, "");
    assert!(said.talk.contains("was ended by signal 31"), "{}", said.talk);
}

#[test]
fn nothing_but_files_folders_and_links_can_be_made() {
    // mknod and mknodat (a pipe, a device), a socket's address, link from an input, chown, setxattr; then hard links and set-user-id
    // bits, which can be made but do not last.
    let source = ends_if(
        "firn_syscall(133, (long)\"/out/p\", 0010644, 0) == -1 && firn_syscall(133, (long)\"/out/d\", 0020644, 0x103) == -1 \
         && firn_syscall(259, -100, (long)\"/out/p\", 0010644) == -1 && firn_syscall(49, 0, 0, 0) == -1 \
         && firn_syscall(86, (long)\"/in/tcc/tcc\", (long)\"/out/l\", 0) < 0 && firn_syscall(92, (long)\"/out/said\", 0, 0) == -1 \
         && firn_syscall(188, (long)\"/out/said\", (long)\"user.x\", (long)\"y\") == -1 \
         && firn_syscall(86, (long)\"/out/program\", (long)\"/out/twin\", 0) == 0 \
         && firn_syscall(90, (long)\"/out/twin\", 06755, 0) == 0",
    )
    .replace("77 : 0", "0 : 77");
    let dir = with_program("kinds", &source, "[[output]]\npath = 'twin'\nsha256 = ''\n");
    let said = run(firn_chain(built())
        .arg("--bootstrap")
        .arg(dir.path())
        .args(["build", "--update-pins", "kinds"]));
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let entry = fs::read_dir(built())
        .unwrap()
        .flatten()
        .find(|e| e.file_name().to_string_lossy().ends_with("-kinds"));
    let twin = entry.unwrap().path().join("out/twin");
    assert_eq!(fs::metadata(twin).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn what_the_engine_was_started_with_does_not_reach_a_step() {
    // An open folder would be a way out of any root.
    let look =
        "#include <libc.h>\nint main() { int f; for (f = 3; f < 64; f++) if (firn_syscall(72, f, 1, 0) != -9) return 1; return 77; }\n";
    let dir = with_program("inherits", look, "");
    let mut engine = firn_chain(built());
    engine
        .arg("--bootstrap")
        .arg(dir.path())
        .args(["build", "--update-pins", "inherits"]);
    let mut shell = Command::new("/bin/sh");
    shell
        .env_clear()
        .env("HOME", "/none")
        .args(["-c", "exec \"$@\" 3</ 7</etc/passwd 9</", "sh"]);
    let said = run(shell.arg(engine.get_program()).args(engine.get_args()));
    assert!(said.talk.contains("ended with code 77"), "{}", said.talk);
}

#[test]
fn a_step_cannot_signal_what_started_it() {
    // To its group, to everybody, to its parent. Itself it cannot kill: it is the first process where it is.
    let kill = "#include <libc.h>\nint main() { firn_syscall(62, 0, 9, 0); firn_syscall(62, -1, 9, 0); firn_syscall(62, firn_syscall(110, 0, 0, 0), 9, 0); \
        return firn_syscall(110, 0, 0, 0) == 0 ? 77 : 1; }\n";
    let said = build_program("kills", kill, "[limits]\nprocesses = 2\n");
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(said.talk.contains("ended with code 77"), "{}", said.talk);
}

#[test]
fn links_that_a_step_leaves_are_not_followed_by_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    let to = victim.to_str().unwrap();
    let link = format!("#include <libc.h>\nint main() {{ return firn_syscall(88, (long)\"{to}\", (long)\"/out/x\", 0); }}\n");
    for more in [
        "[[run]]\nargv = ['/out/program']\nstdout = '/out/x'\n",
        "[[run]]\nargv = ['/out/program']\nstdin = '/out/x'\n",
        "[[run]]\nargv = ['/out/x']\n",
        "[[copy]]\nfrom = '/out/x'\nto = 'y'\nwhy = 'w'\n",
        "[[copy]]\nfrom = '/in/tcc/tcc'\nto = 'x'\nwhy = 'w'\n",
        "[[output]]\npath = 'x'\nsha256 = ''\nrun = true\n",
    ] {
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        let said = build_program("leaves", &link, more);
        assert_eq!(said.code, Some(3), "{more}: {}", said.talk);
        assert!(
            said.talk.contains("a link stands there, which is not followed"),
            "{more}: {}",
            said.talk
        );
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{more}");
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o600, "{more}");
    }
}

#[test]
fn where_namespaces_are_not_allowed_nothing_is_built() {
    let store = store();
    let mut engine = firn_chain(store.path());
    engine.args(["build", "seed-again"]);
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let mut shell = Command::new("unshare");
    shell.args(["--user", "--map-root-user", "sh", "-c", forbid, "sh"]);
    let said = run(shell.arg(engine.get_program()).args(engine.get_args()));
    assert_eq!(said.code, Some(3), "{}", said.talk);
    assert!(
        said.talk
            .contains("the system does not allow user namespaces, without which nothing is run"),
        "{}",
        said.talk
    );
    assert!(said.talk.contains("hint: allow them: sysctl"), "{}", said.talk);
    assert_eq!(run(&mut engine).code, Some(0));
}

#[test]
fn a_killed_engine_takes_its_steps_along() {
    let mark = format!("stays-{}", std::process::id());
    let more = format!("[[run]]\nargv = ['/out/program', '{mark}']\n[limits]\nseconds = 50\n");
    let dir = with_program(
        "stays",
        "int main(int count, char **words) { if (count == 2) for (;;); return 0; }\n",
        &more,
    );
    let store = store();
    let build = |step: &str| {
        let mut engine = firn_chain(store.path());
        engine.arg("--bootstrap").arg(dir.path()).args(["build", "--update-pins", step]);
        engine
    };
    assert_eq!(run(&mut build("tcc")).code, Some(4));
    let mut engine = build("stays").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let running = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let wanted = format!("/out/program\0{mark}\0");
        all.filter(|e| fs::read(e.path().join("cmdline")).is_ok_and(|c| c == wanted.as_bytes()))
            .count()
    };
    let until = |wanted: usize| {
        let started = Instant::now();
        while running() != wanted {
            assert!(started.elapsed() < Duration::from_secs(30), "{} run", running());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(1);
    engine.kill().unwrap();
    engine.wait().unwrap();
    until(0);
}

#[test]
fn a_step_that_never_ends_is_killed() {
    let said = build_program("loops", "int main() { for (;;); }\n", "[limits]\nseconds = 1\n");
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(
        said.talk.contains("took longer than 1 s and was killed") || said.talk.contains("was ended by signal"),
        "{}",
        said.talk
    );
}

#[test]
fn memory_and_file_size_are_limited() {
    let said = build_program("memory", &ends_if("sbrk(3000L << 20) == 0"), "");
    assert!(said.talk.contains("ended with code 77"), "{}", said.talk);
    // SIGXFSZ ends a program that writes beyond the limit.
    let large = "#include <libc.h>\nstatic char b[1 << 20];\nint main() { int i, f = open(\"/out/large\", 65, 0666); \
                 for (i = 0; i < 5; i++) if (write(f, b, 1 << 20) < 0) return 77; return 0; }\n";
    let said = build_program("large", large, "[limits]\nfile_mib = 2\n");
    assert_eq!(said.code, Some(1), "{}", said.talk);
    assert!(said.talk.contains("signal 25") || said.talk.contains("code 77"), "{}", said.talk);
}

#[test]
fn links_out_of_the_tree_and_files_nobody_declared_are_refused() {
    let link = |to: &str| format!("#include <libc.h>\nint main() {{ return firn_syscall(88, (long)\"{to}\", (long)\"/out/link\", 0); }}\n");
    for to in ["/etc/passwd", "../../x"] {
        let said = build_program("links", &link(to), "[[output]]\npath = 'link'\nsha256 = ''\n");
        assert_eq!(said.code, Some(1), "{}", said.talk);
        assert!(said.talk.contains("link is a link out of the tree"), "{}", said.talk);
    }
    let said = build_program("links", &link("said"), "[[output]]\npath = 'link'\nsha256 = ''\n");
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = build_program("undeclared", &link("said"), "");
    assert!(said.talk.contains("it made link, which is not declared as output"), "{}", said.talk);
    let absent = build_program("absent", "int main() { return 0; }\n", "[[output]]\npath = 'more'\nsha256 = ''\n");
    assert!(absent.talk.contains("it did not make more"), "{}", absent.talk);
}

#[test]
fn a_step_sees_the_same_environment_everywhere() {
    let look = "#include <libc.h>\nint main() { char **e; char n[400]; for (e = environ; *e; e++) puts(*e); firn_syscall(63, (long)n, 0, 0); puts(n + 65); \
                printf(\"%ld %ld\\n\", firn_syscall(102, 0, 0, 0), firn_syscall(39, 0, 0, 0)); return 77; }\n";
    let said = build_program(
        "look",
        &look
            .replace("puts(", "fprintf(stderr, \"%s\\n\", ")
            .replace("printf(\"%ld", "fprintf(stderr, \"%ld"),
        "",
    );
    let seen: Vec<&str> = said.talk.lines().collect();
    for line in [
        "PATH=/none",
        "TZ=UTC",
        "LC_ALL=C",
        "HOME=/tmp",
        "SOURCE_DATE_EPOCH=1",
        "firn",
        "1000 1",
    ] {
        assert!(said.talk.contains(line), "{line}: {seen:?}");
    }
    assert!(!said.talk.contains("FIRN"), "{seen:?}");
}
