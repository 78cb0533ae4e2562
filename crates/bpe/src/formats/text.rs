//! Texts of files, and errors about them.

use std::path::Path;

use crate::error::{Error, Result};

/// Returns the text of a file, which must be UTF-8.
pub(super) fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| not_utf8(path))
}

/// Returns the error for a file that is not UTF-8.
pub(super) fn not_utf8(path: &Path) -> Error {
    let found = "bytes that are not UTF-8";
    Error::file(path, found, "a tokenizer file", "is this the right directory?")
}

/// Returns the error for text that is not the JSON it should be.
pub(super) fn json_error(path: &Path, error: &serde_json::Error) -> Error {
    Error::file(path, error.to_string(), "a whole JSON file of a tokenizer", "is the file cut off?")
}
