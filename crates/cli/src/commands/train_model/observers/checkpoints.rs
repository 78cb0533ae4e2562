//! The observer that writes checkpoints.

use anyhow::Result;

use crate::commands::train_model::trainer::{Observer, Report, Trainer};
use crate::run::checkpoint::{self, TrainerState};
use crate::run::tokenizer::TokenizerFiles;

/// Writes a checkpoint every so many steps, and after the last one.
pub struct Checkpoints {
    /// The files that are copied into each.
    pub tokenizer: Option<TokenizerFiles>,
}

impl Observer for Checkpoints {
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        if trainer.is_checkpoint_due() || report.is_last || report.interrupted {
            self.save(trainer, report.val_loss)?;
        }
        Ok(())
    }
}

impl Checkpoints {
    fn save(&self, trainer: &Trainer, val_loss: Option<f64>) -> Result<()> {
        let Trainer { dir, training, model, optimizer, train, val, step, .. } = trainer;
        let weights = model.parameters().tensors();
        if !weights.iter().all(|tensor| tensor.as_slice().iter().all(|weight| weight.is_finite())) {
            return Err(trainer.not_finite(*step, "weights are no longer finite"));
        }
        let state = TrainerState {
            format: TrainerState::FORMAT,
            step: *step,
            seconds: trainer.clock.seconds(),
            kernels: trainer.context.kernels.isa().to_string(),
            config: training.clone(),
            train_data: train.identity.clone(),
            val_data: val.as_ref().map(|val| val.identity.clone()),
            val_loss,
            validation: Some(trainer.validation),
            tokenizer_sha256: trainer.tokenizer_sha256.clone(),
            files: Default::default(),
        };
        let path = checkpoint::save(dir, model, optimizer, self.tokenizer.as_ref(), state)?;
        log::info!("checkpoint: {}", path.display());
        Ok(())
    }
}
