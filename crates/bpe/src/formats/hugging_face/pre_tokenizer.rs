//! Patterns as pre-tokenizers, and back.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pretokenize::pattern::{Pattern, UNCUT};

/// GPT-4's pattern for the regular expressions of Hugging Face's libraries, where `{1,3}+` is no
/// possessive quantifier and `$` matches at the end of each line.
pub(super) const GPT4: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s+\z|\s*[\r\n]|\s+(?!\S)|\s",
);

/// The value of `pre_tokenizer` in a `tokenizer.json`.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum PreTokenizer {
    ByteLevel {
        /// `true` if left out.
        add_prefix_space: Option<bool>,
        /// `true` if left out.
        use_regex: Option<bool>,
        /// Counts for offsets only, but tells who wrote the file.
        trim_offsets: Option<bool>,
    },
    Split {
        pattern: SplitPattern,
        behavior: String,
        #[serde(default)]
        invert: bool,
    },
    Sequence {
        pretokenizers: Vec<PreTokenizer>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) enum SplitPattern {
    Regex(String),
    String(String),
}

impl PreTokenizer {
    /// Returns the pattern that splits in the same way. `decoder` is that of the same file.
    ///
    /// # Errors
    /// When there is none. The message names what was found.
    pub(super) fn pattern(&self, decoder: Option<&Value>) -> Result<Pattern, String> {
        let steps = match self {
            PreTokenizer::Sequence { pretokenizers } => pretokenizers,
            step => std::slice::from_ref(step),
        };
        let (regex, behavior, invert, trim_offsets) = match steps {
            [PreTokenizer::ByteLevel { add_prefix_space: Some(false), use_regex, .. }] => {
                let pattern = if *use_regex == Some(false) { UNCUT } else { "gpt2" };
                return Pattern::parse(pattern).map_err(|error| error.to_string());
            }
            [
                PreTokenizer::Split { pattern: SplitPattern::Regex(regex), behavior, invert },
                PreTokenizer::ByteLevel {
                    add_prefix_space: Some(false),
                    use_regex: Some(false),
                    trim_offsets,
                },
            ] => (regex, behavior.as_str(), *invert, *trim_offsets),
            [.., PreTokenizer::ByteLevel { add_prefix_space: None | Some(true), .. }] => {
                return Err("a pre_tokenizer with add_prefix_space".into());
            }
            [.., PreTokenizer::Split { pattern: SplitPattern::String(text), .. }, _] => {
                return Err(format!("a pre_tokenizer that splits at {text:?}"));
            }
            _ => return Err("a pre_tokenizer of another kind".into()),
        };
        let pattern = if regex == GPT4 {
            Ok(Pattern::gpt4())
        } else if trim_offsets == Some(false) && decoder == Some(&earlier_byte_level()) {
            Pattern::exactly(regex)
        } else {
            Pattern::in_oniguruma(regex)
        };
        let pattern = pattern.map_err(|error| error.to_string())?;
        match (behavior, invert) {
            // A match and what is between two are pieces alike.
            ("Isolated", _) => Ok(pattern),
            // The matches stay, what is between them goes: as some converters write it.
            ("Removed", true) if pattern.leaves_no_gap() => Ok(pattern),
            _ => {
                let inverted = if invert { ", inverted" } else { "" };
                Err(format!("a Split by {regex:?} with the behavior {behavior}{inverted}"))
            }
        }
    }
}

/// Returns the value of `pre_tokenizer` for a pattern.
pub(in crate::formats) fn pre_tokenizer(pattern: &Pattern) -> Value {
    let regex = match pattern.name() {
        "gpt2" => return byte_level(),
        UNCUT => return byte_level_without_regex(),
        "gpt4" => GPT4,
        regex => regex,
    };
    let split = json!({
        "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false,
    });
    json!({ "type": "Sequence", "pretokenizers": [split, byte_level_without_regex()] })
}

/// Returns the decoder that this crate has always written, and nobody else does.
///
/// It tells a file of an earlier version, whose regular expression is a user's word for word and
/// means what `fancy_regex` takes it for: the vocabulary was learned by that. Those of later
/// versions mean the same to all engines, so they may be read in this way too.
fn earlier_byte_level() -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true,
    })
}

/// Returns a `ByteLevel` object: a decoder, a post-processor, or a pre-tokenizer by GPT-2's
/// pattern.
pub(super) fn byte_level() -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true,
    })
}

/// Returns a `ByteLevel` pre-tokenizer that leaves the text whole.
fn byte_level_without_regex() -> Value {
    let mut byte_level = byte_level();
    byte_level["use_regex"] = json!(false);
    byte_level
}
