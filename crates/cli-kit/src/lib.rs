//! Manners.
