//! What a run leaves in its directory beside checkpoints and metrics.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use model::{ModelConfig, Transformer};
use serde_json::json;
use tensor::Context;

use super::config::RunConfig;
use super::data::Dataset;
use super::record::{DataFile, Record, Sitting};
use super::samples::Samples;
use crate::args::train_model::Args;
use crate::checkpoint::TokenizerFiles;
use crate::exit::Outcome;
use crate::metrics::{Metrics, MetricsFile};
use crate::tensorboard::EventFile;

/// The files of a run that nothing is read back from.
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

/// What [`Outputs::begin`] needs to know of a run.
pub struct Beginning<'a> {
    /// Its model.
    pub model: &'a Transformer,
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
    /// Metrics so far.
    pub metrics: &'a MetricsFile,
}

impl Outputs {
    /// Makes the files ready in the run directory `dir`, as of the steps done.
    ///
    /// # Errors
    /// When a file cannot be written, or there is a prompt for samples and no tokenizer for it.
    pub fn begin(args: &Args, dir: &Path, run: &Beginning<'_>) -> Result<Outputs> {
        let &Beginning { model, config, context, step, .. } = run;
        let samples = match (&args.sample_prompt, run.tokenizer) {
            (None, _) => None,
            (Some(_), None) => bail!("--sample-prompt: needs a tokenizer; give --tokenizer DIR"),
            (Some(prompt), Some(files)) => {
                let sizes = (model.config().vocab_size, config.seed, step);
                Some(Samples::prepare(dir, files.tokenizer()?, prompt, sizes)?)
            }
        };
        let events = match args.tensorboard {
            true => Some(EventFile::create(dir, run.metrics.lines())?),
            false => None,
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
            model: shape(model.config()),
            parameters: model.config().parameter_count(),
            training: config.clone(),
            train_data: DataFile::read(train_path, run.train.identity.clone())?,
            val_data,
            sittings,
        };
        record.write(dir)?;
        Ok(Outputs { record, samples, events })
    }

    /// A line of metrics was written.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn logged(&mut self, line: &Metrics) -> Result<()> {
        self.events.as_mut().map_or(Ok(()), |events| events.push(line))
    }

    /// The model was evaluated after `step` steps.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn evaluated(&self, context: Context, model: &Transformer, step: u64) -> Result<()> {
        self.samples.as_ref().map_or(Ok(()), |samples| samples.write(context, model, step))
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
                (crate::exit::message(error), not_finite)
            }
        };
        if let Some(sitting) = self.record.sittings.last_mut() {
            sitting.end(step, text, not_finite_at);
        }
        self.record.write(dir)
    }
}

fn shape(model: &ModelConfig) -> serde_json::Value {
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
