//! What servers say in the heads of their answers: how long to wait (never more than a day), which part of a file they send.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().map(str::to_owned);
    let (retry, remaining, reset) = (line(), line(), line());
    let header = |name: &str| match name {
        "retry-after" => retry.clone().filter(|text| !text.is_empty()),
        "x-ratelimit-remaining" => remaining.clone(),
        _ => reset.clone(),
    };
    for now in [0, 784_111_700, i64::MAX] {
        let wait = fetch::asked(429, header, now);
        assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(86_400)));
    }
    if let Some((from, to, size)) = fetch::content_range(text) {
        assert!(text.starts_with("bytes ") && text.len() > 10, "{from} {to} {size}");
    }
    for plain in [fetch::Plain::Loopback, fetch::Plain::Anywhere] {
        if let Ok(base) = fetch::base(text, plain) {
            let scheme = base.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            assert!(scheme.as_deref() == Some("https") || scheme.as_deref() == Some("http"), "{base}");
        }
    }
});
