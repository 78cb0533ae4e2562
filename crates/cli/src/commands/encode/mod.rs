//! The program `encode`: text to a token file, and back.

pub mod args;
mod decode;
mod show;
mod summary;
mod to_tokens;

use std::path::Path;

use anyhow::{Context, Result, bail};
use bpe::Tokenizer;

use crate::run::tokenizer::DEFAULT_DIR;
use crate::shell::exit::usage;
use args::{Args, Task};

/// Encodes, decodes, counts or shows tokens.
///
/// # Errors
/// Invalid arguments and unusable files, before any work; later what reading and writing reports.
pub fn run(args: &Args) -> Result<()> {
    args.common.set_up()?;
    let task = args.task()?;
    let tokenizer = load_tokenizer(&args.tokenizer, &args.special_token)?;
    match task {
        Task::Show { text } => show::run(&tokenizer, text, args),
        Task::Count { file } => to_tokens::count(&tokenizer, file, args),
        Task::Encode { file, out } => to_tokens::encode(&tokenizer, file, out, args),
        Task::Decode { file, out } => decode::run(&tokenizer, file, out, args),
    }
}

fn load_tokenizer(dir: &Path, special_tokens: &[String]) -> Result<Tokenizer> {
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
