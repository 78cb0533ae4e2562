//! Standard output, where results go.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Writes to standard output and flushes it, so that the text is seen at once.
///
/// # Errors
/// When standard output is closed or cannot be written.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()).context("standard output")
}
