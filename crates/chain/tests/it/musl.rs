//! From tcc to tcc on musl, a C compiler that is called as any other, and make.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::place::{all_of_it as folder, build_in as command};

/// What a C library is for: text, numbers, memory, time, processes, threads, jumps.
const PROGRAM: &str = r#"
#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count;
static void *work(void *n)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        count += (long)n;
        pthread_mutex_unlock(&lock);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char *words[] = { "seed", "hex1", "masm", "cc0", "cc1", "tcc", "musl" }, text[100];
    jmp_buf place;
    volatile int back = 0;
    pthread_t threads[3];
    time_t then = 951782400;
    regex_t re;
    regmatch_t found[2];
    int status;
    long double most;
    qsort(words, 7, sizeof *words, compare);
    for (int i = 0; i < 7; i++) printf("%s%c", words[i], i < 6 ? ' ' : '\n');
    printf("%.17g %.17g %a %Lg %d %ld\n", sqrt(2.0), exp(1.0), 0x1.8p-3, strtold("1e4000", 0), argc, strtol("-0x7f", 0, 0));
    most = ldexpl(1.0L, 16383);
    printf("%.20Lg %.3e %g %g\n", most, strtod("4.9e-324", 0), floor(-2.5), fmod(7.5, 2));
    if (setjmp(place) < 3) longjmp(place, ++back);
    char *p = malloc(10), *q = realloc(strcpy(p, "kept"), 5000000);
    printf("%d %s\n", back, q);
    free(q);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a", gmtime(&then));
    printf("%s %ld\n", text, (long)wcslen(L"wide"));
    if (regcomp(&re, "a(b+)c", REG_EXTENDED) || regexec(&re, "xxabbbcx", 2, found, 0)) return 1;
    printf("%d %d\n", (int)found[1].rm_so, (int)found[1].rm_eo);
    for (long i = 0; i < 3; i++) if (pthread_create(&threads[i], 0, work, (void *)(i + 1))) return 2;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    printf("%ld\n", count);
    fflush(stdout);
    if (fork() == 0) _exit(7);
    wait(&status);
    printf("%d\n", WEXITSTATUS(status));
    return 0;
}
"#;

const STEP: &str = "name = 'hello'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['musl', 'tcc-musl']\nsources = ['hello.c']\n\
    [[run]]\nargv = ['/in/tcc-musl/tcc', '-static', '-o', '/out/hello', '/src/hello.c']\n\
    [[run]]\nargv = ['/out/hello']\nstdout = '/out/said'\n\
    [[output]]\npath = 'hello'\nsha256 = ''\n[[output]]\npath = 'said'\nsha256 = ''\n[limits]\nprocesses = 8\n";

#[test]
fn make_builds_what_changed_and_starts_programs_without_a_shell() {
    let folder = folder();
    fs::write(
        folder.path().join("Makefile"),
        "CC = /in/tcc-musl/tcc\nvpath %.c /src\nNAMES := $(sort b a)\nprogram: $(NAMES:=.o)\n\t$(CC) -static -o $@ $^\n%.o: %.c\n\t$(CC) -c -o $@ $<\n\
         check: program\n\t./program\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("a.c"),
        "int b(void);\n#include <stdio.h>\nint main() { printf(\"made %d\\n\", b()); return 0; }\n",
    )
    .unwrap();
    fs::write(folder.path().join("b.c"), "int b(void) { return 42; }\n").unwrap();
    let run = |goal: &str, to: &str| {
        format!("[[run]]\nargv = ['/in/make/make', '-f', '/src/Makefile', '-j2', '{goal}']\ndirectory = '/work'\nstdout = '/out/{to}'\n")
    };
    let outputs = ["first", "second", "third"]
        .map(|o| format!("[[output]]\npath = '{o}'\nsha256 = ''\n"))
        .concat();
    let step = format!(
        "name = 'made'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['musl', 'tcc-musl', 'make']\nsources = ['Makefile', 'a.c', 'b.c']\n{}{}{}{outputs}\
         [limits]\nprocesses = 8\n",
        run("program", "first"),
        run("program", "second"),
        run("check", "third")
    );
    fs::write(folder.path().join("steps/made.toml"), step).unwrap();
    let said = command(folder.path(), &["build", "make"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = command(folder.path(), &["build", "--update-pins", "made"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = command(folder.path(), &["build", "made", "--format", "json"]);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let out = value["steps"].as_array().unwrap().last().unwrap()["out"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = |name: &str| fs::read_to_string(Path::new(&out).join(name)).unwrap();
    let mut first: Vec<String> = read("first").lines().map(str::to_owned).collect();
    first.sort();
    assert_eq!(
        first,
        [
            "/in/tcc-musl/tcc -c -o a.o /src/a.c",
            "/in/tcc-musl/tcc -c -o b.o /src/b.c",
            "/in/tcc-musl/tcc -static -o program a.o b.o"
        ]
    );
    assert_eq!(read("second"), "make: 'program' is up to date.\n");
    assert_eq!(read("third"), "./program\nmade 42\n");
}

#[test]
fn tcc_on_musl_is_a_compiler_as_any_other() {
    let folder = folder();
    fs::write(folder.path().join("hello.c"), PROGRAM).unwrap();
    fs::write(folder.path().join("steps/hello.toml"), STEP).unwrap();
    let command = |words: &[&str]| command(folder.path(), words);
    // To the pins; the two tccs are the same, which the step asks for.
    let said = command(&["build", "tcc-musl"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = command(&["build", "--update-pins", "hello"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let said = command(&["build", "hello", "--format", "json"]);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let steps = value["steps"].as_array().unwrap();
    let out = |step: &str| {
        let step = steps.iter().find(|s| s["record"]["step"] == step).unwrap();
        std::path::PathBuf::from(step["out"].as_str().unwrap())
    };
    // glibc and gcc say the same.
    must(
        Command::new("gcc")
            .current_dir(folder.path())
            .args(["-w", "-o", "host", "hello.c", "-lm", "-lpthread"]),
    );
    let host = Command::new(folder.path().join("host")).output().unwrap();
    let ours = fs::read_to_string(out("hello").join("said")).unwrap();
    assert_eq!(ours.lines().count(), 8, "{ours}");
    assert_eq!(ours, String::from_utf8(host.stdout).unwrap());

    // The headers that a program of ours makes are those that musl makes with sed.
    let source = out("musl-source").join("src/musl-1.2.3");
    let template = |name: &str| source.join(name).display().to_string();
    let sed = |words: &[&str]| String::from_utf8(Command::new("sed").args(words).output().unwrap().stdout).unwrap();
    let made = |name: &str| fs::read_to_string(out("musl").join("include/bits").join(name)).unwrap();
    let types = [template("arch/x86_64/bits/alltypes.h.in"), template("include/alltypes.h.in")];
    fs::write(folder.path().join("types.sed"), TYPES).unwrap();
    let script = folder.path().join("types.sed").display().to_string();
    assert_eq!(made("alltypes.h"), sed(&["-f", &script, &types[0], &types[1]]));
    let numbers = template("arch/x86_64/bits/syscall.h.in");
    let second = sed(&["-n", "-e", "s/__NR_/SYS_/p", &numbers]);
    assert_eq!(made("syscall.h"), fs::read_to_string(&numbers).unwrap() + &second);
    assert!(second.lines().count() > 300);
}

/// What the templates mean, for sed.
const TYPES: &str = r"
s/^TYPEDEF \(.*\) \([^ ]*\);$/#if defined(__NEED_\2) \&\& !defined(__DEFINED_\2)\ntypedef \1 \2;\n#define __DEFINED_\2\n#endif\n/
s/^STRUCT \([^ ]*\) \(.*\);$/#if defined(__NEED_struct_\1) \&\& !defined(__DEFINED_struct_\1)\nstruct \1 \2;\n#define __DEFINED_struct_\1\n#endif\n/
s/^UNION \([^ ]*\) \(.*\);$/#if defined(__NEED_union_\1) \&\& !defined(__DEFINED_union_\1)\nunion \1 \2;\n#define __DEFINED_union_\1\n#endif\n/
";

fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
