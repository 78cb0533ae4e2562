//! Hugging Face's files, `tokenizer.json` and `tokenizer_config.json`.
//!
//! The first describes all of a tokenizer; `transformers` wants the second beside it.
//!
//! A `tokenizer.json` can describe much more than byte-level BPE. Whatever would split or merge a
//! text differently here is refused. Two things that concern ids afterwards are left to the caller:
//! the special tokens that a `post_processor` adds around a text, and `truncation` and `padding`.
//! Special tokens may be named in other files beside it (`config.rs`). A regular expression is
//! read as Hugging Face's engine reads it, and written in a form that all engines read alike.

pub(super) mod added_tokens;
pub(super) mod class;
pub(super) mod config;
mod edit;
mod fields;
mod post_processor;
mod pre_tokenizer;
mod read;
mod write;

pub use config::CONFIG;
pub use edit::{config_with_begin_of_text, tokenizer_with_begin_of_text};
pub(super) use pre_tokenizer::pre_tokenizer as pre_tokenizer_json;
pub(super) use read::load;
pub use write::config_json;
pub(super) use write::normalizer_json;
pub(crate) use write::write_tokenizer;

/// The name of the file that describes the tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";

#[cfg(test)]
mod tests;
