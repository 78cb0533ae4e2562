//! Texts and token files, and the batches drawn from them.

pub mod batches;
pub mod dataset;
pub mod digest;
pub mod text_input;
pub mod text_kind;
pub mod tokens;
