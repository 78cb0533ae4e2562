//! The loss on a validation set: all of it in order, or the same random batches each time.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use model::{Batch, Transformer};
use serde::Serialize;
use tensor::Context;

use crate::data::batches::{self, Batches, Stream};
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
        for batch in self.batches(tokens, time) {
            // A short one is finished, so that the metrics of an interrupted run have its result.
            if self.may_break_off && interrupt::requested() && started.elapsed() > PATIENCE {
                return Ok(None);
            }
            let predicted = batch.targets.len() as u64;
            let loss = model.evaluate(self.context, &batch);
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

    /// Returns the batches of windows of up to `time` predictions.
    fn batches<'a>(
        &self,
        tokens: &'a TokenFile,
        time: usize,
    ) -> Box<dyn Iterator<Item = Batch> + 'a> {
        let rows = self.batch_size;
        if self.batches > 0 {
            let random = Batches { seed: self.seed, stream: Stream::Validation, rows, time };
            return Box::new(
                (0..self.batches as u64).map(move |index| random.batch(index, tokens)),
            );
        }
        let (whole_windows, rest) = ((tokens.len() - 1) / time, (tokens.len() - 1) % time);
        // A window's first token is the last target of the one before it.
        let start = move |window: usize| (window * time) as u64;
        let whole = (0..whole_windows).step_by(rows).map(move |first| {
            let windows = first..whole_windows.min(first + rows);
            batches::read(tokens, &windows.map(start).collect::<Vec<u64>>(), time)
        });
        // The last window is shorter and makes a separate batch.
        let last = (rest > 0).then_some(whole_windows).into_iter();
        Box::new(whole.chain(last.map(move |window| batches::read(tokens, &[start(window)], rest))))
    }
}

#[cfg(test)]
mod tests;
