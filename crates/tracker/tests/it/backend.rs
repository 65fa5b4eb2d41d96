//! Tests that run on each database.

use std::cell::Cell;

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// The shared cluster.
    Postgres,
}

thread_local! {
    static CHOSEN: Cell<Backend> = const { Cell::new(Backend::Sqlite) };
}

/// The database that the test on this thread runs on.
pub fn chosen() -> Backend {
    CHOSEN.get()
}

/// Runs a test on PostgreSQL, where it is installed.
pub fn on_postgres(test: fn()) {
    if crate::cluster::shared().is_some() {
        CHOSEN.set(Backend::Postgres);
        test();
    }
}

/// Makes two tests of each function of the file: one a database. A function of the file that is not named would be dead code, which is an
/// error.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(); })*
        }
        mod postgres {
            $(#[test] fn $name() { crate::backend::on_postgres(super::$name); })*
        }
    };
}
pub(crate) use on_both;
