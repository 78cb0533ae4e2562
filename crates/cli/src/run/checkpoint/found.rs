//! The checkpoints that a run directory really holds, whatever its links say.
//!
//! A link is only a name: a program that copies a run may follow it, drop it, or leave it behind
//! with its old target. So the newest checkpoint is the whole one with the highest step, and the
//! best one is that with the lowest validation loss, as their own files tell.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::contents::{self, CONFIG, Purpose};
use super::directory::{name, steps};
use super::state::TrainerState;
use crate::run::file_names::{BEST, LATEST, LINKS};

/// Returns the newest whole checkpoint in the run directory `dir`, if there are checkpoints. Warns
/// about newer ones that are not whole, and about a link `latest` that names another one.
///
/// # Errors
/// When the directory cannot be read, or none of its checkpoints is whole: then with the reason of
/// the newest.
pub fn newest(dir: &Path, purpose: Purpose) -> Result<Option<PathBuf>> {
    let mut not_whole = None;
    for (step, path) in candidates(dir)? {
        match contents::check(&path, purpose).and_then(|()| contents::check_step(&path, step)) {
            Ok(()) => {
                if let Some(reason) = not_whole {
                    log::warn!("{reason:#}; {} is taken instead", path.display());
                } else if let Some(target) = other_target(&dir.join(LATEST), &path) {
                    let (latest, path) = (dir.join(LATEST), path.display());
                    let latest = latest.display();
                    log::warn!(
                        "{latest} names {}, but {path} is the newest whole checkpoint: that one is \
                         taken",
                        target.display()
                    );
                }
                return Ok(Some(path));
            }
            Err(reason) => not_whole = not_whole.or(Some(reason)),
        }
    }
    not_whole.map_or(Ok(None), Err)
}

/// Returns the step of the best checkpoint in `dir`: the one with the lowest validation loss among
/// the whole ones up to the one after `last` steps that know theirs, the earliest of equals.
///
/// # Errors
/// When the directory cannot be read.
pub fn best(dir: &Path, last: u64) -> Result<Option<u64>> {
    let steps = steps(dir)?.into_iter().filter(|&step| step <= last);
    let losses = steps.filter_map(|step| {
        let path = dir.join(name(step));
        let state = TrainerState::read(&path).ok().filter(|state| state.step == step)?;
        contents::check(&path, Purpose::Model).is_ok().then_some((step, state.val_loss?))
    });
    // Of equal losses the first is returned.
    Ok(losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(step, _)| step))
}

/// Returns the directory of the model in `path`: itself, or the newest checkpoint of a run. In a
/// run's directory the names `latest` and `best` mean what they say, whatever is there under them.
///
/// # Errors
/// When no model is there.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    if let Some(run) = run_of_link(path) {
        let best = || Ok::<_, anyhow::Error>(best(run, u64::MAX)?.map(|step| run.join(name(step))));
        let is_best = path.file_name().is_some_and(|link| link == BEST);
        let found = if is_best { best()? } else { newest(run, Purpose::Model)? };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    ensure!(
        metadata.is_dir(),
        "{}: is a file, expected the directory of a checkpoint; name the directory that it is in",
        path.display()
    );
    if path.join(CONFIG).exists() {
        return Ok(path.to_path_buf());
    }
    if let Some(found) = newest(path, Purpose::Model)? {
        return Ok(found);
    }
    // A link to somewhere else, in a directory without checkpoints.
    let latest = path.join(LATEST);
    if latest.is_dir() {
        return Ok(latest);
    }
    bail!(
        "{}: found neither config.json nor a checkpoint, expected a checkpoint, a run directory or \
         a Hugging Face Llama directory",
        path.display()
    )
}

/// Returns the directories in `dir` that may be checkpoints of its run, the newest first, each with
/// the step that its name says. A directory in the place of a link counts too.
fn candidates(dir: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let named = steps(dir)?.into_iter().map(|step| (step, dir.join(name(step))));
    let instead_of_links = LINKS.into_iter().filter_map(|link| {
        let path = dir.join(link);
        let is_real = path.is_dir() && !path.is_symlink();
        let state = is_real.then(|| TrainerState::read(&path).ok())??;
        Some((state.step, path))
    });
    let mut all: Vec<_> = named.chain(instead_of_links).collect();
    // Stable: of the same step, the one of that name comes first.
    all.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
    Ok(all)
}

/// Returns the run directory that holds checkpoints and in which `path` names a link.
fn run_of_link(path: &Path) -> Option<&Path> {
    let is_link = |name: &str| LINKS.contains(&name);
    path.file_name()?.to_str().filter(|name| is_link(name))?;
    let run = files::parent_of(path);
    steps(run).is_ok_and(|steps| !steps.is_empty()).then_some(run)
}

/// Returns the target of `link` if it is a link and leads to something other than `path`.
fn other_target(link: &Path, path: &Path) -> Option<PathBuf> {
    let target = fs::read_link(link).ok()?;
    (fs::canonicalize(link).ok() != fs::canonicalize(path).ok()).then_some(target)
}

#[cfg(all(test, unix))]
mod tests;
