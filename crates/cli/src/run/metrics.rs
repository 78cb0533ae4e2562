//! `metrics.jsonl`: one JSON object per logged step, each on a line.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::run::file_names::METRICS;

/// The numbers of a logged step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The number of steps done, 1 after the first step.
    pub step: u64,
    /// The number of tokens trained on so far.
    pub tokens: u64,
    /// Mean loss of the step's batches, in nats per token, before the step changed the weights.
    pub train_loss: f64,
    /// Mean loss on the validation set after the step, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub val_loss: Option<f64>,
    /// The learning rate of the step.
    pub lr: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Training speed since the last line, evaluations and checkpoints not counted.
    pub tokens_per_second: f64,
    /// Seconds of training, those of earlier sessions included.
    pub seconds: f64,
}

/// The open file.
pub struct MetricsFile {
    path: PathBuf,
    file: File,
}

impl MetricsFile {
    /// Creates an empty file in the run directory `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &Path) -> Result<MetricsFile> {
        Self::with_lines(dir, &[])
    }

    /// Opens the file as it was after `step`: removes later lines, and one cut off in the middle.
    /// The lines that follow then make it equal to that of a run that was never interrupted. Also
    /// returns the lines that are left.
    ///
    /// # Errors
    /// When it cannot be read or written, or was not written by this program.
    pub fn cut_back(dir: &Path, step: u64) -> Result<(MetricsFile, Vec<Metrics>)> {
        let path = dir.join(METRICS);
        let mut lines = read(&path)?.unwrap_or_else(|| {
            log::warn!("{}: not found; the lines up to step {step} are lost", path.display());
            Vec::new()
        });
        lines.retain(|metrics| metrics.step <= step);
        Ok((Self::with_lines(dir, &lines)?, lines))
    }

    fn with_lines(dir: &Path, lines: &[Metrics]) -> Result<MetricsFile> {
        let path = dir.join(METRICS);
        let mut text = String::new();
        for metrics in lines {
            text += &json_line(metrics)?;
        }
        files::write(&path, text.as_bytes())?;
        let file = File::options().append(true).open(&path);
        let file = file.with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(MetricsFile { path, file })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, metrics: &Metrics) -> Result<()> {
        let line = json_line(metrics)?;
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

/// Reads the whole lines of the file `path`; `None` if there is no such file.
///
/// # Errors
/// When it cannot be read, or was not written by this program.
pub fn read(path: &Path) -> Result<Option<Vec<Metrics>>> {
    let text = match files::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let parse = |(number, line)| {
        serde_json::from_str(line).with_context(|| {
            format!("{}: line {number} is no line of metrics; move the file away", path.display())
        })
    };
    (1..).zip(whole.lines()).map(parse).collect::<Result<_>>().map(Some)
}

fn json_line(metrics: &Metrics) -> Result<String> {
    Ok(serde_json::to_string(metrics)? + "\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn metrics(step: u64) -> Metrics {
        Metrics {
            step,
            tokens: step * 64,
            train_loss: 1.0 / step as f64,
            val_loss: step.is_multiple_of(2).then_some(0.1),
            lr: 1e-3 / 3.0,
            grad_norm: 0.7,
            tokens_per_second: 100.0,
            seconds: 0.5,
        }
    }

    fn read(dir: &Path) -> String {
        fs::read_to_string(dir.join(METRICS)).unwrap()
    }

    #[test]
    fn cutting_back_gives_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = MetricsFile::create(dir.path()).unwrap();
        (1..=3).for_each(|step| file.push(&metrics(step)).unwrap());
        let at_three = read(dir.path());
        (4..=5).for_each(|step| file.push(&metrics(step)).unwrap());
        fs::write(dir.path().join(METRICS), read(dir.path()) + "{\"step\": 6, \"tok").unwrap();

        let (mut resumed, lines) = MetricsFile::cut_back(dir.path(), 3).unwrap();
        assert_eq!(read(dir.path()), at_three);
        assert_eq!(lines, [metrics(1), metrics(2), metrics(3)]);
        resumed.push(&metrics(4)).unwrap();
        assert_eq!(read(dir.path()), at_three + &json_line(&metrics(4)).unwrap());
    }

    #[test]
    fn val_loss_is_there_only_where_it_was_measured() {
        assert!(!json_line(&metrics(1)).unwrap().contains("val_loss"));
        assert!(json_line(&metrics(2)).unwrap().contains("\"val_loss\":0.1"));
    }

    #[test]
    fn another_file_of_that_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(METRICS), "shopping list\n").unwrap();
        let error = MetricsFile::cut_back(dir.path(), 3).err().unwrap();
        assert!(error.to_string().contains("line 1"), "{error}");
        assert_eq!(read(dir.path()), "shopping list\n");
    }
}
