//! `latest` and `best`, the links to checkpoints of a run, made right where something else is in
//! their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result};

use super::contents::{self, Purpose};
use super::directory::{name, names};
use super::state::TrainerState;
use crate::data::digest;
use crate::run::file_names::{BEST, LATEST, LINKS};

/// Points `latest` to the checkpoint after `step` steps, and `best` to the one after `best` steps,
/// or removes it. Where the file system has no links, warns once and makes none.
///
/// # Errors
/// When what is there under these names cannot be replaced.
pub fn point(dir: &Path, step: u64, best: Option<u64>) -> Result<()> {
    replace_directories(dir)?;
    point_link(dir, LATEST, step)?;
    match best {
        Some(best) => point_link(dir, BEST, best),
        None => remove_link(&dir.join(BEST)),
    }
}

fn point_link(dir: &Path, link: &str, step: u64) -> Result<()> {
    let (target, link) = (name(step), dir.join(link));
    if fs::read_link(&link).is_ok_and(|there| there == Path::new(&target)) {
        return Ok(());
    }
    match files::replace_link(Path::new(&target), &link) {
        Err(error) if !link.is_symlink() => {
            static WARN: Once = Once::new();
            WARN.call_once(|| log::warn!("{error}; the run goes on without links to checkpoints"));
        }
        result => result?,
    }
    Ok(())
}

fn remove_link(link: &Path) -> Result<()> {
    if link.is_symlink() {
        fs::remove_file(link).with_context(|| format!("{}: cannot be removed", link.display()))?;
    }
    Ok(())
}

/// Replaces directories in the place of links, which a copy of the run leaves that followed them.
/// A checkpoint that is nowhere else gets its own name, a copy of one is removed, and anything else
/// moves to `dir/earlier-N`. Says so in the log.
///
/// # Errors
/// When it cannot be moved.
pub fn replace_directories(dir: &Path) -> Result<()> {
    for link in LINKS {
        let path = dir.join(link);
        if path.is_symlink() || !path.is_dir() {
            continue;
        }
        let place = replace_directory(dir, link)?;
        log::warn!(
            "{}: was a directory in the place of a link, as after a copy; {place}",
            path.display()
        );
    }
    Ok(())
}

/// Replaces the directory `link` in `dir`. Says what became of it.
fn replace_directory(dir: &Path, link: &str) -> Result<String> {
    let path = dir.join(link);
    let aside = |entry: &str| {
        let aside = files::move_aside(dir, &[entry])?;
        let shown = aside.unwrap_or_default().join(entry).display().to_string();
        Ok::<_, anyhow::Error>(format!("it is now {shown}"))
    };
    let is_whole = |path: &Path| contents::check(path, Purpose::Resume).is_ok();
    let Some(state) = TrainerState::read(&path).ok().filter(|_| is_whole(&path)) else {
        return aside(link);
    };
    let name = name(state.step);
    let own = dir.join(&name);
    if own.exists() {
        if have_same_files(&path, &own)? {
            files::remove_dir(&path)?;
            return Ok(format!("it was the same as {}, and is removed", own.display()));
        }
        if is_whole(&own) {
            return aside(link);
        }
        let place = aside(&name)?;
        log::warn!("{}: is not whole; {place}", own.display());
    }
    fs::rename(&path, &own).with_context(|| format!("{}: cannot be moved", path.display()))?;
    Ok(format!("it is now {}", own.display()))
}

/// Returns `true` if two directories of files hold the same.
fn have_same_files(one: &Path, other: &Path) -> Result<bool> {
    let there = names(one)?;
    let same = |name: &String| {
        let [one, other]: [PathBuf; 2] = [one, other].map(|dir| dir.join(name));
        let are_files = one.is_file() && other.is_file();
        Ok(are_files && digest::of_file(&one)? == digest::of_file(&other)?)
    };
    let all: Result<Vec<bool>> = there.iter().map(same).collect();
    Ok(there == names(other)? && all?.into_iter().all(|same| same))
}

#[cfg(all(test, unix))]
mod tests;
