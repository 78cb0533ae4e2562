//! Files that are written beside their final name, synced and renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::directory::{make_dir, parent_of, sync_dir, temporary_file};
use crate::early_sync::EarlySync;
use crate::error::{Error, Result};

/// Blocks are written up to multiples of this many bytes in the file.
const ALIGNMENT: usize = 1 << 16;

/// A file that is written under a temporary name in the directory of its final one.
///
/// Until [`AtomicFile::commit`] its final name is free or belongs to the older file. Dropping it
/// without a commit removes it. Writes go through a buffer.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::Write;
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("numbers.txt");
/// let mut file = files::AtomicFile::create(&path)?;
/// file.write_all(b"1 2 3")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"1 2 3");
/// # Ok(()) }
/// ```
pub struct AtomicFile {
    writer: BufWriter<File>,
    /// `None` for a device or a named pipe, which is written to directly.
    temporary: Option<TempPath>,
    path: PathBuf,
    early_sync: Option<EarlySync>,
}

impl AtomicFile {
    /// Begins the file `path`. Makes its directory if it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made or written to, or `path` is a directory.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        let path = resolve_links(path)?;
        let kind = fs::metadata(&path).ok().map(|metadata| metadata.file_type());
        if kind.is_some_and(|kind| kind.is_dir()) {
            let problem = io::Error::other("it is a directory, expected the name of a file");
            return Err(Error::cannot_write(&path)(problem));
        }
        let (file, temporary) = if kind.is_some_and(|kind| !kind.is_file()) {
            // Renaming would put a file in the place of /dev/null.
            let file = File::options().write(true).open(&path);
            (file.map_err(Error::cannot_write(&path))?, None)
        } else {
            make_dir(parent_of(&path))?;
            let (file, temporary) = temporary_file(parent_of(&path))?.into_parts();
            (file, Some(temporary))
        };
        let writer = BufWriter::with_capacity(1 << 20, file);
        Ok(AtomicFile { writer, temporary, path, early_sync: None })
    }

    /// Sends what is written to the disk while more is being made, so that [`AtomicFile::commit`]
    /// need not wait for all of it. Worth its thread for large files that take a while to make.
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

    /// Writes a large block, most of it past the buffer.
    ///
    /// Bytes behind the last multiple of 64 kB wait in the buffer for the next block: operating
    /// systems keep files in pages, and a write that covers whole pages costs less.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write_block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to_multiple = ALIGNMENT.saturating_sub(self.writer.buffer().len());
        let (first, more) = bytes.split_at(to_multiple.min(bytes.len()));
        self.writer.write_all(first)?;
        if !more.is_empty() {
            let (whole, rest) = more.split_at(more.len() / ALIGNMENT * ALIGNMENT);
            self.file()?.write_all(whole)?;
            self.writer.write_all(rest)?;
        }
        if let Some(early_sync) = &mut self.early_sync {
            early_sync.written(bytes.len());
        }
        Ok(())
    }

    /// Syncs the file and gives it its final name, in the place of an older one.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn commit(self) -> Result<()> {
        let AtomicFile { mut writer, temporary, path, early_sync } = self;
        let finish = || -> io::Result<bool> {
            writer.flush()?;
            early_sync.map_or(Ok(()), EarlySync::finish)?;
            let Some(temporary) = temporary else { return Ok(false) };
            writer.get_ref().sync_all()?;
            temporary.persist(&path)?;
            Ok(true)
        };
        let is_renamed = finish().map_err(Error::cannot_write(&path))?;
        // Not every directory of devices and pipes can be synced.
        if is_renamed { sync_dir(parent_of(&path)) } else { Ok(()) }
    }

    /// Returns the file's final name, with links resolved; `None` for a device or a named pipe,
    /// which has its name already.
    pub fn final_path(&self) -> Option<&Path> {
        self.temporary.is_some().then_some(&self.path)
    }

    /// Flushes the buffer and returns the file itself, for writers that seek (to a header that is
    /// known last).
    ///
    /// # Errors
    /// When the buffer cannot be written.
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

/// The number of links that are followed, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// Returns the target of a symbolic link or of a chain of them, even of one that dangles, and any
/// other path as it is. The target is what gets replaced; the links stay links.
fn resolve_links(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = parent_of(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(Error::cannot_write(path)(io::Error::other("too many symbolic links, or a loop of them")))
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes))
}

/// Writes to `path` what `content` writes, whole or not at all. When `content` fails, `path` stays
/// as it was.
///
/// # Errors
/// As for [`AtomicFile::create`] and [`AtomicFile::commit`], and when `content` fails.
pub fn write_with(
    path: &Path,
    content: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<()> {
    prepare(path, content)?.commit()
}

/// Like [`write_with`], up to the commit.
///
/// This is for files that belong together, none of which may appear when the disk is too full for
/// another.
///
/// # Errors
/// As for [`AtomicFile::create`], and when `content` or the disk fails.
pub fn prepare(
    path: &Path,
    content: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(path)?;
    content(&mut file).and_then(|()| file.flush()).map_err(Error::cannot_write(path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::check_dir;

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
        let lens = [
            8,
            3,
            ALIGNMENT - 11,
            1,
            ALIGNMENT,
            ALIGNMENT - 1,
            0,
            3 * ALIGNMENT + 5,
            7,
            2 * ALIGNMENT,
            100,
        ];
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
        let refused = |path: &Path| AtomicFile::create(path).err().unwrap().to_string();
        assert!(refused(dir.path()).ends_with("it is a directory, expected the name of a file"));
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(refused(&dir.path().join("file/below")).ends_with("directory: it is a file"));
        let deeper = refused(&dir.path().join("file/below/deep"));
        assert!(deeper.ends_with("a part of this path is a file"), "{deeper}");
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
    fn chains_of_links_stay_links_and_loops_are_refused() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("far")).unwrap();
        symlink("far/second", path("first")).unwrap();
        symlink("../third", path("far/second")).unwrap();
        symlink("missing", path("third")).unwrap();
        for content in [b"1".as_slice(), b"2"] {
            write(&path("first"), content).unwrap();
            assert!(path("first").is_symlink() && path("far/second").is_symlink());
            assert!(path("third").is_symlink());
            assert_eq!(fs::read(path("missing")).unwrap(), content);
        }
        symlink("there", path("back")).unwrap();
        symlink("back", path("there")).unwrap();
        let error = write(&path("back"), b"").unwrap_err().to_string();
        assert!(error.contains("back: cannot be written: too many symbolic links"), "{error}");
        assert!(path("back").is_symlink() && path("there").is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_not_replaced() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
