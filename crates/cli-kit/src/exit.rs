use std::process::ExitCode;

/// What a program's exit code says. Scripts rely on these numbers: they never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The work is done and nothing needs attention.
    Clean,
    /// The work is done and there are findings at or above the threshold, or a check failed.
    Findings,
    /// The command line or the configuration is wrong; nothing was done.
    Usage,
    /// The work could not be finished: I/O, network, stale data.
    Incomplete,
    /// There was nothing to do.
    NothingToDo,
    /// The program itself is wrong.
    Bug,
}

impl Exit {
    /// Every exit code, in the order of its number.
    pub const ALL: [Self; 6] = [
        Self::Clean,
        Self::Findings,
        Self::Usage,
        Self::Incomplete,
        Self::NothingToDo,
        Self::Bug,
    ];

    /// The number handed to the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::NothingToDo => 4,
            Self::Bug => 70,
        }
    }

    /// What the number means, for help texts and manuals.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "done, nothing needs attention",
            Self::Findings => "findings at or above the threshold, or a check that failed",
            Self::Usage => "bad usage or configuration",
            Self::Incomplete => "could not finish: I/O, network, stale data",
            Self::NothingToDo => "nothing to do",
            Self::Bug => "a bug in the program",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_documented_ones() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 70]);
    }
}
