//! The errors of this crate, as values. A message is one line that names what was found, what was
//! expected and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can fail in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] files::Error),
    /// The operating system refused to read `path`.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// `path` was read, but holds no tokenizer.
    #[error("{}: found {found}, expected {expected}; {hint}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The content.
        found: String,
        /// The content that it should have.
        expected: String,
        /// The remedy.
        hint: String,
    },
    /// Tokens, special tokens and merges that do not make a vocabulary.
    #[error("found {found}, expected {expected}")]
    Vocab {
        /// The list at fault.
        list: VocabList,
        /// The given value.
        found: String,
        /// The property of vocabularies that it lacks.
        expected: String,
    },
    /// A vocabulary size without room for the bytes and the special tokens.
    #[error(
        "vocabulary size {vocab_size} is too small: 256 bytes and {special_tokens} special tokens \
         need at least {}; give a larger one",
        256 + special_tokens
    )]
    VocabSizeTooSmall {
        /// The given size.
        vocab_size: usize,
        /// The number of special tokens.
        special_tokens: usize,
    },
    /// A pattern that is no regular expression, or one that engines would read differently.
    #[error("pattern {pattern:?}: {message}")]
    Pattern {
        /// The given pattern.
        pattern: String,
        /// The construct at fault, and a remedy, on one line.
        message: String,
    },
    /// A custom pattern that gave up on a text, because it backtracked for too long.
    #[error(
        "pattern {pattern:?} failed on a text of {text_len} bytes: {message}; give a simpler \
         pattern"
    )]
    PatternRun {
        /// The regular expression.
        pattern: String,
        /// Length in bytes of the text between two special tokens that it was run on.
        text_len: usize,
        /// The message of the regular expression engine, on one line.
        message: String,
    },
    /// A tokenizer that a file format cannot express.
    #[error("found {found}, expected {expected}")]
    Unsupported {
        /// The property of the tokenizer.
        found: String,
        /// The properties that the format can express.
        expected: &'static str,
    },
    /// An id that names no token.
    #[error(
        "token id {id} is not in the vocabulary of {vocab_size} tokens; were these ids made by \
         another tokenizer?"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// The number of tokens. All ids are below it.
        vocab_size: usize,
    },
    /// More than memory or the types of counters allow.
    #[error("{what}: found {found}, expected at most {most}")]
    TooLarge {
        /// The thing that is too large.
        what: &'static str,
        /// Its size.
        found: String,
        /// The largest size that is possible, and a remedy.
        most: String,
    },
    /// A callback that is told of the progress asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// Reading the text or writing the ids failed. The caller knows the file.
    #[error(transparent)]
    Stream(#[from] io::Error),
}

/// The lists that a vocabulary is made of, in [`Error::Vocab`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VocabList {
    /// The tokens, special ones among them.
    Tokens,
    /// The merges.
    Merges,
}

impl Error {
    /// Returns a function for `map_err` that makes an [`Error::Io`] about `path`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// Makes an [`Error::File`].
    pub(crate) fn file(
        path: &Path,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Error {
        let (found, expected, hint) = (found.into(), expected.into(), hint.into());
        Error::File { path: path.to_path_buf(), found, expected, hint }
    }

    /// Makes an [`Error::Vocab`] about tokens.
    pub(crate) fn tokens(found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Vocab { list: VocabList::Tokens, found: found.into(), expected: expected.into() }
    }

    /// Makes an [`Error::Vocab`] about merges.
    pub(crate) fn merges(found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Vocab { list: VocabList::Merges, found: found.into(), expected: expected.into() }
    }

    /// Turns an [`Error::Vocab`] into an [`Error::File`] about the file that holds the tokens or
    /// the merges.
    pub(crate) fn in_files(self, tokens: &Path, merges: &Path) -> Error {
        let Error::Vocab { list, found, expected } = self else { return self };
        let path = if list == VocabList::Tokens { tokens } else { merges };
        Error::file(path, found, expected, "the file is damaged or belongs to another tokenizer")
    }
}

/// Returns `message` with every run of white space, line breaks among them, as one space.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Formats bytes for an error message: quoted, escaped, and cut off when long.
pub(crate) fn show(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    let cut = &bytes[..bytes.len().min(MOST)];
    let dots = if bytes.len() > MOST { "…" } else { "" };
    format!("\"{}{dots}\"", cut.escape_ascii())
}
