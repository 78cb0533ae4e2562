//! Arguments of `train-model`.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory, Parser};

use super::from_run::{self, Defaults};
use crate::commands::flags::{self, Common, ExplicitFlags};
use crate::commands::help::Example;
use crate::run::checkpoint::{self, Purpose};
use crate::run::manifest::RunManifest;
use crate::run::spec::{ModelSpec, Preset, PresetChoice, TrainingSpec, fields};

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    (
        "Train a small model",
        "{} --preset demo --train-dataset train.npy --val-dataset valid.npy \\\n      \
         --tokenizer tokenizer --checkpoint-dir runs/demo",
    ),
    (
        "Go on with it after Ctrl-C, or further than planned",
        "{} --resume --checkpoint-dir runs/demo --steps 20k",
    ),
    (
        "See what it would be with another learning rate, and write nothing",
        "{} --config runs/demo/run.json --lr 3e-4 --dry-run",
    ),
    (
        "Measure its loss on a whole file",
        "{} --eval-only --init-from runs/demo --val-dataset valid.npy",
    ),
];

/// Train a transformer language model on token files
///
/// Writes checkpoints (Hugging Face Llama directories), metrics.jsonl, loss.svg and run.json into
/// the checkpoint directory. Ctrl-C finishes the step and writes a checkpoint; --resume goes on
/// from there to the very same result.
#[derive(Parser, Debug, Clone)]
#[command(name = "train-model", version, allow_negative_numbers = true)]
#[command(next_help_heading = "Data")]
pub struct Args {
    /// Token file (.npy) to train on
    ///
    /// It is required, except with --resume, --config and --eval-only.
    #[arg(long, value_name = "PATH")]
    #[arg(required_unless_present_any = ["eval_only", "resume", "config", "preset"])]
    pub train_dataset: Option<PathBuf>,
    /// Token file (.npy) to validate on [default: none]
    #[arg(long, value_name = "PATH")]
    pub val_dataset: Option<PathBuf>,
    /// Directory of the run
    ///
    /// It receives checkpoints, run.json, metrics.jsonl and loss.svg. An earlier run there moves to
    /// earlier-N in it.
    #[arg(long, value_name = "DIR", default_value = "data/checkpoints")]
    pub checkpoint_dir: PathBuf,
    /// Tokenizer of the token files [default: encode's]
    ///
    /// encode notes beside a token file which tokenizer made it. The tokenizer is copied into the
    /// checkpoints, so that they can be used as they are.
    #[arg(long, value_name = "DIR")]
    pub tokenizer: Option<PathBuf>,
    /// Insist on a tokenizer that did not make the token files or the model
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub any_tokenizer: bool,

    /// Defaults for many flags at once [default: none]
    ///
    /// Options that --init-from or --resume decides stay, and the size of the tokenizer, if one
    /// is known, counts instead of the preset's --vocab-size.
    #[arg(long, value_name = "NAME", value_parser = PresetChoice::parser())]
    #[arg(help_heading = "Presets")]
    pub preset: Option<PresetChoice>,
    /// Options and paths of another run, from its run.json [default: none]
    ///
    /// Typed flags override them.
    #[arg(long, value_name = "FILE", help_heading = "Presets", hide_short_help = true)]
    #[arg(conflicts_with_all = ["preset", "resume", "eval_only"])]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelSpec,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub training: TrainingSpec,
    /// Go on from the newest checkpoint
    ///
    /// The run's own options and files are taken; with more --steps or --total-tokens it goes
    /// further than planned.
    #[arg(long, help_heading = "Training")]
    pub resume: bool,
    /// Print the run that would begin, and write nothing
    #[arg(long, help_heading = "Training", conflicts_with = "eval_only")]
    pub dry_run: bool,
    /// Text that the model continues at each evaluation, shown and in samples.txt [default: none]
    #[arg(long, value_name = "TEXT", help_heading = "Evaluation and checkpoints")]
    #[arg(hide_short_help = true)]
    pub sample_prompt: Option<String>,
    /// Write TensorBoard's event files too, to tensorboard/ in the checkpoint directory
    #[arg(long, help_heading = "Evaluation and checkpoints")]
    #[arg(hide_short_help = true)]
    pub tensorboard: bool,
    /// Train nothing; print the loss of --init-from on the whole validation set as one JSON line
    #[arg(long, help_heading = "Evaluation and checkpoints")]
    #[arg(requires = "init_from", requires = "val_dataset", conflicts_with = "resume")]
    #[arg(hide_short_help = true)]
    pub eval_only: bool,
    /// Print a table of the time per operation after N steps [default without N: 3]
    #[arg(long, num_args = 0..=1, default_missing_value = "3")]
    #[arg(conflicts_with = "eval_only", help_heading = "Logging")]
    #[arg(hide_short_help = true)]
    pub profile: Option<NonZeroU64>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// Parses `argv` as [`parse_command`] does, by the command without examples.
///
/// # Errors
/// As for [`parse_command`].
pub fn parse(argv: impl IntoIterator<Item = impl Into<OsString>>) -> Result<(Args, ExplicitFlags)> {
    let argv = argv.into_iter().map(Into::into).collect();
    parse_command(flags::conventional(Args::command()), argv)
}

/// Parses `argv`, which begins with the program's name, with the defaults of the preset, the
/// `run.json` or the run to resume that it names. Also returns the flags that were typed; those of
/// a file or preset were not.
///
/// # Errors
/// A [`clap::Error`], as for [`flags::parse`]; when the file of `--config` cannot be read.
pub fn parse_command(command: Command, argv: Vec<OsString>) -> Result<(Args, ExplicitFlags)> {
    let (args, explicit): (Args, _) = flags::parse_command(command.clone(), &argv)?;
    let defaults = args.defaults(&explicit)?;
    if defaults.is_empty() {
        return Ok((args, explicit));
    }
    let (args, mut explicit): (Args, _) = flags::parse_with_defaults(command, &argv, defaults)?;
    if args.config.is_some() && !explicit.has("init_from") {
        // The tokenizer and the model to start from do not decide these.
        for (field, value) in [
            ("vocab_size", args.model.vocab_size),
            ("context_length", Some(args.model.context_length)),
        ] {
            if let Some(value) = value {
                explicit.add(field, value.to_string());
            }
        }
    }
    Ok((args, explicit))
}

impl Args {
    /// Returns the defaults that the arguments ask for, of which `explicit` were typed.
    fn defaults(&self, explicit: &ExplicitFlags) -> Result<Defaults> {
        let mut defaults = match self.preset {
            Some(PresetChoice::Named(preset)) => self.of_preset(preset)?,
            Some(PresetChoice::List) | None => Vec::new(),
        };
        if let Some(path) = &self.config {
            let manifest = RunManifest::read_file(path).context("--config")?;
            defaults.extend(from_run::surroundings(&manifest));
            defaults.extend(from_run::specification(&manifest, explicit));
        }
        if self.resume
            && let Some(manifest) = self.earlier_manifest(explicit)?
        {
            defaults.extend(from_run::surroundings(&manifest));
            // A run without a checkpoint starts from its beginning, as it was planned.
            if matches!(checkpoint::newest(&self.checkpoint_dir, Purpose::Resume), Ok(None)) {
                defaults.extend(from_run::specification(&manifest, explicit));
            }
        }
        Ok(defaults)
    }

    /// Returns the manifest of the run to resume. A damaged one counts as none where the paths that
    /// it would tell were typed.
    fn earlier_manifest(&self, explicit: &ExplicitFlags) -> Result<Option<RunManifest>> {
        match RunManifest::read(&self.checkpoint_dir) {
            Err(_) if explicit.has("train_dataset") => Ok(None),
            Err(error) => Err(error.context("--resume")),
            manifest => manifest,
        }
    }

    /// Returns the preset's values, without those that the tokenizer or the model to start from
    /// decides.
    fn of_preset(&self, preset: Preset) -> Result<Defaults> {
        let shape = fields(&self.model);
        let mut defaults = Vec::new();
        for (field, value) in preset.values() {
            let is_decided = (field == "vocab_size" && self.tokenizer.is_some())
                || (self.training.init_from.is_some() && shape.contains_key(field));
            if is_decided {
                continue;
            }
            // Two matrices are half as wide again as three.
            let is_wider = field == "d_ff" && !self.model.ffn.is_gated();
            let wider = |width: usize| (width * 3 / 2).to_string();
            let value = if is_wider { value.parse().map(wider)? } else { value.to_string() };
            defaults.push((field.to_string(), value));
        }
        Ok(defaults)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
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
