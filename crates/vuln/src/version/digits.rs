//! Numbers inside versions: compared as text, because some are longer than any integer type.

use std::cmp::Ordering;

/// Compares two runs of ASCII digits by their value.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The run without leading zeros; empty for zero.
pub(super) fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&c| c == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

/// Length of the run of ASCII digits at the start.
pub(super) fn run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|c| c.is_ascii_digit()).count()
}

/// The value, or the largest one where it does not fit.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0u64, |n, c| n.saturating_mul(10).saturating_add(u64::from(c.wrapping_sub(b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_any_integer_type() {
        let big = b"340282366920938463463374607431768211456";
        let bigger = b"340282366920938463463374607431768211457";
        assert_eq!(compare(big, bigger), Ordering::Less);
        assert_eq!(compare(b"0000000000000000000000000000000000000000000001", b"1"), Ordering::Equal);
        assert_eq!(compare(b"9", big), Ordering::Less);
        assert_eq!(value(big), u64::MAX);
        assert_eq!(value(b"0042"), 42);
    }
}
