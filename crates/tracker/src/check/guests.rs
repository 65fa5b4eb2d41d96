//! Packages that are not the channel's own, among those of the channel: what the newest snapshot knows of them.

use std::collections::{BTreeSet, HashMap};

use vuln::matching::{Cluster, Facts, Key, PackageIndex, Prepared, Vulnerability};
use vuln::snapshot::{Record, SnapshotError, Surroundings};
use vuln::verdict::Match;

use super::is_shown;
use crate::parallel::parallel;
use crate::snapshot::Newest;

/// Records that a thread holds at a time.
const BATCH: usize = 256;

/// What the matcher said of a guest.
pub struct Judged {
    /// Place in the list of guests.
    pub guest: usize,
    /// The vulnerability.
    pub id: String,
    /// The match; `None` where it does not concern the guest, and is not to be told.
    pub found: Option<Match>,
}

/// The packages of a channel with each of these names: (name, version).
pub fn named(snapshot: &Newest, channel: &str, keys: &[Key]) -> Result<Vec<Vec<(String, String)>>, SnapshotError> {
    let channel = number(snapshot, channel);
    let filed = snapshot.filed(keys)?;
    let own = |filed: &vuln::snapshot::Filed| -> Vec<u32> {
        filed
            .0
            .iter()
            .filter(|(_, c)| Some(*c) == channel)
            .map(|(number, _)| *number)
            .collect()
    };
    let filed: Vec<Vec<u32>> = filed.iter().map(|filed| filed.as_ref().map(own).unwrap_or_default()).collect();
    let numbers: BTreeSet<u32> = filed.iter().flatten().copied().collect();
    let packages = snapshot.packages(&numbers.into_iter().collect::<Vec<_>>())?;
    let told: HashMap<u32, (String, String)> = packages
        .into_iter()
        .map(|(number, package)| (number, (package.cluster.name, package.cluster.package.version)))
        .collect();
    let tell = |numbers: Vec<u32>| numbers.iter().filter_map(|number| told.get(number).cloned()).collect();
    Ok(filed.into_iter().map(tell).collect())
}

/// Judges guests of a channel.
pub fn judge(snapshot: &Newest, channel: &str, guests: Vec<Cluster>, whole: bool) -> Result<Vec<Judged>, SnapshotError> {
    let channel = number(snapshot, channel);
    let known = facts(&guests, snapshot)?;
    let filed: Vec<Key> = PackageIndex::of_clusters(guests.clone(), 0, &known)
        .filed()
        .map(|(key, _)| key)
        .collect();
    let numbers = snapshot.record_numbers(&filed)?;
    let read = parallel(
        numbers.chunks(BATCH).collect(),
        |numbers| -> Result<Vec<(u32, Surroundings)>, SnapshotError> {
            let mut read = snapshot.surroundings(numbers)?;
            read.iter_mut()
                .for_each(|(_, around)| around.packages.0.retain(|(_, c)| Some(*c) == channel));
            Ok(read)
        },
    );
    let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (mut products, mut packages) = (BTreeSet::new(), BTreeSet::new());
    for (_, around) in read.iter().flatten() {
        products.extend(around.products.iter().copied());
        packages.extend(around.packages.0.iter().map(|(number, _)| *number));
    }
    let profiles = snapshot.profiles(&products.into_iter().collect::<Vec<_>>())?;
    let packages: Vec<u32> = packages.into_iter().collect();
    let around = parallel(packages.chunks(BATCH).collect(), |numbers| snapshot.packages(numbers));
    let mut clusters: Vec<Cluster> = Vec::with_capacity(packages.len() + guests.len());
    for part in around {
        clusters.extend(part?.into_iter().map(|(_, package)| package.cluster));
    }
    let (first, count) = (clusters.len(), guests.len());
    clusters.extend(guests);
    let known = facts(&clusters, snapshot)?;
    let index = PackageIndex::of_clusters(clusters, count, &known);
    let judged = parallel(numbers.chunks(BATCH).collect(), |numbers| -> Result<Vec<Judged>, SnapshotError> {
        let mut judged = Vec::new();
        for (_, record) in snapshot.records(numbers)? {
            let outcome = prepare(&record).candidates(&index, &profiles);
            for found in outcome.matches {
                let Some(guest) = found.cluster.checked_sub(first).filter(|guest| *guest < count) else {
                    continue;
                };
                judged.push(Judged {
                    guest,
                    id: record.id.clone(),
                    found: (whole || is_shown(found.verdict)).then_some(found),
                });
            }
        }
        Ok(judged)
    });
    Ok(judged.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn prepare(record: &Record) -> Prepared<'_> {
    Prepared::new(Vulnerability {
        id: &record.id,
        advisories: &record.advisories,
    })
}

fn number(snapshot: &Newest, channel: &str) -> Option<u32> {
    let at = snapshot.header().channels.iter().position(|known| known.name == channel)?;
    u32::try_from(at).ok()
}

/// What channels know of packages that only have a name.
fn facts(clusters: &[Cluster], snapshot: &Newest) -> Result<Facts, SnapshotError> {
    let bare = clusters.iter().map(|cluster| &cluster.package).filter(|package| {
        let urls = [&package.homepages, &package.pages, &package.changelogs, &package.source_urls];
        package.description.is_none() && urls.iter().all(|urls| urls.is_empty())
    });
    snapshot.facts(&bare.map(Facts::key).collect::<Vec<_>>())
}
