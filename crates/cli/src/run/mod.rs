//! A run on disk: its checkpoints, metrics, manifest, samples and tokenizer.

pub mod begin_of_text;
pub mod checkpoint;
pub mod file_names;
pub mod loaded;
pub mod manifest;
pub mod metrics;
pub mod samples;
pub mod spec;
pub mod tokenizer;
