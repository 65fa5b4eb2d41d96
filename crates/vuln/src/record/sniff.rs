//! Which format a document has, from its first members.

use super::json::{Reader, Result, enough};

/// The formats that [`sniff`] tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One CVE Record Format 5 record.
    Cve,
    /// One entry of an NVD feed, with or without its `{"cve": ...}`.
    NvdEntry,
    /// An NVD feed file or API page.
    NvdFeed,
    /// One OSV record.
    Osv,
    /// CISA's KEV catalogue.
    Kev,
    /// EPSS scores in CSV.
    Epss,
}

/// Bytes that are looked at, at most. In CVE records the distinguishing member may stand behind a long container.
const PREFIX: usize = 1 << 20;

/// Tells the format of a document from its first bytes; the document may be cut off. `None` where it is none of ours.
pub fn sniff(bytes: &[u8]) -> Option<Kind> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.starts_with(b"#model_version") || text.starts_with(b"cve,epss") {
        return Some(Kind::Epss);
    }
    let mut clues = Clues::default();
    // Reading ends with the first decisive member, or where the text ends or breaks: what was seen until then decides.
    let _ = Reader::of_prefix(bytes, PREFIX).object(|r, key| clues.member(r, key));
    clues.verdict()
}

#[derive(Default)]
struct Clues {
    kind: Option<Kind>,
    id: bool,
    vulnerabilities: bool,
    osv: bool,
}

impl Clues {
    fn member(&mut self, r: &mut Reader<'_>, key: &str) -> Result<()> {
        match key {
            "dataType" if r.string()?.as_deref() == Some("CVE_RECORD") => self.decide(Kind::Cve),
            "dataType" => Ok(()),
            "cveMetadata" => self.decide(Kind::Cve),
            "cve" | "sourceIdentifier" | "vulnStatus" => self.decide(Kind::NvdEntry),
            "catalogVersion" | "dateReleased" => self.decide(Kind::Kev),
            "resultsPerPage" | "totalResults" => self.decide(Kind::NvdFeed),
            "format" if r.string()?.as_deref() == Some("NVD_CVE") => self.decide(Kind::NvdFeed),
            "format" => Ok(()),
            "schema_version" => self.decide(Kind::Osv),
            "vulnerabilities" => {
                self.vulnerabilities = true;
                r.skip()
            }
            "id" => {
                self.id = true;
                r.skip()
            }
            "modified" | "affected" | "aliases" | "withdrawn" => {
                self.osv = true;
                r.skip()
            }
            _ => r.skip(),
        }
    }

    /// Remembers the kind, and stops the reader.
    fn decide(&mut self, kind: Kind) -> Result<()> {
        self.kind = Some(kind);
        Err(enough())
    }

    fn verdict(self) -> Option<Kind> {
        self.kind
            .or((self.id && self.osv).then_some(Kind::Osv))
            .or(self.vulnerabilities.then_some(Kind::NvdFeed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format() {
        for (text, kind) in [
            (r#"{"dataType": "CVE_RECORD", "containers": {"#, Some(Kind::Cve)),
            (
                r#"{"containers": {"cna": {"affected": []}}, "cveMetadata": {"cveId": "CVE-2099-0001"}}"#,
                Some(Kind::Cve),
            ),
            (r#"{"cve": {"id": "CVE-2099-0001"}}"#, Some(Kind::NvdEntry)),
            (
                r#"{"id": "CVE-2099-0001", "sourceIdentifier": "x", "published": "#,
                Some(Kind::NvdEntry),
            ),
            (r#"{"resultsPerPage": 2000, "startIndex": 0"#, Some(Kind::NvdFeed)),
            (r#"{"format": "NVD_CVE", "version": "2.0""#, Some(Kind::NvdFeed)),
            (r#"{"vulnerabilities": []}"#, Some(Kind::NvdFeed)),
            (r#"{"title": "x", "catalogVersion": "2099.01.05""#, Some(Kind::Kev)),
            (r#"{"schema_version": "1.7.0", "id": "#, Some(Kind::Osv)),
            (r#"{"id": "EX-1", "modified": "2099", "affected": []}"#, Some(Kind::Osv)),
            ("#model_version:v1,score_date:2099-01-01\ncve,epss", Some(Kind::Epss)),
            ("\u{feff}cve,epss,percentile\n", Some(Kind::Epss)),
            (r#"{"data_type": "CVE", "data_version": "4.0"}"#, None),
            (r#"{"id": "x"}"#, None),
            (r#"[{"cve": {}}]"#, None),
            ("", None),
            ("frob", None),
        ] {
            assert_eq!(sniff(text.as_bytes()), kind, "{text}");
        }
    }
}
