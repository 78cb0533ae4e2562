//! The loss on a validation set: all of it in order, or the same random batches each time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use model::Transformer;
use serde::Serialize;
use tensor::Context;

use crate::data::batches::{Batch, Batches, Stream};
use crate::data::tokens::TokenFile;
use crate::shell::interrupt;
use crate::shell::progress::Progress;

/// Ctrl-C does not end an evaluation before it has gone on for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// The mean loss over a number of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean loss in nats a token.
    pub val_loss: f64,
    /// How many tokens were predicted.
    pub tokens: u64,
    /// exp of the loss.
    pub perplexity: f64,
}

/// How an evaluation goes through the tokens.
#[derive(Debug, Clone, Copy)]
pub struct Evaluator {
    /// Kernels and precision.
    pub context: Context,
    /// Windows that are evaluated at once.
    pub batch_size: usize,
    /// Random batches, or 0 for everything in order.
    pub batches: usize,
    /// Where the random batches come from.
    pub seed: u64,
    /// Whether Ctrl-C ends a long one.
    pub may_break_off: bool,
}

impl Evaluator {
    /// Measures `model`; `None` if Ctrl-C came in between. The tokens are at least 2, and with
    /// random batches more than the context's length.
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
            // One that takes a moment only is rather finished: a run that goes on later then has
            // its result.
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
        if !val_loss.is_finite() {
            bail!("the validation loss is {val_loss}; the model's weights are of no use");
        }
        Ok(Some(Evaluation { val_loss, tokens: count, perplexity: val_loss.exp() }))
    }

    /// How many batches there are.
    fn count(&self, tokens: &TokenFile, time: usize) -> u64 {
        if self.batches > 0 {
            return self.batches as u64;
        }
        let predicted = tokens.len() - 1;
        let whole_windows = predicted / time;
        // The last window is shorter and makes a batch of its own.
        let rest = usize::from(!predicted.is_multiple_of(time));
        (whole_windows.div_ceil(self.batch_size) + rest) as u64
    }

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
