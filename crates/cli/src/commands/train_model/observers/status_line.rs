//! The line that a terminal shows while a run trains.

use std::time::Duration;

use tensor::peak;

use crate::commands::train_model::setup::Run;
use crate::commands::train_model::setup::estimate::operations_per_step;

/// How much of a smoothed number is its past.
const KEEP: f64 = 0.95;

/// What the line says beside the count of steps and the time left.
pub struct Live {
    tokens: f64,
    /// The least time that a step can take on this machine, in seconds.
    at_peak: f64,
    loss: Smoothed,
    seconds: Smoothed,
    val_loss: Option<f64>,
}

/// A mean of the newest values.
#[derive(Default)]
struct Smoothed {
    sum: f64,
    weight: f64,
}

impl Smoothed {
    fn push(&mut self, value: f64) -> f64 {
        self.sum = KEEP * self.sum + (1.0 - KEEP) * value;
        self.weight = KEEP * self.weight + (1.0 - KEEP);
        self.sum / self.weight
    }
}

impl Live {
    /// The line of a run. Measures the machine's peak, which takes a moment.
    pub fn new(run: &Run) -> Live {
        let shape = run.model.config();
        let operations = operations_per_step(shape, &run.config);
        Live {
            tokens: run.config.tokens_per_step(shape.context_length) as f64,
            at_peak: operations / peak::flops(run.context),
            loss: Smoothed::default(),
            seconds: Smoothed::default(),
            val_loss: run.metrics.lines().iter().rev().find_map(|line| line.val_loss),
        }
    }

    /// The line after a step with this loss and learning rate.
    pub fn after_step(&mut self, loss: f64, lr: f64, time: Duration) -> String {
        let seconds = self.seconds.push(time.as_secs_f64()).max(1e-9);
        let val = self.val_loss.map_or(String::new(), |loss| format!(", validation {loss:.3}"));
        format!(
            "loss {:.3}{val}, {:.0} tokens/s, {:.0} % of peak, lr {lr:.1e}",
            self.loss.push(loss),
            self.tokens / seconds,
            100.0 * self.at_peak / seconds,
        )
    }

    /// A validation loss was measured.
    pub fn evaluated(&mut self, val_loss: Option<f64>) {
        self.val_loss = val_loss.or(self.val_loss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_smooths_loss_and_speed() {
        let (loss, seconds) = Default::default();
        let mut live = Live { tokens: 100.0, at_peak: 0.5, loss, seconds, val_loss: None };
        let second = Duration::from_secs(1);
        let line = live.after_step(4.0, 1e-3, second);
        assert_eq!(line, "loss 4.000, 100 tokens/s, 50 % of peak, lr 1.0e-3");
        live.evaluated(Some(3.5));
        live.evaluated(None);
        let line = live.after_step(2.0, 1e-3, second);
        // (0.95 · 4 + 2) / 1.95
        assert_eq!(line, "loss 2.974, validation 3.500, 100 tokens/s, 50 % of peak, lr 1.0e-3");
    }
}
