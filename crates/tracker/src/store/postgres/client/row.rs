//! Rows as the server sends them, in binary.

use std::ops::Range;

use super::Error;

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row {
    bytes: Vec<u8>,
    columns: Vec<Option<Range<usize>>>,
}

/// What a column can be read as.
pub trait Column<'a>: Sized {
    /// Reads the bytes of a column; `None` is NULL.
    fn read(bytes: Option<&'a [u8]>) -> Option<Self>;
}

impl Row {
    /// Reads the body of a `DataRow`.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let (count, mut rest) = body.split_first_chunk::<2>()?;
        let mut columns = Vec::new();
        let mut at = 2_usize;
        for _ in 0..u16::from_be_bytes(*count) {
            let (len, after) = rest.split_first_chunk::<4>()?;
            let len = i32::from_be_bytes(*len);
            at += 4;
            rest = after;
            columns.push(match usize::try_from(len) {
                Ok(len) => {
                    rest = rest.get(len..)?;
                    at += len;
                    Some(at - len..at)
                }
                Err(_) => None,
            });
        }
        Some(Self {
            bytes: body.to_vec(),
            columns,
        })
    }

    /// The value of a column.
    pub fn get<'a, T: Column<'a>>(&'a self, column: usize) -> Result<T, Error> {
        let place = self.columns.get(column);
        let bytes = place.and_then(|range| range.as_ref().and_then(|range| self.bytes.get(range.clone())));
        place
            .and_then(|_| T::read(bytes))
            .ok_or_else(|| Error::Protocol(format!("column {column} of a row has another type than expected")))
    }

    /// Reads each column as every type; which of them it is does not matter.
    pub(super) fn read_all(&self) {
        for column in 0..self.len() {
            let _ = (self.get::<i64>(column), self.get::<u64>(column), self.get::<bool>(column));
            let _ = (self.get::<f64>(column), self.get::<f32>(column), self.get::<Option<String>>(column));
            let _ = self.get::<Option<&[u8]>>(column);
        }
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns.len()
    }
}

impl<'a> Column<'a> for i64 {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        let bytes = bytes?;
        match *bytes {
            [a, b, c, d] => Some(i32::from_be_bytes([a, b, c, d]).into()),
            _ => bytes.try_into().ok().map(i64::from_be_bytes),
        }
    }
}

impl<'a> Column<'a> for u64 {
    /// A count; a negative one cannot be stored by us and reads as 0.
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        i64::read(bytes).map(|v| u64::try_from(v).unwrap_or(0))
    }
}

impl<'a> Column<'a> for bool {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        match bytes? {
            [v] => Some(*v != 0),
            _ => None,
        }
    }
}

impl<'a> Column<'a> for f64 {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        bytes?.try_into().ok().map(f64::from_be_bytes)
    }
}

impl<'a> Column<'a> for f32 {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        f64::read(bytes).map(|v| v as f32)
    }
}

impl<'a> Column<'a> for &'a str {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        std::str::from_utf8(bytes?).ok()
    }
}

impl<'a> Column<'a> for String {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        <&str>::read(bytes).map(str::to_owned)
    }
}

impl<'a> Column<'a> for &'a [u8] {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        bytes
    }
}

impl<'a> Column<'a> for Vec<u8> {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        bytes.map(<[u8]>::to_vec)
    }
}

impl<'a, T: Column<'a>> Column<'a> for Option<T> {
    fn read(bytes: Option<&'a [u8]>) -> Option<Self> {
        match bytes {
            None => Some(None),
            some => T::read(some).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_by_type() {
        let body = [
            &[0, 4, 0, 0, 0, 8],
            5_i64.to_be_bytes().as_slice(),
            &[255, 255, 255, 255, 0, 0, 0, 2, b'h', b'i', 0, 0, 0, 4, 0, 0, 0, 9],
        ]
        .concat();
        let row = Row::parse(&body).unwrap();
        assert_eq!((row.get::<i64>(0).unwrap(), row.get::<Option<i64>>(1).unwrap()), (5, None));
        assert_eq!((row.get::<&str>(2).unwrap(), row.get::<i64>(3).unwrap()), ("hi", 9));
        assert!(row.get::<i64>(1).is_err() && row.get::<f64>(2).is_err() && row.get::<Option<i64>>(4).is_err());
        for cut in 0..body.len() {
            assert!(Row::parse(&body[..cut]).is_none(), "{cut}");
        }
    }
}
