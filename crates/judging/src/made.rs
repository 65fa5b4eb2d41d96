//! Small snapshots for tests: what a tracker would write about a few packages and records.

use std::collections::HashMap;

use attest::signature::SecretKey;
use vuln::advisory::Advisory;
use vuln::matching::{FactsBuilder, Key, PackageIndex, Prepared, ProfilesBuilder, Vulnerability, rules_digest};
use vuln::package::Package;
use vuln::snapshot::{Channel, ChannelPackage, Draft, Header, PackedRecord, Record, Sealed, SourceDate, VerdictRow, compress};

/// A channel with its packages.
pub(crate) struct World {
    pub channels: Vec<(&'static str, Vec<Package>)>,
    pub records: Vec<Advisory>,
    /// Records that nobody is known to exploit.
    pub quiet: &'static [&'static str],
    pub serial: u64,
    pub created: i64,
}

impl World {
    /// The file, signed.
    pub fn snapshot(&self, key: &SecretKey) -> Vec<u8> {
        let (mut profiles, mut facts) = (ProfilesBuilder::default(), FactsBuilder::default());
        self.records.iter().for_each(|record| profiles.add(record));
        self.channels.iter().flat_map(|(_, packages)| packages).for_each(|p| facts.add(p));
        let (profiles, facts) = (profiles.finish(), facts.finish());
        let indices: Vec<PackageIndex> = self
            .channels
            .iter()
            .map(|(_, packages)| PackageIndex::new(packages.clone(), &facts))
            .collect();
        let mut draft = Draft::default();
        let mut numbers: HashMap<(usize, usize), u32> = HashMap::new();
        let mut all: Vec<(&str, usize, usize)> = Vec::new();
        for (channel, index) in indices.iter().enumerate() {
            all.extend(index.clusters().iter().enumerate().map(|(n, c)| (c.name.as_str(), channel, n)));
        }
        all.sort_unstable();
        for (_, channel, n) in all {
            let cluster = indices[channel].clusters()[n].clone();
            let number = draft.package(&ChannelPackage {
                channel: channel as u32,
                cluster,
            });
            numbers.insert((channel, n), number);
        }
        for (channel, index) in indices.iter().enumerate() {
            for (key, clusters) in index.filed() {
                clusters
                    .iter()
                    .for_each(|n| draft.file(key.number(), numbers[&(channel, *n as usize)], channel as u32));
            }
            for (n, cluster) in index.clusters().iter().enumerate() {
                for package in self.channels[channel].1.iter().filter(|p| cluster.attrs.contains(&p.attr)) {
                    draft.file(Key::Pname(package.pname.clone()).number(), numbers[&(channel, n)], channel as u32);
                    let paths = package.drv_path.iter().chain(package.outputs.iter().map(|(_, path)| path));
                    paths.for_each(|path| draft.path(path, numbers[&(channel, n)]));
                }
            }
        }
        let mut learned: Vec<_> = profiles.clone().into_products().collect();
        learned.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let products: HashMap<String, u32> = learned
            .into_iter()
            .map(|product| (product.0.clone(), draft.profile(&product)))
            .collect();
        for advisory in &self.records {
            let vulnerability = Vulnerability {
                id: &advisory.id,
                advisories: std::slice::from_ref(advisory),
            };
            let prepared = Prepared::new(vulnerability);
            let keys: Vec<u64> = prepared.keys(&profiles).iter().map(Key::number).collect();
            let mut verdicts = Vec::new();
            for (channel, index) in indices.iter().enumerate() {
                let outcome = prepared.candidates(index, &profiles);
                verdicts.extend(outcome.matches.iter().map(|m| VerdictRow {
                    package: numbers[&(channel, m.cluster)],
                    verdict: m.verdict,
                }));
            }
            verdicts.sort_by_key(|row| row.package);
            let record = Record {
                id: advisory.id.clone(),
                epss: Some((0.25, 0.5)),
                exploited_since: (!self.quiet.contains(&advisory.id.as_str())).then(|| "2024-05-03".into()),
                advisories: vec![advisory.clone()],
            };
            let asked = prepared.products().filter_map(|product| products.get(product).copied()).collect();
            draft.record(&record.id, prepared.product(), PackedRecord::from(&record), &keys, asked, verdicts);
        }
        facts.into_parts().for_each(|(key, known)| draft.fact(&key, &known));
        let (records, packages) = draft.counts();
        let blocks = draft.into_blocks();
        let sealed = Sealed::new(blocks.iter().map(|b| b.iter().map(|b| compress(b, 1).unwrap()).collect()).collect());
        let channel = |(name, packages): &(&str, Vec<Package>)| Channel {
            name: (*name).to_owned(),
            revision: "abc".into(),
            taken: self.created,
            packages: packages.len() as u64,
            shows_patches: packages.iter().any(|p| !p.source_names.is_empty()),
        };
        let header = Header {
            serial: self.serial,
            created: self.created,
            producer: "a test".into(),
            rules: rules_digest(),
            sources: vec![SourceDate {
                name: "nvd".into(),
                date: self.created - 100,
            }],
            channels: self.channels.iter().map(channel).collect(),
            records,
            packages,
        };
        let mut bytes = Vec::new();
        sealed
            .write(header, |signed| (*key.public().as_bytes(), key.sign(signed)), &mut bytes)
            .unwrap();
        bytes
    }
}
