//! Values that are one of a few names, on the command line and in files.

use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Deserializer, Serializer, de};

/// Returns a parser of a flag whose value is the name of one of `all`.
///
/// # Panics
/// The parser panics if the names of `all` change between calls.
pub fn parser<T>(all: &'static [T]) -> impl TypedValueParser<Value = T>
where
    T: Display + Clone + Send + Sync,
{
    let names = PossibleValuesParser::new(all.iter().map(T::to_string));
    names.try_map(|name| {
        all.iter().find(|value| value.to_string() == name).cloned().ok_or("an unknown name")
    })
}

/// Serializes a value as its name; for `#[serde(with = "choice")]`.
///
/// # Errors
/// When the serializer fails.
pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Deserializes a value from its name; for `#[serde(with = "choice")]`.
///
/// # Errors
/// When no value has the name.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
