//! Four programs, the pipeline between them, and `lm`, which has them as sub-commands:
//!
//! ```text
//! text ──train-tokenizer──▶ tokenizer/ ──encode──▶ tokens.npy
//!      ──train-model──▶ runs/NAME/ ──inference──▶ text
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`commands`] | one folder per program, with its arguments and its work |
//! | [`charts`] | pictures of a run's losses, and event files for TensorBoard |
//! | [`run`] | the description of a run, and its files: checkpoints, metrics, manifest, samples |
//! | [`data`] | texts, token files, batches |
//! | [`shell`] | exit codes, Ctrl-C, logs, progress bars, standard input, threads |
//!
//! Imports run downwards through this table. Files that appear whole or not at all come from the
//! crate `files`.
// The memory map in `data::mmap` is the one exception.
#![deny(unsafe_code)]

pub mod charts;
pub mod commands;
pub mod data;
pub mod run;
pub mod shell;
