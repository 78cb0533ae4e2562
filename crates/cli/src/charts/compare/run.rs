//! A run, read from its directory.

use std::path::Path;

use anyhow::{Result, bail};

use super::smooth::smoothed;
use crate::charts::svg::Point;
use crate::run::file_names::METRICS;
use crate::run::manifest::RunManifest;
use crate::run::metrics::{self, Metrics};

/// The share of the horizontal axis on either side over which a curve is smoothed.
pub const REACH: f64 = 0.04;
/// The rise above the lowest loss, in nats, at which a run counts as diverged.
const DIVERGED: f64 = 0.5;

/// A run to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The name of its directory, or the name given for display.
    pub name: String,
    /// All lines of metrics; none if the very first loss was not finite.
    pub lines: Vec<Metrics>,
    /// The step at which a loss was not finite, if there was one.
    pub not_finite: Option<u64>,
}

impl Run {
    /// Reads the run directory `dir`.
    ///
    /// # Errors
    /// When it holds neither metrics nor the record of a loss that was not finite.
    pub fn read(dir: &Path) -> Result<Run> {
        let path = dir.join(METRICS);
        let lines = metrics::read(&path)?.unwrap_or_default();
        let last = RunManifest::read(dir).and_then(|manifest| manifest.sessions.last().cloned());
        let not_finite = last.and_then(|session| session.not_finite_at);
        if !dir.is_dir() {
            bail!("{}: no such directory; expected that of a run", dir.display());
        }
        if lines.is_empty() && not_finite.is_none() {
            bail!("{}: no line of metrics; expected the directory of a run", path.display());
        }
        // A path such as `runs/x/.` has no file name.
        let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
        Ok(Run { name, lines, not_finite })
    }

    /// Returns the last validation loss.
    pub fn final_loss(&self) -> Option<f64> {
        self.lines.iter().rev().find_map(|line| line.val_loss)
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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
        Run { name: name.into(), lines, not_finite: None }
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
}
