//! The rules of tokenizers that have no `tokenizer.json`: `transformers` has them in the class that
//! `tokenizer_config.json` names.

use super::config::{CONFIG, Config};
use super::fields::Fields;
use crate::error::{Error, Result};
use crate::formats::source::Source;
use crate::pretokenize::normalizer::Normalizer;
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::scan;

/// The file of the model, whose type stands for a class.
const MODEL_CONFIG: &str = "config.json";

/// The rules of a class.
pub(in crate::formats) struct Class {
    pub(in crate::formats) pattern: Pattern,
    pub(in crate::formats) normalizer: Normalizer,
    /// Contents of special tokens whose roles no file mentions.
    pub(in crate::formats) defaults: &'static [(&'static str, &'static str)],
    /// `true` if tokens of the vocabulary that no merge makes are special without being declared.
    pub(in crate::formats) guesses: bool,
}

/// Returns the rules of the class that the files name.
///
/// # Errors
/// When it is not known, or an option of it is not.
pub(in crate::formats) fn class(config: &Config, source: Source) -> Result<Class> {
    const END: &str = "<|endoftext|>";
    let path = source.path(CONFIG);
    if config.flag("add_prefix_space") == Some(true) {
        let expected = "\"add_prefix_space\": false";
        return Err(Error::file(&path, "\"add_prefix_space\": true", expected, HINT));
    }
    let name = class_name(config, source)?;
    let plain = Class {
        pattern: Pattern::gpt2(),
        normalizer: Normalizer::Nothing,
        defaults: &[],
        guesses: false,
    };
    Ok(match name.strip_suffix("Fast").unwrap_or(&name) {
        // `transformers` has no rules for these. The files of such a tokenizer are read like those
        // that came before there were classes.
        "" | "PreTrainedTokenizer" | "TokenizersBackend" | "PythonBackend" => {
            Class { guesses: true, ..plain }
        }
        "GPT2Tokenizer" => Class {
            defaults: &[("bos_token", END), ("eos_token", END), ("unk_token", END)],
            ..plain
        },
        "GPTNeoXTokenizer" => Class {
            normalizer: Normalizer::Nfc,
            defaults: &[
                ("bos_token", END),
                ("eos_token", END),
                ("unk_token", END),
                ("pad_token", "<|padding|>"),
            ],
            ..plain
        },
        "Qwen2Tokenizer" => Class {
            pattern: Pattern::parse(scan::QWEN2)?,
            normalizer: Normalizer::Nfc,
            defaults: &[("eos_token", END), ("unk_token", END), ("pad_token", END)],
            ..plain
        },
        _ => {
            let found = format!("the tokenizer_class {name:?} without tokenizer.json");
            let expected = "GPT2Tokenizer, Qwen2Tokenizer, GPTNeoXTokenizer or no class";
            return Err(Error::file(&path, found, expected, HINT));
        }
    })
}

const HINT: &str = "load it with transformers, save_pretrained it, and take the tokenizer.json";

/// Returns the name of the class, which is empty if no file tells.
fn class_name(config: &Config, source: Source) -> Result<String> {
    let model = Fields::read(source, MODEL_CONFIG)?.unwrap_or_default();
    let model_type = model.text("model_type").unwrap_or_default();
    // For this type of model `transformers` ignores the name.
    if model_type == "qwen2" {
        return Ok("Qwen2Tokenizer".into());
    }
    let named = config.fields.text("tokenizer_class").or(model.text("tokenizer_class"));
    let name = named.unwrap_or(match model_type {
        "gpt2" => "GPT2Tokenizer",
        "gpt_neox" => "GPTNeoXTokenizer",
        "qwen2_moe" | "qwen3" | "qwen3_moe" => "Qwen2Tokenizer",
        _ => "",
    });
    Ok(name.to_string())
}
