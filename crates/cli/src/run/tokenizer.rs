//! A tokenizer together with its files.

use std::path::Path;

use anyhow::{Context, Result};
use bpe::{END_OF_TEXT, Tokenizer};

use crate::run::checkpoint::TokenizerFiles;

/// Where `train-tokenizer` writes and the other programs look unless told otherwise.
pub const DEFAULT_DIR: &str = "data/tokenizer";

/// The id of [`END_OF_TEXT`], if the tokenizer has it.
pub fn end_of_text(tokenizer: &Tokenizer) -> Option<u32> {
    tokenizer.special_id(END_OF_TEXT)
}

/// A tokenizer that was read from a directory.
pub struct LoadedTokenizer {
    tokenizer: Tokenizer,
    files: TokenizerFiles,
}

impl LoadedTokenizer {
    /// Reads the tokenizer in `dir`. A directory without a `tokenizer.json` gets one among the
    /// files, so that others can load a checkpoint with them.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub fn load(dir: &Path) -> Result<LoadedTokenizer> {
        let tokenizer = Tokenizer::load(dir)?;
        let files = match dir.join("tokenizer.json").exists() {
            true => TokenizerFiles::read(dir)?,
            false => {
                let complete = tempfile::tempdir().context("a temporary directory")?;
                tokenizer.save(complete.path())?;
                TokenizerFiles::read(complete.path())?
            }
        };
        let files = files.with_context(|| format!("{}: no tokenizer's files", dir.display()))?;
        Ok(LoadedTokenizer { tokenizer, files })
    }

    /// The number of its tokens.
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// The id of the token between two texts.
    pub fn end_of_text(&self) -> Option<u32> {
        end_of_text(&self.tokenizer)
    }

    /// The files alone.
    pub fn into_files(self) -> TokenizerFiles {
        self.files
    }
}
