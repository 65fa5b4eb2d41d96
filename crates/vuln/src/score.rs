//! CVSS: the score computed from the vector, beside the one that was published.

mod memo;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::advisory::Source;

/// One CVSS score of one provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Who scored (`nvd@nist.gov`, `cna`, `CISA-ADP`).
    pub provider: String,
    /// CVSS version.
    pub version: CvssVersion,
    /// The vector as written.
    pub vector: String,
    /// The base score that the record states.
    pub published: Option<f32>,
    /// The score computed from the vector; `None` where the vector is not valid.
    pub computed: Option<f32>,
}

impl Score {
    /// A score with what its vector amounts to. Where the vector is not valid, the reason comes with it.
    ///
    /// A vector that names its own version is scored under that version, whatever the member it was found in is called.
    pub fn new(provider: String, version: CvssVersion, vector: String, published: Option<f32>) -> (Self, Option<VectorError>) {
        let version = CvssVersion::of_vector(&vector).unwrap_or(version);
        let (computed, error) = match compute(version, &vector) {
            Ok(score) => (Some(score), None),
            Err(error) => (None, Some(error)),
        };
        (
            Self {
                provider,
                version,
                vector,
                published,
                computed,
            },
            error,
        )
    }

    /// The severity of [`value`](Self::value).
    pub fn severity(&self) -> Severity {
        Severity::from_score(self.value())
    }

    /// The computed score, else the published one.
    pub fn value(&self) -> Option<f32> {
        self.computed.or(self.published)
    }
}

/// CVSS versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CvssVersion {
    /// 2.0
    #[serde(rename = "2.0")]
    V2,
    /// 3.0
    #[serde(rename = "3.0")]
    V30,
    /// 3.1
    #[serde(rename = "3.1")]
    V31,
    /// 4.0
    #[serde(rename = "4.0")]
    V4,
}

impl CvssVersion {
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    pub fn name(self) -> &'static str {
        match self {
            CvssVersion::V2 => "2.0",
            CvssVersion::V30 => "3.0",
            CvssVersion::V31 => "3.1",
            CvssVersion::V4 => "4.0",
        }
    }

    /// The version that a vector names: `None` for 2.0, whose vectors name none, and for what is not a vector.
    pub fn of_vector(vector: &str) -> Option<Self> {
        let (version, _) = vector.strip_prefix("CVSS:")?.split_once('/')?;
        [CvssVersion::V30, CvssVersion::V31, CvssVersion::V4]
            .into_iter()
            .find(|v| v.name() == version)
    }
}

impl fmt::Display for CvssVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a CVSS vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// Longer than all metrics of a version together.
    #[error("vector is longer than {MAX_VECTOR} bytes")]
    TooLong,
    /// A base metric is missing (where the parser does not say so itself).
    #[error("CVSS {version} vector has no {metric} metric")]
    Missing {
        /// The version it was read as.
        version: CvssVersion,
        /// The metric's short name.
        metric: &'static str,
    },
    /// A metric or value is unknown, or occurs twice.
    #[error("not a CVSS {version} vector: {reason}")]
    Invalid {
        /// The version it was read as.
        version: CvssVersion,
        /// What is wrong with it.
        reason: String,
    },
}

/// A complete CVSS 4.0 vector has about 190 bytes.
const MAX_VECTOR: usize = 256;

/// The base score of a vector (for 4.0 the score of all its metrics, as its specification has but one). 2.0 vectors may stand in parentheses.
pub fn compute(version: CvssVersion, vector: &str) -> Result<f32, VectorError> {
    if vector.len() > MAX_VECTOR {
        return Err(VectorError::TooLong);
    }
    memo::score(version, vector, compute_anew)
}

fn compute_anew(version: CvssVersion, vector: &str) -> Result<f32, VectorError> {
    let invalid = |e: cvss::Error| VectorError::Invalid {
        version,
        reason: e.to_string(),
    };
    let score = match version {
        CvssVersion::V2 => {
            let bare = vector.strip_prefix('(').and_then(|v| v.strip_suffix(')')).unwrap_or(vector);
            bare.parse::<cvss::v2::Vector>().map_err(invalid)?.score().value()
        }
        CvssVersion::V30 | CvssVersion::V31 => {
            let parsed = vector.parse::<cvss::v3::Vector>().map_err(invalid)?;
            require(version, vector, &["AV", "AC", "PR", "UI", "S", "C", "I", "A"])?;
            parsed.score().value()
        }
        CvssVersion::V4 => vector.parse::<cvss::v4::Vector>().map_err(invalid)?.score().value(),
    };
    Ok(score as f32)
}

/// The parser takes a vector without some of its base metrics; its score would mean nothing.
fn require(version: CvssVersion, vector: &str, metrics: &[&'static str]) -> Result<(), VectorError> {
    let has = |metric: &str| {
        vector
            .split('/')
            .any(|part| part.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(metric)))
    };
    match metrics.iter().find(|metric| !has(metric)) {
        Some(metric) => Err(VectorError::Missing { version, metric }),
        None => Ok(()),
    }
}

/// Qualitative severity by the scale of CVSS 3 and 4 (2.0 scores are put on the same scale, as NVD's own 2.0 scale has no `critical`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No score.
    Unknown,
    /// 0.0
    None,
    /// 0.1 - 3.9
    Low,
    /// 4.0 - 6.9
    Medium,
    /// 7.0 - 8.9
    High,
    /// 9.0 - 10.0
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Severity; 6] = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::None,
        Severity::Unknown,
    ];

    /// The severity of a score; scores have one decimal, and what lies between two bands belongs to the lower one.
    pub fn from_score(score: Option<f32>) -> Self {
        match score {
            None => Severity::Unknown,
            Some(score) if score.is_nan() => Severity::Unknown,
            Some(score) if score >= 9.0 => Severity::Critical,
            Some(score) if score >= 7.0 => Severity::High,
            Some(score) if score >= 4.0 => Severity::Medium,
            Some(score) if score >= 0.1 => Severity::Low,
            Some(_) => Severity::None,
        }
    }

    /// The name in files, addresses and pages.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Unknown => "unknown",
            Severity::None => "none",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Severity::ALL
            .into_iter()
            .find(|v| v.name().eq_ignore_ascii_case(s))
            .ok_or_else(|| format!("no severity named {s:?}"))
    }
}

/// The place of the score that decides a severity: that of the highest CVSS version. Where several speak in that version: the CNA, who
/// knows the product; NVD's analysts; other providers that NVD or OSV repeat; additions by ADPs last. Among equals the higher score.
pub fn leading<'a>(scores: impl IntoIterator<Item = (Source, &'a Score)>) -> Option<usize> {
    let scores = scores.into_iter().enumerate().filter(|(_, (_, s))| s.value().is_some());
    scores
        .max_by(|(_, (a_source, a)), (_, (b_source, b))| {
            let trust = trust(*a_source, &a.provider).cmp(&trust(*b_source, &b.provider));
            let value = a.value().unwrap_or_default().total_cmp(&b.value().unwrap_or_default());
            a.version.cmp(&b.version).then(trust).then(value)
        })
        .map(|(place, _)| place)
}

fn trust(source: Source, provider: &str) -> u8 {
    /// CISA's ADP, as NVD names it.
    const CISA_ADP: &str = "134c704f-9b21-4f2e-91b3-4a467353bcc0";
    match (source, provider) {
        (Source::Cve, "cna") => 4,
        (Source::Nvd, "nvd@nist.gov") => 3,
        (Source::Nvd, CISA_ADP) | (Source::Cve, _) => 1,
        (Source::Nvd | Source::Osv, _) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        for (version, vector, score) in [
            // FIRST's guide to CVSS 2, section 3.3: CVE-2002-0392, CVE-2003-0818, CVE-2003-0062.
            (CvssVersion::V2, "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
            (CvssVersion::V2, "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
            (CvssVersion::V2, "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
            // NVD: CVE-2014-0160.
            (CvssVersion::V2, "(AV:N/AC:L/Au:N/C:P/I:N/A:N)", 5.0),
            // FIRST's examples for CVSS 3.1: CVE-2013-1937, CVE-2013-0375, CVE-2014-3566, CVE-2012-1516, CVE-2009-0783, CVE-2014-0160.
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
            (CvssVersion::V31, "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
            // NVD: CVE-2021-44228.
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            (CvssVersion::V30, "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            (CvssVersion::V30, "CVSS:3.0/AV:P/AC:H/PR:L/UI:R/S:U/C:L/I:H/A:H", 5.8),
            // FIRST's examples for CVSS 4.0: CVE-2022-41741, CVE-2020-3549, CVE-2023-3089, CVE-2021-44714, CVE-2022-21830, CVE-2022-22186.
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                7.3,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                7.7,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N",
                8.3,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",
                4.6,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N",
                5.1,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:L/SA:N",
                6.9,
            ),
            (
                CvssVersion::V4,
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
                10.0,
            ),
        ] {
            assert_eq!(compute(version, vector), Ok(score), "{vector}");
        }
    }

    #[test]
    fn optional_metrics_do_not_change_a_base_score() {
        assert_eq!(
            compute(CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U"),
            Ok(9.8)
        );
        assert_eq!(compute(CvssVersion::V2, "AV:N/AC:L/Au:N/C:P/I:N/A:N/E:U/RL:OF/RC:UC"), Ok(5.0));
    }

    #[test]
    fn vectors_that_are_none() {
        let error_of = |version, vector: &str| compute(version, vector).unwrap_err().to_string();
        assert_eq!(
            error_of(CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H"),
            "CVSS 3.1 vector has no A metric"
        );
        assert_eq!(
            error_of(CvssVersion::V4, "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N"),
            "not a CVSS 4.0 vector: missing mandatory CVSSv4 SA (Availability Impact to the Subsequent System) metric"
        );
        assert_eq!(error_of(CvssVersion::V31, &"x".repeat(257)), "vector is longer than 256 bytes");
        for (version, vector) in [
            (CvssVersion::V31, "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X"),
            (CvssVersion::V31, "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
            (CvssVersion::V2, "AV:N/AC:L/Au:N"),
            (CvssVersion::V2, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
            (CvssVersion::V4, ""),
            (CvssVersion::V4, "é/:"),
        ] {
            assert!(compute(version, vector).is_err(), "{vector}");
        }
    }

    #[test]
    fn a_vector_names_its_version() {
        let vector = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let (score, error) = Score::new("cna".into(), CvssVersion::V31, vector.into(), Some(9.8));
        assert_eq!((score.version, score.computed, error), (CvssVersion::V30, Some(9.8), None));
    }

    #[test]
    fn a_score_without_a_valid_vector_keeps_what_was_published() {
        let (score, error) = Score::new("cna".into(), CvssVersion::V31, "CVSS:3.1/broken".into(), Some(7.1));
        assert_eq!((score.value(), score.severity()), (Some(7.1), Severity::High));
        assert!(matches!(
            error,
            Some(VectorError::Invalid {
                version: CvssVersion::V31,
                ..
            })
        ));
    }

    #[test]
    fn severities_of_scores() {
        for (score, severity) in [
            (None, Severity::Unknown),
            (Some(0.0), Severity::None),
            (Some(0.1), Severity::Low),
            (Some(3.9), Severity::Low),
            (Some(4.0), Severity::Medium),
            (Some(6.9), Severity::Medium),
            (Some(7.0), Severity::High),
            (Some(8.9), Severity::High),
            (Some(9.0), Severity::Critical),
            (Some(10.0), Severity::Critical),
            (Some(f32::NAN), Severity::Unknown),
        ] {
            assert_eq!(Severity::from_score(score), severity, "{score:?}");
        }
        assert_eq!("CRITICAL".parse(), Ok(Severity::Critical));
        assert!(Severity::ALL.is_sorted_by(|a, b| a > b));
    }
}
