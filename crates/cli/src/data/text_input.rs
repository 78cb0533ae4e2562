//! Texts that a program reads: files, and standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::stdin::Stdin;
use crate::shell::units;

/// An open text.
pub struct TextInput {
    /// The name of the file, or `standard input`.
    pub name: String,
    /// The length in bytes, where it is known before reading.
    pub len: Option<u64>,
    /// The number of bytes read so far.
    pub bytes_read: u64,
    source: Box<dyn Read + Send>,
}

/// Returns `true` if `path` stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

impl TextInput {
    /// Opens the file `path`; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be opened, or is a directory.
    pub fn open(path: &Path) -> Result<TextInput> {
        if is_stdin(path) {
            let (name, source) = ("standard input".into(), Box::new(Stdin::new()?));
            return Ok(TextInput { name, len: None, bytes_read: 0, source });
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| name.clone())?;
        let metadata = file.metadata().with_context(|| name.clone())?;
        if metadata.is_dir() {
            bail!("{name}: is a directory, expected a text file");
        }
        let len = metadata.is_file().then_some(metadata.len());
        Ok(TextInput { name, source: Box::new(file), len, bytes_read: 0 })
    }

    /// Returns the name and, where it is known, the size for the log.
    pub fn describe(&self) -> String {
        match self.len {
            Some(len) => format!("{} ({})", self.name, units::bytes(len as f64)),
            None => self.name.clone(),
        }
    }
}

impl Read for TextInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes_read += read as u64;
        Ok(read)
    }
}
