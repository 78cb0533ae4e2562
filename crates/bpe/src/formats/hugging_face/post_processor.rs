//! The value of `post_processor` in a `tokenizer.json`: the tokens that are put around a text.

use serde_json::{Map, Value, json};

use crate::formats::parts::BeginOfText;

/// The special tokens that a post-processor puts around a text, each as templates describe them:
/// `{"id": "<s>", "ids": [1], "tokens": ["<s>"]}`.
#[derive(Debug, Default, PartialEq)]
struct Around {
    before: Vec<Value>,
    after: Vec<Value>,
}

/// Returns the token that a post-processor puts before a text, and those that it puts behind it.
pub(super) fn ends_of_text(
    processor: Option<&Value>,
    vocab_size: usize,
) -> (BeginOfText, Vec<u32>) {
    let nothing = |begin| (begin, Vec::new());
    let Some(processor) = processor else { return nothing(BeginOfText::Unstated) };
    let Some(around) = around(processor) else { return nothing(BeginOfText::Unsupported) };
    let Some(Around { before, after }) = around else { return nothing(BeginOfText::Unstated) };
    let (Some(before), Some(after)) = (ids_of(&before), ids_of(&after)) else {
        return nothing(BeginOfText::Unsupported);
    };
    let begin = match before[..] {
        [] => BeginOfText::Nothing,
        [id] if (id as usize) < vocab_size => BeginOfText::Token(id),
        _ => BeginOfText::Unsupported,
    };
    (begin, after)
}

/// Returns `old` changed so that it puts the token `bos` before a text, or nothing, and behind it
/// what it did; `None` if it does so already.
pub(super) fn with_begin_of_text(old: &Value, bos: Option<(&str, u32)>) -> Option<Value> {
    let Around { before, after } = around(old).flatten().unwrap_or_default();
    let bos = bos.map(|(token, id)| json!({ "id": token, "ids": [id], "tokens": [token] }));
    if bos.iter().eq(&before) && (old.is_null() || around(old).is_some()) {
        return None;
    }
    let steps = match old["type"].as_str() {
        Some("Sequence") => old["processors"].as_array().cloned().unwrap_or_default(),
        _ => vec![old.clone()],
    };
    let byte_level = steps.into_iter().filter(|step| step["type"] == "ByteLevel");
    let steps: Vec<Value> = byte_level.chain([template_of(bos.as_ref(), &after)]).collect();
    Some(match &steps[..] {
        [step] => step.clone(),
        _ => json!({ "type": "Sequence", "processors": steps }),
    })
}

/// Reads a post-processor: `Some(None)` where it leaves the ids alone, `None` where it is of a kind
/// that is not known.
fn around(processor: &Value) -> Option<Option<Around>> {
    match processor["type"].as_str()? {
        "ByteLevel" => Some(None),
        "TemplateProcessing" => read_template(processor).map(Some),
        "BertProcessing" | "RobertaProcessing" => {
            let special = |name: &str| {
                let [token, id] = processor[name].as_array()?.as_slice() else { return None };
                Some(json!({ "id": token, "ids": [id], "tokens": [token] }))
            };
            Some(Some(Around { before: vec![special("cls")?], after: vec![special("sep")?] }))
        }
        "Sequence" => {
            let mut whole: Option<Around> = None;
            for step in processor["processors"].as_array()? {
                let Some(step) = around(step)? else { continue };
                // A template takes what another one made for several texts.
                if whole.replace(step).is_some() {
                    return None;
                }
            }
            Some(whole)
        }
        _ => None,
    }
}

/// Reads a template, `<s> $A </s>` for example.
fn read_template(processor: &Value) -> Option<Around> {
    let (mut around, mut texts) = (Around::default(), 0);
    for piece in processor["single"].as_array()? {
        let Some(special) = piece["SpecialToken"]["id"].as_str() else {
            texts += 1;
            if piece["Sequence"]["id"] != "A" {
                return None;
            }
            continue;
        };
        let side = if texts == 0 { &mut around.before } else { &mut around.after };
        side.push(processor["special_tokens"].get(special)?.clone());
    }
    (texts == 1).then_some(around)
}

/// Returns the ids of special tokens.
fn ids_of(specials: &[Value]) -> Option<Vec<u32>> {
    let mut ids = Vec::new();
    for special in specials {
        for id in special["ids"].as_array()? {
            ids.push(u32::try_from(id.as_u64()?).ok()?);
        }
    }
    Some(ids)
}

/// Returns the template of a text, or of two, that begin with `bos` and end with `after`.
fn template_of(bos: Option<&Value>, after: &[Value]) -> Value {
    let text = |id: &str, type_id: u32| {
        let special =
            |token: &Value| json!({"SpecialToken": {"id": token["id"], "type_id": type_id}});
        let mut pieces: Vec<Value> = bos.map(special).into_iter().collect();
        pieces.push(json!({"Sequence": {"id": id, "type_id": type_id}}));
        pieces.extend(after.iter().map(special));
        pieces
    };
    let specials = bos.into_iter().chain(after);
    let pair = [text("A", 0), text("B", 1)].concat();
    let by_id = |token: &Value| Some((token["id"].as_str()?.to_string(), token.clone()));
    json!({
        "type": "TemplateProcessing",
        "single": text("A", 0),
        "pair": pair,
        "special_tokens": specials.filter_map(by_id).collect::<Map<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(processor: &Value) -> (BeginOfText, Vec<u32>) {
        ends_of_text(Some(processor), 300)
    }

    fn bert(kind: &str) -> Value {
        json!({"type": kind, "sep": ["</s>", 2], "cls": ["<s>", 1]})
    }

    /// `<s> $A </s>` and the like.
    fn template(pieces: &[&str]) -> Value {
        let piece = |piece: &&str| match piece.strip_prefix('$') {
            Some(id) => json!({"Sequence": {"id": id, "type_id": 0}}),
            None => json!({"SpecialToken": {"id": piece, "type_id": 0}}),
        };
        let special = |(token, id): (&str, u32)| {
            (token.to_string(), json!({"id": token, "ids": [id], "tokens": [token]}))
        };
        let specials = [("<s>", 1), ("</s>", 2), ("<far>", 300)].map(special);
        json!({
            "type": "TemplateProcessing",
            "single": pieces.iter().map(piece).collect::<Value>(),
            "special_tokens": specials.into_iter().collect::<Map<_, _>>(),
        })
    }

    #[test]
    fn templates_are_read() {
        use BeginOfText::{Nothing, Token, Unstated, Unsupported};
        let byte_level = json!({"type": "ByteLevel", "add_prefix_space": true});
        let sequence = |steps: &[Value]| json!({"type": "Sequence", "processors": steps});
        assert_eq!(ends_of_text(None, 300), (Unstated, vec![]));
        let llama = sequence(&[byte_level.clone(), template(&["<s>", "$A"])]);
        let twice = sequence(&[template(&["<s>", "$A"]), template(&["<s>", "$A", "</s>"])]);
        for (processor, expected) in [
            (byte_level, (Unstated, vec![])),
            (template(&["$A"]), (Nothing, vec![])),
            (template(&["<s>", "$A"]), (Token(1), vec![])),
            (template(&["<s>", "$A", "</s>"]), (Token(1), vec![2])),
            (template(&["$A", "</s>"]), (Nothing, vec![2])),
            (template(&["<s>", "<s>", "$A"]), (Unsupported, vec![])),
            (template(&["<far>", "$A"]), (Unsupported, vec![])),
            (template(&["<none>", "$A"]), (Unsupported, vec![])),
            (template(&["$B"]), (Unsupported, vec![])),
            (template(&["<s>"]), (Unsupported, vec![])),
            (template(&["$A", "$A"]), (Unsupported, vec![])),
            (bert("BertProcessing"), (Token(1), vec![2])),
            (bert("RobertaProcessing"), (Token(1), vec![2])),
            (json!({"type": "Other"}), (Unsupported, vec![])),
            (json!([]), (Unsupported, vec![])),
            (llama, (Token(1), vec![])),
            (twice, (Unsupported, vec![])),
        ] {
            assert_eq!(ends(&processor), expected, "{processor}");
        }
    }

    #[test]
    fn a_beginning_is_written_and_the_end_stays() {
        let byte_level = json!({"type": "ByteLevel"});
        for (old, after) in [
            (Value::Null, vec![]),
            (byte_level.clone(), vec![]),
            (template(&["$A"]), vec![]),
            (template(&["<far>", "$A", "</s>"]), vec![2]),
            (bert("RobertaProcessing"), vec![2]),
            (json!({"type": "Sequence", "processors": [byte_level, template(&["$A"])]}), vec![]),
            (json!({"type": "Other"}), vec![]),
        ] {
            let new = with_begin_of_text(&old, Some(("<b>", 7))).unwrap();
            assert_eq!(ends(&new), (BeginOfText::Token(7), after.clone()), "{new}");
            assert_eq!(with_begin_of_text(&new, Some(("<b>", 7))), None);
            let none = with_begin_of_text(&new, None).unwrap();
            assert_eq!(ends(&none), (BeginOfText::Nothing, after), "{none}");
            assert_eq!(with_begin_of_text(&none, None), None);
        }
        assert_eq!(with_begin_of_text(&json!({"type": "ByteLevel"}), None), None);
        assert_eq!(with_begin_of_text(&Value::Null, None), None);
    }
}
