//! A feed is cut into the same entries however its bytes arrive, and each entry is kept whole in our own JSON.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use vuln::Advisory;
use vuln::record::nvd;

/// A reader that gives little at a time, as a network does.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = into.len().min(7);
        self.0.read(&mut into[..n])
    }
}

fn entries(reader: impl Read) -> (Vec<Vec<u8>>, bool) {
    let mut entries = Vec::new();
    let done = nvd::split(reader, |entry| {
        entries.push(entry.raw.to_vec());
        Ok::<(), ()>(())
    });
    (entries, done.is_ok())
}

fuzz_target!(|data: &[u8]| {
    let (at_once, done) = entries(data);
    assert_eq!((&at_once, done), (&entries(Drops(data)).0, entries(Drops(data)).1));
    for raw in at_once {
        let Ok((advisory, _)) = nvd::parse_entry(&raw) else { continue };
        let kept = serde_json::to_vec(&advisory).expect("an advisory is JSON");
        assert_eq!(serde_json::from_slice::<Advisory>(&kept).expect("which can be read"), advisory);
    }
});
