//! Reading `tokenizer.json`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::{GPT4, UNCUT};
use crate::error::{Error, Result};
use crate::formats::assemble::assemble;
use crate::formats::gpt2::split_merge;
use crate::formats::spelling::{Spelling, Spellings};
use crate::formats::{json_error, read_text};
use crate::pretokenize::pattern::Pattern;
use crate::tokenizer::Tokenizer;

#[derive(Deserialize)]
struct File<'t> {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Option<Value>,
    #[serde(default)]
    pre_tokenizer: Option<PreTokenizer>,
    #[serde(borrow)]
    model: Model<'t>,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PreTokenizer {
    ByteLevel {
        #[serde(default = "yes")]
        add_prefix_space: bool,
        #[serde(default = "yes")]
        use_regex: bool,
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
enum SplitPattern {
    Regex(String),
    String(String),
}

#[derive(Deserialize)]
struct Model<'t> {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(borrow)]
    vocab: Spellings<'t>,
    #[serde(borrow)]
    merges: Vec<Merge<'t>>,
}

/// `"a b"` or `["a", "b"]`.
struct Merge<'t>(Spelling<'t>, Spelling<'t>);

fn yes() -> bool {
    true
}

/// Reads a `tokenizer.json` that describes byte-level BPE.
///
/// # Errors
/// When it is damaged, or describes something else.
pub fn load(path: &Path) -> Result<Tokenizer> {
    let text = read_text(path)?;
    let file: File = serde_json::from_str(&text).map_err(|error| {
        // Other kinds of models have vocabularies of other shapes, and should be told by their
        // names.
        check_model_kind(&text, path).err().unwrap_or_else(|| json_error(path, &error))
    })?;
    check_model(&file.model, path)?;
    let pattern = pattern(&file, path)?;
    let mut spellings = file.model.vocab;
    let mut specials: Vec<(String, u32)> = Vec::with_capacity(file.added_tokens.len());
    let mut seen: HashSet<(String, u32), RandomState> = HashSet::default();
    for token in file.added_tokens {
        check_added(&token, path)?;
        // It may be in the vocabulary under another spelling, that of its bytes.
        let is_new = token.id as usize >= spellings.0.len();
        let id = match spellings.0.get(token.content.as_str()) {
            Some(&id) => id,
            None if is_new => {
                let content = Spelling(Cow::Owned(token.content.clone()));
                *spellings.0.entry(content).or_insert(token.id)
            }
            None => token.id,
        };
        if id != token.id {
            return Err(Error::file(
                path,
                format!(
                    "the added token {:?} with id {} and with id {id}",
                    token.content, token.id
                ),
                "one id for each token",
                "the file is damaged",
            ));
        }
        if seen.insert((token.content.clone(), id)) {
            specials.push((token.content, id));
        }
    }
    let merges: Vec<(&str, &str)> = file
        .model
        .merges
        .iter()
        .map(|Merge(Spelling(left), Spelling(right))| (&**left, &**right))
        .collect();
    let vocab = assemble(&spellings, &merges, Some(specials), path, path)?;
    let tokenizer = Tokenizer::new(vocab, pattern);
    Ok(if file.model.ignore_merges { tokenizer.ignore_merges() } else { tokenizer })
}

/// Refuses a model that says that it is of another kind, and a file without a model.
fn check_model_kind(text: &str, path: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Kind {
        model: Option<ModelKind>,
    }
    #[derive(Deserialize)]
    struct ModelKind {
        #[serde(rename = "type", default)]
        kind: Option<String>,
    }
    let file: Kind = serde_json::from_str(text).map_err(|error| json_error(path, &error))?;
    match file.model {
        Some(ModelKind { kind: Some(kind) }) if kind != "BPE" => {
            Err(refused(path, format!("a model of type {kind}")))
        }
        Some(_) => Ok(()),
        None => Err(refused(path, "no model")),
    }
}

fn check_model(model: &Model, path: &Path) -> Result<()> {
    let given = |affix: &Option<String>| affix.as_ref().is_some_and(|affix| !affix.is_empty());
    if let Some(kind) = &model.kind
        && kind != "BPE"
    {
        return Err(refused(path, format!("a model of type {kind}")));
    }
    let odd = match model {
        _ if model.dropout.is_some_and(|dropout| dropout != 0.0) => "a model with dropout",
        _ if model.byte_fallback => "a model with byte_fallback",
        _ if given(&model.continuing_subword_prefix) => "a model with continuing_subword_prefix",
        _ if given(&model.end_of_word_suffix) => "a model with end_of_word_suffix",
        _ => return Ok(()),
    };
    Err(refused(path, odd))
}

fn check_added(token: &AddedToken, path: &Path) -> Result<()> {
    let odd = match token {
        AddedToken { lstrip: true, .. } => "lstrip",
        AddedToken { rstrip: true, .. } => "rstrip",
        AddedToken { single_word: true, .. } => "single_word",
        _ => return Ok(()),
    };
    Err(refused(path, format!("the added token {:?} with {odd}", token.content)))
}

fn pattern(file: &File, path: &Path) -> Result<Pattern> {
    if let Some(normalizer) = &file.normalizer {
        let kind = normalizer.get("type").and_then(Value::as_str).unwrap_or("unknown");
        return Err(refused(path, format!("a normalizer of type {kind}")));
    }
    let steps = match &file.pre_tokenizer {
        None => return Err(refused(path, "no pre_tokenizer")),
        Some(PreTokenizer::Sequence { pretokenizers }) => pretokenizers.iter().collect(),
        Some(step) => vec![step],
    };
    let regex = match steps[..] {
        [PreTokenizer::ByteLevel { add_prefix_space: false, use_regex }] => {
            if *use_regex {
                "gpt2"
            } else {
                UNCUT
            }
        }
        [
            PreTokenizer::Split { pattern: SplitPattern::Regex(regex), behavior, invert: false },
            PreTokenizer::ByteLevel { add_prefix_space: false, use_regex: false },
        ] if behavior == "Isolated" => regex,
        [.., PreTokenizer::ByteLevel { add_prefix_space: true, .. }] => {
            return Err(refused(path, "a pre_tokenizer with add_prefix_space"));
        }
        [.., PreTokenizer::Split { pattern: SplitPattern::String(text), .. }, _] => {
            return Err(refused(path, format!("a pre_tokenizer that splits at {text:?}")));
        }
        _ => return Err(refused(path, "a pre_tokenizer of another kind")),
    };
    if regex == GPT4 {
        return Ok(Pattern::gpt4());
    }
    Pattern::parse(regex).map_err(|error| refused(path, error.to_string()))
}

fn refused(path: &Path, found: impl Into<String>) -> Error {
    Error::file(
        path,
        found,
        "byte-level BPE: a BPE model without affixes and dropout, no normalizer, and as pre_tokenizer ByteLevel without \
         add_prefix_space, alone or behind an isolating Split by a regular expression",
        "use another tokenizer",
    )
}

impl<'de: 't, 't> Deserialize<'de> for Merge<'t> {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Merge<'t>, D::Error> {
        struct MergeVisitor;
        impl<'de> Visitor<'de> for MergeVisitor {
            type Value = Merge<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge, \"a b\" or [\"a\", \"b\"]")
            }

            fn visit_borrowed_str<E: de::Error>(
                self,
                line: &'de str,
            ) -> std::result::Result<Merge<'de>, E> {
                let [left, right] = split(line, &self)?.map(|token| Spelling(Cow::Borrowed(token)));
                Ok(Merge(left, right))
            }

            fn visit_str<E: de::Error>(self, line: &str) -> std::result::Result<Merge<'de>, E> {
                let [left, right] =
                    split(line, &self)?.map(|token| Spelling(Cow::Owned(token.to_string())));
                Ok(Merge(left, right))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut pair: A,
            ) -> std::result::Result<Merge<'de>, A::Error> {
                let too_short = |len| de::Error::invalid_length(len, &MergeVisitor);
                let left = pair.next_element()?.ok_or_else(|| too_short(0))?;
                let right = pair.next_element()?.ok_or_else(|| too_short(1))?;
                match pair.next_element::<String>()? {
                    None => Ok(Merge(left, right)),
                    Some(_) => Err(too_short(3)),
                }
            }
        }

        fn split<'l, E: de::Error>(
            line: &'l str,
            expected: &dyn de::Expected,
        ) -> std::result::Result<[&'l str; 2], E> {
            let (left, right) = split_merge(line)
                .ok_or_else(|| E::invalid_value(de::Unexpected::Str(line), expected))?;
            Ok([left, right])
        }

        deserializer.deserialize_any(MergeVisitor)
    }
}
