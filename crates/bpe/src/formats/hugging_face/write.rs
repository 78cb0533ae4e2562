//! Writing `tokenizer.json` and `tokenizer_config.json`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::pre_tokenizer::{byte_level, pre_tokenizer};
use crate::formats::parts::Parts;
use crate::formats::speller::Speller;
use crate::special::END_OF_TEXT;
use crate::vocab::Vocab;

/// Writes the content of `tokenizer.json`, with a line per token and merge.
///
/// # Errors
/// Those of `out`.
pub(in crate::formats) fn write_tokenizer(
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
    let added: Vec<Value> = specials.iter().map(added_token).collect();
    out.write_all(b"{\n")?;
    for (key, value) in [
        ("version", json!("1.0")),
        ("truncation", Value::Null),
        ("padding", Value::Null),
        ("added_tokens", Value::Array(added)),
        ("normalizer", Value::Null),
        ("pre_tokenizer", pre_tokenizer(&parts.pattern)),
        ("post_processor", byte_level(true)),
        ("decoder", byte_level(true)),
    ] {
        writeln!(out, "  \"{key}\": {value},")?;
    }
    out.write_all(b"  \"model\": {\n")?;
    for (key, value) in [
        ("type", json!("BPE")),
        ("dropout", Value::Null),
        ("unk_token", Value::Null),
        ("continuing_subword_prefix", Value::Null),
        ("end_of_word_suffix", Value::Null),
        ("fuse_unk", json!(false)),
        ("byte_fallback", json!(false)),
        ("ignore_merges", json!(parts.ignore_merges)),
    ] {
        writeln!(out, "    \"{key}\": {value},")?;
    }
    out.write_all(b"    \"vocab\": {\n      ")?;
    speller.write_ids(",\n      ", out)?;
    out.write_all(b"\n    },\n    \"merges\": [")?;
    for (rank, merge) in speller.merges().enumerate() {
        out.write_all(if rank == 0 { b"\n      " } else { b",\n      " })?;
        serde_json::to_writer(&mut *out, &merge)?;
    }
    out.write_all(b"\n    ]\n  }\n}\n")
}

/// Returns the content of `tokenizer_config.json`. As with GPT-2, one token is the beginning, the
/// end and the unknown token: [`END_OF_TEXT`], or else the first special token.
pub fn config_json(vocab: &Vocab) -> String {
    let specials = vocab.specials();
    let end = specials.iter().find(|(text, _)| text == END_OF_TEXT).or(specials.first());
    let mut config = Map::new();
    config.insert("add_prefix_space".into(), json!(false));
    config.insert("clean_up_tokenization_spaces".into(), json!(false));
    config.insert("tokenizer_class".into(), json!("PreTrainedTokenizerFast"));
    if let Some((text, _)) = end {
        for role in ["bos_token", "eos_token", "unk_token"] {
            config.insert(role.into(), json!(text));
        }
    }
    format!("{:#}\n", Value::Object(config))
}
