//! What firmware and loaders say to the stub: load options and device paths are read or passed over, whatever is in them.
#![no_main]

use boot_formats::device_path::{file_path, of_file, partition};
use boot_formats::load_options::LoadOptions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = LoadOptions::parse(data);
    if let Some(line) = &options.command_line {
        // A loader that hands back what was read changes nothing.
        let again: Vec<u8> = format!("@{} {line}", options.profile)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(LoadOptions::parse(&again), options);
        assert_eq!(options.edited(line), None);
        assert!(options.edited("another line").is_some() || line.split_whitespace().eq(["another", "line"]));
    }
    let _ = partition(data);
    if let Some(path) = file_path(data) {
        assert!(path.starts_with('\\'));
        if let Some(written) = of_file(&[], &path) {
            assert_eq!(file_path(&written), Some(path));
        }
    }
});
