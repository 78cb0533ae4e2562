//! Files and directories that appear whole or not at all, and input files that are read within
//! bounds.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::Write;
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("new/numbers.txt");
//! files::write_with(&path, |out| (1..=3).try_for_each(|n| writeln!(out, "{n}")))?;
//! assert_eq!(std::fs::read(&path)?, b"1\n2\n3\n");
//!
//! let error = files::read(dir.path()).unwrap_err();
//! assert_eq!(error.to_string(), "not a regular file: it is a directory");
//! # Ok(()) }
//! ```
//!
//! # The parts
//! - [`AtomicFile`] and [`AtomicDir`] are written under a temporary name beside the final one,
//!   synced, and renamed: the operating system replaces a name at once, so whenever the program or
//!   the machine stops, the final name belongs to the old content or to the new. [`write()`] and
//!   [`write_with`] do it in one call.
//!   [`prepare`] stops before the renaming, for files that have to appear together.
//! - [`check_dir`] finds out before a long computation whether its results can be written.
//! - [`open`], [`read`] and [`read_up_to`] read input files: regular ones, within bounds.
//!   [`MappedFile`] maps one into memory, and [`read_exact_at`] reads a part of one.
//! - [`replace_link`], [`move_aside`], [`remove_dir`] and [`remove_unfinished`] are for directories
//!   of checkpoints.
//! - [`Error`] is a file or directory that cannot be written, with its path and the reason.

// The memory map in `mapped_file` is the one exception.
#![deny(unsafe_code)]

mod atomic_dir;
mod atomic_file;
mod directory;
mod early_sync;
mod error;
mod input;
mod mapped_file;
mod odd_numbers;

pub use atomic_dir::{AtomicDir, move_aside, remove_dir, remove_unfinished, replace_link};
pub use atomic_file::{AtomicFile, prepare, write, write_with};
pub use directory::{check_dir, parent_of};
pub use error::{Error, Result};
pub use input::{open, read, read_exact_at, read_up_to};
pub use mapped_file::MappedFile;
pub use odd_numbers::quote_odd_numbers;
