//! Digits into bytes: what the engine does for the seed, strictly.

/// The bytes that pairs of hexadecimal digits stand for; `#` starts a comment. The number of the first line that holds anything else.
pub fn bytes(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        for pair in code.split_whitespace() {
            let plain = pair.len() == 2 && pair.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
            match u8::from_str_radix(pair, 16) {
                Ok(byte) if plain => bytes.push(byte),
                _ => return Err(at + 1),
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_comments() {
        assert_eq!(bytes("7F 45 # 4C\n\n  00\n"), Ok(vec![0x7f, 0x45, 0]));
        for bad in ["7F\n4", "7F\n7g", "7F\n7f", "7F\n123", "7F\n+1"] {
            assert_eq!(bytes(bad), Err(2), "{bad}");
        }
    }
}
