//! Options seen as a list of named fields.

use clap::{Args, Command};
use serde::Serialize;
use serde_json::{Map, Value};

/// Returns the fields of `options` by their names.
pub fn fields(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("options are a struct of plain values: {other:?}"),
    }
}

/// Returns the flag that sets a field: `--num-heads` for `num_heads`.
pub fn flag(field: &str) -> String {
    format!("--{}", field.replace('_', "-"))
}

/// Formats the value of a field as one types it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => match number.as_f64().unwrap_or(0.0) {
            x if x == 0.0 || (1e-3..1e6).contains(&x.abs()) => x.to_string(),
            x => format!("{x:e}"),
        },
        other => other.to_string(),
    }
}

/// Returns the options `T` with every field at its default.
///
/// # Panics
/// If an option is required, which no option of a run is.
pub fn defaults<T: Args>() -> T {
    let matches = T::augment_args(Command::new("defaults")).try_get_matches_from(["defaults"]);
    matches.and_then(|matches| T::from_arg_matches(&matches)).expect("every option has a default")
}
