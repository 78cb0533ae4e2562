//! Arguments of `train-model`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Parser};
use model::{FeedForward, Norm};
use optim::Decay;

use crate::commands::flags::Common;
use crate::run::spec::preset::Preset;
use crate::shell::precision::Choice;

/// Train a transformer language model on token files
///
/// Writes checkpoints (Hugging Face Llama directories), metrics.jsonl, loss.svg and run.json into
/// the checkpoint directory. Ctrl-C finishes the step and writes a checkpoint; --resume goes on
/// from there to the very same result.
#[derive(Parser, Debug, Clone)]
#[command(name = "train-model", version, allow_negative_numbers = true)]
pub struct Args {
    /// Token file (.npy) to train on; required, except with --eval-only
    #[arg(long, value_name = "PATH", required_unless_present = "eval_only", help_heading = "Data")]
    pub train_dataset: Option<PathBuf>,
    /// Token file (.npy) to measure the validation loss on [default: none]
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub val_dataset: Option<PathBuf>,
    /// Directory of the run: checkpoints, run.json, metrics.jsonl, loss.svg
    #[arg(long, value_name = "DIR", default_value = "data/checkpoints", help_heading = "Data")]
    pub checkpoint_dir: PathBuf,
    /// Tokenizer that made the token files; copied into the checkpoints [default: none]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub tokenizer: Option<PathBuf>,

    /// A whole configuration at once, which single flags then override; what --init-from or
    /// --resume decide it leaves alone [default: none]
    #[arg(long, value_name = "NAME", value_enum, help_heading = "Presets")]
    pub preset: Option<Preset>,

    /// Number of token ids [default: the tokenizer's, else 10000]
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub vocab_size: Option<usize>,
    /// Tokens that the model sees at once
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Model")]
    pub context_length: usize,
    /// Width of the residual stream
    #[arg(long, value_name = "N", default_value_t = 512, help_heading = "Model")]
    pub d_model: usize,
    /// Attention heads; they divide the width
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Model")]
    pub num_heads: usize,
    /// Transformer blocks
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Model")]
    pub num_layers: usize,
    /// Inner width of the feed-forward networks [default: 1344; 2016 for silu and gelu]
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub d_ff: Option<usize>,
    /// Base of the rotary position embedding's wavelengths
    #[arg(long, value_name = "X", default_value_t = 10_000.0, help_heading = "Model")]
    pub rope_theta: f64,
    /// Leave out the rotary position embedding
    #[arg(long, conflicts_with = "rope_theta", help_heading = "Model")]
    pub no_rope: bool,
    /// Where a block normalises
    #[arg(long, value_name = "WHERE", default_value = "pre", value_parser = norm_parser(), help_heading = "Model")]
    pub norm: Norm,
    /// Kind of feed-forward network
    #[arg(long, value_name = "KIND", default_value = "swiglu", value_parser = ffn_parser(), help_heading = "Model")]
    pub ffn: FeedForward,
    /// Start from the weights of this Llama directory; its shape is then the model's [default:
    /// random weights]
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub init_from: Option<PathBuf>,

    /// Windows a batch
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = "Training")]
    pub batch_size: usize,
    /// Batches whose gradients are averaged for one step
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Training")]
    pub grad_accum: usize,
    /// Tokens to train on, all in all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 40_960_000,
        conflicts_with = "steps",
        help_heading = "Training"
    )]
    pub total_tokens: u64,
    /// Optimizer steps [default: total-tokens ÷ (batch-size · grad-accum · context-length)]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub steps: Option<u64>,
    /// Seed of the first weights and of the batches
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub seed: u64,
    /// Operands of matrix products, and what stays within a block; auto is bf16 where the CPU has
    /// instructions for it
    #[arg(long, value_name = "P", default_value = "auto", value_parser = Choice::parser(false), help_heading = "Training")]
    pub precision: Choice,
    /// Go on from the newest checkpoint in the checkpoint directory
    #[arg(long, help_heading = "Training")]
    pub resume: bool,

    /// Highest learning rate
    #[arg(long, value_name = "X", default_value_t = 1e-3, help_heading = "Optimizer")]
    pub lr: f64,
    /// Learning rate of the last step [default: lr ÷ 100]
    #[arg(long, value_name = "X", help_heading = "Optimizer")]
    pub min_lr: Option<f64>,
    /// How the learning rate goes from --lr to --min-lr; wsd: in the last fifth of the steps
    #[arg(long, value_name = "KIND", default_value = "cosine", value_parser = decay_parser(), help_heading = "Optimizer")]
    pub lr_schedule: Decay,
    /// Steps in which the learning rate rises [default: 2 % of the steps]
    #[arg(long, value_name = "N", help_heading = "Optimizer")]
    pub warmup_steps: Option<u64>,
    /// Largest norm of the gradient; 0 turns clipping off
    #[arg(long, value_name = "X", default_value_t = 1.0, help_heading = "Optimizer")]
    pub grad_clip: f64,
    /// AdamW's decay of the first moment
    #[arg(long, value_name = "X", default_value_t = 0.9, help_heading = "Optimizer")]
    pub beta1: f64,
    /// AdamW's decay of the second moment
    #[arg(long, value_name = "X", default_value_t = 0.999, help_heading = "Optimizer")]
    pub beta2: f64,
    /// AdamW's ε
    #[arg(long, value_name = "X", default_value_t = 1e-8, help_heading = "Optimizer")]
    pub eps: f64,
    /// AdamW's weight decay
    #[arg(long, value_name = "X", default_value_t = 0.01, help_heading = "Optimizer")]
    pub weight_decay: f64,
    /// Whether the token embeddings decay too
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", help_heading = "Optimizer")]
    pub decay_embeddings: bool,
    /// Whether the norms' weights decay too
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", help_heading = "Optimizer")]
    pub decay_norms: bool,

    /// Steps between evaluations
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        help_heading = "Evaluation and checkpoints"
    )]
    pub eval_every: u64,
    /// Batches an evaluation; 0: the whole validation set, in order
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        help_heading = "Evaluation and checkpoints"
    )]
    pub eval_batches: usize,
    /// At each evaluation, write what the model makes of this text to samples.txt [default: none]
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        help_heading = "Evaluation and checkpoints"
    )]
    pub sample_prompt: Option<String>,
    /// Write TensorBoard's event files too, to tensorboard/ in the checkpoint directory
    #[arg(long, help_heading = "Evaluation and checkpoints")]
    pub tensorboard: bool,
    /// Train nothing; print the loss of --init-from on the whole validation set as one JSON line
    #[arg(
        long,
        requires = "init_from",
        requires = "val_dataset",
        conflicts_with = "resume",
        help_heading = "Evaluation and checkpoints"
    )]
    pub eval_only: bool,
    /// Steps between checkpoints [default: steps ÷ 5]
    #[arg(long, value_name = "N", help_heading = "Evaluation and checkpoints")]
    pub checkpoint_every: Option<u64>,
    /// Checkpoints that are kept, the newest [default: all]
    #[arg(long, value_name = "N", help_heading = "Evaluation and checkpoints")]
    pub keep_checkpoints: Option<usize>,
    /// Print after N steps where their time went, operation by operation [default without N: 3]
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        default_missing_value = "3",
        value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "eval_only",
        help_heading = "Logging"
    )]
    pub profile: Option<u64>,
    /// Steps between lines of metrics.jsonl and of the log
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Logging")]
    pub log_every: u64,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

fn norm_parser() -> impl TypedValueParser<Value = Norm> {
    PossibleValuesParser::new(Norm::ALL.map(Norm::name)).try_map(|name| name.parse())
}

fn decay_parser() -> impl TypedValueParser<Value = Decay> {
    PossibleValuesParser::new(Decay::ALL.map(Decay::name))
        .map(|name| Decay::from_name(&name).unwrap_or_default())
}

fn ffn_parser() -> impl TypedValueParser<Value = FeedForward> {
    PossibleValuesParser::new(FeedForward::ALL.map(FeedForward::name)).try_map(|name| name.parse())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_original_command_line() {
        let argv = [
            "train-model",
            "--train-dataset=data/train.npy",
            "--val_dataset=data/valid.npy",
            "--lr=0.001",
            "--batch_size=32",
            "--checkpoint-dir=runs",
        ];
        let (args, given): (Args, _) = crate::commands::flags::parse_from(argv).unwrap();
        assert_eq!((args.batch_size, args.lr, args.d_model, args.num_heads), (32, 1e-3, 512, 16));
        assert!(given.has("batch_size") && !given.has("d_model"));
    }

    #[test]
    fn evaluating_needs_a_model_and_a_validation_set_but_no_training_set() {
        let parse = |argv: &[&str]| {
            crate::commands::flags::parse_from::<Args>(argv.iter().copied()).map(|_| ())
        };
        assert!(parse(&["t", "--eval-only", "--init-from", "m", "--val-dataset", "v"]).is_ok());
        assert!(parse(&["t", "--eval-only", "--init-from", "m"]).is_err());
        assert!(parse(&["t", "--eval-only", "--val-dataset", "v"]).is_err());
        assert!(parse(&["t"]).is_err());
    }
}
