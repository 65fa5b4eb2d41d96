//! What servers of feeds list: ids that OSV modified, releases of cvelistV5, folders of a mirror, the heads of NVD's answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use time::macros::date;
use tracker::foreign;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for since in ["", "2024-08-01T00:00:01Z"] {
        if let Ok((ids, newest)) = foreign::modified_ids(&text, since) {
            assert_eq!(ids.is_empty(), newest.is_none());
            // They become names of files and parts of addresses.
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            assert!(ids.iter().all(|id| id.chars().all(plain) && !id.starts_with('.') && !id.is_empty()));
        }
    }
    let taken = ["2024-10-25_all_CVEs_at_midnight.zip.zip", "2024-10-25_delta_CVEs_at_1000Z.zip"];
    for taken in [&[], taken.as_slice()] {
        for today in [date!(2024 - 10 - 27), time::Date::MIN, time::Date::MAX] {
            if let Ok(wanted) = foreign::releases(data, taken, today) {
                assert!(wanted.iter().all(|name| !taken.contains(&name.as_str())));
            }
        }
    }
    for (name, address) in foreign::listing(&text) {
        let bare = name.strip_suffix('/').unwrap_or(&name);
        assert!(
            !bare.is_empty() && !bare.starts_with('.') && !bare.contains(['/', '\\', '\0']),
            "{name:?}"
        );
        assert!(
            address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)),
            "{address:?}"
        );
    }
    for start in [0, 2000, u64::MAX] {
        if let Ok(Some(next)) = foreign::nvd_page(data, start) {
            assert!(next >= start);
        }
    }
});
