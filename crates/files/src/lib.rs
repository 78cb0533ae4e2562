//! Files and directories that appear whole or not at all, and input files that are read within
//! bounds.
//!
//! An [`AtomicFile`] or [`AtomicDir`] is written under a temporary name beside its final one,
//! synced, and renamed: the operating system replaces a name at once, so whenever the program or
//! the machine stops, the final name belongs to the old content or to the new. Everything that this
//! workspace writes and later reads again goes through them.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::Write;
//! # let dir = tempfile::tempdir()?;
//! let path = dir.path().join("new/numbers.txt");
//! files::write_with(&path, |out| (1..=3).try_for_each(|n| writeln!(out, "{n}")))?;
//! assert_eq!(std::fs::read(&path)?, b"1\n2\n3\n");
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod atomic_dir;
mod atomic_file;
mod directory;
mod early_sync;
mod error;
mod input;
mod odd_numbers;

pub use atomic_dir::{AtomicDir, move_aside, remove_dir, remove_unfinished, replace_link};
pub use atomic_file::{AtomicFile, prepare, write, write_with};
pub use directory::{check_dir, parent_of};
pub use error::{Error, Result};
pub use input::{open, read, read_up_to};
pub use odd_numbers::quote_odd_numbers;
