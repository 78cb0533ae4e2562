//! The training loop.
//!
//! [`Trainer::train`] takes the steps and tells its [`Observer`]s of each; all that is written or
//! shown while a run trains is an observer.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use model::Transformer;
use optim::AdamW;
use tensor::profile::section;
use tensor::{Context, Tensor};

use super::evaluate::Evaluator;
use super::forecast::Forecast;
use super::profile::Profiler;
use crate::data::batches::{Batches, Stream};
use crate::data::dataset::Dataset;
use crate::run::checkpoint::{self, Lowest, Purpose, Validation};
use crate::run::metrics::Metrics;
use crate::run::spec::TrainingSpec;
use crate::shell::interrupt::{self, Interrupted};

/// The limits of a trial: whichever comes first ends it.
const TRIAL_STEPS: u64 = 10;
const TRIAL_TIME: Duration = Duration::from_secs(2);

/// A model in training, between two steps.
pub struct Trainer {
    /// The run's directory.
    pub dir: PathBuf,
    /// The resolved specification.
    pub training: TrainingSpec,
    /// Kernels and precision.
    pub context: Context,
    /// The model after `step` steps.
    pub model: Transformer,
    /// The optimizer after `step` steps.
    pub optimizer: AdamW,
    /// The training set.
    pub train: Dataset,
    /// The validation set.
    pub val: Option<Dataset>,
    /// The number of steps done.
    pub step: u64,
    /// The validation losses so far.
    pub validation: Validation,
    /// The digest of the tokenizer that made the training data, for checkpoints.
    pub tokenizer_sha256: Option<String>,
    /// The time that the run took so far.
    pub clock: Clock,
}

/// The time of a run.
pub struct Clock {
    /// Seconds of earlier sessions.
    earlier: f64,
    /// The beginning of this session.
    started: Instant,
    /// Steps since the last line of metrics, and the time they took.
    steps: u64,
    time: Duration,
}

/// The numbers of a step.
pub struct StepResult {
    /// The mean loss of its batches.
    pub loss: f64,
    /// Its learning rate.
    pub lr: f64,
    /// The norm of its gradient before clipping.
    pub grad_norm: f64,
    /// The time it took.
    pub time: Duration,
}

/// A step's place in the run.
pub struct Report {
    /// The line of metrics, if the step is logged.
    pub metrics: Option<Metrics>,
    /// `true` if the model is evaluated after the step.
    pub evaluates: bool,
    /// The loss on the validation set, if it was measured after the step.
    pub val_loss: Option<f64>,
    /// `true` for the last step of the run: the last one planned, or the one at which `--patience`
    /// ends it.
    pub is_last: bool,
    /// `true` if the run stops after the step, before its last one.
    pub interrupted: bool,
}

/// A part of the program that follows a run: it shows or writes something of it.
pub trait Observer {
    /// Takes note of a step, before the model is evaluated.
    fn step_taken(&mut self, _trainer: &Trainer, _step: &StepResult) {}

    /// Takes note of a step and of all that was measured after it.
    ///
    /// # Errors
    /// When the run cannot go on.
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()>;
}

/// The reason why a run is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// All steps were taken.
    AllSteps {
        /// Their number.
        steps: u64,
    },
    /// `--patience` ended it.
    OutOfPatience {
        /// The last step.
        step: u64,
        /// The number of steps that were planned.
        steps: u64,
        /// The number of evaluations since the best one.
        evaluations: u64,
        /// The lowest validation loss.
        best: Lowest,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Outcome::AllSteps { .. } => f.write_str("done"),
            Outcome::OutOfPatience { step, steps, evaluations, best } => write!(
                f,
                "stopped after step {step} of {steps}: {evaluations} evaluations without a lower \
                 validation loss than {:.4} after step {}",
                best.val_loss, best.step
            ),
        }
    }
}

/// A loss, a gradient or a weight that is not a finite number.
#[derive(Debug, thiserror::Error)]
#[error("step {step}: {message}")]
pub struct NotFinite {
    /// The step, counted from 1.
    pub step: u64,
    /// The value, and advice.
    pub message: String,
}

impl Clock {
    /// Returns a clock that starts now, after `earlier` seconds of earlier sessions.
    pub fn new(earlier: f64) -> Clock {
        Clock { earlier, started: Instant::now(), steps: 0, time: Duration::ZERO }
    }

    /// Returns the seconds that the run took so far, earlier sessions included.
    pub fn seconds(&self) -> f64 {
        self.earlier + self.started.elapsed().as_secs_f64()
    }
}

impl Trainer {
    /// Returns `true` if all steps are done, or the validation loss fell for too long no more.
    pub fn is_done(&self) -> bool {
        self.step >= self.training.steps() || self.is_out_of_patience()
    }

    /// Returns `true` if as many evaluations as `--patience` allows did not lower the loss.
    fn is_out_of_patience(&self) -> bool {
        let without_better = self.validation.without_better;
        self.training.patience.is_some_and(|patience| without_better >= patience)
    }

    /// Returns the reason why a run that [is done](Self::is_done) takes no further step.
    pub fn outcome(&self) -> Outcome {
        match (self.validation.best, self.training.steps()) {
            (Some(best), steps) if self.step < steps => Outcome::OutOfPatience {
                step: self.step,
                steps,
                evaluations: self.validation.without_better,
                best,
            },
            (_, steps) => Outcome::AllSteps { steps },
        }
    }

    /// Trains to the last step, or until Ctrl-C.
    ///
    /// # Errors
    /// When a loss or gradient is not finite, or an observer fails; [`Interrupted`] after Ctrl-C.
    pub fn train(
        &mut self,
        observers: &mut [Box<dyn Observer>],
        mut profiler: Profiler,
    ) -> Result<()> {
        while !self.is_done() {
            let result = profiler.step(|| self.take_step())?;
            observers.iter_mut().for_each(|observer| observer.step_taken(self, &result));
            profiler.print_when_done(self.context)?;
            let report = self.report(&result)?;
            for observer in &mut *observers {
                observer.step_done(self, &report)?;
            }
            if report.interrupted {
                return Err(Interrupted.into());
            }
        }
        Ok(())
    }

    /// Takes a few steps, for an estimate of the time that the rest of the run takes.
    ///
    /// # Errors
    /// When a loss or gradient is not finite; [`Interrupted`] after Ctrl-C.
    pub fn trial(&mut self) -> Result<Option<Duration>> {
        let from = self.step;
        let mut forecast =
            Forecast::new(self.model.config(), &self.training, self.tokens_per_evaluation());
        let started = Instant::now();
        // The first step is not typical.
        while !self.is_done()
            && forecast.measured() < TRIAL_STEPS
            && (forecast.measured() < 2 || started.elapsed() < TRIAL_TIME)
        {
            interrupt::check()?;
            forecast.step(self.take_step()?.time);
        }
        Ok(forecast.left(from))
    }

    /// Returns the number of tokens that are predicted at each evaluation.
    pub fn tokens_per_evaluation(&self) -> u64 {
        let sizes = [self.training.batch_size, self.model.config().context_length];
        match (&self.val, self.training.eval_batches) {
            (None, _) => 0,
            (Some(val), 0) => val.identity.tokens,
            (_, batches) => sizes
                .into_iter()
                .fold(batches as u64, |product, size| product.saturating_mul(size as u64)),
        }
    }

    /// Takes one optimizer step on the mean gradient of `grad_accum` batches.
    fn take_step(&mut self) -> Result<StepResult> {
        let started = Instant::now();
        let training = &self.training;
        let accum = training.grad_accum as u64;
        let time = self.model.config().context_length;
        let batches =
            Batches { seed: training.seed, stream: Stream::Train, rows: training.batch_size, time };
        let mut loss_sum = 0.0;
        let mut sums: Vec<Tensor> = Vec::new();
        for index in self.step * accum..(self.step + 1) * accum {
            let batch = section("batch", || batches.batch(index, &self.train.tokens));
            let (loss, gradients) = self.model.loss_and_gradients(self.context, &batch);
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
                return Err(self.not_finite(self.step + 1, &format!("the {what} is {value}")));
            }
        }
        let scale = optim::clip_scale(grad_norm, training.grad_clip) / accum as f64;
        let lr = training.schedule().lr_at(self.step);
        let parameters = self.model.parameters_mut();
        section("AdamW", || self.optimizer.step(self.context, lr, parameters, &sums, scale));
        // Freeing the gradients is part of the step.
        drop(sums);
        let time = started.elapsed();
        self.clock.time += time;
        self.clock.steps += 1;
        self.step += 1;
        Ok(StepResult { loss, lr, grad_norm, time })
    }

    /// Returns the error of a number that is not finite, with advice.
    pub fn not_finite(&self, step: u64, found: &str) -> Error {
        let last = match checkpoint::newest(&self.dir, Purpose::Resume) {
            Ok(Some(path)) => format!("the last good checkpoint is {}", path.display()),
            _ => "no checkpoint was written yet".to_string(),
        };
        let message = format!("{found}; try a lower --lr or more --warmup-steps; {last}");
        NotFinite { step, message }.into()
    }

    /// Measures what is due after the step that was taken.
    fn report(&mut self, result: &StepResult) -> Result<Report> {
        let &TrainingSpec { eval_every, log_every, .. } = &self.training;
        let step = self.step;
        let is_last = self.is_done();
        let is_regular = is_last || step.is_multiple_of(eval_every);
        // The best checkpoint is chosen among those whose loss is known.
        let evaluates = is_regular || (self.val.is_some() && self.is_checkpoint_due());
        let logs = evaluates || step == 1 || step.is_multiple_of(log_every);
        let seconds = self.clock.seconds();
        let val_loss = match evaluates.then(|| self.validation_loss()) {
            // Weights like these end the run at the next step, with this checkpoint in place.
            Some(Err(_)) if !is_regular => None,
            measured => measured.transpose()?.flatten(),
        };
        if let Some(val_loss) = val_loss {
            self.validation.add(step, val_loss);
        }
        let metrics = logs.then(|| self.metrics(result, val_loss, seconds));
        let is_last = self.is_done();
        let interrupted = interrupt::requested() && !is_last;
        Ok(Report { metrics, evaluates, val_loss, is_last, interrupted })
    }

    /// Returns `true` if a checkpoint is due after the step that was taken.
    pub fn is_checkpoint_due(&self) -> bool {
        self.step.is_multiple_of(self.training.checkpoint_every())
    }

    /// Measures the loss on the validation set. `None` without one, or if Ctrl-C came in between.
    fn validation_loss(&self) -> Result<Option<f64>> {
        let Some(val) = &self.val else { return Ok(None) };
        let &TrainingSpec { batch_size, eval_batches: batches, seed, .. } = &self.training;
        // An evaluation that is counted is not left out.
        let may_break_off = !self.is_done() && self.training.patience.is_none();
        let evaluator =
            Evaluator { context: self.context, batch_size, batches, seed, may_break_off };
        // The only error of an evaluation is a loss that is not finite.
        let not_finite = |error: Error| NotFinite { step: self.step, message: error.to_string() };
        let evaluation = evaluator.run(&self.model, &val.tokens, None).map_err(not_finite)?;
        if evaluation.is_none() {
            log::info!("the evaluation after step {} was broken off", self.step);
        }
        Ok(evaluation.map(|evaluation| evaluation.val_loss))
    }

    /// Returns the line of metrics of the step that was taken, and starts the next line's pace.
    fn metrics(&mut self, result: &StepResult, val_loss: Option<f64>, seconds: f64) -> Metrics {
        let tokens_per_step = self.training.tokens_per_step(self.model.config().context_length);
        let steps = std::mem::take(&mut self.clock.steps);
        let time = std::mem::take(&mut self.clock.time);
        Metrics {
            step: self.step,
            tokens: self.step.saturating_mul(tokens_per_step),
            train_loss: result.loss,
            val_loss,
            lr: result.lr,
            grad_norm: result.grad_norm,
            tokens_per_second: (steps * tokens_per_step) as f64 / time.as_secs_f64().max(1e-9),
            seconds,
        }
    }
}
