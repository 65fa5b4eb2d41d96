//! What is learned of products hangs neither on the order of records nor on which thread reads which: the same data give the same verdicts.

use vuln::advisory::Advisory;
use vuln::matching::{Profiles, ProfilesBuilder};
use vuln::record::{RecordError, nvd, osv};

use crate::mirror;

fn learned<'a>(parts: impl IntoIterator<Item = Vec<&'a Advisory>>) -> Profiles {
    let mut all = ProfilesBuilder::default();
    for part in parts {
        let mut builder = ProfilesBuilder::default();
        part.into_iter().for_each(|advisory| builder.add(advisory));
        all.merge(builder);
    }
    all.finish()
}

#[test]
fn real_records_teach_the_same_in_any_order() {
    let Some(mirror) = mirror::find() else { return };
    let mut advisories = Vec::new();
    // 2007 spells one product in two ways, 2016 has products with hundreds of records.
    for feed in [5, 14] {
        let feed = mirror.nvd_feeds().nth(feed).unwrap();
        nvd::split(&feed[..], |entry| {
            advisories.push(nvd::parse_entry(entry.raw)?.0);
            Ok::<_, RecordError>(())
        })
        .unwrap();
    }
    advisories.extend(mirror.osv().iter().filter_map(|bytes| Some(osv::parse(bytes).ok()?.0)));
    assert!(advisories.len() > 15_000, "{}", advisories.len());
    let in_order = learned([advisories.iter().collect()]);
    let backwards = learned([advisories.iter().rev().collect()]);
    assert!(in_order == backwards);
    let by_turns = (0..3).map(|n| advisories.iter().skip(n).step_by(3).collect());
    assert!(in_order == learned(by_turns));
}
