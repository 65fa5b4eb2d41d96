//! CVSS: the score computed from the vector, beside the one that was published.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// A base metric is missing.
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
        CvssVersion::V4 => {
            let parsed = vector.parse::<cvss::v4::Vector>().map_err(invalid)?;
            require(version, vector, &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"])?;
            parsed.score().value()
        }
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
