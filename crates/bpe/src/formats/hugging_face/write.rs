//! Writing `tokenizer.json` and `tokenizer_config.json`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::post_processor::with_begin_of_text;
use super::pre_tokenizer::{byte_level, pre_tokenizer};
use crate::formats::parts::{BeginOfText, Parts};
use crate::formats::speller::Speller;
use crate::pretokenize::normalizer::Normalizer;
use crate::special::SpecialFlags;

/// Writes the content of `tokenizer.json`, with a line per token and merge.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_tokenizer(
    parts: &Parts,
    speller: &Speller,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut specials = parts.vocab.specials().to_vec();
    specials.sort_by_key(|&(_, id)| id);
    let added_token = |(text, id): &(String, u32)| {
        let SpecialFlags { special, normalized } = parts.flags.get(id).copied().unwrap_or_default();
        json!({
            "id": id, "content": text, "special": special, "normalized": normalized,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    };
    let bos = match parts.begin_of_text {
        BeginOfText::Token(id) => specials.iter().find(|&&(_, special)| special == id),
        _ => None,
    };
    let bos = bos.map(|(text, id)| (text.as_str(), *id));
    let post_processor = with_begin_of_text(&byte_level(), bos).unwrap_or_else(byte_level);
    write!(
        out,
        r#"{{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": {added},
  "normalizer": {normalizer},
  "pre_tokenizer": {pre_tokenizer},
  "post_processor": {post_processor},
  "decoder": {byte_level},
  "model": {{
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": {ignore_merges},
    "vocab": {{
      "#,
        added = specials.iter().map(added_token).collect::<Value>(),
        normalizer = normalizer_json(parts.normalizer),
        pre_tokenizer = pre_tokenizer(&parts.pattern),
        byte_level = byte_level(),
        ignore_merges = parts.ignore_merges,
    )?;
    speller.write_ids(",\n      ", out)?;
    out.write_all(b"\n    },\n    \"merges\": [")?;
    for (rank, merge) in speller.merges().enumerate() {
        out.write_all(if rank == 0 { b"\n      " } else { b",\n      " })?;
        serde_json::to_writer(&mut *out, &merge)?;
    }
    out.write_all(b"\n    ]\n  }\n}\n")
}

/// Returns the value of `normalizer`.
pub(in crate::formats) fn normalizer_json(normalizer: Normalizer) -> Value {
    match normalizer {
        Normalizer::Nothing => Value::Null,
        Normalizer::Nfc => json!({ "type": "NFC" }),
    }
}

/// Returns the content of `tokenizer_config.json`. As with GPT-2, one token is the beginning, the
/// end and the unknown token.
pub fn config_json(parts: &Parts) -> String {
    let mut specials = parts.vocab.specials().iter();
    let end = specials.find(|&&(_, id)| Some(id) == parts.end_of_text);
    let mut config = json!({
        "add_prefix_space": false, "clean_up_tokenization_spaces": false,
        "tokenizer_class": "PreTrainedTokenizerFast",
    });
    if let Some((text, _)) = end {
        for role in ["bos_token", "eos_token", "unk_token"] {
            config[role] = json!(text);
        }
    }
    match parts.begin_of_text {
        BeginOfText::Unstated | BeginOfText::Unsupported => {}
        BeginOfText::Nothing => config["add_bos_token"] = json!(false),
        BeginOfText::Token(id) => {
            let mut specials = parts.vocab.specials().iter();
            config["add_bos_token"] = json!(true);
            config["bos_token"] = json!(specials.find(|s| s.1 == id).map(|s| &s.0));
        }
    }
    format!("{config:#}\n")
}
