//! Release lines in a snapshot.

use super::{Line, Lines};
use crate::snapshot::pack::record;

record!(Lines { lines, apart, parallel });
record!(Line {
    prefix,
    records,
    later,
    known
});
