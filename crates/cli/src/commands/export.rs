//! Export of a checkpoint and its tokenizer, for other programs.

use std::path::Path;

use anyhow::{Context as _, Result};
use bpe::Tokenizer;
use bpe::formats::gguf::GgufTokenizer;
use model::formats::gguf::{GgufError, Value};
use model::formats::safetensors::StoredType;

use crate::run::loaded::Loaded;
use crate::run::tokenizer::{TokenizerFiles, end_of_text};

/// Writes the model and its tokenizer's files into the directory `out`, laid out like Hugging
/// Face's, with weights of the type `stored`. What only resuming needs stays behind.
///
/// # Errors
/// When `out` cannot be written.
pub fn directory(loaded: &Loaded, out: &Path, stored: StoredType) -> Result<()> {
    let (_, mut tokenizer) = TokenizerFiles::load(&loaded.tokenizer_dir)?;
    tokenizer.set_begin_of_text(loaded.begin_of_text()?)?;
    files::check_dir(out).context("--out")?;
    loaded.model.save_as(out, stored).context("--out")?;
    tokenizer.write(out).context("--out")
}

/// Writes the model and the tokenizer to `out`, as GGUF with weights in `f32`.
///
/// # Errors
/// When llama.cpp cannot express the model or the tokenizer, or `out` cannot be written.
pub fn gguf(loaded: &Loaded, name: &str, out: &Path) -> Result<()> {
    let Loaded { model, tokenizer, tokenizer_flag, .. } = loaded;
    let begin_of_text = loaded.begin_of_text()?;
    let config = model.config();
    let GgufTokenizer { model: kind, pre, tokens, token_types, merges } =
        GgufTokenizer::new(&tokenizer.parts(), config.vocab_size).context(*tokenizer_flag)?;
    let mut about = vec![
        ("general.name", Value::Text(name.into())),
        ("tokenizer.ggml.model", Value::Text(kind.into())),
        ("tokenizer.ggml.pre", Value::Text(pre.into())),
        ("tokenizer.ggml.tokens", Value::Texts(tokens)),
        ("tokenizer.ggml.token_type", Value::I32s(token_types)),
        ("tokenizer.ggml.merges", Value::Texts(merges)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(begin_of_text.is_some())),
    ];
    let ends = ends(tokenizer, &config.eos_token_ids, config.vocab_size);
    if ends.is_empty() {
        log::warn!(
            "no special token and no id without a token: llama.cpp will end texts at token 11"
        );
    }
    about.extend(END_KEYS.into_iter().zip(&ends).map(|(key, &id)| (key, Value::U32(id))));
    let start = begin_of_text.or(config.bos_token_id).or(ends.first().copied());
    about.extend(start.map(|id| ("tokenizer.ggml.bos_token_id", Value::U32(id))));
    model.save_gguf(out, &about).map_err(|error| {
        let flag = match error {
            GgufError::NoLlama { .. } => "--checkpoint",
            GgufError::File(_) => "--out",
        };
        anyhow::Error::new(error).context(flag)
    })
}

/// The keys of the tokens that end a text in llama.cpp.
const END_KEYS: [&str; 3] =
    ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/// Returns the ids that end a text: the model's, or, for a checkpoint that was trained without a
/// tokenizer, the tokenizer's. If there is none, returns an id that is never generated, because
/// llama.cpp would otherwise end texts at token 11.
fn ends(tokenizer: &Tokenizer, of_model: &[u32], vocab_size: usize) -> Vec<u32> {
    if !of_model.is_empty() {
        return of_model.to_vec();
    }
    let unused = (tokenizer.vocab_size() < vocab_size).then(|| tokenizer.vocab_size() as u32);
    end_of_text(tokenizer).or(unused).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use bpe::{Pattern, Vocab};
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
        let tokenizer = Tokenizer::new(vocab, Pattern::parse(pattern).unwrap());
        Loaded {
            tokenizer_dir: "".into(),
            model,
            tokenizer,
            tokenizer_flag: "--tokenizer",
            dir: "nowhere".into(),
            own_tokenizer: None,
        }
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
    fn there_is_always_something_that_ends_a_text() {
        let tokenizer = |specials: &[&str]| {
            let specials: Vec<String> = specials.iter().map(|&special| special.into()).collect();
            let vocab = Vocab::from_merges(vec![(97, 98)], &specials).unwrap();
            Tokenizer::new(vocab, Pattern::parse("gpt2").unwrap())
        };
        let end = "<|endoftext|>";
        assert_eq!(ends(&tokenizer(&[end]), &[3, 5], 300), [3, 5]);
        assert_eq!(ends(&tokenizer(&["<s>", end]), &[], 300), [257]);
        // As in the checkpoint's other files, the first special token.
        assert_eq!(ends(&tokenizer(&["<s>", "</s>"]), &[], 300), [256]);
        assert_eq!(ends(&tokenizer(&[]), &[], 300), [257]);
        assert!(ends(&tokenizer(&[]), &[], 256).is_empty());
    }

    #[test]
    fn errors_name_the_flag() {
        let dir = tempfile::tempdir().unwrap();
        let error = gguf(&loaded("gpt2"), "small", dir.path()).unwrap_err();
        assert!(format!("{error:#}").starts_with("--out: "), "{error:#}");
    }

    #[test]
    fn a_pattern_of_the_users_own_is_refused() {
        let error = gguf(&loaded(r"\w+|\W"), "small", Path::new("nowhere")).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.starts_with("--tokenizer: ") && message.contains("pattern"), "{message}");
    }
}
