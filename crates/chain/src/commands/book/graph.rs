//! The steps as a picture: each below what it needs, with the way from the seed to the last one marked.

use std::collections::BTreeMap;

use crate::step::Step;

const WIDTH: usize = 176;
const HEIGHT: usize = 44;
const BESIDE: usize = 24;
const BELOW: usize = 40;
const MARGIN: usize = 16;

/// One box.
struct Place<'a> {
    step: &'a Step,
    x: usize,
    y: usize,
    on_the_way: bool,
}

/// An SVG of the steps, which stand in building order; `note` is what stands below a step's name.
pub fn draw(steps: &[&Step], note: &dyn Fn(&Step) -> String) -> String {
    let rows = rows(steps);
    let way = way(steps, &rows);
    let mut grid: BTreeMap<usize, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        grid.entry(rows.get(step.name.as_str()).copied().unwrap_or_default())
            .or_default()
            .push(step);
    }
    let most = grid.values().map(Vec::len).max().unwrap_or(1);
    let width = most * (WIDTH + BESIDE) - BESIDE + 2 * MARGIN;
    let height = grid.len() * (HEIGHT + BELOW) - BELOW.min(grid.len() * BELOW) + 2 * MARGIN;
    let mut places: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for (row, members) in &grid {
        // In the middle of the picture.
        let left = (width - (members.len() * (WIDTH + BESIDE) - BESIDE)) / 2;
        for (column, step) in members.iter().enumerate() {
            places.insert(
                &step.name,
                Place {
                    step,
                    x: left + column * (WIDTH + BESIDE),
                    y: MARGIN + row * (HEIGHT + BELOW),
                    on_the_way: way.contains(&step.name.as_str()),
                },
            );
        }
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
         role=\"img\" aria-label=\"The steps of the chain, from the seed downwards\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    // The way last, so that nothing is drawn over it.
    for marked in [false, true] {
        for place in places.values() {
            for input in place.step.inputs.iter().filter_map(|i| places.get(i.as_str())) {
                if (place.on_the_way && input.on_the_way && next_on(&way, &input.step.name) == Some(&place.step.name)) == marked {
                    svg += &edge(input, place, marked);
                }
            }
        }
    }
    for place in places.values() {
        svg += &node(place, &note(place.step));
    }
    svg + "</svg>\n"
}

/// The row of each step: below all that it needs.
fn rows<'a>(steps: &[&'a Step]) -> BTreeMap<&'a str, usize> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps {
        let above = step.inputs.iter().filter_map(|i| rows.get(i.as_str())).max();
        rows.insert(&step.name, above.map_or(0, |row| row + 1));
    }
    // An archive needs nothing: it stands just above the first step that uses it.
    for step in steps.iter().filter(|s| s.inputs.is_empty() && s.source.is_some()) {
        let users = steps.iter().filter(|s| s.inputs.contains(&step.name));
        let first = users.filter_map(|s| rows.get(s.name.as_str())).min().copied();
        rows.insert(&step.name, first.unwrap_or(1).saturating_sub(1));
    }
    rows
}

/// The longest way down to the last compiler, from the seed on.
fn way<'a>(steps: &[&'a Step], rows: &BTreeMap<&str, usize>) -> Vec<&'a str> {
    let row = |step: &Step| rows.get(step.name.as_str()).copied().unwrap_or_default();
    let compilers = steps.iter().filter(|s| s.name.starts_with("gcc-") && s.source.is_none());
    let Some(goal) = compilers.max_by_key(|s| row(s)).or_else(|| steps.iter().max_by_key(|s| row(s))) else {
        return Vec::new();
    };
    let mut way = vec![goal.name.as_str()];
    let mut at: &Step = goal;
    while let Some(above) = steps
        .iter()
        .filter(|s| at.inputs.contains(&s.name) && s.source.is_none())
        .max_by_key(|s| row(s))
    {
        way.push(&above.name);
        at = above;
    }
    way.reverse();
    way
}

fn next_on<'a>(way: &[&'a str], step: &str) -> Option<&'a str> {
    let at = way.iter().position(|s| *s == step)?;
    way.get(at + 1).copied()
}

fn edge(from: &Place<'_>, to: &Place<'_>, marked: bool) -> String {
    let (x1, y1) = (from.x + WIDTH / 2, from.y + HEIGHT);
    let (x2, y2) = (to.x + WIDTH / 2, to.y);
    let bend = BELOW / 2;
    let (colour, thick) = if marked { ("#b45309", 3) } else { ("#94a3b8", 1) };
    format!(
        "<path d=\"M{x1} {y1} C{x1} {} {x2} {} {x2} {y2}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"/>\n",
        y1 + bend,
        y2.saturating_sub(bend)
    )
}

fn node(place: &Place<'_>, note: &str) -> String {
    let (fill, stroke) = match (place.step.source.is_some(), place.on_the_way) {
        (true, _) => ("#e0f2fe", "#0369a1"),
        (false, true) => ("#ffedd5", "#b45309"),
        (false, false) => ("#f1f5f9", "#64748b"),
    };
    let middle = place.x + WIDTH / 2;
    format!(
        "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"{stroke}\"/>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"14\" font-weight=\"bold\" fill=\"#0f172a\">{}</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#334155\">{}</text></g>\n",
        escaped(&place.step.title),
        place.x,
        place.y,
        place.y + 19,
        escaped(&place.step.name),
        place.y + 35,
        escaped(note),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, inputs: &str, source: bool) -> Step {
        let source = if source {
            "[source]\nto = 's'\npackage = 'p'\nversion = '1'\nsuite = 's'\nfile = 'f'\nsha256 = ''\nkeep = []\n"
        } else {
            ""
        };
        let text = format!(
            "name = '{name}'\ntitle = 'a & b'\nwhy = 'w'\norder = 1\ninputs = [{inputs}]\n{source}[[output]]\npath = 'x'\nsha256 = ''\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn every_step_stands_below_what_it_needs_and_the_way_to_the_compiler_is_marked() {
        let all = [
            step("seed", "", false),
            step("tcc-source", "", true),
            step("cc", "'seed'", false),
            step("tcc", "'cc','tcc-source'", false),
            step("tools", "'tcc'", false),
            step("gcc-3", "'tcc'", false),
            step("after", "'gcc-3','tools'", false),
        ];
        let steps: Vec<&Step> = all.iter().collect();
        let rows = rows(&steps);
        let row = |name: &str| rows[name];
        assert_eq!(["seed", "cc", "tcc-source", "tcc", "gcc-3", "after"].map(row), [0, 1, 1, 2, 3, 4]);
        assert_eq!(way(&steps, &rows), ["seed", "cc", "tcc", "gcc-3"]);
        let svg = draw(&steps, &|s| format!("<{}>", s.name));
        assert_eq!(svg.matches("<g>").count(), 7);
        assert_eq!(svg.matches("<path").count(), 7);
        assert_eq!(svg.matches("stroke-width=\"3\"").count(), 3);
        assert!(svg.contains("a &amp; b") && svg.contains("&lt;seed&gt;"), "{svg}");
        assert!(draw(&[], &|_| String::new()).ends_with("</svg>\n"));
    }
}
