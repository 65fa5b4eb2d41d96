//! What a snapshot knows of an inventory: the judgement that the scanner makes offline and that a tracker makes for scanners that ask it.
//! Both run this very code, so that their answers are the same.
//!
//! No files, clocks or servers here: a snapshot is anything that can be read by position.

pub mod finding;
pub mod inventory;
pub mod judge;
#[cfg(test)]
mod made;
