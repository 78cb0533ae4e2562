//! Memory-mapped input files: the one place of this crate with `unsafe` code.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::input::open;

/// A file mapped into memory. The operating system reads its pages when they are accessed.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps the regular file `path`.
    ///
    /// # Errors
    /// When it cannot be opened, is not a regular file, or is on a file system that maps none.
    pub fn open(path: &Path) -> io::Result<MappedFile> {
        MappedFile::of(&open(path)?)
    }

    /// Maps an open file.
    ///
    /// # Errors
    /// When its file system maps none.
    pub fn of(file: &File) -> io::Result<MappedFile> {
        #[allow(unsafe_code)]
        // SAFETY: the map is only read, as plain bytes of which any value is valid, and each reader
        // checks what it finds. As all users of mapped files, this one relies on no other process
        // shortening the file meanwhile.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(MappedFile(map))
    }

    /// Tells the operating system that all of the file will be read soon, so that it may begin.
    pub fn will_be_read(&self) {
        // It is advice: without it pages are read when they are accessed.
        #[cfg(unix)]
        let _ = self.0.advise(memmap2::Advice::WillNeed);
    }

    /// Returns all bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_the_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for content in [&b"some bytes"[..], b""] {
            std::fs::write(&path, content).unwrap();
            let map = MappedFile::open(&path).unwrap();
            map.will_be_read();
            assert_eq!(map.bytes(), content);
        }
        assert!(MappedFile::open(dir.path()).unwrap_err().to_string().contains("directory"));
        assert!(MappedFile::open(&dir.path().join("missing")).is_err());
    }
}
