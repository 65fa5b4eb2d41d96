//! The crate's integration tests, in one binary.

#[cfg(test)]
mod ecosystems;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod matching;
#[cfg(test)]
mod mirror;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod real_packages;
#[cfg(test)]
mod real_records;
#[cfg(test)]
mod versions;
