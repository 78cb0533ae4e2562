//! The loss on a validation set: all of it in order, or the same random batches each time.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use model::Transformer;
use serde::Serialize;
use tensor::Context;

use crate::data::batches::{Batch, Batches, Stream};
use crate::data::tokens::TokenFile;
use crate::shell::interrupt;
use crate::shell::progress::Progress;

/// The least time before Ctrl-C ends an evaluation.
const PATIENCE: Duration = Duration::from_secs(2);

/// The mean loss over a number of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean loss in nats per token.
    pub val_loss: f64,
    /// The number of tokens that were predicted.
    pub tokens: u64,
    /// The exponential of the loss.
    pub perplexity: f64,
}

/// The way that an evaluation takes through the tokens.
#[derive(Debug, Clone, Copy)]
pub struct Evaluator {
    /// Kernels and precision.
    pub context: Context,
    /// The number of sequences per batch.
    pub batch_size: usize,
    /// The number of random batches; 0 for all tokens in order.
    pub batches: usize,
    /// The seed of the random batches.
    pub seed: u64,
    /// `true` if Ctrl-C ends a long evaluation.
    pub may_break_off: bool,
}

impl Evaluator {
    /// Measures the loss of `model`; `None` if Ctrl-C ended it early. Needs at least 2 tokens, and
    /// for random batches more than the context's length.
    ///
    /// # Errors
    /// When the loss is not finite.
    pub fn run(
        &self,
        model: &Transformer,
        tokens: &TokenFile,
        progress: Option<&Progress>,
    ) -> Result<Option<Evaluation>> {
        let time = model.config().context_length;
        let (mut sum, mut count) = (0.0, 0u64);
        let started = Instant::now();
        for index in 0..self.count(tokens, time) {
            // A short one is finished, so that the metrics of an interrupted run have its result.
            if self.may_break_off && interrupt::requested() && started.elapsed() > PATIENCE {
                return Ok(None);
            }
            let batch = self.batch(index, tokens, time);
            let predicted = batch.targets.len() as u64;
            let loss =
                model.evaluate(self.context, &batch.ids, &batch.targets, [batch.rows, batch.time]);
            sum += f64::from(loss) * predicted as f64;
            count += predicted;
            if let Some(progress) = progress {
                progress.inc(predicted);
            }
        }
        let val_loss = sum / count as f64;
        ensure!(
            val_loss.is_finite(),
            "the validation loss is {val_loss}; the model's weights are of no use"
        );
        Ok(Some(Evaluation { val_loss, tokens: count, perplexity: val_loss.exp() }))
    }

    /// Returns the number of batches.
    fn count(&self, tokens: &TokenFile, time: usize) -> u64 {
        if self.batches > 0 {
            return self.batches as u64;
        }
        let predicted = tokens.len() - 1;
        let whole_windows = predicted / time;
        // The last window is shorter and makes a separate batch.
        let rest = usize::from(!predicted.is_multiple_of(time));
        (whole_windows.div_ceil(self.batch_size) + rest) as u64
    }

    /// Reads batch `index`.
    fn batch(&self, index: u64, tokens: &TokenFile, time: usize) -> Batch {
        if self.batches > 0 {
            let (seed, stream, rows) = (self.seed, Stream::Validation, self.batch_size);
            return Batches { seed, stream, rows, time }.batch(index, tokens);
        }
        let predicted = tokens.len() - 1;
        let whole_windows = predicted / time;
        // A window's first token is the last target of the one before it.
        let first = index as usize * self.batch_size;
        if first >= whole_windows {
            return Batch::read(tokens, &[(whole_windows * time) as u64], predicted % time);
        }
        let windows = first..whole_windows.min(first + self.batch_size);
        let starts: Vec<u64> = windows.map(|window| (window * time) as u64).collect();
        Batch::read(tokens, &starts, time)
    }
}

#[cfg(test)]
mod tests;
