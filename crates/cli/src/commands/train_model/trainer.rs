//! Taking the steps of a run: the loop, and what happens now and then between two steps.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use indicatif::HumanDuration;
use tensor::Tensor;
use tensor::profile::section;

use super::observers::NotFinite;
use super::observers::status_line::Live;
use super::profile::Profiler;
use crate::charts::loss;
use crate::commands::train_model::evaluate::Evaluator;
use crate::commands::train_model::setup::Run;
use crate::data::batches::{Batches, Stream};
use crate::run::checkpoint::{self, TrainerState};
use crate::run::metrics::Metrics;
use crate::run::spec::training::RunConfig;
use crate::shell::exit::{self, Outcome};
use crate::shell::interrupt;
use crate::shell::progress::{self, Progress, Unit};

/// Log lines come no closer than this, except those with a validation loss.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// What a step tells of itself.
struct StepResult {
    loss: f64,
    lr: f64,
    grad_norm: f64,
}

/// Time of training steps only, since the last line of metrics.
#[derive(Default)]
struct Pace {
    steps: u64,
    time: Duration,
}

impl Run {
    /// Trains to the last step, or until Ctrl-C; either way the last thing written is a checkpoint.
    /// Prints the profile of as many steps as `profile` says.
    ///
    /// # Errors
    /// When a loss or gradient is not finite, or a file cannot be written.
    pub fn train(mut self, profile: Option<u64>) -> Result<Outcome> {
        if self.step == self.config.steps {
            log::info!("all {} steps are done already", self.step);
            return Ok(Outcome::Done);
        }
        let outcome = self.take_steps(profile);
        let written = self.outputs.end(&self.dir, self.step, &outcome);
        outcome.and_then(|outcome| written.map(|()| outcome))
    }

    fn take_steps(&mut self, profile: Option<u64>) -> Result<Outcome> {
        let steps = self.config.steps;
        let progress = Progress::bar_only("training", Unit::Count("steps"), Some(steps))
            .starting_at(self.step);
        let mut live = progress.is_bar().then(|| Live::new(self));
        let (started, first) = (Instant::now(), self.step);
        let mut last_line = None;
        let mut pace = Pace::default();
        let mut profiler = Profiler::new(profile, steps - first);
        while self.step < steps {
            let step_started = Instant::now();
            let result = profiler.step(|| self.take_step())?;
            let step_time = step_started.elapsed();
            pace.time += step_time;
            pace.steps += 1;
            self.step += 1;
            progress.inc(1);
            if let Some(live) = &mut live {
                progress.remark(live.after_step(result.loss, result.lr, step_time));
            }

            if let Some(report) = profiler.report(self.context) {
                report_profile(&report)?;
            }
            let is_last = self.step == steps;
            let evaluates = self.step.is_multiple_of(self.config.eval_every) || is_last;
            let logs =
                evaluates || self.step == 1 || self.step.is_multiple_of(self.config.log_every);
            if logs {
                let metrics =
                    self.measure(&result, evaluates, self.seconds_at(started), &mut pace)?;
                let due = last_line.is_none_or(|at: Instant| at.elapsed() >= LINE_INTERVAL);
                if metrics.val_loss.is_some() || is_last || (due && !progress.is_bar()) {
                    last_line = Some(Instant::now());
                    let a_step =
                        started.elapsed() / u32::try_from(self.step - first).unwrap_or(u32::MAX);
                    log::info!("{}", line(&metrics, steps, a_step));
                }
                if let Some(live) = &mut live {
                    live.evaluated(metrics.val_loss);
                }
                self.metrics.push(metrics)?;
            }
            let interrupted = interrupt::requested() && !is_last;
            if is_last || interrupted || self.step.is_multiple_of(self.config.checkpoint_every) {
                self.save(self.seconds_at(started))?;
            }
            if logs {
                self.outputs.logged(self.metrics.lines());
            }
            if evaluates {
                self.outputs.evaluated(self.context, &self.model, self.step);
            }
            if evaluates || interrupted {
                self.draw();
            }
            if interrupted {
                log::info!(
                    "interrupted after step {} of {steps}; --resume goes on from there",
                    self.step
                );
                return Ok(Outcome::Interrupted);
            }
        }
        Ok(Outcome::Done)
    }

    /// Draws the curves. A run is worth more than its picture.
    fn draw(&self) {
        if let Err(error) = loss::write(&self.dir, self.metrics.lines()) {
            log::warn!("{}; the run goes on", exit::message(&error));
        }
    }

    fn seconds_at(&self, started: Instant) -> f64 {
        self.seconds + started.elapsed().as_secs_f64()
    }

    /// One optimizer step on the mean gradient of `grad_accum` batches.
    fn take_step(&mut self) -> Result<StepResult> {
        let config = &self.config;
        let accum = config.grad_accum as u64;
        let time = self.model.config().context_length;
        let batches =
            Batches { seed: config.seed, stream: Stream::Train, rows: config.batch_size, time };
        let mut loss_sum = 0.0;
        let mut sums: Vec<Tensor> = Vec::new();
        for index in self.step * accum..(self.step + 1) * accum {
            let batch = section("batch", || batches.batch(index, &self.train.tokens));
            let (loss, gradients) = self.model.loss_and_gradients(
                self.context,
                &batch.ids,
                &batch.targets,
                batch.rows,
                batch.time,
            );
            loss_sum += f64::from(loss);
            if sums.is_empty() {
                sums = gradients;
            } else {
                section("sum of gradients", || {
                    let pairs = sums.iter_mut().zip(&gradients);
                    pairs.for_each(|(sum, gradient)| sum.add_assign(self.context, gradient));
                });
            }
        }
        let loss = loss_sum / accum as f64;
        let norm = section("gradient norm", || optim::global_norm(self.context, &sums));
        let grad_norm = norm / accum as f64;
        for (what, value) in [("loss", loss), ("gradient's norm", grad_norm)] {
            if !value.is_finite() {
                let message = format!("the {what} is {value}; {}", self.advice());
                return Err(NotFinite { step: self.step + 1, message }.into());
            }
        }
        let scale = optim::clip_scale(grad_norm, config.grad_clip) / accum as f64;
        let lr = config.schedule().lr_at(self.step);
        let parameters = self.model.parameters_mut().tensors_mut();
        section("AdamW", || self.optimizer.step(self.context, lr, parameters, &sums, scale));
        Ok(StepResult { loss, lr, grad_norm })
    }

    /// What to do when numbers are not finite.
    fn advice(&self) -> String {
        let last = match checkpoint::newest(&self.dir) {
            Ok(Some(path)) => format!("the last good checkpoint is {}", path.display()),
            _ => "no checkpoint was written yet".to_string(),
        };
        format!("try a lower --lr or more --warmup-steps; {last}")
    }

    fn measure(
        &self,
        result: &StepResult,
        evaluates: bool,
        seconds: f64,
        pace: &mut Pace,
    ) -> Result<Metrics> {
        let val_loss = match &self.val {
            Some(val) if evaluates => {
                let &RunConfig { batch_size, eval_batches: batches, seed, .. } = &self.config;
                let last = self.step == self.config.steps;
                let context = self.context;
                let evaluator =
                    Evaluator { context, batch_size, batches, seed, may_break_off: !last };
                // All that can go wrong in an evaluation is a loss that is not finite.
                let not_finite =
                    |error: Error| NotFinite { step: self.step, message: error.to_string() };
                let evaluation = evaluator.run(&self.model, &val.tokens, None);
                let evaluation = evaluation.map_err(not_finite)?;
                if evaluation.is_none() {
                    log::info!("the evaluation after step {} was broken off", self.step);
                }
                evaluation.map(|evaluation| evaluation.val_loss)
            }
            _ => None,
        };
        let tokens_per_step = self.config.tokens_per_step(self.model.config().context_length);
        let Pace { steps, time } = std::mem::take(pace);
        Ok(Metrics {
            step: self.step,
            tokens: self.step.saturating_mul(tokens_per_step),
            train_loss: result.loss,
            val_loss,
            lr: result.lr,
            grad_norm: result.grad_norm,
            tokens_per_second: (steps * tokens_per_step) as f64 / time.as_secs_f64().max(1e-9),
            seconds,
        })
    }

    fn save(&self, seconds: f64) -> Result<()> {
        let weights = self.model.parameters().tensors();
        if !weights.iter().all(|tensor| tensor.as_slice().iter().all(|weight| weight.is_finite())) {
            let message = format!("weights are no longer finite; {}", self.advice());
            return Err(NotFinite { step: self.step, message }.into());
        }
        let data = (self.train.identity.clone(), self.val.as_ref().map(|val| val.identity.clone()));
        let kernels = self.context.kernels.isa().to_string();
        let state = TrainerState::new(self.step, seconds, kernels, self.config.clone(), data);
        let keep = self.config.keep_checkpoints;
        let path = checkpoint::save(
            &self.dir,
            &self.model,
            &self.optimizer,
            self.tokenizer.as_ref(),
            state,
            keep,
        )?;
        log::info!("checkpoint: {}", path.display());
        Ok(())
    }
}

/// Prints the profile, whoever reads it; the run goes on if nobody does.
fn report_profile(report: &str) -> Result<()> {
    match progress::suspend(|| io::stdout().write_all(report.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

/// A line of the log.
fn line(metrics: &Metrics, steps: u64, a_step: Duration) -> String {
    let val = metrics.val_loss.map_or(String::new(), |loss| format!(", validation {loss:.4}"));
    let left = u32::try_from(steps - metrics.step)
        .map_or(Duration::MAX, |left| a_step.saturating_mul(left));
    format!(
        "step {} of {steps}: loss {:.4}{val}, lr {:.2e}, gradient {:.2}, {:.0} tokens/s, {:#} left",
        metrics.step,
        metrics.train_loss,
        metrics.lr,
        metrics.grad_norm,
        metrics.tokens_per_second,
        HumanDuration(left)
    )
}
