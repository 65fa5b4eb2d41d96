//! Which part of a file a server sends.

/// Reads `Content-Range` (RFC 9110, 14.4): the first byte, the last one, and how many the whole file has. None if the server does not say
/// all of that, or says it of something else than bytes.
pub fn content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_or_none() {
        assert_eq!(content_range("bytes 0-99/1234"), Some((0, 99, 1234)));
        for other in [
            "bytes */1234",
            "bytes 0-99/*",
            "lines 0-9/10",
            "bytes 0-99",
            "bytes -1-2/3",
            "bytes 0-18446744073709551616/1",
            "",
        ] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }
}
