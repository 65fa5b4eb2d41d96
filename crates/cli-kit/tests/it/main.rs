//! A whole program's manners: exit code, stdout and stderr together.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod manners;
