//! What happens between fork and exec: system calls alone, on memory prepared before.
#![expect(unsafe_code, reason = "system calls between fork and exec have no safe form")]

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;
use std::ptr;

use crate::call::{check, die_with_parent, drop_rights, limit, write};
use crate::report::Report;
use crate::root::Root;
use crate::stage::Stage;
use crate::text::text;
use crate::{Job, Limits, SandboxError, caller, seccomp};

/// A job, ready to be carried out without allocating.
pub struct Plan {
    uid_map: CString,
    gid_map: CString,
    /// User and group to become first, for a caller who is root.
    outside: Option<u32>,
    root: Root,
    limits: Limits,
    filter: Vec<libc::sock_filter>,
    /// The caller.
    parent: libc::pid_t,
    /// Where the report goes, open in the caller.
    report: RawFd,
}

/// What all namespaces but that of mounts are made with.
const SPACES: libc::c_int = libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
/// Bytes of stack: what the shell of the caller says about it is no concern of the job.
const STACK: u64 = 8 << 20;
const SIGNALS: libc::c_int = 64;
/// `struct sigaction` of the kernel: the default handler, no flags, no mask.
const DEFAULT: [u64; 4] = [0; 4];

impl Plan {
    /// Checks and converts everything that can be checked and converted outside.
    pub fn new(job: &Job, report: RawFd) -> Result<Self, SandboxError> {
        if job.limits.processes > 1 && job.outside.is_none() && caller::is_root() {
            return Err(SandboxError::Root);
        }
        let (user, group) = match job.outside {
            Some(outside) => (outside, outside),
            None => caller::ids(),
        };
        for argument in &job.argv {
            text(argument)?;
        }
        Ok(Self {
            uid_map: text(&format!("{} {user} 1", job.user))?,
            gid_map: text(&format!("{} {group} 1", job.user))?,
            outside: job.outside,
            root: Root::new(job)?,
            limits: job.limits,
            filter: seccomp::program(&job.limits)?,
            // SAFETY: this call has no arguments and cannot fail.
            parent: unsafe { libc::getpid() },
            report,
        })
    }

    /// Turns this process into the first one of the sandbox. Called after fork; exec follows.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: these calls take numbers only.
        unsafe {
            // What the caller inherited is not the job's: an open folder would be a way out.
            check(
                libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC),
                Stage::Fork,
            )?;
            for signal in 1..=SIGNALS {
                // Not by the C library, which keeps two for itself. It fails for those that cannot be ignored.
                libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), ptr::null::<u64>(), 8);
            }
            libc::umask(0o022);
        }
        self.die_with_caller()?;
        let own = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
        // SAFETY: the path is a valid C string. The folder is left to exec to close.
        let own = check(unsafe { libc::open(c"/proc/self".as_ptr(), own) }, Stage::Map)?;
        if let Some(user) = self.outside {
            // Root mounts, as the other user may not be let through to where things are, and is nobody from then on.
            unshare(libc::CLONE_NEWNS)?;
            self.root.build()?;
            self.root.enter()?;
            self.become_user(user)?;
            unshare(SPACES)?;
            self.map(own)?;
        } else {
            unshare(SPACES | libc::CLONE_NEWNS)?;
            self.map(own)?;
            self.root.build()?;
            self.root.enter()?;
        }
        let host = c"firn";
        // SAFETY: the name is valid for its length.
        check(unsafe { libc::sethostname(host.as_ptr(), host.count_bytes()) }, Stage::Name)?;
        self.fork()?;
        // A group of its own: signals to "my group" would reach the caller and whatever started it.
        // SAFETY: this call has no arguments.
        check(unsafe { libc::setsid() }, Stage::Fork)?;
        drop_rights()?;
        self.limit()?;
        self.filter()
    }

    fn die_with_caller(&self) -> io::Result<()> {
        // SAFETY: this call has no arguments and cannot fail.
        die_with_parent(|| unsafe { libc::getppid() } == self.parent)
    }

    fn become_user(&self, user: u32) -> io::Result<()> {
        // SAFETY: these calls take numbers and a null pointer for no groups.
        unsafe {
            check(libc::setgroups(0, ptr::null()), Stage::Become)?;
            check(libc::setresgid(user, user, user), Stage::Become)?;
            check(libc::setresuid(user, user, user), Stage::Become)?;
            // Without this, what /proc says about this process belongs to root, and the maps could not be written.
            check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0), Stage::Become)?;
        }
        // Forgotten when the user changed.
        self.die_with_caller()
    }

    fn map(&self, own: RawFd) -> io::Result<()> {
        write(own, c"setgroups", c"deny")?;
        write(own, c"uid_map", &self.uid_map)?;
        write(own, c"gid_map", &self.gid_map)
    }

    /// Only the children of a process that makes a process namespace are in it. The parent stays outside, waits, kills what takes too
    /// long, and reports.
    fn fork(&self) -> io::Result<()> {
        let mut life = [0; 2];
        // SAFETY: `life` has room for two files.
        check(unsafe { libc::pipe2(life.as_mut_ptr(), libc::O_CLOEXEC) }, Stage::Fork)?;
        let [alive, life] = life;
        // SAFETY: the process has one thread: it is itself the child of a fork.
        let child = check(unsafe { libc::fork() }, Stage::Fork)?;
        if child != 0 {
            self.stand_by(child, life);
        }
        // SAFETY: this process does not use that end.
        unsafe { libc::close(life) };
        die_with_parent(|| {
            let mut end = libc::pollfd {
                fd: alive,
                events: 0,
                revents: 0,
            };
            // The other end is closed when the parent is gone, which cannot be asked for: it has no number inside.
            // SAFETY: `end` outlives the call.
            unsafe { libc::poll(&raw mut end, 1, 0) == 0 }
        })
    }

    /// Waits for the first process of the sandbox. Never returns.
    fn stand_by(&self, child: libc::pid_t, life: RawFd) -> ! {
        // Not this process' own: keeping the pipe of `Command::spawn` open would make that call wait.
        close_all_but([self.report.min(life), self.report.max(life)]);
        let in_time = ends_within(child, self.limits.time.as_millis());
        if !in_time {
            // Its death is that of all others inside.
            // SAFETY: the child was not waited for yet, so that the number is its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        let mut status = 0;
        // SAFETY: all zeroes are a valid `rusage`.
        let mut used: libc::rusage = unsafe { std::mem::zeroed() };
        loop {
            // SAFETY: `status` and `used` outlive the call.
            let waited = unsafe { libc::wait4(child, &raw mut status, 0, &raw mut used) };
            if waited == child {
                break;
            }
        }
        let report = Report::new(status, in_time, &used).to_bytes();
        // SAFETY: the bytes outlive the call; the process ends without running anything of the parent's.
        unsafe {
            libc::write(self.report, report.as_ptr().cast(), report.len());
            libc::_exit(0)
        }
    }

    fn limit(&self) -> io::Result<()> {
        let seconds = self.limits.time.as_secs() + 1;
        limit(libc::RLIMIT_AS, self.limits.memory)?;
        // The one that stands by belongs to the same user.
        limit(libc::RLIMIT_NPROC, self.limits.processes.saturating_add(1))?;
        limit(libc::RLIMIT_NOFILE, self.limits.files)?;
        limit(libc::RLIMIT_FSIZE, self.limits.file_size)?;
        limit(libc::RLIMIT_STACK, STACK)?;
        limit(libc::RLIMIT_CPU, seconds)?;
        limit(libc::RLIMIT_CORE, 0)
    }

    fn filter(&self) -> io::Result<()> {
        // SAFETY: this call takes numbers only.
        check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, Stage::Filter)?;
        let program = libc::sock_fprog {
            len: u16::try_from(self.filter.len()).unwrap_or_default(),
            filter: self.filter.as_ptr().cast_mut(),
        };
        // SAFETY: `program` points at as many instructions as it says, which the kernel copies.
        let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        check(done, Stage::Filter).map(drop)
    }
}

fn unshare(spaces: libc::c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::unshare(spaces) }, Stage::Namespaces).map(drop)
}

/// Closes every file of this process but two, given in order.
fn close_all_but([low, high]: [RawFd; 2]) {
    let close = |from: RawFd, to: RawFd| {
        if from <= to {
            // SAFETY: this process uses none of these files.
            unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
        }
    };
    close(0, low - 1);
    close(low + 1, high - 1);
    close(high + 1, RawFd::MAX);
}

/// Whether the process ends within so many milliseconds.
fn ends_within(child: libc::pid_t, milliseconds: u128) -> bool {
    let time = libc::c_int::try_from(milliseconds).unwrap_or(libc::c_int::MAX);
    // SAFETY: this call takes numbers only; `end` outlives the second one.
    unsafe {
        let process = libc::syscall(libc::SYS_pidfd_open, child, 0);
        let mut end = libc::pollfd {
            fd: libc::c_int::try_from(process).unwrap_or(-1),
            events: libc::POLLIN,
            revents: 0,
        };
        loop {
            match libc::poll(&raw mut end, 1, time) {
                -1 if *libc::__errno_location() == libc::EINTR => {}
                ended => return ended == 1,
            }
        }
    }
}
