//! Four programs, the pipeline between them, and `lm`, which has them as sub-commands:
//!
//! ```text
//! text ──train-tokenizer──▶ tokenizer/ ──encode──▶ tokens.npy
//!      ──train-model──▶ runs/NAME/ ──inference──▶ text
//! ```
//!
//! The programs are described by their `--help`. Their parts can be used from Rust, for instance
//! token files, and the batches that training draws from them:
//! ```
//! use lm::data::batches::{Batches, Stream};
//! use lm::data::tokens::{TokenFile, TokenType, TokenWriter};
//!
//! let temporary = tempfile::tempdir()?;
//! let path = temporary.path().join("tokens.npy"); // as `encode` and NumPy write it
//! let mut writer = TokenWriter::create(&path, TokenType::U16)?;
//! writer.write(&[0u16, 1, 2, 3, 4, 5, 6, 7, 8, 9])?;
//! writer.finish()?;
//!
//! let batches = Batches { seed: 1, stream: Stream::Train, rows: 2, time: 4 };
//! let batch = batches.batch(0, &TokenFile::open(&path)?); // depends on seed and index alone
//! assert_eq!(batch.ids.dim(), (2, 4));
//! assert_eq!(batch.targets, &batch.ids + 1); // the token after each
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
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
#![forbid(unsafe_code)]

pub mod charts;
pub mod commands;
pub mod data;
pub mod run;
pub mod shell;
