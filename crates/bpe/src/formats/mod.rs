//! Tokenizers on disk: `vocab.json` and `merges.txt` as GPT-2 has them, `tokenizer.json` and
//! `tokenizer_config.json` as Hugging Face's libraries have them. Only written, never read:
//! `tokenizer.tiktoken` for tiktoken, and the header of a GGUF file for llama.cpp.

mod assemble;
mod byte_unicode;
mod digest;
pub mod gguf;
pub mod gpt2;
pub mod hugging_face;
mod parts;
mod speller;
mod spelling;
mod text;
pub mod tiktoken;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use speller::Speller;

pub(crate) use digest::digest;
pub(crate) use parts::default_end_of_text;
pub use parts::{BeginOfText, Parts};

/// Reads the tokenizer in `dir`: from `tokenizer.json` if that exists, because it names the special
/// tokens and the pattern; else from `vocab.json` and `merges.txt`, with GPT-2's pattern.
///
/// # Errors
/// When there is neither, or the files are damaged or describe no byte-level BPE.
pub fn load(dir: &Path) -> Result<Parts<'static>> {
    let metadata = fs::metadata(dir).map_err(Error::io(dir))?;
    if !metadata.is_dir() {
        let expected = "a directory with tokenizer.json, or with vocab.json and merges.txt";
        return Err(Error::file(dir, "a file", expected, "name the directory that it is in"));
    }
    let [tokenizer, vocab, merges] =
        [hugging_face::TOKENIZER, gpt2::VOCAB, gpt2::MERGES].map(|name| dir.join(name));
    if tokenizer.exists() {
        return hugging_face::load(&tokenizer);
    }
    let missing = match (vocab.exists(), merges.exists()) {
        (true, true) => return gpt2::load(&vocab, &merges),
        (true, false) => "vocab.json without merges.txt",
        (false, true) => "merges.txt without vocab.json",
        (false, false) => "no tokenizer",
    };
    let expected = "tokenizer.json, or vocab.json and merges.txt";
    Err(Error::file(dir, missing, expected, "make a tokenizer with train-tokenizer"))
}

/// Writes the four files into `dir`, which is made if it is missing. Each appears whole or not at
/// all, and none before all are written.
///
/// # Errors
/// When they cannot be written, or two tokens are spelled alike in `vocab.json`.
pub fn save(parts: &Parts, dir: &Path) -> Result<()> {
    let speller = Speller::new(&parts.vocab);
    let path = |name: &str| dir.join(name);
    speller.check().map_err(|error| error.in_files(&path(gpt2::VOCAB), &path(gpt2::MERGES)))?;
    let config = hugging_face::config_json(parts);
    let written = [
        files::prepare(&path(gpt2::VOCAB), |out| gpt2::write_vocab(&speller, out))?,
        files::prepare(&path(gpt2::MERGES), |out| gpt2::write_merges(&speller, out))?,
        files::prepare(&path(hugging_face::TOKENIZER), |out| {
            hugging_face::write_tokenizer(parts, &speller, out)
        })?,
        files::prepare(&path(hugging_face::CONFIG), |out| out.write_all(config.as_bytes()))?,
    ];
    Ok(written.into_iter().try_for_each(|file| file.commit())?)
}
