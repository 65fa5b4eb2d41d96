//! What a step tries on purpose. Each attack is a program that the chain's own tcc compiles and the engine runs.

use std::time::{Duration, Instant};

use crate::place::build_program;

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
    // fork, vfork, clone, clone3; unshare, setns; mount; ptrace; setuid; keyctl; bpf
    refused(
        "forks",
        "firn_syscall(57, 0, 0, 0) == -1 && firn_syscall(58, 0, 0, 0) == -1 && firn_syscall(56, 17, 0, 0) == -1 \
         && firn_syscall(435, 0, 0, 0) == -1 && firn_syscall(272, 0x10000000, 0, 0) == -1 && firn_syscall(308, 0, 0, 0) == -1 \
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
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if is_root {
        assert_eq!(said.code, Some(3), "{}", said.talk);
        assert!(said.talk.contains("the kernel does not hold root to a limit"), "{}", said.talk);
    } else {
        assert_eq!(said.code, Some(1), "{}", said.talk);
        assert!(said.talk.contains("took longer than 1 s and was killed"), "{}", said.talk);
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
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
