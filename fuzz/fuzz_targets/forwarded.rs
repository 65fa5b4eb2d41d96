//! Who a proxy says asked: one that is not trusted says nothing, and nothing that a client wrote counts before what the proxy wrote.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use tracker::foreign::client;

const TRUSTED: [&str; 2] = ["127.0.0.1", "10.0.0.0/8"];

fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let (proxy, stranger): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [192, 0, 2, 1].into());
    for forwarded in [false, true] {
        let name = |lines: &[&[u8]], peer| client(peer, lines, forwarded, &TRUSTED);
        // What no header may hold never gets here.
        let Some(_) = name(&lines, proxy) else { return };
        assert_eq!(name(&lines, stranger), Some(stranger));
        let ours: &[u8] = if forwarded {
            b"for=198.51.100.7;proto=https"
        } else {
            b"198.51.100.7"
        };
        let behind: Vec<&[u8]> = lines.iter().copied().chain([ours]).collect();
        assert_eq!(name(&behind, proxy), Some([198, 51, 100, 7].into()));
    }
});
