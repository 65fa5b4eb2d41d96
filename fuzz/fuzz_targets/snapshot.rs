//! A snapshot is a file that somebody hands over: its beginning is read as it comes, and what a trusted key may have signed is hostile too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vuln::matching::Key;
use vuln::snapshot::{Header, Opened, RawBlock, ReadAt, Sealed, Snapshot, Table, compress};

fuzz_target!(|data: &[u8]| {
    // The file itself, its signature taken for good.
    if let Ok(snapshot) = Opened::read(data).and_then(Opened::trusted) {
        read_all(&snapshot);
    }
    // A block of one table, signed.
    let Some((first, block)) = data.split_first() else { return };
    let tables = Table::ALL.iter().enumerate().map(|(n, _)| {
        let raw = RawBlock::new(block.get(1..5).unwrap_or_default().to_vec(), block.to_vec());
        let block = (n == usize::from(*first) % Table::ALL.len()).then(|| compress(&raw, 1).expect("memory"));
        block.into_iter().collect()
    });
    let mut file = Vec::new();
    let sealed = Sealed::new(tables.collect());
    sealed.write(Header::default(), |_| ([0; 32], [0; 64]), &mut file).expect("memory");
    let opened = Opened::read(file.as_slice()).and_then(Opened::trusted);
    read_all(&opened.expect("what was written is read"));
});

fn read_all<S: ReadAt>(snapshot: &Snapshot<S>) {
    for table in Table::ALL {
        let _ = snapshot.check(table);
    }
    let numbers = [0, 1, 2, 0x6162_6364];
    if let Ok(records) = snapshot.records(&numbers) {
        records
            .iter()
            .for_each(|(_, record)| assert!(record.epss.is_none_or(|(score, _)| score.is_finite())));
    }
    if let Ok(around) = snapshot.surroundings(&numbers) {
        around
            .iter()
            .for_each(|(_, around)| assert!(around.verdicts.is_sorted_by_key(|row| row.package)));
    }
    let _ = snapshot.packages(&numbers);
    let keys = [Key::Name("curl".into()), Key::Id("CVE-2024-0001".into())];
    let _ = snapshot.record_numbers(&keys);
    let _ = snapshot.filed(&keys);
    let _ = snapshot.profiles(&numbers);
    let _ = snapshot.facts(&["abcd".into(), "curl".into()]);
    let _ = snapshot.packages_at(&["/nix/store/00000000000000000000000000000000-a"]);
}
