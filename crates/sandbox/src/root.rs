//! The root that a job sees: built over an empty folder, entered, and nothing of the old one left.
#![expect(unsafe_code, reason = "system calls between fork and exec have no safe form")]

use std::ffi::{CStr, CString};
use std::io;
use std::ptr;

use crate::call::check;
use crate::stage::Stage;
use crate::text::{path, text};
use crate::{Access, Job, SandboxError};

/// A root, ready to be built without allocating.
pub struct Root {
    folder: CString,
    options: CString,
    scratch: CString,
    scratch_options: CString,
    /// In the order in which they are made.
    entries: Vec<Entry>,
    directory: CString,
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
/// No mount inside gives rights, and none but that of [`Access::Null`] reaches devices.
const QUIET: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;

impl Root {
    /// Checks and converts everything that can be checked and converted outside.
    pub fn new(job: &Job) -> Result<Self, SandboxError> {
        let folder = path(&job.root)?;
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
        Ok(Self {
            folder,
            options: text("mode=755,size=1m")?,
            scratch: inside("/tmp")?,
            scratch_options: text(&format!("mode=1777,size={}", job.limits.scratch))?,
            entries,
            directory: text(&job.directory)?,
        })
    }

    /// Builds the root. Mounts made here are seen in this mount namespace alone.
    pub fn build(&self) -> io::Result<()> {
        mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None, Stage::Private)?;
        let options = Some(self.options.as_c_str());
        mount(Some(c"root"), &self.folder, Some(c"tmpfs"), QUIET, options, Stage::Root)?;
        for entry in &self.entries {
            match entry {
                // SAFETY: the path is a valid C string.
                Entry::Folder(folder) => check(unsafe { libc::mkdir(folder.as_ptr(), 0o755) }, Stage::Folder).map(drop)?,
                Entry::File(file) => {
                    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC;
                    // SAFETY: the path is a valid C string.
                    let fd = check(unsafe { libc::open(file.as_ptr(), flags, 0o644) }, Stage::Folder)?;
                    // SAFETY: the file was opened above and is used nowhere else.
                    unsafe { libc::close(fd) };
                }
                Entry::Mount { from, to, access } => {
                    // Not what is mounted below it: `remount` protects one mount.
                    mount(Some(from), to, None, libc::MS_BIND, None, Stage::Show)?;
                    let flags = match access {
                        Access::Read => libc::MS_RDONLY | QUIET,
                        Access::Write => QUIET,
                        Access::Null => libc::MS_NOSUID | libc::MS_NOEXEC,
                    };
                    remount(to, flags)?;
                }
            }
        }
        let options = Some(self.scratch_options.as_c_str());
        mount(Some(c"tmp"), &self.scratch, Some(c"tmpfs"), QUIET, options, Stage::Scratch)?;
        remount(&self.folder, libc::MS_RDONLY | QUIET)
    }

    /// Makes it the root, takes the old one off, and goes to the directory that the job starts in.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: all paths are valid C strings.
        unsafe {
            check(libc::chdir(self.folder.as_ptr()), Stage::Enter)?;
            // With both paths the same, the old root ends up below the new one, from where it is taken off.
            let dot = c".".as_ptr();
            check(libc::syscall(libc::SYS_pivot_root, dot, dot), Stage::Enter)?;
            check(libc::umount2(dot, libc::MNT_DETACH), Stage::Enter)?;
            check(libc::chdir(self.directory.as_ptr()), Stage::Enter)?;
        }
        Ok(())
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
