//! OpenVEX 0.2.0: one statement a finding.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};

use attest::openvex::write::{Document, Identifiers, Outcome as Said, Product, Statement, Vulnerability};

use super::Options;
use super::outcome::{self, Outcome};
use super::view::{Entry, View};
use super::words::{self, TOOL, VERSION};

pub fn write(view: &View<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Document::new(
        format!("https://openvex.dev/docs/public/firn-{}", view.uuid),
        options.author.name.as_str().into(),
        "Document Creator",
        words::rfc3339(view.report.time),
        format!(
            "{TOOL} {VERSION}, {} ({})",
            words::snapshot(view.report),
            view.report.knowledge.digest
        ),
    );
    // A product must not be spoken of twice: the worst comes first.
    let mut said = HashSet::new();
    for entry in &view.entries {
        let Some(package) = view.package(entry) else { continue };
        if said.insert((entry.finding.id.as_str(), package.purl.as_str())) {
            document.statements.push(statement(entry, &package.purl));
        }
    }
    words::json(&document, true, out)
}

fn statement<'a>(entry: &'a Entry<'a>, purl: &'a str) -> Statement<'a> {
    let finding = entry.finding;
    let mut aliases: Vec<Cow<'a, str>> = Vec::new();
    for alias in &finding.aliases {
        if !aliases.iter().any(|a| a == alias) {
            aliases.push(alias.as_str().into());
        }
    }
    let vulnerability = Vulnerability {
        id: words::page(&finding.id),
        name: finding.id.as_str().into(),
        description: finding.title.as_deref().map(Cow::Borrowed),
        aliases,
    };
    let product = Product {
        id: purl.into(),
        identifiers: Identifiers { purl: purl.into() },
    };
    let said = match outcome::of(finding) {
        Outcome::Affected(action, _) => Said::Affected(action),
        Outcome::Patched | Outcome::Fixed => Said::Fixed,
        Outcome::NotAffected(Some(label), _) => Said::Justified(label),
        Outcome::NotAffected(None, words) => Said::NotAffected(words),
        Outcome::UnderInvestigation => Said::UnderInvestigation,
    };
    Statement::new(vulnerability, vec![product], said, outcome::notes(finding))
}
