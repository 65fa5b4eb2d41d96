//! An archive that is read is written again to the same bytes; what is no archive is refused in bounded memory.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use nix_model::nar::{Kind, Node, Reader, Writer};

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    let mut nodes: Vec<(Node, Vec<u8>)> = Vec::new();
    loop {
        match reader.next_node() {
            Ok(Some(node)) => {
                let mut content = Vec::new();
                if reader.read_to_end(&mut content).is_err() {
                    return;
                }
                nodes.push((node, content));
            }
            Ok(None) => break,
            Err(_) => return,
        }
    }
    let end = usize::try_from(reader.position()).unwrap();
    assert_eq!(again(&nodes), data[..end]);
});

fn again(nodes: &[(Node, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut open: Vec<&[u8]> = Vec::new();
    for (node, content) in nodes {
        while open
            .last()
            .is_some_and(|l| !l.is_empty() && !node.path.strip_prefix(*l).is_some_and(|r| r.starts_with(b"/")))
        {
            open.pop();
            writer.leave().unwrap();
        }
        let name = node.path.rsplit(|b| *b == b'/').next().unwrap();
        assert!(!matches!(name, b"." | b".."));
        match &node.kind {
            Kind::Folder => {
                writer.enter(name).unwrap();
                open.push(&node.path);
            }
            Kind::Link(to) => writer.link(name, to).unwrap(),
            Kind::File { run, size } => writer.file(name, *run, *size, &mut content.as_slice()).unwrap(),
        }
    }
    for _ in open {
        writer.leave().unwrap();
    }
    writer.finish().unwrap()
}
