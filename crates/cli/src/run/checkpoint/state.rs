//! `trainer_state.json`: what a run has to know to go on, beside weights and moments.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::data::dataset::Identity;
use crate::run::spec::TrainingSpec;

const FILE_NAME: &str = "trainer_state.json";

/// The state of a run after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// The version of this file.
    pub format: u32,
    /// Steps done. The random state too: the batches of a step follow from it and the
    /// configuration's seed.
    pub step: u64,
    /// Time spent so far, in seconds.
    pub seconds: f64,
    /// The kernels that computed it; others round differently.
    pub kernels: String,
    /// How the run trains.
    pub config: TrainingSpec,
    /// The training set.
    pub train_data: Identity,
    /// The validation set, if there is one.
    pub val_data: Option<Identity>,
    /// SHA-256 of the checkpoint's large files.
    pub files: BTreeMap<String, String>,
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

    /// Reads the file in the checkpoint `dir`.
    ///
    /// # Errors
    /// When it is missing or makes no sense.
    pub fn read(dir: &Path) -> Result<TrainerState> {
        let path = dir.join(FILE_NAME);
        let bytes = files::read(&path).with_context(|| {
            format!(
                "{}: cannot be read; --resume needs a checkpoint that train-model wrote",
                path.display()
            )
        })?;
        let version =
            serde_json::from_slice::<serde_json::Value>(&bytes).with_context(|| {
                format!("{}: expected JSON; is the file cut off?", path.display())
            })?["format"]
                .as_u64();
        if version != Some(Self::FORMAT.into()) {
            let found = version.map_or("none".into(), |version| version.to_string());
            bail!(
                "{}: found format {found}, expected {}; was it written by another version?",
                path.display(),
                Self::FORMAT
            );
        }
        let state: TrainerState = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not the state of a run", path.display()))?;
        if let Err(error) = state.config.validate() {
            bail!("{}: {error}; the file is damaged", path.display());
        }
        if state.step > state.config.steps() {
            let (step, steps) = (state.step, state.config.steps());
            bail!("{}: found step {step} of {steps}; the file is damaged", path.display());
        }
        Ok(state)
    }
}
