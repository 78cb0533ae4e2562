//! Errors of generation and scoring.

use super::sample::SamplingError;

/// Why there is nothing to generate or score.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GenerateError {
    /// The model predicts what follows; nothing follows nothing.
    #[error("the prompt has no tokens; give at least one")]
    EmptyPrompt,
    /// A token is not in the vocabulary.
    #[error(
        "the token id {id} at position {position} is beyond the model's vocabulary of {vocab_size}; \
             the tokenizer is not this model's"
    )]
    UnknownId {
        /// The token.
        id: u32,
        /// Its index.
        position: usize,
        /// The size of the vocabulary.
        vocab_size: usize,
    },
    /// A setting makes no sense.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
}

/// Checks that there are ids and that all are in the vocabulary.
pub(super) fn check_ids(ids: &[u32], vocab_size: usize) -> Result<(), GenerateError> {
    if ids.is_empty() {
        return Err(GenerateError::EmptyPrompt);
    }
    match ids.iter().position(|&id| id as usize >= vocab_size) {
        Some(position) => Err(GenerateError::UnknownId { id: ids[position], position, vocab_size }),
        None => Ok(()),
    }
}
