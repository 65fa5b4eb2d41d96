//! In firmware.
