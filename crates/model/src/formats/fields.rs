//! Fields of a JSON file, whose errors name the field.

use super::error::{LoadError, LoadErrorKind};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The longest JSON file that is read; an index of weights has about 100 bytes per tensor.
const MAX_JSON_BYTES: u64 = 1 << 24;

/// A JSON object and the file that it is from.
pub(crate) struct Fields {
    path: PathBuf,
    map: Map<String, Value>,
}

impl Fields {
    /// Reads a file of one JSON object.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let json = files::read_up_to(path, MAX_JSON_BYTES)
            .map_err(|cause| LoadErrorKind::Io(cause).at(path))?;
        let malformed = |cause: String| {
            let found = format!("{cause}; if it is cut off or damaged, copy it again");
            LoadErrorKind::Malformed { expected: "a JSON object", found }.at(path)
        };
        let json = String::from_utf8(json).map_err(|cause| malformed(cause.to_string()))?;
        let map = serde_json::from_str(&files::quote_odd_numbers(&json))
            .map_err(|cause| malformed(cause.to_string()))?;
        Ok(Self { path: path.to_path_buf(), map })
    }

    /// Returns the value of a field; `None` if it is missing or null.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// Returns the object in a field, with the same path.
    pub(crate) fn object(&self, field: &str) -> Result<Option<Self>, LoadError> {
        self.typed(field, "an object", |value| value.as_object().cloned())
            .map(|map| map.map(|map| Self { path: self.path.clone(), map }))
    }

    /// Returns all fields and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn size(&self, field: &str) -> Result<Option<usize>, LoadError> {
        self.typed(field, "a whole number", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn number(&self, field: &str) -> Result<Option<f64>, LoadError> {
        self.typed(field, "a number", Value::as_f64)
    }

    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, LoadError> {
        self.typed(field, "true or false", Value::as_bool)
    }

    pub(crate) fn text(&self, field: &str) -> Result<Option<String>, LoadError> {
        self.typed(field, "a string", |value| value.as_str().map(str::to_string))
    }

    /// Returns the ids in a field that has one token id or a list of them. Those that are not below
    /// `vocab_size` name no token: they are left out, and the log says so.
    pub(crate) fn token_ids(
        &self,
        field: &str,
        vocab_size: usize,
    ) -> Result<Option<Vec<u32>>, LoadError> {
        let ids = self.typed(field, "a token id or a list of them", |value| {
            let ids = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            ids.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>()
        })?;
        let is_token = |id: &i64| u64::try_from(*id).is_ok_and(|id| id < vocab_size as u64);
        for id in ids.iter().flatten().filter(|id| !is_token(id)) {
            log::warn!(
                "{}: `{field}` {id} is left out: the vocabulary has {vocab_size} tokens",
                self.path.display()
            );
        }
        let tokens = |ids: Vec<i64>| ids.into_iter().filter(is_token).map(|id| id as u32).collect();
        Ok(ids.map(tokens))
    }

    /// Returns the value of a field that must not be missing.
    pub(crate) fn required<T>(&self, field: &str, value: Option<T>) -> Result<T, LoadError> {
        value.ok_or_else(|| self.wrong(field, "a value"))
    }

    fn typed<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(field, expected))
    }

    /// Returns the error that `field` has an invalid value.
    pub(crate) fn wrong(&self, field: &str, expected: impl ToString) -> LoadError {
        let (found, expected) = (self.shown(field), expected.to_string());
        LoadErrorKind::Field { field: field.into(), found, expected }.at(&self.path)
    }

    /// Checks that the request in `field` is `supported`. The error has the unsupported feature,
    /// `what`, with its verb, and the supported alternative, `hint`.
    pub(crate) fn check(
        &self,
        supported: bool,
        field: &str,
        what: &'static str,
        hint: &'static str,
    ) -> Result<(), LoadError> {
        if supported {
            return Ok(());
        }
        let found = self.shown(field);
        Err(LoadErrorKind::Unsupported { what, field: field.into(), found, hint }.at(&self.path))
    }

    /// Returns the value of a field as it is in the file, cut if it is long.
    fn shown(&self, field: &str) -> String {
        const LONGEST: usize = 60;
        let Some(value) = self.map.get(field) else { return "missing".to_string() };
        let value = value.to_string();
        if value.chars().count() <= LONGEST {
            return value;
        }
        value.chars().take(LONGEST).chain("…".chars()).collect()
    }
}
