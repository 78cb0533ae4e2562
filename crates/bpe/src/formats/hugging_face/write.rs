//! Writing `tokenizer.json` and `tokenizer_config.json`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::pre_tokenizer::{byte_level, pre_tokenizer};
use crate::formats::parts::Parts;
use crate::formats::speller::Speller;

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
        json!({
            "id": id, "content": text, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    };
    write!(
        out,
        r#"{{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": {added},
  "normalizer": null,
  "pre_tokenizer": {pre_tokenizer},
  "post_processor": {byte_level},
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
    format!("{config:#}\n")
}
