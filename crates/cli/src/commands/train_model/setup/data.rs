//! The token files of a run, checked before it begins.

use std::path::Path;

use anyhow::{Result, ensure};

use super::data_paths::DataPaths;
use super::plan::Plan;
use crate::data::dataset::{Dataset, Requirements};

/// The token files of a run.
pub struct Data {
    /// The training set.
    pub train: Dataset,
    /// The validation set.
    pub val: Option<Dataset>,
}

impl Data {
    /// Opens the token files, checks that a resumed run has its own, and warns about what makes a
    /// validation set useless.
    ///
    /// # Errors
    /// When a file cannot be used, or is not the one that the run had so far.
    pub fn open(paths: &DataPaths, plan: &Plan) -> Result<Data> {
        let (vocab_size, window) = (plan.shape.vocab_size, plan.shape.context_length + 1);
        let reason = format!("one more than --context-length, {}", window - 1);
        let end_of_text = plan.tokenizer.end_of_text;
        let least = Requirements { vocab_size, least: window, reason: &reason };
        let train = Dataset::open("--train-dataset", paths.train, least, end_of_text)?;
        let whole_set = plan.training.eval_batches == 0;
        let least = if whole_set {
            Requirements { vocab_size, least: 2, reason: "one to predict" }
        } else {
            least
        };
        let open = |path: &Path| Dataset::open("--val-dataset", path, least, end_of_text);
        let val = paths.val.map(open).transpose()?;
        let data = Data { train, val };
        data.check_resumed(plan)?;
        data.warn();
        Ok(data)
    }

    fn check_resumed(&self, plan: &Plan) -> Result<()> {
        let Some(so_far) = plan.resumed.as_ref().map(|point| &point.state) else { return Ok(()) };
        ensure!(
            self.train.identity == so_far.train_data,
            "--train-dataset: {}: not the tokens that the run was trained on so far",
            self.train.path.display()
        );
        ensure!(
            self.val.as_ref().map(|val| &val.identity) == so_far.val_data.as_ref(),
            "--val-dataset: not what the run was validated on so far; give the same file, or none \
             if it had none"
        );
        Ok(())
    }

    fn warn(&self) {
        let Some(val) = &self.val else { return };
        let (here, there) = (val.identity.tokens, self.train.identity.tokens);
        if val.identity == self.train.identity {
            log::warn!(
                "--val-dataset: {}: the same tokens as --train-dataset; the validation loss will \
                 not show what the model learns by heart",
                val.path.display()
            );
        } else if here > there {
            log::warn!(
                "--val-dataset: {}: {here} tokens, more than the {there} to train on; are the two \
                 files confused?",
                val.path.display()
            );
        }
    }
}
