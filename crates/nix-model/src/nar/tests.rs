use std::io::Read as _;

use proptest::prelude::*;

use super::*;

/// A tree in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tree {
    File(bool, Vec<u8>),
    Link(Vec<u8>),
    Folder(std::collections::BTreeMap<Vec<u8>, Tree>),
}

fn write(tree: &Tree, name: &[u8], nar: &mut Writer<Vec<u8>>) {
    match tree {
        Tree::File(run, bytes) => nar.file(name, *run, bytes.len() as u64, &mut bytes.as_slice()).unwrap(),
        Tree::Link(target) => nar.link(name, target).unwrap(),
        Tree::Folder(entries) => {
            nar.enter(name).unwrap();
            for (name, tree) in entries {
                write(tree, name, nar);
            }
            nar.leave().unwrap();
        }
    }
}

fn written(tree: &Tree) -> Vec<u8> {
    let mut nar = Writer::new(Vec::new()).unwrap();
    write(tree, b"", &mut nar);
    nar.finish().unwrap()
}

/// What is in an archive, flat.
fn read(bytes: &[u8]) -> Result<Vec<(Node, Vec<u8>)>, NarError> {
    let mut reader = Reader::new(bytes);
    let mut nodes = Vec::new();
    while let Some(node) = reader.next_node()? {
        let mut content = Vec::new();
        reader
            .read_to_end(&mut content)
            .map_err(|source| NarError::Read { at: 0, source })?;
        nodes.push((node, content));
    }
    if reader.position() < bytes.len() as u64 {
        let what = "something is behind its end";
        return Err(NarError::Format {
            at: reader.position(),
            what,
        });
    }
    Ok(nodes)
}

fn flat(tree: &Tree, path: &[u8], nodes: &mut Vec<(Node, Vec<u8>)>) {
    let (kind, content) = match tree {
        Tree::File(run, bytes) => (
            Kind::File {
                run: *run,
                size: bytes.len() as u64,
            },
            bytes.clone(),
        ),
        Tree::Link(target) => (Kind::Link(target.clone()), Vec::new()),
        Tree::Folder(_) => (Kind::Folder, Vec::new()),
    };
    nodes.push((Node { path: path.to_vec(), kind }, content));
    if let Tree::Folder(entries) = tree {
        for (name, tree) in entries {
            let path = if path.is_empty() {
                name.clone()
            } else {
                [path, b"/", name].concat()
            };
            flat(tree, &path, nodes);
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        (any::<bool>(), bytes()).prop_map(|(run, bytes)| Tree::File(run, bytes)),
        "[a-z./]{1,20}".prop_map(|t| Tree::Link(t.into_bytes())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        proptest::collection::btree_map("[a-zA-Z0-9._-]{1,9}", inner, 0..4).prop_map(|entries| {
            let named = entries.into_iter().map(|(n, t)| (n.into_bytes(), t));
            Tree::Folder(named.filter(|(n, _)| is_name(n)).collect())
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let mut nodes = Vec::new();
        flat(&tree, b"", &mut nodes);
        prop_assert_eq!(read(&written(&tree)).unwrap(), nodes);
    }

    #[test]
    fn a_cut_archive_is_an_error_and_never_a_panic(tree in tree(), cut in 0.0..1.0) {
        let bytes = written(&tree);
        let to = (bytes.len() as f64 * cut) as usize;
        prop_assert!(read(&bytes[..to]).is_err());
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_tree(tree in tree(), at in 0.0..1.0, bit in 0..8_u32) {
        let mut bytes = written(&tree);
        let at = ((bytes.len() - 1) as f64 * at) as usize;
        bytes[at] ^= 1 << bit;
        if let Ok(nodes) = read(&bytes) {
            let mut before = Vec::new();
            flat(&tree, b"", &mut before);
            prop_assert_ne!(nodes, before);
        }
    }
}

fn strings(all: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for string in all {
        bytes.extend((string.len() as u64).to_le_bytes());
        bytes.extend(*string);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

fn complaint(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

const HEAD: [&[u8]; 4] = [b"nix-archive-1", b"(", b"type", b"directory"];

fn entries(names: &[&[u8]]) -> Vec<u8> {
    let mut all = HEAD.to_vec();
    for name in names {
        all.extend([
            &b"entry"[..],
            b"(",
            b"name",
            name,
            b"node",
            b"(",
            b"type",
            b"regular",
            b"contents",
            b"",
            b")",
            b")",
        ]);
    }
    all.push(b")");
    strings(&all)
}

#[test]
fn names_that_lead_elsewhere_or_come_twice_are_refused() {
    assert_eq!(read(&entries(&[b"a", b"b"])).unwrap().len(), 3);
    for name in [&b""[..], b".", b"..", b"a/b", b"/etc", b"a\0b", &[b'x'; 256]] {
        let said = complaint(&entries(&[name]));
        assert!(
            said.ends_with("that is no name of a file") || said.ends_with("a string is too long"),
            "{said}"
        );
    }
    for names in [[&b"b"[..], b"a"], [b"a", b"a"], [b"b", b"B"]] {
        assert!(complaint(&entries(&names)).ends_with("names are not in order"));
    }
}

#[test]
fn lengths_that_the_data_does_not_have_take_no_memory() {
    let mut huge = strings(&[b"nix-archive-1", b"(", b"type", b"regular", b"contents"]);
    huge.extend(u64::MAX.to_le_bytes());
    huge.extend(b"abc");
    let mut reader = Reader::new(huge.as_slice());
    let node = reader.next_node().unwrap().unwrap();
    assert_eq!(
        node.kind,
        Kind::File {
            run: false,
            size: u64::MAX
        }
    );
    assert!(reader.next_node().unwrap_err().to_string().ends_with("it ends within a file"));
    assert!(reader.next_node().unwrap_err().to_string().ends_with("an error was found before"));
    let mut word = Vec::from(u64::MAX.to_le_bytes());
    word.extend(b"nix-archive-1");
    assert_eq!(complaint(&word), "read a NAR at byte 8: a string is too long");
}

#[test]
fn padding_depth_words_and_targets_are_checked() {
    let good = written(&Tree::File(true, b"abc".to_vec()));
    let mut bad = good.clone();
    let at = good.windows(3).position(|w| w == b"abc").unwrap() + 4;
    bad[at] = 1;
    assert!(complaint(&bad).ends_with("padding is not zero"));
    let mut deep: Vec<&[u8]> = HEAD.to_vec();
    for _ in 0..=DEEPEST {
        deep.extend([&b"entry"[..], b"(", b"name", b"d", b"node", b"(", b"type", b"directory"]);
    }
    assert!(complaint(&strings(&deep)).ends_with("folders are too deep"));
    assert!(complaint(&strings(&[b"nix-archive-2"])).ends_with("another word was expected"));
    let link = |target: &[u8]| strings(&[b"nix-archive-1", b"(", b"type", b"symlink", b"target", target, b")"]);
    assert!(read(&link(b"/anywhere")).is_ok());
    assert!(complaint(&link(b"")).ends_with("no link says that"));
    assert!(complaint(&link(b"a\0")).ends_with("no link says that"));
}

#[test]
fn the_writer_takes_no_tree_that_is_none() {
    let mut nar = Writer::new(Vec::new()).unwrap();
    let said = |result: Result<(), NarError>| result.unwrap_err().to_string();
    assert_eq!(said(nar.leave()), "write a NAR: no folder is open");
    nar.enter(b"").unwrap();
    assert!(said(nar.file(b"..", false, 0, &mut std::io::empty())).ends_with("needs a name that a file can have"));
    nar.link(b"b", b"x").unwrap();
    assert!(said(nar.link(b"a", b"x")).ends_with("names are not in order"));
    assert!(said(nar.link(b"c", b"")).ends_with("a link cannot say that"));
    assert!(said(nar.file(b"c", false, 2, &mut &b"abc"[..])).ends_with("more bytes than was said"));
    let mut nar = Writer::new(Vec::new()).unwrap();
    assert!(said(nar.file(b"", false, 4, &mut &b"abc"[..])).ends_with("fewer bytes than was said"));
    let nar = Writer::new(Vec::new()).unwrap();
    assert_eq!(nar.finish().unwrap_err().to_string(), "write a NAR: it has no end yet");
}
