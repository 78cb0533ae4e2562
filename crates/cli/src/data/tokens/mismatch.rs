//! Differences between a file and a token file.

/// A difference between a file and what a token file holds in that place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found}, expected {expected}; make token files with encode")]
pub struct Mismatch {
    /// The content of the file.
    pub found: String,
    /// The content of a token file.
    pub expected: String,
}

impl Mismatch {
    /// Creates a mismatch.
    pub fn new(found: impl Into<String>, expected: impl Into<String>) -> Mismatch {
        Mismatch { found: found.into(), expected: expected.into() }
    }
}
