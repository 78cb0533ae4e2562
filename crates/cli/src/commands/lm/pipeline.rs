//! The programs that can be called by their own names too, in the order of the pipeline.

use crate::commands::program::Program;
use crate::commands::{encode, inference, train_model, train_tokenizer};

/// The programs.
pub const PIPELINE: [&Program; 4] =
    [&train_tokenizer::PROGRAM, &encode::PROGRAM, &train_model::PROGRAM, &inference::PROGRAM];

/// Returns the program of a name.
pub fn find(name: &str) -> Option<&'static Program> {
    PIPELINE.into_iter().find(|program| program.name == name)
}
