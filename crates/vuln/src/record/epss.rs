//! FIRST's exploit prediction scores: one CSV a day.

use super::RecordError;
use crate::id::CveId;
use crate::problem::Problem;

/// The scores of one day, read line by line.
#[derive(Debug, Clone)]
pub struct Scores<'a> {
    /// `YYYY-MM-DD`, from the comment line; files before 2021-09 have none.
    pub date: Option<String>,
    /// `v2025.03.14`, from the comment line.
    pub model: Option<String>,
    lines: std::str::Lines<'a>,
    line: usize,
}

/// The score of one vulnerability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpssScore {
    /// The vulnerability.
    pub cve: CveId,
    /// Probability of exploitation within 30 days, in [0, 1].
    pub score: f32,
    /// Share of vulnerabilities with the same or a lower score, in [0, 1].
    pub percentile: f32,
}

/// Reads the head of the file; the scores follow from the iterator, where a line that cannot be read is a problem.
pub fn parse(bytes: &[u8]) -> Result<Scores<'_>, RecordError> {
    let text = std::str::from_utf8(bytes).map_err(|e| RecordError::Utf8 { at: e.valid_up_to() })?;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let (mut date, mut model, mut line) = (None, None, 1);
    let mut head = lines.next().unwrap_or_default();
    if let Some(comment) = head.strip_prefix('#') {
        for pair in comment.split(',') {
            match pair.split_once(':') {
                Some(("model_version", value)) => model = Some(value.to_owned()),
                Some(("score_date", value)) => date = value.get(..10).map(str::to_owned),
                _ => {}
            }
        }
        head = lines.next().unwrap_or_default();
        line += 1;
    }
    let mut columns = head.split(',').map(str::trim);
    if columns.next() != Some("cve") || columns.next() != Some("epss") {
        return Err(RecordError::Csv {
            line,
            message: "expected the columns cve,epss,percentile",
        });
    }
    Ok(Scores { date, model, lines, line })
}

impl Iterator for Scores<'_> {
    type Item = Result<EpssScore, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = self.lines.next()?;
            self.line += 1;
            if !text.trim().is_empty() {
                return Some(score(text).map_err(|message| Problem::new(format!("line {}", self.line), message)));
            }
        }
    }
}

fn score(line: &str) -> Result<EpssScore, String> {
    let mut columns = line.split(',').map(str::trim);
    let mut column = || columns.next().unwrap_or_default();
    let cve = column().parse().map_err(|e: crate::id::IdError| e.to_string())?;
    let score = probability(column()).ok_or("epss is not a number in [0, 1]")?;
    let percentile = probability(column()).ok_or("percentile is not a number in [0, 1]")?;
    Ok(EpssScore { cve, score, percentile })
}

fn probability(text: &str) -> Option<f32> {
    text.parse().ok().filter(|p| (0.0..=1.0).contains(p))
}
