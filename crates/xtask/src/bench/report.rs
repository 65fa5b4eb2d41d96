use std::time::Duration;

/// Figures beside their targets.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: String,
    measured: Figure,
    target: Option<Figure>,
}

/// A figure that should be small.
#[derive(Debug, Clone, Copy)]
pub enum Figure {
    Time(Duration),
    Memory(u64),
}

impl Figure {
    fn size(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Memory(bytes) => bytes as f64,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Time(time) if time < Duration::from_secs(1) => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
            Self::Time(time) => format!("{:.1} s", time.as_secs_f64()),
            Self::Memory(bytes) if bytes < 1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
            Self::Memory(bytes) => format!("{:.2} GB", bytes as f64 / 1e9),
        }
    }
}

impl Report {
    /// A figure with its target.
    pub fn against(&mut self, what: impl Into<String>, measured: Figure, target: Figure) {
        self.push(what.into(), measured, Some(target));
    }

    /// A figure that is shown without one.
    pub fn show(&mut self, what: impl Into<String>, measured: Figure) {
        self.push(what.into(), measured, None);
    }

    fn push(&mut self, what: String, measured: Figure, target: Option<Figure>) {
        let line = Line { what, measured, target };
        println!("{}", line.render());
        self.lines.push(line);
    }

    /// The whole table.
    pub fn render(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let mut text = format!("\n{:<44} {:>10} {:>10} {:>7}\n", "", "measured", "target", "ratio");
        for line in &self.lines {
            text.push_str(&line.render());
            text.push('\n');
        }
        text
    }
}

impl Line {
    fn render(&self) -> String {
        let Self { what, measured, target } = self;
        let Some(target) = target else {
            return format!("{what:<44} {:>10}", measured.text());
        };
        let ratio = measured.size() / target.size();
        let verdict = if ratio <= 1.0 { "" } else { "  above target" };
        format!("{what:<44} {:>10} {:>10} {ratio:>7.2}{verdict}", measured.text(), target.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_their_targets() {
        let mut report = Report::default();
        report.against(
            "take in",
            Figure::Time(Duration::from_secs(90)),
            Figure::Time(Duration::from_secs(180)),
        );
        report.against("memory", Figure::Memory(3_000_000_000), Figure::Memory(2_000_000_000));
        report.show("page", Figure::Time(Duration::from_micros(1500)));
        let lines: Vec<String> = report
            .render()
            .lines()
            .skip(2)
            .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "take in 90.0 s 180.0 s 0.50",
                "memory 3.00 GB 2.00 GB 1.50 above target",
                "page 1.5 ms"
            ]
        );
    }
}
