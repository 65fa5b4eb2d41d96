//! Scores of plain base vectors, computed once each: there are 5,913 of them in CVSS 2 and 3, and feeds repeat them hundreds of thousands of times.

use std::sync::atomic::{AtomicU8, Ordering};

use super::{CvssVersion, VectorError};

/// The metrics of a version in the order in which everyone writes them, with the letters of their values.
type Metrics = [(&'static str, &'static [u8])];

const V2: &Metrics = &[
    ("AV:", b"LAN"),
    ("/AC:", b"HML"),
    ("/Au:", b"MSN"),
    ("/C:", b"NPC"),
    ("/I:", b"NPC"),
    ("/A:", b"NPC"),
];
const V3: &Metrics = &[
    ("/AV:", b"NALP"),
    ("/AC:", b"LH"),
    ("/PR:", b"NLH"),
    ("/UI:", b"NR"),
    ("/S:", b"UC"),
    ("/C:", b"NLH"),
    ("/I:", b"NLH"),
    ("/A:", b"NLH"),
];
const V2_VECTORS: usize = 729;
const V3_VECTORS: usize = 2592;

/// Tenths of the score, or [`UNKNOWN`].
static SCORES: [AtomicU8; V2_VECTORS + 2 * V3_VECTORS] = [const { AtomicU8::new(UNKNOWN) }; _];
const UNKNOWN: u8 = u8::MAX;

/// The score of a vector: from the table where it is a plain base vector, else from `compute`.
pub(super) fn score(
    version: CvssVersion,
    vector: &str,
    compute: impl FnOnce(CvssVersion, &str) -> Result<f32, VectorError>,
) -> Result<f32, VectorError> {
    let Some(slot) = index(version, vector).and_then(|index| SCORES.get(index)) else {
        return compute(version, vector);
    };
    // Every thread computes the same value, so it does not matter which one writes it.
    let tenths = slot.load(Ordering::Relaxed);
    if tenths != UNKNOWN {
        return Ok(f32::from(tenths) / 10.0);
    }
    let score = compute(version, vector)?;
    slot.store((score * 10.0).round() as u8, Ordering::Relaxed);
    Ok(score)
}

/// The place of a plain base vector in the table.
fn index(version: CvssVersion, vector: &str) -> Option<usize> {
    let (metrics, base, rest) = match version {
        CvssVersion::V2 => (V2, 0, vector),
        CvssVersion::V30 => (V3, V2_VECTORS, vector.strip_prefix("CVSS:3.0")?),
        CvssVersion::V31 => (V3, V2_VECTORS + V3_VECTORS, vector.strip_prefix("CVSS:3.1")?),
        CvssVersion::V4 => return None,
    };
    let mut rest = rest.as_bytes();
    let mut index = 0;
    for (name, values) in metrics {
        let (value, after) = rest.strip_prefix(name.as_bytes())?.split_first()?;
        index = index * values.len() + values.iter().position(|v| v == value)?;
        rest = after;
    }
    rest.is_empty().then_some(base + index)
}

#[cfg(test)]
mod tests {
    use super::super::{compute, compute_anew};
    use super::*;

    /// Every plain base vector of a version.
    fn all(prefix: &str, metrics: &Metrics) -> Vec<String> {
        metrics.iter().fold(vec![prefix.to_owned()], |vectors, (name, values)| {
            vectors
                .iter()
                .flat_map(|vector| values.iter().map(move |v| format!("{vector}{name}{}", char::from(*v))))
                .collect()
        })
    }

    #[test]
    fn the_table_says_what_the_computation_says() {
        for (version, vectors) in [
            (CvssVersion::V2, all("", V2)),
            (CvssVersion::V30, all("CVSS:3.0", V3)),
            (CvssVersion::V31, all("CVSS:3.1", V3)),
        ] {
            let mut seen = Vec::new();
            for vector in &vectors {
                let computed = compute_anew(version, vector).unwrap();
                // The first call fills the table, the second reads it.
                assert_eq!(
                    [compute(version, vector), compute(version, vector)],
                    [Ok(computed), Ok(computed)],
                    "{vector}"
                );
                seen.push(index(version, vector).unwrap());
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), vectors.len(), "two vectors share a place");
        }
    }

    #[test]
    fn other_vectors_have_no_place() {
        for vector in [
            "AV:N/AC:L/Au:N/C:P/I:P",
            "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:U",
            "(AV:N/AC:L/Au:N/C:P/I:P/A:P)",
            "AC:L/AV:N/Au:N/C:P/I:P/A:P",
            "",
        ] {
            assert_eq!(index(CvssVersion::V2, vector), None, "{vector}");
        }
        assert_eq!(index(CvssVersion::V30, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), None);
    }
}
