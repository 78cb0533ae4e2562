//! What a run is about to do, for the log.

use indicatif::HumanDuration;

use super::estimate;
use super::plan::{Plan, Weights};
use crate::data::dataset::Dataset;

/// Logs what is about to happen.
pub fn describe(plan: &Plan, train: &Dataset, val: Option<&Dataset>) {
    let Plan { config, shape, context, step, .. } = plan;
    plan.precision.explain(*context);
    let millions = shape.parameter_count() as f64 / 1e6;
    log::info!(
        "model: {millions:.1} M parameters: vocabulary {}, context {}, {} layers, d_model {}, {} heads, {} of {}, norm {}, {}",
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
    let source = match &plan.weights {
        Weights::Random => format!("random, seed {}", config.seed),
        Weights::Loaded(_) => config.init_from.clone().unwrap_or_default(),
        Weights::Checkpoint(_, path) => path.display().to_string(),
    };
    log::info!("weights: {source}");
    let validation = val.map_or("none".into(), |val| format!("{} tokens", val.identity.tokens));
    log::info!("data: {} tokens to train on, validation: {validation}", train.identity.tokens);
    let tokens = config.tokens_per_step(shape.context_length);
    log::info!(
        "training: {} steps of {} × {} × {} tokens, {} tokens in all, {:.2} times the data",
        config.steps,
        config.batch_size,
        config.grad_accum,
        shape.context_length,
        tokens.saturating_mul(config.steps),
        tokens as f64 * config.steps as f64 / train.identity.tokens as f64,
    );
    log::info!(
        "optimizer: AdamW, lr {} to {} ({}) after {} steps of warm-up, betas {} and {}, eps {:e}, weight decay {}, clipping at {}",
        config.lr,
        config.min_lr,
        config.lr_schedule,
        config.warmup_steps,
        config.beta1,
        config.beta2,
        config.eps,
        config.weight_decay,
        config.grad_clip,
    );
    let left = config.steps - step;
    let time = estimate::time(shape, config, *context, left);
    let memory = estimate::bytes(estimate::memory(shape, config));
    log::info!(
        "estimate: {memory} of memory; {:#} for {left} steps, from a trial product",
        HumanDuration(time)
    );
}
