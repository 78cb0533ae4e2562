//! Training: learning merges from counted pre-tokens.
//!
//! Read [`naive`] first: it defines the result in forty lines. The rest finds the same merges fast:
//!
//! | file | holds |
//! |---|---|
//! | [`counts`] | the pre-tokens of a text and their counts |
//! | `words` | the distinct pre-tokens as sequences of tokens, merged in place |
//! | `pairs` | all pairs of neighbouring tokens with their counts and places |
//! | `queue` | the next pair to merge |
//! | `tokens` | the bytes of the tokens, which break ties |
//! | `learner` | the merge loop |

pub(crate) mod counts;
mod learner;
pub(crate) mod naive;
mod pairs;
mod queue;
mod tokens;
mod words;

use crate::error::{Error, Result};
use crate::train::counts::OnProgress;
use crate::train::counts::pre_token_counts::{PreTokenCounts, TextSummary};
use crate::vocab::Vocab;
use learner::Learner;

/// The size and the special tokens of a vocabulary to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainConfig {
    /// The number of tokens: bytes, special tokens and merges.
    pub vocab_size: usize,
    /// The special tokens. They get the ids from 256, in this order.
    pub special_tokens: Vec<String>,
}

/// The result of training.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The vocabulary: byte b has id b, special tokens follow from 256, then the merges in the
    /// order learned. It is smaller than asked for if no pair was left.
    pub vocab: Vocab,
    /// The size of the training text.
    pub summary: TextSummary,
    /// The number of distinct pre-tokens in it.
    pub distinct: usize,
    /// The number of tokens in it by this vocabulary, special tokens included.
    pub num_tokens: u64,
}

impl Trained {
    /// Returns the bytes per token of the training text, or `None` for a text without tokens.
    pub fn bytes_per_token(&self) -> Option<f64> {
        (self.num_tokens > 0).then(|| self.summary.bytes as f64 / self.num_tokens as f64)
    }
}

impl TrainConfig {
    /// Returns the number of merges to learn.
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

/// Learns a vocabulary from the pre-tokens of a text. Reports each merge to `on_progress`.
///
/// ```
/// use bpe::{Pattern, PreTokenCounter, TrainConfig, train};
/// use std::ops::ControlFlow::Continue;
///
/// let counter = PreTokenCounter::new(&Pattern::gpt2(), &[]);
/// for text in ["low lower", "lowest"] {
///     counter.count_reader(text.as_bytes(), &|_bytes| Continue(()))?;
/// }
/// let config = TrainConfig { vocab_size: 258, special_tokens: vec![] };
/// let trained = train(counter.finish(), &config, &|_merges| Continue(()))?;
/// assert_eq!(trained.vocab.merges(), [(111, 119), (108, 256)]); // "o" + "w", "l" + "ow"
/// assert_eq!((trained.summary.bytes, trained.num_tokens), (15, 9));
/// # Ok::<(), bpe::Error>(())
/// ```
///
/// # Errors
/// As for [`TrainConfig::num_merges`]; [`Error::TooLarge`] for texts that are too large for the
/// types of positions and counts; [`Error::Interrupted`].
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
        if on_progress(1).is_break() {
            return Err(Error::Interrupted);
        }
    }
    let num_tokens = learner.num_tokens() + summary.specials;
    drop(learner);
    let vocab = Vocab::from_merges(merges, &config.special_tokens)?;
    Ok(Trained { vocab, summary, distinct, num_tokens })
}
