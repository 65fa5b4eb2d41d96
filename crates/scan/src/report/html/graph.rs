//! The dependency graph, drawn: how the worst packages are reached from what was asked for.
//!
//! Of each package one shortest path is drawn. As all are found by one walk, they form trees: layers are distances, and laying leaves out in
//! the order of the walk leaves no crossing. Other references between neighbouring layers are added as faint lines.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use vuln::score::Severity;

use super::text;
use crate::report::view::{Group, View};

/// How many packages are drawn; a drawing with more is no drawing any more.
const MOST_PACKAGES: usize = 24;
/// How many layers: paths that are longer are told in words only.
const MOST_LAYERS: usize = 16;
/// How many faint lines.
const MOST_FAINT: usize = 80;

const WIDTH: usize = 192;
const HEIGHT: usize = 30;
const GAP_X: usize = 48;
const GAP_Y: usize = 12;
const MARGIN: usize = 4;
/// Characters of a name that fit, and how many a count beside it takes.
const LABEL: usize = 25;
const COUNT: usize = 4;

/// The drawing with its heading; nothing where nothing is open.
pub fn section(view: &View<'_>) -> Markup {
    let (graph, left_out) = Graph::of(view);
    if graph.nodes.is_empty() {
        return Markup::default();
    }
    let (width, height) = graph.size();
    html! {
        section id="graph" aria-labelledby="graph-heading" {
            h2 id="graph-heading" { "Why it is there" }
            p { "From what was scanned (left) to the packages with open findings; one shortest path each." @if left_out > 0 { " " (left_out) " more packages are in the table only." } }
            div.drawing role="region" aria-label="Dependency graph" tabindex="0" {
                svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="group" aria-label="Paths from what was scanned to affected packages" {
                    @for (from, to) in &graph.faint { (graph.line(*from, *to, "faint")) }
                    @for (to, node) in &graph.nodes { @if let Some(from) = node.from { (graph.line(from, *to, "edge")) } }
                    @for (part, node) in &graph.nodes { (draw(*part, node, view)) }
                }
            }
        }
    }
}

#[derive(Default)]
struct Graph {
    /// By index of the part.
    nodes: BTreeMap<u32, Node>,
    faint: BTreeSet<(u32, u32)>,
}

#[derive(Default)]
struct Node {
    layer: usize,
    /// Twice the row, so that a parent can stand between two children.
    row: usize,
    from: Option<u32>,
    children: Vec<u32>,
    /// The package that is open, at the end of a path.
    affected: Option<usize>,
}

impl Graph {
    /// The graph, and how many packages with open findings are not in it.
    fn of(view: &View<'_>) -> (Self, usize) {
        let mut graph = Self::default();
        let mut roots = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left_out = 0;
        for entry in view.group(Group::Open).filter(|e| seen.insert(e.package)) {
            let way = view.why(entry.package);
            if graph.affected() == MOST_PACKAGES || way.is_empty() || way.len() > MOST_LAYERS {
                left_out += 1;
                continue;
            }
            graph.add(&way, entry.package, &mut roots);
        }
        let mut next_row = 0;
        for root in roots {
            graph.lay_out(root, &mut next_row);
        }
        graph.add_faint(view);
        (graph, left_out)
    }

    fn affected(&self) -> usize {
        self.nodes.values().filter(|n| n.affected.is_some()).count()
    }

    fn add(&mut self, way: &[u32], package: usize, roots: &mut Vec<u32>) {
        let mut from: Option<u32> = None;
        for (layer, &part) in way.iter().enumerate() {
            let known = self.nodes.contains_key(&part);
            let node = self.nodes.entry(part).or_default();
            if !known {
                node.layer = layer;
                node.from = from;
                match from.and_then(|from| self.nodes.get_mut(&from)) {
                    Some(parent) => parent.children.push(part),
                    None => roots.push(part),
                }
            }
            from = Some(part);
        }
        if let Some(node) = from.and_then(|last| self.nodes.get_mut(&last)) {
            node.affected = Some(package);
        }
    }

    /// Rows of a subtree, leaves from the top; at most as deep as there are layers. Returns its own row.
    fn lay_out(&mut self, part: u32, next_row: &mut usize) -> usize {
        let children = self.nodes.get(&part).map(|n| n.children.clone()).unwrap_or_default();
        let rows: Vec<usize> = children.into_iter().map(|child| self.lay_out(child, next_row)).collect();
        let row = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => (first + last) / 2,
            _ => {
                *next_row += 2;
                *next_row - 2
            }
        };
        if let Some(node) = self.nodes.get_mut(&part) {
            node.row = row;
        }
        row
    }

    fn add_faint(&mut self, view: &View<'_>) {
        for (from, node) in &self.nodes {
            let references = view.part(*from).map(|p| p.references.as_slice()).unwrap_or_default();
            for to in references {
                let next = self
                    .nodes
                    .get(to)
                    .is_some_and(|n| n.layer == node.layer + 1 && n.from != Some(*from));
                if next && self.faint.len() < MOST_FAINT {
                    self.faint.insert((*from, *to));
                }
            }
        }
    }

    fn size(&self) -> (usize, usize) {
        let layers = self.nodes.values().map(|n| n.layer + 1).max().unwrap_or(1);
        let row = self.nodes.values().map(|n| n.row).max().unwrap_or(0);
        (
            2 * MARGIN + layers * WIDTH + (layers - 1) * GAP_X,
            2 * MARGIN + HEIGHT + row * (HEIGHT + GAP_Y) / 2,
        )
    }

    fn line(&self, from: u32, to: u32, class: &str) -> Markup {
        let (Some(from), Some(to)) = (self.nodes.get(&from), self.nodes.get(&to)) else {
            return Markup::default();
        };
        let (x1, y1) = (x(from) + WIDTH, y(from) + HEIGHT / 2);
        let (x2, y2) = (x(to), y(to) + HEIGHT / 2);
        let middle = (x1 + x2) / 2;
        html! { path class=(class) d={ "M" (x1) " " (y1) "C" (middle) " " (y1) " " (middle) " " (y2) " " (x2) " " (y2) } {} }
    }
}

fn x(node: &Node) -> usize {
    MARGIN + node.layer * (WIDTH + GAP_X)
}

fn y(node: &Node) -> usize {
    MARGIN + node.row * (HEIGHT + GAP_Y) / 2
}

fn draw(part: u32, node: &Node, view: &View<'_>) -> Markup {
    let name = view.part(part).map(|p| p.name.as_str()).unwrap_or_default();
    let package = node.affected.and_then(|index| view.packages.get(index));
    let title = match package {
        Some(package) => package.title.clone(),
        None => name
            .parse::<nix_model::StorePath>()
            .map_or_else(|_| name.to_owned(), |path| path.name().to_owned()),
    };
    let severity = package.and_then(|p| p.worst).unwrap_or(Severity::Unknown);
    let class = if package.is_some() { severity.name() } else { "way" };
    let shape = html! {
        g class={ "node " (class) } transform={ "translate(" (x(node)) " " (y(node)) ")" } {
            rect width=(WIDTH) height=(HEIGHT) rx="6" {}
            text x="10" y=(HEIGHT / 2 + 4) { (shortened(&text(&title), LABEL - if package.is_some() { COUNT } else { 0 })) }
            @if let Some(package) = package {
                text.open x=(WIDTH - 8) y=(HEIGHT / 2 + 4) text-anchor="end" { (package.open) }
            }
            title { (text(name)) @if let Some(package) = package { ": " (package.open) " open, worst " (severity.name()) } }
        }
    };
    // The first finding of the package is its worst.
    let first = node.affected.and_then(|index| view.group(Group::Open).find(|e| e.package == index));
    match first {
        Some(entry) => html! { a href={ "#" (super::anchor(entry)) } { (shape) } },
        None => shape,
    }
}

fn shortened(title: &str, most: usize) -> String {
    if title.chars().count() <= most {
        return title.to_owned();
    }
    title.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use vuln::verdict::Verdict;

    use super::*;
    use crate::finding::{Knowledge, Report};
    use crate::inventory::{Inventory, Part, Scanned};
    use crate::sample::finding;

    /// Parts by what they refer to; the last ones are packages, each with an open finding.
    fn report(references: &[&[u32]], packages: usize) -> Report {
        let first = references.len() - packages;
        let parts = references.iter().enumerate().map(|(index, to)| Part {
            name: format!("part {index}"),
            references: to.to_vec(),
            package: index.checked_sub(first).map(|p| p as u32),
            ..Part::default()
        });
        Report {
            time: 0,
            inventory: Inventory {
                parts: parts.collect(),
                roots: vec![0],
                packages: vec![Scanned::default(); packages],
                ..Inventory::default()
            },
            knowledge: Knowledge::default(),
            findings: (0..packages as u32)
                .map(|p| finding(p, &format!("CVE-2020-{}", 1000 + p), Verdict::Affected))
                .collect(),
        }
    }

    fn places(report: &Report) -> Vec<(u32, usize, usize)> {
        let view = View::of(report);
        let (graph, _) = Graph::of(&view);
        graph.nodes.iter().map(|(part, n)| (*part, n.layer, n.row)).collect()
    }

    #[test]
    fn layers_are_distances_and_parents_stand_between_their_children() {
        // 0 -> 1 -> {3, 4}, 0 -> 2 -> {4, 5}; 3, 4 and 5 are affected.
        let report = report(&[&[1, 2], &[3, 4], &[4, 5], &[], &[], &[]], 3);
        assert_eq!(places(&report), [(0, 0, 2), (1, 1, 1), (2, 1, 4), (3, 2, 0), (4, 2, 2), (5, 2, 4)]);
        let view = View::of(&report);
        let (graph, left_out) = Graph::of(&view);
        assert_eq!((graph.faint.iter().collect::<Vec<_>>(), left_out), (vec![&(2, 4)], 0));
        assert_eq!(graph.size(), (8 + 3 * WIDTH + 2 * GAP_X, 8 + HEIGHT + 2 * (HEIGHT + GAP_Y)));
    }

    #[test]
    fn what_cannot_be_reached_or_is_too_far_is_counted() {
        let chain: Vec<Vec<u32>> = (1..=40).map(|next| vec![next]).collect();
        let mut references: Vec<&[u32]> = chain.iter().map(Vec::as_slice).collect();
        references.push(&[]);
        references.push(&[]);
        let report = report(&references, 2);
        let view = View::of(&report);
        let (graph, left_out) = Graph::of(&view);
        assert_eq!((graph.nodes.len(), left_out), (0, 2));
    }

    #[test]
    fn a_great_many_packages_are_not_drawn() {
        let all: Vec<u32> = (1..=100).collect();
        let mut references: Vec<&[u32]> = vec![&all];
        references.resize(101, &[]);
        let report = report(&references, 100);
        let (graph, left_out) = Graph::of(&View::of(&report));
        assert_eq!((graph.nodes.len(), left_out), (1 + MOST_PACKAGES, 100 - MOST_PACKAGES));
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("curl 7.71.1", 11), "curl 7.71.1");
        assert_eq!(shortened("curl 7.71.1é", 11), "curl 7.71.…");
    }
}
