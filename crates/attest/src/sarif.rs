//! SARIF 2.1.0 (OASIS Standard, Errata 01): the members that a scan fills. Serialise a [`Log`] with any serializer of JSON.
//!
//! A vulnerable package has no line in a source file. Results therefore have logical locations only, instead of an invented file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A text that may belong to somebody else.
pub type Text<'a> = Cow<'a, str>;
/// Members that the standard leaves to tools.
pub type Properties = BTreeMap<&'static str, Value>;

/// A whole document, of one run.
#[derive(Debug, Serialize)]
pub struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

impl<'a> Log<'a> {
    /// The document of a run.
    pub fn of(run: Run<'a>) -> Self {
        Self {
            schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            version: "2.1.0",
            runs: [run],
        }
    }
}

/// A run of a tool.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run<'a> {
    /// Which tool.
    pub tool: Tool<'a>,
    /// How it went.
    pub invocations: Vec<Invocation<'a>>,
    /// What makes this run comparable with others.
    pub automation_details: AutomationDetails,
    /// Digits and letters are counted as Unicode scalar values are stored.
    pub column_kind: &'static str,
    /// What was found.
    pub results: Vec<Outcome<'a>>,
    /// Anything else.
    pub properties: Properties,
}

/// A tool.
#[derive(Debug, Serialize)]
pub struct Tool<'a> {
    /// The program itself.
    pub driver: Driver<'a>,
}

/// A program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Driver<'a> {
    /// Name.
    pub name: &'static str,
    /// Version.
    pub semantic_version: &'static str,
    /// Page.
    pub information_uri: &'static str,
    /// What it looked for: one a vulnerability.
    pub rules: Vec<Rule<'a>>,
}

/// A vulnerability.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule<'a> {
    /// `CVE-2018-25032`.
    pub id: Text<'a>,
    /// One line.
    pub short_description: Message<'a>,
    /// What it is.
    pub full_description: Message<'a>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_uri: Option<Text<'a>>,
    /// What can be read about it.
    pub help: Message<'a>,
    /// How grave it is where nothing else is said.
    pub default_configuration: Configuration,
    /// `security-severity` and `tags`, as code scanning reads them.
    pub properties: Properties,
}

/// How grave a rule's results are.
#[derive(Debug, Serialize)]
pub struct Configuration {
    /// `error`, `warning`, `note`, `none`.
    pub level: &'static str,
}

/// A text.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    /// Plain.
    pub text: Text<'a>,
    /// The same as Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
}

impl<'a> Message<'a> {
    /// A plain text.
    pub fn plain(text: impl Into<Text<'a>>) -> Self {
        Self {
            text: text.into(),
            markdown: None,
        }
    }
}

/// How a run went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation<'a> {
    /// Whether it came to an end.
    pub execution_successful: bool,
    /// RFC 3339, UTC.
    pub end_time_utc: String,
    /// What went wrong on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_execution_notifications: Vec<Notification<'a>>,
}

/// What went wrong on the way.
#[derive(Debug, Serialize)]
pub struct Notification<'a> {
    /// `warning`.
    pub level: &'static str,
    /// What.
    pub message: Message<'a>,
}

/// What makes runs comparable.
#[derive(Debug, Serialize)]
pub struct AutomationDetails {
    /// `firn-scan/system/`.
    pub id: String,
    /// A UUID.
    pub guid: String,
}

/// One finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome<'a> {
    /// Which rule.
    pub rule_id: Text<'a>,
    /// The same, as index into the rules.
    pub rule_index: usize,
    /// `fail`, `open`, `pass`, `notApplicable`.
    pub kind: &'static str,
    /// `error`, `warning`, `note`; `none` unless it failed.
    pub level: &'static str,
    /// What is said.
    pub message: Message<'a>,
    /// Where: logical places only.
    pub locations: Vec<Location<'a>>,
    /// What makes it the same finding in another run.
    pub partial_fingerprints: BTreeMap<&'static str, String>,
    /// Who said that it need not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Vec<Suppression>>,
    /// Anything else.
    pub properties: Properties,
}

/// A place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location<'a> {
    /// By name.
    pub logical_locations: Vec<LogicalLocation<'a>>,
}

/// A place by name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogicalLocation<'a> {
    /// `curl 7.71.1`.
    pub name: String,
    /// The store path.
    pub fully_qualified_name: Text<'a>,
    /// `package`.
    pub kind: &'static str,
}

/// A decision that a finding need not be looked at.
#[derive(Debug, Serialize)]
pub struct Suppression {
    /// `external`.
    pub kind: &'static str,
    /// `accepted`, `underReview`.
    pub status: &'static str,
    /// Why.
    pub justification: String,
}
