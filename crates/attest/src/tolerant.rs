//! Members of foreign documents: what has another type than the format says is left out, and does not take the rest along.
//!
//! Depth is bounded by `serde_json` (128 levels), the number of elements by [`MAX_ELEMENTS`]: a few bytes of a document must not become
//! many in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most elements of one list.
pub(crate) const MAX_ELEMENTS: usize = 500_000;

/// A text, or a number or truth value as text; `None` for everything else and for an empty text.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(deserializer.deserialize_any(Shape(PhantomData::<Ignored>))?.text())
}

/// A text that may be a point in time; a longer one is none. One time can count for many statements, so that it must be short.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    const LONGEST: usize = 64;
    Ok(text(deserializer)?.filter(|time| time.len() <= LONGEST))
}

/// A list of texts; a single text counts as a list of one, what is no text is left out.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let given: Vec<Given<Ignored>> = list(deserializer)?;
    Ok(given.into_iter().filter_map(Given::text).collect())
}

/// An object.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(deserializer.deserialize_any(Shape(PhantomData::<T>))?.object())
}

/// A list of objects; what is no object is left out.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let given: Vec<Given<T>> = list(deserializer)?;
    Ok(given.into_iter().filter_map(Given::object).collect())
}

/// As [`objects`]; a single object counts as a list of one.
pub(crate) fn objects_or_one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match deserializer.deserialize_any(Shape(PhantomData::<OneOrMore<T>>))? {
        Given::List(items) => items.into_iter().filter_map(Given::object).collect(),
        Given::Object(one) => vec![one],
        Given::Text(_) | Given::Other => Vec::new(),
    })
}

/// [`objects`] as a type: tells an empty list from none.
pub(crate) struct Objects<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        objects(deserializer).map(Self)
    }
}

/// A list of what may be objects or texts (some formats changed from one to the other).
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<Given<T>>, D::Error> {
    match deserializer.deserialize_any(Shape(PhantomData::<List<T>>))? {
        Given::List(items) => Ok(items),
        Given::Text(text) => Ok(vec![Given::Text(text)]),
        Given::Object(_) | Given::Other => Ok(Vec::new()),
    }
}

/// What stands in a place.
#[derive(Debug, Default)]
pub(crate) enum Given<T, L = IgnoredAny> {
    Object(T),
    Text(String),
    List(L),
    #[default]
    Other,
}

impl<T, L> Given<T, L> {
    pub(crate) fn object(self) -> Option<T> {
        match self {
            Given::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<String> {
        match self {
            Given::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape(PhantomData::<T>))
    }
}

/// An object whose members do not matter.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Ignored {}

/// What a place is expected to hold: `Object` as member type, `List` as element type.
trait Expected<'de> {
    type Object;
    type List;

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self::Object, A::Error>;
    fn list<A: SeqAccess<'de>>(seq: A) -> Result<Self::List, A::Error>;
}

impl<'de, T: Deserialize<'de>> Expected<'de> for T {
    type Object = T;
    type List = IgnoredAny;

    fn object<A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<IgnoredAny, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(IgnoredAny)
    }
}

/// Marks a place for a list of `T`.
struct List<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Expected<'de> for List<T> {
    type Object = IgnoredAny;
    type List = Vec<Given<T>>;

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<IgnoredAny, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(IgnoredAny)
    }

    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<Given<T>>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == MAX_ELEMENTS {
                return Err(A::Error::custom(format_args!("more than {MAX_ELEMENTS} elements in a list")));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// Marks a place for a `T` or a list of them.
struct OneOrMore<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Expected<'de> for OneOrMore<T> {
    type Object = T;
    type List = Vec<Given<T>>;

    fn object<A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
        <T as Expected<'de>>::object(map)
    }

    fn list<A: SeqAccess<'de>>(seq: A) -> Result<Vec<Given<T>>, A::Error> {
        <List<T> as Expected<'de>>::list(seq)
    }
}

struct Shape<T>(PhantomData<T>);

impl<'de, T: Expected<'de>> Visitor<'de> for Shape<T> {
    type Value = Given<T::Object, T::List>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Given::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Given::Text(value))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Given::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Given::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Given::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Given::Text(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Given::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::object(map).map(Given::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::list(seq).map(Given::List)
    }
}
