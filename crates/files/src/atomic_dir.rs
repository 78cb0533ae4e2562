//! Directories that are filled beside their final name, synced and renamed.

use std::fs;
use std::io::{self, ErrorKind};
#[cfg(unix)]
use std::os::unix::fs::symlink as symlink_dir;
#[cfg(windows)]
use std::os::windows::fs::symlink_dir;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::directory::{UNFINISHED, parent_of, sync_dir, temporary, without_path};
use crate::error::{Error, Result};

/// A directory that is filled under a temporary name beside its final one.
///
/// Until [`AtomicDir::commit`] its final name is free or belongs to the older directory. Dropping
/// it without a commit removes it and everything in it. A process that is killed leaves it behind;
/// [`remove_unfinished`] clears it away.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let parent = tempfile::tempdir()?;
/// let path = parent.path().join("step-000100");
/// let dir = files::AtomicDir::create(&path)?;
/// files::write(&dir.temporary_path().join("config.json"), b"{}")?;
/// assert!(!path.exists());
/// dir.commit()?;
/// assert_eq!(std::fs::read(path.join("config.json"))?, b"{}");
/// # Ok(()) }
/// ```
pub struct AtomicDir {
    temporary: TempDir,
    path: PathBuf,
}

impl AtomicDir {
    /// Begins the directory `path`, empty. The directory that it is in must exist.
    ///
    /// # Errors
    /// When the directory that it is in cannot be written to.
    pub fn create(path: &Path) -> Result<AtomicDir> {
        let parent = parent_of(path);
        let made = temporary(0o777).tempdir_in(parent).map_err(without_path);
        let temporary = made.map_err(Error::new(parent, "cannot be written to"))?;
        Ok(AtomicDir { temporary, path: path.to_path_buf() })
    }

    /// Returns where the directory is until the commit. Its files are written there.
    pub fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// Syncs the names in the directory and gives it its final name. The files in it must have been
    /// synced, as [`AtomicFile`](crate::AtomicFile) does.
    ///
    /// An older directory of that name is removed first, since no rename replaces a directory that
    /// is not empty. So the name may be free for a moment, but never names half a directory.
    ///
    /// # Errors
    /// When an older directory cannot be removed, or the disk fails.
    pub fn commit(self) -> Result<()> {
        sync_dir(self.temporary_path())?;
        remove_dir(&self.path)?;
        fs::rename(self.temporary_path(), &self.path).map_err(Error::cannot_write(&self.path))?;
        // It is no longer where `TempDir` would remove it from.
        let _ = self.temporary.keep();
        sync_dir(parent_of(&self.path))
    }

    /// Moves the files in it, one after the other, into the existing directory `dir`, in the place
    /// of older files of their names. They must have been synced.
    ///
    /// # Errors
    /// When one cannot be moved.
    pub fn commit_into(self, dir: &Path) -> Result<()> {
        let cannot_read = || Error::new(dir, "cannot be read");
        for entry in fs::read_dir(self.temporary_path()).map_err(cannot_read())? {
            let entry = entry.map_err(cannot_read())?;
            let path = dir.join(entry.file_name());
            fs::rename(entry.path(), &path).map_err(Error::cannot_write(&path))?;
        }
        sync_dir(dir)
    }
}

/// Moves the entries `names` of `dir` to `dir/earlier-N`.
///
/// N is the first number that is free. Returns the new directory; `None` if there are no names.
///
/// # Errors
/// When they cannot be moved.
pub fn move_aside<N: AsRef<Path>>(dir: &Path, names: &[N]) -> Result<Option<PathBuf>> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut number = 1u64;
    let aside = loop {
        let aside = dir.join(format!("earlier-{number}"));
        // This also notices a link to nowhere and another process that takes the number.
        match fs::create_dir(&aside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            made => break made.map(|()| aside.clone()).map_err(Error::cannot_write(&aside))?,
        }
    };
    let mut names = names.iter();
    let moved = names.try_for_each(|name| fs::rename(dir.join(name), aside.join(name)));
    moved.map_err(Error::new(&aside, "what was there before cannot be moved there"))?;
    sync_dir(&aside)?;
    sync_dir(dir)?;
    Ok(Some(aside))
}

/// Removes the directory `path` if it exists.
///
/// First its name goes, at once, then its content, so that nobody ever finds half of it there.
///
/// # Errors
/// When it cannot be renamed.
pub fn remove_dir(path: &Path) -> Result<()> {
    let removed = AtomicDir::create(path)?;
    let renamed = fs::rename(path, removed.temporary_path());
    if_found(renamed).map_err(Error::new(path, "cannot be removed")).map(drop)
}

/// Turns the error that there is nothing of a name into `None`.
fn if_found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Makes `link` a symbolic link to the directory `target`, in the place of an older link.
///
/// # Errors
/// When the file system has no symbolic links, or the older link cannot be replaced.
pub fn replace_link(target: &Path, link: &Path) -> Result<()> {
    // Made inside a temporary directory, so that its temporary name cannot be taken.
    let temporary = AtomicDir::create(link)?;
    let new_link = temporary.temporary_path().join("link");
    let replaced = symlink_dir(target, &new_link).and_then(|()| fs::rename(&new_link, link));
    replaced.map_err(Error::cannot_write(link))?;
    sync_dir(parent_of(link))
}

/// Removes the temporary files and directories in `dir` that killed processes left behind. Nothing
/// may be being written there.
///
/// # Errors
/// When `dir` cannot be read, or something in it cannot be removed.
pub fn remove_unfinished(dir: &Path) -> Result<()> {
    let failed = |error| Error::new(dir, "cannot be read")(error);
    for entry in if_found(fs::read_dir(dir)).map_err(failed)?.into_iter().flatten() {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            let path = entry.path();
            let remove = if path.is_dir() { fs::remove_dir_all } else { fs::remove_file };
            remove(&path).map_err(Error::new(&path, "cannot be removed"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn create(path: &Path, content: &str) -> AtomicDir {
        let dir = AtomicDir::create(path).unwrap();
        crate::write(&dir.temporary_path().join("file"), content.as_bytes()).unwrap();
        dir
    }

    #[test]
    fn appears_whole_and_replaces() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("name");
        for content in ["first", "second"] {
            let dir = create(&path, content);
            assert_eq!(path.exists(), content == "second");
            dir.commit().unwrap();
            assert_eq!(fs::read_to_string(path.join("file")).unwrap(), content);
        }
        assert_eq!(names(parent.path()), ["name"]);
        remove_dir(&path).unwrap();
        remove_dir(&path).unwrap();
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn vanishes_when_dropped_and_is_cleared_away_after_a_kill() {
        let parent = tempfile::tempdir().unwrap();
        drop(create(&parent.path().join("name"), "half"));
        assert!(names(parent.path()).is_empty());
        let _ = create(&parent.path().join("name"), "half").temporary.keep();
        fs::write(parent.path().join(".unfinished-file"), "half").unwrap();
        fs::write(parent.path().join("other"), "whole").unwrap();
        remove_unfinished(parent.path()).unwrap();
        assert_eq!(names(parent.path()), ["other"]);
        remove_unfinished(&parent.path().join("missing")).unwrap();
    }

    #[test]
    fn files_move_into_a_directory_that_exists() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "old").unwrap();
        fs::write(parent.path().join("other"), "kept").unwrap();
        create(&parent.path().join("name"), "new").commit_into(parent.path()).unwrap();
        assert_eq!(names(parent.path()), ["file", "other"]);
        assert_eq!(fs::read_to_string(parent.path().join("file")).unwrap(), "new");
    }

    #[test]
    fn what_moves_aside_gets_the_first_number_that_is_free() {
        let parent = tempfile::tempdir().unwrap();
        assert_eq!(move_aside(parent.path(), &[""; 0]).unwrap(), None);
        for number in 1..=2 {
            fs::write(parent.path().join("file"), format!("{number}")).unwrap();
            let aside = move_aside(parent.path(), &["file"]).unwrap().unwrap();
            assert_eq!(aside, parent.path().join(format!("earlier-{number}")));
            assert_eq!(fs::read_to_string(aside.join("file")).unwrap(), format!("{number}"));
        }
        assert_eq!(names(parent.path()), ["earlier-1", "earlier-2"]);
    }

    #[test]
    fn a_missing_parent_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let error = AtomicDir::create(&parent.path().join("missing/name")).err().unwrap();
        assert!(error.to_string().contains("missing: cannot be written to: "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_directories_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("latest");
        for target in ["step-1", "step-2"] {
            replace_link(Path::new(target), &link).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
        let error = replace_link(Path::new("step-3"), &link).unwrap_err();
        assert!(error.to_string().contains("latest: cannot be written: "), "{error}");
        assert_eq!(names(dir.path()), ["latest"]);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_is_made_if_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let (ours, plain) = (parent.path().join("ours"), parent.path().join("plain"));
        create(&ours, "").commit().unwrap();
        fs::create_dir(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
