//! What a scan found, in the formats of people and programs.
//!
//! Every output is made from the [`Report`] alone: the same report gives the same bytes on every machine and at every time.
//!
//! ```text
//! Report -> View      sorted, counted, named: what all outputs share
//!        -> table, Markdown, HTML                              for people
//!        -> JSON, JSON Lines, SARIF                            for programs that look at findings
//!        -> CycloneDX, SPDX                                    for programs that look at components
//!        -> OpenVEX, CSAF                                      for programs that look at statements
//! ```

mod csaf;
mod cyclonedx;
mod html;
mod json;
mod markdown;
mod openvex;
mod outcome;
mod sarif;
mod spdx;
mod table;
mod view;
pub(crate) mod words;

use std::io::{self, Write};

use crate::finding::Report;
use view::View;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum ReportFormat {
    /// For people, on a terminal
    Table,
    /// One versioned JSON object
    Json,
    /// One JSON object a line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// CycloneDX 1.6: SBOM with vulnerabilities
    #[value(name = "cyclonedx")]
    CycloneDx,
    /// SPDX 2.3: SBOM
    Spdx,
    /// OpenVEX 0.2.0
    #[value(name = "openvex")]
    OpenVex,
    /// CSAF 2.0, profile VEX
    Csaf,
    /// For a comment or a page
    Markdown,
    /// One page that needs nothing else
    Html,
}

impl ReportFormat {
    /// All formats.
    pub const ALL: [ReportFormat; 10] = [
        ReportFormat::Table,
        ReportFormat::Json,
        ReportFormat::Jsonl,
        ReportFormat::Sarif,
        ReportFormat::CycloneDx,
        ReportFormat::Spdx,
        ReportFormat::OpenVex,
        ReportFormat::Csaf,
        ReportFormat::Markdown,
        ReportFormat::Html,
    ];

    /// The name on the command line: `cyclonedx`.
    pub fn name(self) -> &'static str {
        match self {
            ReportFormat::Table => "table",
            ReportFormat::Json => "json",
            ReportFormat::Jsonl => "jsonl",
            ReportFormat::Sarif => "sarif",
            ReportFormat::CycloneDx => "cyclonedx",
            ReportFormat::Spdx => "spdx",
            ReportFormat::OpenVex => "openvex",
            ReportFormat::Csaf => "csaf",
            ReportFormat::Markdown => "markdown",
            ReportFormat::Html => "html",
        }
    }
}

/// What can be chosen about a report.
#[derive(Debug, Clone)]
pub struct Options {
    /// In table and Markdown: also what is patched, fixed or never was affected. Other formats always hold everything.
    pub all: bool,
    /// The table's columns; `None` for as wide as it gets.
    pub width: Option<usize>,
    /// Colours in the table.
    pub colour: bool,
    /// Who says so, in OpenVEX and CSAF.
    pub author: Author,
}

/// Who publishes a VEX document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// A person or an organisation.
    pub name: String,
    /// An address that stands for them: `https://example.org`.
    pub namespace: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            all: false,
            width: Some(80),
            colour: false,
            author: Author {
                name: "unknown author".into(),
                namespace: "https://example.invalid".into(),
            },
        }
    }
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("write the report")]
    Sink(#[source] io::Error),
    /// OpenVEX and CSAF have no document without a statement.
    #[error("write {format} document: there is nothing to state, no vulnerability of any package is known")]
    Nothing {
        /// Which format.
        format: &'static str,
    },
}

/// Writes a report. `out` should be buffered.
pub fn write(report: &Report, format: ReportFormat, options: &Options, out: &mut dyn Write) -> Result<(), WriteError> {
    let view = View::of(report);
    if view.entries.is_empty() && matches!(format, ReportFormat::OpenVex | ReportFormat::Csaf) {
        return Err(WriteError::Nothing { format: format.name() });
    }
    let written = match format {
        ReportFormat::Table => table::write(&view, options, out),
        ReportFormat::Json => json::write(&view, out),
        ReportFormat::Jsonl => json::write_lines(&view, out),
        ReportFormat::Sarif => sarif::write(&view, out),
        ReportFormat::CycloneDx => cyclonedx::write(&view, out),
        ReportFormat::Spdx => spdx::write(&view, out),
        ReportFormat::OpenVex => openvex::write(&view, options, out),
        ReportFormat::Csaf => csaf::write(&view, options, out),
        ReportFormat::Markdown => markdown::write(&view, options, out),
        ReportFormat::Html => html::write(&view, out),
    };
    written.map_err(WriteError::Sink)
}

/// The name that a CSAF document of this report must have as a file: the standard demands one.
pub fn csaf_file_name(report: &Report) -> String {
    csaf::file_name(&View::of(report))
}
