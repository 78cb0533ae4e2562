//! tiktoken's file: a line for each token but special ones, its bytes in base64, a space, its rank.
//!
//! tiktoken knows no pairs: it joins any two neighbours whose bytes together are a token, the one
//! of lowest rank first. With the ids of a trained vocabulary as ranks that gives the same tokens:
//! no other pair than that of the merge ever meets, as each token's own bytes merge to it in one
//! way.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// The file's name.
pub const FILE: &str = "tokenizer.tiktoken";

/// Writes the file into `dir`, which must be there; gives its path. The pattern and the special
/// tokens are not in it: whoever loads it has to name them.
///
/// # Errors
/// When it cannot be written, or the order of merges is not that of the ids they make.
pub fn save(vocab: &Vocab, dir: &Path) -> Result<PathBuf> {
    let path = dir.join(FILE);
    check(vocab).map_err(|error| error.in_file(&path))?;
    files::write_with(&path, |out| write(vocab, out))?;
    Ok(path)
}

fn check(vocab: &Vocab) -> Result<()> {
    if vocab.merged().is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(Error::vocab(
        "merges in another order than the ids that they make",
        "ids that rise with the merges, as training gives them: a .tiktoken file has no merges of its own",
    ))
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
