//! Tokenizers on disk: `vocab.json` and `merges.txt` as GPT-2 has them, `tokenizer.json` and
//! `tokenizer_config.json` as Hugging Face's libraries have them; `tokenizer.tiktoken` for tiktoken
//! and the header of a GGUF file for llama.cpp, only to be written.

mod assemble;
mod byte_unicode;
pub mod gguf;
pub mod gpt2;
pub mod hugging_face;
mod spelling;
pub mod tiktoken;

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use spelling::Speller;

/// Reads the tokenizer in `dir`: from `tokenizer.json` if there is one, because it names the
/// special tokens and the pattern; else from `vocab.json` and `merges.txt`, with GPT-2's pattern.
///
/// # Errors
/// When there is neither, or what is there is damaged or no byte-level BPE.
pub fn load(dir: &Path) -> Result<Tokenizer> {
    let metadata = fs::metadata(dir).map_err(Error::io(dir))?;
    if !metadata.is_dir() {
        let expected = "a directory with tokenizer.json, or with vocab.json and merges.txt";
        return Err(Error::file(dir, "a file", expected, "name the directory that it is in"));
    }
    let there = |name: &str| dir.join(name).exists();
    if there(hugging_face::TOKENIZER) {
        hugging_face::load(&dir.join(hugging_face::TOKENIZER))
    } else if there(gpt2::VOCAB) && there(gpt2::MERGES) {
        gpt2::load(&dir.join(gpt2::VOCAB), &dir.join(gpt2::MERGES))
    } else {
        let missing = match (there(gpt2::VOCAB), there(gpt2::MERGES)) {
            (true, false) => "vocab.json without merges.txt",
            (false, true) => "merges.txt without vocab.json",
            _ => "no tokenizer",
        };
        Err(Error::file(
            dir,
            missing,
            "tokenizer.json, or vocab.json and merges.txt",
            "make a tokenizer with train-tokenizer",
        ))
    }
}

/// Writes the four files into `dir`, which is made if it is missing. Each appears whole or not at
/// all, and none before all are written.
///
/// # Errors
/// When they cannot be written, or two tokens are spelled alike in `vocab.json`.
pub fn save(tokenizer: &Tokenizer, dir: &Path) -> Result<()> {
    let speller = Speller::new(tokenizer.vocab());
    speller.check().map_err(|error| error.in_file(&dir.join(gpt2::VOCAB)))?;
    let config = hugging_face::config_json(tokenizer);
    let path = |name: &str| dir.join(name);
    let written = [
        files::prepare(&path(gpt2::VOCAB), |out| gpt2::write_vocab(&speller, out))?,
        files::prepare(&path(gpt2::MERGES), |out| gpt2::write_merges(&speller, out))?,
        files::prepare(&path(hugging_face::TOKENIZER), |out| {
            hugging_face::write_tokenizer(tokenizer, &speller, out)
        })?,
        files::prepare(&path(hugging_face::CONFIG), |out| out.write_all(config.as_bytes()))?,
    ];
    for file in written {
        file.commit()?;
    }
    Ok(())
}

/// The text of a file that is not too large and is UTF-8.
fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = files::open(path).map_err(Error::io(path))?;
    let refused =
        |found: &str| Error::file(path, found, "a tokenizer file", "is this the right directory?");
    match file.take(files::LARGEST).read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused("bytes that are not UTF-8"))
        }
        Err(error) => Err(Error::io(path)(error)),
        Ok(len) if len as u64 == files::LARGEST => Err(refused("more than a gigabyte")),
        Ok(_) => Ok(text),
    }
}

/// An error about JSON that is none, or that has something else than expected.
fn json_error(path: &Path, error: &serde_json::Error) -> Error {
    Error::file(path, error.to_string(), "a whole JSON file of a tokenizer", "is the file cut off?")
}
