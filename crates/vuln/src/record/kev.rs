//! CISA's catalogue of known exploited vulnerabilities.

use serde::{Deserialize, Serialize};

use super::RecordError;
use super::field::{cwe, named};
use super::json::{Reader, Result};
use crate::id::CveId;
use crate::problem::Problem;

/// One vulnerability that is known to be exploited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KevEntry {
    /// The vulnerability.
    pub cve: CveId,
    /// Vendor or project.
    pub vendor: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Its name in the catalogue.
    pub name: String,
    /// `YYYY-MM-DD`: when it entered the catalogue.
    pub date_added: String,
    /// `YYYY-MM-DD`: by when US agencies must have acted.
    pub due_date: Option<String>,
    /// What it is.
    pub description: String,
    /// What agencies must do.
    pub required_action: String,
    /// Whether ransomware campaigns are known to use it.
    pub ransomware: bool,
    /// Notes, with links.
    pub notes: String,
    /// CWE ids.
    pub cwes: Vec<String>,
}

/// The catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// `catalogVersion`: `2099.12.31`.
    pub version: Option<String>,
    /// `dateReleased`: RFC 3339.
    pub released: Option<String>,
    /// The entries, in catalogue order.
    pub entries: Vec<KevEntry>,
}

/// Reads the catalogue. Entries without a CVE id or date, or with a key given twice, are left out, with a problem.
pub fn parse(bytes: &[u8]) -> std::result::Result<(Catalog, Vec<Problem>), RecordError> {
    let mut r = Reader::new(bytes)?;
    let mut catalog = Catalog::default();
    let mut has_entries = false;
    r.object(|r, key| {
        match key {
            "catalogVersion" => catalog.version = r.owned()?,
            "dateReleased" => catalog.released = r.owned()?,
            "vulnerabilities" => {
                has_entries = true;
                catalog.entries = r.list(entry)?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if !has_entries {
        return Err(RecordError::NoId { path: "/vulnerabilities" });
    }
    Ok((catalog, r.finish()?))
}

fn entry(r: &mut Reader<'_>) -> Result<Option<KevEntry>> {
    let start = r.value_start();
    let (mut id, mut id_at) = (None, start);
    let (mut vendor, mut product, mut due_date, mut ransomware) = (None, None, None, false);
    let (mut name, mut date_added, mut description) = (String::new(), String::new(), String::new());
    let (mut required_action, mut notes, mut cwes) = (String::new(), String::new(), Vec::new());
    r.object(|r, key| {
        match key {
            "cveID" => {
                id_at = r.value_start();
                id = r.string()?;
            }
            "vendorProject" => vendor = named(r)?,
            "product" => product = named(r)?,
            "vulnerabilityName" => name = r.owned()?.unwrap_or_default(),
            "dateAdded" => date_added = r.owned()?.unwrap_or_default(),
            "dueDate" => due_date = r.owned()?,
            "shortDescription" => description = r.owned()?.unwrap_or_default(),
            "requiredAction" => required_action = r.owned()?.unwrap_or_default(),
            "knownRansomwareCampaignUse" => ransomware = r.string()?.as_deref() == Some("Known"),
            "notes" => notes = r.owned()?.unwrap_or_default(),
            "cwes" => cwes = r.list(|r| Ok(r.string()?.as_deref().and_then(cwe)))?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if let Some(at) = r.take_repeated(start) {
        r.note_at(at, "given twice, the entry is left out");
        return Ok(None);
    }
    let Some(id) = id else {
        r.note_at(start, "no cveID, left out");
        return Ok(None);
    };
    if date_added.is_empty() {
        r.note_at(start, "no dateAdded, left out");
        return Ok(None);
    }
    match id.trim().parse::<CveId>() {
        Ok(cve) => Ok(Some(KevEntry {
            cve,
            vendor,
            product,
            name,
            date_added,
            due_date,
            description,
            required_action,
            ransomware,
            notes,
            cwes,
        })),
        Err(error) => {
            r.note_at(id_at, format!("{error}, left out"));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue() {
        let (catalog, problems) = parse(
            br#"{"title": "Known exploited", "catalogVersion": "2099.01.05", "dateReleased": "2099-01-05T12:00:00Z", "count": 4, "vulnerabilities": [
                {"cveID": "CVE-2099-0001", "vendorProject": "Example", "product": "n/a", "vulnerabilityName": "Frob Overflow",
                 "dateAdded": "2099-01-04", "dueDate": "2099-01-25", "shortDescription": "It overflows.", "requiredAction": "Update.",
                 "knownRansomwareCampaignUse": "Known", "notes": "https:\/\/example.org", "cwes": ["CWE-787"]},
                {"cveID": "CVE-2099-1", "dateAdded": "2099-01-04"}, {"dateAdded": "2099-01-04"}, {"cveID": "CVE-2099-0002"}]}"#,
        )
        .unwrap();
        assert_eq!(
            (catalog.version.as_deref(), catalog.released.as_deref()),
            (Some("2099.01.05"), Some("2099-01-05T12:00:00Z"))
        );
        let expected = KevEntry {
            cve: "CVE-2099-0001".parse().unwrap(),
            vendor: Some("Example".into()),
            product: None,
            name: "Frob Overflow".into(),
            date_added: "2099-01-04".into(),
            due_date: Some("2099-01-25".into()),
            description: "It overflows.".into(),
            required_action: "Update.".into(),
            ransomware: true,
            notes: "https://example.org".into(),
            cwes: vec!["CWE-787".into()],
        };
        assert_eq!(catalog.entries, [expected]);
        let found: Vec<(&str, &str)> = problems.iter().map(|p| (p.at.as_str(), p.message.as_str())).collect();
        assert_eq!(
            found,
            [
                (
                    "/vulnerabilities/1/cveID",
                    "parse CVE id at byte 10: expected at least four digits after the year, left out"
                ),
                ("/vulnerabilities/2", "no cveID, left out"),
                ("/vulnerabilities/3", "no dateAdded, left out"),
            ]
        );
    }

    #[test]
    fn security_an_entry_with_a_key_given_twice_is_left_out() {
        let (catalog, problems) = parse(
            br#"{"vulnerabilities": [{"cveID": "CVE-2099-0001", "dateAdded": "2099-01-04", "cveID": "CVE-2099-0002"},
                                     {"cveID": "CVE-2099-0003", "dateAdded": "2099-01-04"}]}"#,
        )
        .unwrap();
        assert_eq!(
            catalog.entries.iter().map(|e| e.cve.to_string()).collect::<Vec<_>>(),
            ["CVE-2099-0003"]
        );
        assert_eq!(
            problems,
            [Problem::new("/vulnerabilities/0/cveID", "given twice, the entry is left out")]
        );
        let twice = parse(br#"{"vulnerabilities": [], "vulnerabilities": []}"#).map(drop);
        assert!(
            matches!(twice, Err(RecordError::Repeated { ref path, .. }) if path == "/vulnerabilities"),
            "{twice:?}"
        );
    }

    #[test]
    fn other_documents_are_refused() {
        assert_eq!(
            parse(b"{\"title\": \"x\"}").map(drop),
            Err(RecordError::NoId { path: "/vulnerabilities" })
        );
        assert!(matches!(parse(b"{\"vulnerabilities\": ["), Err(RecordError::Json { .. })));
    }
}
