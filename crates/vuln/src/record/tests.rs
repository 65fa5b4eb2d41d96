//! What holds for every format: hostile input ends in an error or a problem, never in a panic or a loop.

use proptest::prelude::*;

use super::*;
use crate::{Advisory, Problem};

type Parse = fn(&[u8]) -> Result<(Advisory, Vec<Problem>), RecordError>;

const CVE: &str = r#"{"cveMetadata":{"cveId":"CVE-2099-0001","state":"PUBLISHED"},"containers":{"cna":{"title":"a \"b\" \u00e9","affected":[{"vendor":"v","product":"p","cpes":["cpe:2.3:a:v:p:1\\:2"],"versions":[{"version":"1","status":"affected","lessThan":"2","changes":[{"at":"1.5","status":"unaffected"}]}]}],"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","baseScore":9.8}},{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"poc"}]}}}],"references":[{"url":"https://example.org","tags":["patch"]}]},"adp":[]}}"#;
const NVD: &str = r#"{"cve":{"id":"CVE-2099-0001","descriptions":[{"lang":"en","value":"x"}],"metrics":{"cvssMetricV2":[{"source":"s","cvssData":{"vectorString":"AV:N/AC:L/Au:N/C:P/I:P/A:P","baseScore":7.5}}]},"configurations":[{"nodes":[{"operator":"OR","negate":false,"cpeMatch":[{"vulnerable":true,"criteria":"cpe:2.3:a:v:p:*","versionEndExcluding":"2"}]}]}]}}"#;
const OSV: &str = r#"{"id":"EX-1","aliases":["CVE-2099-0001"],"affected":[{"package":{"ecosystem":"Go","name":"n","purl":"pkg:golang/n/m"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1"}]}],"versions":["1"]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}"#;

const FORMATS: [(&str, Parse); 3] = [(CVE, cve::parse), (NVD, nvd::parse_entry), (OSV, osv::parse)];

#[test]
fn the_samples_are_clean() {
    for (sample, parse) in FORMATS {
        assert_eq!(parse(sample.as_bytes()).unwrap().1, []);
    }
}

#[test]
fn security_a_record_cut_off_anywhere_is_refused() {
    for (sample, parse) in FORMATS {
        for len in 0..sample.len() {
            let cut = &sample.as_bytes()[..len];
            assert!(
                matches!(parse(cut), Err(RecordError::Json { at, .. }) if at <= len),
                "{}",
                String::from_utf8_lossy(cut)
            );
        }
    }
}

#[test]
fn security_deep_nesting_is_refused() {
    for (sample, parse) in FORMATS {
        for bracket in ["[", "{\"a\":"] {
            let deep = format!("{},\"ignored\":{}", &sample[..sample.len() - 1], bracket.repeat(100_000));
            assert!(matches!(parse(deep.as_bytes()), Err(RecordError::TooDeep { .. })));
        }
        let known = sample.replacen('[', &"[".repeat(100_000), 1);
        assert!(matches!(parse(known.as_bytes()), Err(RecordError::TooDeep { .. })));
    }
}

#[test]
fn security_invalid_utf8_names_the_byte() {
    for (sample, parse) in FORMATS {
        let mut bytes = sample.as_bytes().to_vec();
        let at = bytes.len() / 2;
        bytes[at] = 0xff;
        assert_eq!(parse(&bytes), Err(RecordError::Utf8 { at }));
    }
}

#[test]
fn security_huge_numbers_are_kept_as_text_or_left_out() {
    let digits = "9".repeat(10_000);
    let (advisory, problems) = cve::parse(CVE.replace("9.8", &digits).replace("\"1\"", &digits).as_bytes()).unwrap();
    assert_eq!((advisory.scores[0].published, advisory.scores[0].computed), (None, Some(9.8)));
    assert_eq!(advisory.affected[0].versions[0].version, digits);
    assert_eq!(problems.len(), 2);
}

#[test]
fn security_oversized_documents_are_refused() {
    for (sample, parse) in FORMATS {
        let padded = format!("{sample}{}", " ".repeat(json::MAX_LEN));
        assert!(matches!(
            parse(padded.as_bytes()),
            Err(RecordError::TooLarge { limit: 0x100_0000, .. })
        ));
    }
}

#[test]
fn text_after_the_record_is_refused() {
    for (sample, parse) in FORMATS {
        let at = sample.len();
        let message = "expected the end of the document";
        assert_eq!(parse(format!("{sample}x").as_bytes()), Err(RecordError::Json { at, message }));
        assert!(parse(format!("\u{feff}{sample}\n").as_bytes()).is_ok());
    }
}

#[test]
fn what_is_left_out_of_an_error_message_is_its_source() {
    let error = cve::parse(br#"{"cveMetadata":{"cveId":"CVE-1"}}"#).unwrap_err();
    assert_eq!(error.to_string(), "no CVE id at /cveMetadata/cveId: \"CVE-1\"");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "parse CVE id at byte 5: expected a year of four digits");
}

proptest! {
    /// Any byte changed to any other: a result, and of what is read every field can be written and read again.
    #[test]
    fn security_damaged_records_do_no_harm(format in 0..FORMATS.len(), at in 0..2000_usize, byte: u8, drop in 0..3_usize) {
        let (sample, parse) = FORMATS[format];
        let mut bytes = sample.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.drain(at..(at + drop).min(sample.len()));
        if let Ok((advisory, _)) = parse(&bytes) {
            let kept = serde_json::to_string(&advisory).unwrap();
            prop_assert_eq!(serde_json::from_str::<Advisory>(&kept).unwrap(), advisory);
        }
        sniff(&bytes);
    }
}
