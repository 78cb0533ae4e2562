//! Input files that are read whole, within bounds.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The size in bytes of the largest file that is read whole. No such file comes near it, and a
/// larger one is refused before it fills the memory.
const LARGEST: u64 = 1 << 30;

/// Opens a regular file to read.
///
/// Anything else is refused, since a pipe would keep the program waiting.
///
/// # Errors
/// When the file does not exist, is not regular, or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() {
        let found = if kind.is_dir() { "a directory" } else { "a device or a pipe" };
        let problem = format!("not a regular file: it is {found}");
        return Err(io::Error::new(ErrorKind::InvalidInput, problem));
    }
    File::open(path)
}

/// Returns the content of a regular file of at most 2³⁰ bytes.
///
/// # Errors
/// As for [`open`], and when the file is larger or the disk fails.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, LARGEST)
}

/// Returns the content of a regular file of at most `most` bytes.
///
/// # Errors
/// As for [`open`], and when the file is larger or the disk fails.
pub fn read_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let problem = format!("more than {most} bytes, too many for such a file");
        return Err(io::Error::new(ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}

/// Fills `buffer` with the bytes of a file from `offset` on. Several threads may do so at once.
///
/// # Errors
/// When the file is shorter, or the disk fails.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            let (rest, offset) = (&mut buffer[done..], offset + done as u64);
            match std::os::windows::fs::FileExt::seek_read(file, rest, offset)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"content").unwrap();
        assert_eq!(read(&path).unwrap(), b"content");
        assert_eq!(open(&dir.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
        let error = read(dir.path()).unwrap_err().to_string();
        assert_eq!(error, "not a regular file: it is a directory");
    }

    #[test]
    fn parts_of_a_file_are_read_from_several_places() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"0123456789").unwrap();
        let file = open(&path).unwrap();
        let mut part = [0; 3];
        for (offset, expected) in [(7, b"789"), (0, b"012"), (4, b"456")] {
            read_exact_at(&file, &mut part, offset).unwrap();
            assert_eq!(&part, expected);
        }
        let error = read_exact_at(&file, &mut part, 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    #[cfg(unix)]
    fn a_device_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "not a regular file: it is a device or a pipe");
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"1234").unwrap();
        assert_eq!(read_up_to(&path, 4).unwrap(), b"1234");
        assert_eq!(read_up_to(&path, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
