//! Makes a snapshot ([`vuln::snapshot`]) of the whole database.

mod key;
mod newest;
mod publish;

use std::collections::HashMap;

use vuln::matching::{Facts, Key, PackageIndex, Prepared, Profiles, Vulnerability, rules_digest};
use vuln::package::Package;
use vuln::snapshot::{
    Block, Channel, ChannelPackage, Draft, Header, MAX_CHANNELS, PackedRecord, Record, Sealed, SourceDate, VerdictRow, compress,
};

use crate::config::now;
use crate::matching;
use crate::parallel::parallel;
use crate::progress::Progress;
use crate::store::read::Mark;
use crate::store::result::ChannelState;
use crate::store::{Store, StoreError};
use crate::timestamp;
pub use key::{KeyError, own_key, read_key};
pub use newest::{FileAt, Newest, Shelf, replace, tells_secrets};
pub use publish::PublishError;

/// Where the file stops getting much smaller for the time it takes.
const LEVEL: i32 = 17;
/// The number of the last snapshot, so that the next one's is higher.
const SERIAL: &str = "snapshot_serial";

/// Why no snapshot can be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The database failed.
    #[error("make a snapshot")]
    Store(#[source] StoreError),
    /// Records came or a match ended while the database was read: what was read is of two states.
    #[error("make a snapshot: records or verdicts changed meanwhile")]
    Changed,
    /// Verdicts are not there, or older than the records.
    #[error("make a snapshot: not everything is matched")]
    Unmatched,
    /// More channels than the format has room for.
    #[error("make a snapshot of {0} channels: at most {MAX_CHANNELS} fit")]
    Channels(usize),
    /// Compression failed.
    #[error("compress a block of the snapshot")]
    Compress(#[source] std::io::Error),
}

impl From<StoreError> for MakeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Makes a snapshot. What only its writer knows is left to be filled in: nothing.
pub fn make(store: &dyn Store, progress: &Progress) -> Result<(Header, Sealed), MakeError> {
    // What happens from now on is not in it.
    let (created, before) = (now(), state(store)?);
    let (profiles, facts) = matching::ground(store)?.ok_or(MakeError::Unmatched)?;
    let states: Vec<ChannelState> = store.channel_states()?.into_iter().filter(|c| c.set.is_some()).collect();
    if states.len() > MAX_CHANNELS {
        return Err(MakeError::Channels(states.len()));
    }
    let mut draft = Draft::default();
    let (channels, numbers) = add_packages(store, &states, &facts, &mut draft)?;
    facts.into_parts().for_each(|(key, known)| draft.fact(&key, &known));
    let mut learned: Vec<_> = profiles.clone().into_products().collect();
    learned.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let products = learned.into_iter().map(|product| (product.0.clone(), draft.profile(&product)));
    let products: HashMap<String, u32> = products.collect();
    add_records(store, progress, (&profiles, &products), &numbers, &mut draft)?;
    drop((numbers, profiles, products));
    if state(store)? != before {
        return Err(MakeError::Changed);
    }
    let (records, packages) = draft.counts();
    let mut tables: Vec<Vec<Block>> = Vec::new();
    for blocks in draft.into_blocks() {
        let packed = parallel(blocks, |block| compress(&block, LEVEL));
        tables.push(packed.into_iter().collect::<Result<_, _>>().map_err(MakeError::Compress)?);
    }
    let header = Header {
        serial: next_serial(store)?,
        created,
        producer: concat!("firn-tracker ", env!("CARGO_PKG_VERSION")).to_owned(),
        rules: rules_digest(),
        sources: sources(store)?,
        channels,
        records,
        packages,
    };
    Ok((header, Sealed::new(tables)))
}

/// What changes when records come, or a match ends.
fn state(store: &dyn Store) -> Result<(Vec<Mark>, Option<String>), StoreError> {
    Ok((store.marks()?, matching::basis(store)?))
}

/// Higher than the last one of this database, and than one that another database made before.
fn next_serial(store: &dyn Store) -> Result<u64, StoreError> {
    let last: u64 = store.setting(SERIAL)?.and_then(|text| text.parse().ok()).unwrap_or(0);
    let serial = last.saturating_add(1).max(u64::try_from(now()).unwrap_or(0));
    store.put_setting(SERIAL, Some(&serial.to_string()))?;
    Ok(serial)
}

/// The sources of records with the dates of their data. Where no date is stated, the day that it was taken is the best there is.
fn sources(store: &dyn Store) -> Result<Vec<SourceDate>, StoreError> {
    let sources = store.sources()?.into_iter();
    Ok(sources
        .filter_map(|source| {
            let stated = source.data_date.as_deref().and_then(timestamp::unix);
            Some(SourceDate {
                date: stated.or(source.last_success)?,
                name: source.name,
            })
        })
        .collect())
}

/// Adds the packages of all channels; answers the number of each cluster by its row.
fn add_packages(
    store: &dyn Store,
    states: &[ChannelState],
    facts: &Facts,
    draft: &mut Draft,
) -> Result<(Vec<Channel>, HashMap<i64, u32>), StoreError> {
    let known = store.channels()?;
    let mut channels = Vec::new();
    // Clusters with what they are found by, until all are known: they are numbered by name.
    let mut clusters: Vec<(ChannelPackage, Found)> = Vec::new();
    for (number, state) in (0u32..).zip(states) {
        let Some((set, _)) = state.set else { continue };
        let (found, with_derivation) = open(store, number, state, set, facts)?;
        let told = known.iter().find(|c| c.name == state.name);
        channels.push(Channel {
            name: state.name.clone(),
            revision: told.and_then(|c| c.revision.clone()).unwrap_or_default(),
            taken: told.and_then(|c| c.taken_at).unwrap_or(0),
            packages: found.len() as u64,
            shows_patches: with_derivation || told.is_some_and(|c| c.with_derivation > 0),
        });
        clusters.extend(found);
    }
    clusters.sort_by(|(a, _), (b, _)| (&a.cluster.name, a.channel).cmp(&(&b.cluster.name, b.channel)));
    let mut numbers = HashMap::new();
    for (package, found) in clusters {
        let number = draft.package(&package);
        found.keys.into_iter().for_each(|key| draft.file(key, number, package.channel));
        found.paths.iter().for_each(|path| draft.path(path, number));
        numbers.extend(found.row.map(|row| (row, number)));
    }
    Ok((channels, numbers))
}

/// What a cluster is found by.
#[derive(Default)]
struct Found {
    row: Option<i64>,
    keys: Vec<u64>,
    paths: Vec<String>,
}

/// The clusters of one channel.
fn open(
    store: &dyn Store,
    number: u32,
    state: &ChannelState,
    set: i64,
    facts: &Facts,
) -> Result<(Vec<(ChannelPackage, Found)>, bool), StoreError> {
    let packages = store.package_set(set)?;
    let members: Vec<(i64, String, String)> = packages
        .iter()
        .map(|p| (p.id, p.package.attr.clone(), p.package.pname.clone()))
        .collect();
    let packages: Vec<Package> = packages.into_iter().map(|p| p.package).collect();
    let with_derivation = packages.iter().any(|p| !p.source_names.is_empty());
    let index = PackageIndex::new(packages, facts);
    let mut found: Vec<Found> = index.clusters().iter().map(|_| Found::default()).collect();
    for (key, clusters) in index.filed() {
        let key = key.number();
        for n in clusters {
            if let Some(found) = found.get_mut(n as usize) {
                found.keys.push(key);
            }
        }
    }
    let by_attr: HashMap<&str, usize> = index
        .clusters()
        .iter()
        .enumerate()
        .flat_map(|(n, c)| c.attrs.iter().map(move |attr| (attr.as_str(), n)))
        .collect();
    let mut by_package: HashMap<i64, usize> = HashMap::new();
    for (row, attr, pname) in members {
        let Some(&n) = by_attr.get(attr.as_str()) else { continue };
        by_package.insert(row, n);
        if let Some(found) = found.get_mut(n) {
            found.keys.push(Key::Pname(pname).number());
        }
    }
    for (row, name) in store.cluster_names(state.id)? {
        if let Some(found) = by_attr.get(name.as_str()).and_then(|n| found.get_mut(*n)) {
            found.row = Some(row);
        }
    }
    store.package_paths(set, &mut |package, _, path| {
        if let Some(found) = by_package.get(&package).and_then(|n| found.get_mut(*n)) {
            found.paths.push(path.to_owned());
        }
    })?;
    drop(by_attr);
    let clusters = index.into_clusters().into_iter().zip(found);
    let clusters = clusters.map(|(cluster, found)| (ChannelPackage { channel: number, cluster }, found));
    Ok((clusters.collect(), with_derivation))
}

/// A record on its way into the draft.
struct Packed {
    id: String,
    product: String,
    record: PackedRecord,
    keys: Vec<u64>,
    products: Vec<u32>,
    verdicts: Vec<VerdictRow>,
}

/// Adds all records that can matter to any package.
fn add_records(
    store: &dyn Store,
    progress: &Progress,
    (profiles, products): (&Profiles, &HashMap<String, u32>),
    numbers: &HashMap<i64, u32>,
    draft: &mut Draft,
) -> Result<(), StoreError> {
    let mut verdicts: HashMap<i64, Vec<VerdictRow>> = HashMap::new();
    store.verdict_rows(&mut |vulnerability, cluster, verdict| {
        if let Some(package) = numbers.get(&cluster).copied() {
            verdicts.entry(vulnerability).or_default().push(VerdictRow { package, verdict });
        }
    })?;
    verdicts.values_mut().for_each(|rows| rows.sort_unstable_by_key(|row| row.package));
    let exploitation: HashMap<i64, _> = store.exploitation()?.into_iter().map(|e| (e.vulnerability, e)).collect();
    let done = matching::over_all(store, progress, "snapshot", Vec::new, |records, stored, advisories| {
        let prepared = Prepared::new(Vulnerability {
            id: &stored.name,
            advisories: &advisories,
        });
        if prepared.is_settled() {
            return Ok(());
        }
        let mut keys: Vec<u64> = prepared.keys(profiles).iter().map(Key::number).collect();
        keys.sort_unstable();
        let product = prepared.product().to_owned();
        let products = prepared.products().filter_map(|product| products.get(product).copied()).collect();
        drop(prepared);
        let known = exploitation.get(&stored.id);
        let record = Record {
            id: stored.name.clone(),
            epss: known.and_then(|e| e.epss),
            exploited_since: known.and_then(|e| e.kev_date.clone()),
            advisories,
        };
        records.push(Packed {
            id: record.id.clone(),
            product,
            record: PackedRecord::from(&record),
            keys,
            products,
            verdicts: verdicts.get(&stored.id).cloned().unwrap_or_default(),
        });
        Ok(())
    })?;
    for packed in done.into_iter().flatten() {
        draft.record(
            &packed.id,
            &packed.product,
            packed.record,
            &packed.keys,
            packed.products,
            packed.verdicts,
        );
    }
    Ok(())
}
