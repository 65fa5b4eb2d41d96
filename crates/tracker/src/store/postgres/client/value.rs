//! Values as they travel to the server: in the binary format of the column that they are for.

use std::borrow::Cow;

/// A value. The schema knows four types of columns: BIGINT, DOUBLE PRECISION, TEXT, BYTEA.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Of any type.
    Null,
    /// BOOLEAN
    Bool(bool),
    /// BIGINT
    Int(i64),
    /// DOUBLE PRECISION
    Real(f64),
    /// TEXT
    Text(Cow<'a, str>),
    /// BYTEA
    Bytes(Cow<'a, [u8]>),
    /// BIGINT[]
    Ints(Cow<'a, [i64]>),
    /// TEXT[]
    Texts(Vec<Cow<'a, str>>),
    /// BYTEA[]
    Blobs(Vec<&'a [u8]>),
}

/// OIDs of the types of elements, as an array states them.
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const TEXT: u32 = 25;

impl Value<'_> {
    /// Appends length and bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend((-1_i32).to_be_bytes()),
            Value::Bool(v) => sized(out, &[u8::from(*v)]),
            Value::Int(v) => sized(out, &v.to_be_bytes()),
            Value::Real(v) => sized(out, &v.to_be_bytes()),
            Value::Text(v) => sized(out, storable(v).as_bytes()),
            Value::Bytes(v) => sized(out, v),
            Value::Ints(v) => array(out, INT8, v.len(), v.iter().map(|i| i.to_be_bytes())),
            Value::Texts(v) => array(out, TEXT, v.len(), v.iter().map(|t| storable(t).into_owned())),
            Value::Blobs(v) => array(out, BYTEA, v.len(), v.iter()),
        }
    }
}

/// PostgreSQL's text holds every character but the zero one.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

/// One dimension, no NULLs, first index 1.
fn array<T: AsRef<[u8]>>(out: &mut Vec<u8>, element: u32, len: usize, items: impl Iterator<Item = T>) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(u32::from(len > 0).to_be_bytes());
    out.extend(0_u32.to_be_bytes());
    out.extend(element.to_be_bytes());
    if len > 0 {
        out.extend(u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(1_u32.to_be_bytes());
    }
    for item in items {
        sized(out, item.as_ref());
    }
    let size = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&size.to_be_bytes());
    }
}

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Value::Int(v)
    }
}

impl From<u64> for Value<'_> {
    fn from(v: u64) -> Self {
        Value::Int(v as i64)
    }
}

impl From<usize> for Value<'_> {
    fn from(v: usize) -> Self {
        Value::Int(v as i64)
    }
}

impl From<f64> for Value<'_> {
    fn from(v: f64) -> Self {
        Value::Real(v)
    }
}

impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Value::Bool(v)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Value::Text(Cow::Borrowed(v))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Value::Text(Cow::Borrowed(v))
    }
}

impl From<String> for Value<'_> {
    fn from(v: String) -> Self {
        Value::Text(Cow::Owned(v))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(v: &'a [u8]) -> Self {
        Value::Bytes(Cow::Borrowed(v))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(v: &'a Vec<u8>) -> Self {
        Value::Bytes(Cow::Borrowed(v))
    }
}

impl<'a> From<&'a [u8; 32]> for Value<'a> {
    fn from(v: &'a [u8; 32]) -> Self {
        Value::Bytes(Cow::Borrowed(v))
    }
}

impl<'a> From<&'a [i64]> for Value<'a> {
    fn from(v: &'a [i64]) -> Self {
        Value::Ints(Cow::Borrowed(v))
    }
}

impl From<Vec<i64>> for Value<'_> {
    fn from(v: Vec<i64>) -> Self {
        Value::Ints(Cow::Owned(v))
    }
}

impl<'a> FromIterator<&'a str> for Value<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(items: I) -> Self {
        Value::Texts(items.into_iter().map(Cow::Borrowed).collect())
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Value::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        value.write(&mut out);
        out
    }

    #[test]
    fn values_are_sized() {
        assert_eq!(written(Value::Null), [255; 4]);
        assert_eq!(written(7_i64.into()), [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(written("a\0b".into()), ["\0\0\0\u{5}a".as_bytes(), "\u{fffd}b".as_bytes()].concat());
        let array = written(Value::from(vec![1, 2]));
        assert_eq!(array.len(), 4 + 20 + 2 * 12);
        assert_eq!(array[..4], [0, 0, 0, 44]);
        assert_eq!(written(Value::from(Vec::new())), [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20]);
    }
}
