//! Byte-level BPE: training, encoding, decoding and file formats.
//!
//! A text is bytes. Special tokens are found first ([`SpecialTokens`]); what lies between them is
//! cut into pre-tokens ([`Pattern`]); inside a pre-token the pair of neighbouring tokens that was
//! learned first is merged, over and over ([`Vocab`]).
#![deny(unsafe_code)]

mod batch;
mod cache;
mod chunk;
mod classes;
mod count;
mod decode;
mod encode;
mod ends;
mod error;
pub mod formats;
mod ids;
mod key;
mod large_pages;
mod lock;
mod long_cache;
mod merger;
mod merges;
mod neighbours;
mod pattern;
#[allow(unsafe_code)]
mod prefetch;
mod special;
mod split;
mod split_regex;
mod spread;
mod stream;
mod train;
mod train_naive;
mod unicode_tables;
mod vocab;

pub use chunk::{ChunkReader, Cutter};
pub use count::{OnProgress, PreTokenCounter, PreTokenCounts, TextSummary};
pub use decode::StreamDecoder;
pub use encode::{Encoder, Tokenizer};
pub use error::{Error, Result};
pub use ids::TokenId;
pub use merges::merge_naive;
pub use pattern::Pattern;
pub use special::{END_OF_TEXT, Segment, SpecialMatch, SpecialTokens};
pub use split::{GPT2, GPT4};
pub use stream::{StreamOptions, StreamStats};
pub use train::{TrainConfig, Trained, train};
pub use train_naive::learn_merges_naive;
pub use vocab::Vocab;
