//! What happens between fork and exec: system calls alone, on memory prepared before.
#![expect(unsafe_code, reason = "system calls between fork and exec have no safe form")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use crate::{Access, Job, Limits, SandboxError, seccomp};

/// What was tried when something failed. It travels to the parent within the error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Stage {
    Namespaces = 1,
    Map,
    Name,
    Fork,
    Private,
    Root,
    Folder,
    Show,
    Protect,
    Scratch,
    Enter,
    Limit,
    Filter,
}

/// Error numbers of Linux are below this.
const STEP: i32 = 10_000;

impl Stage {
    const ALL: [Self; 13] = [
        Self::Namespaces,
        Self::Map,
        Self::Name,
        Self::Fork,
        Self::Private,
        Self::Root,
        Self::Folder,
        Self::Show,
        Self::Protect,
        Self::Scratch,
        Self::Enter,
        Self::Limit,
        Self::Filter,
    ];

    /// The stage in a packed number; none if the number is the system's own.
    pub fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as i32 == number / STEP)
    }

    /// The system's error number in a packed one.
    pub const fn errno(number: i32) -> i32 {
        number % STEP
    }

    /// What was tried.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Namespaces => "make namespaces",
            Self::Map => "map the user",
            Self::Name => "set the host name",
            Self::Fork => "start the first process",
            Self::Private => "keep mounts apart",
            Self::Root => "mount the root",
            Self::Folder => "make a folder",
            Self::Show => "show a folder inside",
            Self::Protect => "make a mount read-only",
            Self::Scratch => "mount /tmp",
            Self::Enter => "enter the root",
            Self::Limit => "set limits",
            Self::Filter => "restrict system calls",
        }
    }

    /// The last error of the system, with this stage.
    fn failed(self) -> io::Error {
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        io::Error::from_raw_os_error(self as i32 * STEP + errno)
    }
}

/// A job, ready to be carried out without allocating.
pub struct Plan {
    uid_map: CString,
    gid_map: CString,
    root: CString,
    root_options: CString,
    scratch: CString,
    scratch_options: CString,
    /// In the order in which they are made.
    entries: Vec<Entry>,
    directory: CString,
    limits: Limits,
    filter: Vec<libc::sock_filter>,
}

enum Entry {
    Folder(CString),
    /// An empty file to mount a file over.
    File(CString),
    Mount {
        from: CString,
        to: CString,
        access: Access,
    },
}

const MAX_FOLDERS: usize = 4096;

impl Plan {
    /// Checks and converts everything that can be checked and converted outside.
    pub fn new(job: &Job) -> Result<Self, SandboxError> {
        // SAFETY: these calls have no arguments and cannot fail.
        let (outer_user, outer_group) = unsafe { (libc::geteuid(), libc::getegid()) };
        if outer_user == 0 && job.limits.processes > 1 {
            return Err(SandboxError::Root);
        }
        let root = path(&job.root)?;
        let inside = |p: &str| -> Result<CString, SandboxError> {
            let plain = p.starts_with('/') && !p.split('/').skip(1).any(|part| part.is_empty() || part == "." || part == "..");
            if !plain {
                return Err(SandboxError::Text(p.to_owned()));
            }
            text(&format!("{}{p}", job.root.display()))
        };
        let mut entries = vec![Entry::Folder(inside("/tmp")?)];
        let mut made = vec!["/tmp".to_owned()];
        for mount in &job.mounts {
            let is_folder = mount.outside.is_dir();
            let mut ends: Vec<usize> = mount.inside.match_indices('/').map(|(at, _)| at).skip(1).collect();
            if is_folder {
                ends.push(mount.inside.len());
            }
            for end in ends {
                let folder = mount.inside.get(..end).unwrap_or_default();
                if !made.iter().any(|m| m == folder) {
                    entries.push(Entry::Folder(inside(folder)?));
                    made.push(folder.to_owned());
                }
            }
            if !is_folder {
                entries.push(Entry::File(inside(&mount.inside)?));
            }
            entries.push(Entry::Mount {
                from: path(&mount.outside)?,
                to: inside(&mount.inside)?,
                access: mount.access,
            });
            if made.len() > MAX_FOLDERS {
                return Err(SandboxError::Text(mount.inside.clone()));
            }
        }
        for argument in &job.argv {
            text(argument)?;
        }
        Ok(Self {
            uid_map: text(&format!("{} {outer_user} 1", job.user))?,
            gid_map: text(&format!("{} {outer_group} 1", job.user))?,
            root,
            root_options: text("mode=755,size=1m")?,
            scratch: inside("/tmp")?,
            scratch_options: text(&format!("mode=1777,size={}", job.limits.scratch))?,
            entries,
            directory: text(&job.directory)?,
            limits: job.limits,
            filter: seccomp::program(&job.limits)?,
        })
    }

    /// Turns this process into the first one of the sandbox. Called after fork; exec follows.
    pub fn enter(&self) -> io::Result<()> {
        die_with_parent(Stage::Fork)?;
        let spaces =
            libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        // SAFETY: no memory is passed.
        check(unsafe { libc::unshare(spaces) }, Stage::Namespaces)?;
        write(c"/proc/self/setgroups", c"deny")?;
        write(c"/proc/self/uid_map", &self.uid_map)?;
        write(c"/proc/self/gid_map", &self.gid_map)?;
        let host = c"firn";
        // SAFETY: the name is valid for its length.
        check(unsafe { libc::sethostname(host.as_ptr(), host.count_bytes()) }, Stage::Name)?;
        self.fork()?;
        die_with_parent(Stage::Fork)?;
        self.build_root()?;
        self.enter_root()?;
        self.limit()?;
        self.filter()
    }

    /// Only the children of a process that makes a process namespace are in it. The parent stays outside, waits, and ends as the child does.
    fn fork(&self) -> io::Result<()> {
        // SAFETY: the process has one thread: it is itself the child of a fork.
        let child = check(unsafe { libc::fork() }, Stage::Fork)?;
        if child == 0 {
            return Ok(());
        }
        // SAFETY: this process uses no file from here on; keeping the pipe of `Command::spawn` open would make that call wait.
        unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
        let mut status = 0;
        loop {
            // SAFETY: `status` outlives the call.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            if waited == child {
                break;
            }
        }
        let code = if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            128 + libc::WTERMSIG(status)
        };
        // SAFETY: ends the process without running anything of the parent's.
        unsafe { libc::_exit(code) }
    }

    fn build_root(&self) -> io::Result<()> {
        mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None, Stage::Private)?;
        let quiet = libc::MS_NOSUID | libc::MS_NODEV;
        mount(
            Some(c"root"),
            &self.root,
            Some(c"tmpfs"),
            quiet,
            Some(&self.root_options),
            Stage::Root,
        )?;
        for entry in &self.entries {
            match entry {
                // SAFETY: the path is a valid C string.
                Entry::Folder(folder) => check(unsafe { libc::mkdir(folder.as_ptr(), 0o755) }, Stage::Folder).map(drop)?,
                Entry::File(file) => {
                    // SAFETY: the path is a valid C string.
                    let fd = check(
                        unsafe { libc::open(file.as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o644) },
                        Stage::Folder,
                    )?;
                    // SAFETY: the file was opened above and is used nowhere else.
                    unsafe { libc::close(fd) };
                }
                Entry::Mount { from, to, access } => {
                    mount(Some(from), to, None, libc::MS_BIND | libc::MS_REC, None, Stage::Show)?;
                    let read_only = if *access == Access::Read { libc::MS_RDONLY } else { 0 };
                    remount(to, read_only | quiet)?;
                }
            }
        }
        mount(
            Some(c"tmp"),
            &self.scratch,
            Some(c"tmpfs"),
            quiet,
            Some(&self.scratch_options),
            Stage::Scratch,
        )?;
        remount(&self.root, libc::MS_RDONLY | quiet)
    }

    fn enter_root(&self) -> io::Result<()> {
        // SAFETY: all paths are valid C strings.
        unsafe {
            check(libc::chdir(self.root.as_ptr()), Stage::Enter)?;
            // With both paths the same, the old root ends up below the new one, from where it is taken off.
            let dot = c".".as_ptr();
            check(libc::syscall(libc::SYS_pivot_root, dot, dot), Stage::Enter)?;
            check(libc::umount2(dot, libc::MNT_DETACH), Stage::Enter)?;
            check(libc::chdir(self.directory.as_ptr()), Stage::Enter)?;
            libc::umask(0o022);
        }
        Ok(())
    }

    fn limit(&self) -> io::Result<()> {
        let seconds = self.limits.time.as_secs() + 1;
        limit(libc::RLIMIT_AS, self.limits.memory)?;
        limit(libc::RLIMIT_NPROC, self.limits.processes)?;
        limit(libc::RLIMIT_NOFILE, self.limits.files)?;
        limit(libc::RLIMIT_FSIZE, self.limits.file_size)?;
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

fn die_with_parent(stage: Stage) -> io::Result<()> {
    // SAFETY: this call takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }, stage).map(drop)
}

fn limit(what: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let both = libc::rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: `both` outlives the call.
    check(unsafe { libc::setrlimit(what, &raw const both) }, Stage::Limit).map(drop)
}

fn write(file: &CStr, content: &CStr) -> io::Result<()> {
    // SAFETY: path and content are valid C strings, and the file is closed once.
    unsafe {
        let fd = check(libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC), Stage::Map)?;
        let done = libc::write(fd, content.as_ptr().cast(), content.count_bytes());
        let result = check(done, Stage::Map).map(drop);
        libc::close(fd);
        result
    }
}

fn mount(
    from: Option<&CStr>,
    to: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    options: Option<&CStr>,
    stage: Stage,
) -> io::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all pointers are null or valid C strings.
    let done = unsafe { libc::mount(pointer(from), to.as_ptr(), pointer(kind), flags, pointer(options).cast()) };
    check(done, stage).map(drop)
}

/// Changes the flags of a mount. Those that the system locked when the mount came from outside have to stay.
fn remount(to: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let mut state = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path is a valid C string; all zeroes are a valid `statvfs`, which the call fills.
    let state = unsafe {
        check(libc::statvfs(to.as_ptr(), state.as_mut_ptr()), Stage::Protect)?;
        state.assume_init()
    };
    let kept = [
        (libc::ST_RDONLY, libc::MS_RDONLY),
        (libc::ST_NOSUID, libc::MS_NOSUID),
        (libc::ST_NODEV, libc::MS_NODEV),
        (libc::ST_NOEXEC, libc::MS_NOEXEC),
        (libc::ST_NOATIME, libc::MS_NOATIME),
        (libc::ST_NODIRATIME, libc::MS_NODIRATIME),
        (libc::ST_RELATIME, libc::MS_RELATIME),
    ];
    let mut all = flags | libc::MS_REMOUNT | libc::MS_BIND;
    for (seen, flag) in kept {
        if state.f_flag & seen != 0 {
            all |= flag;
        }
    }
    mount(None, to, None, all, None, Stage::Protect)
}

fn check<T: Copy + PartialOrd + From<i8>>(result: T, stage: Stage) -> io::Result<T> {
    if result < T::from(0) { Err(stage.failed()) } else { Ok(result) }
}

fn text(text: &str) -> Result<CString, SandboxError> {
    CString::new(text).map_err(|_| SandboxError::Text(text.to_owned()))
}

fn path(path: &Path) -> Result<CString, SandboxError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| SandboxError::Text(path.display().to_string()))
}
