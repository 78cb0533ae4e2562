//! Runs named on a command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::run::Run;
use super::variant::without_seed;

/// Reads runs named on a command line: `DIR`, or `NAME=DIR` with a name for display. Variants of
/// the same name in several directories (`before/base-s0`, `after/base-s1`) are named by their
/// paths, because they are not seeds of one variant.
///
/// # Errors
/// As for [`Run::read`].
pub fn read_runs(arguments: &[String]) -> Result<Vec<Run>> {
    let mut runs = arguments.iter().map(|argument| read(argument)).collect::<Result<Vec<_>>>()?;
    let mut parents = BTreeMap::<String, BTreeSet<PathBuf>>::new();
    for (run, argument) in runs.iter().zip(arguments) {
        if given_name(argument).is_none() {
            let parent = files::parent_of(Path::new(argument));
            // Different spellings of a directory must count once.
            let parent = parent.canonicalize().unwrap_or_else(|_| parent.into());
            parents.entry(without_seed(&run.name).into()).or_default().insert(parent);
        }
    }
    for (run, argument) in runs.iter_mut().zip(arguments) {
        let is_ambiguous = parents.get(without_seed(&run.name)).is_some_and(|of| of.len() > 1);
        if is_ambiguous && given_name(argument).is_none() {
            run.name.clone_from(argument);
        }
    }
    Ok(runs)
}

fn read(argument: &str) -> Result<Run> {
    match given_name(argument) {
        Some((name, dir)) => Ok(Run { name: name.into(), ..Run::read(Path::new(dir))? }),
        None => Run::read(Path::new(argument)),
    }
}

/// Splits `NAME=DIR` into its two parts.
fn given_name(argument: &str) -> Option<(&str, &str)> {
    argument.split_once('=').filter(|(name, _)| !name.is_empty() && !Path::new(argument).exists())
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::run;
    use super::super::variant::group;
    use super::*;
    use crate::run::file_names::METRICS;

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
            let variants = group(read_runs(&arguments).unwrap());
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
        let variants = group(read_runs(&arguments).unwrap());
        let found: Vec<_> = variants.iter().map(|v| (v.name.as_str(), v.runs.len())).collect();
        assert_eq!(found, [("base", 2), ("other", 1)]);
    }

    #[test]
    fn an_argument_may_name_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&run("", &[2.0]).lines[0]).unwrap();
        std::fs::write(dir.path().join(METRICS), line + "\n").unwrap();
        let path = dir.path().display();
        assert_eq!(read(&format!("short={path}")).unwrap().name, "short");
        let own = dir.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(read(&path.to_string()).unwrap().name, own);
    }
}
