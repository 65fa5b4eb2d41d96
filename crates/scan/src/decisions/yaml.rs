//! The part of YAML that whitelists of vulnix are written in: a list of entries, each a few keys with texts or lists of texts.
//!
//! Comments, plain and quoted texts, block texts (`|`, `>`), lists in brackets and lists of lines are read. Whatever else YAML knows
//! (anchors, tags, mappings in braces, complex keys) is refused by line: an entry that is misread hides a vulnerability.

use toml::{Table, Value};

/// Why a text is not read: the line, counted from 1, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub line: usize,
    pub problem: String,
}

type Read<T> = Result<T, Wrong>;

/// The entries, each with the line that it begins on.
pub(super) fn entries(text: &str) -> Read<Vec<(usize, Table)>> {
    let mut lines = Lines::of(text)?;
    let mut entries = Vec::new();
    let Some(outer) = lines.peek().map(|line| line.indent) else {
        return Ok(entries);
    };
    while let Some(line) = lines.peek() {
        let number = line.number;
        let rest = line.text.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '));
        let Some(rest) = rest.filter(|_| line.indent == outer) else {
            return Err(wrong(number, "an entry begins with a dash, in the column of the first one"));
        };
        // What follows the dash stands as if it began a line of its own.
        let inner = rest.trim_start();
        if inner.is_empty() {
            lines.next();
        } else {
            lines.put_back(outer + line.text.len() - inner.len(), inner);
        }
        entries.push((number, mapping(&mut lines, outer)?));
    }
    Ok(entries)
}

/// The keys of one entry, all in one column behind that of its dash.
fn mapping(lines: &mut Lines<'_>, outer: usize) -> Read<Table> {
    let mut table = Table::new();
    let Some(column) = lines.peek().map(|line| line.indent).filter(|indent| *indent > outer) else {
        return Ok(table);
    };
    while let Some(line) = lines.peek().filter(|line| line.indent > outer) {
        let number = line.number;
        if line.indent != column {
            return Err(wrong(number, "the keys of an entry stand in one column"));
        }
        let (key, rest) = key_of(line.text).ok_or_else(|| wrong(number, "expected a key, a colon and a value"))?;
        lines.next();
        if table.contains_key(key) {
            return Err(wrong(number, format!("{key} is there twice")));
        }
        if let Some(value) = value(lines, rest, column, number)? {
            table.insert(key.to_owned(), value);
        }
    }
    Ok(table)
}

fn key_of(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = text.split_once(':')?;
    let is_plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (is_plain && (rest.is_empty() || rest.starts_with(' '))).then_some((key, rest.trim_start()))
}

/// The value behind a key in a column; `None` where there is none.
fn value(lines: &mut Lines<'_>, rest: &str, column: usize, number: usize) -> Read<Option<Value>> {
    let rest = without_comment(rest);
    if let Some(style) = rest.strip_prefix(['|', '>']) {
        if !matches!(style, "" | "-" | "+") {
            return Err(wrong(number, "of block texts only | and > with - or + are read"));
        }
        let folds = rest.starts_with('>');
        return Ok(Some(Value::String(lines.block(column, if folds { " " } else { "\n" }))));
    }
    if let Some(inner) = rest.strip_prefix('[') {
        let inner = inner
            .strip_suffix(']')
            .ok_or_else(|| wrong(number, "a list in brackets ends on its line"))?;
        let items = split_list(inner).map(|item| Ok(Value::String(scalar(item.trim(), number)?)));
        return Ok(Some(Value::Array(items.collect::<Read<_>>()?)));
    }
    if rest.is_empty() {
        return list(lines, column);
    }
    if matches!(rest, "~" | "null") {
        return Ok(None);
    }
    let mut text = scalar(rest, number)?;
    // A text goes on in lines that stand deeper than its key.
    while let Some(more) = lines.peek().filter(|line| line.indent > column) {
        if rest.starts_with(['"', '\'']) {
            return Err(wrong(more.number, "a text in quotes ends on its line"));
        }
        text = format!("{text} {}", scalar(without_comment(more.text), more.number)?);
        lines.next();
    }
    Ok(Some(Value::String(text)))
}

/// Lines with a dash each, in the column of their key or deeper; `None` where there are none.
fn list(lines: &mut Lines<'_>, column: usize) -> Read<Option<Value>> {
    let mut items = Vec::new();
    let Some(own) = lines.peek().map(|line| line.indent).filter(|indent| *indent >= column) else {
        return Ok(None);
    };
    while let Some(line) = lines.peek().filter(|line| line.indent == own) {
        let number = line.number;
        match line.text.strip_prefix("- ") {
            Some(item) => items.push(Value::String(scalar(without_comment(item.trim_start()), number)?)),
            None if own > column => return Err(wrong(number, "expected a dash and a text")),
            None => break,
        }
        lines.next();
    }
    Ok((!items.is_empty()).then_some(Value::Array(items)))
}

fn scalar(text: &str, number: usize) -> Read<String> {
    if let Some(inner) = text.strip_prefix('\'') {
        let inner = inner
            .strip_suffix('\'')
            .filter(|inner| inner.replace("''", "").find('\'').is_none());
        return inner
            .map(|inner| inner.replace("''", "'"))
            .ok_or_else(|| wrong(number, "a quotation mark is missing"));
    }
    if text.starts_with('"') {
        // The same as in JSON, but for escapes that nobody needs here.
        return serde_json::from_str(text).map_err(|_| wrong(number, "not a text in double quotes with JSON's escapes"));
    }
    if text.starts_with(['&', '*', '!', '{', '}', '[', ']', '%', '@', '`', '?', '|', '>']) || text.contains(": ") || text.ends_with(':') {
        return Err(wrong(number, format!("put quotes around {text}")));
    }
    Ok(text.to_owned())
}

/// Items between commas that no quotes hold.
fn split_list(inner: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    inner
        .split(move |c: char| match (quote, c) {
            (None, ',') => true,
            (None, '"' | '\'') => {
                quote = Some(c);
                false
            }
            (Some(open), _) if open == c => {
                quote = None;
                false
            }
            _ => false,
        })
        .filter(|item| !item.trim().is_empty())
}

/// A comment begins with a hash behind a space, outside of quotes.
fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '#' && before == ' ' => return text.get(..at).unwrap_or(text).trim_end(),
            None if (c == '"' || c == '\'') && (at == 0 || before == ' ' || before == '[' || before == ',') => quote = Some(c),
            Some(open) if open == c && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    text.trim_end()
}

fn wrong(line: usize, problem: impl Into<String>) -> Wrong {
    Wrong {
        line,
        problem: problem.into(),
    }
}

/// A line that is neither empty nor a comment.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: usize,
    indent: usize,
    text: &'t str,
}

struct Lines<'t> {
    /// All lines, for block texts.
    all: Vec<&'t str>,
    /// The next one.
    at: usize,
    /// What was put back of the line before.
    rest: Option<Line<'t>>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Read<Self> {
        let mut all: Vec<&str> = text.lines().collect();
        if let Some(first) = all.iter_mut().find(|line| line.trim_end() == "---") {
            *first = "";
        }
        for (number, line) in (1..).zip(&all) {
            if line.trim_start_matches(' ').starts_with('\t') {
                return Err(wrong(number, "indent with spaces, not with tabs"));
            }
            if line.starts_with("---") || line.starts_with("...") {
                return Err(wrong(number, "one document a file is read"));
            }
        }
        Ok(Self { all, at: 0, rest: None })
    }

    fn peek(&mut self) -> Option<Line<'t>> {
        if let Some(rest) = self.rest {
            return Some(rest);
        }
        loop {
            let line = self.all.get(self.at)?.trim_end();
            let text = line.trim_start_matches(' ');
            if !text.is_empty() && !text.starts_with('#') {
                return Some(Line {
                    number: self.at + 1,
                    indent: line.len() - text.len(),
                    text,
                });
            }
            self.at += 1;
        }
    }

    fn next(&mut self) {
        self.rest = None;
        self.at += 1;
    }

    fn put_back(&mut self, indent: usize, text: &'t str) {
        self.rest = Some(Line {
            number: self.at + 1,
            indent,
            text,
        });
    }

    /// Takes the lines of a block text: all that stand deeper than a column, and empty ones between them.
    fn block(&mut self, column: usize, joint: &str) -> String {
        let mut lines: Vec<&str> = Vec::new();
        while let Some(line) = self.all.get(self.at) {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() && indent <= column {
                break;
            }
            lines.push(line.trim());
            self.at += 1;
        }
        lines.join(joint).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        entries(text)
            .unwrap()
            .into_iter()
            .map(|(line, table)| format!("{line} {}", serde_json::to_string(&table).unwrap()))
            .collect()
    }

    #[test]
    fn every_way_to_write_an_entry() {
        let text = "# a comment\n---\n-\n  cve:\n    - CVE-2015-2504\n    - CVE-2015-7696 # why\n  name: unzip\n\
                    - cve: [ CVE-2015-1, \"CVE-2015-2\" ]\n  comment: |\n    several\n\n    lines: as they are\n  status: inprogress\n\
                    - name: 'it''s'\n  version: 2.0\n  until: 2018-03-01\n  cve:\n  - CVE-1\n  comment: \"won't # fix\"\n\
                    - name: libxslt\n  comment: goes on\n    in a second line\n  issue_url:\n";
        assert_eq!(
            read(text),
            [
                r#"3 {"cve":["CVE-2015-2504","CVE-2015-7696"],"name":"unzip"}"#,
                r#"8 {"comment":"several\n\nlines: as they are","cve":["CVE-2015-1","CVE-2015-2"],"status":"inprogress"}"#,
                r#"14 {"comment":"won't # fix","cve":["CVE-1"],"name":"it's","until":"2018-03-01","version":"2.0"}"#,
                r#"20 {"comment":"goes on in a second line","name":"libxslt"}"#,
            ]
        );
        assert_eq!(read(""), [""; 0]);
    }

    #[test]
    fn what_is_not_read_is_refused_by_line() {
        for (text, line, word) in [
            ("name: x", 1, "dash"),
            ("- name: x\n version: 1", 2, "one column"),
            ("- name: x\n  name: y", 2, "twice"),
            ("- name: *all", 1, "quotes"),
            ("- name: &a x", 1, "quotes"),
            ("- {name: x}", 1, "a key"),
            ("- cve: [a,\n    b]", 1, "brackets"),
            ("- name: 'x", 1, "quotation mark"),
            ("- name: \"x", 1, "double quotes"),
            ("-\tname: x", 1, "dash"),
            ("-\n\tname: x", 2, "tabs"),
            ("- name: x\n---\n- name: y\n---", 4, "one document"),
            ("- name: x\n  comment: a: b", 2, "quotes"),
            ("- cve:\n    CVE-1", 2, "dash"),
        ] {
            let Wrong { line: at, problem } = entries(text).unwrap_err();
            assert!(at == line && problem.contains(word), "{text}: {at} {problem}");
        }
    }
}
