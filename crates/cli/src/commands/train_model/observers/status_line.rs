//! The observer that shows how a run goes: a line that is drawn again and again on a terminal,
//! lines in the log elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tensor::peak;

use crate::commands::train_model::estimate::operations_per_step;
use crate::commands::train_model::forecast::Forecast;
use crate::commands::train_model::trainer::{Observer, Report, StepResult, Trainer};
use crate::run::metrics::Metrics;
use crate::shell::live_line::LiveLine;
use crate::shell::{columns, terminal, units};

/// The least time between lines of the log, except those with a validation loss.
const LINE_INTERVAL: Duration = Duration::from_secs(2);
/// The steps, and the time that they take at least, before the time of the run is announced. The
/// first step is left out.
const ANNOUNCED_AFTER: (u64, Duration) = (10, Duration::from_secs(2));
/// A run that ends sooner than this is not announced.
const WORTH_ANNOUNCING: Duration = Duration::from_secs(5);
/// The share of the past in a smoothed number.
const KEEP: f64 = 0.95;

/// A live line, and lines in the log.
pub struct StatusLine {
    figures: Arc<Mutex<Figures>>,
    /// `None` where there is no terminal.
    live: Option<LiveLine>,
    /// The time of the last line in the log.
    last_line: Option<Instant>,
    /// The beginning of the first step.
    started: Instant,
    is_announced: bool,
    /// The work after a step that is being timed.
    after_step: AfterStep,
}

/// The work that follows a step.
enum AfterStep {
    Nothing,
    /// An evaluation, since then.
    Evaluation(Instant),
    /// A checkpoint, since then.
    Checkpoint(Instant),
}

impl StatusLine {
    /// Starts to show a run with the metrics `so_far`.
    pub fn new(trainer: &Trainer, so_far: &[Metrics]) -> StatusLine {
        let figures = Arc::new(Mutex::new(Figures::new(trainer, so_far)));
        let drawn = Arc::clone(&figures);
        let farewell = "Ctrl-C: ends after this step, with a checkpoint; once more ends at once";
        let live = LiveLine::start(move |width| lock(&drawn).line(width), Some(farewell));
        StatusLine {
            figures,
            live,
            last_line: None,
            started: Instant::now(),
            is_announced: false,
            after_step: AfterStep::Nothing,
        }
    }

    /// Logs the time that the run takes, once it is known well enough.
    fn announce(&mut self, steps: u64) {
        let (least_steps, least_time) = ANNOUNCED_AFTER;
        let (measured, left) = {
            let figures = lock(&self.figures);
            (figures.forecast.measured(), figures.forecast.left(figures.step))
        };
        let so_far = self.started.elapsed();
        if self.is_announced || measured < least_steps || so_far < least_time {
            return;
        }
        self.is_announced = true;
        if let Some(left) = left.filter(|&left| left >= WORTH_ANNOUNCING) {
            let time = units::duration(so_far + left);
            log::info!("time: about {time} for {steps} steps, measured over the first {measured}");
        }
    }
}

impl Observer for StatusLine {
    fn step_taken(&mut self, trainer: &Trainer, step: &StepResult) {
        let now = Instant::now();
        let mut figures = lock(&self.figures);
        // The step began when the work before it was done.
        let since = |at: Instant| now.saturating_duration_since(at).saturating_sub(step.time);
        match self.after_step {
            AfterStep::Nothing => {}
            AfterStep::Evaluation(at) => figures.forecast.evaluation(since(at)),
            AfterStep::Checkpoint(at) => figures.forecast.checkpoint(since(at)),
        }
        figures.after_step(trainer.step, step, now);
        let steps_left = trainer.training.steps() - trainer.step + figures.forecast.measured();
        drop(figures);
        self.after_step = AfterStep::Evaluation(now);
        self.announce(steps_left);
    }

    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        let is_regular = trainer.step.is_multiple_of(trainer.training.eval_every);
        self.after_step = match self.after_step {
            AfterStep::Evaluation(at) if trainer.is_checkpoint_due() && is_regular => {
                lock(&self.figures).forecast.evaluation(at.elapsed());
                AfterStep::Checkpoint(Instant::now())
            }
            // An evaluation for the checkpoint's sake alone is part of it.
            AfterStep::Evaluation(at) if trainer.is_checkpoint_due() => AfterStep::Checkpoint(at),
            AfterStep::Evaluation(at) if report.evaluates => AfterStep::Evaluation(at),
            _ => AfterStep::Nothing,
        };
        let Some(metrics) = &report.metrics else { return Ok(()) };
        let is_due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_INTERVAL);
        let is_shown = is_due && self.live.is_none();
        let mut figures = lock(&self.figures);
        figures.val_loss = metrics.val_loss.or(figures.val_loss);
        let left = figures.forecast.left(trainer.step).filter(|_| !report.is_last);
        drop(figures);
        if metrics.val_loss.is_some() || report.is_last || is_shown {
            self.last_line = Some(Instant::now());
            let width = terminal::width().unwrap_or(usize::MAX);
            log::info!("{}", log_line(metrics, trainer.training.steps(), left, width));
        }
        Ok(())
    }
}

fn lock(figures: &Mutex<Figures>) -> MutexGuard<'_, Figures> {
    figures.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Formats a line of the log of at most `width` columns.
fn log_line(metrics: &Metrics, steps: u64, left: Option<Duration>, width: usize) -> String {
    let mut parts = vec![format!("loss {:.4}", metrics.train_loss)];
    parts.extend(metrics.val_loss.map(|loss| format!("validation {loss:.4}")));
    parts.extend(left.map(|left| format!("{} left", units::duration(left))));
    parts.push(format!("{:.0} tokens/s", metrics.tokens_per_second));
    parts.push(format!("lr {:.2e}", metrics.lr));
    parts.push(format!("gradient {:.2}", metrics.grad_norm));
    columns::fitting(&format!("step {} of {steps}:", metrics.step), None, &parts, width)
}

/// The figures of the live line.
struct Figures {
    step: u64,
    steps: u64,
    tokens_per_step: f64,
    /// The least time that a step can take on this machine, in seconds.
    at_peak: f64,
    loss: Smoothed,
    val_loss: Option<f64>,
    lr: f64,
    forecast: Forecast,
    /// The end of the last step.
    at: Instant,
}

impl Figures {
    fn new(trainer: &Trainer, so_far: &[Metrics]) -> Figures {
        let (shape, training) = (trainer.model.config(), &trainer.training);
        let tokens_per_step = training.tokens_per_step(shape.context_length);
        let validated = trainer.tokens_per_evaluation();
        Figures {
            step: trainer.step,
            steps: training.steps(),
            tokens_per_step: tokens_per_step as f64,
            at_peak: operations_per_step(shape, training) / peak::flops(trainer.context),
            loss: Smoothed::default(),
            val_loss: so_far.iter().rev().find_map(|line| line.val_loss),
            lr: 0.0,
            forecast: Forecast::new(shape, training, validated),
            at: Instant::now(),
        }
    }

    fn after_step(&mut self, number: u64, step: &StepResult, now: Instant) {
        self.step = number;
        self.loss.push(step.loss);
        self.lr = step.lr;
        self.forecast.step(step.time);
        self.at = now;
    }

    /// Formats the line in at most `width` columns; what matters most comes first.
    fn line(&self, width: usize) -> String {
        let mut parts = vec![format!("{}/{}", self.step, self.steps)];
        if let Some(rate) = self.forecast.steps_per_second() {
            parts.extend(self.loss.mean().map(|loss| format!("loss {loss:.3}")));
            parts.extend(self.val_loss.map(|loss| format!("val {loss:.3}")));
            let left = self.forecast.left(self.step).unwrap_or_default();
            let left = left.saturating_sub(self.at.elapsed());
            parts.push(format!("{} left", units::duration(left)));
            parts.push(units::rate(rate, "steps"));
            parts.push(format!("{:.0} tokens/s", self.tokens_per_step * rate));
            parts.push(format!("lr {:.1e}", self.lr));
            parts.push(format!("{:.0} % of peak", 100.0 * self.at_peak * rate));
        }
        let share = self.step as f64 / self.steps.max(1) as f64;
        columns::fitting("step", Some(share), &parts, width)
    }
}

/// A mean of the newest values, weighted by their age.
#[derive(Default)]
struct Smoothed {
    sum: f64,
    weight: f64,
}

impl Smoothed {
    fn push(&mut self, value: f64) {
        self.sum = KEEP * self.sum + (1.0 - KEEP) * value;
        self.weight = KEEP * self.weight + (1.0 - KEEP);
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

#[cfg(test)]
mod tests {
    use tensor::Precision;

    use super::*;
    use crate::commands::train_model::args::parse;

    /// The figures of a demonstration that goes on from step 400 and takes a second per step.
    fn figures() -> Figures {
        let argv = ["train-model", "--train-dataset=t.npy", "--preset=demo", "--steps=1000"];
        let (args, _) = parse(argv).unwrap();
        let shape = args.model.config(None).unwrap();
        let training = args.training.resolve(shape.context_length, Precision::F32).unwrap();
        let mut figures = Figures {
            step: 400,
            steps: 1000,
            tokens_per_step: 1024.0,
            at_peak: 0.5,
            loss: Smoothed::default(),
            val_loss: None,
            lr: 0.0,
            forecast: Forecast::new(&shape, &training, 0),
            at: Instant::now(),
        };
        for (number, loss) in [(401, 4.0), (402, 2.0)] {
            let time = Duration::from_millis(500);
            let step = StepResult { loss, lr: 1e-3, grad_norm: 1.0, time };
            figures.after_step(number, &step, Instant::now());
        }
        figures
    }

    #[test]
    fn the_line_adapts_to_the_width() {
        let mut figures = figures();
        assert_eq!(figures.line(28), "step 402/1000, loss 2.974");
        figures.val_loss = Some(3.5);
        // (0.95 · 4 + 2) / 1.95; 598 steps at 2 steps/s and three small checkpoints.
        let most = "step 402/1000, loss 2.974, val 3.500, 4m 59s left, 2.0 steps/s";
        assert_eq!(figures.line(39), "step 402/1000, loss 2.974, val 3.500");
        assert_eq!(figures.line(79), format!("{most}, 2048 tokens/s"));
        let wide = figures.line(129);
        assert!(wide.starts_with("step [======>         ] 402/1000, loss 2.974"), "{wide}");
        assert!(wide.ends_with("2048 tokens/s, lr 1.0e-3, 100 % of peak"), "{wide}");
        for width in 0..140 {
            assert!(figures.line(width).chars().count() <= width);
        }
    }

    #[test]
    fn a_line_of_the_log_loses_what_matters_least() {
        let metrics = Metrics {
            step: 100,
            tokens: 102_400,
            train_loss: 3.98264,
            val_loss: Some(4.0832),
            lr: 5.91e-3,
            grad_norm: 0.56,
            tokens_per_second: 12831.0,
            seconds: 8.0,
        };
        let line = |width| log_line(&metrics, 1000, Some(Duration::from_secs(74)), width);
        let all = "step 100 of 1000: loss 3.9826, validation 4.0832, 1m 14s left, 12831 tokens/s, \
                   lr 5.91e-3, gradient 0.56";
        assert_eq!(line(usize::MAX), all);
        assert_eq!(line(130), all);
        assert_eq!(line(80), all.split(", lr").next().unwrap());
        assert_eq!(line(40), "step 100 of 1000: loss 3.9826");
    }
}
