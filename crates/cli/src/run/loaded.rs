//! A model together with the tokenizer that made its training data, from where the flags say.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bpe::Tokenizer;
use model::Transformer;

use crate::run::checkpoint::{self, TokenizerFiles};
use crate::run::tokenizer;

/// What `--checkpoint` and `--tokenizer` name.
pub struct Loaded {
    /// The model.
    pub model: Transformer,
    /// Its tokenizer, which has at most as many tokens as the model.
    pub tokenizer: Tokenizer,
    /// The flag that the tokenizer came by, for messages about it.
    pub tokenizer_flag: &'static str,
}

impl Loaded {
    /// Reads the model of a checkpoint, a run or a Hugging Face Llama directory, and the tokenizer:
    /// the one that was given, else the one beside the weights, else the one where
    /// `train-tokenizer` puts it by default.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together.
    pub fn read(checkpoint: &Path, tokenizer: Option<&Path>) -> Result<Loaded> {
        let dir = checkpoint::resolve(checkpoint).context("--checkpoint")?;
        // First what the user surely named: a damaged checkpoint may lack its tokenizer too.
        let model = Transformer::load(&dir).context("--checkpoint")?;
        let (flag, tokenizer_dir) = find_tokenizer(tokenizer, &dir)?;
        let tokenizer = Tokenizer::load(tokenizer_dir).context(flag)?;
        let (tokens, vocab_size) = (tokenizer.vocab_size(), model.config().vocab_size);
        if tokens > vocab_size {
            bail!(
                "{flag}: {}: a tokenizer of {tokens} tokens, but the model in {} knows {vocab_size}; give the \
                 --tokenizer that made its training data",
                tokenizer_dir.display(),
                dir.display()
            );
        }
        Ok(Loaded { model, tokenizer, tokenizer_flag: flag })
    }
}

/// Where the tokenizer is, and the flag that says so.
fn find_tokenizer<'a>(
    given: Option<&'a Path>,
    checkpoint: &'a Path,
) -> Result<(&'static str, &'a Path)> {
    let default = Path::new(tokenizer::DEFAULT_DIR);
    if let Some(given) = given {
        return Ok(("--tokenizer", given));
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
