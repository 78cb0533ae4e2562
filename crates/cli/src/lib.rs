//! The four programs and the pipeline between them:
//!
//! ```text
//! text ──train-tokenizer──▶ tokenizer/ ──encode──▶ tokens.npy ──train-model──▶ runs/NAME/ ──inference──▶ text
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`commands`] | one folder per program: its arguments and its work; a `main` in `src/bin/` calls it |
//! | [`charts`] | pictures of a run's losses, and event files for TensorBoard |
//! | [`run`] | a run on disk: checkpoints, metrics, manifest, samples, tokenizer |
//! | [`data`] | texts, token files, batches |
//! | [`shell`] | exit codes, Ctrl-C, logs, progress bars, standard input, threads |
//!
//! Imports run downwards through this table. Files that appear whole or not at all come from the
//! crate [`files`].
// The memory map in `data::mmap` is the one exception.
#![deny(unsafe_code)]

pub mod charts;
pub mod commands;
pub mod data;
pub mod run;
pub mod shell;
