//! Texts that a program reads: files, and standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::data::digest::{Fingerprint, Fingerprinter};
use crate::data::text_kind;
use crate::shell::stdin::Stdin;
use crate::shell::units;

/// The files that are taken for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Text; what seems to be something else is refused.
    Text,
    /// Any bytes, as `--binary` asks.
    Anything,
}

/// A text to read: checked, but not open, so that there may be more of them than open files.
#[derive(Debug, Clone)]
pub struct TextSource {
    /// The name of the file, or `standard input`.
    pub name: String,
    /// The length in bytes, where it is known before reading.
    pub len: Option<u64>,
    path: PathBuf,
    accept: Accept,
}

/// Returns `true` if `path` stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

impl TextSource {
    /// Checks that the file `path` can be read and is text as far as `accept` asks for it; `-` is
    /// standard input. Pipes are checked when they are read.
    ///
    /// # Errors
    /// When it cannot be opened, is a directory, or no text.
    pub fn new(path: &Path, accept: Accept) -> Result<TextSource> {
        let path = path.to_path_buf();
        if is_stdin(&path) {
            return Ok(TextSource { name: "standard input".into(), len: None, path, accept });
        }
        let name = path.display().to_string();
        let metadata = fs::metadata(&path).with_context(|| name.clone())?;
        if metadata.is_dir() {
            bail!("{name}: is a directory, expected a text file");
        }
        let len = metadata.is_file().then_some(metadata.len());
        let source = TextSource { name, len, path, accept };
        // What is no file may be read only once.
        if len.is_some() {
            source.open()?.fill_head().with_context(|| source.name.clone())?;
        }
        Ok(source)
    }

    /// Opens the text.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self) -> Result<TextInput> {
        let source: Box<dyn Read + Send> = if is_stdin(&self.path) {
            Box::new(Stdin::new()?)
        } else {
            Box::new(File::open(&self.path).with_context(|| self.name.clone())?)
        };
        Ok(TextInput {
            source,
            head: None,
            accept: self.accept,
            fingerprinter: Fingerprinter::new(self.len),
        })
    }

    /// Returns the name and, where it is known, the size for the log.
    pub fn describe(&self) -> String {
        match self.len {
            Some(len) => format!("{} ({})", self.name, units::bytes(len as f64)),
            None => self.name.clone(),
        }
    }
}

/// An open text. The first read fails with [`text_kind::NotText`] inside if it is no text.
pub struct TextInput {
    source: Box<dyn Read + Send>,
    /// The first bytes of the text, once they are read, as far as they were not handed on yet.
    head: Option<io::Cursor<Vec<u8>>>,
    accept: Accept,
    fingerprinter: Fingerprinter,
}

impl TextInput {
    /// Returns the number of bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.fingerprinter.bytes()
    }

    /// Returns the fingerprint of what was read.
    pub fn fingerprint(self) -> Fingerprint {
        self.fingerprinter.finish()
    }

    /// Reads the first bytes, if that was not done yet, and checks them.
    fn fill_head(&mut self) -> io::Result<&mut io::Cursor<Vec<u8>>> {
        if self.head.is_none() {
            let mut head = Vec::new();
            (&mut self.source).take(text_kind::HEAD as u64).read_to_end(&mut head)?;
            if self.accept == Accept::Text {
                text_kind::check(&head).map_err(io::Error::other)?;
            }
            self.head = Some(io::Cursor::new(head));
        }
        Ok(self.head.get_or_insert_default())
    }
}

impl Read for TextInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.fill_head()?.read(buffer)?;
        if read == 0 {
            read = self.source.read(buffer)?;
        }
        self.fingerprinter.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_text_is_read_and_what_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let read = |content: &[u8], accept| -> Result<Vec<u8>> {
            std::fs::write(&path, content).unwrap();
            let mut input = TextSource::new(&path, accept)?.open()?;
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes)?;
            assert_eq!(input.bytes_read(), content.len() as u64);
            Ok(bytes)
        };
        let long = b"some text ".repeat(1000);
        for text in [&b""[..], b"a", &long[..text_kind::HEAD], &long] {
            assert_eq!(read(text, Accept::Text).unwrap(), text);
        }
        let error = read(b"\x1f\x8b", Accept::Text).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("file: seems to be gzip"), "{message}");
        assert_eq!(read(b"\x1f\x8b", Accept::Anything).unwrap(), b"\x1f\x8b");
        assert!(TextSource::new(dir.path(), Accept::Text).is_err());
    }
}
