//! What is done between fork and exec, so that an error can say at what it happened.

use std::io;

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
    Become,
    Limit,
    Filter,
}

/// Error numbers of Linux are below this.
const STEP: i32 = 10_000;

impl Stage {
    const ALL: [Self; 14] = [
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
        Self::Become,
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
            Self::Become => "become another user",
            Self::Limit => "set limits",
            Self::Filter => "restrict system calls",
        }
    }

    /// The last error of the system, with this stage.
    pub fn failed(self) -> io::Error {
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        io::Error::from_raw_os_error(self as i32 * STEP + errno)
    }
}
