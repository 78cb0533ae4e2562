//! `run.json`: the manifest of a run, for people who find its directory later.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::data::dataset::Identity;
use crate::data::digest::Fingerprint;
use crate::run::file_names;
use crate::run::spec::{ModelSpec, TrainingSpec};

/// A run, and every process that worked on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    /// The model's shape.
    pub model: ModelSpec,
    /// The number of the model's weights.
    pub parameters: u64,
    /// The resolved specification of its training.
    pub training: TrainingSpec,
    /// The path of the tokenizer as it was typed or found; files of version 0.1 have none.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// The digest of the tokenizer that made the training data; files of version 0.1 have none.
    #[serde(default)]
    pub tokenizer_sha256: Option<String>,
    /// The training set.
    pub train_data: DataFile,
    /// The validation set.
    pub val_data: Option<DataFile>,
    /// The prompt of `samples.txt`.
    #[serde(default)]
    pub sample_prompt: Option<String>,
    /// `true` if TensorBoard's event files are written.
    #[serde(default)]
    pub tensorboard: bool,
    /// The times when the run was planned further than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// One for each time the program was started, the newest last.
    #[serde(rename = "sittings")]
    pub sessions: Vec<Session>,
}

/// A new plan for a run, which goes further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The number of steps done then; the ones before keep the rates that they had.
    pub at_step: u64,
    /// The number of steps planned before.
    pub from_steps: u64,
    /// The number of steps planned since.
    pub to_steps: u64,
}

/// The fingerprint of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The path as it was typed.
    pub path: String,
    /// Its length and its ends.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
    /// The number of tokens and their digest, as in checkpoints.
    pub identity: Identity,
}

/// One process that worked on a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The program's path and its arguments.
    pub command_line: Vec<String>,
    /// This program's version.
    pub version: String,
    /// The commit that this program was built from, with `-dirty` if files differed from it; in
    /// files of version 0.1 that of the working directory.
    pub git_revision: Option<String>,
    /// The commit of the working directory, if it belongs to a git repository.
    #[serde(default)]
    pub working_directory_git_revision: Option<String>,
    /// The processor's name.
    pub cpu: String,
    /// Threads at work.
    pub threads: usize,
    /// The instruction set of the kernels.
    pub kernels: String,
    /// The time of its beginning, in UTC.
    pub started: String,
    /// The number of steps done at its beginning.
    pub first_step: u64,
    /// The time of its end; `None` while it runs, and after it was killed.
    pub ended: Option<String>,
    /// The number of steps done at its end.
    pub last_step: Option<u64>,
    /// `done`, `interrupted`, or the error.
    pub outcome: Option<String>,
    /// The step whose loss or gradient was not a finite number.
    #[serde(default)]
    pub not_finite_at: Option<u64>,
}

impl DataFile {
    /// Reads the beginning and the end of the file `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path, identity: Identity) -> Result<DataFile> {
        let fingerprint = Fingerprint::of_file(path)?;
        Ok(DataFile { path: path.display().to_string(), fingerprint, identity })
    }
}

impl Session {
    /// Returns the session of this process, which begins after `first_step` steps.
    pub fn begin(kernels: String, first_step: u64) -> Session {
        Session {
            command_line: std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            git_revision: option_env!("LM_GIT_REVISION").map(String::from),
            working_directory_git_revision: working_directory_git_revision(),
            cpu: cpu(),
            threads: rayon::current_num_threads(),
            kernels,
            started: now(),
            first_step,
            ..Session::default()
        }
    }

    /// Notes that the session ends now, after `last_step` steps.
    pub fn end(&mut self, last_step: u64, outcome: String, not_finite_at: Option<u64>) {
        self.ended = Some(now());
        self.last_step = Some(last_step);
        self.outcome = Some(outcome);
        self.not_finite_at = not_finite_at;
    }
}

impl RunManifest {
    /// Reads the manifest in the run directory `dir`; `None` if there is none.
    ///
    /// # Errors
    /// When there is one and it is damaged, or cannot be read.
    pub fn read(dir: &Path) -> Result<Option<RunManifest>> {
        let path = dir.join(file_names::MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        RunManifest::read_file(&path).map(Some)
    }

    /// Gives the manifest in the run directory `dir` another name if it is damaged, so that what it
    /// still tells of earlier sessions is not lost when a new one is written.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn set_aside_if_damaged(dir: &Path) -> Result<()> {
        let Err(error) = RunManifest::read(dir) else { return Ok(()) };
        let path = dir.join(file_names::MANIFEST);
        let names = (1..).map(|count| match count {
            1 => format!("{}.damaged", file_names::MANIFEST),
            _ => format!("{}.damaged-{count}", file_names::MANIFEST),
        });
        let free = names.map(|name| dir.join(name)).find(|aside| !aside.exists());
        let Some(aside) = free else { return Ok(()) };
        std::fs::rename(&path, &aside).with_context(|| path.display().to_string())?;
        log::warn!(
            "{error:#}; it is {} now, and the new one does not know the earlier sessions",
            aside.display()
        );
        Ok(())
    }

    /// Reads the manifest `path`.
    ///
    /// # Errors
    /// When it cannot be read, or is not the manifest of a run.
    pub fn read_file(path: &Path) -> Result<RunManifest> {
        let shown = path.display();
        let bytes = files::read(path).with_context(|| shown.to_string())?;
        let manifest: RunManifest = serde_json::from_slice(&bytes).with_context(|| {
            format!("{shown}: damaged: expected a run.json that train-model wrote")
        })?;
        let checked = manifest.training.validate();
        checked.with_context(|| format!("{shown}: the file is damaged"))?;
        Ok(manifest)
    }

    /// Returns the path of the run's tokenizer. Files of version 0.1 have it in the command line of
    /// the first session only.
    pub fn tokenizer_path(&self) -> Option<String> {
        const FLAG: &str = "--tokenizer";
        self.tokenizer.clone().or_else(|| {
            let line = &self.sessions.first()?.command_line;
            let joined = line.iter().find_map(|arg| arg.strip_prefix(FLAG)?.strip_prefix('='));
            let after = line.iter().skip_while(|arg| *arg != FLAG).nth(1);
            joined.or(after.map(String::as_str)).map(String::from)
        })
    }

    /// Writes the manifest into the run directory `dir`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(files::write(&dir.join(file_names::MANIFEST), text.as_bytes())?)
    }
}

/// Returns the time in UTC, to the second, as in RFC 3339.
fn now() -> String {
    format!("{:.0}", Timestamp::now())
}

fn working_directory_git_revision() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let revision = String::from_utf8(output.stdout).ok()?.trim().to_string();
    (output.status.success() && !revision.is_empty()).then_some(revision)
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_manifest_is_no_missing_one_and_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert!(RunManifest::read(dir.path()).unwrap().is_none());
        RunManifest::set_aside_if_damaged(dir.path()).unwrap();
        for name in ["run.json.damaged", "run.json.damaged-2"] {
            std::fs::write(dir.path().join("run.json"), "{").unwrap();
            let error = format!("{:#}", RunManifest::read(dir.path()).unwrap_err());
            assert!(error.contains("run.json: damaged: "), "{error}");
            RunManifest::set_aside_if_damaged(dir.path()).unwrap();
            assert!(RunManifest::read(dir.path()).unwrap().is_none());
            assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), b"{");
        }
    }

    #[test]
    fn a_session_begins_and_ends() {
        let mut session = Session::begin("portable".into(), 3);
        assert!(session.started.ends_with('Z') && session.started.len() == 20, "{session:?}");
        session.end(5, "done".into(), None);
        let text = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&text).unwrap(), session);
    }
}
