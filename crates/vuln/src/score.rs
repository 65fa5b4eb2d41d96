//! CVSS: the score computed from the vector, beside the one that was published.

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
