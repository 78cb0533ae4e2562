//! The programs: a folder each with its arguments and its work, and the flags that all share.

pub mod encode;
pub mod export;
pub mod flags;
pub mod help;
pub mod inference;
pub mod train_model;
pub mod train_tokenizer;
