//! Defaults that come from the `run.json` of another run (`--config`) or of the run that goes on
//! (`--resume`). Typed flags override them.

use serde_json::Value;

use crate::commands::flags::ExplicitFlags;
use crate::run::manifest::RunManifest;
use crate::run::spec::fields;

/// The defaults that a file gives: names of fields, and their values.
pub type Defaults = Vec<(String, String)>;

/// Returns the paths and the observers of a run: all that its checkpoints do not hold.
pub fn surroundings(manifest: &RunManifest) -> Defaults {
    let val = manifest.val_data.as_ref().map(|data| data.path.clone());
    let values = [
        ("train_dataset", Some(manifest.train_data.path.clone())),
        ("val_dataset", val),
        ("sample_prompt", manifest.sample_prompt.clone()),
        ("tensorboard", manifest.tensorboard.then(|| true.to_string())),
    ];
    let given = values.into_iter().filter_map(|(field, value)| Some((field.to_string(), value?)));
    given.collect()
}

/// Returns the specification of a run, with the path of its tokenizer. Leaves out what `explicit`
/// flags decide, and what follows from other values: that follows from typed ones too.
pub fn specification(manifest: &RunManifest, explicit: &ExplicitFlags) -> Defaults {
    let is_decided = |field: &str| match field {
        "rope_theta" => explicit.has("no_rope"),
        "no_rope" => explicit.has("rope_theta"),
        "vocab_size" => explicit.has("tokenizer") || explicit.has("train_dataset"),
        "steps" => explicit.has("total_tokens"),
        _ => false,
    };
    let mut values = fields(&manifest.model.unresolved());
    values.extend(fields(&manifest.training.unresolved()));
    values.retain(|field, value| !value.is_null() && !is_decided(field));
    let values = values.into_iter();
    let mut defaults: Defaults = values.map(|(field, value)| (field, as_typed(value))).collect();
    let typed = explicit.has("train_dataset") || explicit.has("init_from");
    if let Some(tokenizer) = manifest.tokenizer_path().filter(|_| !typed) {
        defaults.push(("tokenizer".into(), tokenizer));
    }
    defaults
}

/// Formats a value to the last bit.
fn as_typed(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
