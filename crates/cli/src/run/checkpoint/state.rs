//! `trainer_state.json`: the state of a run beside weights and moments.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::dataset::Identity;
use crate::run::metrics::Metrics;
use crate::run::spec::TrainingSpec;

const FILE_NAME: &str = "trainer_state.json";

/// The state of a run after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// The version of this file.
    pub format: u32,
    /// The number of steps done. It is the random state too: the batches of a step follow from it
    /// and the seed.
    pub step: u64,
    /// Seconds spent so far.
    pub seconds: f64,
    /// The instruction set of the kernels; others round differently.
    pub kernels: String,
    /// The resolved specification of the training.
    pub config: TrainingSpec,
    /// The training set.
    pub train_data: Identity,
    /// The validation set, if there is one.
    pub val_data: Option<Identity>,
    /// The loss on the validation set after this step, if it was measured.
    #[serde(default)]
    pub val_loss: Option<f64>,
    /// The validation losses so far; files of version 0.1 have none.
    #[serde(default)]
    pub validation: Option<Validation>,
    /// The digest of the tokenizer that made the training data; files of version 0.1 have none.
    #[serde(default)]
    pub tokenizer_sha256: Option<String>,
    /// SHA-256 of the checkpoint's large files.
    pub files: BTreeMap<String, String>,
}

/// The course of a run's validation loss, as far as `--patience` needs it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The lowest loss so far, and the step after which it was measured.
    pub best: Option<Lowest>,
    /// The number of evaluations since then.
    pub without_better: u64,
}

/// The lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lowest {
    /// The number of steps done.
    pub step: u64,
    /// The loss.
    pub val_loss: f64,
}

impl Validation {
    /// Returns the course that lines of metrics tell.
    pub fn of(lines: &[Metrics]) -> Validation {
        let mut validation = Validation::default();
        for line in lines {
            if let Some(val_loss) = line.val_loss {
                validation.add(line.step, val_loss);
            }
        }
        validation
    }

    /// Adds an evaluation after `step` steps.
    pub fn add(&mut self, step: u64, val_loss: f64) {
        if self.best.is_none_or(|best| val_loss < best.val_loss) {
            *self = Validation { best: Some(Lowest { step, val_loss }), without_better: 0 };
        } else {
            self.without_better += 1;
        }
    }
}

impl TrainerState {
    /// The version of the file that this program writes and reads.
    pub const FORMAT: u32 = 1;

    /// Writes the file into the checkpoint `dir`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(files::write(&dir.join(FILE_NAME), text.as_bytes())?)
    }

    /// Returns `true` if the file is in `dir`: a program of this crate wrote the checkpoint.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE_NAME).exists()
    }

    /// Reads the file in the checkpoint `dir`.
    ///
    /// # Errors
    /// When it is missing or invalid.
    pub fn read(dir: &Path) -> Result<TrainerState> {
        let path = dir.join(FILE_NAME);
        let shown = path.display();
        let bytes = files::read(&path).with_context(|| {
            format!("{shown}: cannot be read; --resume needs a checkpoint that train-model wrote")
        })?;
        let json: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{shown}: expected JSON; is the file cut off?"))?;
        let (found, expected) = (&json["format"], Self::FORMAT);
        ensure!(
            *found == expected,
            "{shown}: found format {found}, expected {expected}; was it written by another version?"
        );
        let state: TrainerState = serde_json::from_value(json)
            .with_context(|| format!("{shown}: not the state of a run"))?;
        if let Err(error) = state.config.validate() {
            bail!("{shown}: {error}; the file is damaged");
        }
        let (step, steps) = (state.step, state.config.steps());
        ensure!(step <= steps, "{shown}: found step {step} of {steps}; the file is damaged");
        Ok(state)
    }
}
