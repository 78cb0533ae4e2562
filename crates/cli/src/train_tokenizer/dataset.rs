//! Texts to train on: files, and standard input.

use std::fs::File;
use std::io::{self, Read, Stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exit::usage;

/// A text that is there and can be read.
#[derive(Debug)]
pub(super) struct Dataset {
    name: String,
    source: Source,
    /// Its length in bytes, known of regular files.
    len: Option<u64>,
}

#[derive(Debug)]
enum Source {
    File(File),
    Stdin(Stdin),
}

impl Dataset {
    /// Opens all of them, so that what is missing is known before the work.
    pub fn open_all(paths: &[PathBuf]) -> Result<Vec<Dataset>> {
        if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
            return Err(usage("--dataset: - was given twice, but there is one standard input"));
        }
        paths.iter().map(|path| Dataset::open(path).context("--dataset")).collect()
    }

    fn open(path: &Path) -> Result<Dataset> {
        if is_stdin(path) {
            let source = Source::Stdin(io::stdin());
            return Ok(Dataset { name: "standard input".into(), source, len: None });
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| name.clone())?;
        let metadata = file.metadata().with_context(|| name.clone())?;
        if metadata.is_dir() {
            bail!("{name}: is a directory, expected a text file");
        }
        let len = metadata.is_file().then_some(metadata.len());
        if len == Some(0) {
            bail!("{name}: is empty, expected text");
        }
        Ok(Dataset { name, source: Source::File(file), len })
    }

    /// Its length in bytes, where that is known before reading.
    pub fn len(&self) -> Option<u64> {
        self.len
    }

    /// Its name and size for the log.
    pub fn describe(&self) -> String {
        match self.len {
            Some(len) => format!("{} ({})", self.name, indicatif::HumanBytes(len)),
            None => self.name.clone(),
        }
    }

    /// Its name and what reads it.
    pub fn into_reader(self) -> (String, DatasetReader) {
        (self.name, DatasetReader { source: self.source, bytes_read: 0 })
    }
}

/// Reads a data set.
pub(super) struct DatasetReader {
    source: Source,
    bytes_read: u64,
}

impl DatasetReader {
    /// Whether not one byte has come.
    pub fn is_untouched(&self) -> bool {
        self.bytes_read == 0
    }
}

impl Read for DatasetReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.source {
            Source::File(file) => file.read(buffer),
            Source::Stdin(stdin) => stdin.read(buffer),
        }?;
        self.bytes_read += read as u64;
        Ok(read)
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
