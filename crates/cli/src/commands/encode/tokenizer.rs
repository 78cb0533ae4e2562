//! The tokenizer of `encode`: named, the one that made tokens, or the default.

use std::path::Path;

use anyhow::{Context, Result, bail};
use bpe::Tokenizer;

use super::args::Args;
use crate::data::tokens::sidecar::Sidecar;
use crate::run::tokenizer::DEFAULT_DIR;
use crate::shell::exit::usage;

/// Loads the tokenizer to decode the tokens `file` with: that of `--tokenizer`, else the one that
/// made the tokens, as their sidecar says, else the default one.
pub(super) fn that_made(file: &Path, sidecar: Option<&Sidecar>, args: &Args) -> Result<Tokenizer> {
    if args.tokenizer.is_none()
        && let Some(made) = sidecar.map(|sidecar| &sidecar.tokenizer)
        && let Some((dir, tokenizer, ())) = made.find(file, |dir| Ok((load(dir, args)?, ())))
    {
        log::info!("tokenizer: {}, which made {}", dir.display(), file.display());
        return Ok(tokenizer);
    }
    load(args.tokenizer_dir(), args)
}

/// Loads the tokenizer in `dir`, with the special tokens of `args` added.
pub(super) fn load(dir: &Path, args: &Args) -> Result<Tokenizer> {
    let special_tokens = &args.special_token;
    if dir == Path::new(DEFAULT_DIR) && !dir.exists() {
        bail!(
            "--tokenizer: {DEFAULT_DIR}, the default, does not exist; make a tokenizer with \
             train-tokenizer, or give the directory of another one"
        );
    }
    let tokenizer = Tokenizer::load(dir).context("--tokenizer")?;
    if special_tokens.is_empty() {
        return Ok(tokenizer);
    }
    if special_tokens.iter().any(String::is_empty) {
        return Err(usage("--special-token: is empty, expected at least one character"));
    }
    tokenizer.with_extra_specials(special_tokens).context("--special-token")
}
