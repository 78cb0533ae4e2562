//! Writing `tokenizer.json` and `tokenizer_config.json`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{GPT4, UNCUT};
use crate::formats::spelling::Speller;
use crate::special::END_OF_TEXT;
use crate::tokenizer::Tokenizer;

/// Writes the content of `tokenizer.json`.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_tokenizer(
    tokenizer: &Tokenizer,
    speller: &Speller,
    out: &mut impl Write,
) -> io::Result<()> {
    let added: Vec<Value> = by_id(tokenizer.vocab().specials())
        .into_iter()
        .map(|(text, id)| {
            json!({
                "id": id, "content": text, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        })
        .collect();
    let model = [
        ("type", json!("BPE")),
        ("dropout", Value::Null),
        ("unk_token", Value::Null),
        ("continuing_subword_prefix", Value::Null),
        ("end_of_word_suffix", Value::Null),
        ("fuse_unk", json!(false)),
        ("byte_fallback", json!(false)),
        ("ignore_merges", json!(tokenizer.ignores_merges())),
    ];
    out.write_all(b"{\n")?;
    for (key, value) in [
        ("version", json!("1.0")),
        ("truncation", Value::Null),
        ("padding", Value::Null),
        ("added_tokens", Value::Array(added)),
        ("normalizer", Value::Null),
        ("pre_tokenizer", pre_tokenizer(tokenizer)),
        ("post_processor", byte_level(true)),
        ("decoder", byte_level(true)),
    ] {
        writeln!(out, "  {}: {value},", json!(key))?;
    }
    out.write_all(b"  \"model\": {\n")?;
    for (key, value) in model {
        writeln!(out, "    {}: {value},", json!(key))?;
    }
    out.write_all(b"    \"vocab\": {")?;
    for (id, spelling) in speller.all() {
        out.write_all(if id == 0 { b"\n      " } else { b",\n      " })?;
        serde_json::to_writer(&mut *out, &spelling)?;
        write!(out, ": {id}")?;
    }
    out.write_all(b"\n    },\n    \"merges\": [")?;
    for (rank, merge) in speller.merges().enumerate() {
        out.write_all(if rank == 0 { b"\n      " } else { b",\n      " })?;
        serde_json::to_writer(&mut *out, &merge)?;
    }
    out.write_all(b"\n    ]\n  }\n}\n")
}

/// The content of `tokenizer_config.json`. [`END_OF_TEXT`], or else the first special token, stands
/// for the beginning, the end and the unknown, as with GPT-2.
pub fn config_json(tokenizer: &Tokenizer) -> String {
    let specials = tokenizer.vocab().specials();
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

fn pre_tokenizer(tokenizer: &Tokenizer) -> Value {
    let regex = match tokenizer.pattern().name() {
        "gpt2" => return byte_level(true),
        UNCUT => return byte_level(false),
        "gpt4" => GPT4,
        regex => regex,
    };
    let split = json!({
        "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false,
    });
    json!({ "type": "Sequence", "pretokenizers": [split, byte_level(false)] })
}

fn byte_level(use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": use_regex,
    })
}

fn by_id(specials: &[(String, u32)]) -> Vec<(&str, u32)> {
    let mut specials: Vec<_> = specials.iter().map(|(text, id)| (text.as_str(), *id)).collect();
    specials.sort_by_key(|&(_, id)| id);
    specials
}
