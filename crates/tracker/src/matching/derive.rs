//! What is derived from the whole database before anything is matched, and when it has to be derived again.

use sha2::{Digest as _, Sha256};
use vuln::matching::{Facts, Profiles, rules_digest};

use crate::config::now;
use crate::document::Digest;
use crate::store::result::{ChannelState, Derived};
use crate::store::{Store, StoreError};

/// Profiles are derived again once one in this many vulnerabilities changed since: a delta adds little to what is known of products, a year
/// of records much, and in a small database every record counts.
const ONE_IN: u64 = 20;
/// The same, in a large database.
const TOO_MANY_CHANGES: u64 = 20_000;

/// What verdicts rest on beside the records themselves: the rules and the package sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis(String);

impl Basis {
    /// The basis of matching these channels with the rules of this build.
    pub fn of(channels: &[ChannelState]) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        part(&rules_digest());
        part(env!("CARGO_PKG_VERSION"));
        for channel in channels {
            part(&channel.name);
            part(channel.set.as_ref().map_or("", |(_, digest)| digest));
        }
        Self(Digest(hash.finalize().into()).to_string())
    }
}

/// Everything that matching needs beside records and packages.
#[derive(Debug)]
pub struct Ground {
    /// What it was derived from: its [`Basis`], the mark of the records, the time.
    pub basis: String,
    /// Of products.
    pub profiles: Profiles,
    /// About packages.
    pub facts: Facts,
}

impl Ground {
    /// Freshly derived. The time is part of its name: verdicts made with an earlier derivation are not mixed with new ones.
    pub fn new(basis: &Basis, mark: i64, profiles: Profiles, facts: Facts) -> Self {
        Self {
            basis: format!("{} {mark} {}", basis.0, now()),
            profiles,
            facts,
        }
    }
}

/// The name of the ground that was kept, if it still holds. Cheap.
pub fn kept(store: &dyn Store, basis: &Basis) -> Result<Option<String>, StoreError> {
    let (Some(profiles), Some(facts)) = (store.derived_basis("profiles")?, store.derived_basis("facts")?) else {
        return Ok(None);
    };
    let mut parts = profiles.split(' ');
    let same_basis = parts.next() == Some(basis.0.as_str());
    let mark: i64 = parts.next().and_then(|mark| mark.parse().ok()).unwrap_or(0);
    let few = || Ok::<_, StoreError>((store.touched_after(0)? / ONE_IN).min(TOO_MANY_CHANGES));
    let holds = profiles == facts && same_basis && store.touched_after(mark)? <= few()?;
    Ok(holds.then_some(profiles))
}

/// The ground of this name, if it can be read.
pub fn load(store: &dyn Store, kept: &str) -> Result<Option<Ground>, StoreError> {
    let named = |name| Ok(store.derived(name)?.filter(|derived| derived.basis == kept));
    let (Some(profiles), Some(facts)) = (named("profiles")?, named("facts")?) else {
        return Ok(None);
    };
    // What an older build kept in another shape is derived again.
    let (Ok(profiles), Ok(facts)) = (serde_json::from_slice(&profiles.bytes), serde_json::from_slice(&facts.bytes)) else {
        return Ok(None);
    };
    Ok(Some(Ground {
        basis: kept.to_owned(),
        profiles,
        facts,
    }))
}

/// Keeps the ground for the next match.
pub fn keep(store: &dyn Store, ground: &Ground) -> Result<(), StoreError> {
    let json = |e: serde_json::Error| StoreError::new("write what was derived as JSON", e);
    let derived = |bytes| Derived {
        basis: ground.basis.clone(),
        bytes,
    };
    store.put_derived("profiles", &derived(serde_json::to_vec(&ground.profiles).map_err(json)?), now())?;
    store.put_derived("facts", &derived(serde_json::to_vec(&ground.facts).map_err(json)?), now())
}
