//! The programs: a folder each with its arguments and its work, the flags that all share, and `lm`,
//! which has them as sub-commands.

pub mod encode;
pub mod export;
pub mod flags;
pub mod help;
pub mod inference;
pub mod lm;
pub mod program;
pub mod train_model;
pub mod train_tokenizer;
