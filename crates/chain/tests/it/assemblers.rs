//! The first stages against GNU as, which reads the comments, and against the assemblers in Rust, which read the code.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use chain::{hexadecimal, model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::place::{bootstrap, output};

/// What GNU as makes of a text, placed where the chain's programs are.
fn gnu_as(text: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.s"), format!(".intel_syntax noprefix\n.text\n.globl _start\n{text}\n")).unwrap();
    let tool = |name: &str, words: &[&str]| {
        let output = Command::new(name).args(words).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    tool("as", &["-o", "a.o", "a.s"]);
    tool("ld", &["-e", "0", "-Ttext=0x400078", "-o", "a", "a.o"]);
    tool("objcopy", &["-O", "binary", "-j", ".text", "a", "a.bin"]);
    fs::read(at("a.bin")).unwrap()
}

/// The instructions in the comments of a source: from its first label on, what stands before a semicolon.
fn comments(source: &str, with_labels: bool) -> String {
    let mut text = String::new();
    for line in source.lines() {
        let (code, comment) = line.split_once('#').unwrap_or((line, ""));
        let label = match code.trim().strip_prefix(':') {
            Some(name) if with_labels => Some(name),
            _ => comment
                .trim()
                .strip_suffix(':')
                .filter(|n| code.trim().is_empty() && !with_labels && !n.contains(' ')),
        };
        if let Some(name) = label {
            if (name != "end" || !with_labels) && (name == "_start" || !text.is_empty()) {
                text += &format!("{name}:\n");
            }
        } else if !text.is_empty() && !code.trim().is_empty() {
            let instruction = comment.split(';').next().unwrap().trim();
            match instruction.split_once(' ') {
                Some((jump, to)) if with_labels && jump.starts_with('j') => text += &format!("{jump}.d32 {to}\n"),
                _ => text += &format!("{instruction}\n"),
            }
        }
    }
    text
}

#[test]
fn every_comment_of_the_first_stages_says_what_its_bytes_do() {
    let read = |name: &str| fs::read_to_string(bootstrap().join("amd64").join(name)).unwrap();
    for (name, labels) in [
        ("seed.hex0", false),
        ("hex1.hex0", false),
        ("runner.hex0", false),
        ("masm.hex1", true),
    ] {
        let source = read(name);
        let bytes = if labels {
            model::hex1(&source).unwrap()
        } else {
            hexadecimal::bytes(&source).unwrap()
        };
        let expected = gnu_as(&comments(&source, labels));
        assert!(expected.len() > 90, "{name}");
        assert!(
            bytes[120..] == expected,
            "{name}: {}",
            chain::explain::bytes(&bytes[120..], &expected)
        );
    }
}

/// A name of `amd64.masm` as GNU as writes it, with numbers for N, n and V, and the bytes of those numbers.
fn instruction(name: &str) -> (String, Vec<u8>) {
    let number = 0x1122_3344_u32.to_le_bytes().to_vec();
    if name == "call" || name.starts_with('j') && !name.contains('_') {
        let length = if name == "call" || name == "jmp" { 5 } else { 6 };
        return (format!("{name} .+{:#x}", 0x1122_3344 + length), number);
    }
    let mut text = name.replacen('_', " ", 1);
    let mut tail = Vec::new();
    if text.contains("[V]") {
        text = text.replace("[V]", "ds:[0x11223344]");
        tail = number;
    } else if text.contains("+N]") {
        text = text.replace("+N]", "+0x11223344]");
        tail = number;
    } else if let Some(head) = text.strip_suffix(",N") {
        text = format!("{head},0x11223344");
        tail = number;
    } else if let Some(head) = text.strip_suffix(",n") {
        text = format!("{head},0x11");
        tail = vec![0x11];
    }
    let text = text.replace("word[", "word ptr [");
    let text = if text.starts_with("movzx") && text.contains('[') && !text.contains("word") {
        text.replace('[', "byte ptr [")
    } else {
        text
    };
    (text, tail)
}

#[test]
fn every_name_of_the_instruction_table_is_the_instruction_it_says() {
    let table = fs::read_to_string(bootstrap().join("amd64/amd64.masm")).unwrap();
    let mut text = String::new();
    let mut expected = Vec::new();
    let mut count = 0;
    for line in table.lines().filter_map(|l| l.strip_prefix('%')) {
        let (name, bytes) = line.split_once(' ').unwrap();
        let (instruction, tail) = instruction(name);
        text += &format!("{instruction}\n");
        expected.extend(model::masm(bytes).unwrap());
        expected.extend(tail);
        count += 1;
    }
    assert!(count > 200, "{count}");
    let made = gnu_as(&text);
    assert!(made == expected, "{}", chain::explain::bytes(&expected, &made));
}

fn pipe(program: &Path, text: &str) -> Option<Vec<u8>> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that refuses early does not read everything.
        let _ = stdin.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.status.success().then_some(output.stdout)
}

/// Words of hex1's and masm's languages, right ones and wrong ones.
fn words() -> impl Strategy<Value = Vec<String>> {
    let names = ["a", "b", "ccc", "d4", "eight__8"];
    let word = prop_oneof![
        8 => "[0-9A-F]{2}",
        2 => (prop::sample::select(vec![":", "@", "$", "~"]), prop::sample::select(names.to_vec())).prop_map(|(s, n)| format!("{s}{n}")),
        1 => Just("# comment\n".to_owned()),
        1 => "[0-9A-G]{1,3}",
    ];
    prop::collection::vec(word, 0..40)
}

#[test]
fn hex1_does_what_its_model_does() {
    let hex1 = output("hex1").join("hex1");
    let seed = output("seed").join("seed");
    let agreed = [Cell::new(0), Cell::new(0)];
    TestRunner::new_with_rng(
        Config {
            cases: 300,
            ..Config::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
    .run(&words(), |words| {
        let text = words.join(" ") + "\n";
        // Within a pair, hex1 takes white space; its model does not, and the sources have none.
        let lone = words.iter().any(|w| !w.starts_with([':', '@', '$', '~', '#']) && w.len() != 2);
        if lone {
            return Ok(());
        }
        // Nothing at all is no program.
        let modelled = model::hex1(&text).ok().filter(|bytes| !bytes.is_empty());
        let count = &agreed[usize::from(modelled.is_some())];
        count.set(count.get() + 1);
        prop_assert_eq!(pipe(&hex1, &text), modelled);
        let digits: Vec<String> = words
            .iter()
            .filter(|w| w.len() == 2 && !w.contains(['G', ':', '@', '$', '~']))
            .cloned()
            .collect();
        let text = digits.join("\n");
        prop_assert_eq!(pipe(&seed, &text), hexadecimal::bytes(&text).ok());
        Ok(())
    })
    .unwrap();
    assert!(agreed.iter().all(|n| n.get() > 10), "{agreed:?}");
}

#[test]
fn masm_does_what_its_model_does() {
    let masm = output("masm").join("masm");
    let dir = tempfile::tempdir().unwrap();
    let extra = prop::collection::vec(
        prop_oneof![
            Just("two".to_owned()),
            Just("four".to_owned()),
            Just("\"te xt#\"".to_owned()),
            (-300_i64..300).prop_map(|n| format!(".{n}")),
            any::<i32>().prop_map(|n| format!("={n}")),
            any::<i64>().prop_map(|n| format!("={n}")),
            Just(".' '".to_owned()),
            Just("=';'".to_owned()),
        ],
        0..10,
    );
    let agreed = [Cell::new(0), Cell::new(0)];
    TestRunner::new_with_rng(
        Config {
            cases: 300,
            ..Config::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
    .run(&(words(), extra), |(words, extra)| {
        let text = format!(
            "%two 01 02 # comment\n%four two @four two\n{}\n{}\n",
            extra.join(" "),
            words.join(" ")
        );
        fs::write(dir.path().join("in"), &text).unwrap();
        let status = Command::new(&masm)
            .current_dir(dir.path())
            .args(["out", "in"])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let made = status.success().then(|| fs::read(dir.path().join("out")).unwrap());
        let modelled = model::masm(&text).ok();
        let count = &agreed[usize::from(modelled.is_some())];
        count.set(count.get() + 1);
        prop_assert_eq!(made, modelled, "{}", text);
        Ok(())
    })
    .unwrap();
    assert!(agreed.iter().all(|n| n.get() > 10), "{agreed:?}");
}

#[test]
fn a_full_disk_is_noticed_whatever_is_written() {
    // The seed once ended with code 0 when it could not write 1E: its code was the sum of the error and of what it held.
    let seed = output("seed").join("seed");
    for byte in 0..=255_u8 {
        let mut child = Command::new(&seed)
            .stdin(Stdio::piped())
            .stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{byte:02X}").as_bytes()).unwrap();
        assert_ne!(child.wait().unwrap().code(), Some(0), "{byte:02X}");
    }
    for digit in ["1", "F", "0 # 00", "000"] {
        assert!(pipe(&seed, digit).is_none(), "{digit}");
    }
    assert_eq!(pipe(&seed, "0 0 # 1\n1F").unwrap(), [0, 0x1f]);
}
