//! Output files that appear whole or not at all: written beside their final name, synced, renamed.
//! Input files that are read whole, within bounds.
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

mod atomic_file;
mod early_sync;
mod input;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

pub use atomic_file::AtomicFile;
pub use input::{LARGEST, open, read};

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file or a directory cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}: {source}", path.display())]
pub struct Error {
    /// The file or directory.
    pub path: PathBuf,
    /// What is wrong with it, or was expected of it.
    pub problem: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

impl Error {
    /// For `map_err`.
    fn new(path: &Path, problem: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error { path: path.to_path_buf(), problem, source }
    }

    /// For `map_err`, when the file itself is what cannot be written.
    fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Error {
        Error::new(path, "cannot be written")
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes))
}

/// Writes what `content` writes to `path`, whole or not at all. When `content` fails, `path` is
/// whatever it was before.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`], and what `content` says.
pub fn write_with(
    path: &Path,
    content: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<()> {
    prepare(path, content)?.commit()
}

/// The same up to [`AtomicFile::commit`]: for files that belong together, of which none is to
/// appear if the disk is too full for another.
///
/// # Errors
/// As for [`AtomicFile::create`], and what `content` and the disk say.
pub fn prepare(
    path: &Path,
    content: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(path)?;
    content(&mut file).and_then(|()| file.flush()).map_err(Error::cannot_write(path))?;
    Ok(file)
}

/// Makes the directory `dir`, if need be, and makes sure that files can be written there: before
/// hours of work, not after them.
///
/// # Errors
/// When they cannot.
pub fn check_dir(dir: &Path) -> Result<()> {
    make_dir(dir)?;
    new_temporary(dir).map(drop)
}

/// Makes the names in `dir` durable, where the operating system can be asked for that.
///
/// # Errors
/// When the disk fails.
pub fn sync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(Error::new(dir, "cannot be synced"))?;
    }
    Ok(())
}

/// The directory that `path` is in.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::new(dir, "cannot be made a directory"))
}

fn new_temporary(dir: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets, as the process's umask applies; the default of temporary files is
        // the owner alone.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir).map_err(Error::new(dir, "files cannot be written there"))
}
