//! Names in a run directory: checkpoints, `latest`, and how they come and go without ever being
//! half there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use files::sync_dir;
use tempfile::{Builder, TempDir};

use crate::charts::loss;
use crate::charts::tensorboard;
use crate::run::metrics;
use crate::run::{manifest, samples};

const LATEST: &str = "latest";
const STEP: &str = "step-";
/// What a run leaves beside its checkpoints.
const OF_RUN: [&str; 6] = [
    LATEST,
    metrics::FILE_NAME,
    loss::FILE_NAME,
    manifest::FILE_NAME,
    samples::FILE_NAME,
    tensorboard::DIR_NAME,
];
/// Begins the name of everything that is not finished, or no longer wanted.
const UNFINISHED: &str = ".unfinished-";

/// The name of the checkpoint after `step` steps.
pub fn name(step: u64) -> String {
    format!("{STEP}{step:06}")
}

fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(STEP)?;
    (digits.len() >= 6).then(|| digits.parse().ok())?
}

/// A directory that vanishes unless it is finished.
pub struct Unfinished {
    temporary: TempDir,
    parent: PathBuf,
}

impl Unfinished {
    /// An empty directory in `parent`.
    pub fn create(parent: &Path) -> Result<Unfinished> {
        let mut builder = Builder::new();
        builder.prefix(UNFINISHED);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What any new directory gets; the process's umask applies.
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let temporary = builder.tempdir_in(parent);
        let temporary =
            temporary.with_context(|| format!("{}: cannot be written to", parent.display()))?;
        Ok(Unfinished { temporary, parent: parent.to_path_buf() })
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives it its name, in the place of one that has it already.
    pub fn finish(self, name: &str) -> Result<PathBuf> {
        let path = self.parent.join(name);
        sync_dir(self.path())?;
        remove(&path)?;
        fs::rename(self.path(), &path)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        // It is no longer where it could be removed from.
        let _ = self.temporary.keep();
        sync_dir(&self.parent)?;
        Ok(path)
    }
}

/// Removes a directory, if it is there: first its name, at once, then what is in it.
fn remove(path: &Path) -> Result<()> {
    let parent = files::parent_of(path);
    let gone = Unfinished::create(parent)?;
    match fs::rename(path, gone.path()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("{}: cannot be removed", path.display()));
        }
    }
    Ok(())
}

/// Lets `latest` name the checkpoint after `step` steps. Where there can be no links there is none,
/// with a warning, and [`newest`] goes by the steps.
///
/// # Errors
/// When the link that is there cannot be replaced.
pub fn point_latest(dir: &Path, step: u64) -> Result<()> {
    let latest = dir.join(LATEST);
    let temporary = Unfinished::create(dir)?;
    let link = temporary.path().join(LATEST);
    match symlink(Path::new(&name(step)), &link).and_then(|()| fs::rename(&link, &latest)) {
        Err(error) if !latest.is_symlink() => {
            log::warn!("{}: cannot be written: {error}", latest.display());
        }
        result => result.with_context(|| format!("{}: cannot be written", latest.display()))?,
    }
    Ok(sync_dir(dir)?)
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}

/// The names in `dir`; none if there is no such directory.
fn names(dir: &Path) -> Result<Vec<String>> {
    let failed = || dir.display().to_string();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.with_context(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The steps of the checkpoints in `dir`, in order.
fn steps(dir: &Path) -> Result<Vec<u64>> {
    let mut steps: Vec<u64> = names(dir)?.iter().filter_map(|name| step_of(name)).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// Removes all checkpoints up to the one after `step` steps but the last `keep` of them. Later ones
/// are not this run's.
pub fn prune(dir: &Path, step: u64, keep: usize) -> Result<()> {
    let mut steps = steps(dir)?;
    steps.retain(|&other| other <= step);
    let old = &steps[..steps.len().saturating_sub(keep)];
    old.iter().try_for_each(|&step| remove(&dir.join(name(step))))
}

/// Removes what an earlier process left unfinished when it was killed.
///
/// # Errors
/// When something cannot be removed.
pub fn remove_unfinished(dir: &Path) -> Result<()> {
    for name in names(dir)?.iter().filter(|name| name.starts_with(UNFINISHED)) {
        let path = dir.join(name);
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    Ok(())
}

/// Whether `dir` holds a run: checkpoints, or one that has not come to its first.
///
/// # Errors
/// When it cannot be read.
pub fn is_run(dir: &Path) -> Result<bool> {
    Ok(!earlier_run(dir)?.is_empty())
}

/// The names in `dir` that belong to a run.
fn earlier_run(dir: &Path) -> Result<Vec<String>> {
    let of_run = |name: &String| step_of(name).is_some() || OF_RUN.contains(&name.as_str());
    Ok(names(dir)?.into_iter().filter(of_run).collect())
}

/// Makes room for a new run in `dir`: an earlier one moves to `dir/earlier-N`, where it can be
/// resumed. Says where.
///
/// # Errors
/// When it cannot be moved.
pub fn move_earlier_run_aside(dir: &Path) -> Result<Option<PathBuf>> {
    move_aside(dir, &earlier_run(dir)?)
}

/// Makes room for a run in `dir` that goes on after `step` steps: checkpoints of later steps, which
/// it will reach in another way or not at all, move to `dir/earlier-N`, with copies of what tells
/// of them. Says where.
///
/// # Errors
/// When they cannot be moved.
pub fn move_later_checkpoints_aside(dir: &Path, step: u64) -> Result<Option<PathBuf>> {
    let later = steps(dir)?.into_iter().filter(|&other| other > step);
    let aside = move_aside(dir, &later.map(name).collect::<Vec<_>>())?;
    if let Some(aside) = &aside {
        for name in OF_RUN.into_iter().filter(|&name| name != LATEST) {
            copy(&dir.join(name), &aside.join(name))?;
        }
    }
    Ok(aside)
}

/// Copies a file, or a directory of files, if it is there.
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

fn move_aside(dir: &Path, names: &[String]) -> Result<Option<PathBuf>> {
    if names.is_empty() {
        return Ok(None);
    }
    let free =
        (1u64..).map(|number| dir.join(format!("earlier-{number}"))).find(|path| !path.exists());
    let Some(aside) = free else {
        bail!("{}: no free name for what was there before", dir.display())
    };
    let moved = fs::create_dir(&aside).and_then(|()| {
        names.iter().try_for_each(|name| fs::rename(dir.join(name), aside.join(name)))
    });
    moved.with_context(|| {
        format!("{}: what was there before cannot be moved there", aside.display())
    })?;
    Ok(Some(aside))
}

/// The newest checkpoint in the run directory `dir`: what `latest` names, or where links do not
/// survive, the one with the highest step.
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

/// The directory with a model that `path` means: itself, or the newest checkpoint of a run
/// directory.
///
/// # Errors
/// When there is no model.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    if !metadata.is_dir() {
        bail!(
            "{}: is a file, expected the directory of a checkpoint; name the directory that it is in",
            path.display()
        );
    }
    if path.join("config.json").exists() {
        return Ok(path.to_path_buf());
    }
    newest(path)?.with_context(|| {
        format!(
            "{}: found neither config.json nor a checkpoint, expected a checkpoint, a run directory or a Hugging Face \
             Llama directory",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests;
