//! cc0 and cc1 against gcc, by programs that use everything, by random ones, and by wrong ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::place::{bootstrap, output};

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

fn tool(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn must(command: &mut Command) {
    let (code, said) = tool(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
}

fn cc0(dir: &Path, source: &str) -> Result<(), String> {
    let amd64 = bootstrap().join("amd64");
    fs::write(dir.join("a.c"), source).unwrap();
    let (code, said) = tool(Command::new(output("cc0").join("cc0")).current_dir(dir).args(["a.masm", "a.c"]));
    if code != Some(0) {
        return Err(said);
    }
    must(Command::new(output("masm").join("masm")).current_dir(dir).args([
        Path::new("chain"),
        &amd64.join("amd64.masm"),
        &amd64.join("start.masm"),
        Path::new("a.masm"),
    ]));
    Ok(())
}

fn cc1(dir: &Path, source: &str) -> Result<(), String> {
    let libc = bootstrap().join("libc");
    fs::write(dir.join("a.c"), source).unwrap();
    let files = ["cc1.c", "string.c", "system.c", "memory.c", "number.c", "stdio.c"].map(|f| libc.join(f));
    let (code, said) = tool(
        Command::new(output("cc1").join("cc1"))
            .current_dir(dir)
            .args(["-o", "chain"])
            .arg(format!("-I{}", libc.join("include").display()))
            .args(files)
            .arg("a.c"),
    );
    if code == Some(0) { Ok(()) } else { Err(said) }
}

fn gcc(dir: &Path, options: &[&str]) {
    must(
        Command::new("gcc")
            .current_dir(dir)
            .args(["-w", "-fwrapv", "-O1"])
            .args(options)
            .args(["-o", "host", "a.c"]),
    );
}

fn run(dir: &Path, program: &str) -> (Option<i32>, String) {
    tool(&mut Command::new(dir.join(program)))
}

// ---- cc0 ----

/// gcc takes a number or comparison for 32 bits wide; `zero +` makes it a long for both.
fn small_expression(dice: &mut Dice, depth: u64) -> String {
    if depth == 0 || dice.below(8) == 0 {
        return match dice.below(7) {
            0 => format!("(zero + {})", dice.below(2_000_000_000)),
            1 => format!("(zero - {})", dice.below(300)),
            2 => format!("(zero + bytes[{}])", dice.below(16)),
            3 => format!("table[{}]", dice.below(8)),
            4 => format!("(zero + '{}')", dice.of(&["a", "\\n", "0", " ", "#"])),
            5 => "p->left".to_owned(),
            _ => dice.of(&["x", "y", "g", "h"]).to_owned(),
        };
    }
    let a = small_expression(dice, depth - 1);
    let b = small_expression(dice, depth - 1);
    match dice.below(14) {
        0..=2 => format!("({a} {} {b})", dice.of(&["+", "-", "*"])),
        3 | 4 => format!("({a} {} {b})", dice.of(&["&", "|", "^"])),
        5 => format!("({a} {} (({b} & 7) + 1))", dice.of(&["/", "%"])),
        6 => format!("({a} {} ({b} & 15))", dice.of(&["<<", ">>"])),
        7 | 8 => format!("(zero + ({a} {} {b}))", dice.of(&["<", ">", "<=", ">=", "==", "!="])),
        9 => format!("(zero + ({a} {} {b}))", dice.of(&["&&", "||"])),
        10 => format!("({}({a}))", dice.of(&["-", "~"])),
        11 => format!("(zero + !{a})"),
        12 => format!("table[{a} & 7]"),
        _ => format!("mix({a}, {b})"),
    }
}

fn small_statement(dice: &mut Dice, depth: u64, loops: &mut u64) -> String {
    let e = small_expression(dice, 3);
    match dice.below(if depth == 0 { 5 } else { 8 }) {
        0 => format!("bytes[{}] = {e};", dice.below(16)),
        1 => format!("table[{e} & 7] = {};", small_expression(dice, 2)),
        2 => format!("p->right = {e}; p->left = p->right ^ p->left;"),
        3 | 4 => format!("{} = {e};", dice.of(&["x", "y", "g", "h"])),
        5 => format!(
            "if ({e}) {{ {} }} else {{ {} }}",
            small_statement(dice, depth - 1, loops),
            small_statement(dice, depth - 1, loops)
        ),
        6 => format!("if ({e}) {}", small_statement(dice, depth - 1, loops)),
        _ => {
            *loops += 1;
            let i = format!("i{loops}");
            let inner = small_statement(dice, depth - 1, loops);
            format!("{{ long {i} = 0; while (1) {{ {i} = {i} + 1; if ({i} > 4) break; if ({i} == 2) continue; {inner} }} }}")
        }
    }
}

fn small_program(dice: &mut Dice) -> String {
    let mut text = "long syscall();\nenum { SIZE = 16, MINUS = -1 };\nstruct pair { long left; long right; struct pair *other; };\n\
        long zero; long g; long h; char bytes[SIZE]; long table[8]; char pool[100]; struct pair *p; char digit[40];\n\
        long mix(long a, long b) { if (a < b) return a * 3 + b; return b * 5 - a; }\n\
        void *room() { return pool; }\n\
        void show(long n) { long i = 39; long minus = n < 0; digit[i] = '\\n';\n\
          if (n == MINUS << 63) n = 0; if (minus) n = -n;\n\
          while (n || i == 39) { i = i - 1; digit[i] = '0' + n % 10; n = n / 10; }\n\
          if (minus) { i = i - 1; digit[i] = '-'; } syscall(1, 1, digit + i, 40 - i); }\n"
        .replace("MINUS << 63", "(zero - 1) << 63");
    for f in 0..3 {
        let mut loops = 0;
        let body: Vec<String> = (0..8).map(|_| small_statement(dice, 3, &mut loops)).collect();
        let _ = writeln!(
            text,
            "long f{f}(long x, long y) {{\n{}\nreturn {}; }}",
            body.join("\n"),
            small_expression(dice, 3)
        );
    }
    text += "long main(long argc, char **argv) {\np = room(); g = 12345; h = -99;\n";
    for f in 0..3 {
        let _ = writeln!(text, "show(f{f}({}, {}));", dice.below(1000), dice.below(1000));
    }
    text += "show(g); show(h); show(p->left); show(p->right); long i = 0;\n\
        while (i < SIZE) { show(bytes[i]); show(table[i & 7]); i = i + 1; }\nreturn g & 63; }\n";
    text
}

#[test]
fn random_programs_do_the_same_after_cc0_and_gcc() {
    let dir = tempfile::tempdir().unwrap();
    for seed in 0..25 {
        let source = small_program(&mut Dice(seed));
        cc0(dir.path(), &source).unwrap_or_else(|e| panic!("program {seed}: {e}\n{source}"));
        gcc(dir.path(), &["-funsigned-char"]);
        let ours = run(dir.path(), "chain");
        assert!(ours.1.lines().count() > 30, "program {seed} says {}", ours.1);
        assert_eq!(ours, run(dir.path(), "host"), "program {seed}:\n{source}");
    }
}

#[test]
fn cc0_names_file_and_line_of_what_it_does_not_support() {
    let dir = tempfile::tempdir().unwrap();
    for (source, complaint) in [
        ("long a;\nlong f() { return b; }\n", "a.c:2: not declared: 'b'"),
        ("long f() {\n  g(1);\n}\n", "a.c:2: not declared: 'g'"),
        ("long a;\nlong a;\n", "a.c:2: declared twice, before ';'"),
        ("long f() { for (;;); }\n", "a.c:1: not declared: 'for'"),
        ("long f() { 1 = 2; }\n", "a.c:1: cannot be assigned to, before '='"),
        (
            "long f(long *p) { return p + 1; }\n",
            "a.c:1: arithmetic is for numbers and char *, before ';'",
        ),
        ("long f(long p) {\n return *p; }\n", "a.c:2: not a pointer, before ';'"),
        ("long f() { break; }\n", "a.c:1: no loop around 'break'"),
        ("float x;\n", "a.c:1: a type is needed, not 'float'"),
        (
            "struct s { long a; };\nlong f(struct s *p) { return p->b; }\n",
            "a.c:2: no such member 'b'",
        ),
        ("long a = 1;\n", "a.c:1: not what is needed here: '='"),
        ("/* no end\n\n", "a.c:3: comment does not end"),
        (
            "long f() { return 3000000000; }\n",
            "a.c:1: a number in decimal digits, below 2147483648, is needed, not '3000000000'",
        ),
        ("long f() { return \"a\n", "a.c:1: no closing quote"),
    ] {
        let said = cc0(dir.path(), source).unwrap_err();
        assert!(said.starts_with(complaint), "{source}: {said}");
    }
}

// ---- cc1 ----

const TYPES: [(&str, &str); 9] = [
    ("char", "c"),
    ("unsigned char", "uc"),
    ("short", "s"),
    ("unsigned short", "us"),
    ("int", "i"),
    ("unsigned", "u"),
    ("long", "l"),
    ("unsigned long", "ul"),
    ("_Bool", "b"),
];
const NAMES: [&str; 17] = [
    "c", "uc", "s", "us", "i", "u", "l", "ul", "b", "r.a", "r.b", "r.c", "q->d", "q->e", "a[2]", "a[i & 3]", "*w",
];

fn expression(dice: &mut Dice, depth: u64) -> String {
    if depth == 0 || dice.below(8) == 0 {
        return match dice.below(4) {
            0 => format!("{}{}", dice.below(100_000), dice.of(&["", "u", "L", "UL"])),
            _ => dice.of(&NAMES).to_owned(),
        };
    }
    let a = expression(dice, depth - 1);
    let b = expression(dice, depth - 1);
    match dice.below(14) {
        0..=2 => format!("({a} {} {b})", dice.of(&["+", "-", "*"])),
        3 | 4 => format!("({a} {} {b})", dice.of(&["&", "|", "^"])),
        5 => format!("({a} {} (({b} & 7) + 1))", dice.of(&["/", "%"])),
        6 => format!("({a} {} ({b} & 15))", dice.of(&["<<", ">>"])),
        7 | 8 => format!("({a} {} {b})", dice.of(&["<", ">", "<=", ">=", "==", "!="])),
        9 => format!("({a} {} {b})", dice.of(&["&&", "||"])),
        10 => format!("({}{a})", dice.of(&["- ", "~", "!", "+"])),
        11 => format!("({a} ? {b} : {})", expression(dice, depth - 1)),
        12 => format!("mix({a}, {b})"),
        _ => format!("(({}){a})", TYPES[usize::try_from(dice.below(9)).unwrap()].0),
    }
}

fn statement(dice: &mut Dice, depth: u64) -> String {
    let e = expression(dice, 3);
    let to = dice.of(&NAMES);
    match dice.below(if depth == 0 { 5 } else { 9 }) {
        0 | 1 => format!("{to} = {e};"),
        2 => format!("{to} {} {e};", dice.of(&["+=", "-=", "*=", "&=", "|=", "^="])),
        3 => format!("{to} {} ({e} & 7);", dice.of(&["<<=", ">>="])),
        4 => format!(
            "l += {}++ + --{};",
            dice.of(&["c", "us", "i", "ul", "a[1]", "r.x"]),
            dice.of(&["s", "u", "l", "a[3]", "q->y"])
        ),
        5 => format!(
            "if ({e}) {{ {} }} else {{ {} }}",
            statement(dice, depth - 1),
            statement(dice, depth - 1)
        ),
        6 => format!("for (n = 0; n < 3; n++) {{ if (n == 1) continue; {} }}", statement(dice, 0)),
        7 => format!(
            "switch ({e} & 3) {{ case 0: {} case 1: {} break; default: {} }}",
            statement(dice, 0),
            statement(dice, 0),
            statement(dice, 0)
        ),
        _ => format!("{{ struct r t = r; {} *q = t; r = other[{e} & 1]; }}", statement(dice, depth - 1)),
    }
}

fn program(dice: &mut Dice) -> String {
    let mut text = String::from(
        "#include <stdio.h>\nstruct r { unsigned a : 5, b : 11; int c : 9; short x; long y; unsigned d : 31; int e; };\n\
         static struct r other[2] = { { 1, 2, -3, 4, 5, 6, 7 }, { 9, 8, 7, 6 } }, r, *q = &other[1];\n\
         static int a[4] = { 1, -2, 3 }, n, *w = a + 3;\n",
    );
    for (ty, name) in TYPES {
        let _ = writeln!(text, "static {ty} {name} = {};", dice.below(120));
    }
    text += "static int mix(short x, unsigned long y) { return x < y ? x * 3 + y : y * 5 - x; }\n";
    for f in 0..4 {
        let body: Vec<String> = (0..12).map(|_| statement(dice, 2)).collect();
        let _ = writeln!(
            text,
            "static long f{f}(int i, char c) {{\n{}\nreturn {}; }}",
            body.join("\n"),
            expression(dice, 3)
        );
    }
    text += "int main(void) {\n";
    for f in 0..4 {
        let _ = writeln!(text, "printf(\"%ld\\n\", f{f}({}, {}));", dice.below(1000), dice.below(1000));
    }
    for name in NAMES.iter().filter(|n| **n != "a[i & 3]") {
        let _ = writeln!(text, "printf(\"{name} %ld\\n\", (long)({name}));");
    }
    text += "return u & 63; }\n";
    text
}

#[test]
fn random_programs_do_the_same_after_cc1_and_gcc() {
    let dir = tempfile::tempdir().unwrap();
    for seed in 0..40 {
        let source = program(&mut Dice(seed));
        cc1(dir.path(), &source).unwrap_or_else(|e| panic!("program {seed}: {e}\n{source}"));
        gcc(dir.path(), &[]);
        let ours = run(dir.path(), "chain");
        assert!(ours.1.lines().count() > 15, "program {seed} says {}", ours.1);
        assert_eq!(ours, run(dir.path(), "host"), "program {seed}:\n{source}");
    }
}

#[test]
fn a_program_that_uses_everything_does_the_same_after_cc1_gcc_and_tcc() {
    let dir = tempfile::tempdir().unwrap();
    let source = include_str!("programs/features.c");
    cc1(dir.path(), source).unwrap();
    gcc(dir.path(), &[]);
    let ours = run(dir.path(), "chain");
    assert_eq!(ours, run(dir.path(), "host"));
    assert_eq!(ours.0, Some(3));
    let (libc, tcc) = (bootstrap().join("libc"), output("tcc"));
    let files = ["amd64.S", "string.c", "system.c", "memory.c", "number.c", "stdio.c"].map(|f| libc.join(f));
    must(
        Command::new(tcc.join("tcc"))
            .current_dir(dir.path())
            .args(["-nostdlib", "-nostdinc", "-static", "-o", "by-tcc"])
            .arg(format!("-I{}", libc.join("include").display()))
            .args(files)
            .arg("a.c")
            .arg(tcc.join("lib/libtcc1.a")),
    );
    assert_eq!(ours, run(dir.path(), "by-tcc"));
}

#[test]
fn setjmp_comes_back_wherever_c_allows_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#include <setjmp.h>\nstatic jmp_buf p; static int n;\n\
        static void back(int v) { int fill[40], i; for (i = 0; i < 40; i++) fill[i] = i * v; n += fill[39]; longjmp(p, v); }\n\
        static void f(int a) { printf(\"%d %d\\n\", a, n); n++; }\n\
        int main(void) {\n\
        if (setjmp(p)) f(1); else back(3);\n\
        if (!setjmp(p)) back(4); else f(2);\n\
        if (setjmp(p) == 0) back(5); else f(3);\n\
        if (0 != setjmp(p)) f(4); else back(6);\n\
        n = 0; while (setjmp(p) < 3) { f(5); back(n); }\n\
        n = 0; setjmp(p); f(6); if (n < 3) back(1);\n\
        switch (setjmp(p)) { case 0: back(7); case 7: f(7); break; default: f(8); }\n\
        n = 0; if (n == 0 && setjmp(p) == 2) f(9); else back(2);\n\
        for (n = 1; setjmp(p) != 9; ) back(9);\n\
        f(10); return 0; }\n";
    cc1(dir.path(), source).unwrap();
    gcc(dir.path(), &[]);
    let ours = run(dir.path(), "chain");
    assert!(ours.1.lines().count() > 10, "{}", ours.1);
    assert_eq!(ours, run(dir.path(), "host"));
}

#[test]
fn decimal_numbers_are_read_as_the_host_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut numbers = String::new();
    for _ in 0..300 {
        let _ = write!(
            numbers,
            "\"{}{}.{}{}e{}\", ",
            dice.of(&["", "-"]),
            dice.below(1 << 31),
            dice.below(1 << 31),
            dice.of(&[
                "",
                "00000000000000000000000000000000000000000000001",
                "9999999999999999999999999999"
            ]),
            i64::try_from(dice.below(700)).unwrap() - 350
        );
    }
    let source = format!(
        "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nstatic char *n[] = {{ {numbers} \"4.9e-324\", \"2.2250738585072011e-308\", \"1e23\", 0 }};\n\
         int main() {{ char **s; for (s = n; *s; s++) {{ double d = strtod(*s, 0); float f = strtof(*s, 0); long double l = strtold(*s, 0);\n\
         unsigned long a, b; unsigned c; unsigned short e; memcpy(&a, &d, 8); memcpy(&b, &l, 8); memcpy(&c, &f, 4); memcpy(&e, (char *)&l + 8, 2);\n\
         printf(\"%s %lx %x %lx %x\\n\", *s, a, c, b, e); }} return 0; }}\n"
    );
    cc1(dir.path(), &source).unwrap();
    gcc(dir.path(), &[]);
    assert_eq!(run(dir.path(), "chain"), run(dir.path(), "host"));
}

#[test]
fn cc1_names_file_and_line_of_what_it_does_not_support() {
    let dir = tempfile::tempdir().unwrap();
    for (source, complaint) in [
        ("int f() {\n return x; }\n", "a.c:2: not declared: 'x'"),
        (
            "struct s { int a; };\nint f(struct s x) { return 0; }\n",
            "a.c:2: structs as parameters are not supported",
        ),
        ("int a[] = { [1] = 2 };\n", "a.c:1: designators are not supported"),
        ("int f(void) { asm(\"nop\"); }\n", "a.c:1: assembler in C is not supported"),
        ("double x = 1.5;\n", "a.c:1: float values in static data are not supported"),
        ("int x = 1\nint y;\n", "a.c:2: expected ;"),
        ("#if 1\nint x;\n", "a.c:3: no #endif"),
        ("\n#error this is wrong\n", "a.c:2: #error 'this is wrong'"),
        ("#include \"none.h\"\n", "a.c:1: no such file to include 'none.h'"),
        ("int f(void) { goto out; }\n", "a.c:1: no such label: 'out'"),
        ("#define F(a, b) a\nint x = F(1);\n", "a.c:2: too few arguments for macro 'F'"),
        (
            "struct __attribute__((packed)) s { char a; int b; };\n",
            "a.c:1: not supported: 'packed'",
        ),
        ("int f(void) { return (struct s){ 1 }.a; }\n", "a.c:1: "),
        ("int f(int);\nint g(void) { return f(1, 2); }\n", "a.c:2: too many arguments"),
        (
            "int g(void); int f(void) { return g(); } int main(void) { return 0; }\n",
            "a.c:1: declared but not defined: 'g'",
        ),
        ("char *s = \"no end\n", "a.c:1: no closing quote"),
        (
            "#include <setjmp.h>\njmp_buf p;\nint f(int x) {\n x = setjmp(p);\n return x; }\n",
            "a.c:4: only a whole condition or statement may be a call of setjmp, near ",
        ),
        (
            "#include <setjmp.h>\njmp_buf p;\nint f(int x) { return setjmp(p) + x; }\n",
            "a.c:3: only a whole condition or statement may be a call of setjmp, near ",
        ),
        (
            "#include <setjmp.h>\njmp_buf p;\nint g(int, int);\nint f(int x) { return g(setjmp(p), x); }\n",
            "a.c:4: only a whole condition or statement may be a call of setjmp, near ",
        ),
    ] {
        let said = cc1(dir.path(), source).unwrap_err();
        assert!(said.starts_with(complaint), "{source}: {said}");
    }
}
