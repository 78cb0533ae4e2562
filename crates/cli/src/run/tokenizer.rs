//! A tokenizer together with its files, which a checkpoint keeps so that it can be used as it is.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use bpe::Tokenizer;
use bpe::formats::{self, hugging_face};
use serde_json::Value;

/// The directory that `train-tokenizer` writes and the other programs read by default.
pub const DEFAULT_DIR: &str = "data/tokenizer";

/// All names that a tokenizer's files can have.
const NAMES: [&str; 6] = [
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Returns the names of the tokenizer's files that are in `dir`.
pub fn names_in(dir: &Path) -> Vec<&'static str> {
    NAMES.into_iter().filter(|name| dir.join(name).exists()).collect()
}

/// Returns the id of the token that ends texts, if the tokenizer has one.
pub fn end_of_text(tokenizer: &Tokenizer) -> Option<u32> {
    tokenizer.end_of_text()
}

/// A tokenizer's files as they are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerFiles(Vec<(&'static str, Vec<u8>)>);

/// Returns `true` if the files of these names make a tokenizer.
fn is_tokenizer(has: impl Fn(&str) -> bool) -> bool {
    has("tokenizer.json") || (has("vocab.json") && has("merges.txt"))
}

impl TokenizerFiles {
    /// Reads the files in `dir`; `None` if they make no tokenizer.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(dir: &Path) -> Result<Option<TokenizerFiles>> {
        let mut files = Vec::new();
        for name in NAMES {
            let path = dir.join(name);
            match files::read(&path) {
                Ok(bytes) => files.push((name, bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
        let files = TokenizerFiles(files);
        Ok(is_tokenizer(|name| files.has(name)).then_some(files))
    }

    /// Loads the tokenizer in `dir` together with its files. A `tokenizer.json` is added to files
    /// without one, so that other programs can load a checkpoint with them, and a
    /// `tokenizer_config.json` likewise.
    ///
    /// # Errors
    /// When `dir` holds no valid tokenizer.
    pub fn load(dir: &Path) -> Result<(Tokenizer, TokenizerFiles)> {
        let tokenizer = Tokenizer::load(dir)?;
        let files = TokenizerFiles::read(dir)?;
        let mut files =
            files.with_context(|| format!("{}: no tokenizer's files", dir.display()))?;
        if !files.has(hugging_face::TOKENIZER) {
            let made = formats::to_files(&tokenizer.parts()).context("--tokenizer")?;
            let made = made.into_iter().filter(|(name, _)| !files.has(name)).collect::<Vec<_>>();
            files.0.extend(made);
            files.0.sort_by_key(|(name, _)| NAMES.iter().position(|known| known == name));
        }
        Ok((tokenizer, files))
    }

    /// Returns `true` if [`TokenizerFiles::read`] would find a tokenizer in `dir`.
    pub fn are_in(dir: &Path) -> bool {
        is_tokenizer(|name| dir.join(name).exists())
    }

    /// Returns the tokenizer that the files make.
    ///
    /// # Errors
    /// When they are invalid.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let files: Vec<(&str, &[u8])> =
            self.0.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        Tokenizer::from_files(&files).context("the tokenizer in the checkpoint")
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    /// Returns the token that `tokenizer_config.json` names as the one that begins texts, if
    /// `tokenizer`, which these files make, has it as a special token.
    pub fn bos_token(&self, tokenizer: &Tokenizer) -> Option<u32> {
        let (_, bytes) = self.0.iter().find(|(name, _)| *name == hugging_face::CONFIG)?;
        let config: Value = serde_json::from_slice(bytes).ok()?;
        let named = &config["bos_token"];
        tokenizer.special_id(named.as_str().or(named["content"].as_str())?)
    }

    /// Writes into `tokenizer.json` and `tokenizer_config.json` that the token `bos` stands before
    /// a text, or none. All else in them stays as it is.
    ///
    /// # Errors
    /// When the files are invalid, or the tokenizer has no such token.
    pub fn set_begin_of_text(&mut self, bos: Option<u32>) -> Result<()> {
        let tokenizer = self.tokenizer()?;
        let text = |id: u32| {
            let text = String::from_utf8(tokenizer.token(id)?.to_vec());
            text.with_context(|| format!("the token {id} is no text, so no text begins with it"))
        };
        let token = bos.map(text).transpose()?;
        let bos = token.as_deref().zip(bos);
        let config = hugging_face::CONFIG;
        if !self.has(config) {
            self.0.push((config, hugging_face::config_json(&tokenizer.parts()).into_bytes()));
        }
        for (name, bytes) in &mut self.0 {
            let json = std::str::from_utf8(bytes).with_context(|| format!("{name}: not UTF-8"));
            let path = Path::new(*name);
            *bytes = match *name {
                hugging_face::TOKENIZER => {
                    hugging_face::tokenizer_with_begin_of_text(json?, bos, path)?.into_bytes()
                }
                hugging_face::CONFIG => {
                    let token = token.as_deref();
                    hugging_face::config_with_begin_of_text(json?, token, path)?.into_bytes()
                }
                _ => continue,
            };
        }
        Ok(())
    }

    /// Writes the files into `dir`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let mut files = self.0.iter();
        Ok(files.try_for_each(|(name, bytes)| files::write(&dir.join(name), bytes))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpe::{BeginOfText, Pattern, Vocab};

    #[test]
    fn the_beginning_of_texts_is_written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let vocab = Vocab::from_merges(vec![(97, 98)], &["<|a|>".into(), "<|b|>".into()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2()).save(dir.path()).unwrap();
        let (tokenizer, mut files) = TokenizerFiles::load(dir.path()).unwrap();
        assert_eq!(tokenizer.begin_of_text(), BeginOfText::Unstated);
        let digest = tokenizer.digest();
        for (bos, expected) in [(Some(257), BeginOfText::Token(257)), (None, BeginOfText::Nothing)]
        {
            files.set_begin_of_text(bos).unwrap();
            let again = files.tokenizer().unwrap();
            assert_eq!((again.begin_of_text(), again.digest()), (expected, digest.clone()));
            let before = files.clone();
            files.set_begin_of_text(bos).unwrap();
            assert_eq!(files, before);
        }
        assert!(files.set_begin_of_text(Some(999)).is_err());
        assert!(files.set_begin_of_text(Some(200)).is_err());
    }

    /// A `tokenizer.json` is added in memory: a missing directory for temporary files stopped
    /// training, and the configuration that was there was lost.
    #[test]
    fn files_that_are_there_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let vocab = Vocab::from_merges(vec![(97, 98)], &["<|a|>".into()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2()).save(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
        let config = r#"{"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|a|>",
            "bos_token": null, "unk_token": null, "chat_template": "{{ messages }}"}"#;
        std::fs::write(dir.path().join("tokenizer_config.json"), config).unwrap();
        let (tokenizer, files) = TokenizerFiles::load(dir.path()).unwrap();
        let names: Vec<&str> = files.0.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, NAMES[..4]);
        assert_eq!(files.0[3].1, config.as_bytes());
        let again = files.tokenizer().unwrap();
        assert_eq!(again.digest(), tokenizer.digest());
        assert_eq!(end_of_text(&again), Some(256));
        assert_eq!(end_of_text(&tokenizer), Some(256));
    }
}
