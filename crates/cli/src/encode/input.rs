//! The text to encode: a file, or standard input.

use std::fs::File;
use std::io::{self, Read, Stdin};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A text that is there and can be read.
#[derive(Debug)]
pub(super) struct Input {
    name: String,
    source: Source,
    len: Option<u64>,
}

#[derive(Debug)]
enum Source {
    File(File),
    Stdin(Stdin),
}

impl Input {
    /// Opens the file `path`; `-` is standard input.
    pub fn open(path: &Path) -> Result<Input> {
        if path == Path::new("-") {
            return Ok(Input {
                name: "standard input".into(),
                source: Source::Stdin(io::stdin()),
                len: None,
            });
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("--file: {name}"))?;
        let metadata = file.metadata().with_context(|| format!("--file: {name}"))?;
        if metadata.is_dir() {
            bail!("--file: {name}: is a directory, expected a text file");
        }
        let len = metadata.is_file().then_some(metadata.len());
        Ok(Input { name, source: Source::File(file), len })
    }

    /// Its length in bytes, where that is known before reading.
    pub fn len(&self) -> Option<u64> {
        self.len
    }

    /// Its name and size.
    pub fn describe(&self) -> String {
        match self.len {
            Some(len) => format!("{} ({len} bytes)", self.name),
            None => self.name.clone(),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::File(file) => file.read(buffer),
            Source::Stdin(stdin) => stdin.read(buffer),
        }
    }
}
