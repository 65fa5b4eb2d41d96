use std::collections::BTreeMap;

use proptest::prelude::*;

use super::entry::Numbers;
use super::pack::{packed, unpacked};
use super::*;
use crate::advisory::*;
use crate::matching::{Cluster, Facts, FactsBuilder, Key, Profile, Profiles, ProfilesBuilder};
use crate::package::{Maintainer, Package, ScriptId};
use crate::score::{CvssVersion, Score};
use crate::verdict::Verdict;

/// An advisory with something in every field.
fn advisory(n: usize) -> Advisory {
    let text = |what: &str| format!("{what} {n} ä");
    let end = |inclusive| End {
        version: format!("1.{n}"),
        inclusive,
    };
    Advisory {
        id: format!("CVE-2024-{n:04}"),
        source: [Source::Cve, Source::Nvd, Source::Osv][n % 3],
        state: if n % 7 == 6 {
            State::Rejected {
                reason: text("reason"),
                replaced_by: vec![text("other")],
            }
        } else {
            State::Published
        },
        aliases: vec![format!("GHSA-{n}")],
        title: Some(text("title")),
        description: text("description").repeat(n % 50),
        published: Some("2024-05-01T00:00:00Z".into()),
        modified: None,
        references: vec![Reference {
            url: format!("https://example.org/{n}"),
            tags: Vec::new(),
        }],
        cwes: vec!["CWE-79".into()],
        scores: vec![Score {
            provider: "cna".into(),
            version: [CvssVersion::V2, CvssVersion::V30, CvssVersion::V31, CvssVersion::V4][n % 4],
            vector: "CVSS:3.1/AV:N".into(),
            published: Some(9.8),
            computed: None,
        }],
        ssvc: Some(Ssvc {
            exploitation: "none".into(),
            automatable: "yes".into(),
            technical_impact: "total".into(),
        }),
        kev_date: Some("2024-05-02".into()),
        tags: vec![Tag::Disputed, Tag::UnsupportedWhenAssigned, Tag::ExclusivelyHostedService],
        affected: vec![Affected {
            provider: "cna".into(),
            vendor: Some("haxx".into()),
            product: Some(format!("product{}", n % 10)),
            package_name: Some("p".into()),
            collection_url: Some("https://pypi.org".into()),
            ecosystem: Some("PyPI".into()),
            package_url: Some("pkg:pypi/p".into()),
            repo: Some("https://github.com/a/b".into()),
            cpes: vec![
                "cpe:2.3:o:a:b:1:u:e:l:se:ts:th:ot".parse().unwrap(),
                "cpe:2.3:h:a:b".parse().unwrap(),
            ],
            platforms: vec!["Windows".into()],
            components: vec!["src/a.c".into()],
            default_status: [Status::Affected, Status::Unaffected, Status::Unknown][n % 3],
            versions: vec![VersionEntry {
                version: "0".into(),
                status: Status::Affected,
                scheme: Some("semver".into()),
                bound: Some(if n.is_multiple_of(2) {
                    UpperBound::LessThan("2".into())
                } else {
                    UpperBound::LessThanOrEqual("*".into())
                }),
                changes: vec![Change {
                    at: "1.5".into(),
                    status: Status::Unaffected,
                }],
            }],
            ranges: vec![EventRange {
                kind: [RangeKind::Semver, RangeKind::Ecosystem, RangeKind::Git][n % 3],
                events: vec![
                    Event::Introduced("0".into()),
                    Event::Fixed("1".into()),
                    Event::LastAffected("2".into()),
                    Event::Limit("3".into()),
                ],
            }],
        }],
        configurations: vec![Configuration {
            operator: Operator::And,
            negate: true,
            nodes: vec![Node {
                operator: Operator::Or,
                negate: false,
                matches: vec![CpeMatch {
                    vulnerable: true,
                    cpe: format!("cpe:2.3:a:haxx:product{}:*:*:*:*:*:*:*:*", n % 10).parse().unwrap(),
                    start: Some(end(true)),
                    end: Some(end(false)),
                }],
            }],
        }],
    }
}

fn record(n: usize) -> Record {
    Record {
        id: format!("CVE-2024-{n:04}"),
        epss: n.is_multiple_of(2).then_some((0.5, 0.75)),
        exploited_since: n.is_multiple_of(5).then(|| "2024-05-02".into()),
        advisories: vec![advisory(n), advisory(n + 1)],
    }
}

fn verdicts(n: usize) -> Vec<VerdictRow> {
    let rows = Verdict::ALL.iter().enumerate();
    rows.map(|(k, verdict)| VerdictRow {
        package: (n * 3 + k * k * 100) as u32,
        verdict: *verdict,
    })
    .collect()
}

fn package(n: usize) -> ChannelPackage {
    let text = |what: &str| format!("{what}{n}");
    ChannelPackage {
        channel: (n % 3) as u32,
        cluster: Cluster {
            name: format!("product{}", n / 3),
            pname: text("pname"),
            attrs: vec![text("a"), text("b")],
            package: Package {
                attr: format!("product{}", n / 3),
                pname: text("pname"),
                version: "1.0".into(),
                system: text("x86_64-"),
                position: Some("pkgs/a.nix:1".into()),
                description: Some(text("d")),
                homepages: vec![text("https://")],
                changelogs: vec![text("c")],
                licenses: vec!["MIT".into()],
                maintainers: vec![Maintainer {
                    name: text("m"),
                    github: Some(text("g")),
                }],
                teams: vec![text("t")],
                known_vulnerabilities: vec![text("CVE-2020-")],
                pages: vec![text("p")],
                cpes: vec![text("cpe")],
                possible_cpes: vec![text("cpe")],
                purls: vec![text("pkg:")],
                source_urls: vec![text("https://")],
                source_names: vec![text("s")],
                patches: vec![text("CVE-2021-")],
                script_ids: vec![ScriptId {
                    id: text("CVE-2022-"),
                    phase: "postInstall".into(),
                }],
                ..Package::default()
            },
        },
    }
}

const RECORDS: usize = 700;
const PACKAGES: usize = 900;

/// A snapshot whose "key" is the digest of what was signed: what the caller would check.
fn file() -> (Vec<u8>, Profiles, Facts) {
    let mut draft = Draft::default();
    let (mut profiles, mut facts) = (ProfilesBuilder::default(), FactsBuilder::default());
    for n in 0..PACKAGES {
        let package = package(n);
        facts.add(&package.cluster.package);
        let number = draft.package(&package);
        assert_eq!(number as usize, n);
        draft.file(Key::Name(package.cluster.name.clone()).number(), number, package.channel);
        draft.path(&format!("/nix/store/{n:012}{:020}-product-1.0", 0), number);
    }
    (0..=RECORDS).for_each(|n| profiles.add(&advisory(n)));
    let (profiles, facts) = (profiles.finish(), facts.finish());
    let mut learned: Vec<_> = profiles.clone().into_products().collect();
    learned.sort_by(|a, b| a.0.cmp(&b.0));
    for product in &learned {
        draft.profile(product);
    }
    // Out of order: numbers are given by product and id.
    for n in (0..RECORDS).rev() {
        let record = record(n);
        let keys = [Key::Name(format!("product{}", n % 10)), Key::Id(record.id.clone())].map(|key| key.number());
        let product = format!("product{}", n % 10);
        draft.record(&record.id, &product, PackedRecord::from(&record), &keys, vec![5, 3, 5], verdicts(n));
    }
    facts.clone().into_parts().for_each(|(key, known)| draft.fact(&key, &known));
    let (records, packages) = draft.counts();
    let blocks = draft.into_blocks();
    let sealed = Sealed::new(blocks.iter().map(|b| b.iter().map(|b| compress(b, 1).unwrap()).collect()).collect());
    let header = Header {
        serial: 7,
        created: 1_700_000_000,
        producer: "a test".into(),
        rules: "rules".into(),
        sources: vec![SourceDate {
            name: "nvd".into(),
            date: 1_600_000_000,
        }],
        channels: vec![Channel {
            name: "nixos-unstable".into(),
            revision: "abc".into(),
            taken: 5,
            packages: 300,
            shows_patches: true,
        }],
        records,
        packages,
    };
    let mut bytes = Vec::new();
    sealed.write(header, |signed| (block::digest(signed), [9; 64]), &mut bytes).unwrap();
    (bytes, profiles, facts)
}

fn open(bytes: &[u8]) -> Result<Snapshot<&[u8]>, SnapshotError> {
    let opened = Opened::read(bytes)?;
    if block::digest(opened.signed()) != *opened.key() || *opened.signature() != [9; 64] {
        return Err(SnapshotError::Changed {
            what: "the signature".into(),
        });
    }
    opened.trusted()
}

#[test]
fn what_was_put_in_comes_out() {
    let (bytes, profiles, facts) = file();
    let snapshot = open(&bytes).unwrap();
    let header = snapshot.header();
    assert_eq!(
        (header.serial, header.records, header.packages),
        (7, RECORDS as u64, PACKAGES as u64)
    );
    assert_eq!(header.channels[0].name, "nixos-unstable");
    assert_eq!(snapshot.size(), bytes.len() as u64);
    assert!(
        snapshot.tables().find(|(table, _, _)| *table == Table::Records).unwrap().1 > 3,
        "several blocks"
    );

    let numbers = snapshot.record_numbers(&[Key::Name("product3".into())]).unwrap();
    assert_eq!(numbers.len(), RECORDS / 10);
    assert_eq!(
        numbers.last().unwrap() - numbers[0] + 1,
        (RECORDS / 10) as u32,
        "records of a product lie together"
    );
    let found: BTreeMap<String, Record> = snapshot
        .records(&numbers)
        .unwrap()
        .into_iter()
        .map(|(_, r)| (r.id.clone(), r))
        .collect();
    let expected: BTreeMap<String, Record> = (0..RECORDS).filter(|n| n % 10 == 3).map(|n| (record(n).id, record(n))).collect();
    assert_eq!(found, expected);
    let one = snapshot
        .record_numbers(&[Key::Id("CVE-2024-0042".into()), Key::Name("nothing".into())])
        .unwrap();
    assert_eq!(snapshot.records(&one).unwrap()[0].1, record(42));
    assert!(snapshot.record_numbers(&[Key::Name("nothing".into())]).unwrap().is_empty());
    assert!(snapshot.records(&[RECORDS as u32, u32::MAX]).unwrap().is_empty());

    let all: Vec<u32> = (0..PACKAGES as u32).collect();
    let packages = snapshot.packages(&all).unwrap();
    assert!(packages.iter().all(|(n, p)| *p == package(*n as usize)) && packages.len() == PACKAGES);
    let filed = snapshot.filed(&[Key::Name("product5".into()), Key::Name("x".into())]).unwrap();
    assert_eq!(filed, [Some(Filed(vec![(15, 0), (16, 1), (17, 2)])), None]);
    let here = format!("/nix/store/{:012}{:020}-renamed", 8, 1);
    assert_eq!(
        snapshot.packages_at(&[&here, "/nix/store/short", &here[11..]]).unwrap(),
        [Some(8), None, Some(8)]
    );

    let (number, around) = snapshot.surroundings(&one).unwrap().remove(0);
    assert_eq!((number, &around.verdicts, around.products), (one[0], &verdicts(42), vec![3, 5]));
    assert_eq!(
        around.packages,
        Filed(vec![(6, 0), (7, 1), (8, 2)]),
        "product2 of the three channels"
    );

    let all: Vec<u32> = (0..profiles.len() as u32 + 1).collect();
    assert_eq!(snapshot.profiles(&all).unwrap(), profiles);
    let keys: Vec<String> = facts.clone().into_parts().map(|(key, _)| key).collect();
    assert_eq!(snapshot.facts(&keys).unwrap(), facts);
    let entries: Vec<u64> = Table::ALL.iter().map(|table| snapshot.check(*table).unwrap()).collect();
    assert_eq!(
        (entries[0], entries[2], entries[5]),
        (RECORDS as u64, RECORDS as u64, PACKAGES as u64)
    );
}

#[test]
fn security_a_truncated_snapshot_is_called_so() {
    let (bytes, ..) = file();
    for len in (0..400).chain((400..bytes.len()).step_by(1997)) {
        match open(&bytes[..len]) {
            Err(SnapshotError::Truncated { has, wants }) => assert!(has == len as u64 && wants > has, "{len}"),
            Err(SnapshotError::Foreign) => assert_eq!(len, 0),
            other => panic!("{len} bytes: {other:?}"),
        }
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(open(&longer), Err(SnapshotError::TooLong { more: 1 })));
}

#[test]
fn security_a_changed_byte_is_noticed_before_it_is_believed() {
    let (mut bytes, ..) = file();
    let whole = |bytes: &[u8]| -> Result<(), SnapshotError> {
        let snapshot = open(bytes)?;
        Table::ALL.iter().try_for_each(|table| snapshot.check(*table).map(drop))
    };
    whole(&bytes).unwrap();
    let len = bytes.len();
    for at in (0..600).chain((600..len).step_by(4999)) {
        bytes[at] ^= 0x10;
        assert!(whole(&bytes).is_err(), "byte {at}");
        bytes[at] ^= 0x10;
    }
    // A block that is not asked for may be broken: it is not read.
    let last = len - 1;
    bytes[last] ^= 1;
    let snapshot = open(&bytes).unwrap();
    assert_eq!(snapshot.record_numbers(&[Key::Id("CVE-2024-0042".into())]).unwrap().len(), 1);
    let error = snapshot.check(Table::Paths).unwrap_err().to_string();
    assert_eq!(
        error,
        "check block 0 of the snapshot's store paths: the bytes are not those that were signed"
    );
}

#[test]
fn other_formats_are_told_apart() {
    let (mut bytes, ..) = file();
    bytes[8..12].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    assert!(matches!(open(&bytes), Err(SnapshotError::Newer { format }) if format == FORMAT + 1));
    bytes[8..12].copy_from_slice(&(FORMAT - 1).to_le_bytes());
    assert!(matches!(open(&bytes), Err(SnapshotError::Older { format }) if format == FORMAT - 1));
    assert!(matches!(open(b"SQLite format 3\0 and more"), Err(SnapshotError::Foreign)));
    assert!(matches!(open(b""), Err(SnapshotError::Foreign)));
}

#[test]
fn security_a_signed_header_cannot_ask_for_more_than_the_file_has() {
    // Lengths that overflow, or reach outside, signed by a key that somebody trusts.
    for (directory, blocks) in [(u64::MAX, u64::MAX), (u64::MAX, 1), (1 << 40, 0), (10, u64::MAX - 5)] {
        let header = packed(&header::Signed {
            header: Header::default(),
            directory: (directory, [0; 32]),
            blocks,
        });
        let mut signed = b"firnsnap".to_vec();
        signed.extend(FORMAT.to_le_bytes());
        signed.extend((header.len() as u32).to_le_bytes());
        signed.extend(header);
        let mut bytes = signed.clone();
        bytes.extend(block::digest(&signed));
        bytes.extend([9; 64]);
        assert!(open(&bytes).is_err());
    }
    let mut bytes = [&b"firnsnap"[..], &FORMAT.to_le_bytes(), &[0xff; 4]].concat();
    bytes.extend([0; 4096]);
    assert!(matches!(open(&bytes), Err(SnapshotError::Malformed { .. })));
}

#[test]
fn profiles_survive_being_taken_apart() {
    let (_, profiles, _) = file();
    assert!(profiles.len() >= 10);
    assert_eq!(Profiles::of_products(profiles.clone().into_products()), profiles);
    let vendors: Vec<(String, Profile)> = profiles.into_products().next().unwrap().1;
    assert_eq!(unpacked(&packed(&vendors)), Ok(vendors));
}

proptest! {
    #[test]
    fn numbers_come_back(numbers in prop::collection::btree_set(any::<u32>(), 0..50)) {
        let numbers = Numbers(numbers.into_iter().collect());
        prop_assert_eq!(unpacked(&packed(&numbers)), Ok(numbers));
    }

    #[test]
    fn security_any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = unpacked::<Record>(&bytes);
        let _ = unpacked::<ChannelPackage>(&bytes);
        let _ = unpacked::<Vec<(String, Profile)>>(&bytes);
        let _ = unpacked::<Filed>(&bytes);
        if let Ok(numbers) = unpacked::<Numbers>(&bytes) {
            prop_assert!(numbers.0.is_sorted());
        }
    }
}
