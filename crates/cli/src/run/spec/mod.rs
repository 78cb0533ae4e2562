//! The one description of a run: every option that decides what it computes.
//!
//! A field of [`ModelSpec`] or [`TrainingSpec`] is all of this at once: a flag of `train-model`
//! with its help and its default, a value in `run.json` and in checkpoints, a flag that a
//! [`Preset`] can set, and a flag that `--resume` compares with the run. A new option is a new
//! field, and the code that uses it.

mod fields;
mod model;
mod preset;
mod training;

pub use fields::{defaults, fields, flag, shown};
pub use model::ModelSpec;
pub use preset::{Preset, PresetChoice};
pub use training::TrainingSpec;
