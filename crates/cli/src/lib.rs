//! The four programs and the pipeline between them:
//!
//! ```text
//! text ──train-tokenizer──▶ tokenizer/ ──encode──▶ tokens.npy ──train-model──▶ runs/NAME/ ──inference──▶ text
//! ```
//!
//! A program is a file of arguments in [`args`] (what was typed), a module that gives them their meaning, checks them
//! and does the work, and a `main` of a few lines in `src/bin/`.
//!
//! | program | arguments | work |
//! |---|---|---|
//! | `train-tokenizer` | [`args::train_tokenizer`] | [`train_tokenizer`] |
//! | `encode` | [`args::encode`] | [`encode`], [`tokens`], [`mmap`] |
//!
//! What they share: [`exit`] (exit codes and the one line an error gets), [`threads`], [`interrupt`] (Ctrl-C),
//! [`logging`] and [`progress`] (standard error), [`output`] (files that appear whole or not at all).
// The memory map in `mmap` is the one exception.
#![deny(unsafe_code)]

pub mod args;
pub mod digest;
pub mod encode;
pub mod exit;
pub mod interrupt;
pub mod logging;
pub mod mmap;
pub mod output;
pub mod progress;
pub mod threads;
pub mod tokens;
pub mod train_tokenizer;
