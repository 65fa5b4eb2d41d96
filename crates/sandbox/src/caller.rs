//! Who asks for a job to be run.
#![expect(unsafe_code, reason = "the standard library does not say who runs a program")]

use std::fs;

/// Whether the kernel lets the caller do what root may.
pub fn is_root() -> bool {
    ids().0 == 0
}

/// User and group of the caller.
pub fn ids() -> (u32, u32) {
    // SAFETY: these calls have no arguments and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// The user and group that a job can become outside: `wanted`, if the caller is root and this user exists where it runs; else
/// none, and jobs run as the caller. The kernel holds root to no number of processes, and root's files are root's; so root must
/// not run anything as itself that it would not run without a sandbox.
#[must_use]
pub fn other_user(wanted: u32) -> Option<u32> {
    let exists = |map| fs::read_to_string(map).is_ok_and(|map| covers(&map, wanted));
    (is_root() && wanted != 0 && exists("/proc/self/uid_map") && exists("/proc/self/gid_map")).then_some(wanted)
}

/// Whether a line `INSIDE OUTSIDE COUNT` of a map covers the number inside.
fn covers(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let mut words = line.split_whitespace().map(|w| w.parse::<u64>().ok());
        let (Some(Some(from)), Some(Some(_)), Some(Some(count))) = (words.next(), words.next(), words.next()) else {
            return false;
        };
        (from..from.saturating_add(count)).contains(&u64::from(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let all = "         0          0 4294967295\n";
        assert!(covers(all, 0) && covers(all, 1_879_048_192));
        let one = "0 1000 1\n";
        assert!(covers(one, 0) && !covers(one, 1));
        let two = "0 1000 1\n1 100000 65536\n";
        assert!(covers(two, 65536) && !covers(two, 65537));
        assert!(!covers("", 0) && !covers("0 0\n", 0));
    }
}
