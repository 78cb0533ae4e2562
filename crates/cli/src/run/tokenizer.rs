//! A tokenizer together with its files, which a checkpoint keeps so that it can be used as it is.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use bpe::{END_OF_TEXT, Tokenizer};

/// The directory that `train-tokenizer` writes and the other programs read by default.
pub const DEFAULT_DIR: &str = "data/tokenizer";

/// All names that a tokenizer's files can have.
const NAMES: [&str; 6] = [
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Returns the id of [`END_OF_TEXT`], if the tokenizer has it.
pub fn end_of_text(tokenizer: &Tokenizer) -> Option<u32> {
    tokenizer.special_id(END_OF_TEXT)
}

/// A tokenizer's files as they are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerFiles(Vec<(&'static str, Vec<u8>)>);

/// Returns `true` if the files of these names make a tokenizer.
fn is_tokenizer(has: impl Fn(&str) -> bool) -> bool {
    has("tokenizer.json") || (has("vocab.json") && has("merges.txt"))
}

impl TokenizerFiles {
    /// Reads the files in `dir`; `None` if they make no tokenizer.
    ///
    /// # Errors
    /// When a file cannot be read.
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

    /// Loads the tokenizer in `dir` together with its files. A `tokenizer.json` is added to files
    /// without one, so that other programs can load a checkpoint with them.
    ///
    /// # Errors
    /// When `dir` holds no valid tokenizer.
    pub fn load(dir: &Path) -> Result<(Tokenizer, TokenizerFiles)> {
        let tokenizer = Tokenizer::load(dir)?;
        let files = if dir.join("tokenizer.json").exists() {
            TokenizerFiles::read(dir)?
        } else {
            let complete = tempfile::tempdir().context("a temporary directory")?;
            tokenizer.save(complete.path())?;
            TokenizerFiles::read(complete.path())?
        };
        let files = files.with_context(|| format!("{}: no tokenizer's files", dir.display()))?;
        Ok((tokenizer, files))
    }

    /// Returns `true` if [`TokenizerFiles::read`] would find a tokenizer in `dir`.
    pub fn are_in(dir: &Path) -> bool {
        is_tokenizer(|name| dir.join(name).exists())
    }

    /// Returns the tokenizer that the files make.
    ///
    /// # Errors
    /// When they are invalid.
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
