//! Real FAT.
