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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day() {
        let csv = "#model_version:v2099.01.01,score_date:2099-01-05T00:00:00+0000\r\ncve,epss,percentile\r\nCVE-2099-0001,0.5,0.975000000\r\n\r\ncve-2099-0002,0,1\n";
        let scores = parse(csv.as_bytes()).unwrap();
        assert_eq!(
            (scores.date.as_deref(), scores.model.as_deref()),
            (Some("2099-01-05"), Some("v2099.01.01"))
        );
        let score = |id: &str, score, percentile| {
            Ok(EpssScore {
                cve: id.parse().unwrap(),
                score,
                percentile,
            })
        };
        assert_eq!(
            scores.collect::<Vec<_>>(),
            [score("CVE-2099-0001", 0.5, 0.975), score("CVE-2099-0002", 0.0, 1.0)]
        );
    }

    #[test]
    fn files_without_a_comment_line() {
        let scores = parse(b"cve,epss,percentile\nCVE-2099-0001,0.1,0.2").unwrap();
        assert_eq!(scores.date, None);
        assert_eq!(scores.count(), 1);
    }

    #[test]
    fn lines_that_cannot_be_read_are_problems() {
        let scores =
            parse(b"#x\ncve,epss,percentile\nCVE-2099-0001,0.1\nCVE-2099-0001,1.5,0\nfrob,0,0\nCVE-2099-0001,nan,0\nCVE-2099-0001,0.1,0.1")
                .unwrap();
        let found: Vec<_> = scores
            .map(|line| line.map(|score| score.score).map_err(|p| (p.at, p.message)))
            .collect();
        let problem = |line: &str, message: &str| Err((line.to_owned(), message.to_owned()));
        assert_eq!(
            found,
            [
                problem("line 3", "percentile is not a number in [0, 1]"),
                problem("line 4", "epss is not a number in [0, 1]"),
                problem("line 5", "parse CVE id at byte 0: expected \"CVE-\""),
                problem("line 6", "epss is not a number in [0, 1]"),
                Ok(0.1),
            ]
        );
    }

    #[test]
    fn other_files_are_refused() {
        let message = "expected the columns cve,epss,percentile";
        assert_eq!(parse(b"").map(drop), Err(RecordError::Csv { line: 1, message }));
        assert_eq!(parse(b"#x\nid,score").map(drop), Err(RecordError::Csv { line: 2, message }));
        assert_eq!(parse(b"cve,\xff").map(drop), Err(RecordError::Utf8 { at: 4 }));
    }
}
