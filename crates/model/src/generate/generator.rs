//! One text, as an iterator over its tokens.

use super::batch::{BatchGenerator, Event};
use super::error::GenerateError;
use super::options::{FinishReason, GenerateOptions};
use crate::Transformer;
use std::collections::VecDeque;
use tensor::Context;

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
    /// A batch of one text.
    batch: BatchGenerator<'m>,
    /// Tokens of the last step that were not yet yielded, and what follows them.
    events: VecDeque<Event>,
    step: Vec<Event>,
    finish_reason: Option<FinishReason>,
    has_moved: bool,
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
        let mut batch = BatchGenerator::new(model, ctx);
        batch.add(prompt, options)?;
        let (events, step) = (VecDeque::new(), Vec::new());
        Ok(Self { batch, events, step, finish_reason: None, has_moved: false })
    }

    /// Returns the reason why generation ended; `None` while it continues.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }

    /// Returns `true` if the text is longer than the context, so that the model no longer attends
    /// to its beginning.
    pub fn window_has_moved(&self) -> bool {
        self.has_moved
    }
}

impl Iterator for Generator<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            match self.events.pop_front() {
                Some(Event::Token { id, .. }) => return Some(id),
                Some(Event::Moved { .. }) => self.has_moved = true,
                Some(Event::End { reason, .. }) => self.finish_reason = Some(reason),
                None if self.batch.is_empty() => return None,
                None => {
                    self.batch.step(&mut self.step);
                    self.events.extend(self.step.drain(..));
                }
            }
        }
    }
}

impl std::iter::FusedIterator for Generator<'_> {}
