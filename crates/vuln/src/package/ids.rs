//! Ids of vulnerabilities in free text and file names.

use std::collections::HashSet;

/// Every CVE and GHSA id in a text, each once, in the order of the text, in the one way of writing them
/// (`CVE-2018-1000156`, `GHSA-jfh8-c2jp-5v3q`). Reads what people make of them in names of patches: any case, `_` or a space
/// for `-`, several in one name, and lists of neighbours (`CVE-2011-1552_1553_1554.patch`).
///
/// ```
/// assert_eq!(vuln::package::ids_in("04_cve_2011_4620.diff"), ["CVE-2011-4620"]);
/// ```
pub fn ids_in(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut found = Found::default();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'c' | b'C' => cve(bytes, at, &mut found),
            b'g' | b'G' => ghsa(bytes, at, &mut found),
            _ => None,
        }
        .unwrap_or(at + 1);
    }
    found.ids
}

#[derive(Default)]
struct Found {
    ids: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    fn push(&mut self, id: String) {
        if self.seen.insert(id.clone()) {
            self.ids.push(id);
        }
    }
}

/// The least and the most digits of a CVE id's number, by its schema.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 4..=19;
/// How far apart the numbers in a list of neighbours may be. Ids of one batch of reports lie close together; a date, a revision
/// or the number of a patch in its series does not.
const NEIGHBOURS: u64 = 100;

/// Reads the CVE id that begins at `at`; the result is where it ends.
fn cve(bytes: &[u8], at: usize, found: &mut Found) -> Option<usize> {
    let prefix = bytes.get(at..at + 3)?;
    if !prefix.eq_ignore_ascii_case(b"cve") {
        return None;
    }
    let after = at + 3;
    let year_at = after + separator(bytes, after, b"-_ .:").unwrap_or(0);
    let year = digits(bytes, year_at);
    let plausible = year.len() == 4 && (year.starts_with(b"19") || year.starts_with(b"20"));
    if !plausible {
        return None;
    }
    let number_at = year_at + 4 + separator(bytes, year_at + 4, b"-_")?;
    let mut number = digits(bytes, number_at);
    if !NUMBER_DIGITS.contains(&number.len()) {
        return None;
    }
    let mut end = number_at + number.len();
    found.push(id(year, number));
    while bytes.get(end).is_some_and(|c| b"_+,&/".contains(c)) {
        let next = digits(bytes, end + 1);
        if next.len() != number.len() || next.starts_with(b"0") || !close(number, next) {
            break;
        }
        found.push(id(year, next));
        number = next;
        end += 1 + next.len();
    }
    Some(end)
}

fn close(number: &[u8], next: &[u8]) -> bool {
    let value = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0u64, |sum, c| sum.checked_mul(10)?.checked_add(u64::from(c - b'0')))
    };
    match (value(number), value(next)) {
        (Some(number), Some(next)) => next.checked_sub(number).is_some_and(|gap| (1..=NEIGHBOURS).contains(&gap)),
        _ => false,
    }
}

fn id(year: &[u8], number: &[u8]) -> String {
    format!("CVE-{}-{}", String::from_utf8_lossy(year), String::from_utf8_lossy(number))
}

/// The length of the one separator at `at`: one of `allowed`, or a hyphen or dash of Unicode, as word processors make them.
fn separator(bytes: &[u8], at: usize, allowed: &[u8]) -> Option<usize> {
    match bytes.get(at..)? {
        [c, ..] if allowed.contains(c) => Some(1),
        [0xe2, 0x80, 0x90..=0x95, ..] => Some(3),
        _ => None,
    }
}

/// The run of digits at `at`.
fn digits(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    // A longer run is no number of an id; not to read it to its end keeps the whole scan linear.
    let len = rest.iter().take(NUMBER_DIGITS.end() + 1).take_while(|c| c.is_ascii_digit()).count();
    &rest[..len]
}

/// Reads the GHSA id that begins at `at`; the result is where it ends.
fn ghsa(bytes: &[u8], at: usize, found: &mut Found) -> Option<usize> {
    let text = bytes.get(at..at + GHSA_LEN)?;
    if !text[..4].eq_ignore_ascii_case(b"ghsa") {
        return None;
    }
    let mut id = String::from("GHSA");
    for group in text[4..].chunks_exact(5) {
        if !matches!(group[0], b'-' | b'_') || !group[1..].iter().all(|c| GHSA_LETTERS.contains(&c.to_ascii_lowercase())) {
            return None;
        }
        id.push('-');
        id.extend(group[1..].iter().map(|c| char::from(c.to_ascii_lowercase())));
    }
    if bytes.get(at + GHSA_LEN).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    found.push(id);
    Some(at + GHSA_LEN)
}

/// `GHSA-` and three groups of four.
const GHSA_LEN: usize = 19;
/// What the groups are made of.
const GHSA_LETTERS: &[u8] = b"23456789cfghjmpqrvwx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_of_patches() {
        let cases: &[(&str, &[&str])] = &[
            ("CVE-2018-1000156.patch", &["CVE-2018-1000156"]),
            ("cve-2014-0004", &["CVE-2014-0004"]),
            ("CVE_2018_5147.diff", &["CVE-2018-5147"]),
            ("cve20185147", &[]),
            ("CVE2018-5147", &["CVE-2018-5147"]),
            ("03-prevent-integer-overflow_CVE-2015-8836.patch", &["CVE-2015-8836"]),
            ("1.3.10-CVE-2019-15678.patch", &["CVE-2019-15678"]),
            ("CVE-2015-8327+CVE-2015-8560.patch", &["CVE-2015-8327", "CVE-2015-8560"]),
            ("CVE-2017-11550-and-CVE-2017-11551.patch", &["CVE-2017-11550", "CVE-2017-11551"]),
            ("CVE-2017-8372-CVE-2017-8373.patch", &["CVE-2017-8372", "CVE-2017-8373"]),
            ("CVE-2019-9232.CVE-2019-9325.patch", &["CVE-2019-9232", "CVE-2019-9325"]),
            (
                "CVE-2011-1552_1553_1554.patch",
                &["CVE-2011-1552", "CVE-2011-1553", "CVE-2011-1554"],
            ),
            // Numbers of a patch in its series, versions, revisions and dates are no ids.
            ("CVE-2016-10091-0001-convert.c-Use-safe-buffer-size.patch", &["CVE-2016-10091"]),
            ("CVE-2020-12695_0001-WPS-UPnP-Do-not-allow.patch", &["CVE-2020-12695"]),
            ("CVE-2017-10140-4.8-cwd-db_config.patch", &["CVE-2017-10140"]),
            ("CVE-2019-12973-1.patch", &["CVE-2019-12973"]),
            ("CVE-2014-8139-0141.patch", &["CVE-2014-8139"]),
            ("CVE-2019-1234_2020-01-01.patch", &["CVE-2019-1234"]),
            ("cve-security-fix.diff", &[]),
            ("CVE-2019-123.patch", &[]),
            ("CVE-3019-1234", &[]),
            ("CVE-2019-12345678901234567890", &[]),
        ];
        for (name, expected) in cases {
            assert_eq!(&ids_in(name), expected, "{name}");
        }
    }

    #[test]
    fn reads_free_text() {
        assert_eq!(
            ids_in(
                "Python 2.7 is end of life, see CVE\u{2011}2020\u{2011}8315, cve-2020-8315 and CVE-2019-20907/20908; https://x/GHSA-JFH8-c2jp-5v3q."
            ),
            ["CVE-2020-8315", "CVE-2019-20907", "CVE-2019-20908", "GHSA-jfh8-c2jp-5v3q"]
        );
        assert_eq!(ids_in("GHSA-jfh8-c2jp-5v3qx ghsa_jfh8_c2jp_5v3q"), ["GHSA-jfh8-c2jp-5v3q"]);
        assert_eq!(ids_in("GHSA-jfh8-c2jp-5v3a é GHSA-é"), [""; 0]);
        assert_eq!(ids_in("CVE-2020-1234CVE-2020-1235"), ["CVE-2020-1234", "CVE-2020-1235"]);
    }

    #[test]
    fn security_long_runs_take_linear_time() {
        let start = std::time::Instant::now();
        assert_eq!(ids_in(&"CVE-2020-".repeat(200_000)), [""; 0]);
        assert_eq!(ids_in(&format!("CVE-2020-{}", "1".repeat(2_000_000))), [""; 0]);
        assert_eq!(ids_in(&"CVE-2020-1234_".repeat(200_000)), ["CVE-2020-1234"]);
        assert_eq!(ids_in(&"cve".repeat(1_000_000)), [""; 0]);
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }

    #[test]
    fn never_panics_at_the_end_of_a_text() {
        for text in ["CVE-2020-1234_1235", "GHSA-jfh8-c2jp-5v3q", "cve\u{2011}2020\u{2011}1234"] {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                ids_in(&text[..end]);
            }
        }
    }
}
