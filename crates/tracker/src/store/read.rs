//! What pages ask of a database, and the answers in domain terms.
//!
//! Lists that people filter and sort (findings) are handed over as a whole, once for each match: the pages keep them in memory
//! ([`crate::web`]), so that no database has to know our orders. All other answers are about one thing and bounded.

mod channel;
mod finding;
mod fix;
mod history;
mod keeper;
mod listed;
mod mention;
mod open;
mod package;
mod problem;
mod search;
mod source;
mod vulnerability;

pub use channel::{Channel, Count, recent_first};
pub use finding::{ClusterFacts, Facts, Findings, Mark, Pair, PairDetail};
pub use fix::Fix;
pub use history::{PastVerdict, Revision, VersionSpan};
pub use keeper::{Keepers, Kept};
pub use listed::{After, Listed, ListedPackage, Place};
pub use mention::{Mentions, Naming};
pub use open::{FindingThen, OpenHistory, OpenSpan};
pub use package::{ClusterHead, PackageIn};
pub use problem::{ProblemRow, Taken};
pub use search::{Hit, Resolved, TextHits};
pub use source::{Counts, Source};
pub use vulnerability::{DispositionRow, Document, Kev, Published, RecordRow, VerdictRow, Vulnerability};

use super::StoreError;

/// The questions of the pages. Each answer is one state of the database.
pub trait Read: Send + Sync {
    /// A text that is another one whenever anybody committed a change since. Cheap: asked with every page.
    fn last_change(&self) -> Result<String, StoreError>;

    /// Whether the database holds the sample set.
    fn is_sample(&self) -> Result<bool, StoreError>;

    /// All sources, package sets (`nixpkgs/CHANNEL`) included, by name.
    fn sources(&self) -> Result<Vec<Source>, StoreError>;

    /// How many records there are. Counts rows: for callers that keep the answer.
    fn counts(&self) -> Result<Counts, StoreError>;

    /// All channels, by name.
    fn channels(&self) -> Result<Vec<Channel>, StoreError>;

    /// For each matched channel a mark that changes when its findings do. Cheap: asked with every page.
    fn marks(&self) -> Result<Vec<Mark>, StoreError>;

    /// Everything that a match found in one channel.
    fn findings(&self, channel: &str) -> Result<Findings, StoreError>;

    /// What lists show of these vulnerabilities, whose keys are in order; those that are gone are left out.
    fn facts(&self, keys: &[i64]) -> Result<Vec<Facts>, StoreError>;

    /// The same of vulnerabilities with these names, in any order; those that there are none of are left out.
    fn facts_named(&self, names: &[String]) -> Result<Vec<Facts>, StoreError>;

    /// The package of a matched channel that each of these attributes belongs to.
    fn places(&self, channel: &str, attrs: &[String]) -> Result<Vec<Option<Place>>, StoreError>;

    /// What a finding says beyond what [`findings`](Self::findings) holds, in the order asked; pairs that are gone are left out.
    fn pair_details(&self, channel: &str, pairs: &[(i64, i64)]) -> Result<Vec<PairDetail>, StoreError>;

    /// One vulnerability by its name, with its verdicts and records.
    fn vulnerability(&self, name: &str) -> Result<Option<Vulnerability>, StoreError>;

    /// The current raw document of each record about a vulnerability, unpacked. One that cannot be unpacked is left out.
    fn documents(&self, name: &str) -> Result<Vec<Document>, StoreError>;

    /// The vulnerability that a text names exactly: its name or an alias, in any case.
    fn resolve(&self, id: &str) -> Result<Option<Resolved>, StoreError>;

    /// What speaks of an id that no record is about.
    fn mentions(&self, id: &str) -> Result<Mentions, StoreError>;

    /// The package that an attribute belongs to, in each channel that has it.
    fn package(&self, attr: &str) -> Result<Vec<PackageIn>, StoreError>;

    /// Packages by `pname`, all channels, by name.
    fn packages_named(&self, pname: &str, limit: usize) -> Result<Vec<ClusterHead>, StoreError>;

    /// The package that each of these attributes or package names belongs to, in any channel that has it.
    fn heads(&self, names: &[String]) -> Result<Vec<ClusterHead>, StoreError>;

    /// What was open in a channel when. Reads all of its open findings: for callers that keep the answer.
    fn open_history(&self, channel: &str) -> Result<OpenHistory, StoreError>;

    /// The findings of a channel when a package set (by its key) was its current one, in any order.
    fn findings_then(&self, channel: &str, set: i64) -> Result<Vec<FindingThen>, StoreError>;

    /// Each package of a matched channel of which it is known who looks after it. For callers that keep the answer.
    fn kept(&self) -> Result<Vec<Kept>, StoreError>;

    /// How many published vulnerabilities there are by month (`2024-05`) and severity, oldest first. Counts rows: for callers that keep
    /// the answer.
    fn published(&self) -> Result<Vec<Published>, StoreError>;

    /// What was open in channels until their packages changed, and is not open now; the newest first, at most [`Fix::MOST`].
    fn fixes(&self) -> Result<Vec<Fix>, StoreError>;

    /// Every attribute and package name of any channel, sorted, each once. For callers that keep the answer.
    fn names(&self) -> Result<Vec<String>, StoreError>;

    /// Vulnerabilities whose id, title or description holds all of these words. The last word may be the start of one.
    fn search_text(&self, words: &[String], limit: usize) -> Result<TextHits, StoreError>;

    /// At most `limit` vulnerabilities behind a place in a list.
    fn listed(&self, after: After, limit: usize) -> Result<Vec<Listed>, StoreError>;

    /// At most `limit` packages of a matched channel, by name, behind the one with this name.
    fn listed_packages(&self, channel: &str, after: &str, limit: usize) -> Result<Vec<ListedPackage>, StoreError>;

    /// Problems with an id below `before`, newest first.
    fn problems(&self, source: Option<&str>, before: Option<i64>, limit: usize) -> Result<Vec<ProblemRow>, StoreError>;

    /// The files taken last, newest first.
    fn taken(&self, source: Option<&str>, limit: usize) -> Result<Vec<Taken>, StoreError>;
}
