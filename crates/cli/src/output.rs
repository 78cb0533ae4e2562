//! Output files that appear whole or not at all: written beside their final name, synced, renamed.

mod early_sync;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::{Builder, NamedTempFile, TempPath};

use early_sync::EarlySync;

/// A file being written. Nothing is at its final name, or what was there before, until [`AtomicFile::commit`]; dropped
/// without it, it vanishes.
pub struct AtomicFile {
    writer: BufWriter<File>,
    /// `None` for a device or a named pipe, which is written to directly.
    temporary: Option<TempPath>,
    path: PathBuf,
    early_sync: Option<EarlySync>,
}

impl AtomicFile {
    /// Begins the file `path`; its directory is made if it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made or written to, or `path` is a directory.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        // A symbolic link stays one: what it names is what is replaced.
        let resolved =
            path.is_symlink().then(|| fs::canonicalize(path)).and_then(|found| found.ok());
        let path = resolved.as_deref().unwrap_or(path);
        let parent = parent_of(path);
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                bail!("{}: is a directory, expected a file name", path.display())
            }
            // Renaming would put a file in the place of /dev/null.
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(path);
                let file =
                    file.with_context(|| format!("{}: cannot be written", path.display()))?;
                return Ok(AtomicFile {
                    writer: BufWriter::new(file),
                    temporary: None,
                    path: path.to_path_buf(),
                    early_sync: None,
                });
            }
            _ => make_dir(parent)?,
        }
        let temporary = new_temporary(parent)?;
        let (file, temporary) = temporary.into_parts();
        let writer = BufWriter::with_capacity(1 << 20, file);
        let path = path.to_path_buf();
        Ok(AtomicFile { writer, temporary: Some(temporary), path, early_sync: None })
    }

    /// Sends what is written to the disk while more of it comes, so that [`AtomicFile::commit`] need not wait for all of
    /// it: for large files that take a while to make.
    ///
    /// # Errors
    /// When the file's handle cannot be copied.
    pub fn with_early_sync(mut self) -> Result<AtomicFile> {
        if self.temporary.is_some() {
            let file = self.writer.get_ref().try_clone();
            let file =
                file.with_context(|| format!("{}: cannot be written", self.path.display()))?;
            self.early_sync = Some(EarlySync::start(file));
        }
        Ok(self)
    }

    /// Writes past the buffer: for large blocks.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write_block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)?;
        if let Some(early_sync) = &mut self.early_sync {
            early_sync.written(bytes.len());
        }
        Ok(())
    }

    /// Makes the finished file appear at its name, in the place of an older one.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn commit(mut self) -> Result<()> {
        let failed = |path: &Path| format!("{}: cannot be written", path.display());
        self.writer.flush().with_context(|| failed(&self.path))?;
        if let Some(early_sync) = self.early_sync.take() {
            early_sync.finish().with_context(|| failed(&self.path))?;
        }
        if let Some(temporary) = self.temporary.take() {
            self.writer.get_ref().sync_all().with_context(|| failed(&self.path))?;
            temporary
                .persist(&self.path)
                .map_err(|error| error.error)
                .with_context(|| failed(&self.path))?;
            sync_dir(parent_of(&self.path))?;
        }
        Ok(())
    }

    /// The file itself, for writers that seek (a header that is known last). What was written is flushed.
    ///
    /// # Errors
    /// When what was buffered cannot be written.
    pub fn file(&mut self) -> io::Result<&mut File> {
        self.writer.flush()?;
        Ok(self.writer.get_mut())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    file.commit()
}

/// Makes the directory `dir`, if need be, and makes sure that files can be written there: before hours of work, not
/// after them.
///
/// # Errors
/// When they cannot.
pub fn check_dir(dir: &Path) -> Result<()> {
    make_dir(dir)?;
    new_temporary(dir).map(drop)
}

/// Makes the names in `dir` durable.
///
/// # Errors
/// When the disk fails.
pub fn sync_dir(dir: &Path) -> Result<()> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.with_context(|| format!("{}: cannot be synced", dir.display()))
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
    fs::create_dir_all(dir)
        .with_context(|| format!("{}: cannot be made a directory", dir.display()))
}

fn new_temporary(dir: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets; the process's umask applies.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder
        .tempfile_in(dir)
        .with_context(|| format!("{}: files cannot be written there", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn appears_whole_and_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/tokens.npy");
        write(&path, b"first").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"second").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(path.parent().unwrap()), ["tokens.npy"]);
    }

    #[test]
    fn early_sync_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        let mut file = AtomicFile::create(&path).unwrap().with_early_sync().unwrap();
        file.write_all(b"buffered").unwrap();
        let block = vec![7; 3 << 20];
        (0..20).for_each(|_| file.write_block(&block).unwrap());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), [&b"buffered"[..], &block.repeat(20)].concat());
        let device = AtomicFile::create(Path::new("/dev/null")).unwrap().with_early_sync().unwrap();
        assert!(device.early_sync.is_none());
    }

    #[test]
    fn vanishes_when_not_finished() {
        let dir = tempfile::tempdir().unwrap();
        let mut file =
            AtomicFile::create(&dir.path().join("a")).unwrap().with_early_sync().unwrap();
        file.write_block(b"half").unwrap();
        drop(file);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn directories_and_impossible_places_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(AtomicFile::create(dir.path()).is_err());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(AtomicFile::create(&dir.path().join("file/below")).is_err());
        assert!(check_dir(&dir.path().join("file")).is_err());
        assert!(check_dir(&dir.path().join("made")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_replaced() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
