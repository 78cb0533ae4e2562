//! Arguments of `train-model`.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::commands::flags::{self, Common, ExplicitFlags};
use crate::run::spec::{ModelSpec, Preset, TrainingSpec, fields};

/// Train a transformer language model on token files
///
/// Writes checkpoints (Hugging Face Llama directories), metrics.jsonl, loss.svg and run.json into
/// the checkpoint directory. Ctrl-C finishes the step and writes a checkpoint; --resume goes on
/// from there to the very same result.
#[derive(Parser, Debug, Clone)]
#[command(name = "train-model", version, allow_negative_numbers = true)]
#[command(next_help_heading = "Data")]
pub struct Args {
    /// Token file (.npy) to train on; required, except with --eval-only
    #[arg(long, value_name = "PATH", required_unless_present = "eval_only")]
    pub train_dataset: Option<PathBuf>,
    /// Token file (.npy) to measure the validation loss on [default: none]
    #[arg(long, value_name = "PATH")]
    pub val_dataset: Option<PathBuf>,
    /// Directory of the run: checkpoints, run.json, metrics.jsonl, loss.svg
    #[arg(long, value_name = "DIR", default_value = "data/checkpoints")]
    pub checkpoint_dir: PathBuf,
    /// Tokenizer that made the token files; copied into the checkpoints [default: none]
    #[arg(long, value_name = "DIR")]
    pub tokenizer: Option<PathBuf>,

    /// A whole configuration at once, which single flags then override; what --init-from or
    /// --resume decide it leaves alone [default: none]
    #[arg(long, value_name = "NAME", value_enum, help_heading = "Presets")]
    pub preset: Option<Preset>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelSpec,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub training: TrainingSpec,
    /// Go on from the newest checkpoint in the checkpoint directory
    #[arg(long, help_heading = "Training")]
    pub resume: bool,
    /// At each evaluation, write what the model makes of this text to samples.txt [default: none]
    #[arg(long, value_name = "TEXT", help_heading = "Evaluation and checkpoints")]
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
    /// Print after N steps where their time went, operation by operation [default without N: 3]
    #[arg(long, num_args = 0..=1, default_missing_value = "3", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "eval_only", help_heading = "Logging")]
    pub profile: Option<u64>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// Parses `argv`, which begins with the program's name, with the defaults of the preset that it
/// names. Also returns the flags that were typed; those of the preset were not.
///
/// # Errors
/// A [`clap::Error`], as for [`flags::parse`].
pub fn parse(argv: impl IntoIterator<Item = impl Into<OsString>>) -> Result<(Args, ExplicitFlags)> {
    let argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    let (args, explicit): (Args, _) = flags::parse_from(&argv)?;
    match args.preset {
        Some(preset) => flags::parse_with_defaults(&argv, args.defaults(preset)),
        None => Ok((args, explicit)),
    }
}

impl Args {
    /// Returns the preset's values for these arguments.
    fn defaults(&self, preset: Preset) -> impl Iterator<Item = (&'static str, String)> {
        let shape = fields(&self.model);
        // A tokenizer decides the vocabulary's size, and a model to start from its whole shape.
        let has_tokenizer = self.tokenizer.is_some();
        let has_shape = self.training.init_from.is_some();
        let is_open = move |field: &str| {
            !(has_tokenizer && field == "vocab_size" || has_shape && shape.contains_key(field))
        };
        let is_gated = self.model.ffn.is_gated();
        let values = preset.values().iter().filter(move |(field, _)| is_open(field));
        values.map(move |&(field, value)| match value.parse::<usize>() {
            // Two matrices are half as wide again as three.
            Ok(width) if field == "d_ff" && !is_gated => (field, (width * 3 / 2).to_string()),
            _ => (field, value.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, ValueEnum};
    use tensor::Precision;

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
        let (args, explicit): (Args, _) = flags::parse_from(argv).unwrap();
        assert_eq!((args.training.batch_size, args.training.lr), (32, 1e-3));
        assert_eq!((args.model.d_model, args.model.num_heads), (512, 16));
        assert!(explicit.has("batch_size") && !explicit.has("d_model"));
    }

    #[test]
    fn evaluating_needs_a_model_and_a_validation_set_but_no_training_set() {
        let parse = |argv: &[&str]| flags::parse_from::<Args>(argv.iter().copied()).map(|_| ());
        assert!(parse(&["t", "--eval-only", "--init-from", "m", "--val-dataset", "v"]).is_ok());
        assert!(parse(&["t", "--eval-only", "--init-from", "m"]).is_err());
        assert!(parse(&["t", "--eval-only", "--val-dataset", "v"]).is_err());
        assert!(parse(&["t"]).is_err());
    }

    fn parsed(flags: &[&str]) -> (Args, ExplicitFlags) {
        parse([&["train-model", "--train-dataset", "t.npy"], flags].concat()).unwrap()
    }

    #[test]
    fn single_flags_override_a_preset() {
        let (args, explicit) = parsed(&["--preset", "demo", "--d_model=64", "--steps", "7"]);
        let Args { model, training, .. } = args;
        assert_eq!((model.d_model, model.num_layers, model.d_ff), (64, 3, Some(344)));
        assert_eq!((training.steps, training.lr), (Some(7), 0.006));
        assert!(explicit.has("d_model") && explicit.has("steps") && !explicit.has("num_layers"));
    }

    #[test]
    fn a_model_to_start_from_keeps_its_shape() {
        let (args, _) = parsed(&["--preset", "demo", "--init-from", "llama"]);
        assert_eq!((args.model.d_model, args.model.context_length), (512, 256));
        assert_eq!(args.training.lr, 0.006);
    }

    #[test]
    fn every_preset_makes_sense() {
        for preset in Preset::value_variants() {
            let name = preset.to_possible_value().unwrap();
            let (args, _) = parsed(&["--preset", name.get_name()]);
            let shape = args.model.config(None).unwrap();
            args.training.resolve(shape.context_length, Precision::F32).unwrap();
        }
    }

    #[test]
    fn no_preset_changes_nothing_and_two_matrices_are_wider() {
        assert_eq!(parsed(&[]).0.model.d_model, 512);
        assert!(!parsed(&[]).1.has("d_model"));
        assert_eq!(parsed(&["--preset=demo", "--ffn", "silu"]).0.model.d_ff, Some(516));
        let (args, _) = parsed(&["--preset=gpt2-small-shape", "--tokenizer", "t"]);
        assert_eq!(args.model.vocab_size, None, "the tokenizer decides");
    }
}
