//! The files of a checkpoint, and the check that they are whole.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use model::formats::safetensors::SafetensorsFile;
use serde_json::{Map, Value};

use super::state::TrainerState;

/// The shape of the model.
pub const CONFIG: &str = "config.json";
/// The weights.
pub const MODEL: &str = "model.safetensors";
/// The optimizer's moments.
pub const OPTIMIZER: &str = "optimizer.safetensors";

/// The use that a checkpoint is wanted for, which decides the files that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The model alone: texts, evaluation, other runs that start from its weights.
    Model,
    /// The run that wrote it goes on.
    Resume,
}

/// Checks that the files of the checkpoint `dir` are there and as long as their headers say. This
/// reads no weights; [`super::load`] compares digests.
///
/// # Errors
/// Names the first file that is missing, cut off or not what its name says.
pub fn check(dir: &Path, purpose: Purpose) -> Result<()> {
    let config = dir.join(CONFIG);
    let bytes = files::read(&config).with_context(|| config.display().to_string())?;
    serde_json::from_slice::<Map<String, Value>>(&bytes)
        .with_context(|| format!("{}: expected a JSON object", config.display()))?;
    SafetensorsFile::open(&dir.join(MODEL))?;
    if purpose == Purpose::Resume {
        SafetensorsFile::open(&dir.join(OPTIMIZER))?;
        TrainerState::read(dir)?;
    }
    Ok(())
}

/// Checks that the checkpoint `dir` was written after `step` steps, as far as it says.
///
/// # Errors
/// When it says another number.
pub fn check_step(dir: &Path, step: u64) -> Result<()> {
    if let Ok(state) = TrainerState::read(dir) {
        let found = state.step;
        ensure!(found == step, "{}: holds the checkpoint after step {found}", dir.display());
    }
    Ok(())
}
