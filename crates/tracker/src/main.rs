//! Tracker.
fn main() {}
