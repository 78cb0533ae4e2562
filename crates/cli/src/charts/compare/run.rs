//! A run as its directory tells of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::smooth::smoothed;
use crate::run::file_names::METRICS;
use crate::run::manifest::RunManifest;
use crate::run::metrics::{self, Metrics};

/// Logged points on either side that a smoothed curve averages over.
pub(super) const REACH: usize = 4;
/// A loss that ends this much above what it had been, in nats, has diverged.
const DIVERGED: f64 = 0.5;

/// A run to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The directory's name, or the one it was given to be shown.
    pub name: String,
    /// All lines of metrics; none if the very first loss was not finite.
    pub lines: Vec<Metrics>,
    /// The step at which a loss was not finite, if the run says so.
    pub not_finite: Option<u64>,
}

/// Runs that differ in their seed only.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// What their names have in common.
    pub name: String,
    /// At least one.
    pub runs: Vec<Run>,
}

impl Run {
    /// Reads the run directory `dir`.
    ///
    /// # Errors
    /// When it holds no metrics, and no word of a loss that was not finite.
    pub fn read(dir: &Path) -> Result<Run> {
        let path = dir.join(METRICS);
        let lines = metrics::read(&path)?.unwrap_or_default();
        let last = RunManifest::read(dir).and_then(|manifest| manifest.sessions.last().cloned());
        let not_finite = last.and_then(|session| session.not_finite_at);
        if lines.is_empty() && not_finite.is_none() {
            bail!("{}: no line of metrics; expected the directory of a run", path.display());
        }
        // A path such as `runs/x/.` has no name of its own.
        let named = dir.file_name().map_or(dir.as_os_str(), |name| name);
        let name = named.to_string_lossy().into_owned();
        Ok(Run { name, lines, not_finite })
    }

    /// Reads a run as it was named on a command line: `DIR`, or `NAME=DIR` where another name is to
    /// be shown.
    ///
    /// # Errors
    /// As for [`Run::read`].
    pub fn from_argument(argument: &str) -> Result<Run> {
        match given_name(argument) {
            Some((name, dir)) => Ok(Run { name: name.into(), ..Run::read(Path::new(dir))? }),
            None => Run::read(Path::new(argument)),
        }
    }

    /// Reads runs as they were named on a command line. Variants that are called alike in several
    /// directories (`before/base-s0`, `after/base-s1`) go by their paths: they are not seeds of one
    /// variant.
    ///
    /// # Errors
    /// As for [`Run::read`].
    pub fn from_arguments(arguments: &[String]) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for argument in arguments {
            runs.push(Run::from_argument(argument)?);
        }
        let mut parents = BTreeMap::<String, BTreeSet<PathBuf>>::new();
        for (run, argument) in runs.iter().zip(arguments) {
            if let Some(parent) = own_parent(argument) {
                parents.entry(without_seed(&run.name).into()).or_default().insert(parent);
            }
        }
        for (run, argument) in runs.iter_mut().zip(arguments) {
            let is_own_name = given_name(argument).is_none();
            if is_own_name && parents.get(without_seed(&run.name)).is_some_and(|of| of.len() > 1) {
                run.name.clone_from(argument);
            }
        }
        Ok(runs)
    }

    /// The last validation loss.
    pub fn final_loss(&self) -> Option<f64> {
        self.lines.iter().rev().find_map(|line| line.val_loss)
    }

    /// The lowest validation loss and its step.
    pub fn best(&self) -> Option<(f64, u64)> {
        let measured = self.lines.iter().filter_map(|line| Some((line.val_loss?, line.step)));
        measured.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The step from which on the run was lost: where a loss was not finite, or else the first one
    /// after which the smoothed training loss stays half a nat above its lowest value so far, to
    /// the end.
    pub fn divergence(&self) -> Option<u64> {
        if self.not_finite.is_some() {
            return self.not_finite;
        }
        let raw: Vec<_> =
            self.lines.iter().map(|line| (line.step as f64, line.train_loss)).collect();
        let mut lowest = f64::INFINITY;
        let mut since = None;
        for (step, loss) in smoothed(&raw, REACH) {
            if loss > lowest + DIVERGED {
                since = since.or(Some(step as u64));
            } else {
                since = None;
                lowest = lowest.min(loss);
            }
        }
        since
    }

    /// Median speed of the logged steps, in tokens a second.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let mut speeds: Vec<f64> = self.lines.iter().map(|line| line.tokens_per_second).collect();
        speeds.sort_by(f64::total_cmp);
        speeds.get(speeds.len() / 2).copied()
    }
}

impl Variant {
    /// The last validation losses of those runs that have one.
    pub fn final_losses(&self) -> Vec<f64> {
        self.runs.iter().filter_map(Run::final_loss).collect()
    }

    /// The first step at which one of the runs diverged.
    pub fn divergence(&self) -> Option<u64> {
        self.runs.iter().filter_map(Run::divergence).min()
    }
}

/// The runs by variants, in the order in which these first appear.
pub fn group(runs: Vec<Run>) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for run in runs {
        let name = without_seed(&run.name).to_string();
        match variants.iter_mut().find(|variant| variant.name == name) {
            Some(variant) => variant.runs.push(run),
            None => variants.push(Variant { name, runs: vec![run] }),
        }
    }
    variants
}

/// The two parts of `NAME=DIR`.
fn given_name(argument: &str) -> Option<(&str, &str)> {
    argument.split_once('=').filter(|(name, _)| !name.is_empty() && !Path::new(argument).exists())
}

/// The directory that holds the run's own, unless the run was given a name.
fn own_parent(argument: &str) -> Option<PathBuf> {
    let parent = files::parent_of(Path::new(argument));
    // Two spellings of a directory are one.
    let parent = parent.canonicalize().unwrap_or_else(|_| parent.into());
    given_name(argument).is_none().then_some(parent)
}

/// `baseline-s3` is a seed of `baseline`.
fn without_seed(name: &str) -> &str {
    match name.rsplit_once("-s") {
        Some((variant, seed)) if !variant.is_empty() && seed.parse::<u64>().is_ok() => variant,
        _ => name,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run with these training losses, whose validation losses are the same, of every second
    /// step.
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
        // The mean of nine points feels the rise four points before it.
        assert_eq!(run("", &rise).divergence(), Some(37));
        assert_eq!(Run { not_finite: Some(7), ..run("", &falling) }.divergence(), Some(7));
    }

    #[test]
    fn seeds_of_a_variant_belong_together() {
        let names = ["base-s0", "base-s1", "x-slow", "base", "-s1"];
        let variants = group(names.map(|name| run(name, &[1.0])).to_vec());
        let found: Vec<_> = variants.iter().map(|v| (v.name.as_str(), v.runs.len())).collect();
        assert_eq!(found, [("base", 3), ("x-slow", 1), ("-s1", 1)]);
    }

    #[test]
    fn a_directory_without_metrics_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Run::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl"), "{error}");
    }

    #[test]
    fn a_run_that_was_lost_at_its_first_step_has_no_line_and_is_one_nevertheless() {
        let lost = Run { not_finite: Some(1), ..run("a", &[]) };
        assert_eq!((lost.divergence(), lost.best()), (Some(1), None));
        assert_eq!((lost.final_loss(), lost.tokens_per_second()), (None, None));
    }

    #[test]
    fn directories_that_are_called_alike_are_no_seeds() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&run("", &[2.0]).lines[0]).unwrap() + "\n";
        let path = |name: &str| dir.path().join(name).display().to_string();
        let variants = |names: &[&str]| -> Vec<String> {
            let arguments: Vec<String> = names.iter().map(|name| path(name)).collect();
            for run in &arguments {
                std::fs::create_dir_all(run).unwrap();
                std::fs::write(Path::new(run).join(METRICS), &line).unwrap();
            }
            let variants = group(Run::from_arguments(&arguments).unwrap());
            variants.into_iter().map(|variant| variant.name).collect()
        };
        let (before, after) = (path("before/base"), path("after/base"));
        let found = variants(&["before/base", "after/base", "after/other"]);
        assert_eq!(found, [&*before, &*after, "other"]);
        assert_eq!(variants(&["before/base-s0", "after/base-s1"]), [&*before, &*after]);
        let found = variants(&["before/base-s0", "before/base-s1", "after/base-s0"]);
        assert_eq!(found, [&*before, &*after]);
        assert_eq!(variants(&["before/base-s0", "before/../before/base-s1"]), ["base"]);
    }

    #[test]
    fn names_that_were_given_make_seeds() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&run("", &[2.0]).lines[0]).unwrap() + "\n";
        let arguments = ["base-s0", "base-s1", "else-s0"].map(|name| {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join(METRICS), &line).unwrap();
            // As the studies name them: like the directory, or otherwise.
            format!("{}={}", name.replace("else", "other"), path.display())
        });
        let variants = group(Run::from_arguments(&arguments).unwrap());
        let found: Vec<_> = variants.iter().map(|v| (v.name.as_str(), v.runs.len())).collect();
        assert_eq!(found, [("base", 2), ("other", 1)]);
    }

    #[test]
    fn an_argument_may_name_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&run("", &[2.0]).lines[0]).unwrap();
        std::fs::write(dir.path().join(METRICS), line + "\n").unwrap();
        let path = dir.path().display();
        assert_eq!(Run::from_argument(&format!("short={path}")).unwrap().name, "short");
        let own = dir.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(Run::from_argument(&path.to_string()).unwrap().name, own);
    }
}
