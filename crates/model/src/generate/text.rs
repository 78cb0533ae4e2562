//! The state of one text that is being generated: its window, its choices, its end. Each text has
//! its own, whatever is generated beside it.

use super::drafts::Drafts;
use super::error::{GenerateError, check_ids};
use super::options::{FinishReason, GenerateOptions};
use super::sampler::Sampler;
use crate::ModelConfig;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use tensor::Kernels;

/// A text that is being generated.
pub(super) struct Text {
    sampler: Sampler,
    stop_ids: BTreeSet<u32>,
    rng: ChaCha8Rng,
    /// The tokens that the model attends to, and the last one, which it has not yet read.
    window: Vec<u32>,
    context_length: usize,
    /// The tokens of the text, for the repetition penalty.
    seen: Seen,
    /// The number of tokens that may still be generated.
    left: usize,
    drafts: Drafts,
    /// Nothing has been read yet.
    is_new: bool,
    has_moved: bool,
    finish_reason: Option<FinishReason>,
}

/// The part of a window that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The whole window, as a prompt is read.
    Prompt,
    /// Its last token.
    Token,
}

/// The distinct tokens of a text.
struct Seen {
    ids: Vec<u32>,
    /// `true` for each token of the vocabulary that is one of them; empty where nobody asks.
    is_seen: Vec<bool>,
}

impl Seen {
    fn add(&mut self, id: u32) {
        if let Some(is_seen) = self.is_seen.get_mut(id as usize)
            && !std::mem::replace(is_seen, true)
        {
            self.ids.push(id);
        }
    }
}

/// Returns the number of tokens that stay in a window of `len`: all until the context is full, and
/// then the newest half.
pub(super) fn kept(len: usize, context_length: usize) -> usize {
    if len <= context_length { len } else { (context_length / 2).max(1) }
}

impl Text {
    /// Begins to continue `prompt`.
    ///
    /// # Errors
    /// If the prompt is empty, an id is not in the vocabulary, or a setting is invalid.
    pub(super) fn new(
        config: &ModelConfig,
        prompt: &[u32],
        options: &GenerateOptions,
    ) -> Result<Self, GenerateError> {
        let &ModelConfig { vocab_size, context_length, .. } = config;
        let GenerateOptions { sampling, max_tokens, ref stop_ids, seed, speculate } = *options;
        check_ids(prompt, vocab_size)?;
        sampling.validate()?;
        // All memory that tokens will need is allocated here.
        let begin = &prompt[prompt.len().saturating_sub(context_length)..];
        let mut window = Vec::with_capacity(
            begin.len().saturating_add(max_tokens).min(context_length) + 1 + speculate,
        );
        window.extend_from_slice(begin);
        let penalized = if sampling.repetition_penalty == 1.0 { 0 } else { vocab_size };
        let mut seen = Seen { ids: Vec::with_capacity(penalized), is_seen: vec![false; penalized] };
        prompt.iter().for_each(|&id| seen.add(id));
        Ok(Self {
            sampler: Sampler::new(sampling, vocab_size),
            stop_ids: stop_ids.iter().copied().collect(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            window,
            context_length,
            seen,
            left: max_tokens,
            drafts: Drafts::new(speculate),
            is_new: true,
            has_moved: prompt.len() > context_length,
            finish_reason: (max_tokens == 0).then_some(FinishReason::Length),
        })
    }

    /// Returns the reason why the text ended; `None` while it continues.
    pub(super) fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }

    /// Returns `true` if the model no longer attends to the beginning of the text.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Moves the window on if it is longer than the context. Returns what is to be read next.
    pub(super) fn move_window(&mut self) -> Reading {
        let len = self.window.len();
        let kept = kept(len, self.context_length);
        if kept < len {
            self.window.drain(..len - kept);
            self.has_moved = true;
        }
        match std::mem::take(&mut self.is_new) || kept < len {
            true => Reading::Prompt,
            false => Reading::Token,
        }
    }

    /// Returns the tokens that the model attends to, and the last one, which it has not yet read.
    pub(super) fn window(&self) -> &[u32] {
        &self.window
    }

    /// Sets `ids` to the last token, which is the next to be read, and drafts of what may follow.
    pub(super) fn next_ids(&mut self, ids: &mut Vec<u32>) {
        let len = self.window.len();
        ids.clear();
        ids.push(self.window[len - 1]);
        let room = (self.context_length - len).min(self.left - 1);
        self.drafts.propose(&self.window, room, ids);
    }

    /// Returns the number of tokens of the window that are read and right.
    pub(super) fn positions(&self) -> usize {
        self.window.len() - 1
    }

    /// Chooses tokens from the logits (N, V) that follow the last token and N − 1 drafts, and
    /// appends them to `chosen`: one more than there are right drafts before the first wrong one.
    pub(super) fn choose(
        &mut self,
        kernels: &Kernels,
        logits: &[f32],
        drafts: &[u32],
        chosen: &mut Vec<u32>,
    ) {
        let rows = logits.chunks_exact(logits.len() / (drafts.len() + 1));
        let mut right = 0;
        for (row, draft) in rows.zip(drafts.iter().map(Some).chain([None])) {
            let seen = self.seen.ids.iter().copied();
            let id = self.sampler.choose(kernels, row, seen, &mut self.rng);
            if self.stop_ids.contains(&id) {
                self.finish_reason = Some(FinishReason::Stop);
                break;
            }
            chosen.push(id);
            self.window.push(id);
            self.seen.add(id);
            self.left -= 1;
            if self.left == 0 {
                self.finish_reason = Some(FinishReason::Length);
                break;
            }
            if draft != Some(&id) {
                break;
            }
            right += 1;
        }
        if !drafts.is_empty() {
            self.drafts.learn(drafts.len(), right);
        }
    }
}
