//! Texts to train on.

use std::path::PathBuf;

use anyhow::{Context, Error, Result, anyhow};

use crate::data::text_input::{TextInput, is_stdin};
use crate::shell::exit::usage;

/// Opens all texts before the work begins, so that a missing one is reported at once.
pub(super) fn open_all(paths: &[PathBuf]) -> Result<Vec<TextInput>> {
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(usage("--dataset: - was given twice, but there is one standard input"));
    }
    let open = |path: &PathBuf| {
        let text = TextInput::open(path)?;
        if text.is_empty() {
            return Err(is_empty(&text));
        }
        Ok(text)
    };
    paths.iter().map(|path| open(path).context("--dataset")).collect()
}

/// Returns the error about a text without any bytes.
pub(super) fn is_empty(text: &TextInput) -> Error {
    anyhow!("{}: is empty, expected text to learn tokens from; give another file", text.name())
}
