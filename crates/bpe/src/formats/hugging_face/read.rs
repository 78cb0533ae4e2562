//! Reading `tokenizer.json`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde_json::Value;

use super::post_processor;
use super::pre_tokenizer::PreTokenizer;
use crate::error::{Error, Result};
use crate::formats::assemble::{Sources, assemble};
use crate::formats::parts::{Parts, default_end_of_text};
use crate::formats::spelling::{Ids, Merge, Spelling};
use crate::formats::text;

#[derive(Deserialize)]
struct File<'t> {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<PreTokenizer>,
    post_processor: Option<Value>,
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

/// Reads a `tokenizer.json` that describes byte-level BPE.
///
/// # Errors
/// When it is damaged, or describes something else.
pub fn load(path: &Path) -> Result<Parts<'static>> {
    let text = text::read(path)?;
    let File { added_tokens, normalizer, pre_tokenizer, post_processor, model } =
        serde_json::from_str(&text).map_err(|error| explain(&text, &error, path))?;
    check_model(&model, path)?;
    if let Some(normalizer) = normalizer {
        let kind = normalizer["type"].as_str().unwrap_or("unknown");
        return Err(refused(path, format!("a normalizer of type {kind}")));
    }
    let pre_tokenizer = pre_tokenizer.ok_or_else(|| refused(path, "no pre_tokenizer"))?;
    let pattern = pre_tokenizer.pattern().map_err(|found| refused(path, found))?;
    let mut ids = model.vocab;
    let specials = add_tokens(added_tokens, &mut ids, path)?;
    let merges: Vec<(&str, &str)> =
        model.merges.iter().map(|Merge(left, right)| (&*left.0, &*right.0)).collect();
    let sources = Sources { tokens: path, merges: path };
    let vocab = assemble(&ids, &merges, Some(specials), sources)?;
    Ok(Parts {
        begin_of_text: post_processor::begin_of_text(post_processor.as_ref(), &vocab),
        end_of_text: default_end_of_text(&vocab),
        vocab: Cow::Owned(vocab),
        pattern: Cow::Owned(pattern),
        ignore_merges: model.ignore_merges,
    })
}

/// Adds the tokens that are not in the vocabulary yet to `ids`. Returns all added tokens as special
/// ones.
fn add_tokens(added: Vec<AddedToken>, ids: &mut Ids, path: &Path) -> Result<Vec<(String, u32)>> {
    let mut specials = Vec::with_capacity(added.len());
    let mut seen: HashSet<(String, u32), RandomState> = HashSet::default();
    for token in added {
        check_added(&token, path)?;
        let AddedToken { id, content, .. } = token;
        let known = ids.get(content.as_str()).copied();
        if let Some(known) = known.filter(|&known| known != id) {
            let found = format!("the added token {content:?} with id {id} and with id {known}");
            return Err(Error::file(path, found, "one id for each token", "the file is damaged"));
        }
        // A token with an id of the vocabulary is in it under the spelling of its bytes.
        if known.is_none() && id as usize >= ids.len() {
            ids.insert(Spelling(Cow::Owned(content.clone())), id);
        }
        if seen.insert((content.clone(), id)) {
            specials.push((content, id));
        }
    }
    Ok(specials)
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

fn check_added(token: &AddedToken, path: &Path) -> Result<()> {
    let odd = match token {
        AddedToken { lstrip: true, .. } => "lstrip",
        AddedToken { rstrip: true, .. } => "rstrip",
        AddedToken { single_word: true, .. } => "single_word",
        _ => return Ok(()),
    };
    Err(refused(path, format!("the added token {:?} with {odd}", token.content)))
}

fn refused(path: &Path, found: impl Into<String>) -> Error {
    Error::file(
        path,
        found,
        "byte-level BPE: a BPE model without affixes and dropout, no normalizer, and as \
         pre_tokenizer ByteLevel without add_prefix_space, alone or behind an isolating Split by a \
         regular expression",
        "use another tokenizer",
    )
}
