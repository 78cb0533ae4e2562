//! A run, read from its directory.

use std::path::Path;

use anyhow::{Result, bail};

use super::smooth::smoothed;
use crate::charts::svg::Point;
use crate::run::file_names::METRICS;
use crate::run::manifest::{RunManifest, Session};
use crate::run::metrics::{self, Metrics};

/// The share of the horizontal axis on either side over which a curve is smoothed.
pub const REACH: f64 = 0.04;
/// The rise above the lowest loss, in nats, at which a run counts as diverged.
const DIVERGED: f64 = 0.5;

/// The beginning of the outcome of a run that `--patience` ended.
const STOPPED: &str = "stopped after step";

/// A run to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The name of its directory, or the name given for display.
    pub name: String,
    /// All lines of metrics; none if the very first loss was not finite.
    pub lines: Vec<Metrics>,
    /// The step at which a loss was not finite, if there was one.
    pub not_finite: Option<u64>,
    /// The steps done and the steps planned, of a run that has not ended.
    pub unfinished: Option<(u64, u64)>,
}

impl Run {
    /// Reads the run directory `dir`.
    ///
    /// # Errors
    /// When it holds neither metrics nor the record of a loss that was not finite.
    pub fn read(dir: &Path) -> Result<Run> {
        let path = dir.join(METRICS);
        let lines = metrics::read(&path)?.unwrap_or_default();
        let manifest = RunManifest::read(dir).ok().flatten();
        let last = manifest.as_ref().and_then(|manifest| manifest.sessions.last());
        let not_finite = last.and_then(|session| session.not_finite_at);
        let unfinished = manifest.as_ref().and_then(|manifest| unfinished(manifest, &lines));
        if !dir.is_dir() {
            bail!("{}: no such directory; expected that of a run", dir.display());
        }
        if lines.is_empty() && not_finite.is_none() {
            bail!("{}: no line of metrics; expected the directory of a run", path.display());
        }
        // A path such as `runs/x/.` has no file name.
        let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
        Ok(Run { name, lines, not_finite, unfinished })
    }

    /// Returns the last validation loss.
    pub fn final_loss(&self) -> Option<f64> {
        self.lines.iter().rev().find_map(|line| line.val_loss)
    }

    /// Returns the training loss of the last line.
    pub fn final_training_loss(&self) -> Option<f64> {
        self.lines.last().map(|line| line.train_loss)
    }

    /// Returns the lowest validation loss and its step.
    pub fn best(&self) -> Option<(f64, u64)> {
        let measured = self.lines.iter().filter_map(|line| Some((line.val_loss?, line.step)));
        measured.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Returns the step at which the run diverged: where a loss was not finite, or else the first
    /// step after which the smoothed training loss stays half a nat above its lowest value so far,
    /// to the end.
    pub fn divergence(&self) -> Option<u64> {
        if self.not_finite.is_some() {
            return self.not_finite;
        }
        let raw: Vec<Point> =
            self.lines.iter().map(|line| (line.step as f64, line.train_loss)).collect();
        let mut lowest = f64::INFINITY;
        let mut since = None;
        let (first, last) = (raw.first().map_or(0.0, |p| p.0), raw.last().map_or(0.0, |p| p.0));
        for (step, loss) in smoothed(&raw, REACH * (last - first)) {
            if loss > lowest + DIVERGED {
                since = since.or(Some(step as u64));
            } else {
                since = None;
                lowest = lowest.min(loss);
            }
        }
        since
    }

    /// Returns the median speed of the logged steps, in tokens per second.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let mut speeds: Vec<f64> = self.lines.iter().map(|line| line.tokens_per_second).collect();
        speeds.sort_by(f64::total_cmp);
        speeds.get(speeds.len() / 2).copied()
    }
}

/// Returns the steps done and planned of a run that is still at work or was interrupted. One that
/// `--patience` ended, or a loss that was not finite, has ended.
fn unfinished(manifest: &RunManifest, lines: &[Metrics]) -> Option<(u64, u64)> {
    let last = manifest.sessions.last();
    let is_over = |session: &Session| {
        let outcome = session.outcome.as_deref().unwrap_or_default();
        session.not_finite_at.is_some() || outcome.starts_with(STOPPED)
    };
    let (done, planned) = (lines.last()?.step, manifest.training.steps?);
    (done < planned && !last.is_some_and(is_over)).then_some((done, planned))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::commands::train_model::trainer::Outcome;
    use crate::run::checkpoint::Lowest;

    /// Makes a run with these training losses; every second one is validated, with the same loss.
    pub(crate) fn run(name: &str, losses: &[f64]) -> Run {
        let line = |(index, &train_loss): (usize, &f64)| {
            let step = index as u64 + 1;
            Metrics {
                step,
                tokens: step * 100,
                train_loss,
                val_loss: step.is_multiple_of(2).then_some(train_loss),
                lr: 0.1,
                grad_norm: 1.0,
                tokens_per_second: step as f64,
                seconds: step as f64 * 36.0,
            }
        };
        let lines = losses.iter().enumerate().map(line).collect();
        Run { name: name.into(), lines, not_finite: None, unfinished: None }
    }

    #[test]
    fn what_a_table_says_of_a_run() {
        let run = run("a", &[4.0, 2.0, 3.0, 2.5]);
        assert_eq!(run.final_loss(), Some(2.5));
        assert_eq!(run.best(), Some((2.0, 2)));
        assert_eq!(run.tokens_per_second(), Some(3.0));
    }

    #[test]
    fn a_spike_is_no_divergence_and_a_rise_that_stays_is() {
        let falling: Vec<f64> = (0..50).map(|step| 4.0 - 0.02 * f64::from(step)).collect();
        let mut spike = falling.clone();
        spike[20] = 6.0;
        let mut rise = falling.clone();
        rise[40..].fill(8.0);
        assert_eq!(run("", &falling).divergence(), None);
        assert_eq!(run("", &spike).divergence(), None);
        // The smoothed curve feels the rise a point before it.
        assert_eq!(run("", &rise).divergence(), Some(40));
        assert_eq!(Run { not_finite: Some(7), ..run("", &falling) }.divergence(), Some(7));
    }

    #[test]
    fn a_directory_without_metrics_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Run::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl"), "{error}");
        let error = Run::read(&dir.path().join("gone")).unwrap_err().to_string();
        assert!(error.contains("gone: no such directory"), "{error}");
    }

    #[test]
    fn a_run_that_was_lost_at_its_first_step_has_no_line_and_is_one_nevertheless() {
        let lost = Run { not_finite: Some(1), ..run("a", &[]) };
        assert_eq!((lost.divergence(), lost.best()), (Some(1), None));
        assert_eq!((lost.final_loss(), lost.tokens_per_second()), (None, None));
    }

    /// A run directory of which `done` of 1000 planned steps are logged.
    #[test]
    fn a_run_that_has_not_ended_is_told_from_one_that_has() {
        let read = |done: u64, session: serde_json::Value| {
            let dir = tempfile::tempdir().unwrap();
            let fixture = include_str!("../../../tests/fixtures/version-0.1/run/run.json");
            let mut manifest: serde_json::Value = serde_json::from_str(fixture).unwrap();
            manifest["training"]["steps"] = 1000.into();
            let sittings = manifest["sittings"].as_array_mut().unwrap();
            let last = sittings.last_mut().unwrap().as_object_mut().unwrap();
            last.extend(session.as_object().unwrap().clone());
            std::fs::write(dir.path().join("run.json"), manifest.to_string()).unwrap();
            let line = Metrics { step: done, ..run("a", &[2.0]).lines[0].clone() };
            let line = serde_json::to_string(&line).unwrap();
            std::fs::write(dir.path().join(METRICS), line + "\n").unwrap();
            Run::read(dir.path()).unwrap().unfinished
        };
        let at_work = || serde_json::json!({});
        assert_eq!(read(551, at_work()), Some((551, 1000)));
        assert_eq!(read(1000, at_work()), None);
        let interrupted = serde_json::json!({"outcome": "interrupted"});
        assert_eq!(read(551, interrupted), Some((551, 1000)));
        assert_eq!(read(551, serde_json::json!({"not_finite_at": 552})), None);
        let best = Lowest { step: 500, val_loss: 2.0 };
        let stopped = Outcome::OutOfPatience { step: 551, steps: 1000, evaluations: 1, best };
        assert_eq!(read(551, serde_json::json!({"outcome": stopped.to_string()})), None);
    }
}
