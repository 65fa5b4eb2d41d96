//! Values as bytes, short and quick to read: numbers as LEB128, texts and lists behind their length, variants as one byte.
//!
//! Foreign bytes end in [`Malformed`], whatever they are: nothing is allocated for a length that the bytes behind it do not bear out.

/// The bytes are not what was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What can be packed.
pub(crate) trait Pack: Sized {
    /// Appends the value.
    fn pack(&self, out: &mut Vec<u8>);
    /// Reads it back.
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed>;
}

/// Packs one value.
pub(crate) fn packed<T: Pack>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.pack(&mut out);
    out
}

/// Reads one value that takes up all the bytes.
pub(crate) fn unpacked<T: Pack>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut from = Unpacker(bytes);
    let value = T::unpack(&mut from)?;
    if from.0.is_empty() { Ok(value) } else { Err(Malformed) }
}

/// Bytes that are being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpacker<'a>(pub &'a [u8]);

impl<'a> Unpacker<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// Bytes behind their length.
    pub(crate) fn run(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.bytes(len)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.run()?).map_err(|_| Malformed)
    }
}

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn put_run(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

impl Pack for String {
    fn pack(&self, out: &mut Vec<u8>) {
        put_run(out, self.as_bytes());
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.text().map(str::to_owned)
    }
}

impl Pack for Box<str> {
    fn pack(&self, out: &mut Vec<u8>) {
        put_run(out, self.as_bytes());
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.text().map(Into::into)
    }
}

impl Pack for u64 {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, *self);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.number()
    }
}

impl Pack for u32 {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, u64::from(*self));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.number()?.try_into().map_err(|_| Malformed)
    }
}

/// Seconds since 1970; times before are not needed.
impl Pack for i64 {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, (*self).max(0) as u64);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.number()?.try_into().map_err(|_| Malformed)
    }
}

impl Pack for f32 {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let bytes = from.bytes(4)?.try_into().map_err(|_| Malformed)?;
        Some(f32::from_le_bytes(bytes)).filter(|f| f.is_finite()).ok_or(Malformed)
    }
}

impl Pack for bool {
    fn pack(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Pack for [u8; 32] {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        from.bytes(32)?.try_into().map_err(|_| Malformed)
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        bool::unpack(from)?.then(|| T::unpack(from)).transpose()
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.len() as u64);
        self.iter().for_each(|item| item.pack(out));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(from.number()?).map_err(|_| Malformed)?;
        // Every item takes at least one byte.
        if count > from.0.len() {
            return Err(Malformed);
        }
        let mut items = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            items.push(T::unpack(from)?);
        }
        Ok(items)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
        self.1.pack(out);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        Ok((A::unpack(from)?, B::unpack(from)?))
    }
}

/// Packs the named fields in that order; `..` gives the others their defaults.
macro_rules! record {
    ($type:ty { $($field:ident),* $(,)? } $(.. $default:expr)?) => {
        impl $crate::snapshot::pack::Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                $( self.$field.pack(out); )*
            }
            fn unpack(from: &mut $crate::snapshot::pack::Unpacker<'_>) -> Result<Self, $crate::snapshot::pack::Malformed> {
                Ok(Self { $( $field: $crate::snapshot::pack::Pack::unpack(from)?, )* $(..$default)? })
            }
        }
    };
}
pub(crate) use record;

/// Packs variants without values as their place in the list.
macro_rules! choice {
    ($type:ty [ $($variant:ident),* $(,)? ]) => {
        impl $crate::snapshot::pack::Pack for $type {
            fn pack(&self, out: &mut Vec<u8>) {
                let all = [ $( Self::$variant ),* ];
                out.push(all.iter().position(|one| one == self).map_or(u8::MAX, |n| n as u8));
            }
            fn unpack(from: &mut $crate::snapshot::pack::Unpacker<'_>) -> Result<Self, $crate::snapshot::pack::Malformed> {
                let all = [ $( Self::$variant ),* ];
                all.get(usize::from(from.byte()?)).copied().ok_or($crate::snapshot::pack::Malformed)
            }
        }
    };
}
pub(crate) use choice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            assert_eq!(unpacked(&packed(&number)), Ok(number));
        }
        assert_eq!(unpacked::<u64>(&[0xff; 10]), Err(Malformed), "more than 64 bits");
        assert_eq!(unpacked::<u32>(&packed(&(1u64 << 32))), Err(Malformed));
        assert_eq!(unpacked::<u64>(&[0x80]), Err(Malformed));
    }

    #[test]
    fn security_lengths_are_borne_out_before_anything_is_allocated() {
        let mut huge = Vec::new();
        put_number(&mut huge, u64::MAX >> 1);
        assert_eq!(unpacked::<String>(&huge), Err(Malformed));
        assert_eq!(unpacked::<Vec<String>>(&huge), Err(Malformed));
        assert_eq!(unpacked::<Vec<Vec<u64>>>(&[200, 1]), Err(Malformed));
    }

    #[test]
    fn what_is_left_over_is_an_error() {
        assert_eq!(unpacked::<bool>(&[1, 0]), Err(Malformed));
        assert_eq!(unpacked::<bool>(&[2]), Err(Malformed));
        assert_eq!(unpacked::<String>(&[1, 0xff]), Err(Malformed));
        assert_eq!(unpacked::<f32>(&f32::NAN.to_le_bytes()), Err(Malformed));
        assert_eq!(
            unpacked(&packed(&vec![Some(("a".to_owned(), 1.5f32)), None])),
            Ok(vec![Some(("a".to_owned(), 1.5f32)), None])
        );
    }
}
