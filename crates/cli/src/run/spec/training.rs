//! The options of training.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgAction, Args};
use model::ParameterKind;
use optim::{AdamWConfig, Decay, Schedule};
use serde::{Deserialize, Serialize, Serializer};
use tensor::Precision;

use crate::shell::choice;
use crate::shell::exit::{check_flag, usage};
use crate::shell::precision::Choice;

const MODEL: &str = "Model";
const OPTIMIZER: &str = "Optimizer";
const EVALUATION: &str = "Evaluation and checkpoints";

/// Limits far beyond any run, so that numbers of batches cannot overflow.
const MAX_STEPS: u64 = 1_000_000_000_000;
const MAX_GRAD_ACCUM: u64 = 1_000_000;
/// The number of sequences per step above which the step is too large, not the training too short.
const MOST_SEQUENCES: usize = 1_000_000;
/// The reason why fields that follow from others have a value.
const RESOLVED: &str = "a run's specification is resolved";

/// The options of training, as flags, in `run.json` and in checkpoints.
///
/// Fields that follow from others are `None` until [`TrainingSpec::resolve`] fills them in; files
/// have them all. Only options that the first version did not have may be missing from a file:
/// these have a default for serde, and the run goes on as it began.
#[derive(Args, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Training")]
pub struct TrainingSpec {
    /// Sequences per batch
    #[arg(long, default_value_t = 32)]
    pub batch_size: usize,
    /// Batches whose gradients are averaged for one step
    #[arg(long, default_value_t = 1)]
    #[arg(hide_short_help = true)]
    pub grad_accum: usize,
    /// Tokens to train on, all in all
    #[arg(long, default_value_t = 40_960_000, conflicts_with = "steps")]
    #[serde(skip)]
    #[arg(hide_short_help = true)]
    pub total_tokens: u64,
    /// Optimizer steps [default: total-tokens ÷ (batch-size · grad-accum · context-length)]
    #[arg(long)]
    pub steps: Option<u64>,
    /// Seed of the first weights and of the batches
    #[arg(long, default_value_t = 0)]
    #[arg(hide_short_help = true)]
    pub seed: u64,
    /// Type of the operands of matrix products and of what stays within a block; auto is bf16 where
    /// the CPU has instructions for it, else f32
    #[arg(long, value_name = "P", default_value = "auto")]
    #[arg(value_parser = choice::parser(&Choice::TRAINING))]
    #[arg(hide_short_help = true)]
    pub precision: Choice,
    /// Start from the weights of this Llama directory; its shape is then the model's [default:
    /// random weights]
    #[arg(long, value_name = "DIR", help_heading = MODEL)]
    #[serde(serialize_with = "as_text")]
    #[arg(hide_short_help = true)]
    pub init_from: Option<PathBuf>,

    /// Highest learning rate
    #[arg(long, default_value_t = 1e-3, help_heading = OPTIMIZER)]
    #[arg(visible_alias = "learning-rate")]
    pub lr: f64,
    /// Learning rate of the last step [default: lr ÷ 100]
    #[arg(long, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub min_lr: Option<f64>,
    /// Course of the learning rate from --lr to --min-lr; wsd falls in the last fifth of the steps
    #[arg(long, value_name = "KIND", default_value = "cosine", help_heading = OPTIMIZER)]
    #[arg(value_parser = choice::parser(&Decay::ALL))]
    #[serde(with = "choice", default)]
    #[arg(hide_short_help = true)]
    pub lr_schedule: Decay,
    /// Steps in which the learning rate rises [default: 2 % of the steps]
    #[arg(long, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub warmup_steps: Option<u64>,
    /// Largest norm of the gradient; 0 turns clipping off
    #[arg(long, default_value_t = 1.0, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub grad_clip: f64,
    /// AdamW's decay of the first moment
    #[arg(long, default_value_t = 0.9, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub beta1: f64,
    /// AdamW's decay of the second moment
    #[arg(long, default_value_t = 0.999, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub beta2: f64,
    /// AdamW's ε
    #[arg(long, default_value_t = 1e-8, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub eps: f64,
    /// AdamW's weight decay
    #[arg(long, default_value_t = 0.01, help_heading = OPTIMIZER)]
    #[arg(hide_short_help = true)]
    pub weight_decay: f64,
    /// Apply weight decay to the token embeddings
    #[arg(long, default_value_t = true, action = ArgAction::Set, help_heading = OPTIMIZER)]
    #[serde(default = "always")]
    #[arg(hide_short_help = true)]
    pub decay_embeddings: bool,
    /// Apply weight decay to the weights of the norms
    #[arg(long, default_value_t = true, action = ArgAction::Set, help_heading = OPTIMIZER)]
    #[serde(default = "always")]
    #[arg(hide_short_help = true)]
    pub decay_norms: bool,

    /// Steps between evaluations
    #[arg(long, default_value_t = 100, help_heading = EVALUATION)]
    #[arg(hide_short_help = true)]
    pub eval_every: u64,
    /// Batches per evaluation; 0: the whole validation set, in order
    #[arg(long, default_value_t = 4, help_heading = EVALUATION)]
    #[arg(hide_short_help = true)]
    pub eval_batches: usize,
    /// Steps between checkpoints [default: steps ÷ 5]
    #[arg(long, help_heading = EVALUATION)]
    #[arg(hide_short_help = true)]
    pub checkpoint_every: Option<u64>,
    /// Number of checkpoints to keep, the newest ones, beside the best one [default: all]
    #[arg(long, help_heading = EVALUATION)]
    #[arg(hide_short_help = true)]
    pub keep_checkpoints: Option<usize>,
    /// Stop after N evaluations without a lower validation loss [default: never]
    #[arg(long, help_heading = EVALUATION)]
    #[arg(hide_short_help = true)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Steps between lines of metrics.jsonl and of the log
    #[arg(long, default_value_t = 10, help_heading = "Logging")]
    #[arg(hide_short_help = true)]
    pub log_every: u64,
}

/// Serializes a path as text, also one that is not UTF-8.
fn as_text<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

/// Returns the value, in files without it, of an option to do what earlier versions always did.
fn always() -> bool {
    true
}

/// Returns the learning rate of the last step, unless another one is given.
fn min_lr(lr: f64) -> f64 {
    lr / 100.0
}

/// Returns the steps of the warm-up, unless others are given: 2 %, rounded down.
fn warmup_steps(steps: u64) -> u64 {
    steps / 50
}

/// Returns the steps between checkpoints, unless others are given.
fn checkpoint_every(steps: u64) -> u64 {
    (steps / 5).max(1)
}

impl TrainingSpec {
    /// Fills in what follows from other values, for a model of `context_length` that is trained in
    /// `precision`, and checks every value.
    ///
    /// # Errors
    /// A usage error that names the flag with the wrong value.
    pub fn resolve(&self, context_length: usize, precision: Precision) -> Result<TrainingSpec> {
        let steps = match self.steps {
            Some(steps) => steps,
            None => self.steps_for_total_tokens(context_length)?,
        };
        let resolved = TrainingSpec {
            steps: Some(steps),
            // The steps follow from it, and files do not have it.
            total_tokens: 0,
            precision: precision.into(),
            min_lr: self.min_lr.or(Some(min_lr(self.lr))),
            warmup_steps: self.warmup_steps.or(Some(warmup_steps(steps))),
            checkpoint_every: self.checkpoint_every.or(Some(checkpoint_every(steps))),
            ..self.clone()
        };
        resolved.validate()?;
        Ok(resolved)
    }

    /// Returns the options without the values that [`TrainingSpec::resolve`] would fill in just so.
    pub fn unresolved(&self) -> TrainingSpec {
        let steps = self.steps.unwrap_or(0);
        let unless_filled_in = |value: Option<u64>, derived| value.filter(|&v| v != derived);
        TrainingSpec {
            min_lr: self.min_lr.filter(|&value| value != min_lr(self.lr)),
            warmup_steps: unless_filled_in(self.warmup_steps, warmup_steps(steps)),
            checkpoint_every: unless_filled_in(self.checkpoint_every, checkpoint_every(steps)),
            ..self.clone()
        }
    }

    fn steps_for_total_tokens(&self, context_length: usize) -> Result<u64> {
        let total = self.total_tokens;
        let per_step = self.tokens_per_step(context_length).max(1);
        match total / per_step {
            0 if self.batch_size.saturating_mul(self.grad_accum) > MOST_SEQUENCES => {
                Err(usage(format!(
                    "--batch-size {} · --grad-accum {}: more than {MOST_SEQUENCES} sequences per \
                     step; give smaller batches",
                    self.batch_size, self.grad_accum
                )))
            }
            0 => Err(usage(format!(
                "--total-tokens {total}: less than one step, which is {per_step} tokens \
                 (batch-size · grad-accum · context-length); give more tokens, smaller batches or \
                 --steps"
            ))),
            steps => Ok(steps),
        }
    }

    /// Checks every value of a resolved specification.
    ///
    /// # Errors
    /// A usage error that names the flag with the wrong value.
    pub fn validate(&self) -> Result<()> {
        let (Some(steps), Some(min_lr), Some(warmup_steps), Some(checkpoint_every)) =
            (self.steps, self.min_lr, self.warmup_steps, self.checkpoint_every)
        else {
            bail!("steps, min_lr, warmup_steps or checkpoint_every is missing");
        };
        let precision = self.precision;
        let is_resolved = matches!(precision, Choice::F32 | Choice::Bf16);
        check_flag("precision", precision, is_resolved, "f32 or bf16")?;
        for (flag, value) in [
            ("batch-size", self.batch_size as u64),
            ("grad-accum", self.grad_accum as u64),
            ("steps", steps),
            ("eval-every", self.eval_every),
            ("checkpoint-every", checkpoint_every),
            ("log-every", self.log_every),
            ("keep-checkpoints", self.keep_checkpoints.unwrap_or(1) as u64),
            ("patience", self.patience.unwrap_or(1)),
        ] {
            check_flag(flag, value, value > 0, "at least 1")?;
        }
        let at_most = |flag: &str, value: u64, max: u64, name: &str| {
            check_flag(flag, value, value <= max, &format!("at most {name}{max}"))
        };
        at_most("grad-accum", self.grad_accum as u64, MAX_GRAD_ACCUM, "")?;
        at_most("steps", steps, MAX_STEPS, "")?;
        at_most("warmup-steps", warmup_steps, steps, "--steps, ")?;

        let &TrainingSpec { lr, grad_clip, beta1, beta2, eps, weight_decay, .. } = self;
        let (from_0, below_1) = (0.0..f64::INFINITY, 0.0..1.0);
        check_flag("lr", lr, lr > 0.0 && from_0.contains(&lr), "a number above 0")?;
        let to_lr = format!("0 to --lr, {lr}");
        check_flag("min-lr", min_lr, (0.0..=lr).contains(&min_lr), &to_lr)?;
        let off = "at least 0, which turns it off";
        check_flag("grad-clip", grad_clip, from_0.contains(&grad_clip), off)?;
        check_flag("beta1", beta1, below_1.contains(&beta1), "0 or more and below 1")?;
        check_flag("beta2", beta2, below_1.contains(&beta2), "0 or more and below 1")?;
        check_flag("eps", eps, eps > 0.0 && from_0.contains(&eps), "a number above 0")?;
        check_flag("weight-decay", weight_decay, from_0.contains(&weight_decay), "at least 0")
    }

    /// Returns the number of optimizer steps of the whole run.
    ///
    /// # Panics
    /// If the specification is not resolved.
    pub fn steps(&self) -> u64 {
        self.steps.expect(RESOLVED)
    }

    /// Returns the number of steps between checkpoints.
    ///
    /// # Panics
    /// If the specification is not resolved.
    pub fn checkpoint_every(&self) -> u64 {
        self.checkpoint_every.expect(RESOLVED)
    }

    /// Returns the number of tokens that one step trains a model of this context length on.
    pub fn tokens_per_step(&self, context_length: usize) -> u64 {
        let sizes = [self.batch_size, self.grad_accum, context_length];
        sizes.into_iter().fold(1, |product: u64, size| product.saturating_mul(size as u64))
    }

    /// Returns the optimizer's settings.
    pub fn adamw(&self) -> AdamWConfig {
        let &TrainingSpec { beta1, beta2, eps, weight_decay, .. } = self;
        AdamWConfig { beta1, beta2, eps, weight_decay }
    }

    /// Returns the weight decay of a parameter of this kind.
    pub fn weight_decay_of(&self, kind: ParameterKind) -> f64 {
        let decays = match kind {
            ParameterKind::Norm => self.decay_norms,
            ParameterKind::Embedding => self.decay_embeddings,
            ParameterKind::Linear => true,
        };
        if decays { self.weight_decay } else { 0.0 }
    }

    /// Returns the learning rate as a function of the step. The first step is 0, and the last one
    /// has `min_lr`.
    ///
    /// # Panics
    /// If the specification is not resolved.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            decay: self.lr_schedule,
            max_lr: self.lr,
            min_lr: self.min_lr.expect(RESOLVED),
            warmup_steps: self.warmup_steps.expect(RESOLVED),
            total_steps: self.steps() - 1,
        }
    }
}

#[cfg(test)]
mod tests;
