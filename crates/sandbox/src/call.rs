//! System calls that several parts make, each with its error named.
#![expect(unsafe_code, reason = "system calls between fork and exec have no safe form")]

use std::ffi::CStr;
use std::io;

use crate::stage::Stage;

/// `LINUX_CAPABILITY_VERSION_3`, and this process.
const CAPABILITIES: [u32; 2] = [0x2008_0522, 0];

/// What a call gave, or what failed.
pub fn check<T: Copy + PartialOrd + From<i8>>(result: T, stage: Stage) -> io::Result<T> {
    if result < T::from(0) { Err(stage.failed()) } else { Ok(result) }
}

/// Writes a file of `/proc/self`, whose folder is open as `folder`.
pub fn write(folder: libc::c_int, file: &CStr, content: &CStr) -> io::Result<()> {
    // SAFETY: path and content are valid C strings, and the file is closed once.
    unsafe {
        let fd = check(libc::openat(folder, file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC), Stage::Map)?;
        let done = libc::write(fd, content.as_ptr().cast(), content.count_bytes());
        let result = check(done, Stage::Map).map(drop);
        libc::close(fd);
        result
    }
}

/// Limits what this process and those it starts may use; what is limited further already stays so.
pub fn limit(what: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let mut both = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: `now` and `both` outlive the calls.
    unsafe {
        let mut now = both;
        check(libc::getrlimit(what, &raw mut now), Stage::Limit)?;
        both.rlim_max = value.min(now.rlim_max);
        both.rlim_cur = both.rlim_max;
        check(libc::setrlimit(what, &raw const both), Stage::Limit).map(drop)
    }
}

/// No rights within the namespace either: what is mounted stays mounted, who one is one stays.
pub fn drop_rights() -> io::Result<()> {
    for right in 0..=i8::MAX {
        // SAFETY: this call takes numbers only. It fails behind the last right that the kernel knows.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(right.unsigned_abs()), 0, 0, 0) } != 0 {
            break;
        }
    }
    let none = [0_u32; 6];
    // SAFETY: header and rights have the layout of capset(2), version 3, and outlive the call.
    check(
        unsafe { libc::syscall(libc::SYS_capset, CAPABILITIES.as_ptr(), none.as_ptr()) },
        Stage::Limit,
    )
    .map(drop)
}

/// Has this process killed when its parent dies; `parent` tells whether it is alive still.
pub fn die_with_parent(parent: impl FnOnce() -> bool) -> io::Result<()> {
    // SAFETY: this call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }, Stage::Fork)?;
    if !parent() {
        // SAFETY: ends the process without running anything of the parent's.
        unsafe { libc::_exit(1) };
    }
    Ok(())
}
