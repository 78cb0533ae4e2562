//! A file that is written beside its final name.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::early_sync::EarlySync;
use crate::{Error, Result, make_dir, new_temporary, parent_of, sync_dir};

/// Large blocks are written up to multiples of so many bytes.
const ALIGNED: usize = 1 << 16;

/// A file being written, through a buffer. Nothing is at its final name, or what was there before,
/// until [`AtomicFile::commit`]; dropped without it, it vanishes.
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
        let resolved = resolve_link(path);
        let path = resolved.as_deref().unwrap_or(path);
        let parent = parent_of(path);
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::new(path, "expected a file name")(
                    ErrorKind::IsADirectory.into(),
                ));
            }
            // Renaming would put a file in the place of /dev/null.
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(path);
                let file = file.map_err(Error::cannot_write(path))?;
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

    /// Sends what is written to the disk while more of it comes, so that [`AtomicFile::commit`]
    /// need not wait for all of it: for large files that take a while to make.
    ///
    /// # Errors
    /// When the file's handle cannot be copied.
    pub fn with_early_sync(mut self) -> Result<AtomicFile> {
        if self.temporary.is_some() {
            let file = self.writer.get_ref().try_clone();
            let file = file.map_err(Error::cannot_write(&self.path))?;
            self.early_sync = Some(EarlySync::start(file));
        }
        Ok(self)
    }

    /// Writes a large block, most of it past the buffer. What is behind the last multiple of 64 kB
    /// waits there for the next one: operating systems keep files in pages, the larger the better a
    /// write fits them.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write_block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = ALIGNED.saturating_sub(self.writer.buffer().len());
        let (first, more) = bytes.split_at(room.min(bytes.len()));
        self.writer.write_all(first)?;
        if !more.is_empty() {
            let (whole, rest) = more.split_at(more.len() / ALIGNED * ALIGNED);
            self.file()?.write_all(whole)?;
            self.writer.write_all(rest)?;
        }
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
        self.writer.flush().map_err(Error::cannot_write(&self.path))?;
        if let Some(early_sync) = self.early_sync.take() {
            early_sync.finish().map_err(Error::cannot_write(&self.path))?;
        }
        if let Some(temporary) = self.temporary.take() {
            let synced = self.writer.get_ref().sync_all();
            synced
                .and_then(|()| temporary.persist(&self.path).map_err(|error| error.error))
                .map_err(Error::cannot_write(&self.path))?;
            sync_dir(parent_of(&self.path))?;
        }
        Ok(())
    }

    /// The file itself, for writers that seek (a header that is known last). What was written is
    /// flushed.
    ///
    /// # Errors
    /// When what was buffered cannot be written.
    pub fn file(&mut self) -> io::Result<&mut File> {
        self.writer.flush()?;
        Ok(self.writer.get_mut())
    }
}

/// What a symbolic link names, be it there or not; that is what is replaced, and the link stays
/// one.
fn resolve_link(path: &Path) -> Option<PathBuf> {
    let target = fs::read_link(path).ok()?;
    Some(fs::canonicalize(path).unwrap_or_else(|_| parent_of(path).join(target)))
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check_dir, prepare, write, write_with};

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
    fn blocks_of_any_length_stay_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blocks");
        let lens =
            [8, 3, ALIGNED - 11, 1, ALIGNED, ALIGNED - 1, 0, 3 * ALIGNED + 5, 7, 2 * ALIGNED, 100];
        let content: Vec<u8> = (0..lens.iter().sum()).map(|at: usize| (at / 3) as u8).collect();
        let mut file = AtomicFile::create(&path).unwrap();
        let mut rest = &content[..];
        for (number, len) in lens.into_iter().enumerate() {
            let block;
            (block, rest) = rest.split_at(len);
            match number % 4 {
                0 => file.write_all(block).unwrap(),
                _ => file.write_block(block).unwrap(),
            }
        }
        file.commit().unwrap();
        assert!(fs::read(&path).unwrap() == content);
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

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |out| {
            out.write_all(b"half of it")?;
            Err(io::Error::other("disk full"))
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.ends_with("file: cannot be written: disk full"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    fn what_is_prepared_is_on_the_disk_and_not_at_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = prepare(&path, |out| out.write_all(b"all of it")).unwrap();
        let [temporary] = &names(dir.path())[..] else { panic!("one file") };
        assert_eq!(fs::read(dir.path().join(temporary)).unwrap(), b"all of it");
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all of it");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_is_written_if_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write(&ours, b"").unwrap();
        fs::write(&plain, b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("far/file"));
        std::os::unix::fs::symlink("far/file", &link).unwrap();
        for content in [b"first".as_slice(), b"second"] {
            write(&link, content).unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read(&target).unwrap(), content);
        }
        assert_eq!(names(&dir.path().join("far")), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_replaced() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
