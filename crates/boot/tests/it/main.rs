//! Tests of `firn-boot` as a whole: its command line beside other people's tools, and images in real firmware.

mod attacks;
mod boots;
mod lab;
mod oracles;
mod varstore;
mod vm;
