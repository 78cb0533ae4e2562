//! Errors of generation and scoring.

use super::sample::SamplingError;

/// An error of [`Generator`](super::Generator) or of [`score`](crate::Transformer::score).
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GenerateError {
    /// There is no token to predict the next one from.
    #[error("the prompt has no tokens; give at least one")]
    EmptyPrompt,
    /// A token is not in the vocabulary.
    #[error(
        "the token id {id} at position {position} is beyond the model's vocabulary of \
         {vocab_size}; the tokenizer is not this model's"
    )]
    UnknownId {
        /// The token.
        id: u32,
        /// Its index.
        position: usize,
        /// The size of the vocabulary.
        vocab_size: usize,
    },
    /// A setting is invalid.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
}

/// Checks that `ids` is not empty and that all are in the vocabulary.
pub(super) fn check_ids(ids: &[u32], vocab_size: usize) -> Result<(), GenerateError> {
    if ids.is_empty() {
        return Err(GenerateError::EmptyPrompt);
    }
    match ids.iter().position(|&id| id as usize >= vocab_size) {
        Some(position) => Err(GenerateError::UnknownId { id: ids[position], position, vocab_size }),
        None => Ok(()),
    }
}
