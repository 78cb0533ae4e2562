//! Token files that are checked as a whole before a run, with their identity.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::digest;
use crate::data::tokens::TokenFile;

/// The number of ids in a block, which one thread reads at a time. Part of the digest's definition.
const BLOCK: usize = 1 << 20;

/// The identity of a token file's content. A resumed run needs the same tokens, at any path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The number of tokens.
    pub tokens: u64,
    /// SHA-256 over the SHA-256 of each 2²⁰ ids as little-endian 32-bit numbers.
    pub sha256: String,
}

/// The conditions that a token file has to meet.
#[derive(Debug, Clone, Copy)]
pub struct Requirements<'a> {
    /// All ids are below.
    pub vocab_size: usize,
    /// The least number of tokens.
    pub least: usize,
    /// The reason for that number, for messages.
    pub reason: &'a str,
}

/// A token file all of whose ids fit the vocabulary.
pub struct Dataset {
    /// The path as it was typed.
    pub path: PathBuf,
    /// The tokens.
    pub tokens: TokenFile,
    /// Their identity.
    pub identity: Identity,
    /// The number of ends of text in it.
    pub ends_of_text: u64,
}

/// A block of a token file, read once.
struct Block {
    max: u32,
    ends_of_text: u64,
    sha256: String,
}

impl Dataset {
    /// Opens the file `path`, the value of `flag`, and reads all of it. Counts the tokens
    /// `end_of_text` meanwhile.
    ///
    /// # Errors
    /// When it is no token file, or does not meet the requirements.
    pub fn open(
        flag: &str,
        path: &Path,
        required: Requirements,
        end_of_text: Option<u32>,
    ) -> Result<Dataset> {
        let Requirements { vocab_size, least, reason } = required;
        let tokens = TokenFile::open(path).with_context(|| flag.to_string())?;
        let len = tokens.len();
        let shown = path.display();
        ensure!(
            len >= least,
            "{flag}: {shown}: {len} tokens, expected at least {least} ({reason}); give more text"
        );
        let blocks: Vec<Block> = (0..len.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let ids = tokens.iter(block * BLOCK..len.min((block + 1) * BLOCK));
                let (mut max, mut ends_of_text) = (0, 0);
                let mut bytes = Vec::with_capacity(ids.len() * 4);
                for id in ids {
                    max = max.max(id);
                    ends_of_text += u64::from(Some(id) == end_of_text);
                    bytes.extend_from_slice(&id.to_le_bytes());
                }
                Block { max, ends_of_text, sha256: digest::of_bytes(&bytes) }
            })
            .collect();
        let max = blocks.iter().map(|block| block.max).max().unwrap_or(0);
        ensure!(
            (max as usize) < vocab_size,
            "{flag}: {shown}: found the id {max}, expected ids below {vocab_size}, the \
             vocabulary's size; give the --tokenizer that made the file, or its --vocab-size"
        );
        let ends_of_text = blocks.iter().map(|block| block.ends_of_text).sum();
        let digests: String = blocks.into_iter().map(|block| block.sha256).collect();
        let identity =
            Identity { tokens: len as u64, sha256: digest::of_bytes(digests.as_bytes()) };
        Ok(Dataset { path: path.into(), tokens, identity, ends_of_text })
    }
}
