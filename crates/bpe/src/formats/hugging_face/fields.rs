//! Fields of a JSON object in their order, whose errors name file and field.

use std::fmt;
use std::path::{Path, PathBuf};
use std::result::Result as StdResult;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::added_tokens::AddedToken;
use crate::error::{Error, Result};
use crate::formats::source::Source;
use crate::formats::text;

/// A JSON object of a file.
#[derive(Default)]
pub(super) struct Fields {
    path: PathBuf,
    list: Vec<(String, Value)>,
}

impl Fields {
    /// Reads a file; `None` if it is missing.
    pub(super) fn read(source: Source, name: &str) -> Result<Option<Fields>> {
        let path = source.path(name);
        let Some(text) = source.read(name)? else { return Ok(None) };
        let list: List = serde_json::from_str(&files::quote_odd_numbers(&text))
            .map_err(|error| text::json_error(&path, &error))?;
        Ok(Some(Fields { path, list: list.0 }))
    }

    /// Returns `true` if there is such a field, with whatever value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|(known, _)| known == name)
    }

    /// Returns the value of a field; `None` if it is missing or null. Of fields of one name the
    /// last counts.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let field = self.list.iter().rfind(|(known, _)| known == name);
        field.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// Returns all fields in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the string in a field; `None` for any other value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns the object in a field.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| self.wrong(name, "an object"))?;
        let list = object.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Some(Fields { path: self.path.clone(), list }))
    }

    /// Returns the token in a field, which is its text or an object that describes it.
    pub(super) fn token(&self, name: &str) -> Result<Option<AddedToken>> {
        self.get(name).map(|value| self.one_token(name, value)).transpose()
    }

    /// Returns the tokens of a list; none if the field holds no list.
    pub(super) fn tokens(&self, name: &str) -> Result<Vec<AddedToken>> {
        let list = self.get(name).and_then(Value::as_array);
        list.into_iter().flatten().map(|value| self.one_token(name, value)).collect()
    }

    fn one_token(&self, name: &str, value: &Value) -> Result<AddedToken> {
        match value {
            Value::String(content) => Ok(AddedToken::special(content)),
            Value::Object(_) => Ok(self.parse::<AddedToken>(value)?.or_special(false)),
            _ => Err(self.wrong(name, "a token")),
        }
    }

    /// Parses a value of this file.
    pub(super) fn parse<T: DeserializeOwned>(&self, value: &Value) -> Result<T> {
        T::deserialize(value).map_err(|error| text::json_error(&self.path, &error))
    }

    /// Returns the error that a field has a wrong value.
    pub(super) fn wrong(&self, name: &str, expected: &str) -> Error {
        let value = self.get(name).unwrap_or(&Value::Null).to_string();
        let value: String = value.chars().take(60).collect();
        let found = format!("{value} in {name:?}");
        Error::file(self.path(), found, expected, "correct the file, or take another one")
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The fields of an object in the order of the file.
struct List(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> StdResult<List, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> StdResult<List, A::Error> {
                let mut list = Vec::new();
                while let Some(field) = map.next_entry()? {
                    list.push(field);
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_map(ListVisitor)
    }
}
