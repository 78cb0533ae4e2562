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

/// A token file all of whose ids fit the vocabulary.
pub struct Dataset {
    /// The path as it was typed.
    pub path: PathBuf,
    /// The tokens.
    pub tokens: TokenFile,
    /// Their identity.
    pub identity: Identity,
}

impl Dataset {
    /// Opens the file `path`, the value of `flag`, and reads all of it.
    ///
    /// # Errors
    /// When it is no token file, has fewer than `least` tokens (for `reason`), or an id that does
    /// not fit the vocabulary.
    pub fn open(
        flag: &str,
        path: &Path,
        vocab_size: usize,
        least: usize,
        reason: &str,
    ) -> Result<Dataset> {
        let tokens = TokenFile::open(path).with_context(|| flag.to_string())?;
        let len = tokens.len();
        let shown = path.display();
        ensure!(
            len >= least,
            "{flag}: {shown}: {len} tokens, expected at least {least} ({reason}); give more text"
        );
        let blocks: Vec<(u32, String)> = (0..len.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let ids = tokens.iter(block * BLOCK..len.min((block + 1) * BLOCK));
                let mut max = 0;
                let mut bytes = Vec::with_capacity(ids.len() * 4);
                for id in ids {
                    max = max.max(id);
                    bytes.extend_from_slice(&id.to_le_bytes());
                }
                (max, digest::of_bytes(&bytes))
            })
            .collect();
        let max = blocks.iter().map(|(max, _)| *max).max().unwrap_or(0);
        ensure!(
            (max as usize) < vocab_size,
            "{flag}: {shown}: found the id {max}, expected ids below {vocab_size}, the \
             vocabulary's size; give the --tokenizer that made the file, or its --vocab-size"
        );
        let digests: String = blocks.into_iter().map(|(_, digest)| digest).collect();
        let identity =
            Identity { tokens: len as u64, sha256: digest::of_bytes(digests.as_bytes()) };
        Ok(Dataset { path: path.into(), tokens, identity })
    }
}
