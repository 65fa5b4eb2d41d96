//! What tcc got wrong on the way to GCC: each trap by a program that fell into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{all_of_it, output_in};

/// A step that compiles files of the test with tcc on musl, runs the program, and returns what it said.
fn say(name: &str, files: &[(&str, &str)], commands: &str) -> String {
    let folder = all_of_it();
    let mut sources = String::new();
    for (file, text) in files {
        fs::write(folder.path().join(file), text).unwrap();
        sources += &format!("'{file}', ");
    }
    fs::write(
        folder.path().join(name),
        format!("set -e\nPATH=/bin:/in/ar/bin\ncd /work\ntcc=/in/tcc-musl/tcc\n{commands}\n"),
    )
    .unwrap();
    let step = format!(
        "name = '{name}'\ntitle = 't'\nwhy = 'w'\norder = 99\ninputs = ['busybox', 'tcc-musl', 'musl', 'ar']\nshell = 'busybox'\n\
         sources = [{sources}'{name}']\n[[run]]\nargv = ['/bin/sh', '/src/{name}']\nstdout = '/out/said'\n[[output]]\npath = 'said'\nsha256 = ''\n\
         [limits]\nprocesses = 16\n"
    );
    fs::write(folder.path().join("steps").join(format!("{name}.toml")), step).unwrap();
    fs::read_to_string(output_in(folder.path(), name).join("said")).unwrap()
}

#[test]
fn hexadecimal_floats_of_long_double_are_not_made_through_double() {
    let program = "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main() { long double x = 0x1p16383L, y = 0x1.000000000000002p0L;\n\
        printf(\"%d %d %d %d %d\\n\", isinf(x), x == ldexpl(1, 16383), y > 1, y == 1 + ldexpl(1, -59), 0x1.8p-3 == 0.1875);\n\
        printf(\"%d %d\\n\", scalbnl(1, 16383) == x, strtold(\"0x1p16383\", 0) == x); return 0; }\n";
    assert_eq!(
        say("hex", &[("x.c", program)], "$tcc -static -o x /src/x.c; ./x"),
        "0 1 1 1 1\n1 1\n"
    );
}

#[test]
fn negative_constants_become_whole_numbers_with_their_sign() {
    let program = "#include <stdio.h>\nint main() { printf(\"%d %ld\\n\", (int)-2.9, (long)-2.9L); return 0; }\n";
    assert_eq!(say("sign", &[("x.c", program)], "$tcc -static -o x /src/x.c; ./x"), "-2 -2\n");
}

/// GCC's C++ compiler, compiled by a tcc that gets this wrong, looks for ever for the end of a chain of pointers.
#[test]
fn the_last_return_of_a_function_leaves_the_loop_that_it_ends() {
    let program = "#include <stdio.h>\n\
        static int by_while(int n) { while (1) if (n > 10) n = n / 2; else return n; }\n\
        static int by_for(int n) { for (;;) if (n > 10) n = n - 7; else if (n > 9) n = 1; else return n; }\n\
        static int in_switch(int n) { switch (n) case 1: if (n) return 5; return 6; }\n\
        static void nothing(int *n) { for (;; ++*n) if (*n > 3) return; }\n\
        int main() { int n = 0; nothing(&n); printf(\"%d %d %d %d %d\\n\", by_while(100), by_for(100), in_switch(1), in_switch(2), n); return 0; }\n";
    assert_eq!(say("loop", &[("x.c", program)], "$tcc -static -o x /src/x.c; ./x"), "6 9 5 6 4\n");
}

#[test]
fn an_alias_is_a_second_name_and_not_another_spelling() {
    let one = "int real(void) { return 7; }\nint other(void) __attribute__((alias(\"real\")));\nint __attribute__((weak, alias(\"real\"))) third(void);\n";
    let two = "#include <stdio.h>\nint real(void), other(void), third(void);\nint main() { printf(\"%d %d %d %d\\n\", real(), other(), third(), real == other); return 0; }\n";
    let commands = "$tcc -c -o one.o /src/one.c; $tcc -c -o two.o /src/two.c; $tcc -static -o x one.o two.o; ./x";
    assert_eq!(say("alias", &[("one.c", one), ("two.c", two)], commands), "7 7 7 1\n");
}

#[test]
fn weak_symbols_are_found_in_archives_of_tcc_and_of_ours() {
    let weak = "int __attribute__((weak)) answer(void) { return 42; }\nint __attribute__((weak)) number = 5;\n";
    let asks =
        "#include <stdio.h>\nint answer(void); extern int number;\nint main() { printf(\"%d %d\\n\", answer(), number); return 0; }\n";
    let commands = "$tcc -c -o a_weak_one_with_a_long_name.o /src/weak.c\n\
        $tcc -ar rcs one.a a_weak_one_with_a_long_name.o; $tcc -static -o x /src/asks.c one.a; ./x\n\
        ar rc two.a a_weak_one_with_a_long_name.o; $tcc -static -o y /src/asks.c two.a; ./y\n\
        ar t two.a; rm *.o; ar x two.a; ls *.o";
    let name = "a_weak_one_with_a_long_name.o";
    assert_eq!(
        say("weak", &[("weak.c", weak), ("asks.c", asks)], commands),
        format!("42 5\n42 5\n{name}\n{name}\n")
    );
}

/// Where the chain keeps what it does: outside, so that nothing but tcc keeps it from the device.
fn tcc() -> PathBuf {
    output_in(all_of_it().path(), "tcc-musl").join("tcc")
}

#[test]
fn tcc_leaves_device_nodes_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.c"), "int _start(void) { return 0; }\n").unwrap();
    // A /dev of its own, where root may make devices and lose them.
    let script = format!(
        "mount -t tmpfs dev /dev && mknod -m 666 /dev/null c 1 3 || exit 99\n'{}' -nostdlib -static -o /dev/null '{}' || exit 1\ntest -c /dev/null || exit 2\n",
        tcc().display(),
        dir.path().join("x.c").display()
    );
    let said = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    match said.status.code() {
        Some(0) => assert!(Path::new("/dev/null").exists()),
        Some(1 | 2) => panic!("tcc took the device away: {}", String::from_utf8_lossy(&said.stderr)),
        other => eprintln!("SKIPPED: device nodes, which only root can make: {other:?}"),
    }
}
