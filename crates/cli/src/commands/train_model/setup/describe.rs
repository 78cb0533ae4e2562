//! The description of a run in the log, before it starts.

use indicatif::{DecimalBytes, HumanDuration};

use super::plan::Plan;
use crate::commands::train_model::estimate;
use crate::data::dataset::Dataset;

/// Logs what the run is: model, data, training, optimizer, and the estimate of its cost.
pub fn describe(plan: &Plan, train: &Dataset, val: Option<&Dataset>) {
    let Plan { training, shape, context, .. } = plan;
    plan.precision.explain(*context);
    let millions = shape.parameter_count() as f64 / 1e6;
    log::info!(
        "model: {millions:.1} M parameters: vocabulary {}, context {}, {} layers, d_model {}, \
         {} heads, {} of {}, norm {}, {}",
        shape.vocab_size,
        shape.context_length,
        shape.num_layers,
        shape.d_model,
        shape.num_heads,
        shape.ffn,
        shape.d_ff,
        shape.norm,
        if shape.rope { format!("rope theta {}", shape.rope_theta) } else { "no rope".into() },
    );
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
    let schedule = training.schedule();
    log::info!(
        "optimizer: AdamW, lr {} to {} ({}) after {} steps of warm-up, betas {} and {}, \
         eps {:e}, weight decay {}, clipping at {}",
        schedule.max_lr,
        schedule.min_lr,
        schedule.decay,
        schedule.warmup_steps,
        training.beta1,
        training.beta2,
        training.eps,
        training.weight_decay,
        training.grad_clip,
    );
    let left = steps - plan.step();
    let time = estimate::time(shape, training, *context, left);
    let memory = DecimalBytes(estimate::memory(shape, training) as u64);
    log::info!(
        "estimate: {memory} of memory; {:#} for {left} steps, from a trial product",
        HumanDuration(time)
    );
}
