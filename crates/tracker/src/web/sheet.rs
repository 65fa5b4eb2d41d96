//! Lists as rows for spreadsheets and scripts: CSV as RFC 4180 has it, UTF-8.

/// A list with named columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    text: String,
    columns: usize,
}

impl Sheet {
    /// A list without rows yet.
    pub fn new(columns: &[&str]) -> Self {
        let mut sheet = Self {
            text: String::new(),
            columns: columns.len(),
        };
        sheet.line(columns.iter().copied());
        sheet
    }

    /// Adds a row with as many cells as there are columns: what is missing is empty, what is too much is left out.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        let columns = self.columns;
        let missing = columns.saturating_sub(N);
        let cells = cells.iter().map(String::as_str).take(columns);
        self.line(cells.chain(std::iter::repeat_n("", missing)));
    }

    /// The document.
    pub fn into_text(self) -> String {
        self.text
    }

    fn line<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            push(&mut self.text, cell);
        }
        self.text.push_str("\r\n");
    }
}

/// A number as a cell; nothing where there is none.
pub fn number(value: Option<f32>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Writes a cell. What a spreadsheet would take for a formula gets an apostrophe in front: titles and versions are foreign text.
fn push(out: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    if !formula && !cell.contains(['"', ',', '\n', '\r', ';']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut sheet = Sheet::new(&["id", "title", "score"]);
        sheet.row(["CVE-1".into(), "a, \"b\"\nc".into(), "9.8".into()]);
        sheet.row(["".into(), "ä".into(), "-1".into()]);
        assert_eq!(sheet.into_text(), "id,title,score\r\nCVE-1,\"a, \"\"b\"\"\nc\",9.8\r\n,ä,-1\r\n");
    }

    #[test]
    fn security_no_cell_is_a_formula() {
        for bad in ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"] {
            let mut sheet = Sheet::new(&["a"]);
            sheet.row([bad.into()]);
            assert!(sheet.into_text().contains(&format!("\"'{bad}\"")), "{bad:?}");
        }
    }

    #[test]
    fn rows_have_as_many_cells_as_there_are_columns() {
        let mut sheet = Sheet::new(&["a", "b"]);
        sheet.row(["1".into()]);
        sheet.row(["1".into(), "2".into(), "3".into()]);
        assert_eq!(sheet.into_text(), "a,b\r\n1,\r\n1,2\r\n");
    }
}
