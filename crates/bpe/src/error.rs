//! Everything that can go wrong with a file, a flag or a text, as values: what was looked at, what
//! was found there, what was expected and what to do. Each message is one line.

use std::io;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can fail in this crate.
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
        /// What the operating system said.
        source: io::Error,
    },
    /// `path` was read, and holds something else than a tokenizer.
    #[error("{}: found {found}, expected {expected}; {hint}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// Tokens and special tokens that do not make a vocabulary.
    #[error("found {found}, expected {expected}")]
    Vocab {
        /// What was given.
        found: String,
        /// What a vocabulary has.
        expected: String,
    },
    /// Merges that do not belong to the tokens of a vocabulary.
    #[error("found {found}, expected {expected}")]
    Merges {
        /// What was given.
        found: String,
        /// What a vocabulary has.
        expected: String,
    },
    /// A vocabulary size without room for the bytes and the special tokens.
    #[error(
        "vocabulary size {vocab_size} is too small: 256 bytes and {special_tokens} special tokens need at least {}; \
         give a larger one",
        256 + special_tokens
    )]
    VocabSizeTooSmall {
        /// The size asked for.
        vocab_size: usize,
        /// How many special tokens there are.
        special_tokens: usize,
    },
    /// A pattern that is no regular expression.
    #[error("pattern {pattern:?}: {message}; give gpt2, gpt4 or a regular expression")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What the regular expression parser said, on one line.
        message: String,
    },
    /// A custom pattern that gave up on a text, because it backtracked for too long.
    #[error(
        "pattern {pattern:?} failed on a text of {text_len} bytes: {message}; give a simpler pattern"
    )]
    PatternRun {
        /// The regular expression.
        pattern: String,
        /// Length in bytes of the text between two special tokens that it was run on.
        text_len: usize,
        /// What the regular expression engine said, on one line.
        message: String,
    },
    /// A pattern that llama.cpp cannot be told of.
    #[error(
        "the tokenizer's pattern {pattern:?}{} is none that llama.cpp knows; expected gpt2, gpt4, or gpt4 with pre-tokens \
         that are tokens left whole",
        if *whole { " with pre-tokens that are tokens left whole" } else { "" }
    )]
    NotInGguf {
        /// Its name, or the regular expression.
        pattern: String,
        /// Whether a pre-token that is a token stays one, whatever the merges say.
        whole: bool,
    },
    /// An id that names no token.
    #[error(
        "token id {id} is not in the vocabulary of {vocab_size} tokens; were these ids made by another tokenizer?"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// The number of tokens; ids are below it.
        vocab_size: usize,
    },
    /// More than memory or the types that count allow.
    #[error("{what}: found {found}, expected at most {most}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: String,
        /// How much there may be, and what to do.
        most: String,
    },
    /// Whoever was told of the progress asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// Reading the text or writing the ids failed; the caller knows which file that was.
    #[error(transparent)]
    Stream(#[from] io::Error),
}

impl Error {
    /// An [`Error::Io`] about `path`, for `map_err`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// An [`Error::Vocab`].
    pub(crate) fn vocab(found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Vocab { found: found.into(), expected: expected.into() }
    }

    /// An [`Error::File`].
    pub(crate) fn file(
        path: &Path,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Error {
        let (found, expected, hint) = (found.into(), expected.into(), hint.into());
        Error::File { path: path.to_path_buf(), found, expected, hint }
    }

    /// An [`Error::Merges`].
    pub(crate) fn merges(found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Merges { found: found.into(), expected: expected.into() }
    }

    /// The same error, told about the one file that the vocabulary came from or goes to.
    pub(crate) fn in_file(self, path: &Path) -> Error {
        self.in_files(path, path)
    }

    /// The same error, told about the files that the tokens and the merges of a vocabulary came
    /// from.
    pub(crate) fn in_files(self, tokens: &Path, merges: &Path) -> Error {
        let (path, found, expected) = match self {
            Error::Vocab { found, expected } => (tokens, found, expected),
            Error::Merges { found, expected } => (merges, found, expected),
            other => return other,
        };
        Error::file(path, found, expected, "the file is damaged or belongs to another tokenizer")
    }
}

/// `message` with every run of white space, line breaks among them, as one space.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Bytes for an error message: quoted, escaped and cut off when long.
pub(crate) fn show(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    let cut = &bytes[..bytes.len().min(MOST)];
    let dots = if bytes.len() > MOST { "…" } else { "" };
    format!("\"{}{dots}\"", cut.escape_ascii())
}
