//! Token files: one-dimensional little-endian `.npy` of type `uint16` or `uint32`, as NumPy writes
//! and maps them.
//!
//! A file is a header and the ids. The header: `\x93NUMPY`, major and minor version, the length of
//! the rest (two bytes in version 1, four in later ones), and a Python dictionary like
//! `{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }`, padded with spaces and a line end
//! to a multiple of 64. (NumPy's documentation of `numpy.lib.format`)
//!
//! Beside a file that `encode` wrote lies a [`sidecar`](sidecar::Sidecar) that says what made it.

mod header;
mod mismatch;
mod reader;
pub mod sidecar;
mod token_type;
mod writer;

pub use mismatch::Mismatch;
pub use reader::TokenFile;
pub use token_type::TokenType;
pub use writer::TokenWriter;
