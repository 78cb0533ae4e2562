//! Learning merges from counted pre-tokens; `train_naive.rs` says what they are, this finds the
//! same ones fast.

pub(crate) mod counts;
mod learner;
pub(crate) mod naive;
mod pairs;
mod queue;
mod tokens;
mod words;

use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::train::counts::OnProgress;
use crate::train::counts::pre_token_counts::{PreTokenCounts, TextSummary};
use crate::vocab::Vocab;
use learner::Learner;

/// What to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainConfig {
    /// Bytes + special tokens + merges.
    pub vocab_size: usize,
    /// Ids from 256, in this order.
    pub special_tokens: Vec<String>,
}

/// What was learned.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Byte b has id b, special tokens follow from 256, then the merges in the order learned.
    /// Smaller than asked for if no pair was left.
    pub vocab: Vocab,
    /// What the training text amounts to.
    pub summary: TextSummary,
    /// How many distinct pre-tokens it has.
    pub distinct: usize,
    /// Tokens that the training text becomes with this vocabulary, special tokens included.
    pub num_tokens: u64,
}

impl Trained {
    /// Bytes of the training text over its tokens; `None` for a text without any.
    pub fn bytes_per_token(&self) -> Option<f64> {
        (self.num_tokens > 0).then(|| self.summary.bytes as f64 / self.num_tokens as f64)
    }
}

impl TrainConfig {
    /// How many merges to learn.
    ///
    /// # Errors
    /// [`Error::VocabSizeTooSmall`] for a vocabulary without room for bytes and special tokens,
    /// [`Error::Vocab`] for special tokens that are empty, single bytes, or given twice.
    pub fn num_merges(&self) -> Result<usize> {
        let num_specials = self.special_tokens.len();
        // A vocabulary of bytes and special tokens alone shows whether they go together.
        Vocab::from_merges(Vec::new(), &self.special_tokens)?;
        self.vocab_size.checked_sub(256 + num_specials).ok_or(Error::VocabSizeTooSmall {
            vocab_size: self.vocab_size,
            special_tokens: num_specials,
        })
    }
}

/// Learns a vocabulary from the pre-tokens of a text. `on_progress` is told of merges.
///
/// # Errors
/// As for [`TrainConfig::num_merges`]; [`Error::TooLarge`] for texts beyond what positions and
/// memory allow; [`Error::Interrupted`].
pub fn train(
    counts: PreTokenCounts,
    config: &TrainConfig,
    on_progress: OnProgress,
) -> Result<Trained> {
    let num_merges = config.num_merges()?;
    let (summary, distinct) = (counts.summary(), counts.len());
    let mut learner = Learner::new(&counts, config.special_tokens.len())?;
    drop(counts);
    let mut merges = Vec::new();
    while merges.len() < num_merges {
        let Some(pair) = learner.step()? else { break };
        merges.push(pair);
        if let ControlFlow::Break(()) = on_progress(1) {
            return Err(Error::Interrupted);
        }
    }
    let num_tokens = learner.num_tokens() + summary.specials;
    drop(learner);
    let vocab = Vocab::from_merges(merges, &config.special_tokens)?;
    Ok(Trained { vocab, summary, distinct, num_tokens })
}
