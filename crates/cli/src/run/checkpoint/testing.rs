//! Small checkpoints, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use tensor::Precision;

use super::contents::{CONFIG, MODEL, OPTIMIZER};
use super::directory::name;
use super::state::TrainerState;
use crate::data::dataset::Identity;
use crate::run::spec::{TrainingSpec, defaults};

/// Writes the files of a checkpoint after `step` steps into `path`.
pub fn write(path: &Path, step: u64, val_loss: Option<f64>) {
    fs::create_dir_all(path).unwrap();
    fs::write(path.join(CONFIG), "{}").unwrap();
    for name in [MODEL, OPTIMIZER] {
        fs::write(path.join(name), b"\x02\0\0\0\0\0\0\0{}").unwrap();
    }
    let config = defaults::<TrainingSpec>().resolve(256, Precision::F32).unwrap();
    let state = TrainerState {
        format: TrainerState::FORMAT,
        step,
        seconds: 0.0,
        kernels: "portable".into(),
        config,
        train_data: Identity { tokens: 1, sha256: String::new() },
        val_data: None,
        val_loss,
        validation: None,
        tokenizer_sha256: None,
        files: Default::default(),
    };
    state.write(path).unwrap();
}

/// Writes a checkpoint into the run `dir`, and returns its path.
pub fn checkpoint(dir: &Path, step: u64, val_loss: Option<f64>) -> PathBuf {
    let path = dir.join(name(step));
    write(&path, step, val_loss);
    path
}
