//! Tokenizers on disk, as GPT-2, Hugging Face, tiktoken and llama.cpp have them.
//!
//! | file | of | |
//! |---|---|---|
//! | `tokenizer.json`, `tokenizer_config.json` | Hugging Face | read and written |
//! | `vocab.json`, `merges.txt` | GPT-2 | read and written |
//! | `tokenizer.tiktoken` | tiktoken | written |
//! | the header of a GGUF file | llama.cpp | written |

mod assemble;
mod byte_unicode;
mod digest;
pub mod gguf;
pub mod gpt2;
pub mod hugging_face;
mod parts;
mod source;
mod speller;
mod spelling;
mod text;
pub mod tiktoken;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use hugging_face::config::Config;
use source::Source;
use speller::Speller;

pub(crate) use digest::digest;
pub use parts::{BeginOfText, Parts};

/// Reads the tokenizer in `dir`.
///
/// It comes from `tokenizer.json` if that exists, because it has the pattern; else from
/// `vocab.json` and `merges.txt`. Special tokens may be in other files beside them.
///
/// # Errors
/// When there is neither, or the files are damaged or describe no byte-level BPE.
pub fn load(dir: &Path) -> Result<Parts<'static>> {
    let metadata = fs::metadata(dir).map_err(Error::io(dir))?;
    if !metadata.is_dir() {
        let expected = "a directory with tokenizer.json, or with vocab.json and merges.txt";
        return Err(Error::file(dir, "a file", expected, "name the directory that it is in"));
    }
    load_from(Source::Directory(dir), dir)
}

/// Reads the tokenizer that files in memory make, given by name; see [`load`].
///
/// # Errors
/// As for [`load`].
pub fn load_files(files: &[(&str, &[u8])]) -> Result<Parts<'static>> {
    load_from(Source::Memory(files), Path::new("the tokenizer's files"))
}

fn load_from(source: Source, place: &Path) -> Result<Parts<'static>> {
    let config = Config::read(source)?;
    if let Some(text) = source.read(hugging_face::TOKENIZER)? {
        return hugging_face::load(&text, &source.path(hugging_face::TOKENIZER), &config);
    }
    let missing = match (source.read(gpt2::VOCAB)?, source.read(gpt2::MERGES)?) {
        (Some(vocab), Some(merges)) => return gpt2::load(&vocab, &merges, source, &config),
        (Some(_), None) => "vocab.json without merges.txt",
        (None, Some(_)) => "merges.txt without vocab.json",
        (None, None) => "no tokenizer",
    };
    let expected = "tokenizer.json, or vocab.json and merges.txt";
    Err(Error::file(place, missing, expected, "make a tokenizer with train-tokenizer"))
}

/// Returns the names and contents of the four files that [`save`] writes.
///
/// # Errors
/// When two tokens are spelled alike in `vocab.json`.
pub fn to_files(parts: &Parts) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let speller = Speller::new(&parts.vocab);
    speller.check().map_err(|error| error.in_files(gpt2::VOCAB.as_ref(), gpt2::MERGES.as_ref()))?;
    let [mut vocab, mut merges, mut tokenizer] = [const { Vec::new() }; 3];
    gpt2::write_vocab(&speller, &mut vocab)?;
    gpt2::write_merges(&speller, &mut merges)?;
    hugging_face::write_tokenizer(parts, &speller, &mut tokenizer)?;
    let config = hugging_face::config_json(parts).into_bytes();
    Ok(vec![
        (gpt2::VOCAB, vocab),
        (gpt2::MERGES, merges),
        (hugging_face::TOKENIZER, tokenizer),
        (hugging_face::CONFIG, config),
    ])
}

/// Writes the four files into `dir`, which is made if it is missing.
///
/// Each appears whole or not at all, and none before all are written.
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
