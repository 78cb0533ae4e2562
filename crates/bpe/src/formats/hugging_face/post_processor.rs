//! The value of `post_processor` in a `tokenizer.json`: the tokens that are put around a text.

use serde_json::{Value, json};

use crate::formats::parts::BeginOfText;
use crate::vocab::Vocab;

/// The ids that a post-processor puts around a text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Around {
    before: Vec<u32>,
    after: Vec<u32>,
}

/// Returns the token that a post-processor puts before a text.
pub(super) fn begin_of_text(processor: Option<&Value>, vocab: &Vocab) -> BeginOfText {
    let Some(processor) = processor else { return BeginOfText::Unstated };
    match around(processor) {
        Some(None) => BeginOfText::Unstated,
        Some(Some(Around { before, .. })) => match before[..] {
            [] => BeginOfText::Nothing,
            [id] if (id as usize) < vocab.len() => BeginOfText::Token(id),
            _ => BeginOfText::Unsupported,
        },
        None => BeginOfText::Unsupported,
    }
}

/// Reads a post-processor: `Some(None)` where it leaves the ids alone, `None` where it is of a kind
/// that is not known.
fn around(processor: &Value) -> Option<Option<Around>> {
    match processor["type"].as_str()? {
        "ByteLevel" => Some(None),
        "TemplateProcessing" => template(processor).map(Some),
        "BertProcessing" | "RobertaProcessing" => {
            let id = |name: &str| u32::try_from(processor[name][1].as_u64()?).ok();
            Some(Some(Around { before: vec![id("cls")?], after: vec![id("sep")?] }))
        }
        "Sequence" => {
            let mut whole: Option<Around> = None;
            for step in processor["processors"].as_array()? {
                let Some(step) = around(step)? else { continue };
                // Each step puts its tokens around what the steps before it made.
                let Around { before, mut after } = whole.unwrap_or_default();
                after.extend(step.after);
                whole = Some(Around { before: [step.before, before].concat(), after });
            }
            Some(whole)
        }
        _ => None,
    }
}

/// Reads a template, `<s> $A </s>` for example.
fn template(processor: &Value) -> Option<Around> {
    let (mut around, mut texts) = (Around::default(), 0);
    for piece in processor["single"].as_array()? {
        let Some(special) = piece["SpecialToken"]["id"].as_str() else {
            texts += 1;
            if piece["Sequence"]["id"] != "A" {
                return None;
            }
            continue;
        };
        let ids = processor["special_tokens"][special]["ids"].as_array()?;
        let side = if texts == 0 { &mut around.before } else { &mut around.after };
        for id in ids {
            side.push(u32::try_from(id.as_u64()?).ok()?);
        }
    }
    (texts == 1).then_some(around)
}

/// Returns `old` changed so that it puts the token `bos` before a text, or nothing; `None` if it
/// does so already.
pub(super) fn with_begin_of_text(old: &Value, bos: Option<(&str, u32)>) -> Option<Value> {
    let before = around(old).map(|found| found.unwrap_or_default().before);
    if before == Some(bos.iter().map(|&(_, id)| id).collect()) {
        return None;
    }
    let steps = match old["type"].as_str() {
        Some("Sequence") => old["processors"].as_array().cloned().unwrap_or_default(),
        _ => vec![old.clone()],
    };
    let byte_level = steps.into_iter().filter(|step| step["type"] == "ByteLevel");
    let steps: Vec<Value> = byte_level.chain([template_of(bos)]).collect();
    Some(match &steps[..] {
        [step] => step.clone(),
        _ => json!({ "type": "Sequence", "processors": steps }),
    })
}

/// Returns the template of a text, or of two, that begin with `bos`.
fn template_of(bos: Option<(&str, u32)>) -> Value {
    let text = |id: &str, type_id: u32| {
        let bos = bos.map(|(token, _)| json!({"SpecialToken": {"id": token, "type_id": type_id}}));
        bos.into_iter().chain([json!({"Sequence": {"id": id, "type_id": type_id}})])
    };
    let tokens = bos.map(|(token, id)| {
        (token.to_string(), json!({"id": token, "ids": [id], "tokens": [token]}))
    });
    json!({
        "type": "TemplateProcessing",
        "single": text("A", 0).collect::<Value>(),
        "pair": text("A", 0).chain(text("B", 1)).collect::<Value>(),
        "special_tokens": tokens.into_iter().collect::<Value>(),
    })
}
