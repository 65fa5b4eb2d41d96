//! NAR against Nix itself: what it dumps is read, what we write it restores, and its digest is ours.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix_model::nar::{Kind, Reader, Writer};

/// Nix keeps its state where it may write.
fn nix(program: &str, state: &Path) -> Option<Command> {
    if Command::new(program).arg("--version").output().is_err() {
        eprintln!("SKIPPED: archives against Nix, because {program} is not installed");
        return None;
    }
    let mut command = Command::new(program);
    command
        .env("NIX_STATE_DIR", state)
        .env("NIX_STORE_DIR", state.join("store"))
        .env("NIX_LOG_DIR", state);
    Some(command)
}

fn tree(root: &Path) {
    fs::create_dir_all(root.join("folder/deeper")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("folder/deeper/eight"), "12345678").unwrap();
    fs::write(root.join("folder/none"), "").unwrap();
    fs::write(root.join("Upper"), vec![7; 100_001]).unwrap();
    fs::write(root.join("program"), "#!").unwrap();
    fs::set_permissions(root.join("program"), fs::Permissions::from_mode(0o755)).unwrap();
    // Order is that of bytes: "folder" < "folder-x", but "folder-x/" < "folder/".
    fs::write(root.join("folder-x"), "x").unwrap();
    fs::write(root.join("a\u{e9}\u{4e2d} b"), "x").unwrap();
    symlink("folder/none", root.join("link")).unwrap();
    symlink("/nowhere/at/all", root.join("zz")).unwrap();
}

/// Reads an archive and writes it again.
fn again(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(bytes);
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut open: Vec<Vec<u8>> = Vec::new();
    while let Some(node) = reader.next_node().unwrap() {
        while let Some(last) = open.last() {
            let below = last.is_empty() || node.path.strip_prefix(last.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            if below {
                break;
            }
            open.pop();
            writer.leave().unwrap();
        }
        let name = node.path.rsplit(|b| *b == b'/').next().unwrap().to_vec();
        match node.kind {
            Kind::Folder => {
                writer.enter(&name).unwrap();
                open.push(node.path);
            }
            Kind::Link(to) => writer.link(&name, &to).unwrap(),
            Kind::File { run, size } => writer.file(&name, run, size, &mut reader).unwrap(),
        }
    }
    for _ in open {
        writer.leave().unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn what_nix_dumps_is_read_and_written_again_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    tree(&root);
    for part in ["", "Upper", "program", "link", "empty", "folder"] {
        let Some(mut dump) = nix("nix-store", dir.path()) else { return };
        let output = dump.arg("--dump").arg(root.join(part)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.len() >= 96);
        assert_eq!(again(&output.stdout), output.stdout, "{part}");
    }
}

#[test]
fn nix_restores_what_we_write_and_refuses_what_we_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut restore) = nix("nix-store", dir.path()) else { return };
    let mut nar = Writer::new(Vec::new()).unwrap();
    nar.enter(b"").unwrap();
    nar.file(b"a", true, 5, &mut &b"hello"[..]).unwrap();
    nar.enter(b"b").unwrap();
    nar.link(b"c", b"../a").unwrap();
    nar.leave().unwrap();
    nar.leave().unwrap();
    let bytes = nar.finish().unwrap();
    let feed = |command: &mut Command, bytes: &[u8], to: &Path| {
        let mut child = command
            .arg("--restore")
            .arg(to)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It may stop reading when it finds an error.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        child.wait().unwrap().success()
    };
    let to = dir.path().join("restored");
    assert!(feed(&mut restore, &bytes, &to));
    assert_eq!(fs::read_to_string(to.join("b/c")).unwrap(), "hello");
    assert_ne!(fs::metadata(to.join("a")).unwrap().permissions().mode() & 0o111, 0);
    // A name that leads out of the folder: refused by both.
    let at = bytes.windows(1).rposition(|w| w == b"c").unwrap();
    let mut bad = bytes;
    bad[at] = b'/';
    let Some(mut restore) = nix("nix-store", dir.path()) else { return };
    assert!(!feed(&mut restore, &bad, &dir.path().join("bad")));
    let mut reader = Reader::new(bad.as_slice());
    let mut last = reader.next_node();
    while let Ok(Some(_)) = last {
        let _ = reader.read(&mut [0; 64]).unwrap();
        last = reader.next_node();
    }
    assert!(last.unwrap_err().to_string().ends_with("that is no name of a file"));
}
