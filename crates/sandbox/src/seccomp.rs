//! The list of allowed system calls, as a program for the kernel. What is not on it fails with "not permitted".

use crate::{Limits, SandboxError};

/// `AUDIT_ARCH_X86_64`.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;

/// Files, memory, signals to oneself, looking at oneself: what compilers and their like need.
#[cfg(target_arch = "x86_64")]
const ALLOWED: [libc::c_long; 98] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_stat,
    libc::SYS_fstat,
    libc::SYS_lstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_kill,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_pipe,
    libc::SYS_pipe2,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_truncate,
    libc::SYS_fallocate,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_umask,
    libc::SYS_utimensat,
    libc::SYS_gettimeofday,
    libc::SYS_clock_gettime,
    libc::SYS_time,
    libc::SYS_times,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrlimit,
    libc::SYS_prlimit64,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_getgid,
    libc::SYS_geteuid,
    libc::SYS_getegid,
    libc::SYS_getpgrp,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getgroups,
    libc::SYS_sched_getaffinity,
    libc::SYS_arch_prctl,
    libc::SYS_set_tid_address,
    libc::SYS_futex,
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// For jobs of several processes: `clone` is looked at more closely below.
#[cfg(target_arch = "x86_64")]
const FAMILY: [libc::c_long; 12] = [
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_setpgid,
    // Waiting for children and for what they write.
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
];

/// All flags of `clone` that make namespaces.
#[cfg(target_arch = "x86_64")]
const NEW_NAMESPACES: u32 = 0x7E02_0000;

/// Offsets in `struct seccomp_data`.
#[cfg(target_arch = "x86_64")]
const NUMBER: u32 = 0;
#[cfg(target_arch = "x86_64")]
const PROCESSOR: u32 = 4;
#[cfg(target_arch = "x86_64")]
const FIRST_ARGUMENT: u32 = 16;

/// The program for a job with these limits.
#[cfg(target_arch = "x86_64")]
pub fn program(limits: &Limits) -> Result<Vec<libc::sock_filter>, SandboxError> {
    let family = limits.processes > 1;
    let mut allowed: Vec<u32> = ALLOWED.iter().filter_map(|n| u32::try_from(*n).ok()).collect();
    if family {
        allowed.extend(FAMILY.iter().filter_map(|n| u32::try_from(*n).ok()));
    }
    let mut code = vec![
        load(PROCESSOR),
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        result(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
    ];
    if family {
        // clone without new namespaces
        let clone = u32::try_from(libc::SYS_clone).unwrap_or(u32::MAX);
        code.push(jump(libc::BPF_JEQ, clone, 0, 4));
        code.push(load(FIRST_ARGUMENT));
        code.push(jump(libc::BPF_JSET, NEW_NAMESPACES, 1, 0));
        code.push(result(libc::SECCOMP_RET_ALLOW));
        code.push(load(NUMBER));
    }
    // Its flags are in memory, where they cannot be looked at. Libraries that find it missing use clone.
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    code.push(jump(libc::BPF_JEQ, clone3, 0, 1));
    code.push(result(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()));
    // Numbers of the x32 convention have bit 30 set and so match none.
    for (at, number) in allowed.iter().enumerate() {
        let over = u8::try_from(allowed.len() - at).map_err(|_| SandboxError::Processor)?;
        code.push(jump(libc::BPF_JEQ, *number, over, 0));
    }
    code.push(result(libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()));
    code.push(result(libc::SECCOMP_RET_ALLOW));
    Ok(code)
}

/// Elsewhere there is no list yet.
#[cfg(not(target_arch = "x86_64"))]
pub fn program(_: &Limits) -> Result<Vec<libc::sock_filter>, SandboxError> {
    Err(SandboxError::Processor)
}

#[cfg(target_arch = "x86_64")]
fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

#[cfg(target_arch = "x86_64")]
fn jump(how: u32, value: u32, yes: u8, no: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | how | libc::BPF_K, value, yes, no)
}

#[cfg(target_arch = "x86_64")]
fn result(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, value, 0, 0)
}

#[cfg(target_arch = "x86_64")]
fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        // All codes fit: they are one byte.
        code: u16::try_from(code).unwrap_or_default(),
        jt,
        jf,
        k,
    }
}
