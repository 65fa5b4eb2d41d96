//! The keys of the objects that are being read: one that occurs twice makes a document mean two things.

use std::borrow::Cow;

use super::text::Text;

/// Keys of one object that are compared as they come. Real objects have fewer; what is above is sorted when the object ends, so that
/// an object of a million keys takes no million millions of comparisons.
const FEW: usize = 64;

/// The keys of all open objects, those of the innermost last.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    open: Vec<Text<'a>>,
    /// Where the first key stands that its object had already.
    pub(super) repeated: Option<usize>,
}

/// One object that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    /// Where its keys begin.
    base: usize,
    /// One bit a key, which different keys may share: most keys are known to be new without a look at the others.
    seen: u64,
    /// Whether the keys have to be compared when the object ends.
    late: bool,
}

impl<'a> Keys<'a> {
    /// An object begins.
    pub(super) fn enter(&self) -> Object {
        Object {
            base: self.open.len(),
            seen: 0,
            late: false,
        }
    }

    /// The next key of the innermost object.
    pub(super) fn add(&mut self, object: &mut Object, key: Text<'a>) {
        let others = self.open.get(object.base..).unwrap_or_default();
        if key.escaped || others.len() >= FEW {
            object.late = true;
        } else {
            let bit = bit(key.raw);
            if object.seen & bit != 0 && others.iter().any(|other| other.raw == key.raw) {
                self.repeated.get_or_insert(key.at - 1);
            }
            object.seen |= bit;
        }
        self.open.push(key);
    }

    /// The innermost object ends.
    pub(super) fn leave(&mut self, object: Object) {
        if object.late && self.repeated.is_none() {
            self.repeated = repeated(self.open.get(object.base..).unwrap_or_default());
        }
        self.open.truncate(object.base);
    }
}

/// Where the first key stands that stood before: compared as what they mean, not as they are written.
fn repeated(keys: &[Text<'_>]) -> Option<usize> {
    let mut meant: Vec<(Cow<'_, str>, usize)> = keys
        .iter()
        // A key that cannot be read ended the document before.
        .filter_map(|key| Some((key.decode().ok()?.0, key.at)))
        .collect();
    meant.sort_unstable();
    meant
        .windows(2)
        .filter_map(|pair| match pair {
            [(one, _), (other, at)] if one == other => Some(at - 1),
            _ => None,
        })
        .min()
}

/// From what is at hand without reading the whole key: its ends and its length.
fn bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    let last = bytes.last().copied().unwrap_or_default();
    let mixed = (u64::from(first) | u64::from(last) << 8 | (bytes.len() as u64) << 16).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    1 << (mixed >> 58)
}
