//! A cold scan reads and checks what it needs of a snapshot, and no more: a whole one has hundreds of thousands of records.

use std::io;
use std::sync::Mutex;

use scan::input::closure;
use scan::input::store::Store;
use scan::judge::judge;
use vuln::package::Package;
use vuln::snapshot::{BlockPlace, Opened, ReadAt};

use crate::program::{self, Place};

/// Bytes that remember what was read of them.
struct Counted<'a> {
    bytes: &'a [u8],
    read: Mutex<Vec<(u64, u64)>>,
}

impl ReadAt for &Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read.lock().unwrap().push((offset, offset + buffer.len() as u64));
        self.bytes.read_at(offset, buffer)
    }
}

/// Text that does not compress: otherwise all of the snapshot would be a few blocks.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 * 2 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{:08x} ", state >> 32)
    };
    (0..1000).map(|_| next()).collect()
}

const OTHERS: usize = 500;
const LIST: &str = "/nix/store/5a0dsc7lajmw35blswvy37zd3nzh7a30-openssl-1.1.1g\n/nix/store/9hwapmz8jlrll9ll00wr5wp79zpqh0wn-zlib-1.2.11\n";

#[test]
fn a_cold_scan_reads_and_checks_only_the_blocks_that_it_needs() {
    let place = Place::new();
    let mut world = program::world(2, program::now());
    for n in 0..OTHERS {
        let name = format!("other{n}");
        world.channels[0].1.push(Package {
            description: Some(noise(n)),
            ..program::package(&name, "1.0")
        });
        let mut record = program::record(&format!("CVE-2023-{}", 10_000 + n), &name, "2.0", program::WORST, "");
        record.description = noise(OTHERS + n);
        world.records.push(record);
    }
    place.hold(&world);
    let bytes = std::fs::read(place.at("snapshot")).unwrap();
    let counted = Counted {
        bytes: &bytes,
        read: Mutex::new(Vec::new()),
    };
    let snapshot = Opened::read(&counted).unwrap().trusted().unwrap();
    let blocks: Vec<BlockPlace> = snapshot.places().collect();
    let opening: u64 = counted.read.lock().unwrap().drain(..).map(|(from, to)| to - from).sum();
    let inventory = closure::from_file("list", LIST.as_bytes(), &Store::below("/nonexistent")).unwrap();
    let report = judge(inventory, &snapshot, world.created).unwrap();
    assert_eq!(report.findings.iter().filter(|f| f.is_open()).count(), 2);
    let read = counted.read.lock().unwrap().clone();
    let judging: u64 = read.iter().map(|(from, to)| to - from).sum();
    let needs = |block: &BlockPlace| {
        read.iter()
            .any(|(from, to)| *from < block.offset + block.size && block.offset < *to)
    };
    let needed = blocks.iter().filter(|b| needs(b)).count();
    let size = bytes.len() as u64;
    println!(
        "{size} bytes, {} blocks; opened by {opening} bytes, judged by {judging} of {needed} blocks",
        blocks.len()
    );
    assert!(size > 4_000_000 && blocks.len() > 40, "{size} bytes, {} blocks", blocks.len());
    assert!(opening * 100 < size, "opening read {opening} of {size} bytes");
    assert!(judging * 10 < size, "judging read {judging} of {size} bytes");
    // A block is read for each of the questions that it answers, of which there are few.
    let most = blocks
        .iter()
        .map(|b| read.iter().filter(|(from, _)| *from == b.offset).count())
        .max()
        .unwrap();
    assert!(most <= 4, "a block was read {most} times: {read:?}");

    // The program itself: what it did not need may be damaged, and is not noticed; what it needs is.
    let list = place.file("list", LIST);
    let with = |block: &BlockPlace| {
        let mut bytes = bytes.clone();
        bytes[(block.offset + block.size / 2) as usize] ^= 1;
        std::fs::write(place.at("snapshot"), bytes).unwrap();
        place.run(&["closure", "--from", &list, "--format", "json"])
    };
    for block in blocks.iter().filter(|b| !needs(b)).step_by(blocks.len() / 6) {
        let ran = with(block);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(place.run(&["snapshot", "verify"]).code, Some(3), "who asks for all of it is told");
    }
    for block in blocks.iter().filter(|b| needs(b)) {
        let ran = with(block);
        assert!(ran.code == Some(3) && ran.err.contains("snapshot"), "{ran:?}");
    }
}
