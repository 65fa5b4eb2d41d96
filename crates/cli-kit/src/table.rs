use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::escape;

/// Rows under headings, in columns two spaces apart. Cells are escaped when they are added.
///
/// If the table is wider than the terminal, [flowing](Table::flow) columns are wrapped.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// The side a column's cells stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

#[derive(Debug, Clone)]
struct Column {
    heading: String,
    align: Align,
    flow: bool,
}

/// The narrowest a flowing column gets: below this wrapped text is unreadable, and a long line the lesser evil.
const NARROWEST: usize = 12;
const GAP: &str = "  ";

impl Table {
    /// A table with these headings, all columns to the left.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let columns = headings
            .iter()
            .map(|h| Column {
                heading: escape(h).into_owned(),
                align: Align::Left,
                flow: false,
            })
            .collect();
        Self { columns, rows: Vec::new() }
    }

    /// Puts the named columns to the right.
    #[must_use]
    pub fn right(mut self, headings: &[&str]) -> Self {
        for column in self.columns.iter_mut().filter(|c| headings.contains(&c.heading.as_str())) {
            column.align = Align::Right;
        }
        self
    }

    /// Lets the named columns wrap.
    #[must_use]
    pub fn flow(mut self, headings: &[&str]) -> Self {
        for column in self.columns.iter_mut().filter(|c| headings.contains(&c.heading.as_str())) {
            column.flow = true;
        }
        self
    }

    /// Adds a row. Missing cells are empty; cells without a heading are left out.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(|c| escape(c.as_ref()).into_owned()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether there is any row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, at most `width` columns wide if its flowing columns allow it.
    #[must_use]
    pub fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let mut out = String::new();
        let headings: Vec<&str> = self.columns.iter().map(|c| c.heading.as_str()).collect();
        self.push_row(&mut out, &headings, &widths);
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.push_row(&mut out, &cells, &widths);
        }
        out
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.heading.width()).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = cell.width().max(*widest);
            }
        }
        let Some(limit) = limit else { return widths };
        let total = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        let mut excess = total.saturating_sub(limit);
        // Take from the widest flowing column first, one at a time: narrow ones keep what they need.
        while excess > 0 {
            let flowing = widths.iter_mut().zip(&self.columns).filter(|(w, c)| c.flow && **w > NARROWEST);
            let Some((widest, _)) = flowing.max_by_key(|(w, _)| **w) else {
                break;
            };
            *widest -= 1;
            excess -= 1;
        }
        widths
    }

    fn push_row(&self, out: &mut String, cells: &[&str], widths: &[usize]) {
        let wrapped: Vec<Vec<&str>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let start = out.len();
            for ((column, lines), width) in self.columns.iter().zip(&wrapped).zip(widths) {
                if out.len() > start {
                    out.push_str(GAP);
                }
                let text = lines.get(line).copied().unwrap_or_default();
                let padding = " ".repeat(width.saturating_sub(text.width()));
                match column.align {
                    Align::Left => out.extend([text, &padding]),
                    Align::Right => out.extend([padding.as_str(), text]),
                }
            }
            let kept = out.trim_end_matches(' ').len().max(start);
            out.truncate(kept);
            out.push('\n');
        }
    }
}

/// Cuts text into lines of at most `width`, at spaces if there are any.
fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.width() > width {
        let mut used = 0;
        let fits = rest
            .char_indices()
            .find(|(_, c)| {
                used += c.width().unwrap_or(0);
                used > width
            })
            .map_or(rest.len(), |(i, _)| i);
        // A single character wider than the column still has to go somewhere.
        let fits = fits.max(rest.chars().next().map_or(0, char::len_utf8));
        let (head, tail) = rest.split_at(fits);
        let cut = if tail.starts_with(' ') {
            fits
        } else {
            head.rfind(' ').filter(|i| *i > 0).unwrap_or(fits)
        };
        let (line, next) = rest.split_at(cut);
        lines.push(line.trim_end());
        rest = next.trim_start();
    }
    if lines.is_empty() || !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["cve", "score", "why"]).right(&["score"]).flow(&["why"]);
        table.row(["CVE-2020-1967", "7.5", "cpe names openssl and 1.1.1f is inside 1.1.1d to 1.1.1f"]);
        table.row(["CVE-2024-1", "10", "東京 of a\u{202e}b"]);
        table
    }

    #[test]
    fn as_wide_as_it_gets() {
        assert_eq!(
            sample().render(None),
            "cve            score  why\n\
             CVE-2020-1967    7.5  cpe names openssl and 1.1.1f is inside 1.1.1d to 1.1.1f\n\
             CVE-2024-1        10  東京 of a\\u{202e}b\n"
        );
    }

    #[test]
    fn fitted_to_fifty_columns() {
        let text = sample().render(Some(50));
        assert_eq!(
            text,
            "cve            score  why\n\
             CVE-2020-1967    7.5  cpe names openssl and 1.1.1f\n\
             \u{20}                     is inside 1.1.1d to 1.1.1f\n\
             CVE-2024-1        10  東京 of a\\u{202e}b\n"
        );
        assert!(text.lines().all(|l| l.width() <= 50));
    }

    #[test]
    fn words_without_spaces_are_cut() {
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("東京都", 1), ["東", "京", "都"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn rows_may_be_short_or_long() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["1"]);
        table.row(["1", "2", "3"]);
        assert_eq!(table.render(None), "a  b\n1\n1  2\n");
    }
}
