//! Errors of writing.

use std::io;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A file or directory that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}: {source}", path.display())]
pub struct Error {
    /// The file or directory.
    pub path: PathBuf,
    /// The problem, or the expectation that it does not meet.
    pub problem: &'static str,
    /// The operating system's reason.
    pub source: io::Error,
}

impl Error {
    /// Returns a function for `map_err`.
    pub(crate) fn new(path: &Path, problem: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error { path: path.to_path_buf(), problem, source }
    }

    /// Returns a function for `map_err`, when it is the file itself that cannot be written.
    pub(crate) fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Error {
        Error::new(path, "cannot be written")
    }
}
