//! The lock of a run directory: one process at a time works on a run.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Result, bail};

/// A lock that keeps other processes from training in a directory while it lives. It is on the
/// directory itself, adds no file, and ends with the process.
#[derive(Debug)]
pub struct RunLock {
    _directory: Option<File>,
}

impl RunLock {
    /// Locks the run directory `dir`, where the system can lock directories.
    ///
    /// # Errors
    /// When another process trains there.
    pub fn take(dir: &Path) -> Result<RunLock> {
        // Windows opens no directories.
        let Ok(directory) = File::open(dir) else { return Ok(RunLock { _directory: None }) };
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another train-model is at work there; wait for it to end, or give another \
                 --checkpoint-dir",
                dir.display()
            ),
            Err(TryLockError::Error(error)) => log::debug!("{}: no lock: {error}", dir.display()),
        }
        Ok(RunLock { _directory: Some(directory) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_once_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = RunLock::take(dir.path()).unwrap();
        let error = RunLock::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another train-model"), "{error}");
        drop(first);
        assert!(RunLock::take(dir.path()).is_ok());
    }
}
