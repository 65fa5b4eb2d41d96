//! Columns that hold more than a number or a text.

use rusqlite::types::Type;
use rusqlite::{Error, Row};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::{Deserialize, de::DeserializeOwned};

/// A column that holds the name of one of our enums.
pub fn named<'de, T: Deserialize<'de>>(row: &Row<'_>, column: usize) -> Result<T, Error> {
    let text = row.get_ref(column)?.as_str()?;
    let text: String = text.to_owned();
    let name: StrDeserializer<'_, NameError> = text.as_str().into_deserializer();
    T::deserialize(name).map_err(|e| Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}

/// A column that holds JSON; `None` where it is NULL.
pub fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>, Error> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|e| Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}

/// A count; a negative one cannot be stored by us and reads as 0.
pub fn count(row: &Row<'_>, column: usize) -> Result<u64, Error> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
