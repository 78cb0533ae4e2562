//! The description of a run in the log, before it starts.

use indicatif::{DecimalBytes, HumanDuration};
use serde::Serialize;

use super::plan::Plan;
use crate::commands::train_model::estimate;
use crate::data::dataset::Dataset;
use crate::run::spec::{ModelSpec, fields, shown};

/// Logs the model, the data, the options and the estimated cost of a run.
pub fn describe(plan: &Plan, train: &Dataset, val: Option<&Dataset>) {
    let Plan { training, shape, context, .. } = plan;
    plan.precision.explain(*context);
    let millions = shape.parameter_count() as f64 / 1e6;
    log::info!("model: {millions:.1} M parameters: {}", listed(&ModelSpec::from(shape)));
    let checkpoint = plan.resumed.as_ref().map(|point| &point.checkpoint);
    let source = match checkpoint.or(training.init_from.as_ref()) {
        Some(path) => path.display().to_string(),
        None => format!("random, seed {}", training.seed),
    };
    log::info!("weights: {source}");
    let validation = val.map_or("none".into(), |val| format!("{} tokens", val.identity.tokens));
    log::info!("data: {} tokens to train on, validation: {validation}", train.identity.tokens);
    let steps = training.steps();
    let tokens = training.tokens_per_step(shape.context_length);
    log::info!(
        "training: {steps} steps of {} × {} × {} tokens, {} tokens in all, {:.2} times the data",
        training.batch_size,
        training.grad_accum,
        shape.context_length,
        tokens.saturating_mul(steps),
        tokens as f64 * steps as f64 / train.identity.tokens as f64,
    );
    log::info!("options: {}", listed(training));
    let left = steps - plan.step();
    let time = estimate::time(shape, training, *context, left);
    let memory = DecimalBytes(estimate::memory(shape, training) as u64);
    log::info!(
        "estimate: {memory} of memory; {:#} for {left} steps, from a trial product",
        HumanDuration(time)
    );
}

/// Formats options as a list of names and values.
fn listed(options: &impl Serialize) -> String {
    let fields = fields(options).into_iter();
    let list: Vec<String> = fields
        .map(|(field, value)| format!("{} {}", field.replace('_', "-"), shown(&value)))
        .collect();
    list.join(", ")
}
