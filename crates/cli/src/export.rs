//! Writes a checkpoint and its tokenizer as one file for llama.cpp.

use std::path::Path;

use anyhow::{Context as _, Result};
use bpe::formats::gguf::GgufTokenizer;
use model::formats::gguf::Value;

use crate::loaded::Loaded;
use crate::tokenizer::end_of_text;

/// Writes the model and the tokenizer to `out`, as GGUF with weights in `f32`.
///
/// # Errors
/// When llama.cpp cannot express one of the two, or `out` cannot be written.
pub fn gguf(loaded: &Loaded, name: &str, out: &Path) -> Result<()> {
    let Loaded { model, tokenizer } = loaded;
    let config = model.config();
    let GgufTokenizer { model: kind, pre, tokens, token_types, merges } =
        GgufTokenizer::new(tokenizer, config.vocab_size).context("--tokenizer")?;
    let mut about = vec![
        ("general.name", Value::Text(name.into())),
        ("tokenizer.ggml.model", Value::Text(kind.into())),
        ("tokenizer.ggml.pre", Value::Text(pre.into())),
        ("tokenizer.ggml.tokens", Value::Texts(tokens)),
        ("tokenizer.ggml.token_type", Value::I32s(token_types)),
        ("tokenizer.ggml.merges", Value::Texts(merges)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
    ];
    // A checkpoint that was trained without a tokenizer does not know what ends a text.
    if config.eos_token_ids.is_empty()
        && let Some(id) = end_of_text(tokenizer)
    {
        about.push(("tokenizer.ggml.eos_token_id", Value::U32(id)));
    }
    model.save_gguf(out, &about).context("--checkpoint")
}

#[cfg(test)]
mod tests {
    use bpe::{Pattern, Tokenizer, Vocab};
    use model::{ModelConfig, Transformer};

    use super::*;

    fn loaded(pattern: &str) -> Loaded {
        let vocab = Vocab::from_merges(vec![(97, 98)], &["<|endoftext|>".into()]).unwrap();
        let config = ModelConfig {
            vocab_size: 260,
            d_model: 8,
            num_heads: 2,
            num_layers: 1,
            d_ff: 12,
            ..ModelConfig::default()
        };
        let model = Transformer::new(config, 0).unwrap();
        Loaded { model, tokenizer: Tokenizer::new(vocab, Pattern::parse(pattern).unwrap()) }
    }

    #[test]
    fn model_and_tokenizer_are_in_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        gguf(&loaded("gpt2"), "small", &path).unwrap();
        let file = std::fs::read(path).unwrap();
        let has = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
        for text in
            ["GGUF", "small", "gpt-2", "<|endoftext|>", "[unused 259]", "blk.0.ffn_up.weight"]
        {
            assert!(has(text), "{text}");
        }
        let end = [&b"tokenizer.ggml.eos_token_id"[..], &4u32.to_le_bytes(), &256u32.to_le_bytes()];
        assert!(
            file.windows(35).any(|window| window == end.concat()),
            "the id of the end of a text"
        );
    }

    #[test]
    fn a_pattern_of_the_users_own_is_refused() {
        let error = gguf(&loaded(r"\w+|\W"), "small", Path::new("nowhere")).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("--tokenizer: the tokenizer's pattern"),
            "{error:#}"
        );
    }
}
