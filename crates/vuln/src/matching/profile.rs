//! What all records together tell about a product: who makes it, where it lives, which release lines it has.

use serde::{Deserialize, Serialize};

use crate::advisory::Advisory;

/// Profiles of all products. Serialisable: an incremental match uses the profiles of the last full one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profiles {}

/// Collects [`Profiles`] from advisories in any order.
#[derive(Debug, Default)]
pub struct ProfilesBuilder {}

impl ProfilesBuilder {
    /// Learns from one advisory.
    pub fn add(&mut self, _advisory: &Advisory) {}

    /// Joins what another builder (another thread) learned.
    pub fn merge(&mut self, _other: ProfilesBuilder) {}

    /// The profiles.
    pub fn finish(self) -> Profiles {
        Profiles {}
    }
}
