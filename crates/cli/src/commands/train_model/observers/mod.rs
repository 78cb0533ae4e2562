//! What a run leaves in its directory beside checkpoints and metrics.

pub mod status_line;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use model::{ModelConfig, Transformer};
use serde_json::json;
use tensor::Context;

use crate::charts::tensorboard::EventFile;
use crate::commands::train_model::args::Args;
use crate::data::dataset::Dataset;
use crate::run::checkpoint::TokenizerFiles;
use crate::run::manifest::{DataFile, Record, Sitting};
use crate::run::metrics::Metrics;
use crate::run::samples::Samples;
use crate::run::spec::training::RunConfig;
use crate::shell::exit::Outcome;

/// The files of a run that its training does not depend on.
pub struct Outputs {
    record: Record,
    samples: Option<Samples>,
    events: Option<EventFile>,
}

/// A loss, a gradient or a weight that is not a finite number.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: {message}")]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: u64,
    /// What it is, and what to do.
    pub message: String,
}

/// What [`Outputs::prepare`] needs to know of a run.
pub struct Beginning<'a> {
    /// The model's shape.
    pub shape: &'a ModelConfig,
    /// How it trains.
    pub config: &'a RunConfig,
    /// The kernels.
    pub context: Context,
    /// Its tokenizer.
    pub tokenizer: Option<&'a TokenizerFiles>,
    /// The training set.
    pub train: &'a Dataset,
    /// The validation set.
    pub val: Option<&'a Dataset>,
    /// Steps done.
    pub step: u64,
}

impl Outputs {
    /// Checks all that can be checked before the run directory `dir` is touched, and reads the
    /// record of a run that goes on.
    ///
    /// # Errors
    /// When there is a prompt for samples and no tokenizer that can encode it, or a file cannot be
    /// read.
    pub fn prepare(args: &Args, dir: &Path, run: &Beginning<'_>) -> Result<Outputs> {
        let &Beginning { shape, config, context, step, .. } = run;
        let samples = match (&args.sample_prompt, run.tokenizer) {
            (None, _) => None,
            (Some(_), None) => bail!("--sample-prompt: needs a tokenizer; give --tokenizer DIR"),
            (Some(prompt), Some(files)) => {
                let (tokenizer, vocab_size) = (files.tokenizer()?, shape.vocab_size);
                Some(Samples::new(dir, tokenizer, prompt, vocab_size, config.seed)?)
            }
        };
        let earlier = if step > 0 { Record::read(dir) } else { None };
        let mut sittings = earlier.map_or(Vec::new(), |record| record.sittings);
        sittings.push(Sitting::begin(context.kernels.isa().to_string(), step));
        let train_path = args.train_dataset.as_deref().context("--train-dataset is missing")?;
        let val_data = match (&args.val_dataset, run.val) {
            (Some(path), Some(val)) => Some(DataFile::read(path, val.identity.clone())?),
            _ => None,
        };
        let record = Record {
            model: fields(shape),
            parameters: shape.parameter_count(),
            training: config.clone(),
            train_data: DataFile::read(train_path, run.train.identity.clone())?,
            val_data,
            sittings,
        };
        Ok(Outputs { record, samples, events: None })
    }

    /// Makes the files ready in the run directory `dir`, as of `step` steps, whose metrics are
    /// `so_far`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn begin(&mut self, args: &Args, dir: &Path, step: u64, so_far: &[Metrics]) -> Result<()> {
        if let Some(samples) = &self.samples {
            samples.begin(step)?;
        }
        if args.tensorboard {
            self.events = Some(EventFile::create(dir, so_far)?);
        }
        self.record.write(dir)
    }

    /// The last of `lines` was added to the metrics. Event files that cannot be written are given
    /// up with a warning.
    pub fn logged(&mut self, lines: &[Metrics]) {
        if let (Some(events), Some(line)) = (&mut self.events, lines.last())
            && let Err(error) = events.push(line)
        {
            log::warn!(
                "{}; the run goes on without event files",
                crate::shell::exit::message(&error)
            );
            self.events = None;
        }
    }

    /// The model was evaluated after `step` steps. Samples that cannot be written are given up with
    /// a warning.
    pub fn evaluated(&mut self, context: Context, model: &Transformer, step: u64) {
        if let Some(samples) = &self.samples
            && let Err(error) = samples.write(context, model, step)
        {
            log::warn!("{}; the run goes on without samples", crate::shell::exit::message(&error));
            self.samples = None;
        }
    }

    /// The process ends after `step` steps.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn end(&mut self, dir: &Path, step: u64, outcome: &Result<Outcome>) -> Result<()> {
        let (text, not_finite_at) = match outcome {
            Ok(Outcome::Done) => ("done".to_string(), None),
            Ok(Outcome::Interrupted) => ("interrupted".to_string(), None),
            Err(error) => {
                let not_finite = error.downcast_ref::<NotFinite>().map(|error| error.step);
                (crate::shell::exit::message(error), not_finite)
            }
        };
        if let Some(sitting) = self.record.sittings.last_mut() {
            sitting.end(step, text, not_finite_at);
        }
        self.record.write(dir)
    }
}

/// The shape in the words of this program.
fn fields(model: &ModelConfig) -> serde_json::Value {
    json!({
        "vocab_size": model.vocab_size,
        "context_length": model.context_length,
        "d_model": model.d_model,
        "num_heads": model.num_heads,
        "num_layers": model.num_layers,
        "d_ff": model.d_ff,
        "rope_theta": model.rope.then_some(model.rope_theta),
        "norm": model.norm.name(),
        "ffn": model.ffn.name(),
    })
}
