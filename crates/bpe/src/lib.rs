//! Byte-level BPE: training, encoding, decoding and file formats.
//!
//! A text is bytes. Special tokens are found first ([`SpecialTokens`]); what lies between them is cut into pre-tokens
//! ([`Pattern`]); inside a pre-token the pair of neighbouring tokens that was learned first is merged, over and over
//! ([`Vocab`]).
#![forbid(unsafe_code)]

mod chunk;
mod classes;
mod count;
mod error;
mod pattern;
mod special;
mod split;
mod split_regex;
mod train;
mod train_naive;
mod unicode_tables;
mod vocab;

pub use chunk::{ChunkReader, Cutter};
pub use count::{OnProgress, PreTokenCounter, PreTokenCounts, TextSummary};
pub use error::{Error, Result};
pub use pattern::Pattern;
pub use special::{Segment, SpecialMatch, SpecialTokens};
pub use split::{GPT2, GPT4};
pub use train::{TrainConfig, Trained, train};
pub use train_naive::learn_merges_naive;
pub use vocab::Vocab;
