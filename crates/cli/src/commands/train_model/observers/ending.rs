//! The observer that says how a run ended, and which command comes next.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::commands::train_model::trainer::{Observer, Outcome, Report, Trainer};
use crate::run::checkpoint::{self, Purpose};
use crate::run::file_names::{BEST, LOSS_CHART};
use crate::run::metrics::Metrics;
use crate::shell::columns::aligned;
use crate::shell::command_line::{program, quoted};
use crate::shell::units;

/// The fewest and the most lines of metrics at the beginning and at the end that are compared.
const COMPARED: [usize; 2] = [3, 10];
/// Losses of single steps vary; a mean is above another only by more than this share of it.
const VARIATION: f64 = 0.03;

/// Logs a summary after the last step, or the way to go on after an interruption.
pub struct Ending {
    /// The losses so far.
    losses: Losses,
    /// `true` if the checkpoints have a tokenizer, so that they are enough for `inference`.
    has_tokenizer: bool,
}

impl Ending {
    /// Returns the ending of a run with the metrics `so_far`.
    pub fn new(so_far: &[Metrics], has_tokenizer: bool) -> Ending {
        let mut losses = Losses::default();
        so_far.iter().for_each(|line| losses.push(line));
        Ending { losses, has_tokenizer }
    }

    /// Formats the summary of a run in `dir` that took `step` steps.
    fn summary(&self, dir: &Path, step: u64, time: Duration) -> String {
        let mut lines = vec![("done", format!("{step} steps in {}", units::duration(time)))];
        lines.extend(self.losses.train.shown().map(|text| ("training loss", text)));
        lines.extend(self.losses.val.shown().map(|text| ("validation loss", text)));
        let chart = dir.join(LOSS_CHART);
        if chart.exists() {
            lines.push(("curve", quoted(&chart)));
        }
        if let Ok(Some(newest)) = checkpoint::newest(dir, Purpose::Model) {
            lines.push(("checkpoint", quoted(&newest)));
        }
        let best = checkpoint::best(dir, step).ok().flatten().filter(|&best| best < step);
        if let Some(best) = best {
            lines.push(("best", format!("{}, of step {best}", quoted(&dir.join(BEST)))));
        }
        // Only they know which tokenizer made the tokens.
        let tokenizer = if self.has_tokenizer { "" } else { " --tokenizer DIR" };
        let next = format!("{} --checkpoint {}{tokenizer}", program("inference"), quoted(dir));
        lines.push(("next", next));
        aligned(&lines)
    }
}

impl Observer for Ending {
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        let Trainer { dir, step, .. } = trainer;
        report.metrics.iter().for_each(|line| self.losses.push(line));
        if report.interrupted {
            log::info!(
                "interrupted after step {step} of {}; to go on: {} --resume --checkpoint-dir {}",
                trainer.training.steps(),
                program("train-model"),
                quoted(dir)
            );
        }
        if report.is_last {
            if let Some((first, last)) = self.losses.rise() {
                log::warn!(
                    "the training loss ends above its beginning, {last:.3} after {first:.3} (means \
                     of some steps); try a lower --lr or more --warmup-steps"
                );
            }
            if let outcome @ Outcome::OutOfPatience { .. } = trainer.outcome() {
                log::info!("{outcome}");
            }
            let time = Duration::try_from_secs_f64(trainer.clock.seconds()).unwrap_or_default();
            log::info!("{}", self.summary(dir, *step, time));
        }
        Ok(())
    }
}

/// The losses of a run, as far as its end needs them.
#[derive(Debug, Default)]
struct Losses {
    train: Extremes,
    val: Extremes,
    /// The first and the last lines' training losses.
    first: Vec<f64>,
    last: VecDeque<f64>,
    count: usize,
}

/// The first, the last and the lowest value of a loss, with the step of the latter.
#[derive(Debug, Default)]
struct Extremes {
    first: Option<f64>,
    last: Option<f64>,
    lowest: Option<(f64, u64)>,
}

impl Losses {
    fn push(&mut self, line: &Metrics) {
        self.train.push(line.train_loss, line.step);
        if let Some(loss) = line.val_loss {
            self.val.push(loss, line.step);
        }
        let [_, most] = COMPARED;
        if self.first.len() < most {
            self.first.push(line.train_loss);
        }
        if self.last.len() == most {
            self.last.pop_front();
        }
        self.last.push_back(line.train_loss);
        self.count += 1;
    }

    /// Returns the mean loss of the first lines and of the last ones, if it rose between them by
    /// more than losses of single steps vary. A validation loss that did not rise says that it did
    /// not, and a few lines say nothing.
    fn rise(&self) -> Option<(f64, f64)> {
        let [fewest, most] = COMPARED;
        // A tenth of the lines, so that what a run learns soon does not count as its beginning.
        let compared = (self.count / 10).min(most);
        if compared < fewest || self.val.last.is_some_and(|last| Some(last) <= self.val.first) {
            return None;
        }
        let mean = |losses: &mut dyn Iterator<Item = &f64>| {
            losses.take(compared).sum::<f64>() / compared as f64
        };
        let (first, last) = (mean(&mut self.first.iter()), mean(&mut self.last.iter().rev()));
        (last > first * (1.0 + VARIATION)).then_some((first, last))
    }
}

impl Extremes {
    fn push(&mut self, loss: f64, step: u64) {
        self.first = self.first.or(Some(loss));
        self.last = Some(loss);
        if self.lowest.is_none_or(|(lowest, _)| loss < lowest) {
            self.lowest = Some((loss, step));
        }
    }

    fn shown(&self) -> Option<String> {
        let (last, (lowest, step)) = (self.last?, self.lowest?);
        let is_last = last <= lowest;
        let best = if is_last {
            "the lowest".into()
        } else {
            format!("lowest {lowest:.4} at step {step}")
        };
        Some(format!("{last:.4}, {best}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(train: &[f64], val: &[Option<f64>]) -> Losses {
        let mut losses = Losses::default();
        for (index, (&train_loss, &val_loss)) in train.iter().zip(val).enumerate() {
            losses.push(&Metrics {
                step: 10 * (index as u64 + 1),
                tokens: 0,
                train_loss,
                val_loss,
                lr: 0.0,
                grad_norm: 0.0,
                tokens_per_second: 0.0,
                seconds: 0.0,
            });
        }
        losses
    }

    #[test]
    fn the_summary_names_losses_files_and_the_next_command() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("my run");
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join(LOSS_CHART), "").unwrap();
        let losses = losses(&[4.0, 2.0, 2.5], &[None, Some(3.0), Some(2.75)]);
        let ending = Ending { losses, has_tokenizer: true };
        let text = ending.summary(&run, 30, Duration::from_secs(64));
        let (run, lines): (_, Vec<&str>) = (run.display().to_string(), text.lines().collect());
        assert_eq!(lines[0], "done             30 steps in 1m 04s");
        assert_eq!(lines[1], "training loss    2.5000, lowest 2.0000 at step 20");
        assert_eq!(lines[2], "validation loss  2.7500, the lowest");
        assert_eq!(lines[3], format!("curve            '{run}/loss.svg'"));
        assert!(lines[4].starts_with("next"), "no checkpoint was written: {text}");
        assert!(lines[4].ends_with(&format!("inference --checkpoint '{run}'")), "{text}");
    }

    #[test]
    fn a_loss_that_rises_is_noticed() {
        let none = [None; 40];
        let rise = |train: &[f64]| losses(train, &none).rise();
        let falling: Vec<f64> = (0..40).map(|step| 4.0 - f64::from(step) * 0.05).collect();
        let rising: Vec<f64> = falling.iter().rev().copied().collect();
        assert_eq!(rise(&falling), None);
        let (first, last) = rise(&rising).unwrap();
        assert!((first - 2.125).abs() < 1e-9 && (last - 3.925).abs() < 1e-9);
        assert_eq!(rise(&rising[..29]), None, "a tenth of it is two lines");
        // Fine-tuning begins where it ends.
        let flat: Vec<f64> = (0..40).map(|step| 2.0 + 0.01 * f64::from(step % 3)).collect();
        assert_eq!(rise(&flat), None);
        assert_eq!(rise(&[7.0, 7.5, 8.0]), None);
        assert_eq!(rise(&[]), None);
    }

    /// A validation loss is a mean of many sequences; the training losses of small batches vary.
    #[test]
    fn a_validation_loss_that_does_not_rise_counts_more_than_training_losses() {
        let rising: Vec<f64> = (0..40).map(|step| 2.0 + f64::from(step) * 0.05).collect();
        let rises_to = |last: f64| {
            let mut val = [None; 40];
            (val[10], val[39]) = (Some(3.0), Some(last));
            losses(&rising, &val).rise().is_some()
        };
        assert!(!rises_to(2.9) && !rises_to(3.0) && rises_to(3.1));
    }
}
