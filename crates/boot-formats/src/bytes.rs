//! Little-endian integers at offsets that may be anywhere.

/// `len` bytes from `at`, if they are there.
pub fn slice(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(len)?)
}

pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    slice(bytes, at, N)?.try_into().ok()
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A u32 as an offset or a size.
pub fn usize_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, at)?).ok()
}

/// Overwrites bytes; false if they are not all there.
#[must_use]
pub fn put(bytes: &mut [u8], at: usize, new: &[u8]) -> bool {
    let place = at.checked_add(new.len()).and_then(|end| bytes.get_mut(at..end));
    place.is_some_and(|place| {
        place.copy_from_slice(new);
        true
    })
}

/// The next multiple of `to`, which is a power of two.
pub fn align(n: usize, to: usize) -> Option<usize> {
    Some(n.checked_add(to.checked_sub(1)?)? & !(to - 1))
}
