//! The tokenizer's files inside a checkpoint, which make it usable as it stands.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use bpe::Tokenizer;

/// All names that a tokenizer's files can have.
const NAMES: [&str; 6] = [
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// A tokenizer's files as they are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerFiles(Vec<(&'static str, Vec<u8>)>);

/// Whether these files make a tokenizer.
fn is_tokenizer(has: impl Fn(&str) -> bool) -> bool {
    has("tokenizer.json") || (has("vocab.json") && has("merges.txt"))
}

impl TokenizerFiles {
    /// The files in `dir`; `None` when no tokenizer is there.
    ///
    /// # Errors
    /// When one that is there cannot be read.
    pub fn read(dir: &Path) -> Result<Option<TokenizerFiles>> {
        let mut files = Vec::new();
        for name in NAMES {
            let path = dir.join(name);
            match files::read(&path) {
                Ok(bytes) => files.push((name, bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
        let has = |wanted: &str| files.iter().any(|(name, _)| *name == wanted);
        Ok(is_tokenizer(has).then_some(TokenizerFiles(files)))
    }

    /// Whether [`TokenizerFiles::read`] would find a tokenizer in `dir`.
    pub fn are_in(dir: &Path) -> bool {
        is_tokenizer(|name| dir.join(name).exists())
    }

    /// The tokenizer that the files are.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let dir = tempfile::tempdir().context("a temporary directory")?;
        self.write(dir.path())?;
        Tokenizer::load(dir.path()).context("the tokenizer in the checkpoint")
    }

    /// Writes the files into `dir`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let mut files = self.0.iter();
        Ok(files.try_for_each(|(name, bytes)| files::write(&dir.join(name), bytes))?)
    }
}
