//! A model together with the tokenizer that made its training data, as `--checkpoint` and
//! `--tokenizer` name them.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use bpe::Tokenizer;
use model::Transformer;

use crate::run::checkpoint;
use crate::run::tokenizer::{DEFAULT_DIR, TokenizerFiles};

/// A model and its tokenizer.
pub struct Loaded {
    /// The model.
    pub model: Transformer,
    /// Its tokenizer, which has at most as many tokens as the model.
    pub tokenizer: Tokenizer,
    /// The flag that named the tokenizer, for messages about it.
    pub tokenizer_flag: &'static str,
}

impl Loaded {
    /// Reads the model of a checkpoint, a run or a Hugging Face Llama directory, and the tokenizer:
    /// the one in `tokenizer`, else the one beside the weights, else the one in the directory where
    /// `train-tokenizer` writes by default.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together.
    pub fn read(checkpoint: &Path, tokenizer: Option<&Path>) -> Result<Loaded> {
        let dir = checkpoint::resolve(checkpoint).context("--checkpoint")?;
        // The model first: a damaged checkpoint may lack its tokenizer too.
        let model = Transformer::load(&dir).context("--checkpoint")?;
        let (flag, tokenizer_dir) = find_tokenizer(tokenizer, &dir)?;
        let tokenizer = Tokenizer::load(tokenizer_dir).context(flag)?;
        let (tokens, vocab_size) = (tokenizer.vocab_size(), model.config().vocab_size);
        ensure!(
            tokens <= vocab_size,
            "{flag}: {}: a tokenizer of {tokens} tokens, but the model in {} knows {vocab_size}; \
             give the --tokenizer that made its training data",
            tokenizer_dir.display(),
            dir.display()
        );
        Ok(Loaded { model, tokenizer, tokenizer_flag: flag })
    }
}

/// Finds the directory of the tokenizer. Also returns the flag that named it.
fn find_tokenizer<'a>(
    typed: Option<&'a Path>,
    checkpoint: &'a Path,
) -> Result<(&'static str, &'a Path)> {
    let default = Path::new(DEFAULT_DIR);
    if let Some(typed) = typed {
        return Ok(("--tokenizer", typed));
    }
    if TokenizerFiles::are_in(checkpoint) {
        return Ok(("--checkpoint", checkpoint));
    }
    if TokenizerFiles::are_in(default) {
        let dir = checkpoint.display();
        log::info!("{dir} has no tokenizer: the one in {} is taken", default.display());
        return Ok(("--tokenizer", default));
    }
    bail!("--checkpoint: {}: no tokenizer is there; give --tokenizer DIR", checkpoint.display())
}
