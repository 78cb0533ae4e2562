//! Generation of token ids, one after the other. It knows nothing of text.
//!
//! The model attends to a window of its text: everything, until the context is full. For a prompt
//! longer than the context the window begins with the last tokens that fit. A full window moves on
//! to the newest half of its tokens, which are read again from position 0. That costs one pass over
//! half a context per half a context generated, and the window never has less than half a context.

mod error;
pub mod sample;
mod score;

pub use error::GenerateError;

use crate::{KvCache, Transformer};
use error::check_ids;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sample::Sampling;
use std::collections::BTreeSet;
use std::fmt;
use tensor::Context;

/// Settings of a [`Generator`].
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
}

impl Default for GenerateOptions {
    /// Returns the default [`Sampling`], of at most 256 tokens, which no token ends.
    fn default() -> Self {
        Self { sampling: Sampling::default(), max_tokens: 256, stop_ids: Vec::new(), seed: 0 }
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

/// An iterator over the tokens with which a model continues a prompt. A stop token ends it and is
/// not yielded.
///
/// ```
/// use model::{FinishReason, GenerateOptions, Generator, ModelConfig, Transformer};
/// use tensor::Context;
///
/// let shape = ModelConfig { vocab_size: 10, d_model: 16, num_heads: 2, ..Default::default() };
/// let model = Transformer::new(ModelConfig { num_layers: 1, d_ff: 24, ..shape }, 0)?;
/// let options = GenerateOptions { max_tokens: 20, stop_ids: vec![9], ..Default::default() };
/// let mut generator = Generator::new(&model, Context::detect(), &[1, 2], &options)?;
/// let ids: Vec<u32> = generator.by_ref().collect();
/// match generator.finish_reason() {
///     Some(FinishReason::Length) => assert_eq!(ids.len(), 20),
///     Some(FinishReason::Stop) => assert!(!ids.contains(&9)),
///     None => unreachable!("the iterator has ended"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Generator<'m> {
    model: &'m Transformer,
    ctx: Context,
    sampling: Sampling,
    stop_ids: BTreeSet<u32>,
    rng: ChaCha8Rng,
    /// The prompt and what was generated.
    tokens: Vec<u32>,
    /// The distinct ids of `tokens`, for the repetition penalty.
    seen: BTreeSet<u32>,
    /// The index in `tokens` of the first one that the model attends to.
    window_start: usize,
    cache: KvCache,
    /// The number of tokens that may still be generated.
    left: usize,
    finish_reason: Option<FinishReason>,
}

impl<'m> Generator<'m> {
    /// Prepares to continue `prompt`; nothing is computed yet.
    ///
    /// # Errors
    /// If the prompt is empty, an id is not in the vocabulary, or a setting is invalid.
    pub fn new(
        model: &'m Transformer,
        ctx: Context,
        prompt: &[u32],
        options: &GenerateOptions,
    ) -> Result<Self, GenerateError> {
        let config = model.config();
        check_ids(prompt, config.vocab_size)?;
        options.sampling.validate()?;
        Ok(Self {
            model,
            ctx,
            sampling: options.sampling,
            stop_ids: options.stop_ids.iter().copied().collect(),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            tokens: prompt.to_vec(),
            seen: prompt.iter().copied().collect(),
            window_start: prompt.len().saturating_sub(config.context_length),
            cache: KvCache::new(config),
            left: options.max_tokens,
            finish_reason: (options.max_tokens == 0).then_some(FinishReason::Length),
        })
    }

    /// Returns the reason why generation ended; `None` while it continues.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }

    /// Returns `true` if the text is longer than the context, so that the model no longer attends
    /// to its beginning.
    pub fn window_has_moved(&self) -> bool {
        self.window_start > 0
    }
}

/// Returns the next start of the window for a text of `len` tokens, if it is `start` now.
pub(crate) fn next_window_start(start: usize, len: usize, context_length: usize) -> usize {
    if len - start <= context_length { start } else { len - (context_length / 2).max(1) }
}

impl Iterator for Generator<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.finish_reason.is_some() {
            return None;
        }
        let context_length = self.model.config().context_length;
        let start = next_window_start(self.window_start, self.tokens.len(), context_length);
        if start != self.window_start {
            self.window_start = start;
            self.cache.clear();
        }
        let unread = &self.tokens[self.window_start + self.cache.len()..];
        let mut logits = self.model.next_logits(self.ctx, unread, &mut self.cache);
        let seen = self.seen.iter().copied();
        let id = sample::choose(logits.as_mut_slice(), seen, &self.sampling, &mut self.rng);
        if self.stop_ids.contains(&id) {
            self.finish_reason = Some(FinishReason::Stop);
            return None;
        }
        self.tokens.push(id);
        self.seen.insert(id);
        self.left -= 1;
        if self.left == 0 {
            self.finish_reason = Some(FinishReason::Length);
        }
        Some(id)
    }
}

impl std::iter::FusedIterator for Generator<'_> {}

#[cfg(test)]
mod tests;
