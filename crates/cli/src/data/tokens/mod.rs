//! Token files: one-dimensional little-endian `.npy` of type `uint16` or `uint32`, as NumPy writes
//! and maps them.
//!
//! A file is a header and the ids. The header: `\x93NUMPY`, major and minor version, the length of
//! what follows (two bytes in version 1, four in later ones), and a Python dictionary like
//! `{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }`, padded with spaces and a line end
//! to a multiple of 64. (NumPy's documentation of `numpy.lib.format`)

mod header;
mod reader;
mod writer;

use std::io;
use std::path::PathBuf;

pub use reader::TokenFile;
pub use writer::{Token, TokenWriter};

/// How an id is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `uint16`
    U16,
    /// `uint32`
    U32,
}

impl TokenType {
    /// The smaller of the types that hold every id of a vocabulary of this size.
    pub fn for_vocab_size(vocab_size: usize) -> TokenType {
        if vocab_size <= 1 << 16 { TokenType::U16 } else { TokenType::U32 }
    }

    /// Bytes an id.
    pub fn size(self) -> usize {
        match self {
            TokenType::U16 => 2,
            TokenType::U32 => 4,
        }
    }

    /// NumPy's name, byte order included.
    pub fn descr(self) -> &'static str {
        match self {
            TokenType::U16 => "<u2",
            TokenType::U32 => "<u4",
        }
    }
}

/// Why a token file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It holds something else than tokens.
    #[error(
        "{}: found {found}, expected {expected}; make token files with encode",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
}
