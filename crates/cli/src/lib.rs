//! The four programs and the pipeline between them:
//!
//! ```text
//! text ──train-tokenizer──▶ tokenizer/ ──encode──▶ tokens.npy ──train-model──▶ runs/NAME/ ──inference──▶ text
//! ```
//!
//! A program is a file of arguments in [`args`] (what was typed), a module that gives them their
//! meaning, checks them and does the work, and a `main` of a few lines in `src/bin/`.
//!
//! | program | arguments | work |
//! |---|---|---|
//! | `train-tokenizer` | [`args::train_tokenizer`] | [`train_tokenizer`] |
//! | `encode` | [`args::encode`] | [`encode`], [`tokens`], [`mmap`] |
//! | `train-model` | [`args::train_model`] | [`train`], [`batches`], [`evaluate`], [`checkpoint`], [`metrics`], [`plot`], [`tensorboard`] |
//! | `inference` | [`args::inference`] | [`inference`] |
//!
//! The example `compare-runs` draws several runs with [`compare`]; `export-gguf` writes a
//! checkpoint for llama.cpp with [`export`].
//!
//! What they share: [`exit`] (exit codes and the one line an error gets), [`threads`],
//! [`interrupt`] (Ctrl-C), [`text_input`] and [`stdin`], [`logging`] and [`progress`] (standard
//! error), [`digest`], [`precision`], [`tokenizer`], [`loaded`] (a model with its tokenizer), and
//! the crate [`files`] (that appear whole or not at all).
// The memory map in `mmap` is the one exception.
#![deny(unsafe_code)]

pub mod args;
pub mod batches;
pub mod checkpoint;
pub mod compare;
pub mod digest;
pub mod encode;
pub mod evaluate;
pub mod exit;
pub mod export;
pub mod inference;
pub mod interrupt;
pub mod loaded;
pub mod logging;
pub mod metrics;
pub mod mmap;
pub mod plot;
pub mod precision;
pub mod progress;
pub mod stdin;
pub mod tensorboard;
pub mod text_input;
pub mod threads;
pub mod tokenizer;
pub mod tokens;
pub mod train;
pub mod train_tokenizer;
