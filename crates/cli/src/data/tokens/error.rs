//! Reasons why a token file cannot be read.

use std::io;
use std::path::PathBuf;

/// A token file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The operating system reports an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file is not a token file, or is damaged.
    #[error("{}: {mismatch}; make token files with encode", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The first difference from a token file.
        mismatch: Mismatch,
    },
}

/// A difference between a file and what a token file holds in that place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found}, expected {expected}")]
pub struct Mismatch {
    /// The content of the file.
    pub found: String,
    /// The content of a token file.
    pub expected: String,
}

impl Mismatch {
    pub(super) fn new(found: impl Into<String>, expected: impl Into<String>) -> Mismatch {
        Mismatch { found: found.into(), expected: expected.into() }
    }
}
