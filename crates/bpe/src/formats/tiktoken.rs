//! tiktoken's file, `tokenizer.tiktoken`.
//!
//! It has a line per token, special ones left out: the token's bytes in base64, a space, its rank.
//!
//! tiktoken has no list of pairs: it joins any two neighbours whose bytes together are a token, the
//! token of lowest rank first. With the ids of a trained vocabulary as ranks, that gives the same
//! tokens: the bytes of each token merge to it in one way only, so no pair but that of its merge
//! ever makes it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// The name of the file.
pub const FILE: &str = "tokenizer.tiktoken";

/// Writes the file into `dir` and returns its path. The file holds neither the pattern nor the
/// special tokens; whoever loads it has to name them.
///
/// # Errors
/// When it cannot be written, or the order of merges is not that of the ids they make.
pub fn save(vocab: &Vocab, dir: &Path) -> Result<PathBuf> {
    if !vocab.merged().is_sorted_by(|a, b| a < b) {
        return Err(Error::Unsupported {
            found: "merges in another order than the ids that they make".into(),
            expected: "ids that rise with the merges, as training gives them: tokenizer.tiktoken \
                       has no list of merges",
        });
    }
    let path = dir.join(FILE);
    files::write_with(&path, |out| write(vocab, out))?;
    Ok(path)
}

fn write(vocab: &Vocab, out: &mut impl Write) -> io::Result<()> {
    for (id, token) in (0u32..).zip(vocab.tokens()) {
        if vocab.specials().iter().all(|&(_, special)| special != id) {
            writeln!(out, "{} {id}", STANDARD.encode(token))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_token() {
        let vocab = Vocab::from_merges(vec![(104, 101), (257, 121)], &["<|end|>".into()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(save(&vocab, dir.path()).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 258);
        assert_eq!((lines[0], lines[104], lines[255]), ("AA== 0", "aA== 104", "/w== 255"));
        assert_eq!(lines[256..], ["aGU= 257", "aGV5 258"]);
    }

    #[test]
    fn merges_that_do_not_rise_are_refused() {
        let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
        tokens.extend([b"ab".to_vec(), b"cd".to_vec()]);
        let vocab = Vocab::new(&tokens, vec![(99, 100), (97, 98)], vec![]).unwrap();
        let error = save(&vocab, Path::new("nowhere")).unwrap_err().to_string();
        assert!(error.contains("tokenizer.tiktoken") && error.contains("another order"), "{error}");
    }
}
