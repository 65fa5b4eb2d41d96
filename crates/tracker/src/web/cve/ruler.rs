//! A line of versions as a drawing, and as the table that says the same.

use maud::{Markup, html};
use vuln::advisory::Status;

use super::describe;
use super::line::{Line, Placed, Point};

/// Pixels from one point to the next, at least: where there is room the line fills it.
const STEP: usize = 64;

/// Characters of a label: two rows of them stand side by side.
const LABEL: usize = 16;

/// Where the line runs.
const TRACK: usize = 52;

/// The drawing, with its table behind a disclosure.
pub fn markup(line: &Line) -> Markup {
    let marks = marks(line);
    // In percent, so that the drawing needs no script to be as wide as the page.
    let x = |index: usize| index as f64 * 100.0 / (marks.len() + 1) as f64;
    html! {
        figure.ruler {
            figcaption { strong { (line.product) } span.soft { (line.source.to_uppercase()) " · " (line.record) " · order: " (line.scheme) } }
            div.scroll tabindex="0" role="region" aria-label={ "Versions of " (line.product) " as " (line.source) " states them" } {
                div.span {
                    svg.spacer width=(STEP * (marks.len() + 1)) height="1" aria-hidden="true" {}
                    svg width="100%" height="104" role="img" aria-label=(summary(line)) {
                        @for (index, mark) in marks.iter().enumerate() { (segment(mark.before, x(index), x(index + 1))) }
                        @if let Some(last) = marks.last() { (segment(last.after, x(marks.len()), 100.0)) }
                        @for (index, mark) in marks.iter().enumerate() { (drawn(mark, x(index + 1), index)) }
                    }
                }
            }
            @if !line.left_out.is_empty() {
                p.soft { "Not on the line, as it cannot be compared with the rest: " (line.left_out.join(", ")) }
            }
            details { summary { "The same as a table" } (table(line)) }
        }
    }
}

/// Points that each get a mark of their own; on a line with more of them neighbours share one.
const CROWD: usize = 14;

/// A point as it is drawn. On a crowded line, neighbours that only packages have, with no statement between them, share a mark.
struct Mark<'a> {
    points: Vec<&'a Point>,
    before: Status,
    at: Status,
    after: Status,
}

fn marks(line: &Line) -> Vec<Mark<'_>> {
    let status = |place: usize| line.places.get(place).copied().unwrap_or_default();
    let mut marks: Vec<Mark<'_>> = Vec::new();
    for (index, point) in line.points.iter().enumerate() {
        let place = index * 2 + 1;
        match marks.last_mut() {
            Some(last) if line.points.len() > CROWD && point.named.is_empty() && last.points.iter().all(|point| point.named.is_empty()) => {
                last.points.push(point);
                last.after = status(place + 1);
            }
            _ => marks.push(Mark {
                points: vec![point],
                before: status(place - 1),
                at: status(place),
                after: status(place + 1),
            }),
        }
    }
    marks
}

fn segment(status: Status, from: f64, to: f64) -> Markup {
    let (class, height) = match status {
        Status::Affected => ("seg-affected", 12),
        Status::Unaffected => ("seg-unaffected", 4),
        Status::Unknown => ("seg-unknown", 4),
    };
    html! { rect.(class) x=(format!("{from:.2}%")) width=(format!("{:.2}%", to - from)) y=(TRACK - height / 2) height=(height) {} }
}

/// One mark, drawn around its own zero.
fn drawn(mark: &Mark<'_>, x: f64, index: usize) -> Markup {
    let packages: Vec<&Placed> = mark.points.iter().flat_map(|point| &point.packages).collect();
    let named: Vec<&str> = mark.points.iter().flat_map(|point| &point.named).map(String::as_str).collect();
    let class = status_class(mark.at);
    // Every other label stands further out, so that long ones fit.
    let above = if index.is_multiple_of(2) { 30 } else { 14 };
    let below = if index.is_multiple_of(2) { 78 } else { 94 };
    html! {
        svg.at x=(format!("{x:.2}%")) aria-hidden="true" {
            @if !named.is_empty() {
                line.tick y1=(TRACK) y2=(below - 11) {}
                circle.point.(class) cy=(TRACK) r="5" {}
                text.bound y=(below) text-anchor="middle" { (short(&named.join(" = "))) title { (named.join(" = ")) } }
            }
            @if !packages.is_empty() {
                line.tick y1=(above + 4) y2=(TRACK - 14) {}
                path.pin.(class) d={ "M-7 " (TRACK - 18) "h14l-7 10z" } {}
                text.has y=(above) text-anchor="middle" { (short(&versions(&packages))) title { (in_words(&packages)) } }
            }
        }
    }
}

/// Versions of packages, the first of several.
fn versions(packages: &[&Placed]) -> String {
    let mut versions: Vec<&str> = Vec::new();
    for package in packages {
        if !versions.contains(&package.version.as_str()) {
            versions.push(&package.version);
        }
    }
    match versions.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    }
}

fn in_words(packages: &[&Placed]) -> String {
    let words: Vec<String> = packages
        .iter()
        .map(|p| format!("{} {} ({})", p.package, p.version, p.channels.join(", ")))
        .collect();
    words.join("; ")
}

/// What the drawing shows, for those who do not see it.
fn summary(line: &Line) -> String {
    let rows = rows(line);
    let words: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: {}", row.range, describe::status(row.status)))
        .collect();
    format!("Versions of {}. {}.", line.product, words.join("; "))
}

fn table(line: &Line) -> Markup {
    html! {
        table.grid {
            caption.hidden { "Versions of " (line.product) " with their status and the packages that have them" }
            thead { tr { th scope="col" { "Versions" } th scope="col" { "Status" } th scope="col" { "Packages" } } }
            tbody {
                @for row in rows(line) {
                    tr {
                        th scope="row" { (row.range) }
                        td { span.status.(status_class(row.status)) { (describe::status(row.status)) } }
                        td { @if row.packages.is_empty() { span.soft { "none" } } @else { (in_words(&row.packages)) } }
                    }
                }
            }
        }
    }
}

/// Neighbouring places with the same status.
struct Row<'a> {
    range: String,
    status: Status,
    packages: Vec<&'a Placed>,
}

fn rows(line: &Line) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut from = 0;
    for place in 0..line.places.len() {
        let status = line.places.get(place).copied().unwrap_or_default();
        if line.places.get(place + 1) == Some(&status) {
            continue;
        }
        let inside = (from..=place)
            .filter(|place| place % 2 == 1)
            .filter_map(|place| line.points.get(place / 2));
        rows.push(Row {
            range: words(line, from, place),
            status,
            packages: inside.flat_map(|point| &point.packages).collect(),
        });
        from = place + 1;
    }
    rows
}

/// The places from `from` to `to`, in words.
fn words(line: &Line, from: usize, to: usize) -> String {
    let version = |index: usize| line.points.get(index).map(Point::version).unwrap_or_default();
    if from == to && from % 2 == 1 {
        return version(from / 2).to_owned();
    }
    let start = match (from, from % 2) {
        (0, _) => String::new(),
        (_, 1) => format!("from {}", version(from / 2)),
        _ => format!("after {}", version(from / 2 - 1)),
    };
    let end = match to % 2 {
        1 => format!("through {}", version(to / 2)),
        _ if to / 2 >= line.points.len() => String::new(),
        _ => format!("before {}", version(to / 2)),
    };
    match (start.is_empty(), end.is_empty()) {
        (true, true) => "every version".to_owned(),
        (false, false) => format!("{start} {end}"),
        (false, true) => format!("{start} on"),
        (true, false) => end,
    }
}

fn status_class(status: Status) -> &'static str {
    match status {
        Status::Affected => "st-affected",
        Status::Unaffected => "st-unaffected",
        Status::Unknown => "st-unknown",
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= LABEL {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(LABEL - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let point = |named: &[&str], packages: &[&str]| Point {
            named: named.iter().map(|&v| v.to_owned()).collect(),
            packages: packages
                .iter()
                .map(|&version| Placed {
                    package: "xz".to_owned(),
                    pname: "xz".to_owned(),
                    version: version.to_owned(),
                    channels: vec!["test".to_owned()],
                })
                .collect(),
        };
        use Status::{Affected as A, Unaffected as U};
        Line {
            source: "cve",
            record: "CVE-2024-3094".to_owned(),
            product: "xz".to_owned(),
            scheme: "generic",
            points: vec![
                point(&[], &["5.2.5"]),
                point(&[], &["5.4.6"]),
                point(&["5.6.0"], &[]),
                point(&["5.6.1"], &["5.6.1"]),
            ],
            places: vec![U, U, U, U, U, A, U, A, U],
            left_out: vec![],
        }
    }

    #[test]
    fn rows_join_neighbours_of_one_status() {
        let line = line();
        let rows: Vec<(String, Status, usize)> = rows(&line)
            .into_iter()
            .map(|row| (row.range, row.status, row.packages.len()))
            .collect();
        assert_eq!(
            rows,
            [
                ("before 5.6.0".to_owned(), Status::Unaffected, 2),
                ("5.6.0".to_owned(), Status::Affected, 0),
                ("after 5.6.0 before 5.6.1".to_owned(), Status::Unaffected, 0),
                ("5.6.1".to_owned(), Status::Affected, 1),
                ("after 5.6.1 on".to_owned(), Status::Unaffected, 0),
            ]
        );
    }

    #[test]
    fn on_a_crowded_line_package_versions_without_a_statement_between_share_a_mark() {
        let mut line = line();
        assert_eq!(marks(&line).len(), 4);
        let before = line.points.clone();
        for _ in 0..CROWD {
            line.points.insert(0, before[0].clone());
            line.places.splice(0..0, [Status::Unaffected, Status::Unaffected]);
        }
        assert_eq!(
            marks(&line).iter().map(|mark| mark.points.len()).collect::<Vec<_>>(),
            [CROWD + 2, 1, 1]
        );
        assert!(markup(&line).into_string().contains(">5.2.5 +1<title>xz 5.2.5 (test);"));
    }

    #[test]
    fn the_drawing_says_in_words_what_it_shows() {
        let html = markup(&line()).into_string();
        assert!(
            html.contains("aria-label=\"Versions of xz. before 5.6.0: not affected; 5.6.0: affected;"),
            "{html}"
        );
        assert_eq!(html.matches("class=\"pin st-affected\"").count(), 1);
        assert_eq!(html.matches("class=\"pin st-unaffected\"").count(), 2);
    }
}
