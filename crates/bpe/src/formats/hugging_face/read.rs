//! Reading `tokenizer.json`.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::added_tokens::{AddedToken, AddedTokens};
use super::config::{Config, Declared};
use super::post_processor::ends_of_text;
use super::pre_tokenizer::PreTokenizer;
use crate::error::{Error, Result};
use crate::formats::assemble::{Sources, Specials, assemble};
use crate::formats::parts::Parts;
use crate::formats::spelling::{Ids, Merge};
use crate::formats::text;
use crate::pretokenize::normalizer::Normalizer;

#[derive(Deserialize)]
struct File<'t> {
    #[serde(default)]
    added_tokens: Vec<WithId>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<PreTokenizer>,
    post_processor: Option<Value>,
    decoder: Option<Value>,
    #[serde(borrow)]
    model: Model<'t>,
}

#[derive(Deserialize)]
struct WithId {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

#[derive(Deserialize)]
struct Model<'t> {
    r#type: Option<String>,
    dropout: Option<f64>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(borrow)]
    vocab: Ids<'t>,
    #[serde(borrow)]
    merges: Vec<Merge<'t>>,
}

/// Reads the `text` of a `tokenizer.json` that describes byte-level BPE, with the files beside it.
///
/// # Errors
/// When it is damaged, or describes something else.
pub(in crate::formats) fn load(text: &str, path: &Path, config: &Config) -> Result<Parts<'static>> {
    let File { added_tokens, normalizer, pre_tokenizer, post_processor, decoder, model } =
        serde_json::from_str(text).map_err(|error| explain(text, &error, path))?;
    check_model(&model, path)?;
    let normalizer = match normalizer {
        None => Normalizer::Nothing,
        Some(nfc) if nfc["type"] == "NFC" => Normalizer::Nfc,
        Some(other) => {
            let kind = other["type"].as_str().unwrap_or("unknown");
            return Err(refused(path, format!("a normalizer of type {kind}")));
        }
    };
    let pre_tokenizer = pre_tokenizer.ok_or_else(|| refused(path, "no pre_tokenizer"))?;
    let pattern = pre_tokenizer.pattern(decoder.as_ref()).map_err(|found| refused(path, found))?;

    let in_file: Vec<(u32, AddedToken)> =
        added_tokens.into_iter().map(|WithId { id, token }| (id, token.or_special(true))).collect();
    let declared = config.declared(&in_file, &[])?;
    let (mut ids, mut added) = (model.vocab, AddedTokens::default());
    for (id, token) in in_file {
        added.add_with_id(token, id, &mut ids, path)?;
    }
    let Declared { tokens, .. } = &declared;
    tokens.iter().for_each(|token| added.add(token.clone(), &mut ids));
    let (specials, flags) = added.finish(path)?;

    let merges: Vec<(&str, &str)> =
        model.merges.iter().map(|Merge(left, right)| (&*left.0, &*right.0)).collect();
    let sources = Sources { tokens: path, merges: path };
    let vocab = assemble(&ids, &merges, Specials::Listed(specials), sources)?;
    let (begin_of_text, after_text) = ends_of_text(post_processor.as_ref(), vocab.len());
    Ok(Parts {
        normalizer,
        flags: Cow::Owned(flags),
        ignore_merges: model.ignore_merges,
        begin_of_text: config.or_stated(begin_of_text),
        after_text: Cow::Owned(after_text),
        end_of_text: config.end_of_text(&declared, vocab.specials()),
        ..Parts::new(vocab, pattern)
    })
}

/// Returns the error for text that is no [`File`]: other kinds of models have vocabularies of
/// other shapes, and the error should name them.
fn explain(text: &str, error: &serde_json::Error, path: &Path) -> Error {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let model = &file["model"];
    if file.is_object() && model.is_null() {
        return refused(path, "no model");
    }
    let known = check_kind(model["type"].as_str(), path);
    known.err().unwrap_or_else(|| text::json_error(path, error))
}

fn check_kind(kind: Option<&str>, path: &Path) -> Result<()> {
    match kind {
        Some(kind) if kind != "BPE" => Err(refused(path, format!("a model of type {kind}"))),
        _ => Ok(()),
    }
}

fn check_model(model: &Model, path: &Path) -> Result<()> {
    check_kind(model.r#type.as_deref(), path)?;
    let given = |affix: &Option<String>| affix.as_ref().is_some_and(|affix| !affix.is_empty());
    let odd = match model {
        _ if model.dropout.is_some_and(|dropout| dropout != 0.0) => "dropout",
        _ if model.byte_fallback => "byte_fallback",
        _ if given(&model.continuing_subword_prefix) => "continuing_subword_prefix",
        _ if given(&model.end_of_word_suffix) => "end_of_word_suffix",
        _ => return Ok(()),
    };
    Err(refused(path, format!("a model with {odd}")))
}

fn refused(path: &Path, found: impl Into<String>) -> Error {
    Error::file(
        path,
        found,
        "byte-level BPE: a BPE model without affixes and dropout, no normalizer or NFC, and \
         as pre_tokenizer ByteLevel without add_prefix_space, alone or behind an isolating Split \
         by a regular expression",
        "use another tokenizer",
    )
}
