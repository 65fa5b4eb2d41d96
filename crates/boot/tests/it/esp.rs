//! Generations on partitions: as files, as a crash leaves them, and in real firmware.

mod crash;
mod fat32;
mod faults;
mod files;
mod firmware;
mod module;
mod vfat;
mod world;
