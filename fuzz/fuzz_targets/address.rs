//! Addresses of pages and of the API, and the places in lists that they hold: what is read is within its bounds, and is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracker::foreign;

fuzz_target!(|text: &str| {
    let (key, place, moment) = foreign::cursors(text);
    if let Some(key) = key {
        assert!(key >= 0 && key.to_string().len() <= text.len());
    }
    if let Some(place) = place {
        assert_eq!(foreign::cursors(&place).1.as_ref(), Some(&place));
    }
    if let Some(moment) = moment {
        assert_eq!(foreign::cursors(&moment).2.as_ref(), Some(&moment));
    }
    for address in [text.to_owned(), format!("/queue?{text}"), format!("/api/v1/changes?after={text}")] {
        let Some(asked) = foreign::address(&address) else { continue };
        assert!(asked.page.is_none_or(|page| (1..=10_000).contains(&page)));
        assert!(asked.limit.is_none_or(|limit| (1..=1000).contains(&limit)));
        assert!(asked.after.is_none_or(|key| key >= 0));
        assert!(asked.name.is_none_or(|length| (1..=200).contains(&length)));
        let least = asked.least.unwrap_or_default();
        assert!((0.0..=1.0).contains(&least.0) && (0.0..=10.0).contains(&least.1), "{least:?}");
    }
});
