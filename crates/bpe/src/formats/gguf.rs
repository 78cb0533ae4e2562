//! The tokenizer in the header of a GGUF file, for llama.cpp.
//!
//! It has tokens and merges in GPT-2's spelling, and the name that llama.cpp gives the pattern.
//!
//! The pattern `gpt4` and llama.cpp's expression for the same purpose differ in two ways. White
//! space at the very end of a text (a line break, then blanks) is one pre-token here and two there.
//! The `ſ` of old prints, which is a kind of s, makes a contraction behind an apostrophe here and
//! not there.

use std::borrow::Cow;

use super::parts::Parts;
use super::speller::Speller;
use crate::error::{Error, Result};

/// The type of an ordinary token.
const NORMAL: i32 = 1;
/// The type of a special token.
const CONTROL: i32 = 3;
/// The type of an id without a token.
const UNUSED: i32 = 5;

/// A tokenizer in the terms of llama.cpp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GgufTokenizer {
    /// `tokenizer.ggml.model`: byte-level BPE.
    pub model: &'static str,
    /// `tokenizer.ggml.pre`: the pattern.
    pub pre: &'static str,
    /// `tokenizer.ggml.tokens`, in the order of ids.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.token_type` of each token.
    pub token_types: Vec<i32>,
    /// `tokenizer.ggml.merges`, the first merged first.
    pub merges: Vec<String>,
}

impl GgufTokenizer {
    /// Describes a tokenizer for a model of `vocab_size` ids, at least as many as the tokenizer
    /// has.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a pattern that llama.cpp does not know.
    pub fn new(parts: &Parts, vocab_size: usize) -> Result<GgufTokenizer> {
        let pre = match (parts.pattern.name(), parts.ignore_merges) {
            ("gpt2", false) => "gpt-2",
            ("gpt4", false) => "dbrx",
            ("gpt4", true) => "llama-bpe",
            (name, ignore_merges) => {
                let with = if ignore_merges { " with ignore_merges" } else { "" };
                return Err(Error::Unsupported {
                    found: format!("the pattern {name:?}{with}"),
                    expected: "one that llama.cpp knows: gpt2, gpt4, or gpt4 with ignore_merges",
                });
            }
        };
        let speller = Speller::new(&parts.vocab);
        let mut tokens: Vec<String> = speller.tokens().map(Cow::into_owned).collect();
        let mut token_types = vec![NORMAL; tokens.len()];
        for (_, id) in parts.vocab.specials() {
            token_types[*id as usize] = CONTROL;
        }
        let merges = speller.merges().map(|[left, right]| format!("{left} {right}")).collect();
        tokens.extend((tokens.len()..vocab_size).map(|id| format!("[unused {id}]")));
        token_types.resize(tokens.len(), UNUSED);
        Ok(GgufTokenizer { model: "gpt2", pre, tokens, token_types, merges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, Tokenizer, Vocab};

    fn tokenizer(pattern: &str) -> Tokenizer {
        let vocab = Vocab::from_merges(vec![(32, 97), (257, 98)], &["<|end|>".into()]).unwrap();
        Tokenizer::new(vocab, Pattern::parse(pattern).unwrap())
    }

    #[test]
    fn tokens_are_spelled_and_told_apart() {
        let found = GgufTokenizer::new(&tokenizer("gpt2").parts(), 261).unwrap();
        assert_eq!(found.pre, "gpt-2");
        assert_eq!(found.tokens[256..], ["<|end|>", "Ġa", "Ġab", "[unused 259]", "[unused 260]"]);
        assert_eq!(found.token_types[255..], [NORMAL, CONTROL, NORMAL, NORMAL, UNUSED, UNUSED]);
        assert_eq!(found.merges, ["Ġ a", "Ġa b"]);
    }

    #[test]
    fn patterns_have_their_names_there() {
        let pre =
            |tokenizer: Tokenizer| GgufTokenizer::new(&tokenizer.parts(), 0).map(|found| found.pre);
        assert_eq!(pre(tokenizer("gpt4")).unwrap(), "dbrx");
        assert_eq!(pre(tokenizer("gpt4").ignore_merges()).unwrap(), "llama-bpe");
        let unknown = [tokenizer(r"\w+|\W"), tokenizer("gpt2").ignore_merges()];
        for error in unknown.map(|tokenizer| pre(tokenizer).unwrap_err().to_string()) {
            assert!(error.contains("llama.cpp") && error.contains("gpt2, gpt4"), "{error}");
        }
    }
}
