//! Memory-mapped input files: the one place of this crate with `unsafe` code.

use std::io;
use std::path::Path;

/// A file mapped into memory. The operating system reads its pages when they are accessed.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps the regular file `path`.
    ///
    /// # Errors
    /// When it cannot be opened, or is not a regular file.
    pub fn open(path: &Path) -> io::Result<MappedFile> {
        let file = files::open(path)?;
        #[allow(unsafe_code)]
        // SAFETY: the map is only read, as plain bytes of which any value is valid, and each reader
        // checks what it finds. As all users of mapped files, this one relies on no other process
        // shortening the file meanwhile.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(MappedFile(map))
    }

    /// Returns all bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
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
            assert_eq!(MappedFile::open(&path).unwrap().bytes(), content);
        }
        assert!(MappedFile::open(dir.path()).unwrap_err().to_string().contains("directory"));
        assert!(MappedFile::open(&dir.path().join("missing")).is_err());
    }
}
