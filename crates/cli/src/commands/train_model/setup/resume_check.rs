//! Comparison of the flags that were typed with what decides already: the model of `--init-from`,
//! or the run that `--resume` continues. Equal values are fine, different ones are an error that
//! names them all. Defaults never differ.

use anyhow::{Result, ensure};
use model::ModelConfig;
use serde_json::{Map, Value, json};

use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::run::spec::{ModelSpec, TrainingSpec, fields, flag, shown};
use crate::shell::precision::Choice;

/// The flags that may differ from the run that `--resume` continues, by their fields' names, each
/// with the reason. Every other flag is compared.
const MAY_DIFFER: [(&str, &str); 19] = [
    ("train_dataset", "its tokens are compared; a copy elsewhere is the same data"),
    ("val_dataset", "its tokens are compared; a copy elsewhere is the same data"),
    ("tokenizer", "its files are compared; a copy elsewhere is the same tokenizer"),
    ("any_tokenizer", "it allows what is refused otherwise"),
    ("checkpoint_dir", "it names the run to compare with"),
    ("preset", "it sets defaults only"),
    ("config", "it excludes --resume"),
    ("dry_run", "it changes nothing"),
    ("resume", "it asks for the comparison"),
    ("eval_only", "it excludes --resume"),
    ("keep_checkpoints", "checkpoints do not depend on the number of others"),
    ("patience", "it decides when the run stops, not what its steps compute"),
    ("sample_prompt", "samples do not change the weights"),
    ("tensorboard", "event files do not change the weights"),
    ("profile", "measuring does not change the weights"),
    ("threads", "the number of threads does not change the weights"),
    ("quiet", "the log does not change the weights"),
    ("verbose", "the log does not change the weights"),
    ("color", "colours do not change the weights"),
];

/// Checks that no typed flag for the shape differs from the model in `source`, the value of
/// `--init-from`. The context may be shorter than the model's.
///
/// # Errors
/// Names all flags that differ.
pub fn check_shape(
    args: &Args,
    explicit: &ExplicitFlags,
    model: &ModelConfig,
    source: &str,
) -> Result<()> {
    let mut typed = fields(&args.model);
    if args.model.context_length <= model.context_length {
        typed.remove("context_length");
    }
    let decided = fields(&ModelSpec::from(model));
    compare(explicit, typed, &decided, &format!("the model in {source}"), "leave it out")
}

/// Checks that no typed flag differs from the run in `source`, a checkpoint to go on from, except
/// those of `MAY_DIFFER` and more steps.
///
/// # Errors
/// Names all flags that differ.
pub fn check_resumed(
    args: &Args,
    explicit: &ExplicitFlags,
    model: &ModelConfig,
    stored: &TrainingSpec,
    source: &str,
) -> Result<()> {
    let mut typed = fields(&args.model);
    typed.extend(fields(&args.training));
    let mut decided = fields(&ModelSpec::from(model));
    decided.extend(fields(stored));

    // A run may go further than planned.
    if args.training.steps.is_some_and(|steps| steps > stored.steps()) {
        typed.remove("steps");
    }
    // A run keeps its steps only; any number of tokens that comes to as many steps is fine.
    let per_step = stored.tokens_per_step(model.context_length);
    if steps_of_tokens(args, per_step) < stored.steps() {
        typed.insert("total_tokens".into(), json!(args.training.total_tokens));
        decided.insert("total_tokens".into(), json!(stored.steps().saturating_mul(per_step)));
    }
    if args.training.precision == Choice::Auto {
        typed.remove("precision");
    }
    typed.retain(|field, _| MAY_DIFFER.iter().all(|(other, _)| other != field));
    let hint = "leave it out, or start a new run in another --checkpoint-dir";
    compare(explicit, typed, &decided, &format!("the run in {source}"), hint)
}

/// Returns the number of steps that were typed, as `--steps` or as `--total-tokens`, for a run of
/// `per_step` tokens per step.
pub fn typed_steps(args: &Args, explicit: &ExplicitFlags, per_step: u64) -> Option<u64> {
    let steps = args.training.steps.filter(|_| explicit.has("steps"));
    let tokens = explicit.has("total_tokens").then(|| steps_of_tokens(args, per_step));
    steps.or(tokens)
}

fn steps_of_tokens(args: &Args, per_step: u64) -> u64 {
    args.training.total_tokens / per_step.max(1)
}

/// Checks that no typed value differs from the one that `source` decided.
fn compare(
    explicit: &ExplicitFlags,
    typed: Map<String, Value>,
    decided: &Map<String, Value>,
    source: &str,
    hint: &str,
) -> Result<()> {
    let mut list = Vec::new();
    for (field, value) in &typed {
        let there = decided.get(field).unwrap_or(&Value::Null);
        // A typed value is null if it is no finite number, which equals no other.
        if let Some(typed) = explicit.value(field)
            && (there != value || value.is_null())
        {
            list.push(format!("{} {typed} (there {})", flag(field), shown(there)));
        }
    }
    ensure!(list.is_empty(), "{} contradicts {source}; {hint}", list.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests;
