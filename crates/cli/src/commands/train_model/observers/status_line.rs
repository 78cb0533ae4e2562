//! The observer that shows how a run goes: a progress bar on a terminal, lines in the log
//! elsewhere.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::HumanDuration;
use tensor::peak;

use crate::commands::train_model::estimate::operations_per_step;
use crate::commands::train_model::trainer::{Observer, Report, StepResult, Trainer};
use crate::run::metrics::Metrics;
use crate::shell::progress::{Progress, Unit};

/// The least time between lines of the log, except those with a validation loss.
const LINE_INTERVAL: Duration = Duration::from_secs(2);
/// The share of the past in a smoothed number.
const KEEP: f64 = 0.95;

/// A bar with a remark, and lines in the log.
pub struct StatusLine {
    progress: Progress,
    remark: Option<Remark>,
    /// The time of the last line in the log.
    last_line: Option<Instant>,
}

impl StatusLine {
    /// Starts to show a run with the metrics `so_far`.
    pub fn new(trainer: &Trainer, so_far: &[Metrics]) -> StatusLine {
        let steps = Some(trainer.training.steps());
        let progress =
            Progress::bar_only("training", Unit::Count("steps"), steps).starting_at(trainer.step);
        let remark = progress.is_bar().then(|| Remark::new(trainer, so_far));
        StatusLine { progress, remark, last_line: None }
    }
}

impl Observer for StatusLine {
    fn step_taken(&mut self, _: &Trainer, step: &StepResult) {
        self.progress.inc(1);
        if let Some(remark) = &mut self.remark {
            self.progress.remark(remark.after_step(step.loss, step.lr, step.time));
        }
    }

    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        let Some(metrics) = &report.metrics else { return Ok(()) };
        let is_due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_INTERVAL);
        let is_shown = is_due && !self.progress.is_bar();
        if metrics.val_loss.is_some() || report.is_last || is_shown {
            self.last_line = Some(Instant::now());
            log::info!("{}", log_line(metrics, trainer));
        }
        if let Some(remark) = &mut self.remark {
            remark.val_loss = metrics.val_loss.or(remark.val_loss);
        }
        Ok(())
    }
}

/// Formats a line of the log.
fn log_line(metrics: &Metrics, trainer: &Trainer) -> String {
    let val = metrics.val_loss.map_or(String::new(), |loss| format!(", validation {loss:.4}"));
    let steps = trainer.training.steps();
    format!(
        "step {} of {steps}: loss {:.4}{val}, lr {:.2e}, gradient {:.2}, {:.0} tokens/s, {:#} left",
        metrics.step,
        metrics.train_loss,
        metrics.lr,
        metrics.grad_norm,
        metrics.tokens_per_second,
        HumanDuration(trainer.clock.left(metrics.step, steps))
    )
}

/// The text beside the bar's count of steps and time left.
struct Remark {
    tokens: f64,
    /// The least time that a step can take on this machine, in seconds.
    at_peak: f64,
    loss: Smoothed,
    seconds: Smoothed,
    val_loss: Option<f64>,
}

impl Remark {
    fn new(trainer: &Trainer, so_far: &[Metrics]) -> Remark {
        let (shape, training) = (trainer.model.config(), &trainer.training);
        Remark {
            tokens: training.tokens_per_step(shape.context_length) as f64,
            at_peak: operations_per_step(shape, training) / peak::flops(trainer.context),
            loss: Smoothed::default(),
            seconds: Smoothed::default(),
            val_loss: so_far.iter().rev().find_map(|line| line.val_loss),
        }
    }

    /// Returns the text after a step with this loss and learning rate.
    fn after_step(&mut self, loss: f64, lr: f64, time: Duration) -> String {
        let seconds = self.seconds.push(time.as_secs_f64()).max(1e-9);
        let val = self.val_loss.map_or(String::new(), |loss| format!(", validation {loss:.3}"));
        format!(
            "loss {:.3}{val}, {:.0} tokens/s, {:.0} % of peak, lr {lr:.1e}",
            self.loss.push(loss),
            self.tokens / seconds,
            100.0 * self.at_peak / seconds,
        )
    }
}

/// A mean of the newest values, weighted by their age.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remark_smooths_loss_and_speed() {
        let (loss, seconds) = Default::default();
        let mut remark = Remark { tokens: 100.0, at_peak: 0.5, loss, seconds, val_loss: None };
        let second = Duration::from_secs(1);
        let line = remark.after_step(4.0, 1e-3, second);
        assert_eq!(line, "loss 4.000, 100 tokens/s, 50 % of peak, lr 1.0e-3");
        remark.val_loss = Some(3.5);
        let line = remark.after_step(2.0, 1e-3, second);
        // (0.95 · 4 + 2) / 1.95
        assert_eq!(line, "loss 2.974, validation 3.500, 100 tokens/s, 50 % of peak, lr 1.0e-3");
    }
}
