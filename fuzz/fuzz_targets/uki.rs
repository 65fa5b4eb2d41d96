//! Sections of an image, its policy, its SBAT and texts with GUIDs: whatever is in them, they are read or refused.
#![no_main]

use boot_formats::uki::{Kind, Policy, Profile};
use boot_formats::{Guid, sbat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Lines of a name, a space and the content.
    let sections: Vec<(&[u8], &[u8])> = data
        .split(|b| *b == b'\n')
        .filter_map(|line| line.iter().position(|b| *b == b' ').map(|at| (&line[..at], &line[at + 1..])))
        .collect();
    for number in 0..3 {
        let Ok(profile) = Profile::select(&sections, number) else {
            continue;
        };
        let _ = (profile.policy(), profile.pcr11(&[]), profile.text(Kind::CommandLine));
        for kind in [Kind::Linux, Kind::Initrd] {
            if let Ok(Some(reference)) = profile.reference(kind) {
                assert!(reference.path.starts_with('\\') && !reference.path.contains('/'));
                assert!(reference.path.split('\\').all(|name| name != ".." && name != "."));
            }
        }
    }
    let _ = sbat::parse(data).map(|components| sbat::revoked(&components, &components).is_none());
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(policy) = Policy::parse(text) {
            assert_eq!(Policy::parse(&policy.to_text()), Ok(policy));
        }
        if let Ok(guid) = text.parse::<Guid>() {
            assert!(guid.to_string().eq_ignore_ascii_case(text));
        }
    }
});
