//! Generations on partitions: as files, as a crash leaves them, and in real firmware.

mod crash;
mod faults;
mod files;
mod firmware;
mod module;
mod world;
