//! NixOS generations on the partitions that firmware reads, as a transaction.
//!
//! - [`booted`]: what firmware and loader say of this boot
//! - [`generations`]: what there is to boot; [`entry`]: what of it stands in an image; [`source`]: kernels and initrds
//! - [`wanted`]: the files that should be there; [`survey`]: what is there, never trusted by its name
//! - [`plan`]: the way from one to the other, counted in bytes before the first is written (pure); [`execute`]: going it
//! - [`bless`]: keeping what turned out good; [`uninstall`]: going back
//! - [`loader`]: systemd-boot, its configuration, other programs
//! - [`prospect`]: all of it together: what a run would do; [`report`]: what is wrong with which file

pub mod bless;
pub mod booted;
pub mod entry;
pub mod execute;
pub mod generations;
pub mod loader;
pub mod plan;
pub mod prospect;
pub mod report;
pub mod source;
pub mod survey;
pub mod uninstall;
pub mod wanted;

/// Folder of the images that systemd-boot finds by itself.
pub const IMAGES: &str = "EFI/Linux";
/// Folder of kernels and initrds.
pub const SHARED: &str = "EFI/nixos";
/// Folder of other programs that we signed.
pub const PROGRAMS: &str = "EFI/firn";
/// Folder of entries that are text.
pub const ENTRIES: &str = "loader/entries";
/// End of names of files that are being written.
pub const UNFINISHED: &str = ".firn-new";
/// All folders that we look into, each after the one that it lies in.
pub const FOLDERS: [&str; 9] = [
    "EFI",
    IMAGES,
    SHARED,
    PROGRAMS,
    "EFI/systemd",
    "EFI/BOOT",
    "loader",
    ENTRIES,
    "loader/keys",
];
