//! Checkpoints in a run directory: their names, and those that go or make room.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::file_names::{BESIDE_CHECKPOINTS, LINKS};

const STEP: &str = "step-";

/// Returns the name of the checkpoint after `step` steps.
pub fn name(step: u64) -> String {
    format!("{STEP}{step:06}")
}

fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(STEP)?;
    (digits.len() >= 6).then(|| digits.parse().ok())?
}

/// Returns the names in `dir`, none if it does not exist.
///
/// # Errors
/// When it cannot be read.
pub fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        entries => entries.with_context(|| dir.display().to_string())?,
    };
    let names = entries.iter().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    Ok(names)
}

/// Returns the steps of the checkpoints in `dir`, in order.
///
/// # Errors
/// When it cannot be read.
pub fn steps(dir: &Path) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = names(dir)?.iter().filter_map(|name| step_of(name)).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// Removes the checkpoints up to the one after `step` steps, except for the last `keep` and the one
/// after `best` steps. Later ones belong to another run.
///
/// # Errors
/// When one cannot be removed.
pub fn prune(dir: &Path, step: u64, keep: usize, best: Option<u64>) -> Result<()> {
    let mut steps = steps(dir)?;
    steps.retain(|&other| other <= step);
    let old = steps[..steps.len().saturating_sub(keep)].iter();
    let mut old = old.filter(|&&step| Some(step) != best);
    Ok(old.try_for_each(|&step| files::remove_dir(&dir.join(name(step))))?)
}

/// Returns the names in `dir` that belong to a run: checkpoints, or files of a run without one yet.
///
/// # Errors
/// When it cannot be read.
pub fn names_of_run(dir: &Path) -> Result<Vec<String>> {
    let of_run = |name: &String| {
        let name = name.as_str();
        step_of(name).is_some() || LINKS.contains(&name) || BESIDE_CHECKPOINTS.contains(&name)
    };
    Ok(names(dir)?.into_iter().filter(of_run).collect())
}

/// Makes room for a new run in `dir`: moves an earlier one to `dir/earlier-N`, where it can be
/// resumed. Returns that directory.
///
/// # Errors
/// When it cannot be moved.
pub fn move_earlier_run_aside(dir: &Path) -> Result<Option<PathBuf>> {
    Ok(files::move_aside(dir, &names_of_run(dir)?)?)
}

/// Makes room for a run in `dir` that goes on after `step` steps: moves checkpoints of later steps
/// to `dir/earlier-N`, with copies of the run's other files. Returns that directory.
///
/// # Errors
/// When they cannot be moved.
pub fn move_later_checkpoints_aside(dir: &Path, step: u64) -> Result<Option<PathBuf>> {
    let later = steps(dir)?.into_iter().filter(|&other| other > step);
    let aside = files::move_aside(dir, &later.map(name).collect::<Vec<_>>())?;
    if let Some(aside) = &aside {
        for name in BESIDE_CHECKPOINTS {
            copy(&dir.join(name), &aside.join(name))?;
        }
    }
    Ok(aside)
}

/// Copies a file, or a directory of files, if it exists.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("{}: cannot be written", to.display());
    if from.is_dir() {
        fs::create_dir(to).with_context(failed)?;
        return names(from)?.iter().try_for_each(|name| copy(&from.join(name), &to.join(name)));
    }
    match fs::copy(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(failed),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
