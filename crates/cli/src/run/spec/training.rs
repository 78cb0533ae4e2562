//! What the arguments mean: every default worked out, every value checked.

use anyhow::Result;
use model::{ModelConfig, ParameterKind};
use optim::{AdamWConfig, Decay, Schedule};
use serde::{Deserialize, Serialize};

use crate::commands::train_model::args::Args;
use crate::shell::exit::usage;

/// Far beyond any run; so that numbers of batches cannot overflow.
const MAX_STEPS: u64 = 1_000_000_000_000;
const MAX_GRAD_ACCUM: usize = 1_000_000;

/// How a run trains; kept in its checkpoints. The model's shape is in their `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// B, windows a batch.
    pub batch_size: usize,
    /// Batches a step.
    pub grad_accum: usize,
    /// Optimizer steps of the whole run.
    pub steps: u64,
    /// Learning rate after the warm-up.
    pub lr: f64,
    /// Learning rate of the last step.
    pub min_lr: f64,
    /// Steps of the warm-up.
    pub warmup_steps: u64,
    /// Largest gradient norm; 0 for any.
    pub grad_clip: f64,
    /// AdamW's β₁.
    pub beta1: f64,
    /// AdamW's β₂.
    pub beta2: f64,
    /// AdamW's ε.
    pub eps: f64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Steps between evaluations.
    pub eval_every: u64,
    /// Batches an evaluation; 0 for the whole validation set.
    pub eval_batches: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept; all if `None`.
    pub keep_checkpoints: Option<usize>,
    /// Steps between lines of metrics.
    pub log_every: u64,
    /// Seed of weights and batches.
    pub seed: u64,
    /// `f32` or `bf16`.
    pub precision: String,
    /// How the learning rate falls. Runs that were begun before there was a choice have none of
    /// these three.
    #[serde(default = "cosine")]
    pub lr_schedule: String,
    /// Whether weight decay is for embeddings too.
    #[serde(default = "yes")]
    pub decay_embeddings: bool,
    /// Whether weight decay is for norms too.
    #[serde(default = "yes")]
    pub decay_norms: bool,
    /// Where the first weights came from, if not from the seed.
    pub init_from: Option<String>,
}

impl RunConfig {
    /// The configuration that the arguments ask for, of a model with this context length.
    ///
    /// # Errors
    /// A usage error that names the flag whose value makes no sense.
    pub fn from_args(args: &Args, context_length: usize, precision: String) -> Result<RunConfig> {
        let steps = steps(args, context_length)?;
        let config = RunConfig {
            batch_size: args.batch_size,
            grad_accum: args.grad_accum,
            steps,
            lr: args.lr,
            min_lr: args.min_lr.unwrap_or(args.lr / 100.0),
            // 2 %, rounded down.
            warmup_steps: args.warmup_steps.unwrap_or(steps / 50),
            grad_clip: args.grad_clip,
            beta1: args.beta1,
            beta2: args.beta2,
            eps: args.eps,
            weight_decay: args.weight_decay,
            eval_every: args.eval_every,
            eval_batches: args.eval_batches,
            checkpoint_every: args.checkpoint_every.unwrap_or((steps / 5).max(1)),
            keep_checkpoints: args.keep_checkpoints,
            log_every: args.log_every,
            seed: args.seed,
            precision,
            lr_schedule: args.lr_schedule.name().into(),
            decay_embeddings: args.decay_embeddings,
            decay_norms: args.decay_norms,
            init_from: args.init_from.as_ref().map(|path| path.display().to_string()),
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// A usage error that names the flag.
    pub fn validate(&self) -> Result<()> {
        let above_zero = |flag: &str, value: u64| match value {
            0 => Err(usage(format!("--{flag} 0: expected at least 1"))),
            _ => Ok(()),
        };
        above_zero("batch-size", self.batch_size as u64)?;
        above_zero("grad-accum", self.grad_accum as u64)?;
        above_zero("steps", self.steps)?;
        if self.steps > MAX_STEPS {
            return Err(usage(format!("--steps {}: expected at most {MAX_STEPS}", self.steps)));
        }
        if self.grad_accum > MAX_GRAD_ACCUM {
            return Err(usage(format!(
                "--grad-accum {}: expected at most {MAX_GRAD_ACCUM}",
                self.grad_accum
            )));
        }
        above_zero("eval-every", self.eval_every)?;
        above_zero("checkpoint-every", self.checkpoint_every)?;
        above_zero("log-every", self.log_every)?;
        above_zero("keep-checkpoints", self.keep_checkpoints.unwrap_or(1) as u64)?;

        number("lr", self.lr, |x| x > 0.0, "a number above 0")?;
        let lr = self.lr;
        number("min-lr", self.min_lr, |x| (0.0..=lr).contains(&x), &format!("0 to --lr, {lr}"))?;
        number("grad-clip", self.grad_clip, |x| x >= 0.0, "at least 0, which turns it off")?;
        number("beta1", self.beta1, |x| (0.0..1.0).contains(&x), "0 or more and below 1")?;
        number("beta2", self.beta2, |x| (0.0..1.0).contains(&x), "0 or more and below 1")?;
        number("eps", self.eps, |x| x > 0.0, "a number above 0")?;
        number("weight-decay", self.weight_decay, |x| x >= 0.0, "at least 0")?;
        if Decay::from_name(&self.lr_schedule).is_none() {
            let (found, names) = (&self.lr_schedule, Decay::ALL.map(Decay::name).join(", "));
            return Err(usage(format!("--lr-schedule {found}: expected one of {names}")));
        }
        if self.warmup_steps > self.steps {
            let (warmup, steps) = (self.warmup_steps, self.steps);
            return Err(usage(format!(
                "--warmup-steps {warmup}: expected at most --steps, {steps}"
            )));
        }
        Ok(())
    }

    /// Tokens that one step trains on, of a model with this context length.
    pub fn tokens_per_step(&self, context_length: usize) -> u64 {
        tokens_per_step(self.batch_size, self.grad_accum, context_length)
    }

    /// The optimizer's settings.
    pub fn adamw(&self) -> AdamWConfig {
        let &RunConfig { beta1, beta2, eps, weight_decay, .. } = self;
        AdamWConfig { beta1, beta2, eps, weight_decay }
    }

    /// The weight decay of a parameter of this kind.
    pub fn weight_decay_of(&self, kind: ParameterKind) -> f64 {
        let decays = match kind {
            ParameterKind::Norm => self.decay_norms,
            ParameterKind::Embedding => self.decay_embeddings,
            ParameterKind::Linear => true,
        };
        if decays { self.weight_decay } else { 0.0 }
    }

    /// The learning rate as a function of the step, the first of which is 0; the last one has
    /// `min_lr`.
    pub fn schedule(&self) -> Schedule {
        let &RunConfig { lr, min_lr, warmup_steps, steps, .. } = self;
        let decay = Decay::from_name(&self.lr_schedule).unwrap_or_default();
        Schedule { decay, max_lr: lr, min_lr, warmup_steps, total_steps: steps - 1 }
    }
}

fn cosine() -> String {
    Decay::Cosine.name().into()
}

fn yes() -> bool {
    true
}

fn tokens_per_step(batch_size: usize, grad_accum: usize, context_length: usize) -> u64 {
    let size = |n: usize| n as u64;
    size(batch_size).saturating_mul(size(grad_accum)).saturating_mul(size(context_length))
}

fn steps(args: &Args, context_length: usize) -> Result<u64> {
    let tokens_per_step = tokens_per_step(args.batch_size, args.grad_accum, context_length).max(1);
    let total = args.total_tokens;
    match args.steps.unwrap_or(total / tokens_per_step) {
        0 if args.steps.is_some() => Err(usage("--steps 0: expected at least 1")),
        0 => Err(usage(format!(
            "--total-tokens {total}: less than one step, which is {tokens_per_step} tokens (batch-size · grad-accum · \
             context-length); give more tokens, smaller batches or --steps"
        ))),
        steps => Ok(steps),
    }
}

/// Checks the value of a flag that takes a real number.
fn number(flag: &str, value: f64, is_right: impl Fn(f64) -> bool, expected: &str) -> Result<()> {
    if value.is_finite() && is_right(value) {
        return Ok(());
    }
    Err(usage(format!("--{flag} {value}: expected {expected}")))
}

/// The shape that the arguments ask for, where nothing else decides it. `tokenizer_size` is the
/// tokenizer's vocabulary.
///
/// # Errors
/// A usage error that names the flag whose value makes no sense.
pub fn model_config(args: &Args, tokenizer_size: Option<usize>) -> Result<ModelConfig> {
    let default = ModelConfig::default();
    let config = ModelConfig {
        vocab_size: args.vocab_size.or(tokenizer_size).unwrap_or(default.vocab_size),
        context_length: args.context_length,
        d_model: args.d_model,
        num_heads: args.num_heads,
        num_layers: args.num_layers,
        d_ff: args.d_ff.unwrap_or(args.ffn.default_d_ff()),
        rope: !args.no_rope,
        rope_theta: args.rope_theta,
        norm: args.norm,
        ffn: args.ffn,
        ..default
    };
    config.validate().map_err(|error| usage(as_flags(&error.to_string())))?;
    Ok(config)
}

/// A message about fields (`num_heads`) as one about the flags that set them (`--num-heads`).
fn as_flags(message: &str) -> String {
    const FIELDS: [&str; 7] = [
        "vocab_size",
        "context_length",
        "d_model",
        "num_heads",
        "num_layers",
        "d_ff",
        "rope_theta",
    ];
    FIELDS.iter().fold(message.to_string(), |message, field| {
        message.replace(field, &format!("--{}", field.replace('_', "-")))
    })
}

#[cfg(test)]
mod tests;
