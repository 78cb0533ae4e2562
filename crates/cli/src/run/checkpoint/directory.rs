//! Checkpoints in a run directory: their names, and the link `latest` to the newest one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::run::file_names::{BESIDE_CHECKPOINTS, LATEST};

const STEP: &str = "step-";

/// Returns the name of the checkpoint after `step` steps.
pub fn name(step: u64) -> String {
    format!("{STEP}{step:06}")
}

fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(STEP)?;
    (digits.len() >= 6).then(|| digits.parse().ok())?
}

/// Makes `latest` name the checkpoint after `step` steps. Where the file system has no links, warns
/// and makes none; [`newest`] goes by the steps then.
///
/// # Errors
/// When the link that is there cannot be replaced.
pub fn point_latest(dir: &Path, step: u64) -> Result<()> {
    let latest = dir.join(LATEST);
    match files::replace_link(Path::new(&name(step)), &latest) {
        Err(error) if !latest.is_symlink() => log::warn!("{error}"),
        result => result?,
    }
    Ok(())
}

/// Returns the names in `dir`, none if it does not exist.
fn names(dir: &Path) -> Result<Vec<String>> {
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
fn steps(dir: &Path) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = names(dir)?.iter().filter_map(|name| step_of(name)).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// Removes the checkpoints up to the one after `step` steps, except for the last `keep`. Later ones
/// belong to another run.
pub fn prune(dir: &Path, step: u64, keep: usize) -> Result<()> {
    let mut steps = steps(dir)?;
    steps.retain(|&other| other <= step);
    let old = &steps[..steps.len().saturating_sub(keep)];
    Ok(old.iter().try_for_each(|&step| files::remove_dir(&dir.join(name(step))))?)
}

/// Returns the names in `dir` that belong to a run: checkpoints, or files of a run without one yet.
///
/// # Errors
/// When it cannot be read.
pub fn names_of_run(dir: &Path) -> Result<Vec<String>> {
    let of_run = |name: &String| {
        let name = name.as_str();
        step_of(name).is_some() || name == LATEST || BESIDE_CHECKPOINTS.contains(&name)
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

/// Returns the newest checkpoint in the run directory `dir`: the one that `latest` names, or
/// without that link, the one with the highest step.
///
/// # Errors
/// When the directory cannot be read.
pub fn newest(dir: &Path) -> Result<Option<PathBuf>> {
    let latest = dir.join(LATEST);
    if latest.is_dir() {
        return Ok(Some(latest));
    }
    Ok(steps(dir)?.last().map(|&step| dir.join(name(step))))
}

/// Returns the directory of the model in `path`: itself, or the newest checkpoint of a run.
///
/// # Errors
/// When no model is there.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    ensure!(
        metadata.is_dir(),
        "{}: is a file, expected the directory of a checkpoint; name the directory that it is in",
        path.display()
    );
    if path.join("config.json").exists() {
        return Ok(path.to_path_buf());
    }
    newest(path)?.with_context(|| {
        format!(
            "{}: found neither config.json nor a checkpoint, expected a checkpoint, a run \
             directory or a Hugging Face Llama directory",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests;
