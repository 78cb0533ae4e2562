//! Changes to fields of JSON files that leave the rest of their text as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::post_processor;
use crate::error::Result;
use crate::formats::text;

/// Returns the text of a `tokenizer.json` that puts the token `bos` before a text, or nothing.
///
/// # Errors
/// When it is no JSON object.
pub fn tokenizer_with_begin_of_text(
    json: &str,
    bos: Option<(&str, u32)>,
    path: &Path,
) -> Result<String> {
    let old = field(json, "post_processor", path)?.unwrap_or_default();
    match post_processor::with_begin_of_text(&old, bos) {
        Some(new) => with_field(json, "post_processor", &new, path),
        None => Ok(json.to_string()),
    }
}

/// Returns the text of a `tokenizer_config.json` that says whether `bos` stands before a text.
///
/// # Errors
/// When it is no JSON object.
pub fn config_with_begin_of_text(json: &str, bos: Option<&str>, path: &Path) -> Result<String> {
    let json = with_field(json, "add_bos_token", &json!(bos.is_some()), path)?;
    let Some(bos) = bos else { return Ok(json) };
    let old = field(&json, "bos_token", path)?.unwrap_or_default();
    if old.as_str().or(old["content"].as_str()) == Some(bos) {
        return Ok(json);
    }
    with_field(&json, "bos_token", &json!(bos), path)
}

type Fields<'j> = BTreeMap<String, &'j RawValue>;

fn fields<'j>(json: &'j str, path: &Path) -> Result<Fields<'j>> {
    serde_json::from_str(json).map_err(|error| text::json_error(path, &error))
}

/// Returns the value of a field of the object `json`.
fn field(json: &str, name: &str, path: &Path) -> Result<Option<Value>> {
    let parse = |value: &&RawValue| serde_json::from_str(value.get());
    let value = fields(json, path)?.get(name).map(parse).transpose();
    value.map_err(|error| text::json_error(path, &error))
}

/// Returns the text of the object `json` with another value in a field, which is added at the end
/// if it is missing.
fn with_field(json: &str, name: &str, value: &Value, path: &Path) -> Result<String> {
    let fields = fields(json, path)?;
    // Values are parts of the text, so their addresses tell where in it they are.
    let start = |value: &RawValue| value.get().as_ptr() as usize - json.as_ptr() as usize;
    if let Some(old) = fields.get(name) {
        let (start, end) = (start(old), start(old) + old.get().len());
        return Ok(format!("{}{value}{}", &json[..start], &json[end..]));
    }
    let key = json!(name);
    let end = fields.values().map(|value| start(value) + value.get().len()).max();
    let Some(end) = end else { return Ok(format!("{{{key}: {value}}}")) };
    // The new field is indented like the first one.
    let indent = json.split_once('{').map_or("", |(_, rest)| &rest[..rest.find('"').unwrap_or(0)]);
    let indent = if indent.is_empty() { " " } else { indent };
    Ok(format!("{},{indent}{key}: {value}{}", &json[..end], &json[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(json: &str, name: &str, value: Value) -> String {
        with_field(json, name, &value, Path::new("file")).unwrap()
    }

    #[test]
    fn one_field_changes_and_all_else_stays() {
        let json = "{\n  \"b\": [1,  2],\n  \"a\": {\"b\": 3}\n}\n";
        assert_eq!(changed(json, "b", json!(true)), "{\n  \"b\": true,\n  \"a\": {\"b\": 3}\n}\n");
        assert_eq!(
            changed(json, "c", json!(null)),
            "{\n  \"b\": [1,  2],\n  \"a\": {\"b\": 3},\n  \"c\": null\n}\n"
        );
        assert_eq!(changed(r#"{"a":1}"#, "c", json!("x")), r#"{"a":1, "c": "x"}"#);
        assert_eq!(changed(" {} ", "c", json!(1)), r#"{"c": 1}"#);
        let error = with_field("[1]", "c", &json!(1), Path::new("file")).unwrap_err();
        assert!(error.to_string().starts_with("file: "), "{error}");
    }
}
