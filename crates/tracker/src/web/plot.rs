//! Plots: drawings without scripts, each with the table that says the same beside it.

use maud::{Markup, html};
use serde::Serialize;
use vuln::score::Severity;

use super::part;

/// A bar of a plot, stacked by severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// What it stands for: a month, a channel.
    pub label: String,
    /// Counts by severity.
    pub counts: Vec<(Severity, u64)>,
}

impl Bar {
    /// A bar without height yet.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            counts: Vec::new(),
        }
    }

    /// Adds to one severity.
    pub fn add(&mut self, severity: Severity, more: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == severity) {
            Some((_, count)) => *count += more,
            None => self.counts.push((severity, more)),
        }
    }

    /// Of one severity.
    pub fn of(&self, severity: Severity) -> u64 {
        self.counts
            .iter()
            .filter(|(known, _)| *known == severity)
            .map(|(_, count)| count)
            .sum()
    }

    /// Of any severity.
    pub fn all(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

/// Bars beside each other.
pub struct Bars<'a> {
    /// For links and to name the drawing's parts.
    pub id: &'a str,
    /// What the plot shows: a sentence without its full stop.
    pub title: &'a str,
    /// What the bars stand for: the head of the table's first column.
    pub head: &'a str,
    /// The bars, from left to right.
    pub bars: &'a [Bar],
}

/// Pixels of the drawing: the ground line, and what is above the highest bar.
const GROUND: f64 = 200.0;
const ROOF: f64 = 16.0;

impl Bars<'_> {
    /// The drawing and its table.
    pub fn markup(&self) -> Markup {
        let most = self.bars.iter().map(Bar::all).max().unwrap_or(0);
        html! {
            figure.plot aria-labelledby={ (self.id) "-title" } {
                figcaption id={ (self.id) "-title" } { (self.title) }
                @if most == 0 {
                    p.empty { "There is nothing to draw yet." }
                } @else {
                    div.drawing { (self.drawing(nice(most))) (legend()) }
                    (self.table())
                }
            }
        }
    }

    fn drawing(&self, top: u64) -> Markup {
        let width = 100.0 / self.bars.len().max(1) as f64;
        // A few bars are columns all the same, not walls.
        let bar_width = (width * 0.76).min(9.0);
        let height = |count: u64| count as f64 * (GROUND - ROOF) / top as f64;
        // A label every so many bars, so that they do not run into one another.
        let every = self.bars.len().div_ceil(8).max(1);
        html! {
            svg.chart width="100%" height="228" role="img" aria-label=(self.summary()) {
                @for part in [top, top / 2] { line.gridline x1="0" x2="100%" y1=(px(GROUND - height(part))) y2=(px(GROUND - height(part))) {} }
                @for (index, bar) in self.bars.iter().enumerate() {
                    @let x = index as f64 * width;
                    g {
                        title { (words(bar)) }
                        @for (severity, from, to) in stacked(bar) {
                            rect.{ "fill-" (part::severity_name(severity)) }
                                x={ (format!("{:.3}", x + (width - bar_width) / 2.0)) "%" } width={ (format!("{bar_width:.3}")) "%" }
                                y=(px(GROUND - height(to))) height=(px(height(to) - height(from))) {}
                        }
                    }
                    @if index % every == 0 { text.label x={ (format!("{:.3}", x + width / 2.0)) "%" } y="218" text-anchor=(anchor(index, self.bars.len())) { (bar.label) } }
                }
                line.ground x1="0" x2="100%" y1=(px(GROUND)) y2=(px(GROUND)) {}
                @for part in [top, top / 2] { text.scale x="0" y=(px(GROUND - height(part) - 4.0)) { (part::number(part)) } }
            }
        }
    }

    fn table(&self) -> Markup {
        let severities: Vec<Severity> = part::SEVERITIES
            .into_iter()
            .filter(|&severity| self.bars.iter().any(|bar| bar.of(severity) > 0))
            .collect();
        html! {
            div.beside tabindex="0" role="region" aria-label={ (self.title) ", as a table" } {
                table.grid {
                    caption.hidden { (self.title) }
                    thead { tr { th scope="col" { (self.head) } @for severity in &severities { th.num scope="col" { (part::severity_word(*severity)) } } th.num scope="col" { "All" } } }
                    tbody {
                        @for bar in self.bars.iter().rev() {
                            tr { th scope="row" { (bar.label) } @for severity in &severities { td.num { (part::number(bar.of(*severity))) } } td.num.sum { (part::number(bar.all())) } }
                        }
                    }
                }
            }
        }
    }

    /// What the drawing shows, for those who do not see it.
    fn summary(&self) -> String {
        let ends = [self.bars.first(), self.bars.iter().max_by_key(|bar| bar.all()), self.bars.last()];
        let [Some(first), Some(most), Some(last)] = ends else {
            return format!("{}.", self.title);
        };
        format!(
            "{}. First: {}. Most: {}. Last: {}. The table beside it has all numbers.",
            self.title,
            words(first),
            words(most),
            words(last)
        )
    }
}

/// A length that may be longer for one thing than for another.
pub struct Length<'a> {
    /// What it belongs to.
    pub name: &'a str,
    /// How long; `None` where it is not known.
    pub value: Option<u64>,
    /// The same in words.
    pub words: String,
    /// Whether it is worth a look.
    pub long: bool,
}

/// Bars below each other, for a few things with names. Their numbers stand beside them: no table says more.
pub fn lengths(title: &str, list: &[Length<'_>]) -> Markup {
    let most = list.iter().filter_map(|length| length.value).max().unwrap_or(0).max(1);
    html! {
        table.lengths {
            caption.hidden { (title) }
            thead.hidden { tr { th scope="col" { "Name" } th scope="col" { "Drawn" } th scope="col" { "In words" } } }
            tbody {
                @for length in list {
                    tr {
                        th scope="row" { (length.name) }
                        td.wide {
                            svg.bar width="100%" height="10" aria-hidden="true" {
                                rect.track width="100%" height="10" {}
                                @if let Some(value) = length.value {
                                    rect.(if length.long { "fill-high" } else { "fill-low" }) width={ (format!("{:.2}", (value as f64 * 100.0 / most as f64).max(0.5))) "%" } height="10" {}
                                }
                            }
                        }
                        td { (length.words) }
                    }
                }
            }
        }
    }
}

/// Where each severity of a bar begins and ends, the worst at the ground.
fn stacked(bar: &Bar) -> Vec<(Severity, u64, u64)> {
    let mut at = 0;
    let mut parts = Vec::new();
    for severity in part::SEVERITIES {
        let count = bar.of(severity);
        if count > 0 {
            parts.push((severity, at, at + count));
            at += count;
        }
    }
    parts
}

fn words(bar: &Bar) -> String {
    let parts: Vec<String> = stacked(bar)
        .iter()
        .map(|(severity, from, to)| format!("{} {}", part::number(to - from), part::severity_word(*severity).to_lowercase()))
        .collect();
    format!("{}: {} ({})", bar.label, part::number(bar.all()), parts.join(", "))
}

fn legend() -> Markup {
    html! { ul.legend aria-hidden="true" { @for severity in part::SEVERITIES { li.{ "dot-" (part::severity_name(severity)) } { (part::severity_word(severity)) } } } }
}

/// Labels at the ends stay inside the drawing.
fn anchor(index: usize, bars: usize) -> &'static str {
    match index {
        0 if bars > 8 => "start",
        _ if index + 1 == bars && bars > 8 => "end",
        _ => "middle",
    }
}

fn px(value: f64) -> String {
    format!("{value:.2}")
}

/// The next number above that people like on a scale: 1, 2 or 5 and zeros; even where half of it is shown too.
fn nice(most: u64) -> u64 {
    let mut step: u64 = 1;
    loop {
        for factor in [2, 4, 6, 10] {
            let candidate = step.saturating_mul(factor);
            if candidate >= most || candidate == u64::MAX {
                return candidate;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let of: Vec<u64> = [0, 1, 2, 3, 7, 11, 44, 99, 101, 5_000, u64::MAX].into_iter().map(nice).collect();
        assert_eq!(of, [2, 2, 2, 4, 10, 20, 60, 100, 200, 6_000, u64::MAX]);
    }

    #[test]
    fn bars_are_stacked_from_the_worst_up() {
        let mut bar = Bar::new("2024-05");
        for (severity, count) in [(Severity::Low, 2), (Severity::Critical, 3), (Severity::Low, 1)] {
            bar.add(severity, count);
        }
        assert_eq!(stacked(&bar), [(Severity::Critical, 0, 3), (Severity::Low, 3, 6)]);
        assert_eq!(words(&bar), "2024-05: 6 (3 critical, 3 low)");
        let html = Bars {
            id: "x",
            title: "New <ones>",
            head: "Month",
            bars: &[bar],
        };
        let html = html.markup().into_string();
        assert!(
            html.contains("<td class=\"num sum\">6</td>") && html.contains("New &lt;ones&gt;"),
            "{html}"
        );
        assert_eq!(html.matches("<rect class=\"fill-").count(), 2);
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let empty = Bars {
            id: "x",
            title: "New",
            head: "Month",
            bars: &[Bar::new("a")],
        };
        assert!(empty.markup().into_string().contains("There is nothing to draw yet."));
    }
}
