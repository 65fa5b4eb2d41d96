//! Markdown (CommonMark with GitHub's tables): for a comment on a change, or a page.

use std::io::{self, Write};

use super::view::{Entry, Group, View};
use super::{Options, words};

/// Details are for the worst; a comment has a limited length.
const DETAILS: usize = 50;

pub fn write(view: &View<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Vulnerabilities of {}\n", text(&view.report.inventory.targets.join(", ")))?;
    writeln!(out, "**{}.**\n", text(&words::summary(view)))?;
    writeln!(
        out,
        "{}, judged with {}.",
        text(&words::subject(view)),
        text(&words::snapshot(view.report))
    )?;
    if let Some(sealed) = words::sealed(view) {
        writeln!(out, "{}.", text(&sealed))?;
    }
    let sources = words::sources(view);
    if !sources.is_empty() {
        writeln!(out, "Data: {}.", text(&sources))?;
    }
    let open: Vec<&Entry<'_>> = view.distinct(Group::Open).collect();
    if !open.is_empty() {
        writeln!(
            out,
            "\n## Open\n\n| Severity | Vulnerability | Package | EPSS | Remedy |\n|---|---|---|--:|---|"
        )?;
        for entry in &open {
            let exploited = if entry.finding.exploited_since.is_some() {
                "**exploited**; "
            } else {
                ""
            };
            let remedy = words::remedy(entry.finding).unwrap_or_else(|| "no fix known".into());
            row(entry, view, &format!("{exploited}{}", text(&remedy)), out)?;
        }
    }
    let settled: Vec<&Entry<'_>> = view.distinct(Group::Settled).collect();
    if !settled.is_empty() {
        writeln!(
            out,
            "\n## Decided\n\n| Severity | Vulnerability | Package | EPSS | Decision |\n|---|---|---|--:|---|"
        )?;
        for entry in settled {
            row(entry, view, &text(&words::decision(entry.finding).unwrap_or_default()), out)?;
        }
    }
    if options.all && view.group(Group::Closed).next().is_some() {
        writeln!(
            out,
            "\n## Patched, fixed or not affected\n\n| Severity | Vulnerability | Package | EPSS | Why |\n|---|---|---|--:|---|"
        )?;
        for entry in view.distinct(Group::Closed) {
            let why = format!("{}: {}", words::verdict(entry.finding.verdict), words::evidence(entry.finding));
            row(entry, view, &text(&why), out)?;
        }
    }
    if !open.is_empty() {
        writeln!(out, "\n## Details")?;
        for entry in open.iter().take(DETAILS) {
            details(entry, view, out)?;
        }
        if open.len() > DETAILS {
            writeln!(out, "\nDetails of {} more are in the other formats.", open.len() - DETAILS)?;
        }
    }
    let problems = &view.report.inventory.problems;
    if !problems.is_empty() {
        writeln!(out, "\n## Left out\n")?;
        for problem in problems {
            writeln!(out, "- {}", text(problem))?;
        }
    }
    Ok(())
}

fn row(entry: &Entry<'_>, view: &View<'_>, last: &str, out: &mut dyn Write) -> io::Result<()> {
    let finding = entry.finding;
    let id = match words::page(&finding.id) {
        Some(page) => format!("[{}]({page})", text(&finding.id)),
        None => text(&finding.id),
    };
    let severity = match words::score(entry) {
        Some(score) => format!("{} {score}", entry.severity),
        None => entry.severity.to_string(),
    };
    let package = view.title(entry);
    let chance = finding.epss.map(|(score, _)| words::percent(score)).unwrap_or_default();
    writeln!(out, "| {severity} | {id} | {} | {chance} | {last} |", text(&package))
}

fn details(entry: &Entry<'_>, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let finding = entry.finding;
    let package = view.title(entry);
    writeln!(out, "\n### {} in {}\n", text(&finding.id), text(&package))?;
    if let Some(title) = finding.title.as_deref().or(Some(&finding.description)).filter(|t| !t.is_empty()) {
        writeln!(out, "{}\n", text(title))?;
    }
    writeln!(
        out,
        "- Verdict: {}, confidence {}",
        words::verdict(finding.verdict),
        words::percent(finding.confidence)
    )?;
    for evidence in &finding.evidence {
        writeln!(out, "- Because: {}", text(&evidence.detail))?;
    }
    if let Some(day) = &finding.exploited_since {
        writeln!(out, "- Known to be exploited since {}", text(day))?;
    }
    if let Some(decision) = words::decision(finding) {
        writeln!(out, "- Said about it: {}", text(&decision))?;
    }
    if let Some(package) = view.package(entry) {
        writeln!(out, "- The package is {}", words::seen(package.scanned.seen))?;
    }
    let why: Vec<String> = view
        .why(entry.package)
        .into_iter()
        .filter_map(|part| Some(text(&view.part(part)?.name)))
        .collect();
    if !why.is_empty() {
        writeln!(out, "- There because: {}", why.join(" → "))?;
    }
    Ok(())
}

/// Foreign text in one line: whatever acts on a terminal is made visible, whatever means something in Markdown or HTML stands for itself.
pub fn text(foreign: &str) -> String {
    let visible = cli_kit::escape(foreign);
    let mut out = String::with_capacity(visible.len() + 16);
    let mut before = ' ';
    let mut rest = visible.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '\\' | '`' | '*' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // Inside a word it is only itself.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric()) => out.push('_'),
            '_' => out += "\\_",
            // A list, a rule or a heading at the start; in GitHub's dialect a name, a commit or an issue.
            '-' | '+' | '=' if out.is_empty() => {
                out.push('\\');
                out.push(c);
            }
            '@' => out += "&#64;",
            // A number and a dot begin a list.
            '.' if !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit()) => out += "\\.",
            // Addresses would become links by themselves.
            ':' if rest.peek() == Some(&'/') => out += "&#58;",
            'w' if !before.is_alphanumeric() && starts_www(rest.clone()) => out += "&#119;",
            c => out.push(c),
        }
        before = c;
    }
    out
}

fn starts_www(mut rest: impl Iterator<Item = char>) -> bool {
    ['w', 'w', '.'].into_iter().all(|expected| rest.next() == Some(expected))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn foreign_text_stands_for_itself() {
        for (foreign, written) in [
            ("curl 7.71.1", "curl 7.71.1"),
            ("a|b", "a\\|b"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("[x](javascript:y)", "\\[x\\]\\(javascript:y\\)"),
            ("https://evil.example", "https&#58;//evil.example"),
            ("www.evil.example", "&#119;ww.evil.example"),
            ("@maintainer", "&#64;maintainer"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            ("# a\n# b", "\\# a\\\\n\\# b"),
            ("snake_case _x_", "snake_case \\_x\\_"),
            ("a\u{202e}b\x1b[31m", "a\\\\u\\{202e\\}b\\\\u\\{1b\\}\\[31m"),
            ("`code`", "\\`code\\`"),
        ] {
            assert_eq!(text(foreign), written);
        }
    }
}
