//! The time that a run still takes, from the steps, evaluations and checkpoints of this session.

use std::time::Duration;

use model::ModelConfig;

use crate::run::spec::TrainingSpec;
use crate::shell::pace::Pace;

/// The bytes per second that a checkpoint is written with, until one was.
const WRITING: f64 = 3e8;
/// Weights and two moments, in f32.
const BYTES_PER_PARAMETER: f64 = 12.0;

/// Measures a run, and tells the time to its end.
pub struct Forecast {
    steps: u64,
    evaluations: Recurring,
    checkpoints: Recurring,
    /// The number of steps measured.
    measured: u64,
    /// The first step, which still fetches memory from the system and counts only while it is the
    /// only one.
    first: f64,
    pace: Pace,
}

/// Work that is done every so many steps, and after the last one.
struct Recurring {
    every: u64,
    /// The first guess.
    guess: Guess,
    seconds: f64,
    count: u64,
}

/// The time of work that was not done yet.
#[derive(Clone, Copy)]
enum Guess {
    Seconds(f64),
    Steps(f64),
}

impl Forecast {
    /// Returns the forecast of a run, before its first step in this session. `validation_tokens`
    /// are predicted at each evaluation.
    pub fn new(model: &ModelConfig, training: &TrainingSpec, validation_tokens: u64) -> Forecast {
        let tokens = training.tokens_per_step(model.context_length) as f64;
        // An evaluation has no backward pass, which is two thirds of a step.
        let evaluation = Guess::Steps(validation_tokens as f64 / tokens / 3.0);
        let bytes = model.parameter_count() as f64 * BYTES_PER_PARAMETER;
        Forecast {
            steps: training.steps(),
            evaluations: Recurring::new(training.eval_every, evaluation),
            checkpoints: Recurring::new(
                training.checkpoint_every(),
                Guess::Seconds(bytes / WRITING),
            ),
            measured: 0,
            first: 0.0,
            pace: Pace::default(),
        }
    }

    /// Takes note of a step, without what follows it.
    pub fn step(&mut self, time: Duration) {
        match self.measured {
            0 => self.first = time.as_secs_f64(),
            _ => self.pace.push(1.0, time.as_secs_f64()),
        }
        self.measured += 1;
    }

    /// Takes note of an evaluation, with all that is drawn and written for it.
    pub fn evaluation(&mut self, time: Duration) {
        self.evaluations.push(time);
    }

    /// Takes note of a checkpoint.
    pub fn checkpoint(&mut self, time: Duration) {
        self.checkpoints.push(time);
    }

    /// Returns the number of steps of this session.
    pub fn measured(&self) -> u64 {
        self.measured
    }

    /// Returns the steps per second, evaluations and checkpoints not counted; `None` before the
    /// first.
    pub fn steps_per_second(&self) -> Option<f64> {
        let first = (self.first > 0.0).then(|| 1.0 / self.first);
        self.pace.per_second().or(first)
    }

    /// Returns the time from the end of `step`, the number of steps done, to the end of the run.
    pub fn left(&self, step: u64) -> Option<Duration> {
        let per_step = 1.0 / self.steps_per_second()?;
        let steps = self.steps.saturating_sub(step) as f64 * per_step;
        let recurring = [&self.evaluations, &self.checkpoints]
            .map(|work| work.times_left(step, self.steps) as f64 * work.time(per_step));
        let seconds = steps + recurring.iter().sum::<f64>();
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

impl Recurring {
    fn new(every: u64, guess: Guess) -> Recurring {
        Recurring { every, guess, seconds: 0.0, count: 0 }
    }

    fn push(&mut self, time: Duration) {
        self.seconds += time.as_secs_f64();
        self.count += 1;
    }

    fn time(&self, per_step: f64) -> f64 {
        match self.guess {
            _ if self.count > 0 => self.seconds / self.count as f64,
            Guess::Seconds(seconds) => seconds,
            Guess::Steps(steps) => steps * per_step,
        }
    }

    fn times_left(&self, step: u64, steps: u64) -> u64 {
        let until = |step: u64| step / self.every.max(1);
        let at_the_end = u64::from(step < steps && !steps.is_multiple_of(self.every));
        until(steps) - until(step.min(steps)) + at_the_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::train_model::args::parse;
    use tensor::Precision;

    /// A run of 1000 steps that evaluates every 100 and writes a checkpoint every 200.
    fn forecast() -> Forecast {
        let argv = ["train-model", "--train-dataset=t.npy", "--preset=demo", "--eval-every=100"];
        let (args, _) = parse(argv.into_iter().chain(["--steps=1000"])).unwrap();
        let model = args.model.config(None).unwrap();
        let training = args.training.resolve(model.context_length, Precision::F32).unwrap();
        let per_step = training.tokens_per_step(model.context_length);
        Forecast::new(&model, &training, 3 * per_step)
    }

    fn left(forecast: &Forecast, step: u64) -> f64 {
        forecast.left(step).unwrap().as_secs_f64()
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_resumed_run_is_judged_by_its_own_steps() {
        let mut forecast = forecast();
        assert_eq!(forecast.left(600), None);
        // 522 steps/s and 4 s left were shown for such a run.
        forecast.step(seconds(0.2));
        assert_eq!(forecast.steps_per_second(), Some(5.0));
        forecast.step(seconds(0.08));
        assert!((forecast.steps_per_second().unwrap() - 12.5).abs() < 1e-9, "without the first");
        let of_steps = 400.0 * 0.08;
        assert!((of_steps..of_steps * 1.1).contains(&left(&forecast, 600)));
    }

    #[test]
    fn evaluations_and_checkpoints_count_as_long_as_they_took() {
        let mut forecast = forecast();
        forecast.step(seconds(9.0));
        forecast.step(seconds(1.0));
        // Ten evaluations of three steps' tokens, forward only, and five small checkpoints.
        assert!((1010.0..1011.0).contains(&left(&forecast, 0)));
        forecast.evaluation(seconds(7.0));
        forecast.evaluation(seconds(5.0));
        forecast.checkpoint(seconds(20.0));
        let close_to = |found: f64, expected: f64| (found - expected).abs() < 1e-6;
        assert!(close_to(left(&forecast, 0), 1000.0 + 10.0 * 6.0 + 5.0 * 20.0));
        assert!(close_to(left(&forecast, 799), 201.0 + 3.0 * 6.0 + 2.0 * 20.0));
        assert!(close_to(left(&forecast, 800), 200.0 + 2.0 * 6.0 + 20.0));
        assert_eq!(left(&forecast, 1000), 0.0);
        assert_eq!(left(&forecast, 2000), 0.0);
    }

    #[test]
    fn what_is_done_after_the_last_step_counts() {
        let recurring = Recurring::new(300, Guess::Seconds(1.0));
        assert_eq!(recurring.times_left(0, 1000), 4);
        assert_eq!(recurring.times_left(900, 1000), 1);
        assert_eq!(recurring.times_left(1000, 1000), 0);
    }
}
