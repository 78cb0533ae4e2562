//! Directories that files are written into, and temporary names in them.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};

/// The beginning of all temporary names.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Makes the directory `dir` if it is missing, and checks that files can be written there.
///
/// It is called before hours of work, not after them.
///
/// # Errors
/// When they cannot.
pub fn check_dir(dir: &Path) -> Result<()> {
    make_dir(dir)?;
    temporary_file(dir).map(drop)
}

/// Makes the names in `dir` durable, where the operating system offers that.
///
/// # Errors
/// When the disk fails.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(Error::new(dir, "cannot be synced"))?;
    }
    Ok(())
}

/// Returns the directory that `path` is in: `.` for a bare name.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

pub(crate) fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| {
        let error = match error.kind() {
            ErrorKind::AlreadyExists => io::Error::other("it is a file"),
            ErrorKind::NotADirectory => io::Error::other("a part of this path is a file"),
            _ => error,
        };
        Error::new(dir, "cannot be made a directory")(error)
    })
}

pub(crate) fn temporary_file(dir: &Path) -> Result<NamedTempFile> {
    let temporary = temporary(0o666).tempfile_in(dir).map_err(without_path);
    temporary.map_err(Error::new(dir, "files cannot be written there"))
}

/// Returns the operating system's own error, without the temporary name, which nobody knows.
pub(crate) fn without_path(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|wrapped| wrapped.source());
    let code = cause.and_then(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    code.map_or(error, io::Error::from_raw_os_error)
}

/// Returns a builder of temporary names with the permissions that any new file (0o666) or
/// directory (0o777) gets; the process's umask applies. The default of temporary files is the
/// owner alone.
pub(crate) fn temporary(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
