//! Files of text, and errors about them.

use std::path::Path;

use crate::error::{Error, Result};

/// Reads a file that is not too large and is UTF-8.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = files::read(path).map_err(Error::io(path))?;
    String::from_utf8(bytes).map_err(|_| {
        let found = "bytes that are not UTF-8";
        Error::file(path, found, "a tokenizer file", "is this the right directory?")
    })
}

/// Returns the error for text that is not the JSON it should be.
pub(super) fn json_error(path: &Path, error: &serde_json::Error) -> Error {
    Error::file(path, error.to_string(), "a whole JSON file of a tokenizer", "is the file cut off?")
}
