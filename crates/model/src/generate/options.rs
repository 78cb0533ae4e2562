//! Settings of generation, and the reasons for its end.

use super::sample::Sampling;
use std::fmt;

/// Settings of the generation of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// The choice of the next token.
    pub sampling: Sampling,
    /// The most tokens to generate.
    pub max_tokens: usize,
    /// Tokens that end the text.
    pub stop_ids: Vec<u32>,
    /// The seed of the random numbers.
    pub seed: u64,
    /// The most tokens that are guessed from the text so far and checked in one step; 0 turns it
    /// off. They change the speed and never the text.
    pub speculate: usize,
}

impl Default for GenerateOptions {
    /// Returns the default [`Sampling`], of at most 256 tokens, which no token ends.
    fn default() -> Self {
        let (sampling, stop_ids) = (Sampling::default(), Vec::new());
        Self { sampling, max_tokens: 256, stop_ids, seed: 0, speculate: 0 }
    }
}

/// The reason why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop token was chosen.
    Stop,
    /// `max_tokens` tokens were generated.
    Length,
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Length => "length",
        })
    }
}
